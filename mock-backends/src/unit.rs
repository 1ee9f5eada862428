//! One backend: the capacity model, its degradation and its counters.
//!
//! Time is a parameter, so these tests do not need a clock; `engine` provides real time.

use crate::counts::Counts;
use crate::degradation::Degradation;
use crate::slots::Slots;
use lb_core::backend::{Arrival, BackendModel, Finished, Job, JobId, JobResult};
use lb_core::fault::{Fault, FaultTimeline};
use lb_core::policy::LoadReport;
use lb_core::reports::Reporter;
use lb_core::topology::BackendSpec;
use lb_core::{Seed, Span, Time};
use rand::RngExt as _;
use tokio::sync::watch;

/// Period for which recurring faults are planned, longer than any run.
const FAULT_HORIZON: Span = Span::from_secs(24 * 3600);
/// Label of the random stream that decides whether degradation makes a request fail.
const DEGRADED: u64 = 0x6465_6772_6164_6564;

/// One backend.
#[derive(Debug)]
pub(crate) struct Unit {
    spec: BackendSpec,
    model: BackendModel,
    degradation: Degradation,
    /// Factor by which degradation currently multiplies the speed.
    factor: f64,
    counts: Counts,
    /// What it remembers for its load reports; `None` if it writes none.
    reporter: Option<Reporter>,
    /// Incarnation number, odd while the backend is down. Going down ends all existing connections.
    incarnation: watch::Sender<u64>,
}

/// Returns whether a backend is up in this incarnation.
pub(crate) fn is_up(incarnation: u64) -> bool {
    incarnation.is_multiple_of(2)
}

/// The properties of an arriving request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewJob {
    pub(crate) demand: Span,
    pub(crate) service: usize,
    pub(crate) key: u64,
}

/// The state of a backend.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) up: bool,
    pub(crate) in_system: usize,
    pub(crate) hanging: usize,
    pub(crate) speed: f64,
    pub(crate) counts: Counts,
}

/// The utilisation of a backend, as fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    /// The share of the CPU that degradation uses, plus what the workers use of the rest.
    pub(crate) cpu: f64,
    /// The share of the memory that degradation uses.
    pub(crate) memory: f64,
}

/// The faults of a backend.
pub(crate) struct FaultsNow<'a> {
    /// Those of the timeline; their offsets count from its beginning.
    pub(crate) timeline: &'a [Fault],
    /// Those that were put in by hand; their offsets count from the time beside them.
    pub(crate) by_hand: &'a [(Time, Fault)],
    /// Services that faults can name.
    pub(crate) services: &'a [String],
    /// When the timeline began.
    pub(crate) began: Time,
}

impl Unit {
    /// Creates an idle and healthy backend.
    pub(crate) fn new(spec: BackendSpec) -> Self {
        let model = BackendModel::new(&spec, FaultTimeline::default());
        let (incarnation, _) = watch::channel(0);
        let (degradation, counts) = (Degradation::default(), Counts::default());
        Self { spec, model, degradation, factor: 1.0, counts, reporter: None, incarnation }
    }

    /// Has the backend remember what its load reports need.
    pub(crate) fn report_load(&mut self) {
        self.reporter = Some(Reporter::default());
    }

    /// Returns the load report; `None` if the backend writes none.
    pub(crate) fn load_report(&mut self, now: Time) -> Option<LoadReport> {
        let (held, workers) = (self.held(), self.spec.workers);
        self.reporter.as_mut().map(|reporter| reporter.report(held, workers, now))
    }

    /// Returns the number of requests in the backend, those that hang included.
    pub(crate) fn held(&self) -> u32 {
        (self.model.in_system() + self.model.hanging()) as u32
    }

    /// Returns whether the backend makes no progress.
    pub(crate) fn is_frozen(&self) -> bool {
        self.model.speed() <= 0.0
    }

