//! From a load balancer and the address of its admin API to its adapter.

use crate::admin::LoadBalancerAdmin;
use crate::error::AdminError;
use crate::kind::Kind;
use crate::options::RealOptions;

/// Connects to a running load balancer and finds out what it can do. Changes nothing there.
///
/// # Errors
/// When nothing answers at the address, or something else than this load balancer does, or its configuration has
/// nothing that can be switched.
pub async fn connect(kind: Kind, options: &RealOptions) -> Result<Box<dyn LoadBalancerAdmin>, AdminError> {
    (kind.connect)(options).await
}
