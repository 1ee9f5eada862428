//! Starts a load balancer: picks ports, writes and checks its configuration, starts it, and waits until it
//! answers.

use super::installed::Installed;
use super::{files, template};
use crate::testbed::backends::Backends;
use crate::testbed::child::Child;
use crate::testbed::error::TestbedError;
use lb_admin_client::program::{ACCESS_LOG, AdminPlace, Launch};
use lb_admin_client::{KnownBackend, LoadBalancerAdmin, RealOptions, Switching, connect};
use lb_core::Algorithm;
use lb_core::topology::{Topology, is_part};
use lb_core::with_causes;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

/// The longest time to wait until the load balancer listens. It is generous because a loaded machine starts
/// slowly, and a program that cannot start fails at once.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// The time between two attempts to connect.
const POLL: Duration = Duration::from_millis(20);
/// The number of attempts: another process can take a free port before the load balancer does.
const ATTEMPTS: u32 = 3;
/// Longest path of a Unix socket, in bytes.
const LONGEST_SOCKET: usize = 107;
/// Texts that programs log when a port is taken.
const TAKEN: [&str; 3] = ["already in use", "Address in use", "cannot bind"];

/// A real load balancer that `bench` has started.
pub struct Real {
    /// The process of the load balancer.
    pub process: Child,
    /// The address at which clients connect, without a path.
    pub base_url: String,
    /// The adapter of its admin API.
    pub admin: Box<dyn LoadBalancerAdmin>,
    /// The file to which it logs every request; `None` if it does not.
    pub access_log: Option<PathBuf>,
}

/// How to start a load balancer.
#[derive(Clone, Debug)]
pub struct RealSpec<'a> {
    /// The program to start.
    pub installed: &'a Installed,
    /// The address at which clients connect; `None` for a free loopback port.
    pub listen: Option<SocketAddr>,
    /// The backends, by pool.
    pub topology: &'a Topology,
    /// The algorithms that will run, all of which the load balancer offers.
    pub algorithms: &'a [Algorithm],
    /// The number of worker threads or processes.
    pub threads: u16,
    /// How algorithms are selected.
    pub switching: Switching,
    /// Whether it logs every request.
    pub logs_requests: bool,
}

impl Real {
    /// Starts the load balancer in front of `backends`. Its configuration and its log go to `dir`.
    ///
    /// # Errors
    /// When the configuration is rejected, a port is taken, or the load balancer does not come up.
    pub async fn start(spec: &RealSpec<'_>, backends: &Backends, dir: &Path) -> Result<Self, TestbedError> {
        let of_dir = |what| move |source| TestbedError::File { what, path: dir.to_owned(), source };
        std::fs::create_dir_all(dir).map_err(of_dir("create the folder"))?;
        // Programs change their working directory, so the path must be absolute.
        let dir = dir.canonicalize().map_err(of_dir("find"))?;
        let known = known_backends(spec.topology, backends)?;
        let kind = spec.installed.kind;
        let mut attempt = 1;
        loop {
            let config = dir.join(kind.config_file);
            match Attempt::new(spec, &known, &dir, &config)?.start().await {
                Err(TestbedError::PortTaken { .. }) if spec.listen.is_none() && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                done => return done,
            }
        }
    }
}

/// One attempt to start the load balancer, with its own ports.
struct Attempt<'a> {
    spec: &'a RealSpec<'a>,
    launch: Launch<'a>,
    /// Modules that the load balancer must load before its weights can be steered.
    modules: Vec<PathBuf>,
    log: PathBuf,
}

impl<'a> Attempt<'a> {
    fn new(
        spec: &'a RealSpec<'a>,
        known: &'a [KnownBackend],
        dir: &'a Path,
        config: &'a Path,
    ) -> Result<Self, TestbedError> {
        let kind = spec.installed.kind;
        let [listen, admin] = free_ports()
            .map_err(|source| TestbedError::System { what: "find a free port".to_owned(), source })?;
        let mut launch = Launch {
            dir,
            config,
            listen: spec.listen.unwrap_or(listen),
            admin,
            threads: spec.threads,
            switching: spec.switching,
            algorithms: spec.algorithms,
            backends: known,
            access_log: None,
            logs_requests: spec.logs_requests,
        };
        let mut modules = Vec::new();
        if launch.steers() {
            launch.access_log = kind.steering_log.map(|file| dir.join(file));
            modules = kind.modules.map_or(Ok(Vec::new()), |find| find(&spec.installed.program))?;
        }
        Ok(Self { spec, launch, modules, log: dir.join(format!("{kind}.log")) })
    }

