//! Checks a fit by predicting the logged policies.

use super::fit::{load, request_timeout};
use super::replay::Played;
use super::{Calibration, CalibrationError, stats};
use lb_core::policy::{BackendIndex, Policy, PoolView, Reply, RequestInfo};
use lb_core::rng::Rng;
use lb_core::workload::{Observer, Sample};
use lb_core::{Algorithm, Outcome, Seed, Span, Time};
use lb_traces::read::{End, Exchange, Traces};
use rand::RngExt;
use serde::Serialize;

/// Tolerance of predictions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tolerance {
    /// Largest relative error of the mean latency, as a fraction.
    pub mean: f64,
    /// Largest relative error of the 99th percentile, as a fraction.
    pub p99: f64,
    /// Largest absolute difference in the share of failed requests.
    pub failed: f64,
    /// Smallest number of policies that must be predicted.
    pub policies: usize,
}

impl Default for Tolerance {
    /// Returns a tolerance that is tight enough to choose between policies whose tails differ by 20 %. More
    /// than one policy is required, because a single policy is easy to predict from its own trace.
    fn default() -> Self {
        Self { mean: 0.10, p99: 0.20, failed: 0.02, policies: 3 }
    }
}

/// A policy under which this share of the requests fails overloads the pool.
const OVERLOADED: f64 = 0.1;

impl Tolerance {
    /// Returns the tolerance for a policy under which this share of the requests failed: twice as wide if it overloads the
    /// pool. What happens then depends on what backends do with requests that nobody waits for any more, which no log
    /// tells, and no policy that is worth choosing comes there.
    #[must_use]
    pub fn for_failed(self, share: f64) -> Self {
        let factor = if share >= OVERLOADED { 2.0 } else { 1.0 };
        Self { mean: factor * self.mean, p99: factor * self.p99, failed: factor * self.failed, ..self }
    }
}

/// Logged and predicted figures of one policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyCheck {
    /// Name of the policy.
    pub policy: String,
    /// Number of logged requests.
    pub requests: usize,
    /// Mean latency of served requests in milliseconds: logged and predicted.
    pub mean_ms: [f64; 2],
    /// 99th percentile of the latency of served requests in milliseconds: logged and predicted.
    pub p99_ms: [f64; 2],
    /// Share of requests that failed or got no reply in time: logged and predicted.
    pub failed: [f64; 2],
    /// Relative standard deviations of mean and p99 between random runs as long as the log.
    pub chance: [f64; 2],
    /// Predictions outside the tolerance, one sentence each.
    pub misses: Vec<String>,
}

/// A logged policy that cannot be simulated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Skipped {
    /// Name of the policy.
    pub policy: String,
    /// Why it cannot be simulated.
    pub reason: String,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The comparison for each policy.
    pub checks: Vec<PolicyCheck>,
    /// Policies that could not be simulated.
    pub skipped: Vec<Skipped>,
    /// The tolerance that was applied.
    pub tolerance: Tolerance,
}

/// Number of simulated runs per prediction. Their mean is the prediction; their spread shows how much a
/// single run varies.
const RUNS: u64 = 8;
/// Number of standard deviations by which the limit exceeds the tolerance, because a log is a single run.
const DEVIATIONS: f64 = 2.0;
/// Upper bound of the limit, in multiples of the tolerance; if random variation is larger, the log is too
/// short.
const MOST: f64 = 2.0;

impl Calibration {
    /// Simulates each policy of `held_back` with its logged arrivals and compares the results. The
    /// predictions use only the arrival times, routes and policy names of `held_back`.
    pub fn check(&self, held_back: &Traces, tolerance: Tolerance) -> Verdict {
        let mut verdict = Verdict { checks: Vec::new(), skipped: Vec::new(), tolerance };
        for policy in held_back.policies() {
            let skip = |reason: String| Skipped { policy: policy.to_owned(), reason };
            let algorithm = match policy.parse::<Algorithm>() {
                Ok(algorithm) => algorithm,
                Err(problem) => {
                    verdict.skipped.push(skip(problem.to_string()));
                    continue;
                }
            };
            if let Err(problem) = algorithm.policy() {
                verdict.skipped.push(skip(problem.to_string()));
                continue;
            }
            match self.predict(algorithm, policy, held_back) {
                Ok(runs) => verdict.checks.push(compare(policy, logged(policy, held_back), runs, tolerance)),
                Err(problem) => verdict.skipped.push(skip(problem)),
            }
        }
        verdict
    }

