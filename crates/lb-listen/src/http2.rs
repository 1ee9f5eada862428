//! Serves one connection that speaks HTTP/2 (RFC 9113).
//!
//! A connection is busy while it has a request, and idle otherwise. Heads have the size of [`Limits::head_bytes`] and no
//! time of their own: one that does not end leaves its connection idle, so that it ends after [`Limits::idle`], or when
//! its seat is needed.

use crate::activity::Activity;
use crate::seats::Seat;
use crate::serve::{End, Limits, Reply, Watched, watch};
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::cell::Cell;
use std::error::Error;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// Runs the requests of a connection beside it, on the same thread.
#[derive(Clone, Copy, Debug)]
struct Local;

impl<F: Future<Output = ()> + 'static> Executor<F> for Local {
    fn execute(&self, request: F) {
        tokio::task::spawn_local(request);
    }
}

/// Serves a connection like [`crate::serve`], but with HTTP/2. Its requests are tasks of the current thread, so it must
/// be called within a [`tokio::task::LocalSet`] or a local runtime.
pub async fn serve_http2<I, A, R, B, E>(
    stream: I,
    limits: &Limits,
    seat: &Seat,
    stop: impl Future<Output = ()>,
    answer: A,
) -> End
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
    A: Fn(Request<Incoming>) -> R,
    R: Future<Output = Result<Response<B>, E>> + 'static,
    B: Body + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    let activity = &seat.activity;
    activity.end();
    let open = Rc::new(Cell::new(0));
    let service = service_fn(|request| {
        let busy = Stream::begin(&open, activity);
        let reply = answer(request);
        async move { reply.await.map(|reply| reply.map(|body| Reply { body, _busy: busy })) }
    });
    let most = u32::try_from(limits.head_bytes).unwrap_or(u32::MAX);
    let stream = TokioIo::new(Watched { stream, activity: Arc::clone(activity), heads: false });
    let mut connection =
        http2::Builder::new(Local).max_header_list_size(most).serve_connection(stream, service);
    watch(&mut connection, activity, limits, stop).await
}

/// Keeps the connection busy until the request is answered or given up.
struct Stream {
    /// The number of requests that the connection has.
    open: Rc<Cell<usize>>,
    activity: Arc<Activity>,
}

impl Stream {
    fn begin(open: &Rc<Cell<usize>>, activity: &Arc<Activity>) -> Self {
        open.set(open.get() + 1);
        activity.begin();
        Self { open: Rc::clone(open), activity: Arc::clone(activity) }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.open.set(self.open.get() - 1);
        if self.open.get() == 0 {
            self.activity.end();
        }
    }
}
