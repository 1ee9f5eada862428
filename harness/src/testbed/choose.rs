//! Chooses the load balancer that a run drives: the one that a flag or the config's own block names;
//! else one that answers at the config's address; else, on an empty loopback address, our own.

use super::error::TestbedError;
use super::real::installed::Installed;
use lb_admin_client::{
    AdminError, Kind, LoadBalancerAdmin, Origin, RealOptions, SpringAdmin, SpringOptions, Switching, connect,
};
use lb_config::{LoadBalancer, Target};
use std::fmt;
use std::time::Duration;
use tokio::net::TcpStream;

/// A loopback address answers or refuses at once; anything slower is not reachable for a test.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Which load balancer a run drives.
#[derive(Clone, Debug)]
pub enum Choice {
    /// Load balancers and mock backends as children of `bench`; several are compared.
    Own(Vec<Own>),
    /// A load balancer that is running already.
    Running(Running),
}

/// A load balancer that `bench` starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// The reference load balancer.
    Reference,
    /// A real load balancer, with its program on this machine.
    Real(Installed),
}

impl Own {
    /// Returns the load balancer by its name.
    pub fn load_balancer(&self) -> LoadBalancer {
        match self {
            Self::Reference => LoadBalancer::Reference,
            Self::Real(installed) => LoadBalancer::Real(installed.kind),
        }
    }
}

/// A load balancer that is running already.
#[derive(Clone, Debug)]
pub struct Running {
    /// The base address at which clients connect; services have paths below it.
    pub base_url: String,
    /// The address of its admin API.
    pub admin_url: String,
    /// The bearer token of its admin API; `None` if it needs none.
    pub admin_token: Option<String>,
    /// Which load balancer it is; `None` if it speaks the dialect of the reference load balancer.
    pub kind: Option<Kind>,
    /// How algorithms are selected in a real one.
    pub switching: Switching,
    /// The reason why it was chosen, for the first line of a run.
    pub reason: &'static str,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(own) => {
                let name = |one: &Own| match one {
                    Own::Reference => "embedded reference load balancer".to_owned(),
                    Own::Real(installed) => installed.to_string(),
                };
                let names: Vec<String> = own.iter().map(name).collect();
                write!(f, "{} with mock backends, on free loopback ports", names.join(", "))
            }
            Self::Running(running) => {
                let kind = running.kind.map_or_else(String::new, |kind| format!("{kind} at "));
                write!(f, "{kind}{} ({})", running.base_url, running.reason)
            }
        }
    }
}

impl Running {
    /// Connects to its admin API.
    pub async fn admin(&self) -> Result<Box<dyn LoadBalancerAdmin>, AdminError> {
        let token = self.admin_token.clone();
        match self.kind {
            Some(kind) => {
                let options = RealOptions::new(&self.admin_url);
                connect(kind, &RealOptions { token, switching: self.switching, ..options }).await
            }
            None => {
                let options = SpringOptions { token, ..SpringOptions::new(&self.admin_url) };
                Ok(Box::new(SpringAdmin::connect(&options).await?))
            }
        }
    }
}

/// Decides which load balancer to drive.
///
/// # Errors
/// When a program is missing or too old, or what answers at an address cannot be driven.
pub async fn choose(target: &Target) -> Result<Choice, TestbedError> {
    let started = target.started();
    if !started.is_empty() {
        let own = |one: &LoadBalancer| match one {
            LoadBalancer::Reference => Ok(Own::Reference),
            LoadBalancer::Real(kind) => Installed::find(*kind, target.program()).map(Own::Real),
        };
        return started.iter().map(own).collect::<Result<_, _>>().map(Choice::Own);
    }
    let origin = Origin::parse(target.base_url())?;
    let running = Running {
        base_url: target.base_url().trim_end_matches('/').to_owned(),
        admin_url: target.admin_url().map_or_else(|| origin.to_string(), str::to_owned),
        admin_token: target.admin_token().map(str::to_owned),
        kind: match target.load_balancer() {
            Some(LoadBalancer::Real(kind)) => Some(kind),
            _ => None,
        },
        switching: target.switching(),
        reason: if target.explicit() { "named by you" } else { "answers at the config's base_url" },
    };
    let source = match running.admin().await {
        Ok(_) => return Ok(Choice::Running(running)),
        Err(error) => Box::new(error),
    };
    if target.explicit() {
        return Err(TestbedError::Named { admin_url: running.admin_url, source });
    }
    if !origin.is_loopback() {
        return Err(TestbedError::Remote { origin: origin.to_string(), source });
    }
    if listens(&origin).await {
        return Err(TestbedError::Stranger { origin: origin.to_string(), source });
    }
    Ok(Choice::Own(vec![Own::Reference]))
}

async fn listens(origin: &Origin) -> bool {
    let connect = TcpStream::connect((origin.host(), origin.port()));
    matches!(tokio::time::timeout(CONNECT_TIMEOUT, connect).await, Ok(Ok(_)))
}
