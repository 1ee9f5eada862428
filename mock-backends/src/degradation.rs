//! Degradation on demand: makes a backend slow, failing or overloaded for a limited time.
//!
//! The HTTP interface is in `degrade`; this module holds the rules, with time as a parameter:
//!
//! - CPU at `p` %: the process gets the rest, so speed is multiplied by `1 - p`, but never falls below
//!   [`SPEED_FLOOR`], since even a starved process is scheduled occasionally;
//! - memory at `p` %: more garbage collection, speed is multiplied by `1 - MEMORY_COST x p`;
//! - latency: each service holds its worker `delayMs` longer;
//! - errors: the given share of served requests ends in 500;
//! - gradual: `n` phases of equal length; phase `i` (from 1) puts CPU at `100 i / n` % and memory at
//!   evenly spaced steps from 20 to 80 %.

use lb_core::{Span, Time};
use serde_json::{Value, json};

/// Lowest speed that CPU load alone can cause.
pub(crate) const SPEED_FLOOR: f64 = 0.05;
/// Fraction of the speed that is lost when memory is full.
const MEMORY_COST: f64 = 0.2;

/// An effect that can be started and stopped by name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Share of the CPU that is taken away, 0 to 1.
    Cpu(f64),
    /// Share of the memory in use, 0 to 1.
    Memory(f64),
    /// Time added to each service.
    Latency(Span),
    /// Share of requests that end in 500, 0 to 1.
    Errors(f64),
    /// Number of phases of growing CPU and memory load.
    Gradual(u32),
}

/// Names of the effects, as used in paths.
pub(crate) const KINDS: [&str; 5] = ["cpu", "memory", "latency", "errors", "gradual"];

impl Effect {
    fn kind(self) -> usize {
        match self {
            Self::Cpu(_) => 0,
            Self::Memory(_) => 1,
            Self::Latency(_) => 2,
            Self::Errors(_) => 3,
            Self::Gradual(_) => 4,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Active {
    effect: Effect,
    from: Time,
    until: Time,
}

impl Active {
    fn phase_length(&self, phases: u32) -> u64 {
        (self.until.since(self.from).as_nanos() / u64::from(phases)).max(1)
    }

    /// Returns the current phase, from 1.
    fn phase(&self, phases: u32, now: Time) -> u32 {
        let passed = now.since(self.from).as_nanos() / self.phase_length(phases);
        (passed as u32 + 1).min(phases)
    }
}

/// The degradation of one backend: at most one effect of each kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Degradation {
    active: [Option<Active>; KINDS.len()],
}

impl Degradation {
    /// Starts an effect, replacing any effect of the same kind.
    pub(crate) fn start(&mut self, effect: Effect, duration: Span, now: Time) {
        let active = Active { effect, from: now, until: now + duration };
        self.active[effect.kind()] = Some(active);
    }

    /// Ends the effect with this name. Returns whether it was running.
    pub(crate) fn stop(&mut self, kind: &str, now: Time) -> bool {
        let Some(index) = KINDS.iter().position(|known| *known == kind) else {
            return false;
        };
        self.active[index].take().is_some_and(|active| now < active.until)
    }

    /// Ends all effects.
    pub(crate) fn stop_all(&mut self) {
        *self = Self::default();
    }

    fn at(&self, now: Time) -> impl Iterator<Item = &Active> {
        self.active.iter().flatten().filter(move |active| now < active.until)
    }

    /// Returns the share of the CPU that degradation uses.
    pub(crate) fn cpu(&self, now: Time) -> f64 {
        let load = |active: &Active| match active.effect {
            Effect::Cpu(share) => share,
            Effect::Gradual(phases) => f64::from(active.phase(phases, now)) / f64::from(phases),
            _ => 0.0,
        };
        self.at(now).map(load).fold(0.0, f64::max)
    }

    /// Returns the share of the memory in use.
    pub(crate) fn memory(&self, now: Time) -> f64 {
        let load = |active: &Active| match active.effect {
            Effect::Memory(share) => share,
            Effect::Gradual(phases) => {
                let steps = f64::from(phases.max(2) - 1);
                0.2 + 0.6 * f64::from(active.phase(phases, now) - 1) / steps
            }
            _ => 0.0,
        };
        self.at(now).map(load).fold(0.0, f64::max)
    }

    /// Returns the factor by which the speed of the backend is multiplied.
    pub(crate) fn speed_factor(&self, now: Time) -> f64 {
        (1.0 - self.cpu(now)).max(SPEED_FLOOR) * (1.0 - MEMORY_COST * self.memory(now))
    }

    /// Returns the time that is added to each service.
    pub(crate) fn delay(&self, now: Time) -> Span {
        self.at(now).fold(Span::ZERO, |sum, active| match active.effect {
            Effect::Latency(delay) => sum + delay,
            _ => sum,
        })
    }

    /// Returns the share of served requests that end in 500.
    pub(crate) fn error_rate(&self, now: Time) -> f64 {
        let rate = |active: &Active| match active.effect {
            Effect::Errors(rate) => rate,
            _ => 0.0,
        };
        self.at(now).map(rate).fold(0.0, f64::max)
    }

    /// Returns the time of the next automatic change after `now`, if any.
    pub(crate) fn next_change(&self, now: Time) -> Option<Time> {
        let change = |active: &Active| match active.effect {
            Effect::Gradual(phases) if active.phase(phases, now) < phases => {
                let phase = u64::from(active.phase(phases, now));
                active.from + Span::from_nanos(active.phase_length(phases) * phase)
            }
            _ => active.until,
        };
        self.at(now).map(change).min()
    }

    /// Returns the state as JSON: for each kind, whether it is active, its setting and the remaining seconds.
    pub(crate) fn status(&self, now: Time) -> Value {
        let mut status = serde_json::Map::new();
        status.insert("degraded".to_owned(), json!(self.at(now).next().is_some()));
        for (kind, active) in KINDS.iter().zip(&self.active) {
            let active = active.as_ref().filter(|active| now < active.until);
            status.insert((*kind).to_owned(), describe(active, now));
        }
        status.insert("cpuLoadPercent".to_owned(), json!(percent(self.cpu(now))));
        status.insert("memoryUsedPercent".to_owned(), json!(percent(self.memory(now))));
        status.insert("speedFactor".to_owned(), json!(self.speed_factor(now)));
        Value::Object(status)
    }
}

fn describe(active: Option<&Active>, now: Time) -> Value {
    let Some(active) = active else {
        return json!({ "active": false });
    };
    let remaining = active.until.since(now).as_secs_f64();
    let mut value = json!({ "active": true, "remainingSeconds": remaining });
    let (name, setting) = match active.effect {
        Effect::Cpu(share) => ("intensityPercent", json!(percent(share))),
        Effect::Memory(share) => ("memoryPercent", json!(percent(share))),
        Effect::Latency(delay) => ("delayMs", json!(delay.as_millis_f64())),
        Effect::Errors(rate) => ("errorRatePercent", json!(percent(rate))),
        Effect::Gradual(phases) => {
            value["phase"] = json!(active.phase(phases, now));
            ("phases", json!(phases))
        }
    };
    value[name] = setting;
    value
}

/// Converts a share to per cent, without rounding noise.
fn percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_nanos(seconds * 1_000_000_000)
    }

