//! Where the server listens, who may use it, and where results lie.

use lb_core::secret::Secret;
use lb_listen::Gate;
use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;

/// How the server is set up.
pub struct Options {
    /// The address to listen on.
    pub listen: IpAddr,
    /// The port; 0 for any free one.
    pub port: u16,
    /// Names under which the page may be called, besides addresses of this machine.
    pub hosts: Vec<String>,
    /// Who may use the page.
    pub access: Access,
    /// The folder of results.
    pub results: PathBuf,
    /// Called with what the user on the terminal should know.
    pub tell: Box<dyn Fn(&str)>,
}

/// Who may use the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Whoever reaches the port.
    Everybody,
    /// Who knows a user and a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// Who knows a token.
    Token(Secret),
}

/// Why the server cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings make no sense, or are not safe.
    #[error("{0}")]
    Settings(String),
    /// The address cannot be listened on.
    #[error("{0}")]
    Listen(String),
}

/// A port that is bound, and answers as soon as the server runs.
#[derive(Debug)]
pub struct Bound {
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
    pub(crate) gate: Gate,
    pub(crate) options: Options,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("listen", &self.listen)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Access {
    /// Reads `user:password`.
    ///
    /// # Errors
    /// The text has no user or no password. It is not repeated in the error.
    pub fn password(text: &str) -> Result<Self, StartError> {
        match text.split_once(':') {
            Some((user, password)) if !user.is_empty() && !password.is_empty() => {
                Ok(Self::Password { user: user.to_owned(), password: Secret::new(password) })
            }
            _ => Err(StartError::Settings(
                "--web-auth: this is not a user and a password; write `user:password`".to_owned(),
            )),
        }
    }

    /// Reads a token, without the white space around it.
    ///
    /// # Errors
    /// The token is too short to be a secret.
    pub fn token(text: &str) -> Result<Self, StartError> {
        const SHORTEST: usize = 16;
        let token = text.trim();
        if token.len() < SHORTEST || token.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(StartError::Settings(format!(
                "the token for the page must have at least {SHORTEST} characters on one line; `openssl rand -hex 32` makes one"
            )));
        }
        Ok(Self::Token(Secret::new(token)))
    }
}

impl Options {
    /// Binds the port.
    ///
    /// # Errors
    /// The settings are not safe, or the address cannot be listened on. Both say what to do instead.
    pub fn bind(self) -> Result<Bound, StartError> {
        if !self.listen.to_canonical().is_loopback() && self.access == Access::Everybody {
            return Err(StartError::Settings(format!(
                "--web-listen {}: whoever reaches this address could start load on any target; add `--web-auth user:password` or \
                 `--web-token-file FILE`, or listen on 127.0.0.1",
                self.listen
            )));
        }
        if self.results.exists() && !self.results.is_dir() {
            return Err(StartError::Settings(format!(
                "--results {}: this is not a folder; name one, which need not exist yet",
                self.results.display()
            )));
        }
        let wanted = SocketAddr::new(self.listen, self.port);
        let failed = |error: std::io::Error| StartError::Listen(explain(wanted, &error));
        let listener = TcpListener::bind(wanted).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let gate = Gate::new("--web-host", &self.hosts)
            .map_err(|error| StartError::Settings(error.to_string()))?
            .bound_to(address);
        Ok(Bound { listener, address, gate, options: self })
    }
}

impl Bound {
    /// Returns the address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn explain(address: SocketAddr, error: &std::io::Error) -> String {
    let port = address.port();
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "port {port} is already in use on {}, perhaps by another page of `bench ui`; choose another one with `--web-port`, \
             such as `--web-port {}`, or any free one with `--web-port 0`",
            address.ip(),
            port.checked_add(1).unwrap_or(8089)
        ),
        ErrorKind::AddrNotAvailable => {
            format!(
                "--web-listen {}: this machine has no such address; use 127.0.0.1 or one of its own",
                address.ip()
            )
        }
        ErrorKind::PermissionDenied => {
            format!(
                "port {port} needs privileges; choose one above 1023 with `--web-port`, such as `--web-port 8089`"
            )
        }
        _ => format!("failed to listen on {address}: {error}; choose another port with `--web-port`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(listen: &str, port: u16, access: Access) -> Options {
        Options {
            listen: listen.parse().expect("an address"),
            port,
            hosts: Vec::new(),
            access,
            results: PathBuf::from("results"),
            tell: Box::new(|_| {}),
        }
    }

    #[test]
    fn others_may_reach_the_page_only_with_a_secret() {
        let error = options("0.0.0.0", 0, Access::Everybody).bind().expect_err("open to all").to_string();
        assert!(error.contains("--web-auth") && error.contains("--web-token-file"), "{error}");
        let access = Access::password("ann:secret:with:colons").expect("a password");
        assert!(options("0.0.0.0", 0, access).bind().is_ok());
        assert!(options("127.0.0.1", 0, Access::Everybody).bind().is_ok());
    }

    #[test]
    fn a_port_in_use_is_named_with_the_way_out() {
        let first = options("127.0.0.1", 0, Access::Everybody).bind().expect("a free port");
        let port = first.address().port();
        let error =
            options("127.0.0.1", port, Access::Everybody).bind().expect_err("it is in use").to_string();
        assert!(
            error.contains(&format!("port {port} is already in use")) && error.contains("--web-port"),
            "{error}"
        );
    }

    #[test]
    fn results_need_a_folder() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let options =
            Options { results: file.path().to_owned(), ..options("127.0.0.1", 0, Access::Everybody) };
        let error = options.bind().expect_err("it is a file").to_string();
        assert!(error.contains("--results") && error.contains("not a folder"), "{error}");
    }

    #[test]
    fn secrets_are_checked_and_never_repeated() {
        for text in ["", "nocolon", ":password", "user:"] {
            let error = Access::password(text).expect_err(text).to_string();
            assert!(error.contains("user:password"), "{error}");
        }
        let error = Access::token("hunter2").expect_err("too short").to_string();
        assert!(!error.contains("hunter2"), "{error}");
        assert!(Access::token("0123456789abcdef\n").is_ok());
        let shown = format!("{:?}", Access::password("ann:secret").expect("a password"));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
