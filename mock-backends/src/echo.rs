//! A WebSocket that sends every message back (RFC 6455), to test how load balancers pass on upgraded connections.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderMap;
use http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// The path, also below a service.
pub(crate) const PATH: &str = "/ws/echo";
/// The only version of the protocol.
pub(crate) const VERSION: HeaderValue = HeaderValue::from_static("13");

/// The largest message in bytes; a larger one ends the connection.
const LARGEST: usize = 1 << 20;
/// Time that a client has to take a message.
const PATIENCE: Duration = Duration::from_secs(30);

/// Checks a handshake and returns the value of `Sec-WebSocket-Accept`; the error says what is wrong.
pub(crate) fn accept(headers: &HeaderMap) -> Result<HeaderValue, &'static str> {
    let names = |header, word: &str| {
        let values =
            headers.get_all(header).into_iter().filter_map(|value: &HeaderValue| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    if !names(UPGRADE, "websocket") || !names(CONNECTION, "upgrade") {
        return Err("this is a WebSocket; send `Connection: Upgrade` and `Upgrade: websocket`");
    }
    if headers.get(SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
        return Err("Sec-WebSocket-Version must be 13");
    }
    // A key is 16 bytes in Base64.
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24 && key.as_bytes().ends_with(b"=="));
    let accepted = key.map(|key| HeaderValue::try_from(derive_accept_key(key.as_bytes())));
    accepted.and_then(Result::ok).ok_or("Sec-WebSocket-Key must be 16 bytes in Base64")
}

/// Sends messages back until the client closes the connection, breaks the protocol, sends nothing for `idle`, or does
/// not take what it gets. `rest` is what it sent behind its handshake.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, rest: Bytes, idle: Duration) {
    let config = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
    let mut socket =
        WebSocketStream::from_partially_read(stream, rest.to_vec(), Role::Server, Some(config)).await;
    // Pings and the closing handshake are answered while the next message is awaited.
    while let Ok(Some(Ok(message))) = timeout(idle, socket.next()).await {
        let is_data = message.is_text() || message.is_binary();
        if is_data && !matches!(timeout(PATIENCE, socket.send(message)).await, Ok(Ok(()))) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(pairs: &[(&'static str, &'static str)]) -> Result<HeaderValue, &'static str> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        accept(&headers)
    }

    /// The handshake of RFC 6455, section 1.3.
    const RIGHT: [(&str, &str); 4] = [
        ("upgrade", "WebSocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    #[test]
    fn a_handshake_is_answered_as_the_standard_shows() {
        assert_eq!(handshake(&RIGHT), Ok(HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
    }

    #[test]
    fn what_is_no_handshake_is_told_what_is_missing() {
        for (part, said) in [(0, "Upgrade: websocket"), (1, "Connection: Upgrade"), (2, "13"), (3, "Key")] {
            let mut pairs = RIGHT.to_vec();
            pairs.remove(part);
            let problem = handshake(&pairs).expect_err("a part is missing");
            assert!(problem.contains(said), "{problem}");
        }
    }
}
