//! Connects the adapter of a load balancer to the address of its admin API.

use crate::admin::LoadBalancerAdmin;
use crate::error::AdminError;
use crate::kind::Kind;
use crate::options::RealOptions;

/// Connects to a running load balancer and finds out what it can do, without changing anything there.
///
/// # Errors
/// When nothing or another kind of server answers at the address, or the load balancer's configuration has no
/// algorithms to switch between.
pub async fn connect(kind: Kind, options: &RealOptions) -> Result<Box<dyn LoadBalancerAdmin>, AdminError> {
    (kind.connect)(options).await
}
