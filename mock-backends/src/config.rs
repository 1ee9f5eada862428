//! Settings of a mock-backends process, the line that it prints when it is ready, and its errors.

use crate::api_file::{Api, ApiFileError};
use crate::catalogue::{Product, catalogue_problems, default_catalogue};
use lb_core::Seed;
use lb_core::topology::{BUNDLED, Topology};
use lb_listen::{Gate, HostError};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Settings of a mock-backends process.
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
    /// Hosts besides loopback ones under which the APIs that steer the backends may be called, and from whose
    /// pages.
    pub allowed_hosts: Vec<String>,
    /// Products that the shop sells.
    pub catalogue: Vec<Product>,
    /// The API that the backends serve; `None` for the shop, or for its pages in pools that name the service `boutique`.
    pub api: Option<Api>,
    /// Whether replies carry the load of the backend, and probes of it are answered.
    pub load_reports: bool,
    /// Seed of the tokens, and of the service times and failures of requests without `x-request-key`.
    pub seed: Seed,
    /// The certificate with which the backends speak TLS; `None` for plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Whether the process exits when its standard input closes, as happens when the parent process dies.
    pub exit_with_parent: bool,
}

impl Config {
    /// Creates settings for loopback, with ports chosen by the system and the built-in catalogue.
    pub fn new(topology: Topology) -> Self {
        Self {
            topology,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            base_port: None,
            control_port: None,
            allowed_hosts: Vec::new(),
            catalogue: default_catalogue(),
            api: None,
            load_reports: false,
            seed: Seed(1),
            tls: None,
            exit_with_parent: false,
        }
    }

    /// Returns the rule for who may call the APIs that steer the backends.
    pub(crate) fn gate(&self) -> Result<Gate, HostError> {
        let gate = Gate::new("--allowed-host", &self.allowed_hosts)?;
        Ok(gate.bound_to(SocketAddr::new(self.host, 0)))
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
        problems.extend(self.gate().err().map(|error| error.to_string()));
        if problems.is_empty() { Ok(()) } else { Err(MockError::Invalid(problems)) }
    }
}

/// The line of JSON that the process prints when it listens on all ports.
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
    /// Id of the backend in the topology and in `X-Backend`.
    pub id: String,
    /// Address, such as `http://127.0.0.1:40002`; `https` with TLS.
    pub url: String,
    /// Name of its pool.
    pub pool: String,
    /// Services of its pool; empty for all services that no other pool names.
    pub services: Vec<String>,
    /// The weight to configure in the load balancer.
    pub weight: f64,
}

fn bundled_names() -> String {
    BUNDLED.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// The files with which the backends identify themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// A PEM file with the certificate, followed by those of the authorities between it and a trusted one.
    pub certificate: PathBuf,
    /// A PEM file with the private key of the certificate.
    pub key: PathBuf,
}

/// Why mock backends did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum MockError {
    /// The topology, the catalogue or the ports cannot be used.
    #[error("invalid settings:\n  {}", .0.join("\n  "))]
    Invalid(Vec<String>),
    /// The topology is neither bundled nor a readable file.
    #[error(
        "`--topology {typed}` is neither a bundled topology nor a readable file ({source}); \
         bundled are {names}",
        typed = typed.display(),
        names = bundled_names()
    )]
    Topology {
        /// The argument as typed.
        typed: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The mock API cannot be used.
    #[error(transparent)]
    Api(#[from] ApiFileError),
    /// A file cannot be read or has invalid contents.
    #[error("cannot use {path}: {problem}", path = path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A port is taken, or the address does not belong to this machine.
    #[error(
        "cannot listen on {address} for {what}: {source}; \
         stop the process that is listening there, or choose another port"
    )]
    Listen {
        /// What the port is for, such as `backend b1`.
        what: String,
        /// Address and port.
        address: SocketAddr,
        /// The underlying error.
        source: io::Error,
    },
    /// An I/O operation that should always succeed failed.
    #[error("I/O error: {0}")]
    Io(#[from] io::Error),
}

impl MockError {
    /// Returns the exit code of the process: 2 for invalid settings, 3 if a port is not available, and 1
    /// otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Invalid(_) | Self::File { .. } | Self::Topology { .. } | Self::Api(_) => 2,
            Self::Listen { .. } => 3,
            Self::Io(_) => 1,
        }
    }
}
