//! Distances between two samples of traffic.
//!
//! | measure | formula |
//! |---|---|
//! | hours, endpoints | Jensen-Shannon distance `√JSD`, base 2 (Lin, 1991; Endres and Schindelin, 2003) |
//! | gaps | Kolmogorov-Smirnov distance of `gap × rate of the hour` |
//! | dispersion | mean of `\|ln(I/I')\|` over scales, `I` being the index of dispersion at the recording's rate |
//! | peaks | circular distance of the recording's peaks to the nearest other peak |

use super::document::Measure;
use crate::dispersion::variation;
use crate::fits::distance_between;
use crate::slots::{CLASS_HOURS, SECOND, events_of};
use crate::split::Sample;
use lb_core::rng::mix;

/// Fewest hours for a comparison of their shares.
const FEWEST_HOURS: usize = 3;
/// The most gaps that are compared; of more, evenly spaced ones.
const MOST_GAPS: usize = 50_000;
/// How far a peak must rise above the valleys beside it, as a share of the highest rate.
const PROMINENCE: f64 = 0.15;

/// What all comparisons have in common.
pub(super) struct Context<'a> {
    pub(super) kinds: usize,
    /// Time scales in seconds.
    pub(super) scales: &'a [f64],
    /// Precision of the times in nanoseconds.
    pub(super) resolution: i64,
}

/// The measures between two samples; `None` where they have too little in common.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Compared {
    hours: Option<f64>,
    pub(super) hours_chi_square: Option<f64>,
    endpoints: Option<f64>,
    pub(super) endpoints_chi_square: Option<f64>,
    gaps: Option<f64>,
    dispersion: Option<f64>,
    peaks: Option<f64>,
}

impl Compared {
    pub(super) const fn of(&self, measure: Measure) -> Option<f64> {
        match measure {
            Measure::Hours => self.hours,
            Measure::Endpoints => self.endpoints,
            Measure::Gaps => self.gaps,
            Measure::Dispersion => self.dispersion,
            Measure::Peaks => self.peaks,
        }
    }
}

/// Compares a sample with the one that it should resemble.
pub(super) fn compare(real: &Sample, drawn: &Sample, context: &Context<'_>) -> Compared {
    let (rates, drawn_rates) = (rates(real), rates(drawn));
    let pairs: Vec<(f64, f64)> =
        rates.iter().zip(drawn_rates).filter_map(|(one, other)| Some(((*one)?, other?))).collect();
    let enough = pairs.len() >= FEWEST_HOURS;
    let (shares, drawn_shares) = shares_by_kind(real, drawn, context.kinds);
    let (one, other): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let mut gaps_of = [gaps(real, context.resolution), gaps(drawn, context.resolution)];
    gaps_of.iter_mut().for_each(|gaps| gaps.sort_unstable_by(f64::total_cmp));
    let enough_gaps = gaps_of.iter().all(|gaps| gaps.len() >= 20);
    Compared {
        hours: enough.then(|| jensen_shannon(&one, &other)),
        hours_chi_square: chi_square_of_hours(real, drawn),
        endpoints: Some(jensen_shannon(&shares, &drawn_shares)),
        endpoints_chi_square: chi_square(&shares, &drawn_shares),
        gaps: enough_gaps.then(|| distance_between(&gaps_of[0], &gaps_of[1])),
        dispersion: dispersion(real, drawn, context.scales),
        peaks: peak_distance(real, drawn),
    }
}

/// Returns requests per second of each hour of a class of days; `None` where there is no time.
pub(super) fn rates(sample: &Sample) -> [Option<f64>; CLASS_HOURS] {
    let (counts, seconds) = (counts(sample), sample.seconds());
    std::array::from_fn(|hour| (seconds[hour] > 0.0).then(|| counts[hour] / seconds[hour]))
}

fn counts(sample: &Sample) -> [f64; CLASS_HOURS] {
    let mut counts = [0.0; CLASS_HOURS];
    for (piece, events) in events_of(&sample.pieces, &sample.events, |event| event.at) {
        counts[piece.slot.class_hour()] += events.len() as f64;
    }
    counts
}

