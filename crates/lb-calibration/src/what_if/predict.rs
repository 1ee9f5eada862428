//! Simulates every algorithm on the recorded arrivals, again and again, on all threads.

use super::arrivals::Arrivals;
use super::draws::{self, Draws, Metric, Predicted};
use super::tally::{Figures, Periods, figures};
use super::{Chooser, FittedLog, WhatIfError, simulated};
use crate::Calibration;
use crate::resampling::{PERIODS, drawn};
use lb_core::fault::{Fault, FaultKind};
use lb_core::rng::mix;
use lb_core::topology::Topology;
use lb_core::{Algorithm, Seed, Span, Time};
use lb_traces::read::End;
use serde::Serialize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Largest factor on the rate.
const MOST_SCALE: f64 = 100.0;
/// Fewest and most requests to simulate.
const REQUESTS: [usize; 2] = [1_000, 20_000_000];
/// Requests that the simulations of one algorithm under the fit itself should have in all, and the bounds of
/// the number of these simulations.
const CENTRAL: (usize, [usize; 2]) = (1_500_000, [2, 8]);
/// The same for variations of the fit.
const VARIED: (usize, [usize; 2]) = (2_000_000, [8, 16]);
/// Number of draws of periods for each variation of the fit.
const DRAWS: usize = 40;
/// Share of a shortened period that only fills the queues and does not count.
const LEAD: f64 = 0.2;

/// What to predict.
#[derive(Clone, Debug)]
pub struct WhatIf {
    /// The algorithms.
    pub algorithms: Vec<Algorithm>,
    /// Factor on the number of requests; 1 for as many as were logged.
    pub scale: f64,
    /// Backends that crash.
    pub kills: Vec<Kill>,
    /// The metric by which the best algorithm is chosen.
    pub primary: Metric,
    /// Determines all random draws.
    pub seed: Seed,
    /// Number of threads to use.
    pub threads: usize,
}

/// A backend that crashes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Kill {
    /// The backend, as the log or the topology names it.
    pub backend: String,
    /// When it crashes, in seconds from the beginning of the log.
    pub at_s: f64,
    /// For how many seconds; `None` for the rest of the log.
    pub for_s: Option<f64>,
}

/// What is predicted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The figures of the log itself.
    pub logged: Figures,
    /// Position in `predicted` of what was recorded, with which the others are compared.
    pub baseline: usize,
    /// Position in `predicted` of the algorithm that is best by the primary metric, among those that fail least.
    pub best: usize,
    /// One prediction for each algorithm.
    pub predicted: Vec<Predicted>,
    /// Number of simulated requests, of all algorithms and runs.
    pub simulated: u64,
    /// Number of variations of the fit.
    pub variations: usize,
}

/// One simulation of the log, under one fit and one draw of service times.
struct Run {
    calibration: Calibration,
    /// Differs from run to run, and from 0.
    number: u64,
    /// Whether it is a variation, of which periods are drawn.
    varied: bool,
}

/// The results of one algorithm in one run.
struct Outcome {
    whole: Figures,
    draws: Vec<Figures>,
    shares: Vec<f64>,
    simulated: u64,
}

