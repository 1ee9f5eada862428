//! All faults of one backend as a list of phases, computed by a sweep over their starts and ends.

use super::{Fault, FaultKind};
use crate::time::{Span, Time};

/// The condition of one service of one backend under the active faults.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// Factor on the service time of requests that start now (from faults of single services).
    pub service_factor: f64,
    /// Added to service time.
    pub added: Span,
    /// Probability of a 500 after full service.
    pub error_rate: f64,
    /// Probability of a hang.
    pub timeout_rate: f64,
    /// Probability of an immediate 503.
    pub fast_fail: f64,
}

impl Condition {
    /// The condition without any fault.
    pub const HEALTHY: Self =
        Self { service_factor: 1.0, added: Span::ZERO, error_rate: 0.0, timeout_rate: 0.0, fast_fail: 0.0 };

    /// Combines two conditions: factors multiply, additions add, probabilities are independent.
    fn and(self, other: Self) -> Self {
        let either = |p: f64, q: f64| 1.0 - (1.0 - p) * (1.0 - q);
        Self {
            service_factor: self.service_factor * other.service_factor,
            added: self.added + other.added,
            error_rate: either(self.error_rate, other.error_rate),
            timeout_rate: either(self.timeout_rate, other.timeout_rate),
            fast_fail: either(self.fast_fail, other.fast_fail),
        }
    }
}

/// A period of time in which nothing changes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Phase {
    from: Time,
    up: bool,
    speed: f64,
    /// Whether every service is healthy, so that conditions need not be looked up.
    healthy: bool,
}

const BEFORE_ALL: Phase = Phase { from: Time::ZERO, up: true, speed: 1.0, healthy: true };

/// The faults of one backend, as a function of time.
#[derive(Clone, Debug, Default)]
pub struct FaultTimeline {
    /// Phases in ascending order; before the first, the backend is healthy.
    phases: Vec<Phase>,
    /// One row per phase, one column per service, and a last column for requests of unknown services.
    conditions: Vec<Condition>,
    columns: usize,
}

/// What one occurrence of a fault does between two points in time.
#[derive(Clone, Copy, Debug)]
struct Effect {
    from: Time,
    to: Time,
    /// Position of the fault in the list of faults.
    fault: usize,
    change: Change,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Speed(f64),
    Down,
    Requests(Condition),
}

/// Number of steps in which speed rises after a restart.
const SLOW_START_STEPS: u64 = 10;

/// Limit on the occurrences of a fault, after which it counts as over. It bounds memory, and is only
/// reached if a fault of a hundredth of a second repeats for hours.
const MAX_OCCURRENCES: usize = 200_000;

impl FaultTimeline {
    /// Creates the timeline of the backend `id`, which serves `services`, from the faults among
    /// `faults` that affect it. The position in `services` is a service's index. A fault without an end
    /// lasts forever; a repeating one repeats until `end`.
    pub fn new(faults: &[Fault], id: &str, services: &[String], end: Span) -> Self {
        let hits: Vec<Vec<bool>> = faults.iter().map(|fault| columns_hit(fault, id, services)).collect();
        let effects: Vec<Effect> = faults
            .iter()
            .enumerate()
            .filter(|(i, _)| hits[*i].contains(&true))
            .flat_map(|(i, fault)| effects(fault, i, Time::ZERO + end))
            .collect();
        let mut timeline = Self { columns: services.len() + 1, phases: Vec::new(), conditions: Vec::new() };
        timeline.sweep(&effects, &hits);
        timeline
    }

    /// Returns the condition of the service with index `service` at `now`.
    pub fn condition(&self, service: usize, now: Time) -> Condition {
        self.condition_in(self.phase_at(now), service)
    }

    /// Returns the speed factor of the whole backend at `now`: 1 if healthy, 0.1 if ten times slower, 0
    /// if frozen.
    pub fn speed(&self, now: Time) -> f64 {
        self.speed_in(self.phase_at(now))
    }

    /// Returns whether the backend is up at `now`.
    pub fn is_up(&self, now: Time) -> bool {
        self.is_up_in(self.phase_at(now))
    }

    /// Returns the first time after `now` at which the speed, a condition or the up state changes.
    pub fn next_change(&self, now: Time) -> Option<Time> {
        self.end_of(self.phase_at(now))
    }

    /// Returns the number of the phase at `now`; 0 is the phase before all faults. A caller whose time
    /// never goes back can keep the number and skip the search.
    pub(crate) fn phase_at(&self, now: Time) -> usize {
        self.phases.partition_point(|phase| phase.from <= now)
    }