/// Returns the distance between two vectors of weights, from 0 to 1.
pub(super) fn jensen_shannon(one: &[f64], other: &[f64]) -> f64 {
    let (sum, other_sum) = (one.iter().sum::<f64>(), other.iter().sum::<f64>());
    if sum <= 0.0 || other_sum <= 0.0 {
        return 1.0;
    }
    let half = |p: f64, middle: f64| if p > 0.0 { 0.5 * p * (p / middle).log2() } else { 0.0 };
    let terms = one.iter().zip(other).map(|(p, q)| {
        let (p, q) = (p / sum, q / other_sum);
        let middle = f64::midpoint(p, q);
        half(p, middle) + half(q, middle)
    });
    terms.sum::<f64>().clamp(0.0, 1.0).sqrt()
}

/// Returns the requests of each kind in the real sample, with each hour weighted as in the drawn one, and in the drawn
/// one.
pub(super) fn shares_by_kind(real: &Sample, drawn: &Sample, kinds: usize) -> (Vec<f64>, Vec<f64>) {
    let (own, other) = (counts(real), counts(drawn));
    let mut shares = (vec![0.0; kinds], vec![0.0; kinds]);
    for (piece, events) in events_of(&real.pieces, &real.events, |event| event.at) {
        let hour = piece.slot.class_hour();
        let weight = if own[hour] > 0.0 { other[hour] / own[hour] } else { 0.0 };
        events.iter().for_each(|event| shares.0[event.kind as usize] += weight);
    }
    drawn.events.iter().for_each(|event| shares.1[event.kind as usize] += 1.0);
    shares
}

/// Returns chi-square over its degrees of freedom for observed counts and weights that they should be proportional to.
fn chi_square(weights: &[f64], observed: &[f64]) -> Option<f64> {
    let (sum, total) = (weights.iter().sum::<f64>(), observed.iter().sum::<f64>());
    let expected: Vec<(f64, f64)> =
        weights.iter().zip(observed).map(|(weight, count)| (weight / sum * total, *count)).collect();
    // The usual rule: cells with an expected count below 5 are left out.
    let cells: Vec<&(f64, f64)> = expected.iter().filter(|(expected, _)| *expected >= 5.0).collect();
    let statistic: f64 = cells.iter().map(|(expected, count)| (count - expected).powi(2) / expected).sum();
    (cells.len() > 1).then(|| statistic / (cells.len() - 1) as f64)
}

fn chi_square_of_hours(real: &Sample, drawn: &Sample) -> Option<f64> {
    let (rates, seconds) = (rates(real), drawn.seconds());
    let expected: Vec<f64> =
        rates.iter().zip(seconds).map(|(rate, seconds)| rate.unwrap_or(0.0) * seconds).collect();
    chi_square(&expected, &counts(drawn))
}

/// Returns the times between requests within a piece, times the rate of the hour. Times are spread over their precision,
/// so that recordings in whole seconds can be compared.
pub(super) fn gaps(sample: &Sample, resolution: i64) -> Vec<f64> {
    let rates = rates(sample);
    let every = sample.events.len() / MOST_GAPS + 1;
    let mut gaps = Vec::with_capacity(sample.events.len() / every);
    let (mut times, mut number) = (Vec::new(), 0_u64);
    for (piece, events) in events_of(&sample.pieces, &sample.events, |event| event.at) {
        let rate = rates[piece.slot.class_hour()].unwrap_or(0.0);
        times.clear();
        for event in events {
            number += 1;
            times.push(event.at + (mix(number) % resolution.max(1).unsigned_abs()) as i64);
        }
        times.sort_unstable();
        let all = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / SECOND as f64 * rate);
        gaps.extend(all.step_by(every));
    }
    gaps
}

/// Returns the index of dispersion of both samples at each scale, at the rate of the first.
pub(super) fn indices(real: &Sample, drawn: &Sample, scale_s: f64) -> [Option<f64>; 2] {
    let rate = real.events.len() as f64 / real.seconds().iter().sum::<f64>();
    [real, drawn].map(|sample| {
        let times: Vec<i64> = sample.events.iter().map(|event| event.at).collect();
        variation(&times, &sample.pieces, scale_s).map(|found| found.index(rate))
    })
}

