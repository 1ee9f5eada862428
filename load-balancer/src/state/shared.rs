//! The state that all threads share, and how the algorithm changes.

use super::booking::Benchmark;
use super::change_error::ChangeError;
use super::pool::{Backend, Label, Pool, Roster};
use super::table::Table;
use super::traces::Traces;
use crate::config::{Config, Trained, Views};
use crate::metrics::GlobalMetrics;
use lb_core::algorithm::AlgorithmError;
use lb_core::balancer::Balancer;
use lb_core::hints::Reader;
use lb_core::policy::{GuardCounts, Policy};
use lb_core::{Algorithm, Time};
use lb_traces::write::{Names, TracedPolicy};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The state that all threads share.
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) metrics: GlobalMetrics,
    pub(crate) benchmark: Benchmark,
    /// `None` if decisions are not recorded.
    pub(crate) traces: Option<Traces>,
    epoch: Instant,
    table: Mutex<Arc<Table>>,
    version: AtomicU64,
    pub(super) algorithms: Mutex<Algorithms>,
    generation: AtomicU64,
    /// Whether the current algorithm predicts costs from what requests say.
    listens: AtomicBool,
}

/// The current algorithm, a label for each algorithm that was used or requested, and the policy file of `rl`.
pub(super) struct Algorithms {
    pub(super) current: Arc<Label>,
    labels: Vec<Arc<Label>>,
    /// Number of data threads.
    threads: usize,
    pub(super) trained: Option<Trained>,
    /// The guard counts when statistics were last reset.
    forgotten: GuardCounts,
}

impl Algorithms {
    /// Creates a new policy for an algorithm.
    pub(super) fn policy(&self, algorithm: Algorithm) -> Result<Box<dyn Policy>, AlgorithmError> {
        algorithm.policy_with(self.trained.as_ref().map(|trained| &trained.file))
    }

    fn label(&mut self, algorithm: Algorithm) -> Arc<Label> {
        let known = self.labels.iter().find(|label| label.algorithm == algorithm);
        known.cloned().unwrap_or_else(|| {
            let label = Label::new(algorithm, self.threads);
            self.labels.push(Arc::clone(&label));
            label
        })
    }
}

impl State {
    /// Creates the initial state: everything as configured, all backends healthy.
    pub(crate) fn new(config: Config) -> anyhow::Result<Arc<Self>> {
        let threads = config.threads;
        let current = Label::new(config.algorithm, threads);
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (pools, trained) = (config.pools.clone(), config.trained.clone());
        let traces = config.traces.clone().map(Traces::new).transpose()?;
        let state = Self {
            traces,
            config,
            metrics: GlobalMetrics::default(),
            benchmark: Benchmark::default(),
            epoch: Instant::now(),
            listens: AtomicBool::new(current.listens),
            table: Mutex::default(),
            version: AtomicU64::new(1),
            algorithms: Mutex::new(Algorithms {
                labels: vec![Arc::clone(&current)],
                threads,
                current,
                trained,
                forgotten: GuardCounts::default(),
            }),
            // This starts at the wall-clock time, so that a restart always changes it.
            generation: AtomicU64::new(since_epoch.as_millis() as u64),
        };
        for pool in &pools {
            state.add_pool(pool)?;
        }
        if let Some(traces) = &state.traces {
            traces.begin(state.now())?;
        }
        Ok(Arc::new(state))
    }

    /// Returns the time since the process started.
    pub(crate) fn now(&self) -> Time {
        Time::from_nanos(self.epoch.elapsed().as_nanos() as u64)
    }

