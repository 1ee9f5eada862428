//! Turns a config into a running process: addresses, threads, signals and shutdown.
//!
//! Each data thread has a runtime and a listener of its own on the same port (`SO_REUSEPORT`), so
//! the kernel spreads connections and no thread hands work to another ([`crate::data_port`]). One more thread, the
//! caller's, checks health, watches for the signal to stop, and serves the admin API when that has
//! an address of its own.

use crate::admin;
use crate::config::Config;
use crate::data_port;
use crate::descriptors;
use crate::health;
use crate::proxy::{SWEEP, Thread};
use crate::state::State;
use crate::threads::Threads;
use anyhow::Context as _;
use socket2::{Domain, Protocol, Socket, Type};
use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The longest wait for clients at shutdown: replies in flight can finish, but the process always ends.
const GRACE: Duration = Duration::from_secs(5);

/// Maximum number of connections that wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 4096;

/// The reason why the server could not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{address}` (`{key}`): {source}{}", hint(.source))]
pub struct StartError {
    key: &'static str,
    address: SocketAddr,
    source: std::io::Error,
}

fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::AddrInUse => {
            "; stop whatever is listening there, or choose another port (0 for a free one)"
        }
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

    /// Returns the address at which requests below `/proxy/SERVICE/` are proxied.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of the admin API: [`Self::address`] unless the config sets another one.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Serves until `stop` resolves, which is polled on the calling thread. Replies in flight then have a few
    /// seconds to finish.
    ///
    /// # Errors
    /// A thread cannot be started or has died, or the last trace cannot be written.
    pub fn run_until(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        self.serve(|| {}, async {
            stop.await;
            Ok(())
        })
    }

    /// Calls `ready` once all data threads are started, and serves until `stop` resolves or a thread dies.
    fn serve(
        self,
        ready: impl FnOnce(),
        stop: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<()> {
        let Self { listeners, admin_listener, state, .. } = self;
        // This comes first, because clients may take all descriptors as soon as the data threads accept them.
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (tell_threads, stopped) = watch::channel(false);
        let connections = descriptors::connections_per_thread(listeners.len());
        let mut threads = Threads::new();
        for (number, listener) in listeners.into_iter().enumerate() {
            let state = Arc::clone(&state);
            let stopped = stopped.clone();
            let shares_port = admin_listener.is_none();
            threads.start(format!("data-{number}"), move || {
                data_thread(&Thread::new(state, number, connections), listener, shares_port, stopped)
            })?;
        }
        ready();
        let controlled = runtime.block_on(control(Arc::clone(&state), admin_listener, stop, &mut threads));
        tell_threads.send_replace(true);
        // If a thread has died, its own words come first.
        threads.join()?;
        controlled?;
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
    let scheme = if server.state.config.tls.is_some() { "https" } else { "http" };
    let admin_scheme = if server.admin_listener.is_some() { "http" } else { scheme };
    let url = format!("{scheme}://{}", server.address);
    let admin = format!("{admin_scheme}://{}", server.admin_address);
    server.serve(|| announce(&url, &admin), told_to_stop(exit_with_parent))
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

/// Prints the addresses. They only inform, so the load balancer serves even if nobody reads them.
fn announce(url: &str, admin: &str) {
    lb_io::print(serde_json::json!({ "url": url, "admin": admin }));
    if let Some(problem) = lb_io::unprinted() {
        lb_io::complain(format_args!("failed to write the addresses to standard output: {problem}"));
    }
}

/// Runs on the caller's thread: health checks, the admin API, and the wait for shutdown or for the death of a
/// thread.
async fn control(
    state: Arc<State>,
    admin_listener: Option<std::net::TcpListener>,
    stop: impl Future<Output = anyhow::Result<()>>,
    threads: &mut Threads,
) -> anyhow::Result<()> {
    let tls = state.config.tls.clone();
    let mut checks = tokio::spawn(health::check_for_ever(Arc::clone(&state)));
    let mut watch = tokio::spawn(async move {
        if let Some(tls) = tls {
            tls.watch().await;
        }
    });
    let mut admin = match admin_listener {
        Some(listener) => {
            let listener = TcpListener::from_std(listener)?;
            let idle = state.config.timeouts.idle;
            tokio::spawn(admin::serve(listener, admin::router(state), idle))
        }
        None => tokio::spawn(async {}),
    };
    let stopped = tokio::select! {
        stopped = stop => stopped,
        name = threads.ended() => Err(anyhow::anyhow!("thread `{name}` has ended")),
        error = death(&mut checks) => Err(error.context("the health checks died")),
        error = death(&mut watch) => Err(error.context("the look at the certificate died")),
        error = death(&mut admin) => Err(error.context("the admin API died")),
    };
    checks.abort();
    watch.abort();
    admin.abort();
    stopped
}

/// Waits until a task panics. It may end in any other way.
async fn death(task: &mut JoinHandle<()>) -> anyhow::Error {
    match task.await {
        Err(error) => error.into(),
        Ok(()) => std::future::pending().await,
    }
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

/// Resolves when standard input ends. A separate thread reads it, because a blocked read cannot be cancelled,
/// and must not delay the end of the process.
async fn parent_gone() {
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = tell.send(());
    });
    let _ = told.await;
}

fn data_thread(
    thread: &Rc<Thread>,
    listener: std::net::TcpListener,
    shares_port: bool,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async move {
        let listener = TcpListener::from_std(listener)?;
        let admin = shares_port.then(|| admin::router(Arc::clone(&thread.state)));
        let mut sweeper = tokio::task::spawn_local(sweep(Rc::clone(thread)));
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => {}
            () = data_port::accept(thread, admin.as_ref(), &listener) => {}
            error = death(&mut sweeper) => return Err(error.context("the check of deadlines died")),
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
