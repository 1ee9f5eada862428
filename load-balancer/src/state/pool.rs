//! A pool: its backends, and the balancer that picks among them, behind one lock.

use super::ChangeError;
use crate::admin::benchmark::AlgorithmStats;
use crate::config::{BackendConfig, Origin, PoolConfig};
use http::HeaderValue;
use lb_core::Algorithm;
use lb_core::balancer::Balancer;
use lb_core::policy::{BackendIndex, Policy, RequestInfo};
use lb_core::{Rng, Time};
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// An algorithm's name in the forms that the hot path needs, and what is booked under it.
pub(crate) struct Label {
    pub(crate) algorithm: Algorithm,
    pub(crate) name: String,
    pub(crate) header: HeaderValue,
    pub(crate) stats: AlgorithmStats,
}

/// Backends that serve the same services, and the balancer that picks among them.
pub(crate) struct Pool {
    pub(crate) name: String,
    /// Whether it answers for all services that no other pool names.
    pub(crate) catch_all: bool,
    core: Mutex<Core>,
}

/// What of a pool changes. The balancer knows exactly the backends of the list, by position.
pub(super) struct Core {
    pub(super) balancer: Balancer,
    pub(super) label: Arc<Label>,
    backends: Vec<Arc<Backend>>,
}

/// One backend; its fields beside health never change.
pub(crate) struct Backend {
    /// Position among all backends of all pools.
    pub(crate) slot: usize,
    /// Position in its pool.
    pub(crate) index: BackendIndex,
    pub(crate) id: String,
    pub(crate) header: HeaderValue,
    pub(crate) url: String,
    pub(crate) health_url: Option<String>,
    pub(crate) origin: Origin,
    /// Taken out by the admin API; it finishes what it has and is listed no more.
    pub(crate) removed: AtomicBool,
    pub(crate) health: Mutex<HealthRecord>,
}

/// What is known of a backend's health beside the verdict, which its balancer has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HealthRecord {
    pub(crate) successes: u32,
    pub(crate) failures: u32,
    pub(crate) last_check: Option<SystemTime>,
    pub(crate) response_ms: u64,
}

/// What a pick gives: who serves, and which algorithm chose.
pub(crate) struct Picked {
    pub(crate) index: BackendIndex,
    pub(crate) label: Arc<Label>,
}

impl Pool {
    /// A pool as configured; its backends take the slots from `first_slot` on.
    pub(super) fn new(
        config: &PoolConfig,
        first_slot: usize,
        label: Arc<Label>,
        policy: Box<dyn Policy>,
        rng: Rng,
    ) -> Result<Arc<Self>, ChangeError> {
        let backends: Vec<_> = config
            .backends
            .iter()
            .enumerate()
            .map(|(i, backend)| Backend::new(backend, first_slot + i, i, None))
            .collect::<Result<_, _>>()?;
        let weights: Vec<f64> = config.backends.iter().map(|backend| backend.weight).collect();
        let balancer = Balancer::new(&weights, policy, rng);
        Ok(Arc::new(Self {
            name: config.name.clone(),
            catch_all: config.services.is_empty(),
            core: Mutex::new(Core { balancer, label, backends }),
        }))
    }

    /// Picks a backend and counts the request as in flight there.
    pub(crate) fn pick(&self, request: &RequestInfo, now: Time) -> Option<Picked> {
        let mut core = self.core.lock();
        let index = core.balancer.pick(request, now)?;
        Some(Picked { index, label: Arc::clone(&core.label) })
    }

    /// Does `work` on the balancer under the pool's lock.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Balancer) -> R) -> R {
        work(&mut self.core.lock().balancer)
    }

    /// The lock itself, for what has to hold several.
    pub(super) fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock()
    }

    /// All its backends, by position, removed ones too.
    pub(crate) fn backends(&self) -> Vec<Arc<Backend>> {
        self.core.lock().backends.clone()
    }

    /// The backends that are not removed.
    pub(crate) fn listed(&self) -> Vec<Arc<Backend>> {
        let mut backends = self.backends();
        backends.retain(|backend| !backend.removed.load(Ordering::Relaxed));
        backends
    }

    /// Adds a backend whose position is the number of backends so far.
    pub(super) fn push(&self, backend: Arc<Backend>, weight: f64) {
        let mut core = self.core.lock();
        debug_assert_eq!(backend.index.get(), core.backends.len(), "positions are in order");
        core.backends.push(backend);
        core.balancer.add(weight);
    }
}

impl Backend {
    pub(super) fn new(
        config: &BackendConfig,
        slot: usize,
        index: usize,
        health_url: Option<String>,
    ) -> Result<Arc<Self>, ChangeError> {
        let origin =
            Origin::parse(&config.url).map_err(|fault| ChangeError::BadUrl(config.url.clone(), fault))?;
        let value =
            |text: &str| HeaderValue::from_str(text).map_err(|_| ChangeError::BadName(text.to_owned()));
        Ok(Arc::new(Self {
            slot,
            index: BackendIndex(index as u32),
            header: value(&config.id)?,
            id: config.id.clone(),
            url: config.url.clone(),
            health_url,
            origin,
            removed: AtomicBool::new(false),
            health: Mutex::new(HealthRecord::default()),
        }))
    }
}

impl Label {
    pub(super) fn new(algorithm: Algorithm) -> Arc<Self> {
        let name = algorithm.to_string();
        let header = HeaderValue::from_str(&name).expect("algorithm names are plain ASCII");
        Arc::new(Self { algorithm, name, header, stats: AlgorithmStats::default() })
    }
}
