//! Turns a config into a running process: addresses, threads, signals and shutdown.
//!
//! Each data thread has a runtime and a listener of its own on the same port (`SO_REUSEPORT`), so
//! the kernel spreads connections and no thread hands work to another. One more thread, the
//! caller's, checks health, watches for the signal to stop, and serves the admin API when that has
//! an address of its own.

use crate::admin;
use crate::config::Config;
use crate::health;
use crate::proxy::{self, Client, ReplyBody, SWEEP, Thread};
use crate::state::State;
use anyhow::Context as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::{Domain, Protocol, Socket, Type};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;

/// Longest wait for clients at the end: replies in flight get a chance, the process always ends.
const GRACE: Duration = Duration::from_secs(5);

/// Connections that may wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 4096;

/// The reason why the server could not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {key} `{address}`: {source}{}", hint(.source))]
pub struct StartError {
    key: &'static str,
    address: SocketAddr,
    source: std::io::Error,
}

fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::AddrInUse => "; stop what listens there, or choose another port (0 for a free one)",
        ErrorKind::AddrNotAvailable => "; choose an address of this machine",
        ErrorKind::PermissionDenied => "; choose a port above 1023",
        _ => "",
    }
}

/// A load balancer that has bound its addresses but does not serve yet.
///
/// Clients that connect in the meantime wait.
pub struct Server {
    listeners: Vec<std::net::TcpListener>,
    address: SocketAddr,
    /// `None` if the admin API shares the port.
    admin_listener: Option<std::net::TcpListener>,
    admin_address: SocketAddr,
    state: Arc<State>,
}

impl Server {
    /// Binds the addresses of `config`. With port 0, the system chooses a free port.
    ///
    /// # Errors
    /// A [`StartError`] if an address cannot be bound; anything else is internal.
    pub fn bind(config: Config) -> anyhow::Result<Self> {
        let (listeners, address) = listen("listen", config.listen, config.threads)?;
        let admin = match config.admin_listen {
            Some(wanted) => Some(listen("admin_listen", wanted, 1)?),
            None => None,
        };
        let admin_address = admin.as_ref().map_or(address, |(_, address)| *address);
        let admin_listener = admin.and_then(|(listeners, _)| listeners.into_iter().next());
        Ok(Self { listeners, address, admin_listener, admin_address, state: State::new(config)? })
    }

    /// The address at which requests below `/proxy/SERVICE/` are proxied.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the admin API: [`Self::address`] unless the config gives it its own.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Serves until `stop` resolves, which is polled on the calling thread. Replies in flight are then given
    /// a few seconds.
    ///
    /// # Errors
    /// A thread cannot be started, or the last trace cannot be written.
    pub fn run_until(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        self.serve(|| Ok(()), async {
            stop.await;
            Ok(())
        })
    }

    /// Calls `ready` once all data threads are started, and serves until `stop` resolves.
    fn serve(
        self,
        ready: impl FnOnce() -> anyhow::Result<()>,
        stop: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<()> {
        let Self { listeners, admin_listener, state, .. } = self;
        let (tell_threads, stopped) = watch::channel(false);
        let mut threads = Vec::new();
        for (number, listener) in listeners.into_iter().enumerate() {
            let state = Arc::clone(&state);
            let stopped = stopped.clone();
            let shares_port = admin_listener.is_none();
            let thread = std::thread::Builder::new()
                .name(format!("data-{number}"))
                .spawn(move || data_thread(state, listener, shares_port, number, stopped))
                .context("cannot start a thread")?;
            threads.push(thread);
        }
        ready()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(control(Arc::clone(&state), admin_listener, stop))?;
        tell_threads.send_replace(true);
        for thread in threads {
            thread.join().map_err(|_| anyhow::anyhow!("a data thread panicked"))??;
        }
        match state.traces.as_ref().filter(|traces| traces.current().is_some()) {
            Some(traces) => traces.stop().map(drop).context("the last trace is lost"),
            None => Ok(()),
        }
    }
}

/// Serves until SIGTERM, ctrl-C or, with `exit_with_parent`, the end of standard input.
///
/// When it is ready, it prints one line of JSON to standard output: `url`, below which requests are
/// proxied, and `admin`.
///
/// # Errors
/// A [`StartError`] if an address cannot be bound; anything else is internal.
pub fn run(config: Config, exit_with_parent: bool) -> anyhow::Result<()> {
    let server = Server::bind(config)?;
    let (address, admin) = (server.address, server.admin_address);
    server.serve(|| announce(address, admin), told_to_stop(exit_with_parent))
}

/// Binds `count` listeners to one address. The first bind is exclusive: with `SO_REUSEPORT` alone, a
/// second process would take half of the connections of the first instead of failing.
fn listen(
    key: &'static str,
    address: SocketAddr,
    count: usize,
) -> Result<(Vec<std::net::TcpListener>, SocketAddr), StartError> {
    let bind = |address: SocketAddr, shared: bool| {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if shared {
            socket.set_reuse_port(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(std::net::TcpListener::from(socket))
    };
    let attempt = || {
        let only = bind(address, false)?;
        let bound = only.local_addr()?;
        if count == 1 {
            return Ok((vec![only], bound));
        }
        drop(only);
        let listeners = (0..count).map(|_| bind(bound, true)).collect::<std::io::Result<_>>()?;
        Ok((listeners, bound))
    };
    attempt().map_err(|source| StartError { key, address, source })
}

fn announce(address: SocketAddr, admin: SocketAddr) -> anyhow::Result<()> {
    let url = |address| format!("http://{address}");
    let line = serde_json::json!({ "url": url(address), "admin": url(admin) });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("cannot write to standard output")
}

/// Runs on the caller's thread: health checks, the admin API, and the wait for shutdown.
async fn control(
    state: Arc<State>,
    admin_listener: Option<std::net::TcpListener>,
    stop: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let checks = tokio::spawn(health::check_for_ever(Arc::clone(&state)));
    let admin = match admin_listener {
        Some(listener) => {
            let listener = TcpListener::from_std(listener)?;
            Some(tokio::spawn(admin::serve(listener, admin::router(state))))
        }
        None => None,
    };
    let stopped = stop.await;
    checks.abort();
    if let Some(admin) = admin {
        admin.abort();
    }
    stopped
}

/// Resolves when the process is told to stop.
async fn told_to_stop(exit_with_parent: bool) -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
        () = parent_gone(), if exit_with_parent => {}
    }
    Ok(())
}

/// Resolves when standard input ends. A thread of its own reads it: a blocked read cannot be
/// cancelled, and must not hold up the end of the process.
async fn parent_gone() {
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = tell.send(());
    });
    let _ = told.await;
}