    /// Returns a number that changes whenever the counters start over: at each start of the process and each
    /// reset.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Returns a number that changes whenever the table does.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Returns the newest table.
    pub(crate) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.lock())
    }

    pub(super) fn replace_table(&self, change: impl FnOnce(&mut Table)) {
        let mut table = self.table.lock();
        let mut next = Table::clone(&table);
        change(&mut next);
        *table = Arc::new(next);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Returns the label of the active algorithm.
    pub(crate) fn current(&self) -> Arc<Label> {
        Arc::clone(&self.algorithms.lock().current)
    }

    /// Returns the labels of all algorithms that were used or requested since the process started.
    pub(crate) fn labels(&self) -> Vec<Arc<Label>> {
        self.algorithms.lock().labels.clone()
    }

    /// Returns the number of views that each pool has.
    pub(crate) fn views(&self) -> usize {
        match self.config.views {
            Views::Shared => 1,
            Views::PerThread => self.config.threads,
        }
    }

    /// Returns the view that data thread `number` uses.
    pub(crate) fn view_of(&self, number: usize) -> usize {
        number % self.views()
    }

    /// Checks whether `algorithm` can run.
    pub(crate) fn can_run(&self, algorithm: Algorithm) -> Result<(), AlgorithmError> {
        self.algorithms.lock().policy(algorithm).map(drop)
    }

    /// Makes every pool pick by `algorithm`, with new policies. All pools change at once; in-flight counts,
    /// health and weights are kept.
    pub(crate) fn switch(&self, algorithm: Algorithm) -> Result<Arc<Label>, AlgorithmError> {
        let mut algorithms = self.algorithms.lock();
        self.install(&mut algorithms, algorithm)
    }

    /// Makes `rl` use another policy file, in all pools at once if it is current.
    pub(crate) fn reload(&self, trained: Trained) {
        let mut algorithms = self.algorithms.lock();
        algorithms.trained = Some(trained);
        let current = Arc::clone(&algorithms.current);
        if current.learned {
            self.install(&mut algorithms, current.algorithm).expect("there is a policy file");
        }
    }

    fn install(
        &self,
        algorithms: &mut Algorithms,
        algorithm: Algorithm,
    ) -> Result<Arc<Label>, AlgorithmError> {
        let table = self.table();
        let places = (0..table.pools.len()).flat_map(|pool| (0..self.views()).map(move |view| (pool, view)));
        let places: Vec<_> = places.collect();
        let policies: Vec<Box<dyn Policy>> =
            places.iter().map(|_| algorithms.policy(algorithm)).collect::<Result<_, _>>()?;
        let label = algorithms.label(algorithm);
        // This happens before the locks are taken, since a new log may have to wait for its place in the
        // channel.
        let policies: Vec<_> = places
            .into_iter()
            .zip(policies)
            .map(|(place, policy)| {
                let trained = algorithms.trained.as_ref();
                self.traced(policy, &label, trained, &table.pools[place.0].roster, place)
            })
            .collect();
        let mut cores: Vec<_> = table.pools.iter().flat_map(|pool| pool.lock()).collect();
        for (core, policy) in cores.iter_mut().zip(policies) {
            core.follow(policy, &label);
        }
        self.listens.store(label.listens, Ordering::Relaxed);
        algorithms.current = Arc::clone(&label);
        Ok(label)
    }

    /// Returns what reads requests, if the current algorithm or a trace needs to know what they say.
    pub(crate) fn listens(&self) -> Option<&Reader> {
        let reader = self.config.hints.as_deref()?;
        (self.listens.load(Ordering::Relaxed) || self.is_recording()).then_some(reader)
    }

    /// Returns whether decisions are recorded at the moment.
    pub(crate) fn is_recording(&self) -> bool {
        self.traces.as_ref().is_some_and(Traces::is_recording)
    }

    /// Adds a log of decisions to a policy if traces are configured. `place` contains the numbers of its pool
    /// and of its view.
    pub(super) fn traced(
        &self,
        policy: Box<dyn Policy>,
        label: &Label,
        trained: Option<&Trained>,
        roster: &Arc<Roster>,
        (pool, view): (usize, usize),
    ) -> Box<dyn Policy> {
        let Some(traces) = &self.traces else { return policy };
        let file = trained.filter(|_| label.learned);
        let policy_id = match file {
            Some(trained) => format!("{}:{}", label.name, trained.file.short_hash()),
            None => label.name.clone(),
        };
        let lb_id = (pool * self.views() + view) as u16;
        let names = Arc::clone(roster) as Arc<dyn Names>;
        traces.over(policy, TracedPolicy { lb_id, policy_id, names })
    }

    /// Returns the policy file that `rl` uses.
    pub(crate) fn trained(&self) -> Option<Trained> {
        self.algorithms.lock().trained.clone()
    }

    /// Returns what guards of learned policies have counted since statistics were last reset.
    pub(crate) fn guard_counts(&self) -> GuardCounts {
        let forgotten = self.algorithms.lock().forgotten;
        self.total_guard_counts().minus(forgotten)
    }

    /// Makes [`Self::guard_counts`] begin at zero.
    pub(crate) fn forget_guard_counts(&self) {
        let all = self.total_guard_counts();
        self.algorithms.lock().forgotten = all;
    }

    /// Returns what guards of learned policies have counted since the process started.
    pub(crate) fn total_guard_counts(&self) -> GuardCounts {
        let zero = GuardCounts::default();
        self.table().pools.iter().fold(zero, |sum, pool| sum.plus(pool.guard_counts()))
    }

    /// Resets all counters. Policies keep what they have learnt, so that a warm-up can end with a reset; a
    /// switch creates a new policy.
    pub(crate) fn reset(&self) -> Arc<Label> {
        let label = self.current();
        for pool in &self.table().pools {
            pool.each(Balancer::reset_counters);
        }
        self.generation.fetch_add(1, Ordering::Relaxed);
        label
    }

    /// Returns all backends of all pools, including removed ones.
    pub(crate) fn backends(&self) -> Vec<(Arc<Pool>, Arc<Backend>)> {
        let table = self.table();
        table
            .pools
            .iter()
            .flat_map(|pool| pool.backends().into_iter().map(|backend| (Arc::clone(pool), backend)))
            .collect()
    }

    /// Returns the listed backend with this id.
    pub(crate) fn backend(&self, id: &str) -> Result<(Arc<Pool>, Arc<Backend>), ChangeError> {
        self.backends()
            .into_iter()
            .find(|(_, backend)| backend.id == id && !backend.removed.load(Ordering::Relaxed))
            .ok_or_else(|| ChangeError::UnknownBackend(id.to_owned()))
    }

    /// Returns the number of requests in flight in all pools.
    pub(crate) fn in_flight(&self) -> u64 {
        self.table().pools.iter().map(|pool| pool.in_flight()).sum()
    }
}