    /// Advances to `now` and reports ended requests to the slots; `finished` is a reusable buffer.
    pub(crate) fn advance(&mut self, now: Time, slots: &mut Slots, finished: &mut Vec<Finished>) {
        self.model.advance(now, finished);
        for finished in finished.drain(..) {
            // Without a slot, the client has disconnected and the request is counted as cancelled.
            let Some(key) = slots.key(finished.id) else {
                continue;
            };
            let result = self.judge(key, finished);
            self.counts.ended(result);
            if let Some(reporter) = self.reporter.as_mut().filter(|_| result == JobResult::Served)
                && let Some((found, arrived)) = slots.found(finished.id)
            {
                reporter.on_reply(found, finished.at.since(arrived), finished.at);
            }
            slots.end(finished.id, result);
        }
        let factor = self.degradation.speed_factor(now);
        if factor != self.factor {
            self.factor = factor;
            self.model.set_speed_factor(factor, now);
        }
        self.note_up();
    }

    /// Determines how a request ended, including errors added by degradation.
    fn judge(&self, key: u64, finished: Finished) -> JobResult {
        let rate = self.degradation.error_rate(finished.at);
        let fails = || Seed(key).stream(&[DEGRADED]).random::<f64>() < rate;
        match finished.result {
            JobResult::Served if rate > 0.0 && fails() => JobResult::Failed,
            result => result,
        }
    }

    /// Notifies the listener and connections when the backend goes down or comes up.
    fn note_up(&mut self) {
        let was_up = is_up(*self.incarnation.borrow());
        if was_up != self.model.is_up() {
            self.incarnation.send_modify(|incarnation| *incarnation += 1);
        }
    }

    /// Returns the time of the next event of the model or the degradation.
    pub(crate) fn next_event(&self, now: Time) -> Time {
        let change = self.degradation.next_change(now);
        self.model.next_event().into_iter().chain(change).min().unwrap_or(Time::MAX)
    }

    /// Handles the arrival of a request.
    pub(crate) fn arrive(&mut self, id: JobId, request: NewJob, now: Time) -> Arrival {
        let NewJob { demand, service, key } = request;
        // Degradation adds real time, but the model divides demand by its speed, so the delay is scaled up.
        let delay = self.degradation.delay(now).mul_f64(self.model.speed());
        let arrival = self.model.arrive(Job { id, demand: demand + delay, service, key }, now);
        self.counts.arrived(arrival);
        arrival
    }

    /// Cancels a request whose client disconnected.
    pub(crate) fn cancel(&mut self, id: JobId, now: Time) {
        self.model.cancel(id, now);
        self.counts.cancelled += 1;
    }

    /// Takes the backend down or up; requests that break are added to `finished`.
    pub(crate) fn set_up(&mut self, up: bool, now: Time, finished: &mut Vec<Finished>) {
        self.model.set_up(up, now, finished);
    }

    /// Returns when the current fault timeline began.
    pub(crate) fn faults_began(&self) -> Time {
        self.model.faults_began()
    }

    /// Follows these faults from `now` on, in place of those before.
    pub(crate) fn follow(&mut self, faults: &FaultsNow<'_>, now: Time, finished: &mut Vec<Finished>) {
        let FaultsNow { timeline, by_hand, services, began } = faults;
        let later = by_hand.iter().map(|(at, fault)| Fault {
            start_s: fault.start_s + at.since(*began).as_secs_f64(),
            ..fault.clone()
        });
        let all: Vec<Fault> = timeline.iter().cloned().chain(later).collect();
        let timeline = FaultTimeline::new(&all, &self.spec.id, services, FAULT_HORIZON);
        match *began == self.model.faults_began() {
            true => self.model.replace_faults(timeline, now, finished),
            false => self.model.start_faults(timeline, *began, finished),
        }
    }

    /// Resets the backend to idle and healthy, with counters at zero. The caller ends the requests in it.
    pub(crate) fn reset(&mut self) {
        self.model = BackendModel::new(&self.spec, FaultTimeline::default());
        self.degradation = Degradation::default();
        self.factor = 1.0;
        self.counts = Counts::default();
        self.reporter = self.reporter.as_ref().map(|_| Reporter::default());
    }

    pub(crate) fn degradation(&mut self) -> &mut Degradation {
        &mut self.degradation
    }

    pub(crate) fn counts(&mut self) -> &mut Counts {
        &mut self.counts
    }

    pub(crate) fn incarnation(&self) -> watch::Receiver<u64> {
        self.incarnation.subscribe()
    }