    /// Simulates all episodes of a policy several times, each time with different random draws.
    fn predict(
        &self,
        algorithm: Algorithm,
        policy: &str,
        held_back: &Traces,
    ) -> Result<Vec<Latencies>, String> {
        let mut runs: Vec<Latencies> = (0..RUNS).map(|_| Latencies::default()).collect();
        for episode in held_back.episodes.iter().filter(|episode| episode.policy == policy) {
            let load = load(episode, held_back);
            let played = Played::new(episode, &load, self)?;
            for (luck, run) in (1..).zip(&mut runs) {
                run.outside = self.options(&load, Seed(0)).network_delay * 2;
                let mut policy = || -> Box<dyn Policy> {
                    let policy = algorithm.policy().expect("the policy was created before");
                    match episode.exploration > 0.0 {
                        true => Box::new(Exploring { policy, rate: episode.exploration }),
                        false => policy,
                    }
                };
                played.play(self, &load, luck, &mut policy, run)?;
            }
        }
        Ok(runs)
    }
}

/// Returns the logged latencies of a policy.
fn logged(policy: &str, traces: &Traces) -> Latencies {
    let mut latencies = Latencies::default();
    for episode in traces.episodes.iter().filter(|episode| episode.policy == policy) {
        latencies.log(&episode.exchanges, request_timeout(episode));
    }
    latencies
}

impl Verdict {
    /// Returns whether enough policies were predicted, all of them within the tolerance.
    pub fn passed(&self) -> bool {
        self.checks.len() >= self.tolerance.policies
            && self.checks.iter().all(|check| check.misses.is_empty())
    }

    /// Returns why the fit must not be used for training, one sentence each; empty if it may be.
    pub fn refusals(&self) -> Vec<String> {
        let mut refusals: Vec<String> = self
            .checks
            .iter()
            .flat_map(|check| check.misses.iter().map(|miss| format!("`{}`: {miss}", check.policy)))
            .collect();
        if self.checks.len() < self.tolerance.policies {
            refusals.push(format!(
                "only {} policies could be predicted, and {} must be: record more of them with `bench --traces`",
                self.checks.len(),
                self.tolerance.policies,
            ));
        }
        refusals
    }
}

/// Predicts each logged policy from a fit to all the others.
///
/// # Errors
/// Same as [`super::fit`].
pub fn cross_check(traces: &Traces, tolerance: Tolerance) -> Result<Verdict, CalibrationError> {
    let mut verdict = Verdict { checks: Vec::new(), skipped: Vec::new(), tolerance };
    let policies = traces.policies();
    if policies.len() < 2 {
        return Ok(verdict);
    }
    for policy in policies {
        let others = traces.only(|name| name != policy);
        let one = super::fit(&others)?.check(&traces.only(|name| name == policy), tolerance);
        verdict.checks.extend(one.checks);
        verdict.skipped.extend(one.skipped);
    }
    Ok(verdict)
}

