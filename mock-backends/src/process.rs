//! Starts backends, in a separate process or on a thread.

use crate::api_file::{Api, Kind};
use crate::catalogue::SERVICES;
use crate::config::{AnnouncedBackend, Announcement, Config, MockError, TlsFiles};
use crate::declared_api::RunningApi;
use crate::engine::Engine;
use crate::server::{Instance, Shared};
use crate::socket::Reserved;
use crate::store::{Limits, Store};
use crate::target::serves_pages;
use crate::{control, listener};
use http::HeaderValue;
use lb_core::topology::{BackendSpec, Topology};
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};

/// Runs mock backends in this process: prints the [`Announcement`] as one line of JSON when it listens on all
/// ports, and returns on SIGINT, on SIGTERM, or, if so configured, when standard input closes.
///
/// # Errors
/// Fails if the settings are not valid, a port is taken, or an I/O operation fails.
pub fn run(config: &Config) -> Result<(), MockError> {
    runtime()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let orphaned = orphaned(config.exit_with_parent);
        let backends = Backends::start(config)?;
        let line = serde_json::to_string(&backends.announcement).map_err(std::io::Error::from)?;
        // The announcement only informs: whoever chose the ports knows them.
        lb_io::print(line);
        if let Some(problem) = lb_io::unprinted() {
            lb_io::complain(format_args!("failed to write the addresses to standard output: {problem}"));
        }
        tokio::select! {
            result = backends.drive() => result,
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
            () = orphaned => Ok(()),
        }
    })
}

/// Resolves when standard input closes if `watched`; otherwise never.
async fn orphaned(watched: bool) {
    if !watched {
        return std::future::pending().await;
    }
    let (sender, ended) = oneshot::channel();
    // This uses a plain thread because the process does not wait for it, and a read from a terminal cannot be
    // cancelled.
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        while std::io::stdin().read(&mut buffer).is_ok_and(|read| read > 0) {}
        let _ = sender.send(());
    });
    let _ = ended.await;
}

