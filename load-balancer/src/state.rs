//! What all threads share: pools with their balancers, the table from service to pool, and the
//! algorithm that is current.
//!
//! The table is replaced, never changed: data threads keep a reference and look at one atomic number
//! per request to learn that a newer one exists. What changes with every request (in-flight counts,
//! the policy's memory) lies in each pool's balancer behind one lock, held for the decision only.

use crate::admin::benchmark::{AlgorithmStats, Benchmark};
use crate::config::{BackendConfig, Config, Origin, PoolConfig};
use crate::metrics::{GlobalMetrics, MemberMetrics, MemberPage, Page, ServiceMetrics, ServicePage};
use http::HeaderValue;
use lb_core::algorithm::AlgorithmError;
use lb_core::balancer::Balancer;
use lb_core::policy::{BackendIndex, Policy, RequestInfo};
use lb_core::rng::hash_name;
use lb_core::{Algorithm, Seed, Time};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Services that a pool for all others may answer for; more are booked as one. A client that makes
/// names up must not fill the memory.
const MOST_SERVICES: usize = 256;

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

/// An algorithm's name in the forms that the hot path needs, and what is booked under it.
pub(crate) struct Label {
    pub(crate) algorithm: Algorithm,
    pub(crate) name: String,
    pub(crate) header: HeaderValue,
    pub(crate) stats: AlgorithmStats,
}

/// From service to pool.
#[derive(Clone, Default)]
pub(crate) struct Table {
    pub(crate) routes: HashMap<Box<str>, Arc<Route>>,
    pub(crate) pools: Vec<Arc<Pool>>,
}

/// One service, as the hot path needs it.
pub(crate) struct Route {
    pub(crate) service: Box<str>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) members: Vec<Member>,
    pub(crate) metrics: Arc<ServiceMetrics>,
}

/// A backend in its role for one service.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) backend: Arc<Backend>,
    pub(crate) metrics: Arc<MemberMetrics>,
    /// `Host` and `X-Service`, ready to be written.
    pub(crate) fields: Arc<[u8]>,
}

impl Member {
    fn new(service: &str, backend: &Arc<Backend>) -> Self {
        let host = &backend.origin.authority;
        let fields = format!("host: {host}\r\nx-service: {service}\r\n");
        Self { backend: Arc::clone(backend), metrics: Arc::default(), fields: fields.into_bytes().into() }
    }
}

/// Backends that serve the same services, and the balancer that picks among them.
pub(crate) struct Pool {
    pub(crate) name: String,
    /// Whether it answers for all services that no other pool names.
    pub(crate) catch_all: bool,
    pub(crate) backends: Mutex<Vec<Arc<Backend>>>,
    core: Mutex<Core>,
}

struct Core {
    balancer: Balancer,
    label: Arc<Label>,
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

/// Why the pools are not as the admin wants them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error("unknown service `{0}`")]
    UnknownService(String),
    #[error("unknown backend `{0}`")]
    UnknownBackend(String),
    #[error("`{0}` is no name: must be letters, digits, `-`, `_`, `.` or `:`")]
    BadName(String),
    #[error("url `{0}`: {1}")]
    BadUrl(String, &'static str),
    #[error("weight of `{0}` is {1}: must be above 0, at most 1000000")]
    BadWeight(String, f64),
}

/// What a pick gives: who serves, and which algorithm chose.
pub(crate) struct Picked {
    pub(crate) index: BackendIndex,
    pub(crate) label: Arc<Label>,
}

impl Pool {
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

