//! One question to a server: what status does it give this page? Asked again and again, it tells when a server that
//! is still starting is ready. With a document, it tells the server something.

use crate::preflight::{Unreachable, look_up};
use crate::survey::{Look, first_path};
use crate::target::Target;
use crate::tls::TlsOptions;
use std::io;
use std::time::Duration;

/// Sends one `GET` to `url` over a connection of its own and returns the status of the reply. Each step may take
/// `limit`.
///
/// # Errors
/// When the name does not resolve, the server does not accept the connection, or there is no reply in time.
pub async fn ask(url: &str, tls: &TlsOptions, limit: Duration) -> Result<u16, Unreachable> {
    send(url, tls, limit, None).await
}

/// Sends one `POST` with a JSON document to `url` over a connection of its own, and returns the status of the reply. Each step
/// may take `limit`.
///
/// # Errors
/// When the name does not resolve, the server does not accept the connection, or there is no reply in time.
pub async fn post(url: &str, tls: &TlsOptions, limit: Duration, json: &str) -> Result<u16, Unreachable> {
    send(url, tls, limit, Some(json)).await
}

async fn send(url: &str, tls: &TlsOptions, limit: Duration, json: Option<&str>) -> Result<u16, Unreachable> {
    let target = Target::read(url)?;
    let addresses = look_up(&target, limit).await?;
    let path = first_path(&target, None);
    let look = Look { target: &target, tls, limit, path: &path, json };
    let listed = || addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut refused = None;
    for address in &addresses {
        if let Some(reply) = look.ask(*address).await? {
            return Ok(reply.status);
        }
        match look.connect(*address).await {
            Ok(_) => return Err(Unreachable::NoAnswer { addresses: address.to_string(), limit }),
            Err(why) => refused = Some(why),
        }
    }
    let why = refused.unwrap_or_else(|| io::Error::other("it has no address"));
    Err(match why.kind() {
        io::ErrorKind::ConnectionRefused => Unreachable::Refused { addresses: listed() },
        io::ErrorKind::TimedOut => Unreachable::NoAnswer { addresses: listed(), limit },
        _ => Unreachable::Connect { addresses: listed(), why },
    })
}