    fn phase(&self, number: usize) -> &Phase {
        if number == 0 { &BEFORE_ALL } else { &self.phases[number - 1] }
    }

    /// Returns [`Self::condition`] within a phase.
    pub(crate) fn condition_in(&self, phase: usize, service: usize) -> Condition {
        if self.phase(phase).healthy {
            return Condition::HEALTHY;
        }
        self.conditions[(phase - 1) * self.columns + service.min(self.columns - 1)]
    }

    /// Returns [`Self::speed`] within a phase.
    pub(crate) fn speed_in(&self, phase: usize) -> f64 {
        self.phase(phase).speed
    }

    /// Returns [`Self::is_up`] within a phase.
    pub(crate) fn is_up_in(&self, phase: usize) -> bool {
        self.phase(phase).up
    }

    /// Returns the time at which the phase ends and the next one begins; `None` for the last phase.
    pub(crate) fn end_of(&self, phase: usize) -> Option<Time> {
        self.phases.get(phase).map(|next| next.from)
    }

    /// Goes through all starts and ends in order and tracks the active effects.
    fn sweep(&mut self, effects: &[Effect], hits: &[Vec<bool>]) {
        let mut edges: Vec<(Time, bool, usize)> = Vec::with_capacity(effects.len() * 2);
        for (i, effect) in effects.iter().enumerate() {
            edges.push((effect.from, true, i));
            if effect.to < Time::MAX {
                edges.push((effect.to, false, i));
            }
        }
        edges.sort_unstable();
        let mut active: Vec<usize> = Vec::new();
        for group in edges.chunk_by(|a, b| a.0 == b.0) {
            for &(_, begins, effect) in group {
                if begins {
                    active.push(effect);
                } else {
                    active.retain(|other| *other != effect);
                }
            }
            // The same effects in the same order give exactly the same sums and products.
            active.sort_unstable();
            self.push_phase(group[0].0, active.iter().map(|i| &effects[*i]), hits);
        }
    }

    /// Appends a phase with the effects in `active`, unless it equals the previous phase.
    fn push_phase<'a>(&mut self, from: Time, active: impl Iterator<Item = &'a Effect>, hits: &[Vec<bool>]) {
        let mut phase = Phase { from, ..BEFORE_ALL };
        let mut row = vec![Condition::HEALTHY; self.columns];
        for effect in active {
            match effect.change {
                Change::Speed(factor) => phase.speed *= factor,
                Change::Down => phase.up = false,
                Change::Requests(condition) => {
                    for (cell, hit) in row.iter_mut().zip(&hits[effect.fault]) {
                        if *hit {
                            *cell = cell.and(condition);
                        }
                    }
                }
            }
        }
        phase.healthy = row.iter().all(|condition| *condition == Condition::HEALTHY);
        let last = self.phases.len();
        let same = self.phase(last).up == phase.up
            && self.phase(last).speed == phase.speed
            && (0..self.columns).all(|column| self.condition_in(last, column) == row[column]);
        if !same {
            self.phases.push(phase);
            self.conditions.extend(row);
        }
    }
}

/// Returns which columns (services, then the unknown service) of the backend `id` the fault affects.
fn columns_hit(fault: &Fault, id: &str, services: &[String]) -> Vec<bool> {
    let this = fault.backends.is_empty() || fault.backends.iter().any(|other| other == id);
    let all = this && fault.services.is_empty();
    services.iter().map(|service| all || this && fault.services.contains(service)).chain([all]).collect()
}

/// Returns the effects of a fault, one occurrence after the other.
fn effects(fault: &Fault, number: usize, end: Time) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (from, to, again) in occurrences(fault, end) {
        let effect = |from, to, change| Effect { from, to, fault: number, change };
        match change(fault) {
            Some(change) => effects.push(effect(from, to, change)),
            None => match fault.kind {
                FaultKind::Flapping { up_s, down_s } => {
                    let (up, down) = (Span::from_secs_f64(up_s), Span::from_secs_f64(down_s));
                    let last = if to < Time::MAX { to } else { end };
                    let mut at = from;
                    while at < last && !(up + down).is_zero() && effects.len() < MAX_OCCURRENCES {
                        effects.push(effect(at, (at + down).min(last), Change::Down));
                        at += up + down;
                    }
                }
                FaultKind::Crash { slow_start_s } => {
                    effects.push(effect(from, to, Change::Down));
                    let step =
                        Span::from_nanos(Span::from_secs_f64(slow_start_s).as_nanos() / SLOW_START_STEPS);
                    // From a tenth to full speed, 0.09 more with each step; the next crash cuts this
                    // short.
                    for i in 0..SLOW_START_STEPS {
                        let (from, to) = (to + step * i, (to + step * (i + 1)).min(again));
                        if from < to {
                            effects.push(effect(from, to, Change::Speed(0.1 + 0.09 * i as f64)));
                        }
                    }
                }
                _ => {}
            },
        }
    }
    effects
}

