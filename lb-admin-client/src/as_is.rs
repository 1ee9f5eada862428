//! An address without a control plane: whatever answers there is measured as it is, and nothing is switched,
//! reset or claimed.

use crate::admin::{Capabilities, Current, LoadBalancerAdmin, Offer, ResetKind};
use crate::error::AdminError;
use crate::fingerprint::PoolBackend;
use crate::snapshot::Snapshot;
use async_trait::async_trait;
use lb_core::Algorithm;
use lb_core::steering::Carrier;
use lb_core::switch_evidence::Layer;

/// The kind of load balancer in messages and records.
const DIALECT: &str = "as it is";

/// An address that offers one algorithm: whatever routes there.
#[derive(Clone, Debug)]
pub struct AsIs {
    algorithm: Algorithm,
    capabilities: Capabilities,
}

impl AsIs {
    /// Creates an adapter that offers only `algorithm`.
    pub fn new(algorithm: Algorithm) -> Self {
        let capabilities = Capabilities {
            algorithms: vec![Offer { algorithm, native: algorithm.to_string() }],
            reset: ResetKind::None,
            per_backend: false,
            in_flight: false,
            switch_breaks_idle_connections: false,
            sees_old_in_flight: true,
            weights: false,
            carrier: Carrier::Shares,
            drain: false,
            names_backends: false,
            measurement: false,
            views: 1,
        };
        Self { algorithm, capabilities }
    }

    fn not_supported(&self, ability: &'static str) -> AdminError {
        let way_out = "name the load balancer with --load-balancer, or its admin API with --admin";
        AdminError::not_supported(self.dialect(), "an address without an admin API", ability, way_out)
    }
}

#[async_trait]
impl LoadBalancerAdmin for AsIs {
    fn dialect(&self) -> &str {
        DIALECT
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn current(&self) -> Result<Current, AdminError> {
        Ok(Current { native: self.algorithm.to_string(), algorithm: Some(self.algorithm) })
    }

    async fn switch(&self, algorithm: &Algorithm) -> Result<String, AdminError> {
        self.native(algorithm).map(str::to_owned)
    }

    async fn control_plane(&self, _algorithm: &Algorithm) -> Result<Layer, AdminError> {
        Ok(Layer::not_tested("there is no control plane to ask"))
    }

    async fn pool(&self, _service: &str) -> Result<Option<Vec<PoolBackend>>, AdminError> {
        Ok(None)
    }

    async fn snapshot(&self) -> Result<Snapshot, AdminError> {
        Err(self.not_supported("count requests"))
    }

    async fn reset(&self) -> Result<ResetKind, AdminError> {
        Ok(ResetKind::None)
    }

    async fn set_weights(&self, _weights: &[(String, f64)]) -> Result<(), AdminError> {
        Err(self.not_supported("set weights"))
    }

    async fn set_draining(&self, _backend: &str, _draining: bool) -> Result<(), AdminError> {
        Err(self.not_supported("drain backends"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_is_there_can_be_selected() {
        let label = Algorithm::foreign("before");
        let address = AsIs::new(label);
        assert_eq!(address.algorithms(), [label]);
        assert_eq!(address.switch(&label).await.expect("it is there already"), "before");
        let other = address.switch(&"p2c".parse().expect("a known name")).await;
        assert!(matches!(other, Err(AdminError::NotOffered { .. })), "{other:?}");
        let refused = address.set_weights(&[]).await.expect_err("there is nothing to set").to_string();
        assert!(refused.contains("--admin"), "{refused}");
    }
}
