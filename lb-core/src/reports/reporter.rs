//! What a backend remembers in order to report its load.

use super::LatencyByLoad;
use crate::policy::LoadReport;
use crate::time::{Span, Time};

/// Length of the windows in which replies are counted.
const WINDOW: Span = Span::from_secs(1);

/// The memory from which a backend writes its reports. It is the same in mock backends and in the simulator.
#[derive(Clone, Debug, Default)]
pub struct Reporter {
    latencies: LatencyByLoad,
    /// Begin of the current window.
    since: Time,
    /// Replies in the current window.
    replies: u32,
    /// Replies per second in the window before; `None` if there was none.
    rate: Option<f32>,
}

impl Reporter {
    /// Records a reply at `now` to a request that took `latency` and had found `found` others in flight.
    pub fn on_reply(&mut self, found: u32, latency: Span, now: Time) {
        self.latencies.record(found, latency, now);
        self.turn(now);
        self.replies += 1;
    }

    /// Returns the report of a backend that holds `in_flight` requests now and can serve `workers` at once.
    pub fn report(&mut self, in_flight: u32, workers: u32, now: Time) -> LoadReport {
        self.turn(now);
        LoadReport {
            in_flight: Some(in_flight),
            utilisation: Some(in_flight as f32 / workers.max(1) as f32),
            rate: self.rate,
            latency: self.latencies.estimate(in_flight, now),
            ..LoadReport::default()
        }
    }

    /// Begins a new window if the current one is over.
    fn turn(&mut self, now: Time) {
        let passed = now.since(self.since);
        if passed >= WINDOW {
            self.rate = Some(self.replies as f32 / passed.as_secs_f64() as f32);
            (self.since, self.replies) = (now, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_the_backend_holds_and_how_it_serves() {
        let mut reporter = Reporter::default();
        let at = |millis| Time::ZERO + Span::from_millis(millis);
        let first = reporter.report(6, 4, at(0));
        assert_eq!((first.in_flight, first.utilisation), (Some(6), Some(1.5)));
        assert_eq!((first.rate, first.latency), (None, None), "nothing was served yet");
        for number in 1..=20 {
            reporter.on_reply(6, Span::from_millis(30), at(number * 50));
        }
        let later = reporter.report(6, 4, at(1_000));
        assert_eq!(later.latency, Some(Span::from_millis(30)));
        assert_eq!(later.rate, Some(19.0), "19 replies before the second was over");
        assert_eq!(reporter.report(0, 4, at(3_000)).rate, Some(0.5), "one reply in two seconds");
    }
}
