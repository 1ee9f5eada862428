//! Chooses what a run measures: the load balancer or the address that a flag or the config's `bench` block
//! names; else the load balancer at the `base_url` of a config of the user's own, if one answers there; else the
//! embedded one. The `base_url` of a bundled config names nothing: any program may answer there.

use super::error::TestbedError;
use super::real::installed::Installed;
use lb_admin_client::{
    AdminError, AsIs, Declaration, Declared, Kind, LoadBalancerAdmin, Origin, RealOptions, SpringAdmin,
    SpringOptions, Switching, connect,
};
use lb_config::{LoadBalancer, Target};
use lb_core::Algorithm;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The most time to look for a load balancer that is not driven. A loopback address answers or refuses
/// immediately.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// How the algorithms of what is measured as it is could be switched.
const HOW_TO_SWITCH: &str = "measured as it is; to switch and compare algorithms, name the load balancer there with \
    --load-balancer, or its admin API with --admin";
/// How the first line of a run names a load balancer that a flag or the `bench` block names.
const NAMED_BY_USER: &str = "named by you";
/// How the first line of a run names the load balancer at the `base_url` of a config of the user's own.
const NAMED_BY_CONFIG: &str = "the base_url of your config";

/// The load balancer that a run drives, with a note for the user.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The load balancer.
    pub choice: Choice,
    /// A note on a load balancer that the user may have meant but that is left alone, with the flag that
    /// drives it.
    pub note: Option<String>,
}

/// The load balancer that a run drives.
#[derive(Clone, Debug)]
pub enum Choice {
    /// Load balancers and mock backends as children of `bench`; several load balancers are compared. A single
    /// real one may listen at an address of the user's choice; `None` means a free loopback port.
    Own(Vec<Own>, Option<SocketAddr>),
    /// A load balancer that is already running.
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
    /// Returns the kind of load balancer.
    pub fn load_balancer(&self) -> LoadBalancer {
        match self {
            Self::Reference => LoadBalancer::Reference,
            Self::Real(installed) => LoadBalancer::Real(installed.kind),
        }
    }
}

/// A load balancer that is already running.
#[derive(Clone)]
pub struct Running {
    /// The base address at which clients connect; services have paths below it.
    pub base_url: String,
    /// The address of its admin API.
    pub admin_url: String,
    /// The bearer token of its admin API; `None` if it needs none.
    pub admin_token: Option<String>,
    /// The kind of load balancer; `None` if it has the admin API of the reference load balancer.
    pub kind: Option<Kind>,
    /// How algorithms are selected in a real load balancer.
    pub switching: Switching,
    /// The only contestant, if the address is measured as it is and `admin_url` is not used.
    pub as_is: Option<Algorithm>,
    /// The steps that switch it, if it is declared and `admin_url` is not used.
    pub declared: Option<Arc<Declaration>>,
    /// How the user named it, for the first line of a run.
    pub named_by: &'static str,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(own, listen) => {
                let name = |one: &Own| match one {
                    Own::Reference => "embedded reference load balancer".to_owned(),
                    Own::Real(installed) => installed.to_string(),
                };
                let names: Vec<String> = own.iter().map(name).collect();
                match listen {
                    Some(listen) => {
                        write!(
                            f,
                            "{} on {listen}, with mock backends on free loopback ports",
                            names.join(", ")
                        )
                    }
                    None => write!(f, "{} with mock backends, on free loopback ports", names.join(", ")),
                }
            }
            Self::Running(running) => {
                if running.as_is.is_some() {
                    return write!(f, "{} as it is; nothing is switched", running.base_url);
                }
                if let Some(spec) = &running.declared {
                    return write!(f, "{} at {} (declared)", spec.name, running.base_url);
                }
                let kind = running.kind.map_or_else(String::new, |kind| format!("{kind} at "));
                write!(f, "{kind}{} ({})", running.base_url, running.named_by)
            }
        }
    }
}

/// Omits the token.
impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { base_url, admin_url, .. } = self;
        f.debug_struct("Running")
            .field("base_url", base_url)
            .field("admin_url", admin_url)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// Connects to its admin API.
    pub async fn admin(&self) -> Result<Box<dyn LoadBalancerAdmin>, AdminError> {
        if let Some(label) = self.as_is {
            return Ok(Box::new(AsIs::new(label)));
        }
        if let Some(spec) = &self.declared {
            return Ok(Box::new(Declared::new(Arc::clone(spec))?));
        }
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

/// Returns the token of the admin API, if there is one.
fn admin_token(target: &Target) -> Result<Option<String>, TestbedError> {
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path);
        text.map(|text| text.trim().to_owned()).map_err(|source| TestbedError::File {
            what: "read the admin token from",
            path: path.to_owned(),
            source,
        })
    };
    match (target.admin_token(), target.admin_token_file()) {
        (Some(token), _) => Ok(Some(token.to_owned())),
        (None, path) => path.map(read).transpose(),
    }
}

