//! A connection on which probes are sent: plain, or over TLS. It stays open as long as the other side lets it, since one
//! layer of evidence needs a connection that is older than a switch.

use crate::error::AdminError;
use crate::http::unreachable;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use lb_core::secret::{Secret, mask_passwords};
use reqwest::header::{AUTHORIZATION, HOST, HeaderMap};
use reqwest::{Client, Url};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Time limit for connecting, and for a reply in addition to the time for which it is held.
pub(super) const SLACK: Duration = Duration::from_secs(2);

/// How probes speak TLS.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    /// Whom to trust, and the client's own certificate.
    pub(super) config: Arc<ClientConfig>,
    /// The value of the `authorization` header; `None` to send none.
    pub(super) authorization: Option<Secret>,
}

/// A connection for probes.
#[derive(Clone, Debug)]
pub(super) enum Line {
    Plain(Client),
    Secured(Arc<Secured>),
}

/// A reply to a probe.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A connection over TLS, which is opened by the first probe on it.
#[derive(Debug)]
pub(super) struct Secured {
    tls: Tls,
    open: Mutex<Option<SendRequest<Empty<Bytes>>>>,
}

impl Line {
    /// Returns a connection that is not open yet: over TLS if `tls` is given.
    pub(super) fn new(tls: Option<&Tls>) -> Result<Self, AdminError> {
        if let Some(tls) = tls {
            return Ok(Self::Secured(Arc::new(Secured { tls: tls.clone(), open: Mutex::default() })));
        }
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(SLACK)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(None)
            .build();
        client.map(Self::Plain).map_err(|error| AdminError::BadAddress {
            url: "the data port".to_owned(),
            reason: error.to_string(),
        })
    }

    /// Sends one request that is held for this long, and reads the reply to its end, so that the connection is free
    /// again.
    pub(super) async fn get(&self, url: &str, held: Duration) -> Result<Answer, AdminError> {
        match self {
            Self::Plain(client) => {
                let fail = |error: reqwest::Error| unreachable(url, &error);
                let reply = client.get(url).timeout(held + SLACK).send().await.map_err(fail)?;
                let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
                Ok(Answer { status, headers, body: reply.bytes().await.map_err(fail)? })
            }
            Self::Secured(line) => {
                let asked = timeout(held + SLACK, line.get(url)).await;
                let asked = asked.unwrap_or_else(|_| Err("it did not answer in time".to_owned()));
                asked.map_err(|reason| AdminError::Unreachable {
                    url: mask_passwords(url).into_owned(),
                    reason,
                })
            }
        }
    }
}

impl Secured {
    /// Sends one request; the error says what went wrong.
    async fn get(&self, url: &str) -> Result<Answer, String> {
        let url = Url::parse(url).map_err(|error| error.to_string())?;
        let mut open = self.open.lock().await;
        let kept = open.take().filter(|sender| !sender.is_closed());
        if let Some(mut sender) = kept {
            // The other side may close an idle connection at any time, and a probe may be repeated.
            if let Ok(answer) = self.send(&mut sender, &url).await {
                *open = Some(sender);
                return Ok(answer);
            }
        }
        let mut sender = self.connect(&url).await?;
        let answer = self.send(&mut sender, &url).await?;
        *open = Some(sender);
        Ok(answer)
    }

    async fn connect(&self, url: &Url) -> Result<SendRequest<Empty<Bytes>>, String> {
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        let port = url.port_or_known_default().unwrap_or(443);
        let stream = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
        let _ = stream.set_nodelay(true);
        let connector = TlsConnector::from(Arc::clone(&self.tls.config));
        let stream = connector.connect(name, stream).await.map_err(|error| error.to_string())?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        // It ends with the sender, or when the other side closes.
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn send(&self, sender: &mut SendRequest<Empty<Bytes>>, url: &Url) -> Result<Answer, String> {
        let fail = |error: hyper::Error| error.to_string();
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let path =
            url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let mut request = hyper::Request::get(path).header(HOST, host);
        if let Some(authorization) = &self.tls.authorization {
            request = request.header(AUTHORIZATION, authorization.reveal());
        }
        let request = request.body(Empty::new()).map_err(|error| error.to_string())?;
        sender.ready().await.map_err(fail)?;
        let (head, body) = sender.send_request(request).await.map_err(fail)?.into_parts();
        let body = body.collect().await.map_err(fail)?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}