fn compare(
    policy: &str,
    mut logged: Latencies,
    mut runs: Vec<Latencies>,
    tolerance: Tolerance,
) -> PolicyCheck {
    let of_runs = |figure: fn(&mut Latencies) -> f64, runs: &mut [Latencies]| -> (f64, f64) {
        let figures: Vec<f64> = runs.iter_mut().map(figure).collect();
        let mean = stats::mean(&figures);
        (mean, stats::deviation(&figures, mean))
    };
    let failed = [logged.failed_share(), of_runs(|run| run.failed_share(), &mut runs).0];
    let tolerance = tolerance.for_failed(failed[0]);
    let mut misses = Vec::new();
    let mut chance = [0.0; 2];
    let mut pairs = [[0.0; 2]; 2];
    type Figure = fn(&mut Latencies) -> f64;
    let figures: [(&str, Figure, f64); 2] =
        [("mean", Latencies::mean, tolerance.mean), ("p99", Latencies::p99, tolerance.p99)];
    for (place, (what, figure, allowed)) in figures.into_iter().enumerate() {
        let was = figure(&mut logged);
        let (expected, spread) = of_runs(figure, &mut runs);
        pairs[place] = [was, expected];
        chance[place] = spread / expected;
        let off = expected / was - 1.0;
        let limit = (allowed + DEVIATIONS * chance[place]).min(MOST * allowed);
        // NaN means that one of them served no requests, which is also a miss.
        if off.is_nan() || off.abs() > limit {
            misses.push(format!(
                "{what} latency was {was:.2} ms, but {expected:.2} ms is predicted, {:+.0} % (at most {:.0} %, \
                 of which chance explains {:.0})",
                off * 100.0,
                limit * 100.0,
                (limit - allowed) * 100.0,
            ));
        }
    }
    if (failed[1] - failed[0]).abs() > tolerance.failed {
        misses.push(format!(
            "{:.1} % of requests failed, but {:.1} % are predicted to fail (at most {:.0} points off)",
            failed[0] * 100.0,
            failed[1] * 100.0,
            tolerance.failed * 100.0,
        ));
    }
    PolicyCheck {
        policy: policy.to_owned(),
        requests: logged.served_ms.len() + logged.failed,
        mean_ms: pairs[0],
        p99_ms: pairs[1],
        failed,
        chance,
        misses,
    }
}

/// A client that waited for this share of its timeout gave up because of it.
const AT_THE_TIMEOUT: f64 = 0.95;

/// Latencies as a load balancer sees them.
#[derive(Default)]
struct Latencies {
    served_ms: Vec<f64>,
    failed: usize,
    /// Latency that a simulated client adds: the network between client and load balancer.
    outside: Span,
}

impl Latencies {
    /// Adds exchanges. One whose client gave up at its `timeout` failed; those of clients that left earlier are unknown.
    fn log(&mut self, exchanges: &[Exchange], timeout: Option<Span>) {
        let least = timeout.map(|timeout| timeout.mul_f64(AT_THE_TIMEOUT));
        for exchange in exchanges {
            match (exchange.end, exchange.latency) {
                (End::Censored, Some(latency)) if least.is_some_and(|least| latency >= least) => {
                    self.failed += 1
                }
                (End::Censored, _) => {}
                (End::Served, Some(latency)) => self.served_ms.push(latency.as_millis_f64()),
                _ => self.failed += 1,
            }
        }
    }

    fn mean(&mut self) -> f64 {
        match self.served_ms.is_empty() {
            true => f64::NAN,
            false => stats::mean(&self.served_ms),
        }
    }

    fn p99(&mut self) -> f64 {
        self.served_ms.sort_unstable_by(f64::total_cmp);
        stats::quantile(&self.served_ms, 0.99).unwrap_or(f64::NAN)
    }

    fn failed_share(&self) -> f64 {
        self.failed as f64 / (self.failed + self.served_ms.len()).max(1) as f64
    }
}

impl Observer for Latencies {
    fn sample(&mut self, sample: &Sample) {
        if sample.outcome == Outcome::Ok {
            let latency = sample.done.since(sample.sent).saturating_sub(self.outside);
            self.served_ms.push(latency.as_millis_f64());
        } else {
            self.failed += 1;
        }
    }
}

/// A policy that makes some decisions at random, as policies do while traces are recorded.
struct Exploring {
    policy: Box<dyn Policy>,
    rate: f64,
}

impl Policy for Exploring {
    fn pick(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        if !pool.eligible.is_empty() && rng.random::<f64>() < self.rate {
            return Some(pool.eligible[rng.random_range(0..pool.eligible.len())]);
        }
        self.policy.pick(request, pool, now, rng)
    }

    fn on_sent(&mut self, backend: BackendIndex, request: &RequestInfo, now: Time) {
        self.policy.on_sent(backend, request, now);
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        self.policy.on_reply(backend, reply, now);
    }

    fn on_cancel(&mut self, backend: BackendIndex, sent: Time) {
        self.policy.on_cancel(backend, sent);
    }
}
