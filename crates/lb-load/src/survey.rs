//! A look at a target before a run: which addresses it has, which protocols it speaks, whose certificate it shows, and
//! what its replies are like. Every question is asked on a connection of its own, and there are only a few of them.

use crate::certificate::{CertificateFacts, facts};
use crate::preflight::{Unreachable, look_up};
use crate::target::Target;
use crate::tls::{Connector, TlsOptions};
use lb_core::connections::HttpChoice;
use lb_core::framing::{LONGEST_HEAD, MOST_FIELDS};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The protocols of HTTP that are offered by ALPN.
const PROTOCOLS: [&str; 2] = ["h2", "http/1.1"];
/// The number of addresses that are tried: a name with more of them is one of a service with plenty.
const MOST_ADDRESSES: usize = 8;
/// How a connection of HTTP/2 begins, with an empty frame of settings (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// What a look at a target found.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The addresses of the host, each with the reason why it does not accept connections, if it does not. At most
    /// eight are tried.
    pub addresses: Vec<(SocketAddr, Option<String>)>,
    /// How TLS is spoken; `None` without TLS.
    pub tls: Option<TlsFacts>,
    /// Whether HTTP/2 is spoken: chosen by ALPN, or without TLS by prior knowledge.
    pub http2: bool,
    /// The path that was requested.
    pub path: String,
    /// The replies, in the order of the requests. Requests without a reply are missing.
    pub replies: Vec<SurveyedReply>,
    /// The number of requests that were sent.
    pub requests: usize,
}

/// How TLS is spoken.
#[derive(Clone, Debug)]
pub struct TlsFacts {
    /// The version, such as `TLSv1_3`.
    pub version: String,
    /// The cipher suite, such as `TLS13_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// Whether the server agrees on HTTP/1.1 by ALPN; `None` if it does not take part in ALPN.
    pub http1_by_alpn: Option<bool>,
    /// The server's certificate.
    pub certificate: CertificateFacts,
}

/// The head of a reply.
#[derive(Clone, Debug)]
pub struct SurveyedReply {
    /// The status.
    pub status: u16,
    /// The names of the headers in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// Whether the connection can carry another request.
    pub keeps_open: bool,
    /// When the reply arrived.
    pub arrived: jiff::Timestamp,
}

impl SurveyedReply {
    /// Returns the values of all headers of this name, which is in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of the first header of this name, which is in lower case.
    pub fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }
}

/// Looks at the target at `url` with `requests` requests, each on a connection of its own, for `page` below the path of
/// the URL, or for that path. Each step may take `limit`.
///
/// # Errors
/// When the name does not resolve, or TLS cannot be spoken as the options ask. What an address or a request comes
/// to is in the survey.
pub async fn survey(
    url: &str,
    page: Option<&str>,
    tls: &TlsOptions,
    limit: Duration,
    requests: usize,
) -> Result<Survey, Unreachable> {
    let target = Target::read(url)?;
    let mut addresses = look_up(&target, limit).await?;
    addresses.truncate(MOST_ADDRESSES);
    let path = first_path(&target, page);
    let look = Look { target: &target, tls, limit, path: &path, json: None };
    let mut found = Vec::with_capacity(addresses.len());
    for address in addresses {
        found.push((address, look.connect(address).await.err().map(|error| error.to_string())));
    }
    let open: Vec<SocketAddr> =
        found.iter().filter(|(_, fault)| fault.is_none()).map(|(address, _)| *address).collect();
    let mut survey = Survey {
        addresses: found,
        tls: None,
        http2: false,
        path: path.clone(),
        replies: Vec::new(),
        requests,
    };
    let Some(first) = open.first().copied() else { return Ok(survey) };
    if target.is_secure() {
        survey.tls = look.secured(first, &PROTOCOLS[1..]).await?.map(|(facts, _)| facts);
        survey.http2 = look.secured(first, &PROTOCOLS).await?.is_some_and(|(_, chosen)| chosen);
    } else {
        survey.http2 = look.has_prior_knowledge(first).await.unwrap_or(false);
    }
    for (_, address) in (0..requests).zip(open.iter().cycle()) {
        survey.replies.extend(look.ask(*address).await?);
    }
    Ok(survey)
}

/// Returns the path to request: `page` below the path of the target, or that path.
pub(crate) fn first_path(target: &Target, page: Option<&str>) -> String {
    match format!("{}{}", target.prefix, page.unwrap_or_default()) {
        path if path.is_empty() => "/".to_owned(),
        path => path,
    }
}

/// What is looked at, and how.
pub(crate) struct Look<'a> {
    pub(crate) target: &'a Target,
    pub(crate) tls: &'a TlsOptions,
    pub(crate) limit: Duration,
    pub(crate) path: &'a str,
    /// A document to send; `None` asks for the page.
    pub(crate) json: Option<&'a str>,
}