    fn started(effect: Effect, seconds: u64) -> Degradation {
        let mut degradation = Degradation::default();
        degradation.start(effect, Span::from_secs(seconds), at(0));
        degradation
    }

    #[test]
    fn an_effect_ends_by_itself_after_its_duration() {
        let degradation = started(Effect::Latency(Span::from_millis(100)), 10);
        assert_eq!(degradation.delay(at(9)), Span::from_millis(100));
        assert_eq!(degradation.next_change(at(9)), Some(at(10)), "the end is an event");
        assert_eq!(degradation.delay(at(10)), Span::ZERO, "the end is exclusive");
        assert_eq!(degradation.next_change(at(10)), None);
    }

    #[test]
    fn cpu_load_leaves_the_rest_as_speed_and_never_stops_the_backend() {
        assert_eq!(started(Effect::Cpu(0.5), 10).speed_factor(at(1)), 0.5);
        assert_eq!(started(Effect::Cpu(1.0), 10).speed_factor(at(1)), SPEED_FLOOR);
    }

    #[test]
    fn memory_load_slows_mildly() {
        let factor = started(Effect::Memory(1.0), 10).speed_factor(at(1));
        assert_eq!(factor, 0.8, "full memory costs a fifth of the speed");
    }

    #[test]
    fn gradual_degradation_climbs_through_its_phases_and_ends() {
        let degradation = started(Effect::Gradual(4), 40);
        for (second, cpu, memory) in [(0, 0.25, 0.2), (10, 0.5, 0.4), (25, 0.75, 0.6), (30, 1.0, 0.8)] {
            assert!((degradation.cpu(at(second)) - cpu).abs() < 1e-9, "CPU load at {second} s");
            assert!((degradation.memory(at(second)) - memory).abs() < 1e-9, "memory at {second} s");
        }
        assert_eq!(degradation.next_change(at(0)), Some(at(10)), "each phase is an event");
        assert_eq!(degradation.next_change(at(35)), Some(at(40)), "so is the end");
        assert_eq!(degradation.speed_factor(at(40)), 1.0, "the speed is normal afterwards");
    }

    #[test]
    fn stopping_says_whether_anything_was_running() {
        let mut degradation = started(Effect::Errors(0.3), 10);
        assert_eq!(degradation.error_rate(at(1)), 0.3);
        assert!(!degradation.stop("cpu", at(1)), "CPU load was never started");
        assert!(degradation.stop("errors", at(1)));
        assert_eq!(degradation.error_rate(at(1)), 0.0);
    }

    #[test]
    fn the_status_names_every_kind() {
        let status = started(Effect::Errors(0.3), 10).status(at(4));
        assert_eq!(
            status["errors"],
            json!({
                "active": true, "remainingSeconds": 6.0, "errorRatePercent": 30.0
            })
        );
        for kind in ["cpu", "memory", "latency", "gradual"] {
            assert_eq!(status[kind]["active"], json!(false), "{kind} is not running");
        }
    }
}