    /// The backends that are not removed.
    pub(crate) fn listed(&self) -> Vec<Arc<Backend>> {
        let backends = self.backends.lock();
        backends.iter().filter(|backend| !backend.removed.load(Ordering::Relaxed)).cloned().collect()
    }
}

impl Backend {
    fn new(
        config: &BackendConfig,
        slot: usize,
        index: u32,
        health_url: Option<String>,
    ) -> Result<Arc<Self>, ChangeError> {
        let origin =
            Origin::parse(&config.url).map_err(|fault| ChangeError::BadUrl(config.url.clone(), fault))?;
        let value =
            |text: &str| HeaderValue::from_str(text).map_err(|_| ChangeError::BadName(text.to_owned()));
        Ok(Arc::new(Self {
            slot,
            index: BackendIndex(index),
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
    fn new(algorithm: Algorithm) -> Arc<Self> {
        let name = algorithm.to_string();
        let header = HeaderValue::from_str(&name).expect("algorithm names are plain ASCII");
        Arc::new(Self { algorithm, name, header, stats: AlgorithmStats::default() })
    }
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
        let mut cores: Vec<_> = table.pools.iter().map(|pool| pool.core.lock()).collect();
        for (core, policy) in cores.iter_mut().zip(policies) {
            core.balancer.set_policy(policy);
            core.label = Arc::clone(&label);
        }
        algorithms.current = Arc::clone(&label);
        Ok(label)
    }

    /// Sets all counters to zero and gives every pool a fresh policy of the current algorithm.
    pub(crate) fn reset(&self) -> Result<Arc<Label>, AlgorithmError> {
        let label = self.switch(self.current().algorithm)?;
        for pool in &self.table().pools {
            pool.with(Balancer::reset_counters);
        }
        self.generation.fetch_add(1, Ordering::Relaxed);
        Ok(label)
    }

    /// Adds a pool that answers for the services it names.
    pub(crate) fn add_pool(&self, config: &PoolConfig) -> Result<(), ChangeError> {
        let algorithms = self.algorithms.lock();
        let label = Arc::clone(&algorithms.current);
        let policy = label.algorithm.policy().expect("the current algorithm can run");
        let seed = Seed(self.generation()).stream(&[hash_name(config.name.as_bytes())]);
        let first_slot = self.backends().len();
        let backends: Vec<_> = config
            .backends
            .iter()
            .enumerate()
            .map(|(i, backend)| Backend::new(backend, first_slot + i, i as u32, None))
            .collect::<Result<_, _>>()?;
        let weights: Vec<f64> = config.backends.iter().map(|backend| backend.weight).collect();
        let pool = Arc::new(Pool {
            name: config.name.clone(),
            catch_all: config.services.is_empty(),
            backends: Mutex::new(backends),
            core: Mutex::new(Core { balancer: Balancer::new(&weights, policy, seed), label }),
        });
        let routes: Vec<_> =
            config.services.iter().map(|service| Route::new(service, &pool)).collect::<Result<_, _>>()?;
        self.replace_table(|table| {
            table.pools.push(pool);
            table.routes.extend(routes.into_iter().map(|route| (route.service.clone(), route)));
        });
        Ok(())
    }

    /// The route of `service` in a pool that answers for all others, made when it is first asked for.
    pub(crate) fn adopt(&self, service: &str) -> Option<Arc<Route>> {
        let table = self.table();
        if let Some(route) = table.routes.get(service) {
            return Some(Arc::clone(route));
        }
        let pool = table.pools.iter().find(|pool| pool.catch_all)?;
        if !crate::config::is_name(service) || table.routes.len() >= MOST_SERVICES {
            return None;
        }
        let route = Route::new(service, pool).ok()?;
        self.replace_table(|table| {
            table.routes.entry(service.into()).or_insert(route);
        });
        self.table().routes.get(service).cloned()
    }

    /// All backends of all pools, removed ones too.
    pub(crate) fn backends(&self) -> Vec<(Arc<Pool>, Arc<Backend>)> {
        let table = self.table();
        table
            .pools
            .iter()
            .flat_map(|pool| {
                let backends = pool.backends.lock().clone();
                backends.into_iter().map(|backend| (Arc::clone(pool), backend))
            })
            .collect()
    }

    /// The listed backend with this id.
    pub(crate) fn backend(&self, id: &str) -> Result<(Arc<Pool>, Arc<Backend>), ChangeError> {
        self.backends()
            .into_iter()
            .find(|(_, backend)| backend.id == id && !backend.removed.load(Ordering::Relaxed))
            .ok_or_else(|| ChangeError::UnknownBackend(id.to_owned()))
    }

    /// Adds a backend to the pool that answers for `service`; a removed one with the same URL comes
    /// back instead.
    pub(crate) fn add_backend(
        &self,
        service: &str,
        url: &str,
        health_url: Option<String>,
    ) -> Result<(), ChangeError> {
        let _one_change_at_a_time = self.algorithms.lock();
        let table = self.table();
        let pool = match table.routes.get(service) {
            Some(route) => &route.pool,
            None => return Err(ChangeError::UnknownService(service.to_owned())),
        };
        let mut backends = pool.backends.lock();
        if let Some(known) = backends.iter().find(|backend| backend.url == url) {
            known.removed.store(false, Ordering::Relaxed);
            pool.with(|balancer| balancer.set_draining(known.index, false));
            return Ok(());
        }
        let slot = table
            .pools
            .iter()
            .map(|other| if Arc::ptr_eq(other, pool) { backends.len() } else { other.backends.lock().len() })
            .sum();
        let origin = Origin::parse(url).map_err(|fault| ChangeError::BadUrl(url.to_owned(), fault))?;
        let taken = backends.iter().any(|backend| backend.id == origin.authority)
            || table
                .pools
                .iter()
                .filter(|other| !Arc::ptr_eq(other, pool))
                .any(|other| other.backends.lock().iter().any(|backend| backend.id == origin.authority));
        let id = if taken { format!("{}-{service}", origin.authority) } else { origin.authority };
        let config = BackendConfig { id, url: url.to_owned(), weight: 1.0 };
        let backend = Backend::new(&config, slot, backends.len() as u32, health_url)?;
        backends.push(backend);
        drop(backends);
        // Before the balancer may pick it, so that whoever gets its index finds it in the table.
        self.replace_table(|table| {
            for route in table.routes.values_mut().filter(|route| Arc::ptr_eq(&route.pool, pool)) {
                *route = route.grown();
            }
        });
        pool.with(|balancer| balancer.add(1.0));
        Ok(())
    }

    /// Takes a backend out for good: nothing new is sent to it, and it is listed no more.
    pub(crate) fn remove_backend(&self, service: &str, url: &str) -> Result<(), ChangeError> {
        let table = self.table();
        let route =
            table.routes.get(service).ok_or_else(|| ChangeError::UnknownService(service.to_owned()))?;
        let listed = route.pool.listed();
        let backend = listed
            .iter()
            .find(|backend| backend.url == url)
            .ok_or_else(|| ChangeError::UnknownBackend(url.to_owned()))?;
        backend.removed.store(true, Ordering::Relaxed);
        route.pool.with(|balancer| balancer.set_draining(backend.index, true));
        Ok(())
    }

    /// Sets the weights of backends; all or none.
    pub(crate) fn set_weights(&self, weights: &[(String, f64)]) -> Result<(), ChangeError> {
        let changes: Vec<_> = weights
            .iter()
            .map(|(id, weight)| {
                if !(*weight > 0.0 && *weight <= 1e6) {
                    return Err(ChangeError::BadWeight(id.clone(), *weight));
                }
                self.backend(id).map(|(pool, backend)| (pool, backend, *weight))
            })
            .collect::<Result<_, _>>()?;
        for (pool, backend, weight) in changes {
            pool.with(|balancer| balancer.set_weight(backend.index, weight));
        }
        Ok(())
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

impl Route {
    fn new(service: &str, pool: &Arc<Pool>) -> Result<Arc<Self>, ChangeError> {
        if !crate::config::is_name(service) {
            return Err(ChangeError::BadName(service.to_owned()));
        }
        let members = pool.backends.lock().iter().map(|backend| Member::new(service, backend)).collect();
        Ok(Arc::new(Self {
            service: service.into(),
            pool: Arc::clone(pool),
            members,
            metrics: Arc::default(),
        }))
    }

    /// The same route with the backends that its pool has by now.
    fn grown(&self) -> Arc<Self> {
        let mut members = self.members.clone();
        members.extend(
            self.pool
                .backends
                .lock()
                .iter()
                .skip(members.len())
                .map(|backend| Member::new(&self.service, backend)),
        );
        Arc::new(Self {
            service: self.service.clone(),
            pool: Arc::clone(&self.pool),
            members,
            metrics: Arc::clone(&self.metrics),
        })
    }
}
