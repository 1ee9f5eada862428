//! Specialised policies on the pools that they were specialised for, rather than on twins of these pools: what of the gain
//! is real.
//!
//! The true pool is a situation, whose speeds and queues neither the fit nor the training has seen: they know a recording
//! of it. The specialised policy meets the general one, all classical algorithms and the oracles. It is also played for a
//! minute with a profile that is wrong, in which the backends have each other's speeds, from the first request on: what a
//! profile of the wrong pool may cost until observations contradict it.

use super::contestants::{GENERAL, SPECIALISED, Trained};
use super::lists::List;
use super::play::{CaseResult, Evaluation, Watch, evaluate};
use super::standing::{self, Estimate, MEAN, Metric, P99};
use crate::measure::{in_parallel, measure_from_start};
use crate::scenarios::{Case, hash};
use lb_core::Seed;
use lb_core::policy::{Learned, Policy, PolicyFile};
use lb_core::profile::PoolProfile;
use lb_core::rng::hash_name;
use rand::seq::SliceRandom;
use serde::Serialize;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A policy that was specialised on a pool, and the pool.
#[derive(Clone, Debug)]
pub struct OnPool {
    /// The true pool with its load.
    pub case: Case,
    /// The policy, with its profile of the pool if it uses one.
    pub file: Arc<PolicyFile>,
}

/// How specialised policies did on their pools.
#[derive(Clone, Debug, Serialize)]
pub struct OnPools {
    /// All pools, each as one case. The contestants named [`GENERAL`] and [`SPECIALISED`] are the policies.
    pub evaluation: Evaluation,
    /// A minute under wrong profiles, for each policy with a profile.
    pub wrong: Vec<WrongProfile>,
}

/// How a policy did under wrong profiles, relative to the general policy without a profile.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WrongProfile {
    /// Name of the case.
    pub case: String,
    /// Ratios of the mean latency of the first minute, one for each profile.
    pub mean: Vec<f64>,
    /// Ratios of the 99th percentile of the first minute, one for each profile.
    pub p99: Vec<f64>,
}

/// Length of the play under a wrong profile in seconds.
const MINUTE_S: f64 = 60.0;
/// Label of the streams by which speeds are shuffled.
const SHUFFLED: u64 = 0x5afe;

/// Plays all pools with `lucks` replications each. `requests` replaces the number of requests of a replication.
pub fn on_pools(
    pools: &[OnPool],
    general: &Arc<PolicyFile>,
    lucks: u64,
    requests: Option<u64>,
    watch: Watch<'_>,
) -> OnPools {
    let cases: Vec<Case> = pools.iter().map(|pool| pool.case.clone()).collect();
    let mut evaluations = pools.iter().enumerate().map(|(place, pool)| {
        let named = |name: &str, file: &Arc<PolicyFile>| Trained {
            name: name.to_owned(),
            seed: None,
            file: Arc::clone(file),
        };
        let policies = [named(GENERAL, general), named(SPECIALISED, &pool.file)];
        let list = List {
            name: "pools",
            sha256: hash(&cases),
            cases: vec![pool.case.clone()],
            whole: cases.len(),
            full: true,
        };
        let list = requests.map_or_else(|| list.clone(), |requests| list.clone().with_requests(requests));
        let progress = |done: usize, all: usize| (watch.progress)(place * all + done, pools.len() * all);
        evaluate(&policies, &list, lucks, Watch { stop: watch.stop, progress: &progress })
    });
    let mut evaluation = evaluations.next().expect("there is a pool");
    evaluations.for_each(|other| evaluation.cases.extend(other.cases));
    let stopped = watch.stop.load(Ordering::Relaxed);
    let wrong =
        pools.iter().filter(|_| !stopped).filter_map(|pool| under_wrong_profiles(pool, general, lucks));
    OnPools { evaluation, wrong: wrong.collect() }
}

