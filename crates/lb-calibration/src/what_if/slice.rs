//! The check of a fit: the last quarter of the log is held back, and predicted from a fit to the rest.

use super::arrivals::Arrivals;
use super::tally::{Figures, Periods, Tally, figures};
use super::{Chooser, FittedLog, WhatIfError};
use crate::log::AccessLog;
use crate::{Calibration, Tolerance, fit, stats};
use lb_core::{Seed, Span, Time};
use lb_traces::read::{End, Exchange};
use serde::Serialize;

/// Share of the log, in time, to which the fit is made.
const FITTED: f64 = 0.75;
/// Number of simulated runs per prediction, as in the check of policies.
const RUNS: u64 = 8;
/// Largest number of requests to simulate per run. Queues that build up before the slice need some of them.
const MOST: usize = 300_000;
/// Number of standard deviations by which the limit exceeds the tolerance, because a log is a single run.
const DEVIATIONS: f64 = 2.0;
/// Upper bound of the limit, in multiples of the tolerance.
const MOST_LIMIT: f64 = 2.0;
/// Largest share of the log's end that is left out, because requests that had not ended were not logged.
const MOST_EDGE: f64 = 0.1;

/// Logged and predicted figures of one part of the slice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// The backend as the log names it; `None` for all together.
    pub backend: Option<String>,
    /// Number of logged requests.
    pub requests: u64,
    /// Mean latency in milliseconds: logged and predicted.
    pub mean_ms: [f64; 2],
    /// 99th percentile of the latency in milliseconds: logged and predicted.
    pub p99_ms: [f64; 2],
    /// Share of requests that failed: logged and predicted.
    pub failed: [f64; 2],
    /// Relative standard deviations of mean and p99 between random runs as long as the slice.
    pub chance: [f64; 2],
    /// Figures outside the limits, one sentence each.
    pub misses: Vec<String>,
}

/// The result of the check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SliceCheck {
    /// Where the slice begins and ends, in seconds from the beginning of the log.
    pub slice_s: [f64; 2],
    /// All requests, and then those of each backend. Only all together decide.
    pub compared: Vec<Compared>,
}

impl SliceCheck {
    /// Returns why the fit must not be trusted, one sentence each; empty if it may be.
    pub fn refusals(&self) -> &[String] {
        self.compared.first().map_or(&[], |all| &all.misses)
    }
}

impl FittedLog<'_> {
    /// Predicts the last quarter of the log from a fit to the rest.
    ///
    /// # Errors
    /// The rest holds too little for a fit.
    pub fn check(&self, tolerance: Tolerance) -> Result<SliceCheck, WhatIfError> {
        let log = self.log;
        let length = log.length();
        let start = Time::ZERO + length.mul_f64(FITTED);
        let longest = log.requests.iter().filter_map(|request| request.latency).max().unwrap_or(Span::ZERO);
        let edge = longest.min(length.mul_f64(MOST_EDGE));
        let end = Time::ZERO + length.saturating_sub(edge);
        let mut traces = log.until(start);
        traces.weights.clone_from(&self.routing.weights);
        let calibration = fit::workings(&traces, log.resolution)?.calibration;
        let chooser = match self.routing.algorithm {
            Some(algorithm) if self.routing.adaptive => Chooser::Algorithm(algorithm),
            _ => Chooser::AsLogged,
        };
        let runs: Vec<Periods> = (1..=RUNS)
            .map(|run| predict(log, &calibration, chooser, run, [start, end]))
            .collect::<Result<_, _>>()?;
        let exchanges = log.traces.episodes.iter().flat_map(|episode| &episode.exchanges);
        let exchanges: Vec<&Exchange> =
            exchanges.filter(|one| (start..end).contains(&one.sent) && one.end != End::Censored).collect();
        let mut compared = vec![compare(None, &exchanges, &runs, tolerance, |run| run.tallies.as_slice())];
        for (backend, name) in log.names.iter().enumerate() {
            let own: Vec<&Exchange> =
                exchanges.iter().filter(|one| usize::from(one.backend) == backend).copied().collect();
            compared.push(compare(Some(name.clone()), &own, &runs, tolerance, |run| {
                std::slice::from_ref(&run.by_backend[backend])
            }));
        }
        Ok(SliceCheck { slice_s: [start, end].map(Time::as_secs_f64), compared })
    }
}

fn predict(
    log: &AccessLog,
    calibration: &Calibration,
    chooser: Chooser,
    run: u64,
    [start, end]: [Time; 2],
) -> Result<Periods, WhatIfError> {
    let arrivals = Arrivals::new(log, 1.0, run);
    let before = log.requests.len().saturating_sub(MOST);
    let lead = log.requests.get(before).map_or(Time::ZERO, |request| request.at).min(start);
    let options = calibration.options(&calibration.load, Seed(run));
    let backends = log.names.len();
    let counts = Box::new(move |sent| (start..end).contains(&sent));
    let mut periods = Periods::new(1, log.length(), backends, options.network_delay * 2, counts);
    let options = simulator::Options { luck: run, ..options };
    simulator::simulate_recorded(
        &calibration.topology,
        arrivals.from(lead, chooser.identity()),
        log.length(),
        calibration.load.request_timeout(),
        &mut || chooser.policy(log),
        &options,
        &mut periods,
    )?;
    Ok(periods)
}

fn compare(
    backend: Option<String>,
    logged: &[&Exchange],
    runs: &[Periods],
    tolerance: Tolerance,
    part: impl Fn(&Periods) -> &[Tally],
) -> Compared {
    let mut tally = Tally::default();
    for exchange in logged {
        match (exchange.end, exchange.latency) {
            (End::Served, Some(latency)) => tally.serve(latency),
            _ => tally.fail(),
        }
    }
    let was = figures(std::iter::once((&tally, 1)));
    let runs: Vec<Figures> =
        runs.iter().map(|run| figures(part(run).iter().map(|tally| (tally, 1)))).collect();
    let spread = |figure: fn(&Figures) -> f64| {
        let values: Vec<f64> = runs.iter().map(figure).collect();
        let mean = stats::mean(&values);
        (mean, stats::deviation(&values, mean) / mean)
    };
    let mean = spread(|run| run.mean_ms);
    let p99 = spread(|run| run.p99_ms);
    let failed = [was.failed, spread(|run| run.failed).0];
    let mut misses = Vec::new();
    for (what, was, (expected, chance), allowed) in
        [("mean", was.mean_ms, mean, tolerance.mean), ("p99", was.p99_ms, p99, tolerance.p99)]
    {
        let off = expected / was - 1.0;
        let limit = (allowed + DEVIATIONS * chance).min(MOST_LIMIT * allowed);
        if off.is_nan() || off.abs() > limit {
            misses.push(format!(
                "{what} latency was {was:.2} ms, but {expected:.2} ms is predicted, {:+.0} % (at most {:.0} %)",
                off * 100.0,
                limit * 100.0
            ));
        }
    }
    if (failed[1] - failed[0]).abs() > tolerance.failed {
        misses.push(format!(
            "{:.1} % of requests failed, but {:.1} % are predicted to fail (at most {:.0} points off)",
            failed[0] * 100.0,
            failed[1] * 100.0,
            tolerance.failed * 100.0
        ));
    }
    Compared {
        backend,
        requests: tally.requests(),
        mean_ms: [was.mean_ms, mean.0],
        p99_ms: [was.p99_ms, p99.0],
        failed,
        chance: [mean.1, p99.1],
        misses,
    }
}
