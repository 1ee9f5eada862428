//! HAProxy's stats socket. Each command uses a new connection: it sends one line, and reads text until
//! HAProxy closes the connection.

use crate::error::AdminError;
use lb_core::plain;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// The number of characters of an unexpected answer that an error quotes.
const QUOTED: usize = 160;

const WAY_IN: &str = "run `bench` as a user or group that may write to the socket (`mode`, `user` and `group` of its `stats socket`)";

#[derive(Debug)]
enum Place {
    Unix(PathBuf),
    Tcp(String),
}

/// The address at which HAProxy accepts commands.
#[derive(Debug)]
pub(super) struct Socket {
    place: Place,
    name: String,
    limit: Duration,
}

impl Socket {
    /// Parses the address of a socket: a path (also `unix:/path`) or `tcp:host:port`.
    pub(super) fn new(address: &str, limit: Duration) -> Result<Self, AdminError> {
        let place = match address.strip_prefix("tcp:") {
            Some(host) if host.contains(':') => Place::Tcp(host.to_owned()),
            _ => {
                let path = PathBuf::from(address.strip_prefix("unix:").unwrap_or(address));
                if !path.is_absolute() {
                    return Err(AdminError::BadAddress {
                        url: address.to_owned(),
                        reason: "is neither the absolute path of a stats socket nor `tcp:host:port`"
                            .to_owned(),
                    });
                }
                Place::Unix(path)
            }
        };
        Ok(Self { place, name: address.to_owned(), limit })
    }

    /// Returns the address as it was given.
    pub(super) fn place(&self) -> &str {
        &self.name
    }

    /// Sends one command and returns the reply.
    pub(super) async fn ask(&self, command: &str) -> Result<String, AdminError> {
        // A name with a line end would end the command and begin another.
        if command.contains(|c: char| c.is_control()) {
            return Err(AdminError::BadValue {
                what: "send a command to HAProxy's socket",
                reason: format!(
                    "`{}` has a control character, which names of pools and backends may not have",
                    plain::line(command)
                ),
            });
        }
        let exchange = async {
            match &self.place {
                Place::Unix(path) => talk(UnixStream::connect(path).await?, command).await,
                Place::Tcp(host) => talk(TcpStream::connect(host).await?, command).await,
            }
        };
        let unreachable = |reason: String| AdminError::Unreachable { url: self.name.clone(), reason };
        match timeout(self.limit, exchange).await {
            Ok(Ok(text)) => {
                tracing::debug!(command, bytes = text.len(), "HAProxy");
                Ok(text)
            }
            Ok(Err(error)) if error.kind() == ErrorKind::PermissionDenied => {
                Err(AdminError::Denied { place: self.name.clone(), way_out: WAY_IN })
            }
            Ok(Err(error)) => Err(unreachable(error.to_string())),
            Err(_) => Err(unreachable("it did not answer in time".to_owned())),
        }
    }

    /// Returns the error for an answer that is not part of the protocol.
    pub(super) fn unexpected(&self, expected: &'static str, said: &str) -> AdminError {
        AdminError::BadValue {
            what: "understand HAProxy's socket",
            reason: format!(
                "{} answered `{}`, expected {expected}; is this HAProxy's stats socket?",
                self.name,
                plain::line(&said.trim().chars().take(QUOTED).collect::<String>())
            ),
        }
    }
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, command: &str) -> std::io::Result<String> {
    stream.write_all(format!("{command}\n").as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
