//! Settings of a process of mock backends, the line that it prints when it is ready, and its errors.

use crate::catalogue::{Product, catalogue_problems, default_catalogue};
use lb_core::Seed;
use lb_core::topology::Topology;
use serde::{Deserialize, Serialize};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Settings of a process of mock backends.
#[derive(Clone, Debug)]
pub struct Config {
    /// Backends, service times and faults.
    pub topology: Topology,
    /// Address that the backends listen on. The control API always stays on loopback.
    pub host: IpAddr,
    /// Port of the first backend; the others take the ports after it. `None` lets the system choose.
    pub base_port: Option<u16>,
    /// Port of the control API; `None` lets the system choose.
    pub control_port: Option<u16>,
    /// Products that the shop sells.
    pub catalogue: Vec<Product>,
    /// Seed of the tokens, and of the service times and failures of requests without `x-request-key`.
    pub seed: Seed,
    /// Whether the process ends when its standard input does, as happens when the parent dies.
    pub exit_with_parent: bool,
}

impl Config {
    /// Settings for loopback, ports that the system chooses and the built-in catalogue.
    pub fn new(topology: Topology) -> Self {
        Self {
            topology,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            base_port: None,
            control_port: None,
            catalogue: default_catalogue(),
            seed: Seed(1),
            exit_with_parent: false,
        }
    }

    /// Checks all settings and reports all problems at once.
    ///
    /// # Errors
    /// [`MockError::Invalid`] with one sentence for each problem.
    pub(crate) fn validate(&self) -> Result<(), MockError> {
        let topology = self.topology.problems().into_iter().map(|p| format!("topology: {p}"));
        let catalogue = catalogue_problems(&self.catalogue).into_iter();
        let mut problems: Vec<String> =
            topology.chain(catalogue.map(|p| format!("catalogue: {p}"))).collect();
        let count = self.topology.pools.iter().map(|pool| pool.backends.len()).sum::<usize>();
        if let Some(base) = self.base_port
            && usize::from(base) + count > usize::from(u16::MAX) + 1
        {
            problems.push(format!(
                "--base-port {base}: {count} backends need ports beyond {}; choose a lower base port",
                u16::MAX
            ));
        }
        if problems.is_empty() { Ok(()) } else { Err(MockError::Invalid(problems)) }
    }
}

/// The line of JSON that the process prints when all ports listen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// Address of the control API, such as `http://127.0.0.1:40001`.
    pub control: String,
    /// All backends, in the order of the topology.
    pub backends: Vec<AnnouncedBackend>,
}

/// One backend of an [`Announcement`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnnouncedBackend {
    /// Id in the topology and in `X-Backend`.
    pub id: String,
    /// Address, such as `http://127.0.0.1:40002`.
    pub url: String,
    /// Name of its pool.
    pub pool: String,
    /// The services of its pool; empty means all that no other pool names.
    pub services: Vec<String>,
    /// The weight to configure in the load balancer.
    pub weight: f64,
}

/// Why mock backends did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum MockError {
    /// The topology, the catalogue or the ports cannot be used.
    #[error("invalid settings:\n  {}", .0.join("\n  "))]
    Invalid(Vec<String>),
    /// A file cannot be read or has invalid contents.
    #[error("cannot use {path}: {problem}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A port is taken, or the address does not belong to this machine.
    #[error(
        "cannot listen on {address} for {what}: {source}; \
         stop the process that listens there or choose another port"
    )]
    Listen {
        /// What the port is for, such as `backend b1`.
        what: String,
        /// Address and port.
        address: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// An I/O operation that should always succeed failed.
    #[error("I/O error: {0}")]
    Io(#[from] io::Error),
}

impl MockError {
    /// The exit code of a process that fails with this: 2 for unusable settings, 3 when a port cannot
    /// be had, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Invalid(_) | Self::File { .. } => 2,
            Self::Listen { .. } => 3,
            Self::Io(_) => 1,
        }
    }
}