/// Mock backends on a thread of this process; dropping the value stops them.
#[derive(Debug)]
pub struct Mocks {
    announcement: Announcement,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Mocks {
    /// Starts backends and returns when they listen on all ports.
    ///
    /// # Errors
    /// Fails if the settings are not valid, a port is taken, or an I/O operation fails.
    pub fn start(config: Config) -> Result<Self, MockError> {
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("mock-backends".to_owned()).spawn(move || {
            let ended = runtime().and_then(|runtime| {
                runtime.block_on(async {
                    let backends = Backends::start(&config)?;
                    let _ = ready.send(Ok(backends.announcement.clone()));
                    tokio::select! {
                        result = backends.drive() => result,
                        _ = stopped => Ok(()),
                    }
                })
            });
            if let Err(error) = ended {
                tracing::error!(%error, "mock backends ended");
                let _ = ready.send(Err(error));
            }
        })?;
        let gone = || std::io::Error::other("the thread of the mock backends ended");
        let announcement = started.recv().map_err(|_| gone())??;
        Ok(Self { announcement, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns the addresses that the backends listen on.
    pub fn announcement(&self) -> &Announcement {
        &self.announcement
    }
}

impl Drop for Mocks {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn runtime() -> Result<LocalRuntime, MockError> {
    Ok(Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?)
}

/// The listening servers before the models run.
struct Backends {
    announcement: Announcement,
    shared: Rc<Shared>,
    /// One task for each listener, which serves for ever.
    servers: JoinSet<()>,
}

impl Backends {
    /// Binds all ports and starts serving.
    fn start(config: &Config) -> Result<Self, MockError> {
        config.validate()?;
        let topology = &config.topology;
        let specs: Vec<BackendSpec> =
            topology.pools.iter().flat_map(|pool| pool.backends.iter().cloned()).collect();
        let tls = config.tls.as_ref().map(TlsFiles::acceptor).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let sockets = bind_all(config, &specs)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, config.control_port.unwrap_or(0)));
        let (control, address) = listen("the control API", address)?;
        let mut engine = Engine::new(specs.clone(), services(topology))?;
        if config.load_reports {
            engine.report_load();
        }
        let store = Store::new(&config.catalogue, config.seed, Limits::default());
        let gate = config.gate().map_err(|error| MockError::Invalid(vec![error.to_string()]))?;
        let kind = config.api.as_ref().map(Api::kind);
        let declared = match kind {
            Some(Kind::Declared(api)) => Some(RunningApi::new(Arc::clone(api), config.seed)),
            Some(Kind::Shop | Kind::Boutique) | None => None,
        };
        let shared = Shared::new(topology.clone(), engine, store, declared, gate, config.seed, tls);
        let shared = Rc::new(shared);
        let addresses: Vec<SocketAddr> = sockets.iter().map(|(_, address)| *address).collect();
        let backends = announce(topology, scheme, &addresses);
        let mut servers = JoinSet::new();
        for (unit, (backend, (listener, address))) in backends.iter().zip(sockets).enumerate() {
            let (shared, services) = (Rc::clone(&shared), backend.services.clone());
            let id = HeaderValue::from_str(&backend.id).map_err(|_| {
                MockError::Invalid(vec![format!("backend id {:?} is not a valid header value", backend.id)])
            })?;
            let pages = match kind {
                Some(Kind::Boutique) => true,
                Some(Kind::Shop | Kind::Declared(_)) => false,
                None => serves_pages(&services),
            };
            let instance = Rc::new(Instance { unit, id, address, services, pages, shared });
            servers.spawn_local(listener::serve(instance, listener));
        }
        servers.spawn_local(control::serve(control, Rc::clone(&shared), backends.clone()));
        let announcement = Announcement { control: format!("http://{address}"), backends };
        Ok(Self { announcement, shared, servers })
    }

    /// Advances the models with real time, as long as all servers serve.
    async fn drive(mut self) -> Result<(), MockError> {
        tokio::select! {
            driven = self.shared.engine.drive() => Ok(driven?),
            Some(ended) = self.servers.join_next() => Err(stopped(ended.err())),
        }
    }
}

/// Returns the error for a server that ended, although it serves for ever.
fn stopped(error: Option<JoinError>) -> MockError {
    let how = error.map_or_else(|| "ended".to_owned(), |error| error.to_string());
    std::io::Error::other(format!("the server of a backend or of the control API stopped: {how}")).into()
}

/// Binds one listener for each backend.
fn bind_all(config: &Config, specs: &[BackendSpec]) -> Result<Vec<(TcpListener, SocketAddr)>, MockError> {
    let port = |index: usize| config.base_port.map_or(0, |base| base + index as u16);
    let bind = |(index, spec): (usize, &BackendSpec)| {
        let address = SocketAddr::new(config.host, port(index));
        listen(&format!("backend {}", spec.id), address)
    };
    specs.iter().enumerate().map(bind).collect()
}

fn listen(what: &str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), MockError> {
    let refused = |source| MockError::Listen { what: what.to_owned(), address, source };
    let listener = Reserved::bind(address).and_then(Reserved::listen).map_err(refused)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn announce(topology: &Topology, scheme: &str, addresses: &[SocketAddr]) -> Vec<AnnouncedBackend> {
    let specs = topology.pools.iter().flat_map(|pool| pool.backends.iter().map(move |b| (pool, b)));
    let announce =
        |((pool, spec), address): ((&lb_core::topology::Pool, &BackendSpec), &SocketAddr)| AnnouncedBackend {
            id: spec.id.clone(),
            url: format!("{scheme}://{address}"),
            pool: pool.name.clone(),
            services: pool.services.clone(),
            weight: spec.weight,
        };
    specs.zip(addresses).map(announce).collect()
}

/// Returns the built-in services and all services that pools, routes or faults name.
fn services(topology: &Topology) -> Vec<String> {
    let pools = topology.pools.iter().flat_map(|pool| &pool.services);
    let routes = topology.routes.iter().filter_map(|route| route.service.as_ref());
    let faults = topology.faults.iter().flat_map(|fault| &fault.services);
    let named = pools.chain(routes).chain(faults).map(String::as_str);
    let mut services: Vec<String> = Vec::new();
    for name in SERVICES.into_iter().chain(named).filter(|name| !name.is_empty()) {
        if !services.iter().any(|known| known == name) {
            services.push(name.to_owned());
        }
    }
    services
}