impl FittedLog<'_> {
    /// Predicts the figures of algorithms on the recorded arrivals. `progress` is told the share that is done.
    ///
    /// # Errors
    /// An algorithm, a backend or a factor is not possible.
    pub fn predict(
        &self,
        what_if: &WhatIf,
        progress: &(dyn Fn(f64) + Sync),
    ) -> Result<Prediction, WhatIfError> {
        let length = self.log.length();
        let topology = self.with_kills(&what_if.kills)?;
        let (choosers, baseline) = self.choosers(&what_if.algorithms)?;
        let arrivals = self.arrivals(what_if)?;
        let times = |(total, [least, most]): (usize, [usize; 2])| (total / arrivals.len()).clamp(least, most);
        let (central, varied) = (times(CENTRAL), times(VARIED));
        let runs: Vec<Run> = in_parallel(central + varied, what_if.threads, &|_| (), |number| {
            let is_varied = number >= central;
            let mut calibration = if is_varied {
                let weights = drawn(what_if.seed.key(&[FIT, number as u64]), PERIODS);
                self.workings.resampled(&weights, length, &self.log.traces.routes)
            } else {
                self.workings.calibration.clone()
            };
            calibration.topology.faults.clone_from(&topology.faults);
            Run { calibration, number: number as u64 + 1, varied: is_varied }
        });
        let (central_runs, varied_runs) = runs.split_at(central);
        let share = central as f64 / runs.len() as f64;
        let simulate =
            |runs: &[Run], part: &(dyn Fn(&Run, usize) -> Part + Sync), progress: &(dyn Fn(f64) + Sync)| {
                let outcomes = in_parallel(runs.len() * choosers.len(), what_if.threads, progress, |task| {
                    let (run, place) = (&runs[task / choosers.len()], task % choosers.len());
                    self.simulate(run, choosers[place], &arrivals, what_if, part(run, place))
                });
                outcomes.into_iter().collect::<Result<Vec<Outcome>, WhatIfError>>()
            };
        let mut by_chooser: Vec<Draws> = choosers.iter().map(|chooser| Draws::new(chooser.name())).collect();
        let mut simulated = 0;
        let outcomes = simulate(central_runs, &|_, _| Part::whole(), &|done| progress(share * done))?;
        for (task, outcome) in outcomes.into_iter().enumerate() {
            simulated += outcome.simulated;
            let draws = &mut by_chooser[task % choosers.len()];
            draws.central.push(outcome.whole);
            draws.shares.push(outcome.shares);
        }
        let slow: Vec<f64> = by_chooser.iter().map(slowest_ms).collect();
        let part = |run: &Run, place: usize| Part::of(arrivals.len(), length, run.number, slow[place]);
        let outcomes = simulate(varied_runs, &part, &|done| progress(share + (1.0 - share) * done))?;
        for (task, outcome) in outcomes.into_iter().enumerate() {
            simulated += outcome.simulated;
            by_chooser[task % choosers.len()].varied.push(outcome.draws);
        }
        let (predicted, best) = draws::predicted(&by_chooser, baseline, what_if.primary);
        Ok(Prediction { logged: self.logged(), baseline, best, predicted, simulated, variations: varied })
    }

    fn arrivals(&self, what_if: &WhatIf) -> Result<Arrivals, WhatIfError> {
        let scale = what_if.scale;
        if !(scale > 0.0 && scale <= MOST_SCALE) {
            return Err(WhatIfError::Scale { scale, most: MOST_SCALE });
        }
        let [least, most] = REQUESTS;
        let requests = (self.log.requests.len() as f64 * scale) as usize;
        if !(least..=most).contains(&requests) {
            return Err(WhatIfError::Requests { scale, requests, least, most });
        }
        Ok(Arrivals::new(self.log, scale, what_if.seed.key(&[ARRIVALS])))
    }

    /// Returns who chooses: the algorithms, and what was recorded if it is not among them; and its position.
    fn choosers(&self, algorithms: &[Algorithm]) -> Result<(Vec<Chooser>, usize), WhatIfError> {
        let recorded = self.routing.algorithm.map_or(Chooser::AsLogged, Chooser::Algorithm);
        let mut choosers = Vec::new();
        for algorithm in algorithms {
            simulated(*algorithm)?;
            if !choosers.contains(&Chooser::Algorithm(*algorithm)) {
                choosers.push(Chooser::Algorithm(*algorithm));
            }
        }
        let place = choosers.iter().position(|chooser| *chooser == recorded);
        let baseline = place.unwrap_or_else(|| {
            choosers.insert(0, recorded);
            0
        });
        Ok((choosers, baseline))
    }

    /// Returns the fitted topology with the backends that crash.
    fn with_kills(&self, kills: &[Kill]) -> Result<Topology, WhatIfError> {
        let mut topology = self.workings.calibration.topology.clone();
        let ids = &self.log.traces.backends;
        let length_s = self.log.length().as_secs_f64();
        for Kill { backend, at_s, for_s } in kills {
            let names = self.log.names.iter().zip(ids);
            let found = names.clone().find(|(name, id)| *name == backend || *id == backend);
            let Some((_, id)) = found else {
                let known = self.log.names.join(", ");
                return Err(WhatIfError::NoSuchBackend { name: backend.clone(), known });
            };
            if *at_s >= length_s {
                return Err(WhatIfError::AfterEnd { name: backend.clone(), at_s: *at_s, length_s });
            }
            topology.faults.push(Fault {
                kind: FaultKind::Crash { slow_start_s: 0.0 },
                services: Vec::new(),
                backends: vec![id.clone()],
                start_s: *at_s,
                duration_s: *for_s,
                every_s: None,
            });
        }
        Ok(topology)
    }

    fn simulate(
        &self,
        run: &Run,
        chooser: Chooser,
        arrivals: &Arrivals,
        what_if: &WhatIf,
        part: Part,
    ) -> Result<Outcome, WhatIfError> {
        let length = self.log.length();
        let Run { calibration, number, varied } = run;
        let options = calibration.options(&calibration.load, Seed(what_if.seed.key(&[POLICIES, *number])));
        let options = simulator::Options { luck: *number, ..options };
        let outside = options.network_delay * 2;
        let counts = Box::new(move |sent: Time| part.counts(sent));
        let mut periods = Periods::new(PERIODS, length, self.log.names.len(), outside, counts);
        let mut simulated = 0;
        let played = arrivals.from(Time::ZERO, chooser.identity());
        let played = played.filter(|arrival| part.plays(arrival.at)).inspect(|_| simulated += 1);
        simulator::simulate_recorded(
            &calibration.topology,
            played,
            length,
            calibration.load.request_timeout(),
            &mut || chooser.policy(self.log),
            &options,
            &mut periods,
        )?;
        let draws = (0..if *varied { DRAWS } else { 0 }).map(|draw| {
            // The same for all algorithms.
            let weights = drawn(what_if.seed.key(&[LOAD, *number, draw as u64]), PERIODS);
            figures(periods.tallies.iter().zip(weights))
        });
        Ok(Outcome { whole: periods.whole(), draws: draws.collect(), shares: periods.shares(), simulated })
    }

    /// Returns the figures of the log itself.
    fn logged(&self) -> Figures {
        let mut tally = super::tally::Tally::default();
        let exchanges = self.log.traces.episodes.iter().flat_map(|episode| &episode.exchanges);
        for exchange in exchanges {
            match (exchange.end, exchange.latency) {
                (End::Censored, _) => {}
                (End::Served, Some(latency)) => tally.serve(latency),
                _ => tally.fail(),
            }
        }
        figures(std::iter::once((&tally, 1)))
    }
}

