//! Load balancers: the reference one that comes with `bench`, the real ones that it can start, and the one
//! under test.

use lb_admin_client::{Declaration, Kind, Switching};
use lb_core::secret::Secret;
use lb_core::suggest::did_you_mean;
use lb_core::{Algorithm, BackendFrom};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

/// A load balancer that `bench` knows by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadBalancer {
    /// The reference load balancer, which comes with `bench`.
    Reference,
    /// A real load balancer, such as HAProxy.
    Real(Kind),
}

impl LoadBalancer {
    /// Returns the names of all load balancers, joined by commas.
    pub fn all_names() -> String {
        let real = Kind::ALL.iter().map(|kind| kind.name());
        ["reference"].into_iter().chain(real).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for LoadBalancer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference => f.write_str("reference"),
            Self::Real(kind) => kind.fmt(f),
        }
    }
}

impl FromStr for LoadBalancer {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name.eq_ignore_ascii_case("reference") {
            return Ok(Self::Reference);
        }
        let known = || ["reference"].into_iter().chain(Kind::ALL.iter().map(|kind| kind.name()));
        name.parse().map(Self::Real).map_err(|()| {
            format!(
                "is not a load balancer that `bench` knows{}; use one of {}, the URL of a running one, or the file \
                 of a declaration such as `ingress.json`",
                did_you_mean(name, known()),
                Self::all_names()
            )
        })
    }
}

/// The load balancer under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The URL with its password masked.
    pub(crate) base_url: String,
    pub(crate) full_url: Secret,
    pub(crate) explicit: bool,
    pub(crate) of_config: bool,
    pub(crate) as_is: Option<Algorithm>,
    pub(crate) declared: Option<Arc<Declaration>>,
    pub(crate) admin_url: Option<String>,
    pub(crate) admin_token: Option<String>,
    pub(crate) admin_token_file: Option<PathBuf>,
    pub(crate) load_balancer: Option<LoadBalancer>,
    pub(crate) compared: Vec<LoadBalancer>,
    pub(crate) program: Option<PathBuf>,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) switching: Switching,
    pub(crate) backend_from: Option<BackendFrom>,
    pub(crate) backends: Vec<String>,
}

impl Target {
    /// Returns the URL of the load balancer, including the path below which services are found, without a
    /// trailing slash. A password in it is masked, so that it can be shown.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Returns the URL of the load balancer with the password that it may have, for connecting.
    pub fn full_url(&self) -> &Secret {
        &self.full_url
    }

    /// Returns whether requests are sent over TLS: to something that is running at an `https` address.
    pub fn is_secure(&self) -> bool {
        self.started().is_empty() && self.base_url.starts_with("https://")
    }

    /// Returns whether a flag or the `bench` block gives the address of what is under test. The plain
    /// `base_url` of a config does not count.
    pub fn explicit(&self) -> bool {
        self.explicit
    }

    /// Returns whether the `base_url` of a config of the user's own may name a running load balancer. That of
    /// a bundled config never does: any program may answer there.
    pub fn is_named_by_config(&self) -> bool {
        self.of_config && !self.is_named()
    }

    /// Returns the only contestant of an address that is measured as it is, without an admin API. `None` if
    /// the load balancer can be switched.
    pub fn as_is(&self) -> Option<Algorithm> {
        self.as_is
    }

    /// Returns the load balancer under test as data, with the steps that switch it. `None` if it has an adapter
    /// or is not switched.
    pub fn declared(&self) -> Option<&Arc<Declaration>> {
        self.declared.as_ref()
    }

    /// Returns the address of the admin API. `None` means that it is at the origin of the entry.
    pub fn admin_url(&self) -> Option<&str> {
        self.admin_url.as_deref()
    }

    /// Returns the bearer token of the admin API.
    pub fn admin_token(&self) -> Option<&str> {
        self.admin_token.as_deref()
    }

    /// Returns the file that holds this token, if [`Self::admin_token`] is not given.
    pub fn admin_token_file(&self) -> Option<&Path> {
        self.admin_token_file.as_deref()
    }

    /// Returns the load balancer under test. With an explicit address it is already running, otherwise
    /// `bench` starts it. `None` without an explicit address means the reference.
    pub fn load_balancer(&self) -> Option<LoadBalancer> {
        self.load_balancer
    }

    /// Returns the load balancers to compare, all of which `bench` starts. Empty if there is nothing to
    /// compare.
    pub fn compared(&self) -> &[LoadBalancer] {
        &self.compared
    }

    /// Returns the program of a real load balancer. `None` means the first one on PATH.
    pub fn program(&self) -> Option<&Path> {
        self.program.as_deref()
    }

    /// Returns the address on which a real load balancer that `bench` starts listens. `None` means a free
    /// loopback port.
    pub fn listen(&self) -> Option<SocketAddr> {
        self.listen
    }

    /// Returns how a real load balancer switches to another algorithm.
    pub fn switching(&self) -> Switching {
        self.switching
    }

    /// Returns where replies of a load balancer that is already running name the backend: what the user says.
    /// `None` leaves it to the load balancer.
    pub fn backend_from(&self) -> Option<BackendFrom> {
        let declared = self.declared.as_ref().and_then(|spec| spec.backend_from.clone());
        self.backend_from.clone().or(declared)
    }

    /// Returns the names of the backends of a load balancer that does not list them; empty if they are not known.
    pub fn backends(&self) -> &[String] {
        &self.backends
    }

    /// Returns the load balancers that `bench` starts. Empty if the load balancer under test is already
    /// running.
    pub fn started(&self) -> Vec<LoadBalancer> {
        match self.load_balancer {
            _ if !self.compared.is_empty() => self.compared.clone(),
            _ if self.explicit => Vec::new(),
            one => vec![one.unwrap_or(LoadBalancer::Reference)],
        }
    }

    /// Returns whether a flag or the `bench` block names the load balancer. If not, the reference is started.
    pub fn is_named(&self) -> bool {
        self.explicit || self.load_balancer.is_some() || !self.compared.is_empty()
    }

    /// Returns whether a reference load balancer may be the one under test.
    pub fn may_be_reference(&self) -> bool {
        self.started().contains(&LoadBalancer::Reference)
    }
}
