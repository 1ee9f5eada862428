//! Adds up what the workers of a live phase hand over second by second, and tells it: the figures of each second, and
//! from time to time everything since the phase began.
//!
//! It runs on the task that watches the phase. Nothing of it exists unless an observer wants figures.

use super::events::{Event, Observe};
use super::live_events::{
    BackendFigures, Counted, EndpointFigures, EndpointStatistics, FailureStatistics, Figures,
    SecondLatencies, Statistics,
};
use lb_core::workload::Workload;
use lb_core::{Outcome, Span, plain};
use lb_load::Unlisted;
use lb_record::{FailureRecord, Progress, Snapshot, StepSecond, WatchSink, WatchedSecond, merge_failures};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

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

/// What was added up.
#[derive(Default)]
struct Sums {
    steps: Vec<StepSecond>,
    backends: Vec<[u64; 2]>,
    failures: Vec<FailureRecord>,
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

impl Sums {
    fn add(&mut self, second: WatchedSecond) {
        self.merge(Self { steps: second.steps, backends: second.backends, failures: second.failures });
    }

    fn merge(&mut self, other: Self) {
        if self.steps.len() < other.steps.len() {
            self.steps.resize_with(other.steps.len(), StepSecond::default);
        }
        self.steps.iter_mut().zip(&other.steps).for_each(|(mine, theirs)| mine.merge(theirs));
        if self.backends.len() < other.backends.len() {
            self.backends.resize(other.backends.len(), [0; 2]);
        }
        for (mine, theirs) in self.backends.iter_mut().zip(&other.backends) {
            mine[0] += theirs[0];
            mine[1] += theirs[1];
        }
        if !other.failures.is_empty() {
            self.failures = merge_failures(std::mem::take(&mut self.failures), other.failures, Span::ZERO);
        }
    }

    /// Adds up all steps.
    fn all(&self) -> StepSecond {
        let mut all = StepSecond::default();
        self.steps.iter().for_each(|step| all.merge(step));
        all
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
mod tests {
    use super::*;
    use lb_core::Time;
    use lb_core::workload::{
        ActionIndex, ClassMix, Journey, Observer, Sample, Stage, StepIndex, UserClass, UserId,
    };
    use lb_record::{Recording, RecordingSpec};
    use std::cell::RefCell;

    /// Keeps what it observes.
    #[derive(Default)]
    struct Kept(RefCell<Vec<Event>>);

    impl Observe for Kept {
        fn observe(&self, event: &Event) {
            self.0.borrow_mut().push(event.clone());
        }

        fn wants_figures(&self) -> bool {
            true
        }
    }

    fn about(workers: usize) -> WatchedPhase {
        let journey: Journey = serde_json::from_str(
            r#"{"name": "j", "actions": {"a": {"steps": [{"name": "list", "path": "/"}, {"name": "buy", "path": "/b"}]}}}"#,
        )
        .expect("a journey");
        let class = UserClass {
            name: "u".to_owned(),
            actions: [("a".to_owned(), 1.0)].into(),
            ..UserClass::default()
        };
        let stage = Stage {
            name: "steady".to_owned(),
            start: Span::ZERO,
            duration: Span::from_secs(4),
            ramp_up: Span::ZERO,
            users: 1,
            classes: vec![ClassMix { class: 0, share: 1.0, actions: BTreeMap::new() }],
            user_variance: 0.0,
            think_time_variance: 0.0,
            action_randomness: 0.0,
            max_users: 1,
            background: false,
            arrivals: None,
        };
        let workload = Workload::new(&journey, vec![class], vec![stage], &BTreeMap::new(), 1);
        WatchedPhase {
            trial: "trial 1 of 2, p2c".to_owned(),
            algorithm: Some("p2c".to_owned()),
            phase: "measure",
            workload: Arc::new(workload.expect("a sound workload")),
            backends: vec!["b-1".to_owned(), "b-2".to_owned()],
            unlisted: Arc::default(),
            workers,
            progress: Arc::default(),
        }
    }

    fn sample(second: u64, ms: u64, step: u16, outcome: Outcome) -> Sample {
        let done = Time::ZERO + Span::from_millis(1_000 * second + 500);
        let sent = Time::ZERO + Span::from_millis(1_000 * second + 500 - ms);
        Sample {
            user: UserId(0),
            action: ActionIndex(0),
            step: StepIndex(step),
            intended: sent,
            sent,
            done,
            outcome,
            status: if outcome == Outcome::Ok { 200 } else { 503 },
            backend: Some(1),
            bytes: 1,
        }
    }

    #[test]
    fn nothing_is_watched_unless_somebody_wants_figures() {
        assert!(Watching::start(about(1), &()).is_none());
    }

    #[test]
    fn figures_wait_for_the_slowest_worker_and_statistics_add_them_up() {
        let kept = Kept::default();
        let (mut watching, sink) = Watching::start(about(2), &kept).expect("it wants figures");
        let spec = RecordingSpec { steps: 2, backends: 2, watch: Some(sink), ..RecordingSpec::default() };
        let (recording, mut recorders) = Recording::start(spec, 2);
        for second in 0..4 {
            recorders[0].sample(&sample(second, 10, 0, Outcome::Ok));
        }
        watching.tell(&kept, Some(7));
        assert!(kept.0.borrow().is_empty(), "one worker is missing");
        for second in 0..4 {
            let outcome = if second == 1 { Outcome::BackendError } else { Outcome::Ok };
            recorders[1].sample(&sample(second, 30, 1, outcome));
        }
        watching.tell(&kept, Some(7));
        recording.finish(recorders, Span::from_millis(3_600));
        watching.finish(&kept, Some(7), 3.6);
        let events = kept.0.into_inner();
        let figures: Vec<&Figures> = events
            .iter()
            .filter_map(|event| if let Event::Figures(figures) = event { Some(&**figures) } else { None })
            .collect();
        assert_eq!(
            figures.iter().map(|one| one.at_s).collect::<Vec<_>>(),
            [1.0, 2.0, 3.0],
            "the last is not whole"
        );
        let second = figures[1];
        assert_eq!((second.requests, second.failures, second.aim), (2, 1, Some(7)));
        assert_eq!(second.endpoints[1].failures, 1);
        assert_eq!((second.backends[0].replies, second.backends[1].errors), (0, 1));
        let latency = second.latency_ms.expect("there were requests");
        assert_eq!((latency.mean, latency.max), (20.0, 30.0), "exact, over both workers");
        let statistics: Vec<&Statistics> = events
            .iter()
            .filter_map(|event| if let Event::Statistics(one) = event { Some(&**one) } else { None })
            .collect();
        let last = statistics.last().expect("there are some at the end");
        assert_eq!((last.total.requests, last.total.failures, last.seconds), (8, 1, 3.6));
        assert_eq!(last.endpoints[0].counted.avg_ms, Some(10.0));
        assert_eq!((last.failures[0].text.as_str(), last.failures[0].count), ("HTTP 503", 1));
        assert_eq!(last.failures[0].name, "buy");
    }
}
