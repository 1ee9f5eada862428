//! Load balancers: the reference one that comes with `bench`, the real ones that it can start, and the one
//! under test.

use lb_admin_client::{Kind, Switching};
use lb_core::suggest::did_you_mean;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A load balancer by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadBalancer {
    /// The one that comes with `bench`.
    Reference,
    /// A real one.
    Real(Kind),
}

impl LoadBalancer {
    /// The names that there are, joined by commas.
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
                "is not a load balancer that `bench` knows{}; known: {}, or the URL of one that runs",
                did_you_mean(name, known()),
                Self::all_names()
            )
        })
    }
}

/// The load balancer under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(crate) base_url: String,
    pub(crate) explicit: bool,
    pub(crate) admin_url: Option<String>,
    pub(crate) admin_token: Option<String>,
    pub(crate) load_balancer: Option<LoadBalancer>,
    pub(crate) compared: Vec<LoadBalancer>,
    pub(crate) program: Option<PathBuf>,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) switching: Switching,
}

impl Target {
    /// The URL of the entry, including the path below which services are found, without a trailing slash.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Whether a flag or the `bench` block gives the address, so that no other load balancer may be driven
    /// instead.
    pub fn explicit(&self) -> bool {
        self.explicit
    }

    /// The address of the admin API. `None` when it is at the origin of the entry.
    pub fn admin_url(&self) -> Option<&str> {
        self.admin_url.as_deref()
    }

    /// The bearer token of the admin API.
    pub fn admin_token(&self) -> Option<&str> {
        self.admin_token.as_deref()
    }

    /// Which load balancer it is. If the address is explicit it already runs, otherwise `bench` starts it.
    /// `None` is the one that answers at the entry, or else the reference.
    pub fn load_balancer(&self) -> Option<LoadBalancer> {
        self.load_balancer
    }

    /// The load balancers to compare, all of which `bench` starts. Empty if there is nothing to compare.
    pub fn compared(&self) -> &[LoadBalancer] {
        &self.compared
    }

    /// The program of a real load balancer. `None` is the first on PATH.
    pub fn program(&self) -> Option<&Path> {
        self.program.as_deref()
    }

    /// The address on which `bench` lets a real load balancer listen. `None` is a free loopback port.
    pub fn listen(&self) -> Option<SocketAddr> {
        self.listen
    }

    /// How a real load balancer switches to another algorithm.
    pub fn switching(&self) -> Switching {
        self.switching
    }

    /// The load balancers that `bench` starts. Empty if one is already running, or may be.
    pub fn started(&self) -> Vec<LoadBalancer> {
        match self.load_balancer {
            _ if !self.compared.is_empty() => self.compared.clone(),
            Some(one) if !self.explicit => vec![one],
            _ => Vec::new(),
        }
    }

    /// Whether a reference load balancer may be the one under test.
    pub fn may_be_reference(&self) -> bool {
        match self.started().as_slice() {
            [] => !self.explicit,
            started => started.contains(&LoadBalancer::Reference),
        }
    }
}
