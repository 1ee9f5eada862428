//! The policy that repeats the choices of a log.

use lb_core::Time;
use lb_core::policy::{BackendIndex, Policy, PoolView, RequestInfo};
use lb_core::rng::Rng;

/// Picks the backend whose number is the identity of the client, or the next one that is eligible.
#[derive(Debug)]
pub(super) struct AsLogged;

impl Policy for AsLogged {
    fn pick(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        _: Time,
        _: &mut Rng,
    ) -> Option<BackendIndex> {
        let wanted = BackendIndex(request.client_key as u32);
        let place = pool.eligible.partition_point(|backend| *backend < wanted);
        pool.eligible.get(place).or(pool.eligible.first()).copied()
    }
}
