//! A small HTTP server within the test: hyper on a thread of its own, answering as the test says,
//! and a log of what came in.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Path with query.
    pub(crate) path: String,
    /// The user's own address.
    pub(crate) user: String,
    /// The request key.
    pub(crate) key: String,
    pub(crate) authorization: String,
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
    /// Close the connection without a reply.
    Hang,
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

type Handler = dyn Fn(&Seen) -> Answer + Send + Sync;

/// A server that lasts as long as its handle.
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
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
                    () = accept(listener, handler, log) => {}
                    _ = ended => {}
                }
            });
        });
        Self { address, seen, end: Some(end), thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/entry", self.address)
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

async fn accept(listener: TcpListener, handler: Arc<Handler>, log: Arc<Mutex<Vec<Seen>>>) {
    for connection in 0.. {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        tokio::spawn(serve(stream, connection, Arc::clone(&handler), Arc::clone(&log)));
    }
}

async fn serve(stream: TcpStream, connection: usize, handler: Arc<Handler>, log: Arc<Mutex<Vec<Seen>>>) {
    let service = service_fn(|request| {
        let seen = note(&request, connection, &log);
        let answer = handler(&seen);
        async move {
            match answer {
                Answer::Reply(reply) => Ok(reply),
                Answer::After(delay, reply) => {
                    tokio::time::sleep(delay).await;
                    Ok(reply)
                }
                Answer::Never => pending().await,
                Answer::Hang => Err(io::Error::other("told to hang up")),
            }
        }
    });
    // A client that goes away is nothing to speak of here.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn note(request: &Request<Incoming>, connection: usize, log: &Mutex<Vec<Seen>>) -> Seen {
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let mut log = log.lock().expect("no test panics with the log in hand");
    let seen = Seen {
        path: request.uri().to_string(),
        user: header("x-forwarded-for"),
        key: header("x-request-key"),
        authorization: header("authorization"),
        connection,
        number: log.len(),
    };
    log.push(seen.clone());
    seen
}
