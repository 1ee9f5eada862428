//! A small HTTP server within the test: hyper on a thread of its own, answering as the test says,
//! and a log of what came in.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path with query.
    pub(crate) path: String,
    /// The `cookie` header; empty without one.
    pub(crate) cookie: String,
    /// The user's own address.
    pub(crate) user: String,
    /// The request key.
    pub(crate) key: String,
    pub(crate) authorization: String,
    /// Whether it came over HTTP/2.
    pub(crate) is_http2: bool,
    /// Which connection it came on, in the order in which they were accepted.
    pub(crate) connection: usize,
    /// How many requests came before it.
    pub(crate) number: usize,
}

/// What the server does with a request.
pub(crate) enum Answer {
    Reply(Response<Full<Bytes>>),
    /// Reply, but only after a while.
    After(Duration, Response<Full<Bytes>>),
    /// Keep the connection and say nothing.
    Never,
    /// Close the connection without a reply; over HTTP/2, reset the stream.
    Hang,
    /// Say that the request was not processed (`REFUSED_STREAM`). Over HTTP/2 only.
    Refuse,
}

/// An ordinary reply.
pub(crate) fn reply(status: u16, body: &str) -> Response<Full<Bytes>> {
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    Response::builder().status(status).body(body).expect("a valid reply")
}

/// An ordinary reply that names the backend.
pub(crate) fn reply_of(backend: &str, status: u16) -> Response<Full<Bytes>> {
    let mut reply = reply(status, "");
    reply.headers_mut().insert("x-backend", backend.parse().expect("a valid name"));
    reply
}

/// What a server speaks.
#[derive(Clone)]
enum Protocol {
    Http1,
    /// HTTP/2, with at most this many streams on a connection.
    Http2(u32),
    Tls(Arc<ServerConfig>),
}

type Handler = dyn Fn(&Seen) -> Answer + Send + Sync;

/// A server that lasts as long as its handle.
pub(crate) struct Server {
    address: SocketAddr,
    secured: bool,
    seen: Arc<Mutex<Vec<Seen>>>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_with(Protocol::Http1, handler)
    }

    /// Starts a server that speaks HTTP/2 without TLS, with at most this many streams on a connection.
    pub(crate) fn start_http2(
        most_streams: u32,
        handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(Protocol::Http2(most_streams), handler)
    }

    /// Starts a server that speaks TLS, and on it the protocol that the client and `config` agree on.
    pub(crate) fn start_secured(
        config: Arc<ServerConfig>,
        handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(Protocol::Tls(config), handler)
    }

    fn start_with(protocol: Protocol, handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let secured = matches!(protocol, Protocol::Tls(_));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket of ours");
        let address = listener.local_addr().expect("a bound socket");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (end, ended) = oneshot::channel();
        let (log, handler): (_, Arc<Handler>) = (Arc::clone(&seen), Arc::new(handler));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = accept(listener, protocol, handler, log) => {}
                    _ = ended => {}
                }
            });
        });
        Self { address, secured, seen, end: Some(end), thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}/entry", if self.secured { "https" } else { "http" }, self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// What came in so far, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no test panics with the log in hand").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(
    listener: TcpListener,
    protocol: Protocol,
    handler: Arc<Handler>,
    log: Arc<Mutex<Vec<Seen>>>,
) {
    for connection in 0.. {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let (handler, log) = (Arc::clone(&handler), Arc::clone(&log));
        match protocol.clone() {
            Protocol::Http1 => drop(tokio::spawn(serve(stream, connection, handler, log))),
            Protocol::Http2(most) => drop(tokio::spawn(serve_http2(stream, most, connection, handler, log))),
            Protocol::Tls(tls) => drop(tokio::spawn(async move {
                // A client that does not trust this server goes away.
                let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await else { return };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    serve_http2(stream, 100, connection, handler, log).await;
                } else {
                    serve(stream, connection, handler, log).await;
                }
            })),
        }
    }
}

async fn serve_http2<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    most_streams: u32,
    connection: usize,
    handler: Arc<Handler>,
    log: Arc<Mutex<Vec<Seen>>>,
) {
    let mut server = h2::server::Builder::new();
    // A client that goes away, or speaks another protocol, is nothing to speak of here.
    let Ok(mut accepted) = server.max_concurrent_streams(most_streams).handshake::<_, Bytes>(stream).await
    else {
        return;
    };
    while let Some(Ok((request, respond))) = accepted.accept().await {
        let seen = note(&request, connection, &log);
        let answer = handler(&seen);
        tokio::spawn(answer_stream(request.into_body(), respond, answer));
    }
}

async fn answer_stream(
    mut body: h2::RecvStream,
    mut respond: h2::server::SendResponse<Bytes>,
    answer: Answer,
) {
    while let Some(Ok(data)) = body.data().await {
        let _ = body.flow_control().release_capacity(data.len());
    }
    let reply = match answer {
        Answer::Reply(reply) => reply,
        Answer::After(delay, reply) => {
            tokio::time::sleep(delay).await;
            reply
        }
        Answer::Never => pending().await,
        Answer::Hang => return respond.send_reset(h2::Reason::INTERNAL_ERROR),
        Answer::Refuse => return respond.send_reset(h2::Reason::REFUSED_STREAM),
    };
    let (head, body) = reply.into_parts();
    let body = body.collect().await.expect("it is whole").to_bytes();
    // A client that reset the stream is nothing to speak of here.
    let head = http::Response::from_parts(head, ());
    if let Ok(mut stream) = respond.send_response(head, body.is_empty())
        && !body.is_empty()
    {
        let _ = stream.send_data(body, true);
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    connection: usize,
    handler: Arc<Handler>,
    log: Arc<Mutex<Vec<Seen>>>,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let seen = note(&request, connection, &log);
        let answer = handler(&seen);
        async move {
            // A server that leaves a body unread closes the connection.
            request.into_body().collect().await.map_err(io::Error::other)?;
            match answer {
                Answer::Reply(reply) => Ok(reply),
                Answer::After(delay, reply) => {
                    tokio::time::sleep(delay).await;
                    Ok(reply)
                }
                Answer::Never => pending().await,
                Answer::Hang | Answer::Refuse => Err(io::Error::other("told to hang up")),
            }
        }
    });
    // A client that goes away is nothing to speak of here.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn note<B>(request: &Request<B>, connection: usize, log: &Mutex<Vec<Seen>>) -> Seen {
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let mut log = log.lock().expect("no test panics with the log in hand");
    let seen = Seen {
        method: request.method().to_string(),
        path: request.uri().path_and_query().map_or_else(String::new, ToString::to_string),
        cookie: header("cookie"),
        user: header("x-forwarded-for"),
        key: header("x-request-key"),
        authorization: header("authorization"),
        is_http2: request.version() == hyper::Version::HTTP_2,
        connection,
        number: log.len(),
    };
    log.push(seen.clone());
    seen
}