impl Look<'_> {
    pub(crate) async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let connected = timeout(self.limit, TcpStream::connect(address)).await;
        connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Returns how to open TLS with these protocols on offer.
    fn connector(&self, protocols: &[&str]) -> Result<Option<Connector>, Unreachable> {
        let Some(name) = self.target.server_name().filter(|_| self.target.is_secure()) else {
            return Ok(None);
        };
        let mut config = self.tls.config(self.tls.verifier()?, HttpChoice::One)?;
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Some(Connector::new(config, name)))
    }

    /// Opens TLS, and returns what was agreed on, and whether that is HTTP/2. `None` if the handshake fails.
    async fn secured(
        &self,
        address: SocketAddr,
        protocols: &[&str],
    ) -> Result<Option<(TlsFacts, bool)>, Unreachable> {
        let Some(connector) = self.connector(protocols)? else { return Ok(None) };
        let Ok(stream) = self.connect(address).await else { return Ok(None) };
        let Ok(Ok((stream, _))) = timeout(self.limit, connector.open(stream)).await else { return Ok(None) };
        let session = stream.get_ref().1;
        let chosen = session.alpn_protocol();
        let facts = TlsFacts {
            version: session.protocol_version().map(|version| format!("{version:?}")).unwrap_or_default(),
            cipher: session
                .negotiated_cipher_suite()
                .map(|suite| format!("{:?}", suite.suite()))
                .unwrap_or_default(),
            http1_by_alpn: chosen.map(|name| name == b"http/1.1"),
            certificate: session.peer_certificates().and_then(<[_]>::first).map(facts).unwrap_or_default(),
        };
        Ok(Some((facts, chosen == Some(b"h2"))))
    }

    /// Returns whether a plain server answers the preface of HTTP/2 with a frame of settings.
    async fn has_prior_knowledge(&self, address: SocketAddr) -> io::Result<bool> {
        const SETTINGS: u8 = 0x04;
        let mut stream = self.connect(address).await?;
        let exchange = async {
            stream.write_all(PREFACE).await?;
            let mut frame = [0; 9];
            stream.read_exact(&mut frame).await?;
            Ok(frame[3] == SETTINGS)
        };
        timeout(self.limit, exchange).await.unwrap_or(Ok(false))
    }

    /// Sends one request, and reads the head of its reply. `None` if there is none.
    pub(crate) async fn ask(&self, address: SocketAddr) -> Result<Option<SurveyedReply>, Unreachable> {
        let connector = self.connector(&PROTOCOLS[1..])?;
        let Ok(stream) = self.connect(address).await else { return Ok(None) };
        Ok(match connector {
            None => self.exchange(stream).await.ok().flatten(),
            Some(connector) => match timeout(self.limit, connector.open(stream)).await {
                Ok(Ok((stream, _))) => self.exchange(stream).await.ok().flatten(),
                _ => None,
            },
        })
    }

    async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: S,
    ) -> io::Result<Option<SurveyedReply>> {
        let Target { host, credentials, .. } = self.target;
        let authorization = credentials
            .as_ref()
            .map_or_else(String::new, |known| format!("authorization: {}\r\n", known.authorization.reveal()));
        let path = self.path;
        let request = match self.json {
            None => format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{authorization}\r\n"),
            Some(json) => format!(
                "POST {path} HTTP/1.1\r\nhost: {host}\r\n{authorization}content-type: application/json\r\ncontent-length: {}\r\n\r\n{json}",
                json.len()
            ),
        };
        let exchange = async {
            stream.write_all(request.as_bytes()).await?;
            stream.flush().await?;
            let mut head = Vec::new();
            while head.len() < LONGEST_HEAD {
                if let Some(reply) = read_head(&head) {
                    return Ok(Some(reply));
                }
                if stream.read_buf(&mut head).await? == 0 {
                    break;
                }
            }
            Ok(read_head(&head))
        };
        timeout(self.limit, exchange).await.unwrap_or(Ok(None))
    }
}

/// Reads the head of a final reply; `None` while it is incomplete, or if it is not HTTP.
fn read_head(mut bytes: &[u8]) -> Option<SurveyedReply> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(length) = response.parse(bytes).ok()? else { return None };
        let status = response.code?;
        if (100..200).contains(&status) {
            bytes = &bytes[length..];
            continue;
        }
        let headers: Vec<(String, String)> = response
            .headers
            .iter()
            .map(|field| (field.name.to_ascii_lowercase(), String::from_utf8_lossy(field.value).into_owned()))
            .collect();
        let has = |token: &str| {
            let lists = headers.iter().filter(|(name, _)| name == "connection");
            lists.flat_map(|(_, list)| list.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
        };
        let keeps_open = if response.version == Some(1) { !has("close") } else { has("keep-alive") };
        return Some(SurveyedReply { status, keeps_open, arrived: jiff::Timestamp::now(), headers });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_the_final_reply_is_read() {
        let head =
            b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\n\r\nbody";
        let reply = read_head(head).expect("it is complete");
        assert_eq!((reply.status, reply.keeps_open), (200, true));
        assert_eq!(reply.all("x-a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(reply.first("link"), None, "interim replies do not count");
        for (head, keeps_open) in [
            ("HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n\r\n", true),
        ] {
            assert_eq!(read_head(head.as_bytes()).map(|reply| reply.keeps_open), Some(keeps_open), "{head}");
        }
        assert!(read_head(b"HTTP/1.1 200 OK\r\nx-a: 1\r\n").is_none(), "the head is not complete");
        assert!(read_head(b"SSH-2.0-OpenSSH\r\n\r\n").is_none());
    }
}