/// Decides which load balancer to drive.
///
/// # Errors
/// A program is missing or too old, or the named load balancer cannot be driven.
pub async fn choose(target: &Target) -> Result<Chosen, TestbedError> {
    let started = target.started();
    if !started.is_empty() {
        let own = |one: &LoadBalancer| match one {
            LoadBalancer::Reference => Ok(Own::Reference),
            LoadBalancer::Real(kind) => Installed::find(*kind, target.program()).map(Own::Real),
        };
        let own = || started.iter().map(own).collect::<Result<Vec<Own>, TestbedError>>();
        if target.is_named_by_config() {
            return choose_of_config(target, own).await;
        }
        let choice = Choice::Own(own()?, target.listen());
        let note = if target.is_named() { None } else { left_alone(target).await };
        return Ok(Chosen { choice, note });
    }
    let running = running_at(target, NAMED_BY_USER)?;
    if running.as_is.is_some() {
        let note = Some(HOW_TO_SWITCH.to_owned());
        return Ok(Chosen { choice: Choice::Running(running), note });
    }
    if let Some(spec) = &running.declared {
        let note = not_declared(spec);
        return Ok(Chosen { choice: Choice::Running(running), note });
    }
    match running.admin().await {
        Ok(_) => Ok(Chosen { choice: Choice::Running(running), note: None }),
        Err(source) => Err(TestbedError::Named { admin_url: running.admin_url, source: Box::new(source) }),
    }
}

/// Makes the description of what runs at the address of the target.
fn running_at(target: &Target, named_by: &'static str) -> Result<Running, TestbedError> {
    let (as_is, declared) = (target.as_is(), target.declared().cloned());
    let admin_url = match target.admin_url() {
        Some(url) => url.to_owned(),
        None if as_is.is_some() || declared.is_some() => String::new(),
        None => Origin::parse(target.base_url())?.to_string(),
    };
    Ok(Running {
        base_url: target.base_url().trim_end_matches('/').to_owned(),
        admin_url,
        admin_token: admin_token(target)?,
        kind: match target.load_balancer() {
            Some(LoadBalancer::Real(kind)) => Some(kind),
            _ => None,
        },
        switching: target.switching(),
        as_is,
        declared,
        named_by,
    })
}

/// Says what a run does not do because it is not declared. `None` if everything is.
fn not_declared(spec: &Declaration) -> Option<String> {
    let missing = spec.undeclared();
    (!missing.is_empty()).then(|| format!("{}: not declared: {}", spec.name, missing.join("; ")))
}

/// Decides between the load balancer at the `base_url` of a config of the user's own and the embedded one. On
/// another machine, there is nothing that could be meant instead of what is named.
async fn choose_of_config(
    target: &Target,
    own: impl FnOnce() -> Result<Vec<Own>, TestbedError>,
) -> Result<Chosen, TestbedError> {
    let running = running_at(target, NAMED_BY_CONFIG)?;
    let origin = Origin::parse(target.base_url())?;
    let limit = if origin.is_loopback() { LOOK_LIMIT } else { SpringOptions::new("").limit };
    let options =
        SpringOptions { limit, token: running.admin_token.clone(), ..SpringOptions::new(&running.admin_url) };
    match SpringAdmin::connect(&options).await {
        Ok(_) => Ok(Chosen { choice: Choice::Running(running), note: None }),
        Err(_) if origin.is_loopback() => {
            let note = format!(
                "no load balancer with the documented admin API answers at the config's base_url {}, so the \
                 embedded one is measured; to measure what answers there as it is: --url {}",
                target.base_url(),
                target.base_url()
            );
            Ok(Chosen { choice: Choice::Own(own()?, target.listen()), note: Some(note) })
        }
        Err(source) => Err(TestbedError::Named { admin_url: running.admin_url, source: Box::new(source) }),
    }
}

/// Describes the load balancer at the config's `base_url` that is left alone because it was not named. `None`
/// if there is nothing to drive there. Only asks loopback addresses, and only for their status.
async fn left_alone(target: &Target) -> Option<String> {
    let url = target.base_url().trim_end_matches('/');
    let origin = Origin::parse(url).ok()?;
    if !origin.is_loopback() {
        return Some(format!(
            "the embedded load balancer is measured, not the one at the config's base_url; to drive that one: --load-balancer {url}"
        ));
    }
    let options = SpringOptions { limit: LOOK_LIMIT, ..SpringOptions::new(&origin.to_string()) };
    SpringAdmin::connect(&options).await.ok()?;
    Some(format!(
        "a load balancer answers at the config's base_url but is left alone, and the embedded one is \
        measured; to drive the \
         other: --load-balancer {url}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_run_names_an_address_that_was_chosen() {
        let free = Choice::Own(vec![Own::Reference], None).to_string();
        assert_eq!(free, "embedded reference load balancer with mock backends, on free loopback ports");
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let chosen = Choice::Own(vec![Own::Reference], Some(address)).to_string();
        assert_eq!(
            chosen,
            "embedded reference load balancer on 127.0.0.1:80, with mock backends on free loopback ports"
        );
    }
}