    async fn start(self) -> Result<Real, TestbedError> {
        let installed = self.spec.installed;
        let kind = installed.kind;
        let launch = &self.launch;
        if let Err(error) = TcpListener::bind(launch.listen) {
            return Err(self.port_taken(error.to_string()));
        }
        let filled = template::render(kind, launch, &self.modules)?;
        files::write(installed, launch, &filled)?;
        files::check(installed, launch)?;
        let args = (kind.run)(launch);
        let environment = (kind.environment)(launch);
        let access_log = launch.logs_requests.then(|| launch.dir.join(ACCESS_LOG));
        let output = access_log.as_deref().filter(|_| kind.logs_to_stdout).unwrap_or(&self.log);
        let mut process = Child::start_program(
            kind.name(),
            &installed.program,
            &args,
            &environment,
            launch.dir,
            [output, &self.log],
        )?;
        let options = RealOptions {
            backends: launch.backends.to_vec(),
            switching: launch.switching,
            access_log: launch.access_log.clone(),
            ..RealOptions::new(self.admin_address(&process)?)
        };
        match self.wait(&mut process, &options, &filled).await {
            Ok(admin) => {
                Ok(Real { process, base_url: format!("http://{}", launch.listen), admin, access_log })
            }
            Err(error) => {
                let taken = TAKEN.iter().any(|text| process.logged(text));
                process.stop().await;
                Err(if taken { self.port_taken(with_causes(&error)) } else { error })
            }
        }
    }

    fn port_taken(&self, said: String) -> TestbedError {
        TestbedError::PortTaken { name: self.spec.installed.kind.name(), listen: self.spec.listen, said }
    }

    /// Returns the address of the admin API, in the form that the adapter expects.
    fn admin_address(&self, process: &Child) -> Result<String, TestbedError> {
        let Launch { dir, admin, .. } = &self.launch;
        Ok(match self.spec.installed.kind.admin {
            AdminPlace::Folder => dir.to_string_lossy().into_owned(),
            AdminPlace::Api => format!("http://{admin}"),
            AdminPlace::Socket(file) => socket_path(dir, file, process)?,
        })
    }

    /// Waits until the load balancer accepts connections and its admin API answers.
    async fn wait(
        &self,
        process: &mut Child,
        options: &RealOptions,
        filled: &str,
    ) -> Result<Box<dyn LoadBalancerAdmin>, TestbedError> {
        let kind = self.spec.installed.kind;
        let Launch { listen, admin, .. } = self.launch;
        let deadline = Instant::now() + START_TIMEOUT;
        let mut last = TestbedError::NotListening(listen);
        let mut to_load = kind.load;
        while Instant::now() < deadline {
            process.check()?;
            if let Some(load) = to_load
                && TcpStream::connect(admin).await.is_ok()
            {
                let loaded = (load.with)(options, filled).await;
                loaded.map_err(|error| TestbedError::Load { what: load.what, source: Box::new(error) })?;
                to_load = None;
            }
            if to_load.is_none() && TcpStream::connect(listen).await.is_ok() {
                match connect(kind, options).await {
                    Ok(admin) => return Ok(admin),
                    Err(error) => last = error.into(),
                }
            }
            sleep(POLL).await;
        }
        Err(TestbedError::NotUp {
            name: kind.name(),
            seconds: START_TIMEOUT.as_secs(),
            log: self.log.clone(),
            source: Box::new(last),
        })
    }
}

/// Returns a path to the socket `file` in the folder `dir` that is short enough for a Unix socket. `process`
/// runs in `dir`.
fn socket_path(dir: &Path, file: &str, process: &Child) -> Result<String, TestbedError> {
    let path = dir.join(file).to_string_lossy().into_owned();
    match process.id() {
        _ if path.len() <= LONGEST_SOCKET => Ok(path),
        Some(id) if cfg!(target_os = "linux") => Ok(format!("/proc/{id}/cwd/{file}")),
        _ => Err(TestbedError::LongSocket { path, longest: LONGEST_SOCKET }),
    }
}

/// Lists the backends in the form in which load balancers are configured with them.
fn known_backends(topology: &Topology, backends: &Backends) -> Result<Vec<KnownBackend>, TestbedError> {
    let mut known = Vec::new();
    for pool in &topology.pools {
        for spec in &pool.backends {
            for name in [&pool.name, &spec.id] {
                if !is_part(name) {
                    return Err(TestbedError::Name { name: name.clone(), topology: topology.name.clone() });
                }
            }
            let listening =
                backends.listening(&spec.id).ok_or_else(|| TestbedError::NoBackend(spec.id.clone()))?;
            known.push(KnownBackend {
                id: spec.id.clone(),
                pool: pool.name.clone(),
                services: pool.services.clone(),
                address: listening.address().to_owned(),
                weight: spec.weight,
            });
        }
    }
    Ok(known)
}

/// Finds two loopback ports that are free now.
fn free_ports() -> std::io::Result<[SocketAddr; 2]> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (first, second) = (TcpListener::bind(any)?, TcpListener::bind(any)?);
    Ok([first.local_addr()?, second.local_addr()?])
}
