//! A pool: its backends, and the balancers that pick among them.
//!
//! A *view* is one balancer behind one lock: requests in flight, health and the policy's memory. With shared
//! views, a pool has one, which all data threads use. With private views, it has one per data thread, and no
//! thread knows what another has sent. The admin API makes changes in every view, and reads sums over all of
//! them.

use super::booking::AlgorithmStats;
use super::change_error::ChangeError;
use super::decisions::Decisions;
use super::hint_names::HintNames;
use super::route_class::RouteClasses;
use crate::config::{BackendConfig, Origin, PoolConfig};
use crate::load_reports::ReportLog;
use http::HeaderValue;
use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use lb_core::balancer::{Balancer, Counters};
use lb_core::policy::{BackendIndex, GuardCounts, Policy, RequestInfo};
use lb_core::{Rng, Time};
use lb_traces::write::Names;
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

/// An algorithm and its counters.
pub(crate) struct Label {
    pub(crate) algorithm: Algorithm,
    pub(crate) name: String,
    /// Whether the algorithm uses a policy file.
    pub(crate) learned: bool,
    /// Whether the algorithm predicts costs from what requests say.
    pub(super) listens: bool,
    pub(crate) stats: AlgorithmStats,
}

/// The label of one view. It has its own reference count and header, so that requests in different views
/// never write to the same memory.
pub(crate) struct ViewLabel {
    /// The label that all views share.
    pub(crate) label: Arc<Label>,
    /// The algorithm's name as a header value for replies.
    pub(crate) header: HeaderValue,
}

/// Backends that serve the same services, and the balancers that pick among them.
pub(crate) struct Pool {
    pub(crate) name: String,
    /// Whether it serves all services that no other pool names.
    pub(crate) catch_all: bool,
    /// A single view, or one per data thread.
    views: Box<[View]>,
    pub(crate) roster: Arc<Roster>,
}

/// The names of the backends and route classes in a pool's decisions.
#[derive(Default)]
pub(crate) struct Roster {
    /// The backends by position, including removed ones.
    backends: Mutex<Vec<Arc<Backend>>>,
    /// The route classes of the pool's requests.
    pub(crate) classes: RouteClasses,
    /// The names of what the pool's requests say about their cost.
    pub(crate) hints: HintNames,
}

impl Names for Roster {
    fn backends(&self) -> Vec<String> {
        self.backends.lock().iter().map(|backend| backend.id.clone()).collect()
    }

    fn route(&self, class: u16) -> String {
        self.classes.name(class).map_or_else(|| "other".to_owned(), |name| name.as_ref().to_owned())
    }

    fn hint(&self, hash: u32) -> Option<String> {
        self.hints.text(hash)
    }
}

/// A view. It has its own cache lines, so that private views do not slow each other down.
#[repr(align(128))]
struct View(Mutex<Core>);

/// The part of a view that changes. The balancer has exactly the backends of the pool, by position.
pub(super) struct Core {
    balancer: Balancer,
    label: Arc<ViewLabel>,
    /// Guard counts of earlier policies.
    past: GuardCounts,
    /// Number and duration of the timed decisions of a learned policy.
    decisions: Decisions,
}

/// The policy and the random number generator of a new view.
pub(super) type ViewParts = (Box<dyn Policy>, Rng);

/// One backend. Apart from its health and removal, it never changes.
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
    /// Whether the admin API removed it. It then finishes its requests and is no longer listed.
    pub(crate) removed: AtomicBool,
    pub(crate) health: Mutex<HealthRecord>,
    /// What it reported about its load.
    pub(crate) reports: ReportLog,
}

/// Results of the health checks of a backend. Its balancers store whether it is healthy.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HealthRecord {
    /// Consecutive successful checks.
    pub(crate) successes: u32,
    /// Consecutive failed checks.
    pub(crate) failures: u32,
    /// Time of the latest check; `None` before the first check.
    pub(crate) last_check: Option<SystemTime>,
    /// Duration of the latest check in milliseconds.
    pub(crate) response_ms: u64,
}

