//! Errors of finding, starting and watching a load balancer or its backends. Each message names what failed
//! and, if possible, the way out.

use super::mocks::MocksError;
use lb_admin_client::{AdminError, ModulesError, Version};
use mock_backends::api_file::ApiFileError;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Error of finding, starting or watching the system under test.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestbedError {
    /// A file or folder cannot be created, written or read.
    #[error("failed to {what} `{}`", .path.display())]
    File {
        /// What was tried, such as `write` or `create the folder`.
        what: &'static str,
        /// The path of the file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// Another call to the operating system failed.
    #[error("failed to {what}")]
    System {
        /// What was tried, as a verb with its object.
        what: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The message in which a child reports its addresses cannot be parsed.
    #[error("failed to read {what}")]
    Reply {
        /// What could not be read.
        what: String,
        /// The parse error.
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
        /// The time limit in seconds.
        seconds: u64,
        /// The path of its log.
        log: PathBuf,
    },
    /// A child exited before it started to listen.
    #[error("{name} exited before it started to listen{}: {said}", how(*.status))]
    Stillborn {
        /// The name of the child.
        name: &'static str,
        /// Its exit status; `None` if unknown.
        status: Option<ExitStatus>,
        /// The last lines of its log.
        said: String,
    },
    /// A child that ran has ended.
    #[error("{name} ended during the run ({status}{}): {said}", killed(*.status))]
    Ended {
        /// The name of the child.
        name: &'static str,
        /// Its exit status.
        status: ExitStatus,
        /// The last lines of its log.
        said: String,
    },
    /// The mock API is not valid.
    #[error(transparent)]
    MockApi(#[from] Box<ApiFileError>),
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
        /// The error of the operating system.
        reason: String,
        /// The command that installs it.
        install: String,
    },
    /// A program does not report its version.
    #[error(
        "failed to read the version of {name} from the output of `{} {argument}` (`{said}`); is this the right program?",
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
    /// A program is too old for the template and the adapter.
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
        /// The oldest version that is supported.
        oldest: Version,
        /// The command that installs it.
        install: String,
    },
    /// A module that a program needs for steered weights is missing.
    #[error(transparent)]
    Modules(#[from] ModulesError),
    /// A template cannot be rendered: a value cannot be written in its syntax, or it has a defect.
    #[error("failed to render the template for {name}")]
    Template {
        /// The name of the load balancer.
        name: &'static str,
        /// What is wrong with the template.
        source: minijinja::Error,
    },
    /// A name contains characters that a configuration cannot hold.
    #[error(
        "failed to write `{name}` (of topology `{topology}`) into a load balancer's configuration; names of pools and \
         backends may only have letters, digits, `-` and `_`"
    )]
    Name {
        /// The name of a pool or backend.
        name: String,
        /// The topology that has it.
        topology: String,
    },
    /// A backend of the topology was not started.
    #[error("failed to find the address of backend `{0}`")]
    NoBackend(String),
    /// The program refuses its configuration.
    #[error(
        "{name} rejects the configuration `{}`: {said}; this version may be too new or too old for it, or a \
         name in the topology is not valid there",
        .config.display()
    )]
    Rejected {
        /// The name of the load balancer.
        name: &'static str,
        /// The path of the configuration file.
        config: PathBuf,
        /// The lines in which the program explains why.
        said: String,
    },
    /// A port is in use by something else.
    #[error(
        "failed to start {name}: {} is taken ({said}); stop whatever is listening there, or choose another address with --listen",
        address(*.listen)
    )]
    PortTaken {
        /// The name of the load balancer.
        name: &'static str,
        /// The requested address; `None` for any free port.
        listen: Option<SocketAddr>,
        /// The message of the operating system or the program.
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
    #[error("it is not listening at {0}")]
    NotListening(SocketAddr),
    /// The admin API does not answer as it should.
    #[error(transparent)]
    Admin(Box<AdminError>),
    /// A load balancer that gets its routes after the start did not accept them.
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
        /// The time limit in seconds.
        seconds: u64,
        /// The path of its log.
        log: PathBuf,
        /// The error of the last attempt to reach it.
        source: Box<TestbedError>,
    },
    /// `bench` cannot drive the load balancer that was named.
    #[error(
        "failed to use the load balancer with the admin API at `{admin_url}`; start it, name its admin API with --admin, \
         say which one it is with --load-balancer, or leave --url out to use the embedded one"
    )]
    Named {
        /// The address of its admin API.
        admin_url: String,
        /// The error of its admin API.
        source: Box<AdminError>,
    },
}

impl From<AdminError> for TestbedError {
    fn from(error: AdminError) -> Self {
        Self::Admin(Box::new(error))
    }
}

/// Explains a signal that `bench` itself does not send.
fn killed(status: ExitStatus) -> &'static str {
    match status.signal() {
        Some(9) => ", sent by another process, or by the system because memory ran out",
        Some(15) => ", sent by another process",
        _ => "",
    }
}

fn how(status: Option<ExitStatus>) -> String {
    status.map_or_else(String::new, |status| format!(" ({status})"))
}

fn address(listen: Option<SocketAddr>) -> String {
    listen.map_or_else(|| "a port".to_owned(), |listen| format!("`{listen}`"))
}
