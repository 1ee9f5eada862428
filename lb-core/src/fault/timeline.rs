//! All faults of one backend as a list of phases, found by a sweep over their beginnings and ends.

use super::{Fault, FaultKind};
use crate::time::{Span, Time};

/// The condition that the active faults put one service of one backend in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// Multiplies service time at its start (faults of single services).
    pub service_factor: f64,
    /// Added to service time.
    pub added: Span,
    /// Chance of a 500 after full service.
    pub error_rate: f64,
    /// Chance of a hang.
    pub timeout_rate: f64,
    /// Chance of an immediate 503.
    pub fast_fail: f64,
}

impl Condition {
    /// No fault at all.
    pub const HEALTHY: Self =
        Self { service_factor: 1.0, added: Span::ZERO, error_rate: 0.0, timeout_rate: 0.0, fast_fail: 0.0 };

    /// Both at once: factors multiply, additions add, chances are independent.
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

/// A stretch of time in which nothing changes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Phase {
    from: Time,
    up: bool,
    speed: f64,
    /// Whether every service is healthy, so that conditions need not be looked up.
    healthy: bool,
}

const BEFORE_ALL: Phase = Phase { from: Time::ZERO, up: true, speed: 1.0, healthy: true };

/// The faults of one backend, for look-up by point in time.
#[derive(Clone, Debug, Default)]
pub struct FaultTimeline {
    /// Ascending; before the first the backend is healthy.
    phases: Vec<Phase>,
    /// One row per phase, one column per service and a last one for requests of no known service.
    conditions: Vec<Condition>,
    columns: usize,
}

/// What one occurrence of a fault does between two points.
#[derive(Clone, Copy, Debug)]
struct Effect {
    from: Time,
    to: Time,
    /// Position of its fault.
    fault: usize,
    change: Change,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Speed(f64),
    Down,
    Requests(Condition),
}

/// Steps in which speed climbs after a restart.
const SLOW_START_STEPS: u64 = 10;

/// A fault that comes back more often than this is taken to have ended: a bound on memory, met only
/// by hundredths of a second repeated over hours.
const MAX_OCCURRENCES: usize = 200_000;

impl FaultTimeline {
    /// The faults among `faults` that hit the backend `id`, which serves `services` (the order gives
    /// their index). Faults without an end last to the end of time; those that come back do so
    /// until `end`.
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

    /// The condition of service number `service` at `now`.
    pub fn condition(&self, service: usize, now: Time) -> Condition {
        self.condition_in(self.phase_at(now), service)
    }

    /// The speed multiplier of the whole backend at `now`: 1 when healthy, 0.1 when ten times slow, 0
    /// when frozen.
    pub fn speed(&self, now: Time) -> f64 {
        self.speed_in(self.phase_at(now))
    }

    /// Whether the backend runs at `now`.
    pub fn is_up(&self, now: Time) -> bool {
        self.is_up_in(self.phase_at(now))
    }

    /// The first point after `now` at which speed, condition or being up changes.
    pub fn next_change(&self, now: Time) -> Option<Time> {
        self.end_of(self.phase_at(now))
    }

    /// The number of the phase at `now`; 0 is the one before all faults. A caller whose time only
    /// grows keeps the number and spares itself the search.
    pub(crate) fn phase_at(&self, now: Time) -> usize {
        self.phases.partition_point(|phase| phase.from <= now)
    }

    fn phase(&self, number: usize) -> &Phase {
        if number == 0 { &BEFORE_ALL } else { &self.phases[number - 1] }
    }

    /// [`Self::condition`] within a phase.
    pub(crate) fn condition_in(&self, phase: usize, service: usize) -> Condition {
        if self.phase(phase).healthy {
            return Condition::HEALTHY;
        }
        self.conditions[(phase - 1) * self.columns + service.min(self.columns - 1)]
    }

    /// [`Self::speed`] within a phase.
    pub(crate) fn speed_in(&self, phase: usize) -> f64 {
        self.phase(phase).speed
    }

    /// [`Self::is_up`] within a phase.
    pub(crate) fn is_up_in(&self, phase: usize) -> bool {
        self.phase(phase).up
    }

    /// When the phase ends and the next one begins.
    pub(crate) fn end_of(&self, phase: usize) -> Option<Time> {
        self.phases.get(phase).map(|next| next.from)
    }

    /// Walks over all beginnings and ends in order, keeping the effects that are active.
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
            // Sums and products of the same effects in the same order come out the same.
            active.sort_unstable();
            self.push_phase(group[0].0, active.iter().map(|i| &effects[*i]), hits);
        }
    }

    /// Appends the phase in which `active` is all that happens, unless nothing changes by it.
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

/// Which columns (services, then "no known service") of the backend `id` the fault hits.
fn columns_hit(fault: &Fault, id: &str, services: &[String]) -> Vec<bool> {
    let this = fault.backends.is_empty() || fault.backends.iter().any(|other| other == id);
    let all = this && fault.services.is_empty();
    services.iter().map(|service| all || this && fault.services.contains(service)).chain([all]).collect()
}

/// All that a fault does to a backend, one occurrence after the other.
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
                    // From a tenth to full, up by 0.09 with each step; cut short by the next crash.
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

/// What the fault does all the while that it lasts; none for those with an inner course.
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

/// From when to when the fault lasts, and when it comes back, each time.
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

    /// Every point at which the timeline says that something changes, in seconds.
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
        assert!(timeline.is_up(at(4.5)), "it is there all the while");
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
