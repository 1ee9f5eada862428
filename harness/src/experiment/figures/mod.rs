//! Adds up what the workers of a live phase hand over second by second, and tells it: the figures of each second, and
//! from time to time everything since the phase began.
//!
//! It runs on the task that watches the phase. Nothing of it exists unless an observer wants figures.

mod sums;

use super::events::{Event, Observe};
use super::live_events::{
    BackendFigures, Counted, EndpointFigures, EndpointStatistics, FailureStatistics, Figures,
    SecondLatencies, Statistics,
};
use lb_core::workload::Workload;
use lb_core::{Outcome, Span, plain};
use lb_load::Unlisted;
use lb_record::{FailureRecord, Progress, Snapshot, StepSecond, WatchSink, WatchedSecond};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use sums::Sums;

/// Seconds from one event with statistics to the next.
const STATISTICS_EVERY_S: u32 = 2;

/// The most kinds of failures in an event.
const MOST_FAILURES: usize = 50;

/// What is known of a phase before it begins.
pub(crate) struct WatchedPhase {
    /// The trial in words.
    pub(crate) trial: String,
    /// The algorithm under test, by its label.
    pub(crate) algorithm: Option<String>,
    /// The phase in words.
    pub(crate) phase: &'static str,
    /// The workload, which names the endpoints.
    pub(crate) workload: Arc<Workload>,
    /// The ids of the backends that are known beforehand.
    pub(crate) backends: Vec<String>,
    /// The names of backends that only replies name.
    pub(crate) unlisted: Arc<Unlisted>,
    /// The number of workers.
    pub(crate) workers: usize,
    /// Users and requests in flight.
    pub(crate) progress: Arc<Progress>,
}

/// Watches a phase.
pub(crate) struct Watching {
    about: WatchedPhase,
    seconds: Receiver<WatchedSecond>,
    /// The number of the last second that each worker handed over, plus one.
    complete: Vec<u32>,
    /// Seconds that are not complete, by number.
    open: BTreeMap<u32, Sums>,
    /// The number of the next second to tell.
    next: u32,
    totals: Sums,
    /// When statistics are told next, in seconds since the phase began.
    statistics_at: u32,
    /// Users and requests in flight while the phase ran.
    now: Snapshot,
}

impl Watching {
    /// Begins to watch a phase if an observer wants figures. Returns the sink for the load engine beside it.
    pub(crate) fn start(about: WatchedPhase, events: &dyn Observe) -> Option<(Self, WatchSink)> {
        if !events.wants_figures() {
            return None;
        }
        let (sink, seconds) = WatchSink::new();
        let watching = Self {
            complete: vec![0; about.workers],
            about,
            seconds,
            open: BTreeMap::new(),
            next: 0,
            totals: Sums::default(),
            statistics_at: STATISTICS_EVERY_S,
            now: Snapshot::default(),
        };
        Some((watching, sink))
    }

    /// Names the algorithm that is active from now on.
    pub(crate) fn set_algorithm(&mut self, algorithm: String) {
        self.about.algorithm = Some(algorithm);
    }

    /// Tells what became complete since the last call. `aim` is the number of users that should be there; `None` in the
    /// open model.
    pub(crate) fn tell(&mut self, events: &dyn Observe, aim: Option<u32>) {
        self.now = self.about.progress.snapshot();
        self.receive();
        let complete = self.complete.iter().copied().min().unwrap_or(0);
        self.tell_seconds(events, aim, complete);
    }

    /// Takes what the workers handed over.
    fn receive(&mut self) {
        while let Ok(second) = self.seconds.try_recv() {
            if let Some(complete) = self.complete.get_mut(second.worker) {
                *complete = second.second + 1;
            }
            self.open.entry(second.second).or_default().add(second);
        }
    }

    /// Tells the seconds before number `complete`.
    fn tell_seconds(&mut self, events: &dyn Observe, aim: Option<u32>, complete: u32) {
        while self.next < complete {
            let sums = self.open.remove(&self.next).unwrap_or_default();
            self.next += 1;
            events.observe(&Event::Figures(Box::new(self.figures(&sums, aim))));
            self.totals.merge(sums);
            if self.next >= self.statistics_at {
                self.statistics_at = self.next + STATISTICS_EVERY_S;
                self.tell_statistics(events, f64::from(self.next));
            }
        }
    }

    /// Tells the rest once the phase is over, after `seconds` seconds.
    pub(crate) fn finish(mut self, events: &dyn Observe, aim: Option<u32>, seconds: f64) {
        self.receive();
        // The last second is rarely whole, and what ended after the phase belongs to none. The users have left by now.
        self.tell_seconds(events, aim, seconds as u32);
        for (_, sums) in std::mem::take(&mut self.open) {
            self.totals.merge(sums);
        }
        self.tell_statistics(events, seconds);
    }

