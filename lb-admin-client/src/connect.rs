//! From the name of a load balancer and the address of its admin API to its adapter.

use crate::admin::LoadBalancerAdmin;
use crate::error::AdminError;
use crate::kind::Kind;
use crate::options::RealOptions;

/// Connects to a running load balancer and finds out what it can do. Changes nothing there.
///
/// # Errors
/// Nobody answers, somebody else does, or nothing there can be switched.
pub async fn connect(options: &RealOptions) -> Result<Box<dyn LoadBalancerAdmin>, AdminError> {
    Ok(match options.kind {
        Kind::Haproxy => Box::new(crate::haproxy::HaproxyAdmin::connect(options).await?),
        Kind::Nginx => Box::new(crate::nginx::NginxAdmin::connect(options).await?),
        Kind::Envoy => Box::new(crate::envoy::EnvoyAdmin::connect(options).await?),
        Kind::Caddy => Box::new(crate::caddy::CaddyAdmin::connect(options).await?),
        Kind::Traefik => Box::new(crate::traefik::TraefikAdmin::connect(options).await?),
    })
}
