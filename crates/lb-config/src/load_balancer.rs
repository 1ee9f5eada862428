//! Names of load balancers: the reference that comes with `bench`, and the real ones it can start.

use lb_admin_client::Kind;
use lb_core::suggest::did_you_mean;
use std::fmt;
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
        let real = Kind::ALL.map(Kind::name);
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
        let known = || ["reference"].into_iter().chain(Kind::ALL.map(Kind::name));
        name.parse().map(Self::Real).map_err(|()| {
            format!(
                "is no load balancer that `bench` knows{}; known: {}, or the URL of one that runs",
                did_you_mean(name, known()),
                Self::all_names()
            )
        })
    }
}
