//! The latency that a request would see at the present load, as a backend estimates it for probes.
//!
//! Wydrowski, Kleinberg, Rumble and Archer, Load is not what you should balance: introducing Prequal (NSDI 2024): a server
//! remembers for each reply how many requests were in flight when the request came. Asked at a load, it answers with the
//! median latency of recent requests that found about as many.
//!
//! Loads are divided into classes (each number below 16, then four for each doubling), with the last 16 latencies of each. An
//! estimate takes classes from the present one outwards until it has eight latencies. Those of the last five seconds count
//! first: at a load that is rarely met, the latencies may be those of before a fault.

use crate::time::{Span, Time};

/// Number of classes: 16 of one number each, and four for each of the eight doublings up to 4,096.
const CLASSES: usize = 48;
/// Latencies that each class remembers.
const KEPT: usize = 16;
/// Latencies that an estimate needs before it stops looking at other classes.
const ENOUGH: usize = 8;
/// Age from which on latencies count only if there are no newer ones.
const RECENT: Span = Span::from_secs(5);

/// Latencies of recent requests by the number of requests that they found in flight.
#[derive(Clone, Debug)]
pub struct LatencyByLoad {
    classes: Vec<Class>,
}

/// The latest latencies of one class, of which the oldest is replaced next.
#[derive(Clone, Copy, Debug)]
struct Class {
    latencies: [(Time, Span); KEPT],
    count: usize,
    next: usize,
}

impl Class {
    const EMPTY: Self = Self { latencies: [(Time::ZERO, Span::ZERO); KEPT], count: 0, next: 0 };
}

impl Default for LatencyByLoad {
    fn default() -> Self {
        Self { classes: vec![Class::EMPTY; CLASSES] }
    }
}

impl LatencyByLoad {
    /// Records the latency of a request that ended at `now` and had found `found` others in flight.
    pub fn record(&mut self, found: u32, latency: Span, now: Time) {
        let class = &mut self.classes[class_of(found)];
        class.latencies[class.next] = (now, latency);
        class.next = (class.next + 1) % KEPT;
        class.count = (class.count + 1).min(KEPT);
    }

    /// Returns the median latency of recent requests that found about `in_flight` others; `None` before the first reply.
    pub fn estimate(&self, in_flight: u32, now: Time) -> Option<Span> {
        let class = class_of(in_flight);
        let recent = self.median(class, |ended| now.since(ended) <= RECENT);
        recent.or_else(|| self.median(class, |_| true))
    }

    /// Returns the median of the latencies that `counts` by when they ended, from the classes nearest to `class`.
    fn median(&self, class: usize, counts: impl Fn(Time) -> bool) -> Option<Span> {
        // Fewer than `ENOUGH` from nearer classes, and all of two more.
        let mut found = [Span::ZERO; ENOUGH + 2 * KEPT];
        let mut count = 0;
        for distance in 0..CLASSES {
            let below = class.checked_sub(distance);
            let above = Some(class + distance).filter(|above| distance > 0 && *above < CLASSES);
            for class in below.into_iter().chain(above) {
                let Class { latencies, count: kept, .. } = &self.classes[class];
                for (_, latency) in latencies[..*kept].iter().filter(|(ended, _)| counts(*ended)) {
                    found[count] = *latency;
                    count += 1;
                }
            }
            if count >= ENOUGH {
                break;
            }
        }
        let found = &mut found[..count];
        (count > 0).then(|| *found.select_nth_unstable(count / 2).1)
    }
}

fn class_of(in_flight: u32) -> usize {
    if in_flight < 16 {
        return in_flight as usize;
    }
    let doublings = in_flight.ilog2();
    let quarter = (in_flight >> (doublings - 2)) & 3;
    ((doublings - 4) * 4 + quarter + 16).min(CLASSES as u32 - 1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }

    fn ms(millis: u64) -> Span {
        Span::from_millis(millis)
    }

    #[test]
    fn classes_are_in_order_and_bounded() {
        assert_eq!([0, 1, 15, 16, 19, 20, 31, 32, 63].map(class_of), [0, 1, 15, 16, 16, 17, 19, 20, 23]);
        assert_eq!([4_095, 4_096, u32::MAX].map(class_of), [47, 47, 47]);
        let classes: Vec<usize> = (0..10_000).map(class_of).collect();
        assert!(classes.is_sorted(), "more requests are never in a lower class");
    }

    #[test]
    fn the_estimate_is_the_median_at_about_this_load() {
        let mut latencies = LatencyByLoad::default();
        assert_eq!(latencies.estimate(3, at(0)), None, "nothing is known");
        for number in 0..9 {
            latencies.record(2, ms(10 + number), at(0));
            latencies.record(8, ms(100 + number), at(0));
        }
        assert_eq!(latencies.estimate(2, at(1)), Some(ms(14)));
        assert_eq!(latencies.estimate(8, at(1)), Some(ms(104)));
        assert_eq!(latencies.estimate(3, at(1)), Some(ms(14)), "nobody found three: two is nearest");
        assert_eq!(latencies.estimate(1_000, at(1)), Some(ms(104)));
    }

    #[test]
    fn a_few_latencies_are_joined_by_those_of_neighbours() {
        let mut latencies = LatencyByLoad::default();
        latencies.record(5, ms(1_000), at(0));
        for _ in 0..8 {
            latencies.record(6, ms(20), at(0));
        }
        assert_eq!(latencies.estimate(5, at(1)), Some(ms(20)), "one request alone decides nothing");
    }

    #[test]
    fn old_latencies_count_only_if_there_are_no_others() {
        let mut latencies = LatencyByLoad::default();
        for _ in 0..16 {
            latencies.record(5, ms(1_000), at(0));
        }
        assert_eq!(latencies.estimate(5, at(9_000)), Some(ms(1_000)), "better than nothing");
        latencies.record(1, ms(20), at(8_000));
        assert_eq!(latencies.estimate(5, at(9_000)), Some(ms(20)), "the backend has recovered");
    }

    #[test]
    fn full_classes_keep_the_latest() {
        let mut latencies = LatencyByLoad::default();
        for number in 0..1_000 {
            for load in 0..40 {
                latencies.record(load, ms(number), at(number));
            }
        }
        for load in 0..60 {
            let estimate = latencies.estimate(load, at(1_000)).expect("many were recorded");
            assert!(estimate >= ms(984), "{load}: the median of the last 16 and not {estimate:?}");
        }
    }
}