/// Returns the change that lasts as long as the fault; `None` for kinds that change over its course.
fn change(fault: &Fault) -> Option<Change> {
    let requests = |set: fn(&mut Condition, f64), value: f64| {
        let mut condition = Condition::HEALTHY;
        set(&mut condition, value);
        Some(Change::Requests(condition))
    };
    match fault.kind {
        FaultKind::LatencyFactor { factor } if fault.services.is_empty() => Some(Change::Speed(1.0 / factor)),
        FaultKind::LatencyFactor { factor } => requests(|c, v| c.service_factor = v, factor),
        FaultKind::LatencyAdd { add_ms } => requests(|c, v| c.added = Span::from_millis_f64(v), add_ms),
        FaultKind::ErrorRate { rate } => requests(|c, v| c.error_rate = v, rate),
        FaultKind::TimeoutRate { rate } => requests(|c, v| c.timeout_rate = v, rate),
        FaultKind::FastFail { rate } => requests(|c, v| c.fast_fail = v, rate),
        FaultKind::Freeze {} => Some(Change::Speed(0.0)),
        FaultKind::Crash { .. } | FaultKind::Flapping { .. } => None,
    }
}

/// Returns the start, end and next start of each occurrence of the fault.
fn occurrences(fault: &Fault, end: Time) -> Vec<(Time, Time, Time)> {
    let start = Time::ZERO + Span::from_secs_f64(fault.start_s);
    let ends = |from: Time| fault.duration_s.map_or(Time::MAX, |seconds| from + Span::from_secs_f64(seconds));
    let every = fault.every_s.map_or(Span::ZERO, Span::from_secs_f64);
    if every.is_zero() {
        return vec![(start, ends(start), Time::MAX)];
    }
    let mut all = Vec::new();
    let mut from = start;
    while from < end && all.len() < MAX_OCCURRENCES {
        all.push((from, ends(from), from + every));
        from += every;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: FaultKind) -> Fault {
        Fault { kind, services: vec![], backends: vec![], start_s: 0.0, duration_s: None, every_s: None }
    }

    fn at(seconds: f64) -> Time {
        Time::ZERO + Span::from_secs_f64(seconds)
    }

    fn services() -> Vec<String> {
        vec!["cart".to_owned(), "order".to_owned()]
    }

    fn timeline(faults: &[Fault]) -> FaultTimeline {
        FaultTimeline::new(faults, "a", &services(), Span::from_secs(100))
    }

    /// Returns every time, in seconds, at which the timeline reports a change.
    fn changes(timeline: &FaultTimeline) -> Vec<f64> {
        let mut points = Vec::new();
        let mut now = Time::ZERO;
        while let Some(next) = timeline.next_change(now) {
            points.push(next.as_secs_f64());
            now = next;
        }
        points
    }

    #[test]
    fn overlapping_faults_combine() {
        let lasting =
            |kind, start_s, duration_s: f64| Fault { start_s, duration_s: Some(duration_s), ..fault(kind) };
        let timeline = timeline(&[
            lasting(FaultKind::LatencyFactor { factor: 10.0 }, 1.0, 4.0),
            lasting(FaultKind::LatencyFactor { factor: 2.0 }, 2.0, 2.0),
            lasting(FaultKind::ErrorRate { rate: 0.5 }, 1.0, 4.0),
            lasting(FaultKind::ErrorRate { rate: 0.2 }, 2.0, 2.0),
            lasting(FaultKind::LatencyAdd { add_ms: 3.0 }, 1.0, 4.0),
            lasting(FaultKind::LatencyAdd { add_ms: 4.0 }, 2.0, 2.0),
        ]);
        assert_eq!(timeline.speed(at(0.5)), 1.0, "nothing happens before the first fault");
        assert_eq!(timeline.speed(at(1.0)), 0.1, "a fault begins at its start");
        assert!((timeline.speed(at(3.0)) - 0.05).abs() < 1e-12, "factors multiply");
        let both = timeline.condition(0, at(3.0));
        assert!((both.error_rate - 0.6).abs() < 1e-12, "chances combine as 1 - prod(1 - p)");
        assert_eq!(both.added, Span::from_millis(7), "additions add");
        assert_eq!(timeline.condition(0, at(5.0)), Condition::HEALTHY, "a fault is over at its end");
        assert_eq!(changes(&timeline), [1.0, 2.0, 4.0, 5.0], "each change is announced once");
    }

    #[test]
    fn a_fault_hits_only_the_services_and_backends_that_it_names() {
        let named =
            Fault { services: vec!["order".to_owned()], ..fault(FaultKind::LatencyFactor { factor: 5.0 }) };
        let hit = timeline(std::slice::from_ref(&named));
        assert_eq!(hit.condition(1, at(1.0)).service_factor, 5.0, "the named service is hit");
        assert_eq!(hit.condition(0, at(1.0)), Condition::HEALTHY, "another service is not");
        assert_eq!(hit.condition(9, at(1.0)), Condition::HEALTHY, "nor is an unknown one");
        assert_eq!(hit.speed(at(1.0)), 1.0, "a fault of one service leaves the backend's speed alone");
        let elsewhere =
            Fault { backends: vec!["b".to_owned()], ..fault(FaultKind::Crash { slow_start_s: 0.0 }) };
        assert!(timeline(&[elsewhere]).is_up(at(1.0)), "a fault of another backend does nothing");
        let all = timeline(&[fault(FaultKind::FastFail { rate: 0.5 })]);
        assert_eq!(all.condition(9, at(1.0)).fast_fail, 0.5, "a fault of all services hits unknown ones");
    }

    #[test]
    fn faults_come_back_until_the_end() {
        let slow = Fault {
            start_s: 10.0,
            duration_s: Some(10.0),
            every_s: Some(30.0),
            ..fault(FaultKind::LatencyFactor { factor: 10.0 })
        };
        let timeline = timeline(&[slow]);
        assert_eq!(changes(&timeline), [10.0, 20.0, 40.0, 50.0, 70.0, 80.0]);
        assert_eq!(timeline.speed(at(45.0)), 0.1);
    }

    #[test]
    fn a_frozen_backend_stands_still_and_stays_up() {
        let lasting =
            |kind, start_s, duration_s: f64| Fault { start_s, duration_s: Some(duration_s), ..fault(kind) };
        let named = Fault { services: vec!["order".to_owned()], ..lasting(FaultKind::Freeze {}, 4.0, 1.0) };
        let timeline = timeline(&[named, lasting(FaultKind::LatencyFactor { factor: 2.0 }, 3.0, 4.0)]);
        let speeds: Vec<f64> = [3.5, 4.5, 5.5, 7.5].map(|s| timeline.speed(at(s))).to_vec();
        assert_eq!(
            speeds,
            [0.5, 0.0, 0.5, 1.0],
            "frozen however slow it was, and whichever service is named"
        );
        assert!(timeline.is_up(at(4.5)), "a frozen backend is up");
    }

    #[test]
    fn a_flapping_backend_begins_with_going_down() {
        let flapping = Fault {
            start_s: 1.0,
            duration_s: Some(7.0),
            ..fault(FaultKind::Flapping { up_s: 3.0, down_s: 1.0 })
        };
        let timeline = timeline(&[flapping]);
        assert_eq!(changes(&timeline), [1.0, 2.0, 5.0, 6.0], "down 1-2 and 5-6, up in between");
        assert!(!timeline.is_up(at(1.5)) && timeline.is_up(at(2.0)) && !timeline.is_up(at(5.5)));
        assert!(timeline.is_up(at(99.0)), "it is up when the fault is over");
    }

    #[test]
    fn speed_climbs_from_a_tenth_after_a_crash() {
        let crash =
            Fault { start_s: 1.0, duration_s: Some(1.0), ..fault(FaultKind::Crash { slow_start_s: 10.0 }) };
        let timeline = timeline(&[crash]);
        assert!(!timeline.is_up(at(1.5)), "down during the crash");
        let speeds: Vec<f64> = (0..=10).map(|s| timeline.speed(at(2.5 + f64::from(s)))).collect();
        assert_eq!(speeds[0], 0.1, "it restarts at a tenth");
        assert!(speeds.is_sorted_by(|a, b| a < b), "speed climbs with each step: {speeds:?}");
        assert_eq!(speeds[10], 1.0, "and is full when slow start is over");
    }

    #[test]
    fn a_crash_that_comes_back_cuts_the_slow_start_short() {
        let crash = Fault {
            duration_s: Some(1.0),
            every_s: Some(3.0),
            ..fault(FaultKind::Crash { slow_start_s: 10.0 })
        };
        let timeline = timeline(&[crash]);
        assert_eq!(timeline.speed(at(4.5)), 0.1, "each restart begins at a tenth");
        assert_eq!(timeline.speed(at(5.5)), 0.1 + 0.09);
    }
}
