//! What all threads share: pools with their balancers, the table from service to pool, and the
//! algorithm that is current.
//!
//! The table is replaced, never changed: data threads keep a reference and look at one atomic number
//! per request to learn that a newer one exists. What changes with every request (in-flight counts,
//! the policy's memory) lies in each pool's balancer behind one lock, held for the decision only.

mod change;
mod pool;
mod table;

pub(crate) use change::ChangeError;
pub(crate) use pool::{Backend, Label, Pool};
pub(crate) use table::{Member, Route, Table};

use crate::admin::benchmark::Benchmark;
use crate::config::Config;
use crate::metrics::{GlobalMetrics, MemberPage, Page, ServicePage};
use lb_core::algorithm::AlgorithmError;
use lb_core::balancer::Balancer;
use lb_core::policy::Policy;
use lb_core::{Algorithm, Time};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// All that is shared.
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) metrics: GlobalMetrics,
    pub(crate) benchmark: Benchmark,
    epoch: Instant,
    table: Mutex<Arc<Table>>,
    version: AtomicU64,
    algorithms: Mutex<Algorithms>,
    generation: AtomicU64,
}

/// Which algorithm is current, and one label for each that ever was.
struct Algorithms {
    current: Arc<Label>,
    labels: Vec<Arc<Label>>,
}

impl Algorithms {
    fn label(&mut self, algorithm: Algorithm) -> Arc<Label> {
        let known = self.labels.iter().find(|label| label.algorithm == algorithm);
        known.cloned().unwrap_or_else(|| {
            let label = Label::new(algorithm);
            self.labels.push(Arc::clone(&label));
            label
        })
    }
}

impl State {
    /// The state at the start: everything as configured, all backends healthy.
    pub(crate) fn new(config: Config) -> anyhow::Result<Arc<Self>> {
        let current = Label::new(config.algorithm);
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let pools = config.pools.clone();
        let state = Self {
            config,
            metrics: GlobalMetrics::default(),
            benchmark: Benchmark::default(),
            epoch: Instant::now(),
            table: Mutex::default(),
            version: AtomicU64::new(1),
            algorithms: Mutex::new(Algorithms { labels: vec![Arc::clone(&current)], current }),
            // Starts at the wall clock, so that a restart can never look like no restart.
            generation: AtomicU64::new(since_epoch.as_millis() as u64),
        };
        for pool in &pools {
            state.add_pool(pool)?;
        }
        Ok(Arc::new(state))
    }

    /// Time since the process started.
    pub(crate) fn now(&self) -> Time {
        Time::from_nanos(self.epoch.elapsed().as_nanos() as u64)
    }

    /// Changes whenever the counters start anew: at each start of the process and each reset.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Changes whenever the table does.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The newest table.
    pub(crate) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.lock())
    }

    fn replace_table(&self, change: impl FnOnce(&mut Table)) {
        let mut table = self.table.lock();
        let mut next = Table::clone(&table);
        change(&mut next);
        *table = Arc::new(next);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The algorithm that routes.
    pub(crate) fn current(&self) -> Arc<Label> {
        Arc::clone(&self.algorithms.lock().current)
    }

    /// All algorithms that have routed since the process started, or have been asked for.
    pub(crate) fn labels(&self) -> Vec<Arc<Label>> {
        self.algorithms.lock().labels.clone()
    }

    /// Makes every pool pick by `algorithm`, with a fresh policy; all pools change at once, and
    /// in-flight counts, health and weights stay.
    pub(crate) fn switch(&self, algorithm: Algorithm) -> Result<Arc<Label>, AlgorithmError> {
        let mut algorithms = self.algorithms.lock();
        let table = self.table();
        let policies: Vec<Box<dyn Policy>> =
            table.pools.iter().map(|_| algorithm.policy()).collect::<Result<_, _>>()?;
        let label = algorithms.label(algorithm);
        let mut cores: Vec<_> = table.pools.iter().map(|pool| pool.lock()).collect();
        for (core, policy) in cores.iter_mut().zip(policies) {
            core.balancer.set_policy(policy);
            core.label = Arc::clone(&label);
        }
        algorithms.current = Arc::clone(&label);
        Ok(label)
    }

    /// Sets all counters to zero. What policies have learnt stays: a warm-up that a reset undid would be
    /// none; a switch is what brings a fresh policy.
    pub(crate) fn reset(&self) -> Arc<Label> {
        let label = self.current();
        for pool in &self.table().pools {
            pool.with(Balancer::reset_counters);
        }
        self.generation.fetch_add(1, Ordering::Relaxed);
        label
    }

    /// All backends of all pools, removed ones too.
    pub(crate) fn backends(&self) -> Vec<(Arc<Pool>, Arc<Backend>)> {
        let table = self.table();
        table
            .pools
            .iter()
            .flat_map(|pool| pool.backends().into_iter().map(|backend| (Arc::clone(pool), backend)))
            .collect()
    }

    /// The listed backend with this id.
    pub(crate) fn backend(&self, id: &str) -> Result<(Arc<Pool>, Arc<Backend>), ChangeError> {
        self.backends()
            .into_iter()
            .find(|(_, backend)| backend.id == id && !backend.removed.load(Ordering::Relaxed))
            .ok_or_else(|| ChangeError::UnknownBackend(id.to_owned()))
    }

    /// Requests in flight in all pools.
    pub(crate) fn in_flight(&self) -> u64 {
        self.table().pools.iter().map(|pool| u64::from(pool.with(|b| b.in_flight()))).sum()
    }

    /// The text of a Prometheus scrape.
    pub(crate) fn scrape(&self) -> String {
        let table = self.table();
        let mut routes: Vec<_> = table.routes.values().collect();
        routes.sort_by(|a, b| a.service.cmp(&b.service));
        let services: Vec<_> = routes
            .iter()
            .map(|route| {
                let views = route.pool.with(|balancer| balancer.backends().to_vec());
                ServicePage {
                    name: &route.service,
                    metrics: &route.metrics,
                    members: route
                        .members
                        .iter()
                        .map(|member| MemberPage {
                            id: &member.backend.id,
                            metrics: &member.metrics,
                            in_flight: views.get(member.backend.index.get()).map_or(0, |view| view.in_flight),
                        })
                        .collect(),
                }
            })
            .collect();
        Page::render(&services, &self.metrics)
    }
}