/// The result of a pick: the backend, and the algorithm that chose it.
pub(crate) struct Picked {
    pub(crate) index: BackendIndex,
    pub(crate) label: Arc<ViewLabel>,
}

impl Pool {
    /// Creates a pool as configured, whose backends take the slots from `first_slot` on. `views` gives each
    /// of its views a policy and a random number generator.
    pub(super) fn new(
        config: &PoolConfig,
        first_slot: usize,
        label: &Arc<Label>,
        views: impl FnOnce(&Arc<Roster>) -> Vec<ViewParts>,
    ) -> Result<Arc<Self>, ChangeError> {
        let backends: Vec<_> = config
            .backends
            .iter()
            .enumerate()
            .map(|(i, backend)| Backend::new(backend, first_slot + i, i, None))
            .collect::<Result<_, _>>()?;
        let weights: Vec<f64> = config.backends.iter().map(|backend| backend.weight).collect();
        let roster = Arc::new(Roster { backends: Mutex::new(backends), ..Roster::default() });
        let view = |(policy, rng): ViewParts| {
            let mut balancer = Balancer::new(&weights, policy, rng);
            for (place, backend) in config.backends.iter().enumerate() {
                balancer.name(BackendIndex(place as u32), backend.id.as_str().into());
            }
            View(Mutex::new(Core {
                balancer,
                label: ViewLabel::new(label),
                past: GuardCounts::default(),
                decisions: Decisions::default(),
            }))
        };
        Ok(Arc::new(Self {
            name: config.name.clone(),
            catch_all: config.services.is_empty(),
            views: views(&roster).into_iter().map(view).collect(),
            roster,
        }))
    }

    /// Picks a backend in `view` and counts the request as in flight there.
    pub(crate) fn pick(&self, view: usize, request: &RequestInfo, now: Time) -> Option<Picked> {
        let mut core = self.views[view].0.lock();
        let index = match core.label.label.learned {
            true => core.timed_pick(request, now)?,
            false => core.balancer.pick(request, now)?,
        };
        Some(Picked { index, label: Arc::clone(&core.label) })
    }

    /// Returns the label of the algorithm that picks in `view`.
    pub(crate) fn label(&self, view: usize) -> Arc<ViewLabel> {
        Arc::clone(&self.views[view].0.lock().label)
    }

    /// Runs `work` on the balancer of one view, under its lock.
    pub(crate) fn with<R>(&self, view: usize, work: impl FnOnce(&mut Balancer) -> R) -> R {
        work(&mut self.views[view].0.lock().balancer)
    }

    /// Runs `work` on the balancers of all views, one after the other.
    pub(crate) fn each(&self, mut work: impl FnMut(&mut Balancer)) {
        for view in &self.views {
            work(&mut view.0.lock().balancer);
        }
    }

    /// Locks all views, for operations that need several at once.
    pub(super) fn lock(&self) -> impl Iterator<Item = MutexGuard<'_, Core>> {
        self.views.iter().map(|view| view.0.lock())
    }

    /// Returns all backends by position, including removed ones.
    pub(crate) fn backends(&self) -> Vec<Arc<Backend>> {
        self.roster.backends.lock().clone()
    }

    /// Returns the backends that were not removed.
    pub(crate) fn listed(&self) -> Vec<Arc<Backend>> {
        let mut backends = self.backends();
        backends.retain(|backend| !backend.removed.load(Ordering::Relaxed));
        backends
    }

    /// Returns whether health checks let `backend` take requests, and whether it is draining. All views agree
    /// on this.
    pub(crate) fn state(&self, backend: BackendIndex) -> (bool, bool) {
        self.with(0, |balancer| balancer.state(backend))
    }

    /// Returns the requests in flight and the counters of each backend over all views, by position.
    pub(crate) fn tally(&self, now: Time) -> Vec<Tally> {
        let mut tallies: Vec<Tally> = Vec::new();
        self.each(|balancer| {
            let count = balancer.backends().len();
            // A backend that is just being added is missing from some views.
            tallies.resize_with(count.max(tallies.len()), Tally::default);
            for (place, tally) in tallies.iter_mut().enumerate().take(count) {
                tally.add(balancer, BackendIndex(place as u32), now);
            }
        });
        tallies
    }

    /// Returns the number of requests in flight in all views.
    pub(crate) fn in_flight(&self) -> u64 {
        let mut sum = 0;
        self.each(|balancer| sum += u64::from(balancer.in_flight()));
        sum
    }

    /// Returns what guards of learned policies have counted since the process started.
    pub(crate) fn guard_counts(&self) -> GuardCounts {
        self.lock().fold(GuardCounts::default(), |sum, core| sum.plus(core.guard_counts()))
    }

    /// Returns how long decisions of learned policies took.
    pub(crate) fn decisions(&self) -> Decisions {
        self.lock().fold(Decisions::default(), |sum, core| sum.plus(core.decisions))
    }

    /// Adds a backend whose position is the number of backends so far.
    pub(super) fn push(&self, backend: Arc<Backend>, weight: f64) {
        let mut backends = self.roster.backends.lock();
        debug_assert_eq!(backend.index.get(), backends.len(), "positions are in order");
        // This comes before the backend is listed, since every balancer must know each listed backend.
        self.each(|balancer| {
            let added = balancer.add(weight);
            balancer.name(added, backend.id.as_str().into());
        });
        backends.push(backend);
    }
}

