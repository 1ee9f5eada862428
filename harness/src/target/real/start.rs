//! From a program to a load balancer that answers: ports, configuration, check, start, wait.

use super::super::backends::Backends;
use super::super::child::Child;
use super::installed::Installed;
use super::launch::{self, Place};
use super::lua;
use super::template::{Admin, Facts, NGINX_LUA, render};
use anyhow::{Context, Result, anyhow, bail};
use lb_admin_client::{
    Kind, KnownBackend, LoadBalancerAdmin, RealOptions, Switching, connect, envoy, traefik,
};
use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use lb_core::topology::Topology;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

/// How long it may take until it listens. Generous: a loaded machine starts slowly, and what cannot start
/// says so at once.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// Between two looks at whether it listens.
const POLL: Duration = Duration::from_millis(20);
/// A free port can be taken by somebody else before the load balancer takes it.
const ATTEMPTS: u32 = 3;
/// HAProxy's stats socket, in its folder.
const SOCKET: &str = "admin.sock";
/// What programs say when a port is taken.
const TAKEN: [&str; 3] = ["already in use", "Address in use", "cannot bind"];

/// What lines have that say why a configuration is rejected; programs print others beside them.
const TELLING: [&str; 4] = ["[ALERT]", "[emerg]", "error", "Error"];

/// A real load balancer that runs.
pub struct Real {
    /// Its process.
    pub process: Child,
    /// Where requests go.
    pub base_url: String,
    /// Its admin API.
    pub admin: Box<dyn LoadBalancerAdmin>,
}

/// What to start.
#[derive(Clone, Debug)]
pub struct RealSpec<'a> {
    /// The program.
    pub installed: &'a Installed,
    /// Where clients connect; none: a free loopback port.
    pub listen: Option<SocketAddr>,
    /// The backends.
    pub topology: &'a Topology,
    /// The algorithms that will run, those that it lacks left out.
    pub algorithms: &'a [Algorithm],
    /// Worker threads or processes.
    pub threads: u16,
    /// How algorithms are selected.
    pub switching: Switching,
}

impl RealSpec<'_> {
    /// Whether an algorithm will run whose weights are steered.
    fn steers(&self) -> bool {
        self.algorithms.iter().any(|algorithm| algorithm.rule == Rule::Rl)
    }
}

impl Real {
    /// Starts it before `backends`. Its configuration and its log go to `dir`.
    ///
    /// # Errors
    /// The configuration is rejected, a port is taken, or it does not come up; with what it says.
    pub async fn start(spec: &RealSpec<'_>, backends: &Backends, dir: &Path) -> Result<Self> {
        let kind = spec.installed.kind;
        std::fs::create_dir_all(dir)
            .with_context(|| format!("failed to make the folder `{}`", dir.display()))?;
        // Programs change into folders of their own.
        let dir = dir.canonicalize().with_context(|| format!("failed to find `{}`", dir.display()))?;
        let known = known_backends(spec.topology, backends)?;
        let modules = match kind {
            Kind::Nginx if spec.steers() => lua::modules(&spec.installed.program)?,
            _ => Vec::new(),
        };
        let mut attempt = 1;
        loop {
            match Attempt::new(spec, &known, &modules, &dir)?.start().await {
                Err(Failed::PortTaken(_)) if spec.listen.is_none() && attempt < ATTEMPTS => attempt += 1,
                Err(Failed::PortTaken(said)) => bail!(
                    "failed to start {kind}: {} is taken ({said}); end what listens there, or choose another address with \
                     --listen",
                    spec.listen.map_or_else(|| "a port".to_owned(), |listen| format!("`{listen}`"))
                ),
                Err(Failed::Other(error)) => return Err(error),
                Ok(real) => return Ok(real),
            }
        }
    }
}

/// Why an attempt failed.
enum Failed {
    PortTaken(String),
    Other(anyhow::Error),
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

/// One attempt, with ports of its own.
struct Attempt<'a> {
    spec: &'a RealSpec<'a>,
    known: &'a [KnownBackend],
    /// What nginx has to load.
    modules: &'a [PathBuf],
    dir: &'a Path,
    place: Place,
    config: PathBuf,
    log: PathBuf,
}

impl<'a> Attempt<'a> {
    fn new(
        spec: &'a RealSpec<'a>,
        known: &'a [KnownBackend],
        modules: &'a [PathBuf],
        dir: &'a Path,
    ) -> Result<Self> {
        let kind = spec.installed.kind;
        let [listen, admin] = free_ports().context("failed to find a free port")?;
        let logs = kind == Kind::Traefik && spec.steers();
        let place = Place {
            listen: spec.listen.unwrap_or(listen),
            admin,
            threads: spec.threads,
            access_log: logs.then(|| dir.join("access.log")),
        };
        Ok(Self {
            spec,
            known,
            modules,
            dir,
            place,
            config: dir.join(launch::config_file(kind)),
            log: dir.join(format!("{kind}.log")),
        })
    }