    fn figures(&self, sums: &Sums, aim: Option<u32>) -> Figures {
        let about = &self.about;
        let all = sums.all();
        let now = self.now;
        let names = about.workload.steps();
        let endpoints = names.iter().zip(&sums.steps).filter(|(_, step)| step.requests() > 0);
        Figures {
            trial: about.trial.clone(),
            algorithm: about.algorithm.clone(),
            phase: about.phase.to_owned(),
            at_s: f64::from(self.next),
            users: now.users,
            aim,
            in_flight: now.in_flight,
            requests: all.requests(),
            failures: all.failures(),
            latency_ms: (all.requests() > 0).then(|| SecondLatencies {
                mean: millis(all.mean()),
                p50: millis(all.quantile(0.5)),
                p95: millis(all.quantile(0.95)),
                p99: millis(all.quantile(0.99)),
                max: millis(all.max()),
            }),
            endpoints: endpoints
                .map(|(name, step)| EndpointFigures {
                    method: name.method.clone(),
                    name: name.name.clone(),
                    requests: step.requests(),
                    failures: step.failures(),
                    p50_ms: millis(step.quantile(0.5)),
                    p95_ms: millis(step.quantile(0.95)),
                    p99_ms: millis(step.quantile(0.99)),
                })
                .collect(),
            backends: self.backends(&sums.backends),
        }
    }

    /// Returns the replies of each backend that has a name.
    fn backends(&self, counts: &[[u64; 2]]) -> Vec<BackendFigures> {
        let listed = self.about.backends.iter().cloned();
        let names = listed.chain(self.about.unlisted.names());
        let none = std::iter::repeat(&[0_u64; 2]);
        names
            .zip(counts.iter().chain(none))
            .map(|(id, [replies, errors])| BackendFigures { id, replies: *replies, errors: *errors })
            .collect()
    }

    fn tell_statistics(&self, events: &dyn Observe, seconds: f64) {
        let (about, totals) = (&self.about, &self.totals);
        let names = about.workload.steps();
        let endpoints = names.iter().zip(&totals.steps).filter(|(_, step)| step.requests() > 0);
        let mut failures: Vec<FailureStatistics> = totals
            .failures
            .iter()
            .filter_map(|failure| {
                let step = names.get(usize::from(failure.step.0))?;
                let (method, name) = (step.method.clone(), step.name.clone());
                Some(FailureStatistics { method, name, text: failure_words(failure), count: failure.count })
            })
            .collect();
        failures.sort_by_key(|failure| std::cmp::Reverse(failure.count));
        failures.truncate(MOST_FAILURES);
        events.observe(&Event::Statistics(Box::new(Statistics {
            trial: about.trial.clone(),
            algorithm: about.algorithm.clone(),
            phase: about.phase.to_owned(),
            seconds,
            endpoints: endpoints
                .map(|(name, step)| EndpointStatistics {
                    method: name.method.clone(),
                    name: name.name.clone(),
                    counted: counted(step, seconds),
                })
                .collect(),
            total: counted(&totals.all(), seconds),
            failures,
        })));
    }
}

fn millis(span: Option<Span>) -> f64 {
    span.map_or(0.0, Span::as_millis_f64)
}

fn counted(step: &StepSecond, seconds: f64) -> Counted {
    let at = |span: Option<Span>| span.map(Span::as_millis_f64);
    let each_second = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
    Counted {
        requests: step.requests(),
        failures: step.failures(),
        avg_ms: at(step.mean()),
        min_ms: at(step.min()),
        max_ms: at(step.max()),
        median_ms: at(step.quantile(0.5)),
        p95_ms: at(step.quantile(0.95)),
        p99_ms: at(step.quantile(0.99)),
        requests_per_s: each_second(step.requests()),
        failures_per_s: each_second(step.failures()),
    }
}

/// Says what went wrong with a kind of failed requests.
fn failure_words(failure: &FailureRecord) -> String {
    match (&failure.message, failure.status) {
        (Some(message), _) => format!("check failed: {}", plain::line(message)),
        (None, Some(status)) if failure.outcome == Outcome::CheckFailed => {
            format!("check failed (HTTP {status})")
        }
        (None, Some(status)) => format!("HTTP {status}"),
        (None, None) => failure.outcome.name().replace('_', " "),
    }
}

#[cfg(test)]
mod tests;