impl Core {
    /// Makes the view pick by `policy`, under `label`.
    pub(super) fn follow(&mut self, policy: Box<dyn Policy>, label: &Arc<Label>) {
        self.past = self.guard_counts();
        self.balancer.set_policy(policy);
        self.label = ViewLabel::new(label);
    }

    fn guard_counts(&self) -> GuardCounts {
        self.past.plus(self.balancer.guard_counts().unwrap_or_default())
    }

    /// Picks a backend with a learned policy, and times some of the decisions.
    fn timed_pick(&mut self, request: &RequestInfo, now: Time) -> Option<BackendIndex> {
        self.decisions.picks += 1;
        if !self.decisions.picks.is_multiple_of(Decisions::TIMED) {
            return self.balancer.pick(request, now);
        }
        let begin = Instant::now();
        let picked = self.balancer.pick(request, now);
        self.decisions.timed += 1;
        self.decisions.nanos += begin.elapsed().as_nanos() as u64;
        picked
    }
}

/// One backend as all views of its pool together see it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) weight: f64,
    pub(crate) in_flight: u32,
    /// Sums over all views. The peak is the sum of the peaks, which is at least the peak of the sum.
    pub(crate) counters: Counters,
    /// Whether any view has ejected it.
    pub(crate) ejected: bool,
}

impl Tally {
    fn add(&mut self, balancer: &Balancer, backend: BackendIndex, now: Time) {
        let view = balancer.backends()[backend.get()];
        let counters = balancer.counters(backend);
        self.weight = view.weight;
        self.in_flight += view.in_flight;
        self.ejected |= balancer.ejected_until(backend, now).is_some();
        self.counters = Counters {
            requests: self.counters.requests + counters.requests,
            errors: self.counters.errors + counters.errors,
            cancelled: self.counters.cancelled + counters.cancelled,
            latency_sum: self.counters.latency_sum + counters.latency_sum,
            peak_in_flight: self.counters.peak_in_flight + counters.peak_in_flight,
        };
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
            reports: ReportLog::default(),
        }))
    }
}

impl Label {
    /// Creates the label of `algorithm`, with counters for this many data threads.
    pub(super) fn new(algorithm: Algorithm, threads: usize) -> Arc<Self> {
        let learned = algorithm.rule == Rule::Rl;
        Arc::new(Self {
            algorithm,
            name: algorithm.to_string(),
            learned,
            listens: matches!(algorithm.rule, Rule::Rl | Rule::LeastPredictedWork),
            stats: AlgorithmStats::new(threads),
        })
    }

    /// Returns the algorithm's name as the value of a header.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.name).expect("algorithm names are plain ASCII")
    }
}

impl ViewLabel {
    fn new(label: &Arc<Label>) -> Arc<Self> {
        Arc::new(Self { label: Arc::clone(label), header: label.header() })
    }
}