    async fn start(self) -> Result<Real, Failed> {
        let installed = self.spec.installed;
        let kind = installed.kind;
        if let Err(error) = TcpListener::bind(self.place.listen) {
            return Err(Failed::PortTaken(error.to_string()));
        }
        let admin = self.admin();
        let rendered = render(&Facts {
            kind,
            listen: self.place.listen,
            admin: &admin,
            dir: self.written_dir(),
            threads: self.spec.threads,
            switching: self.spec.switching,
            algorithms: self.spec.algorithms,
            backends: self.known,
            modules: self.modules,
        })?;
        self.write(&self.config, &rendered)?;
        self.write_companions()?;
        self.check()?;
        let args = launch::run(kind, &self.config, self.dir, &self.place);
        let environment = launch::environment(kind, self.dir, &self.place);
        let program = &installed.program;
        let mut process =
            Child::start_program(kind.name(), program, &args, &environment, self.dir, &self.log)?;
        let options = RealOptions {
            backends: self.known.to_vec(),
            switching: self.spec.switching,
            access_log: self.place.access_log.clone(),
            ..RealOptions::new(kind, self.admin_address(&admin, &process)?)
        };
        let admin = match self.wait(&mut process, &options, &rendered).await {
            Ok(admin) => admin,
            Err(error) => {
                let taken = TAKEN.iter().any(|text| process.logged(text));
                let said = format!("{error:#}");
                process.stop().await;
                return Err(if taken { Failed::PortTaken(said) } else { Failed::Other(error) });
            }
        };
        Ok(Real { process, base_url: format!("http://{}", self.place.listen), admin })
    }

    /// Its folder as its configuration writes it: `.`, since it runs there, for those that do not take every
    /// character in a path.
    fn written_dir(&self) -> &Path {
        match self.spec.installed.kind {
            Kind::Haproxy | Kind::Nginx => Path::new("."),
            Kind::Envoy | Kind::Caddy | Kind::Traefik => self.dir,
        }
    }

    /// Where it is told what to do, as its configuration writes it.
    fn admin(&self) -> Admin {
        match self.spec.installed.kind {
            Kind::Haproxy => Admin::Socket(format!("unix@{SOCKET}")),
            _ => Admin::Address(self.place.admin),
        }
    }

    /// The same as its adapter wants it.
    fn admin_address(&self, admin: &Admin, process: &Child) -> Result<String> {
        Ok(match (self.spec.installed.kind, admin) {
            (Kind::Nginx, _) => self.dir.to_string_lossy().into_owned(),
            (_, Admin::Address(address)) => format!("http://{address}"),
            (_, Admin::Socket(_)) => socket_path(self.dir, process)?,
        })
    }

    fn write(&self, path: &Path, content: &str) -> Result<()> {
        std::fs::write(path, content).with_context(|| format!("failed to write `{}`", path.display()))
    }

    /// Files that a configuration names.
    fn write_companions(&self) -> Result<()> {
        let first = self.spec.algorithms.first().map(ToString::to_string).unwrap_or_default();
        match self.spec.installed.kind {
            Kind::Haproxy => self.write(&self.dir.join("algorithm.map"), &format!("current {first}\n")),
            Kind::Nginx => {
                self.flags()?;
                let mut facts = json!({
                    "algorithms": self.spec.algorithms,
                    "status": format!("http://{}/status", self.place.admin),
                    "pid": "nginx.pid",
                });
                if self.spec.steers() {
                    self.write(&self.dir.join("steered.lua"), NGINX_LUA)?;
                    facts["lua"] = json!(format!("http://{}", self.place.admin));
                }
                self.write(&self.dir.join("bench.json"), &facts.to_string())?;
                self.write(&self.dir.join("algorithm.map"), &format!("default {first};\n"))
            }
            Kind::Caddy => self.flags(),
            Kind::Envoy => self.xds(),
            Kind::Traefik => Ok(()),
        }
    }

    /// The folder of flag files, without any.
    fn flags(&self) -> Result<()> {
        let flags = self.dir.join("flags");
        if flags.exists() {
            std::fs::remove_dir_all(&flags)
                .with_context(|| format!("failed to empty `{}`", flags.display()))?;
        }
        std::fs::create_dir(&flags).with_context(|| format!("failed to make `{}`", flags.display()))
    }

