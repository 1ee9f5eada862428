//! What can keep a load balancer or its backends from being started, found or watched. Each message names what
//! failed and, where there is one, the way out.

use super::mocks::MocksError;
use lb_admin_client::{AdminError, ModulesError, Version};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why something under test cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestbedError {
    /// A file or folder cannot be made, written or read.
    #[error("failed to {what} `{}`", .path.display())]
    File {
        /// What was tried, such as `write` or `make the folder`.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something else that the system refused.
    #[error("failed to {what}")]
    System {
        /// What was tried.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// What a child says of itself is not what it should say.
    #[error("failed to read {what}")]
    Reply {
        /// What was to be read.
        what: String,
        /// Why it could not.
        source: serde_json::Error,
    },
    /// What a child is told cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A child does not listen.
    #[error("{name} did not start within {seconds} s; its log is `{}`", .log.display())]
    Slow {
        /// The child.
        name: &'static str,
        /// For how long it was waited.
        seconds: u64,
        /// Its log.
        log: PathBuf,
    },
    /// A child has ended before it listened.
    #[error("{name} ended before it listened{}: {said}", how(*.status))]
    Stillborn {
        /// The child.
        name: &'static str,
        /// How it ended; `None` if that is not known.
        status: Option<ExitStatus>,
        /// What it logged last.
        said: String,
    },
    /// A child that ran has ended.
    #[error("{name} has ended ({status}): {said}")]
    Ended {
        /// The child.
        name: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// What it logged last.
        said: String,
    },
    /// The mock backends did not do what they were told.
    #[error(transparent)]
    Mocks(#[from] MocksError),
    /// The program of a load balancer is not on this machine.
    #[error(
        "failed to find the program `{name}` on PATH; install it (`{install}`), or name it with --program"
    )]
    NotFound {
        /// The load balancer.
        name: &'static str,
        /// The command that installs it.
        install: String,
    },
    /// The program of a load balancer cannot be run.
    #[error(
        "failed to run `{}`: {reason}; install {name} (`{install}`), or name its program with --program",
        .program.display()
    )]
    CannotRun {
        /// The load balancer.
        name: &'static str,
        /// Its program.
        program: PathBuf,
        /// Why.
        reason: String,
        /// The command that installs it.
        install: String,
    },
    /// A program does not say its version.
    #[error(
        "failed to read the version of {name} from what `{} {argument}` says (`{said}`); is this the right program?",
        .program.display()
    )]
    NoVersion {
        /// The load balancer.
        name: &'static str,
        /// Its program.
        program: PathBuf,
        /// The argument that should make it print its version.
        argument: &'static str,
        /// The first line that it printed.
        said: String,
    },
    /// A program is older than the template and the adapter can serve.
    #[error(
        "{name} {version} (`{}`) is too old: {oldest} or newer is needed; install it (`{install}`), or name another program \
         with --program",
        .program.display()
    )]
    TooOld {
        /// The load balancer.
        name: &'static str,
        /// What it is.
        version: Version,
        /// Its program.
        program: PathBuf,
        /// What it should be at least.
        oldest: Version,
        /// The command that installs it.
        install: String,
    },
    /// What a program needs for steered weights is missing.
    #[error(transparent)]
    Modules(#[from] ModulesError),
    /// A template cannot be filled: a defect of the template.
    #[error("failed to fill the template of {name}")]
    Template {
        /// The load balancer.
        name: &'static str,
        /// Why.
        source: minijinja::Error,
    },
    /// A name cannot be written into a configuration.
    #[error(
        "failed to write `{name}` (of topology `{topology}`) into a load balancer's configuration; names of pools and \
         backends may have letters, digits, `-` and `_`"
    )]
    Name {
        /// The name of a pool or backend.
        name: String,
        /// The topology that has it.
        topology: String,
    },
    /// A backend of the topology was not started.
    #[error("failed to find where backend `{0}` listens")]
    NoBackend(String),
    /// The program refuses its configuration.
    #[error(
        "{name} rejects the configuration `{}`: {said}; it was made for newer or older versions, or a name in the topology \
         is none that it takes",
        .config.display()
    )]
    Rejected {
        /// The load balancer.
        name: &'static str,
        /// The configuration file.
        config: PathBuf,
        /// What it says of it.
        said: String,
    },
    /// A port is in use by something else.
    #[error(
        "failed to start {name}: {} is taken ({said}); end what listens there, or choose another address with --listen",
        address(*.listen)
    )]
    PortTaken {
        /// The load balancer.
        name: &'static str,
        /// The address that was asked for; `None` if any port would do.
        listen: Option<SocketAddr>,
        /// What the system or the program says.
        said: String,
    },
    /// The path of a socket is too long for the system.
    #[error(
        "failed to reach the socket `{path}`: its path is longer than {longest} bytes; choose a shorter one with --out"
    )]
    LongSocket {
        /// The socket.
        path: String,
        /// What the system allows.
        longest: usize,
    },
    /// Nothing takes connections yet.
    #[error("it does not listen at {0}")]
    NotListening(SocketAddr),
    /// The admin API does not answer as it should.
    #[error(transparent)]
    Admin(Box<AdminError>),
    /// A load balancer that starts without routes did not take them.
    #[error("failed to {what}")]
    Load {
        /// What was tried.
        what: &'static str,
        /// Why.
        source: Box<AdminError>,
    },
    /// A load balancer does not come up.
    #[error("{name} did not come up within {seconds} s; its log is `{}`", .log.display())]
    NotUp {
        /// The load balancer.
        name: &'static str,
        /// For how long it was waited.
        seconds: u64,
        /// Its log.
        log: PathBuf,
        /// What was missing last.
        source: Box<TestbedError>,
    },
    /// The load balancer that is named cannot be driven.
    #[error(
        "failed to use the load balancer with the admin API at `{admin_url}`; start it, name its admin API with --admin, \
         name which one it is with --load-balancer, or leave --url out to use the embedded one"
    )]
    Named {
        /// Its admin API.
        admin_url: String,
        /// Why.
        source: Box<AdminError>,
    },
    /// Nothing that can be driven answers on another machine.
    #[error(
        "failed to use a load balancer at `{origin}` (the config's base_url); start it, or name another with --url and \
         --admin"
    )]
    Remote {
        /// Where it should be.
        origin: String,
        /// Why.
        source: Box<AdminError>,
    },
    /// Something answers on this machine that cannot be driven.
    #[error(
        "something listens at `{origin}` (the config's base_url) but is no load balancer that `bench` can drive; stop it, or \
         name the load balancer with --url and --admin"
    )]
    Stranger {
        /// Where it listens.
        origin: String,
        /// Why it cannot be driven.
        source: Box<AdminError>,
    },
}

impl TestbedError {
    /// Writes the error and its causes, from the outermost to the innermost.
    pub(super) fn with_causes(&self) -> String {
        let causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
        causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}"))
    }
}

impl From<AdminError> for TestbedError {
    fn from(error: AdminError) -> Self {
        Self::Admin(Box::new(error))
    }
}

fn how(status: Option<ExitStatus>) -> String {
    status.map_or_else(String::new, |status| format!(" ({status})"))
}

fn address(listen: Option<SocketAddr>) -> String {
    listen.map_or_else(|| "a port".to_owned(), |listen| format!("`{listen}`"))
}