fn dispersion(real: &Sample, drawn: &Sample, scales: &[f64]) -> Option<f64> {
    let ratios: Vec<f64> = scales
        .iter()
        .filter_map(|scale| match indices(real, drawn, *scale) {
            [Some(one), Some(other)] => Some((one / other).ln().abs()),
            _ => None,
        })
        .collect();
    (!ratios.is_empty()).then(|| ratios.iter().sum::<f64>() / ratios.len() as f64)
}

/// Returns how far the peaks of the real sample are from those of the drawn one, in hours. `None` if a sample does not
/// cover the day, or the real one has no peak.
fn peak_distance(real: &Sample, drawn: &Sample) -> Option<f64> {
    let (real, drawn) = (peaks(&by_hour(real)?), peaks(&by_hour(drawn)?));
    let apart = |one: &usize, other: &usize| {
        let distance = one.abs_diff(*other);
        distance.min(24 - distance)
    };
    let nearest = |peak: &usize| drawn.iter().map(|other| apart(peak, other)).min().unwrap_or(12);
    real.iter().map(nearest).max().map(|hours| hours as f64)
}

/// Returns requests per second by hour of the day, if all are covered.
fn by_hour(sample: &Sample) -> Option<Vec<f64>> {
    let (counts, seconds) = (counts(sample), sample.seconds());
    let rate = |hour: usize| {
        let time = seconds[hour] + seconds[hour + 24];
        (time > 0.0).then(|| (counts[hour] + counts[hour + 24]) / time)
    };
    (0..24).map(rate).collect()
}

/// Returns the hours of the peaks of a day whose rates are smoothed over neighbours (1, 2, 1).
fn peaks(rates: &[f64]) -> Vec<usize> {
    let count = rates.len();
    let at = |hour: usize| rates[hour % count];
    let smooth: Vec<f64> =
        (0..count).map(|hour| (at(hour + count - 1) + 2.0 * at(hour) + at(hour + 1)) / 4.0).collect();
    let highest = smooth.iter().copied().fold(0.0, f64::max);
    let valley = |peak: usize, step: usize| {
        let mut lowest = smooth[peak];
        for distance in 1..count {
            let value = smooth[(peak + distance * step) % count];
            if value > smooth[peak] {
                break;
            }
            lowest = lowest.min(value);
        }
        lowest
    };
    let is_peak = |hour: &usize| {
        let (before, after) = (smooth[(hour + count - 1) % count], smooth[(hour + 1) % count]);
        let prominence = smooth[*hour] - valley(*hour, 1).max(valley(*hour, count - 1));
        smooth[*hour] > before && smooth[*hour] >= after && prominence >= PROMINENCE * highest
    };
    (0..count).filter(is_peak).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jensen_shannon_is_zero_for_equal_and_one_for_disjoint_shares() {
        assert_eq!(jensen_shannon(&[1.0, 3.0], &[2.0, 6.0]), 0.0);
        assert_eq!(jensen_shannon(&[1.0, 0.0], &[0.0, 5.0]), 1.0);
        // scipy.spatial.distance.jensenshannon([0.5, 0.5], [0.9, 0.1], base=2)
        let found = jensen_shannon(&[0.5, 0.5], &[0.9, 0.1]);
        assert!((found - 0.383_160).abs() < 1e-3, "{found}");
    }

    #[test]
    fn peaks_of_a_day_are_found_and_flat_days_have_none() {
        let day = |hour: usize| match hour {
            12 => 10.0,
            11 | 13 => 8.0,
            19 => 9.0,
            18 | 20 => 6.0,
            _ => 2.0,
        };
        assert_eq!(peaks(&(0..24).map(day).collect::<Vec<_>>()), [12, 19]);
        assert_eq!(peaks(&[3.0; 24]), [0_usize; 0]);
        assert_eq!(peaks(&(0..24).map(|hour| day((hour + 12) % 24)).collect::<Vec<_>>()), [0, 7]);
    }

    #[test]
    fn chi_square_leaves_out_rare_cells() {
        assert_eq!(chi_square(&[1.0, 1.0, 0.001], &[60.0, 40.0, 0.0]).map(|value| value.round()), Some(4.0));
        assert_eq!(chi_square(&[1.0, 0.0], &[10.0, 0.0]), None);
    }
}
