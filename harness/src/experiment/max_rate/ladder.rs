//! The rates that a search tries, and the duration of each probe.
//!
//! Rates are on a ladder with sixteen rungs per doubling, 4.4 % apart. All algorithms climb the same ladder,
//! so equal rates, and their schedules, are identical to the last bit.
//!
//! A probe starts without sessions. Measuring starts when the first session may have ended, because only then
//! is the number of concurrent sessions steady: a shorter warm-up would measure a rate at a fraction of its
//! load.

use lb_analysis::threshold::Threshold;
use lb_core::Span;
use lb_core::workload::Schedule;

/// The number of a rate: rung `n` is `2^(n/16)` arrivals per second.
pub(super) type Rung = i32;

/// The number of rungs between a rate and its double.
pub(super) const OCTAVE: Rung = 16;
/// The highest rung, about 500 000 arrivals per second: more than the generator can send.
pub(super) const HIGHEST: Rung = 19 * OCTAVE;

/// The longest window, in seconds, that is allowed for rare arrivals. Rates too low for the required requests
/// to arrive in it are not tried.
const LONGEST_WINDOW_S: f64 = 600.0;
/// The shortest window in seconds: in a shorter one, a single pause of the machine could decide.
const SHORTEST_WINDOW_S: f64 = 10.0;
/// The shortest warm-up in seconds, in which connections open and policies learn.
const SHORTEST_WARM_UP_S: f64 = 2.0;
/// The factor by which sessions last longer than planned because requests take time.
const REPLIES: f64 = 1.1;
/// The factor by which the confirming probe is longer than others.
const CONFIRMING: f64 = 4.0;
/// The limit on concurrent sessions, relative to the planned number: sessions of a slow algorithm pile up.
const ROOM: f64 = 4.0;
/// The most requests of a visit that are followed.
const MOST_REQUESTS: usize = 10_000;

/// Returns the rate of a rung in arrivals per second.
pub(super) fn rate_of(rung: Rung) -> f64 {
    (f64::from(rung) / f64::from(OCTAVE)).exp2()
}

/// Returns the highest power of two that is at most `rate`, as a rung.
fn whole_octave(rate: f64) -> Rung {
    rate.max(f64::MIN_POSITIVE).log2().floor().clamp(-19.0, 19.0) as Rung * OCTAVE
}

/// The duration of probes, and the rates that can be probed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ladder {
    /// The length of the longest session in seconds.
    pub(super) longest_s: f64,
    /// The mean length of a session in seconds.
    pub(super) mean_s: f64,
    /// The mean number of requests per arrival.
    pub(super) requests: f64,
    /// The number of requests that the objective needs.
    pub(super) needed: f64,
    /// The minimum warm-up of a probe in seconds.
    pub(super) warm_up_s: f64,
}

impl Ladder {
    /// Makes the ladder from a sample of arrivals.
    pub(super) fn new(sample: &Schedule, objective: &[Threshold], warm_up: Span) -> Self {
        let visits = sample.arrivals().iter().map(|arrival| sample.planned_visit(arrival.id, MOST_REQUESTS));
        let visits: Vec<(f64, f64)> =
            visits.map(|(length, requests)| (length.as_secs_f64(), requests as f64)).collect();
        let count = visits.len().max(1) as f64;
        let needed = objective.iter().map(Threshold::requests_needed).max().unwrap_or(1);
        Self {
            longest_s: visits.iter().fold(0.0, |longest, (length, _)| length.max(longest)),
            mean_s: visits.iter().map(|(length, _)| length).sum::<f64>() / count,
            requests: (visits.iter().map(|(_, requests)| requests).sum::<f64>() / count).max(0.1),
            needed: needed as f64,
            warm_up_s: warm_up.as_secs_f64(),
        }
    }

    /// Returns the warm-up of a probe in whole seconds.
    pub(super) fn warm_up_s(&self) -> f64 {
        (self.longest_s * REPLIES).max(self.warm_up_s).max(SHORTEST_WARM_UP_S).ceil()
    }

    /// Returns the measured window of a probe in whole seconds: longer than a session, and long enough for
    /// the requests that the objective needs.
    pub(super) fn window_s(&self, rung: Rung, confirming: bool) -> f64 {
        let arriving = (self.needed / (self.requests * rate_of(rung))).min(LONGEST_WINDOW_S);
        let window = (self.longest_s * REPLIES).max(arriving).max(SHORTEST_WINDOW_S);
        (if confirming { window * CONFIRMING } else { window }).ceil()
    }

    /// Returns the first rung for a scenario that sends `requests_per_s`.
    pub(super) fn first(&self, requests_per_s: f64) -> Rung {
        whole_octave(requests_per_s / self.requests).max(self.lowest()).min(HIGHEST)
    }

    /// Returns the lowest rung at which enough requests for the objective arrive in the longest window.
    pub(super) fn lowest(&self) -> Rung {
        whole_octave(self.needed / (self.requests * LONGEST_WINDOW_S)) + OCTAVE
    }

    /// Returns the limit on concurrent sessions, at least `configured`.
    pub(super) fn sessions(&self, rung: Rung, configured: u32) -> u32 {
        configured.max((rate_of(rung) * self.mean_s * ROOM).ceil() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder(longest_s: f64, requests: f64, needed: f64) -> Ladder {
        Ladder { longest_s, mean_s: longest_s / 2.0, requests, needed, warm_up_s: 1.0 }
    }

    #[test]
    fn sixteen_rungs_double_the_rate() {
        assert!((rate_of(OCTAVE) - 2.0).abs() < 1e-12 && (rate_of(-OCTAVE) - 0.5).abs() < 1e-12);
        assert!((rate_of(1) / rate_of(0) - 1.0443).abs() < 1e-4, "neighbours are 4.4 % apart");
    }

    #[test]
    fn a_probe_is_measured_after_the_longest_session_and_for_longer_than_one() {
        for longest_s in [0.0, 3.0, 60.0, 1_500.0] {
            let ladder = ladder(longest_s, 13.0, 1_000.0);
            for rung in [ladder.lowest(), 0, HIGHEST] {
                assert!(ladder.warm_up_s() > longest_s, "the oldest session can be over");
                assert!(ladder.window_s(rung, false) > longest_s, "a session fits into the window");
                assert!(
                    ladder.window_s(rung, true) > 3.0 * ladder.window_s(rung, false),
                    "confirmed for longer"
                );
            }
        }
    }

    #[test]
    fn as_many_requests_arrive_in_a_window_as_the_objective_needs() {
        for (requests, needed) in [(1.0, 100.0), (13.0, 1_000.0), (0.5, 5_000.0)] {
            let ladder = ladder(5.0, requests, needed);
            for rung in [ladder.lowest(), ladder.lowest() + 7, 0, 5 * OCTAVE] {
                let rung = rung.max(ladder.lowest());
                let arriving = ladder.window_s(rung, false) * rate_of(rung) * requests;
                assert!(arriving >= needed, "{arriving} of {needed} requests at rung {rung}");
            }
            assert!(ladder.first(1e-9) >= ladder.lowest(), "the search begins on the ladder");
        }
    }
}
