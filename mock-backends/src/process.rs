//! From settings to running backends, in a process of their own or on a thread.

use crate::catalogue::SERVICES;
use crate::config::{AnnouncedBackend, Announcement, Config, MockError};
use crate::engine::Engine;
use crate::server::{Instance, Shared};
use crate::socket::Reserved;
use crate::store::{Limits, Store};
use crate::{control, server};
use http::HeaderValue;
use lb_core::topology::{BackendSpec, Topology};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Runs mock backends in this process: prints the [`Announcement`] as one line of JSON when all ports
/// listen, and returns at SIGINT, at SIGTERM, or, if so configured, when standard input ends.
///
/// # Errors
/// When the settings are not valid, a port is taken, or the system fails.
pub fn run(config: &Config) -> Result<(), MockError> {
    runtime()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let orphaned = orphaned(config.exit_with_parent);
        let backends = Backends::start(config)?;
        let line = serde_json::to_string(&backends.announcement).map_err(std::io::Error::from)?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()?;
        drop(out);
        tokio::select! {
            result = backends.drive() => result,
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
            () = orphaned => Ok(()),
        }
    })
}

/// Resolves when standard input ends; never, unless `watched`.
async fn orphaned(watched: bool) {
    if !watched {
        return std::future::pending().await;
    }
    let (sender, ended) = oneshot::channel();
    // A plain thread: the process does not wait for it, and a read of a terminal cannot be undone.
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        while std::io::stdin().read(&mut buffer).is_ok_and(|read| read > 0) {}
        let _ = sender.send(());
    });
    let _ = ended.await;
}

/// Mock backends on a thread of this process; they end when this is dropped.
#[derive(Debug)]
pub struct Mocks {
    announcement: Announcement,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Mocks {
    /// Starts backends and returns when all ports listen.
    ///
    /// # Errors
    /// When the settings are not valid, a port is taken, or the system fails.
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

    /// The addresses that the backends listen on.
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

/// Everything that listens, before it is driven.
struct Backends {
    announcement: Announcement,
    shared: Rc<Shared>,
}

impl Backends {
    /// Binds all ports and starts to serve.
    fn start(config: &Config) -> Result<Self, MockError> {
        config.validate()?;
        let topology = &config.topology;
        let specs: Vec<BackendSpec> =
            topology.pools.iter().flat_map(|pool| pool.backends.iter().cloned()).collect();
        let sockets = bind_all(config, &specs)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, config.control_port.unwrap_or(0)));
        let (control, address) = listen("the control API", address)?;
        let engine = Engine::new(specs.clone(), services(topology))?;
        let store = Store::new(&config.catalogue, config.seed, Limits::default());
        let shared = Shared::new(topology.clone(), engine, store, config.seed);
        let shared = Rc::new(shared);
        let addresses: Vec<SocketAddr> = sockets.iter().map(|(_, address)| *address).collect();
        let backends = announce(topology, &addresses);
        for (unit, (spec, (listener, address))) in specs.iter().zip(sockets).enumerate() {
            let shared = Rc::clone(&shared);
            let id = HeaderValue::from_str(&spec.id).map_err(|_| {
                MockError::Invalid(vec![format!("backend id {:?} is not a valid header value", spec.id)])
            })?;
            let instance = Rc::new(Instance { unit, id, address, shared });
            tokio::task::spawn_local(server::serve(instance, listener));
        }
        tokio::task::spawn_local(control::serve(control, Rc::clone(&shared), backends.clone()));
        let announcement = Announcement { control: format!("http://{address}"), backends };
        Ok(Self { announcement, shared })
    }

    /// Lets time pass in the models, for ever.
    async fn drive(&self) -> Result<(), MockError> {
        Ok(self.shared.engine.drive().await?)
    }
}

/// One listener for each backend.
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

fn announce(topology: &Topology, addresses: &[SocketAddr]) -> Vec<AnnouncedBackend> {
    let specs = topology.pools.iter().flat_map(|pool| pool.backends.iter().map(move |b| (pool, b)));
    let announce =
        |((pool, spec), address): ((&lb_core::topology::Pool, &BackendSpec), &SocketAddr)| AnnouncedBackend {
            id: spec.id.clone(),
            url: format!("http://{address}"),
            pool: pool.name.clone(),
            services: pool.services.clone(),
            weight: spec.weight,
        };
    specs.zip(addresses).map(announce).collect()
}

/// The built-in services and all that pools, routes or faults name.
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