fn data_thread(
    state: Arc<State>,
    listener: std::net::TcpListener,
    shares_port: bool,
    number: usize,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async move {
        let listener = TcpListener::from_std(listener)?;
        let admin = shares_port.then(|| admin::router(Arc::clone(&state)));
        let thread = Thread::new(state, number);
        let sweeper = tokio::task::spawn_local(sweep(Rc::clone(&thread)));
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => {}
            () = accept(&thread, admin.as_ref(), &listener) => {}
        }
        drop(listener);
        thread.close();
        let left = async {
            while !thread.is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(GRACE, left).await;
        sweeper.abort();
        Ok(())
    })
}

async fn sweep(thread: Rc<Thread>) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        thread.sweep();
    }
}

async fn accept(thread: &Rc<Thread>, admin: Option<&axum::Router>, listener: &TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                tokio::task::spawn_local(serve_client(Rc::clone(thread), admin.cloned(), stream, peer));
            }
            Err(error) => {
                // Out of file descriptors, as a rule: wait for some to be closed.
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve_client(thread: Rc<Thread>, admin: Option<axum::Router>, stream: TcpStream, peer: SocketAddr) {
    let Ok(local) = stream.local_addr() else {
        return;
    };
    // Without it a reply in two writes waits for the client's delayed acknowledgement.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let _counted = Counted::new(&thread.state);
    let client: Rc<Client> = thread.client(peer.ip(), local.ip());
    let service = service_fn(|request: http::Request<Incoming>| {
        let reply = answer(Rc::clone(&thread), Rc::clone(&client), admin.as_ref(), request);
        async move { Ok::<http::Response<ReplyBody>, Infallible>(reply.await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .half_close(false)
        .writev(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut leaving = false;
    let outcome = poll_fn(|cx| {
        client.remember(cx.waker());
        if client.close.get() && !leaving {
            leaving = true;
            connection.as_mut().graceful_shutdown();
        }
        Pin::new(&mut connection).poll(cx)
    })
    .await;
    if let Err(error) = outcome {
        tracing::debug!(%peer, "client connection ended: {error}");
    }
}

/// Answers one request: forwards it, or gives it to the admin API if that shares the port.
async fn answer(
    thread: Rc<Thread>,
    client: Rc<Client>,
    admin: Option<&axum::Router>,
    request: http::Request<Incoming>,
) -> http::Response<ReplyBody> {
    client.begin();
    if proxy::is_proxied(request.uri().path()) {
        return proxy::forward(thread, client, request).await;
    }
    let reply = match admin {
        Some(admin) => admin::answer(admin.clone(), client.loopback, request).await.map(ReplyBody::Admin),
        None => proxy::not_proxied(&thread, &request),
    };
    client.done(thread.coarse());
    reply
}

/// An open client connection, counted.
struct Counted<'a>(&'a State);

impl<'a> Counted<'a> {
    fn new(state: &'a State) -> Self {
        state.metrics.connections.fetch_add(1, Relaxed);
        Self(state)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.metrics.connections.fetch_sub(1, Relaxed);
    }
}
