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
        /// The path of the file or folder.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// Something else that the system refused.
    #[error("failed to {what}")]
    System {
        /// What was tried, as a verb with its object.
        what: String,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The message in which a child reports its addresses cannot be parsed.
    #[error("failed to read {what}")]
    Reply {
        /// What was to be read.
        what: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The configuration of a child cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A child did not start to listen in time.
    #[error("{name} did not start within {seconds} s; its log is `{}`", .log.display())]
    Slow {
        /// The name of the child.
        name: &'static str,
        /// How long it was given, in seconds.
        seconds: u64,
        /// The path of its log.
        log: PathBuf,
    },
    /// A child has ended before it listened.
    #[error("{name} ended before it listened{}: {said}", how(*.status))]
    Stillborn {
        /// The name of the child.
        name: &'static str,
        /// Its exit status; `None` if that is not known.
        status: Option<ExitStatus>,
        /// The last lines of its log.
        said: String,
    },
    /// A child that ran has ended.
    #[error("{name} has ended ({status}): {said}")]
    Ended {
        /// The name of the child.
        name: &'static str,
        /// Its exit status.
        status: ExitStatus,
        /// The last lines of its log.
        said: String,
    },
    /// A call to the control API of the mock backends failed.
    #[error(transparent)]
    Mocks(#[from] MocksError),
    /// The program of a load balancer is not on this machine.
    #[error(
        "failed to find the program `{name}` on PATH; install it (`{install}`), or name it with --program"
    )]
    NotFound {
        /// The name of the load balancer.
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
        /// The name of the load balancer.
        name: &'static str,
        /// The path of its program.
        program: PathBuf,
        /// The error of the system.
        reason: String,
        /// The command that installs it.
        install: String,
    },
    /// A program does not report its version.
    #[error(
        "failed to read the version of {name} from what `{} {argument}` says (`{said}`); is this the right program?",
        .program.display()
    )]
    NoVersion {
        /// The name of the load balancer.
        name: &'static str,
        /// The path of its program.
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
        /// The name of the load balancer.
        name: &'static str,
        /// The version that was found.
        version: Version,
        /// The path of its program.
        program: PathBuf,
        /// The oldest version that will do.
        oldest: Version,
        /// The command that installs it.
        install: String,
    },
    /// What a program needs for steered weights is missing.
    #[error(transparent)]
    Modules(#[from] ModulesError),
    /// A template cannot be rendered, which is a defect of the template.
    #[error("failed to fill the template of {name}")]
    Template {
        /// The name of the load balancer.
        name: &'static str,
        /// What is wrong with the template.
        source: minijinja::Error,
    },
    /// A name contains characters that a configuration cannot hold.
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
        "{name} rejects the configuration `{}`: {said}; it was made for newer or older versions, or a name in the \
         topology is not valid there",
        .config.display()
    )]
    Rejected {
        /// The name of the load balancer.
        name: &'static str,
        /// The path of the configuration file.
        config: PathBuf,
        /// The lines in which the program says why.
        said: String,
    },
    /// A port is in use by something else.
    #[error(
        "failed to start {name}: {} is taken ({said}); end what listens there, or choose another address with --listen",
        address(*.listen)
    )]
    PortTaken {
        /// The name of the load balancer.
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
        /// The path of the socket.
        path: String,
        /// The longest path that the system allows, in bytes.
        longest: usize,
    },
    /// The load balancer does not accept connections yet.
    #[error("it does not listen at {0}")]
    NotListening(SocketAddr),
    /// The admin API does not answer as it should.
    #[error(transparent)]
    Admin(Box<AdminError>),
    /// A load balancer that is given its routes after the start did not accept them.
    #[error("failed to {what}")]
    Load {
        /// What was tried, as a verb with its object.
        what: &'static str,
        /// The error of its admin API.
        source: Box<AdminError>,
    },
    /// A load balancer did not answer in time after its start.
    #[error("{name} did not come up within {seconds} s; its log is `{}`", .log.display())]
    NotUp {
        /// The name of the load balancer.
        name: &'static str,
        /// How long it was given, in seconds.
        seconds: u64,
        /// The path of its log.
        log: PathBuf,
        /// What failed at the last attempt to reach it.
        source: Box<TestbedError>,
    },
    /// `bench` cannot drive the load balancer that was named.
    #[error(
        "failed to use the load balancer with the admin API at `{admin_url}`; start it, name its admin API with --admin, \
         name which one it is with --load-balancer, or leave --url out to use the embedded one"
    )]
    Named {
        /// The address of its admin API.
        admin_url: String,
        /// The error of its admin API.
        source: Box<AdminError>,
    },
    /// Nothing that can be driven answers on another machine.
    #[error(
        "failed to use a load balancer at `{origin}` (the config's base_url); start it, or name another with --url and \
         --admin"
    )]
    Remote {
        /// The address at which it should be.
        origin: String,
        /// The error of its admin API.
        source: Box<AdminError>,
    },
    /// Something answers on this machine that cannot be driven.
    #[error(
        "something listens at `{origin}` (the config's base_url) but is not a load balancer that `bench` can drive; stop it, or \
         name the load balancer with --url and --admin"
    )]
    Stranger {
        /// The address at which it listens.
        origin: String,
        /// The error of what should be its admin API.
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