/// Labels of random streams.
const FIT: u64 = 1;
const LOAD: u64 = 2;
const ARRIVALS: u64 = 3;
const POLICIES: u64 = 4;

/// The part of each period that is simulated. Variations of a long log simulate a part, at a place that differs
/// from run to run, so that periods of all kinds take part.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Length of a period in nanoseconds; 0 for all of the log.
    period: u64,
    /// Beginning of the part that is simulated, of the part that counts, and the end, from that of the period.
    bounds: [u64; 3],
}

impl Part {
    const fn whole() -> Self {
        Self { period: 0, bounds: [0; 3] }
    }

    /// `slow_ms` is the time of slow requests in milliseconds. Where these take longer than what fills the queues, all of
    /// the log is simulated: queues that grow over several periods would be emptied in between.
    fn of(requests: usize, length: Span, run: u64, slow_ms: f64) -> Self {
        let share = VARIED.0 as f64 / VARIED.1[0] as f64 / requests as f64;
        if share >= 1.0 {
            return Self::whole();
        }
        let period = (length.as_nanos() / PERIODS as u64).max(1);
        let played = (share * period as f64) as u64;
        let begin = mix(run) % (period - played).max(1);
        let lead = (LEAD * played as f64) as u64;
        if slow_ms * 1e6 > lead as f64 {
            return Self::whole();
        }
        Self { period, bounds: [begin, begin + lead, begin + played] }
    }

    fn plays(&self, at: Time) -> bool {
        self.within(at, self.bounds[0])
    }

    fn counts(&self, at: Time) -> bool {
        self.within(at, self.bounds[1])
    }

    fn within(&self, at: Time, begin: u64) -> bool {
        self.period == 0 || (begin..self.bounds[2]).contains(&(at.as_nanos() % self.period))
    }
}

/// Returns the 99th percentile of an algorithm's latency in milliseconds, on average over the runs under the fit itself.
fn slowest_ms(draws: &Draws) -> f64 {
    draws.central.iter().map(|figures| figures.p99_ms).sum::<f64>() / draws.central.len().max(1) as f64
}

/// Does numbered work on several threads. Returns the results by number.
fn in_parallel<T: Send>(
    count: usize,
    threads: usize,
    progress: &(dyn Fn(f64) + Sync),
    work: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(count));
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, count.max(1)) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let result = work(number);
                    results.lock().expect("no thread panicked").push((number, result));
                    progress((done.fetch_add(1, Ordering::Relaxed) + 1) as f64 / count as f64);
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no thread panicked");
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_is_simulated_in_parts_of_every_period() {
        let part = Part::of(1_000_000, Span::from_secs(2_400), 3, 4_900.0);
        let played = |at_ms: u64| part.plays(Time::ZERO + Span::from_millis(at_ms));
        for period in 0..24 {
            let played = (0..1_000).filter(|at| played(period * 100_000 + at * 100)).count();
            assert!((245..=255).contains(&played), "a quarter of period {period}: {played} of 1000");
        }
        assert!(Part::of(100_000, Span::from_secs(60), 3, 0.0).plays(Time::ZERO), "a short one as a whole");
        let whole = Part::of(1_000_000, Span::from_secs(2_400), 3, 5_100.0);
        assert_eq!(
            whole.period, 0,
            "the lead of 5 s would not fill queues in which requests wait for longer"
        );
    }

    #[test]
    fn work_is_returned_by_number_whatever_thread_did_it() {
        let squares = in_parallel(50, 4, &|_| (), |number| number * number);
        assert_eq!(squares, (0..50).map(|number| number * number).collect::<Vec<_>>());
    }
}