    /// What Envoy reads from files and reads anew when they change: weights, and clusters where those are
    /// switched.
    fn xds(&self) -> Result<()> {
        let folder = self.dir.join("xds");
        std::fs::create_dir_all(&folder).with_context(|| format!("failed to make `{}`", folder.display()))?;
        let mut pools: Vec<&str> = self.known.iter().map(|backend| backend.pool.as_str()).collect();
        pools.dedup();
        for pool in pools {
            let cluster = format!("{pool}.rl");
            let members = self.known.iter().filter(|backend| backend.pool == pool);
            let equal: Vec<(KnownBackend, f64)> = members.map(|backend| (backend.clone(), 1.0)).collect();
            let document = envoy::assignment(&cluster, &equal);
            self.write(&folder.join(format!("{cluster}.eds.json")), &document.to_string())?;
        }
        let first = self.spec.algorithms.first().copied();
        match first.and_then(|first| envoy::clusters(self.known, first)) {
            Some(document) if self.spec.switching == Switching::Config => {
                self.write(&folder.join("cds.json"), &document.to_string())
            }
            _ => Ok(()),
        }
    }

    /// Lets the program itself check the configuration.
    fn check(&self) -> Result<()> {
        let installed = self.spec.installed;
        let Some(args) = launch::check(installed.kind, &self.config, self.dir) else { return Ok(()) };
        let output = Command::new(&installed.program)
            .args(&args)
            .current_dir(self.dir)
            .output()
            .with_context(|| format!("failed to run `{}`", installed.program.display()))?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let tells = |line: &&&str| TELLING.iter().any(|word| line.contains(word));
        let telling: Vec<&str> = lines.iter().filter(tells).copied().collect();
        let told = if telling.is_empty() { &lines } else { &telling };
        let last = told[told.len().saturating_sub(5)..].join("; ");
        bail!(
            "{} rejects the configuration `{}`: {last}; it was made for newer or older versions, or a name in the \
             topology is none that it takes",
            installed.kind,
            self.config.display()
        )
    }

    /// Waits until it takes connections and its admin API answers.
    async fn wait(
        &self,
        process: &mut Child,
        options: &RealOptions,
        rendered: &str,
    ) -> Result<Box<dyn LoadBalancerAdmin>> {
        let deadline = Instant::now() + START_TIMEOUT;
        let mut last = anyhow!("it does not listen at {}", self.place.listen);
        let mut loaded = options.kind != Kind::Traefik;
        while Instant::now() < deadline {
            process.check()?;
            if !loaded && TcpStream::connect(self.place.admin).await.is_ok() {
                load(options, rendered).await?;
                loaded = true;
            }
            if loaded && TcpStream::connect(self.place.listen).await.is_ok() {
                match connect(options).await {
                    Ok(admin) => return Ok(admin),
                    Err(error) => last = error.into(),
                }
            }
            sleep(POLL).await;
        }
        Err(last.context(format!(
            "{} did not come up within {} s; its log is `{}`",
            options.kind,
            START_TIMEOUT.as_secs(),
            self.log.display()
        )))
    }
}

/// Tells a load balancer that starts without routes what they are.
async fn load(options: &RealOptions, rendered: &str) -> Result<()> {
    let document =
        serde_json::from_str(rendered).context("failed to read the configuration that was made")?;
    traefik::load(options, document).await.context("failed to tell Traefik its routes")
}

/// A path that a Unix socket can have (at most 107 bytes) of the one in the folder `dir`, where `process` runs.
fn socket_path(dir: &Path, process: &Child) -> Result<String> {
    const LONGEST: usize = 107;
    let path = dir.join(SOCKET).to_string_lossy().into_owned();
    match process.id() {
        _ if path.len() <= LONGEST => Ok(path),
        Some(id) if cfg!(target_os = "linux") => Ok(format!("/proc/{id}/cwd/{SOCKET}")),
        _ => bail!(
            "failed to reach the socket `{path}`: its path is longer than {LONGEST} bytes; choose a shorter one with --out"
        ),
    }
}

/// The backends as load balancers are told of them.
fn known_backends(topology: &Topology, backends: &Backends) -> Result<Vec<KnownBackend>> {
    let mut known = Vec::new();
    for pool in &topology.pools {
        for spec in &pool.backends {
            for name in [&pool.name, &spec.id] {
                let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
                if name.is_empty() || !name.chars().all(fits) {
                    bail!(
                        "failed to write `{name}` (of topology `{}`) into a load balancer's configuration; names of pools \
                         and backends may have letters, digits, `-` and `_`",
                        topology.name
                    );
                }
            }
            let listening = backends
                .listening(&spec.id)
                .with_context(|| format!("failed to find where backend `{}` listens", spec.id))?;
            known.push(KnownBackend {
                id: spec.id.clone(),
                pool: pool.name.clone(),
                services: pool.services.clone(),
                address: listening.url.trim_start_matches("http://").trim_end_matches('/').to_owned(),
                weight: spec.weight,
            });
        }
    }
    Ok(known)
}

/// Two loopback ports that nobody has now.
fn free_ports() -> std::io::Result<[SocketAddr; 2]> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (first, second) = (TcpListener::bind(any)?, TcpListener::bind(any)?);
    Ok([first.local_addr()?, second.local_addr()?])
}
