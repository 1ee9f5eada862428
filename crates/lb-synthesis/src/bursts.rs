//! Learns how events cluster: indices of dispersion, and a modulation of the rates of hours.

use crate::dispersion::{Variation, variations};
use crate::document::{Bursts, DispersionPoint, Modulation, Unit};
use crate::modulation::{Counts, Moments, fit};
use crate::rates::Estimates;
use crate::slots::{Piece, SECOND};

/// The most intervals that a fit counts in.
const MOST_INTERVALS: f64 = 400_000.0;
/// The longest interval in seconds.
const LONGEST_INTERVAL_S: f64 = 60.0;
/// Intervals in the time that a burst takes to decay.
const INTERVALS_PER_BURST: f64 = 8.0;
/// Fewest events for a fit.
const FEWEST_EVENTS: usize = 100;

/// What is known of one kind of event.
#[derive(Clone, Copy)]
pub(crate) struct Stream<'a> {
    /// Times in order, Unix nanoseconds.
    pub(crate) times: &'a [i64],
    pub(crate) pieces: &'a [Piece],
    /// Precision of the times in nanoseconds.
    pub(crate) resolution: i64,
}

impl Stream<'_> {
    fn seconds(self) -> f64 {
        self.pieces.iter().map(|piece| piece.seconds()).sum()
    }

    /// Returns events per second.
    pub(crate) fn rate(self) -> f64 {
        self.times.len() as f64 / self.seconds()
    }

    pub(crate) fn variations(self) -> Vec<Variation> {
        variations(self.times, self.pieces, self.resolution)
    }
}

/// Returns the time by which a rate is multiplied to get the index of dispersion less 1, at the largest scale.
pub(crate) fn clustering(variations: &[Variation]) -> f64 {
    variations.last().map_or(0.0, |largest| (largest.scale_s * largest.squared).max(0.0))
}

/// Learns the bursts of `events`, whose rates are known, and describes those of all requests.
pub(crate) fn learn(unit: Unit, events: Stream<'_>, estimates: &Estimates, requests: Stream<'_>) -> Bursts {
    let variations = events.variations();
    let moments = Moments::fit(&variations, events.rate()).filter(|_| events.times.len() >= FEWEST_EVENTS);
    let modulation = moments.and_then(|moments| fit(&counts(events, estimates, moments), moments));
    Bursts {
        unit,
        requests: points(&requests.variations(), requests.rate(), None),
        fitted: points(&variations, events.rate(), modulation.as_ref()),
        modulation,
    }
}

fn points(variations: &[Variation], rate: f64, modulation: Option<&Modulation>) -> Vec<DispersionPoint> {
    let point = |one: &Variation| DispersionPoint {
        scale_s: one.scale_s,
        windows: one.windows,
        index: one.index(rate),
        model: modulation
            .map(|found| 1.0 + rate * one.scale_s * found.moments().squared_variation(one.scale_s)),
    };
    variations.iter().map(point).collect()
}

/// Counts events in intervals that are short against the length of a burst.
fn counts(events: Stream<'_>, estimates: &Estimates, moments: Moments) -> Counts {
    let least = (events.seconds() / MOST_INTERVALS).max(events.resolution as f64 / SECOND as f64);
    let wanted = 1.0 / (INTERVALS_PER_BURST * moments.relaxation);
    let interval_s = wanted.min(LONGEST_INTERVAL_S).max(least);
    let width = ((interval_s * SECOND as f64) as i64).max(1);
    let mut intervals = Vec::new();
    for (piece, times) in crate::slots::events_of(events.pieces, events.times, |at| *at) {
        let rate = estimates.rates[piece.slot.index()].map_or(0.0, |rate| rate.mean);
        let (mut from, mut rest) = (piece.from, times);
        while from < piece.to {
            let to = (from + width).min(piece.to);
            let count = rest.partition_point(|at| *at < to);
            intervals
                .push((u32::try_from(count).unwrap_or(u32::MAX), rate * (to - from) as f64 / SECOND as f64));
            (from, rest) = (to, &rest[count..]);
        }
    }
    Counts { interval_s: width as f64 / SECOND as f64, intervals }
}