    pub(crate) fn load(&self, now: Time) -> Load {
        let workers = f64::from(self.spec.workers.max(1));
        let busy = (self.model.in_system() as f64).min(workers) / workers;
        let taken = self.degradation.cpu(now);
        Load { cpu: taken + (1.0 - taken) * busy, memory: self.degradation.memory(now) }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            up: self.model.is_up(),
            in_system: self.model.in_system(),
            hanging: self.model.hanging(),
            speed: self.model.speed(),
            counts: self.counts.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::degradation::Effect;
    use lb_core::fault::FaultKind;
    use lb_core::topology::Discipline;
    use std::task::{Context, Poll, Waker};

    const DEMAND: Span = Span::from_millis(10);

    fn at(millis: u64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }

    /// A backend with its slots, in virtual time.
    struct Bench {
        unit: Unit,
        slots: Slots,
    }

    impl Bench {
        fn new() -> Self {
            let spec = BackendSpec {
                id: "a".to_owned(),
                workers: 1,
                discipline: Discipline::Fcfs,
                queue_cap: 10,
                speed: 1.0,
                weight: 1.0,
            };
            Self { unit: Unit::new(spec), slots: Slots::default() }
        }

        fn start_faults(&mut self, timeline: &[Fault], began: Time) {
            self.follow(timeline, &[], began, began);
        }

        fn follow(&mut self, timeline: &[Fault], by_hand: &[(Time, Fault)], began: Time, now: Time) {
            let faults = FaultsNow { timeline, by_hand, services: &[], began };
            self.unit.follow(&faults, now, &mut Vec::new());
        }

        fn advance(&mut self, now: Time) {
            self.unit.advance(now, &mut self.slots, &mut Vec::new());
        }

        fn arrive(&mut self, key: u64, now: Time) -> (JobId, Arrival) {
            self.advance(now);
            let id = self.slots.take(0, key);
            (id, self.unit.arrive(id, NewJob { demand: DEMAND, service: 0, key }, now))
        }

        fn degrade(&mut self, effect: Effect, millis: u64, now: Time) {
            self.unit.degradation().start(effect, Span::from_millis(millis), now);
            self.advance(now);
        }

        fn end(&mut self, id: JobId) -> Option<JobResult> {
            match self.slots.poll(id, &Context::from_waker(Waker::noop())) {
                Poll::Ready(result) => Some(result),
                Poll::Pending => None,
            }
        }
    }

    #[test]
    fn added_latency_holds_the_worker_longer() {
        let mut bench = Bench::new();
        bench.degrade(Effect::Latency(Span::from_millis(100)), 1_000, at(0));
        bench.arrive(1, at(0));
        assert_eq!(bench.unit.next_event(at(0)), at(110), "10 ms of demand and 100 ms of delay");
    }

    #[test]
    fn cpu_load_slows_work_in_progress_and_ends_by_itself() {
        let mut bench = Bench::new();
        bench.arrive(1, at(0));
        bench.degrade(Effect::Cpu(0.5), 8, at(4));
        assert_eq!(bench.unit.next_event(at(4)), at(12), "the end of the effect comes first");
        bench.advance(at(12));
        // 4 ms at full speed and 8 ms at half leave 2 ms of demand.
        assert_eq!(bench.unit.next_event(at(12)), at(14), "then speed is full again");
    }

    #[test]
    fn injected_errors_hit_served_requests_at_their_rate() {
        let mut bench = Bench::new();
        bench.degrade(Effect::Errors(0.3), 1_000_000_000, at(0));
        let mut failed = 0;
        for key in 0..2_000 {
            let (id, _) = bench.arrive(key, at(key * 10));
            bench.advance(at((key + 1) * 10));
            failed += u32::from(bench.end(id) == Some(JobResult::Failed));
            bench.slots.release(id);
        }
        // Three standard deviations of a binomial count: 3 sqrt(2000 x 0.3 x 0.7) = 61.
        assert!((540..=660).contains(&failed), "{failed} of 2000 must be near 600");
        assert_eq!(bench.unit.snapshot().counts.failed, u64::from(failed), "each is counted");
    }

    #[test]
    fn a_cancelled_request_leaves_the_queue_and_is_counted_once() {
        let mut bench = Bench::new();
        let (first, _) = bench.arrive(1, at(0));
        let (second, _) = bench.arrive(2, at(0));
        bench.slots.release(second);
        bench.unit.cancel(second, at(1));
        assert_eq!(bench.unit.snapshot().in_system, 1, "the waiting request is gone");
        bench.advance(at(100));
        assert_eq!(bench.end(first), Some(JobResult::Served));
        let counts = bench.unit.snapshot().counts;
        assert_eq!((counts.requests, counts.served, counts.cancelled), (2, 1, 1));
    }

    #[test]
    fn going_down_breaks_requests_and_tells_the_connections() {
        let mut bench = Bench::new();
        let mut watcher = bench.unit.incarnation();
        let (id, _) = bench.arrive(1, at(0));
        let mut finished = Vec::new();
        bench.unit.set_up(false, at(1), &mut finished);
        bench.unit.advance(at(1), &mut bench.slots, &mut finished);
        assert_eq!(bench.end(id), Some(JobResult::Broken));
        assert!(watcher.has_changed().expect("the unit lives"), "connections learn of it");
        assert_eq!(*watcher.borrow_and_update(), 1, "odd is down");
        assert_eq!(bench.arrive(2, at(2)).1, Arrival::Down);
        bench.unit.set_up(true, at(3), &mut finished);
        bench.advance(at(3));
        assert_eq!(*watcher.borrow_and_update(), 2, "even is up");
    }

    #[test]
    fn the_fault_timeline_begins_when_it_is_started_and_can_be_stopped() {
        let mut bench = Bench::new();
        let kind = FaultKind::LatencyFactor { factor: 10.0 };
        let none = Vec::new;
        let fault =
            Fault { kind, services: none(), backends: none(), start_s: 1.0, duration_s: None, every_s: None };
        bench.advance(at(5_000));
        assert_eq!(bench.unit.snapshot().speed, 1.0, "no fault is active before the start");
        bench.start_faults(&[fault], at(5_000));
        assert_eq!(bench.unit.next_event(at(5_000)), at(6_000), "offsets count from the start");
        bench.advance(at(6_000));
        assert_eq!(bench.unit.snapshot().speed, 0.1);
        bench.start_faults(&[], at(7_000));
        assert_eq!(bench.unit.snapshot().speed, 1.0, "stopping ends all faults");
    }

    #[test]
    fn a_fault_by_hand_joins_those_of_the_timeline_without_moving_them() {
        let fault = |factor: f64, start_s: f64| Fault {
            kind: FaultKind::LatencyFactor { factor },
            services: Vec::new(),
            backends: Vec::new(),
            start_s,
            duration_s: Some(2.0),
            every_s: None,
        };
        let (planned, by_hand) = ([fault(10.0, 1.0)], [(at(6_500), fault(2.0, 0.0))]);
        let mut bench = Bench::new();
        bench.start_faults(&planned, at(5_000));
        bench.advance(at(6_500));
        bench.follow(&planned, &by_hand, at(5_000), at(6_500));
        assert_eq!(bench.unit.snapshot().speed, 0.05, "both slow the backend down");
        bench.advance(at(8_000));
        assert_eq!(bench.unit.snapshot().speed, 0.5, "the planned one ended two seconds after it began");
        bench.advance(at(8_500));
        assert_eq!(bench.unit.snapshot().speed, 1.0, "and the other one two seconds after it was put in");
    }
    #[test]
    fn a_frozen_backend_keeps_requests_and_connections_and_goes_on_afterwards() {
        let mut bench = Bench::new();
        let watcher = bench.unit.incarnation();
        let kind = FaultKind::Freeze {};
        let (services, backends) = (Vec::new(), Vec::new());
        let fault = Fault { kind, services, backends, start_s: 0.004, duration_s: Some(1.0), every_s: None };
        bench.start_faults(&[fault], at(0));
        let (served, _) = bench.arrive(1, at(0));
        let (waiting, arrival) = bench.arrive(2, at(500));
        assert_eq!(arrival, Arrival::Accepted, "requests wait");
        assert_eq!(bench.unit.next_event(at(500)), at(1_004), "nothing ends before the thaw");
        assert!(!watcher.has_changed().expect("the unit lives"), "connections stay open");
        bench.advance(at(1_010));
        assert_eq!(bench.end(served), Some(JobResult::Served), "4 ms were done before, 6 after");
        assert_eq!(bench.end(waiting), None);
        bench.advance(at(1_020));
        assert_eq!(bench.end(waiting), Some(JobResult::Served));
    }
}
