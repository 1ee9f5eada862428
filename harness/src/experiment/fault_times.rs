//! When the faults of a scenario begin and end, told in words while a phase runs.

use super::events::{Event, Observe};
use lb_core::fault::{Fault, FaultKind};
use lb_report::parts::trimmed;

/// The most beginnings and ends of faults that are told, for a fault that repeats for hours.
const MOST: usize = 10_000;

/// The faults of a scenario as a list of moments.
pub(crate) struct FaultTimes {
    /// When something happens, in seconds since the faults were started, and what, the latest first.
    left: Vec<(f64, Event)>,
    /// The backends of faults that began and did not end.
    active: Vec<String>,
}

impl FaultTimes {
    /// Lists the moments of faults in the next `length_s` seconds; `backends` are the ids of all backends.
    pub(crate) fn new(faults: &[Fault], backends: &[String], length_s: f64) -> Self {
        let mut left = Vec::new();
        for fault in faults {
            let hit = if fault.backends.is_empty() { backends } else { &fault.backends };
            let mut start = fault.start_s;
            while start < length_s && left.len() < MOST {
                for backend in hit {
                    left.push((start, begins(backend, fault)));
                    if let Some(duration) = fault.duration_s.filter(|duration| start + duration < length_s) {
                        left.push((start + duration, ends(backend)));
                    }
                }
                match fault.every_s {
                    Some(every) if every > 0.0 => start += every,
                    _ => break,
                }
            }
        }
        left.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        Self { left, active: Vec::new() }
    }

    /// Tells what happened up to `elapsed_s` seconds after the faults were started.
    pub(crate) fn tell(&mut self, events: &dyn Observe, elapsed_s: f64) {
        while self.left.last().is_some_and(|(at, _)| *at <= elapsed_s) {
            let Some((_, event)) = self.left.pop() else { return };
            if let Event::Fault { backend, begins, .. } = &event {
                match self.active.iter().position(|active| active == backend).filter(|_| !begins) {
                    Some(place) => drop(self.active.swap_remove(place)),
                    None => self.active.push(backend.clone()),
                }
            }
            events.observe(&event);
        }
    }

    /// Tells that everything is back to normal, since the backends end their faults.
    pub(crate) fn end(&mut self, events: &dyn Observe) {
        self.left.clear();
        self.active.sort_unstable();
        self.active.dedup();
        tell_back_to_normal(events, self.active.drain(..));
    }
}

fn begins(backend: &str, fault: &Fault) -> Event {
    Event::Fault { backend: backend.to_owned(), text: fault_words(fault), begins: true }
}

fn ends(backend: &str) -> Event {
    Event::Fault { backend: backend.to_owned(), text: "back to normal".to_owned(), begins: false }
}

/// Tells that faults of these backends are over.
pub(crate) fn tell_back_to_normal(events: &dyn Observe, backends: impl IntoIterator<Item = String>) {
    for backend in backends {
        events.observe(&ends(&backend));
    }
}

/// Says what a fault does to a backend.
pub(crate) fn fault_words(fault: &Fault) -> String {
    let share = |rate: f64| format!("{} % of requests", number(100.0 * rate));
    let what = match fault.kind {
        FaultKind::LatencyFactor { factor } => format!("{} times slower", number(factor)),
        FaultKind::LatencyAdd { add_ms } => format!("{} ms slower", number(add_ms)),
        FaultKind::ErrorRate { rate } => format!("{} fail with 500", share(rate)),
        FaultKind::TimeoutRate { rate } => format!("{} hang", share(rate)),
        FaultKind::FastFail { rate } => format!("{} are refused with 503", share(rate)),
        FaultKind::Crash { .. } => "down".to_owned(),
        FaultKind::Freeze {} => "frozen".to_owned(),
        FaultKind::Flapping { up_s, down_s } => {
            format!("down for {} s and up for {} s in turn", number(down_s), number(up_s))
        }
    };
    match fault.services.is_empty() {
        true => what,
        false => format!("{what} ({} only)", fault.services.join(", ")),
    }
}

/// Writes a number with at most three decimals.
fn number(value: f64) -> String {
    trimmed(value, 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::cell::RefCell;

    #[derive(Default)]
    struct Kept(RefCell<Vec<String>>);

    impl Observe for Kept {
        fn observe(&self, event: &Event) {
            if let Event::Fault { backend, text, begins } = event {
                self.0.borrow_mut().push(format!("{backend} {text} {begins}"));
            }
        }
    }

    #[test]
    fn faults_begin_and_end_at_their_times_and_repeat() {
        let faults: Vec<Fault> = serde_json::from_value(json!([
            { "fault": "latency_factor", "factor": 3, "backends": ["a"], "start_s": 2, "duration_s": 1, "every_s": 4 },
            { "fault": "fast_fail", "rate": 0.25, "services": ["cart-service"], "start_s": 3 }
        ]))
        .expect("valid faults");
        let mut times = FaultTimes::new(&faults, &["a".to_owned(), "b".to_owned()], 7.5);
        let kept = Kept::default();
        times.tell(&kept, 1.9);
        assert!(kept.0.borrow().is_empty());
        times.tell(&kept, 2.5);
        assert_eq!(*kept.0.borrow(), ["a 3 times slower true"]);
        times.tell(&kept, 60.0);
        times.end(&kept);
        let told = kept.0.borrow();
        let refused = "25 % of requests are refused with 503 (cart-service only) true";
        assert!(told.contains(&format!("b {refused}")) && told.contains(&format!("a {refused}")), "{told:?}");
        assert_eq!(told.iter().filter(|text| text.contains("times slower")).count(), 2, "{told:?}");
        assert_eq!(told.iter().filter(|text| text.contains("back to normal")).count(), 4, "{told:?}");
    }
}