/// Plays a minute under `lucks` wrong profiles; `None` if the policy has no profile.
fn under_wrong_profiles(pool: &OnPool, general: &Arc<PolicyFile>, lucks: u64) -> Option<WrongProfile> {
    let known = pool.file.profile.as_ref()?;
    let minute = pool.case.clone().with_requests((pool.case.load.rate * MINUTE_S) as u64);
    let lucks: Vec<u64> = (0..lucks).collect();
    let ratios = in_parallel(&lucks, |luck| {
        let case = minute.clone().with_luck(*luck);
        let wrong =
            PolicyFile { profile: Some(shuffled(known, &case.name, *luck)), ..PolicyFile::clone(&pool.file) };
        let [wrong, general] = [Arc::new(wrong), Arc::clone(general)].map(|file| {
            let mut policy = || -> Box<dyn Policy> { Box::new(Learned::new(Arc::clone(&file))) };
            measure_from_start(&case, &mut policy)
        });
        (wrong.mean_ms / general.mean_ms, wrong.p99_ms / general.p99_ms)
    });
    let (mean, p99) = ratios.into_iter().unzip();
    Some(WrongProfile { case: pool.case.name.clone(), mean, p99 })
}

/// Returns a profile in which backends have each other's speeds, and are as sure of them as of their own.
fn shuffled(known: &PoolProfile, name: &str, luck: u64) -> PoolProfile {
    let mut rng = Seed(hash_name(name.as_bytes())).stream(&[SHUFFLED, luck]);
    let mut speeds: Vec<_> = known.backends.iter().map(|backend| backend.speed).collect();
    speeds.shuffle(&mut rng);
    let mut wrong = known.clone();
    wrong.backends.iter_mut().zip(speeds).for_each(|(backend, speed)| backend.speed = speed);
    wrong
}

/// What a contestant is compared with.
#[derive(Clone, Copy, Debug)]
pub enum Opponent<'a> {
    /// The contestant with this name.
    Named(&'a str),
    /// The best classical algorithm of each pool, by each metric.
    BestClassical,
}

impl OnPools {
    /// Returns the geometric means of the ratios of mean and 99th percentile of the contestant `of` to an opponent over the
    /// pools from number `from` to before `to`. Pools are given, so that intervals are over replications. `None` if one of
    /// both did not take part, or there are no such pools.
    pub fn ratio(&self, of: &str, opponent: Opponent<'_>, pools: Range<usize>) -> Option<[Estimate; 2]> {
        let of = self.evaluation.place(of)?;
        let cases = self.evaluation.cases.get(pools).filter(|cases| !cases.is_empty())?;
        let by_metric = |metric: Metric| {
            let logs = |case: &CaseResult| {
                let other = match opponent {
                    Opponent::Named(name) => self.evaluation.place(name)?,
                    Opponent::BestClassical => self.best_classical(case, metric)?,
                };
                Some(standing::log_ratios(case, of, other, metric))
            };
            let logs: Vec<Vec<f64>> = cases.iter().map(logs).collect::<Option<_>>()?;
            let of_luck = |logs: Vec<f64>| vec![standing::average(logs)];
            let rows: Vec<Vec<f64>> = standing::transposed(&logs).into_iter().map(of_luck).collect();
            Some(standing::estimate(&rows, &self.evaluation.list))
        };
        Some([by_metric(MEAN)?, by_metric(P99)?])
    }

    /// Returns the names of the classical algorithms with the lowest mean and the lowest 99th percentile in a pool.
    pub fn best(&self, pool: usize) -> Option<[&str; 2]> {
        let case = self.evaluation.cases.get(pool)?;
        let name = |metric: Metric| {
            let place = self.best_classical(case, metric)?;
            Some(self.evaluation.contestants[place].name.as_str())
        };
        Some([name(MEAN)?, name(P99)?])
    }

    fn best_classical(&self, case: &CaseResult, metric: Metric) -> Option<usize> {
        standing::best(&self.evaluation, case, metric, standing::is_classical)
    }
}

impl WrongProfile {
    /// Returns the geometric mean and the largest of ratios.
    pub fn typical_and_worst(ratios: &[f64]) -> [f64; 2] {
        let typical = standing::average(ratios.iter().map(|ratio| ratio.ln())).exp();
        [typical, ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max)]
    }
}
