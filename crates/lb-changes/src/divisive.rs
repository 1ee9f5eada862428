//! E-divisive with means: where a series splits best, and whether that is more than chance.
//!
//! Matteson and James (*Journal of the American Statistical Association* 109, 2014) measure how far apart the values before a
//! split τ and those between τ and a later end κ lie by the energy distance of Székely and Rizzo. With its exponent at 2, only
//! means count, and the statistic, in its form with all pairs, is
//!
//! Q(τ, κ) = W₁W₂/(W₁ + W₂) · (m₂ − m₁)²
//!
//! up to a factor of 2, with the number of values W and their mean m on each side. Here W is the sum of weights and m the
//! weighted mean. The best split has the largest Q over τ and κ; the end κ finds a stretch after which the series returns.
//! Ends lie at distances from τ that double, and at the end of the series: long series would take hours with every end, and
//! less than doubling gains little, since Q falls slowly beside its peak.
//!
//! **Permutation test.** Under the hypothesis of no change, all orders of the values are equally likely. The p value is the part
//! of random orders whose best Q is at least as large, the observed order counted among them. Values keep their weights. Drawing
//! stops as soon as the level can no longer be reached, which makes series without changes cheap.

use crate::settings::Settings;
use lb_core::rng::Rng;
use rand::seq::SliceRandom;

/// Sums whose ratio differs from 1 by less than this count as equal, so that rounding never decides.
const TIE: f64 = 1e-9;

/// A value of a series with its weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weighed {
    pub(crate) value: f64,
    pub(crate) weight: f64,
}

/// A split that is more than chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Split {
    /// Position of the first value after the split.
    pub(crate) at: usize,
    /// The p value of the permutation test.
    pub(crate) p: f64,
}

/// Splits a series where it splits best, if that is significant.
pub(crate) fn split(series: &[Weighed], settings: &Settings, random: &mut Rng) -> Option<Split> {
    let shortest = settings.shortest.max(2);
    let series = centred(series);
    let (at, observed) = best(&series, shortest, &mut Vec::new())?;
    if observed <= 0.0 {
        return None;
    }
    let (mut order, mut sums) = (series, Vec::new());
    let draws = settings.permutations as f64 + 1.0;
    let mut reached = 0;
    for _ in 0..settings.permutations {
        order.shuffle(random);
        let drawn = best(&order, shortest, &mut sums).map_or(0.0, |(_, found)| found);
        if drawn >= observed * (1.0 - TIE) {
            reached += 1;
            if f64::from(reached + 1) > settings.split_level * draws {
                return None;
            }
        }
    }
    let p = f64::from(reached + 1) / draws;
    (p <= settings.split_level).then_some(Split { at, p })
}

/// Finds the place that splits a series best into exactly two stretches. `None` if it is too short.
pub(crate) fn place(series: &[Weighed], shortest: usize) -> Option<usize> {
    let sums = sums(&centred(series), Vec::new());
    let end = series.len();
    let places = shortest..=end.checked_sub(shortest)?;
    places.max_by(|one, other| apart(&sums, *one, end).total_cmp(&apart(&sums, *other, end)))
}

/// Moves values so that their mean is zero, which keeps rounding errors small.
fn centred(series: &[Weighed]) -> Vec<Weighed> {
    let total: f64 = series.iter().map(|one| one.weight).sum();
    let mean = series.iter().map(|one| one.weight * one.value).sum::<f64>() / total;
    series.iter().map(|one| Weighed { value: one.value - mean, ..*one }).collect()
}

/// Returns the best split and its statistic. `None` if the series is too short for any. `room` is reused between calls.
fn best(series: &[Weighed], shortest: usize, room: &mut Vec<Sum>) -> Option<(usize, f64)> {
    let last = series.len().checked_sub(shortest)?;
    let sums = sums(series, std::mem::take(room));
    let mut found: Option<(usize, f64)> = None;
    for at in shortest..=last {
        let mut length = shortest;
        loop {
            let end = (at + length).min(series.len());
            let distance = apart(&sums, at, end);
            if found.is_none_or(|(_, most)| distance > most) {
                found = Some((at, distance));
            }
            if end == series.len() {
                break;
            }
            length *= 2;
        }
    }
    *room = sums;
    found
}

/// The weights, and the weighted values, of all values before a position.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sum {
    weight: f64,
    value: f64,
}

fn sums(series: &[Weighed], mut room: Vec<Sum>) -> Vec<Sum> {
    room.clear();
    room.reserve(series.len() + 1);
    let mut sum = Sum::default();
    room.push(sum);
    for one in series {
        sum = Sum { weight: sum.weight + one.weight, value: sum.value + one.weight * one.value };
        room.push(sum);
    }
    room
}

/// Returns Q for the values before `at` and those from `at` to before `end`.
fn apart(sums: &[Sum], at: usize, end: usize) -> f64 {
    let first = sums[at];
    let second = Sum { weight: sums[end].weight - first.weight, value: sums[end].value - first.value };
    // The means differ by this over the product of the weights. It is computed millions of times, so it has one division.
    let difference = second.value * first.weight - first.value * second.weight;
    difference * difference / (first.weight * second.weight * (first.weight + second.weight))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Seed;

    fn series(values: &[f64]) -> Vec<Weighed> {
        values.iter().map(|value| Weighed { value: *value, weight: 1.0 }).collect()
    }

    /// The statistic as Matteson and James define it, over all pairs, with an exponent of 2.
    fn by_pairs(first: &[f64], second: &[f64]) -> f64 {
        let mean = |one: &[f64], other: &[f64]| {
            let squares = one.iter().flat_map(|x| other.iter().map(move |y| (x - y).powi(2)));
            squares.sum::<f64>() / (one.len() * other.len()) as f64
        };
        let energy = 2.0 * mean(first, second) - mean(first, first) - mean(second, second);
        let (m, n) = (first.len() as f64, second.len() as f64);
        m * n / (m + n) * energy
    }

    #[test]
    fn the_statistic_is_half_the_energy_distance_over_all_pairs() {
        let values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0, 5.0];
        let sums = sums(&series(&values), Vec::new());
        for (at, end) in [(2, 11), (5, 9), (3, 6)] {
            let expected = by_pairs(&values[..at], &values[at..end]) / 2.0;
            let found = apart(&sums, at, end);
            assert!((found - expected).abs() < 1e-12, "{at} to {end}: {found} and not {expected}");
        }
    }

    #[test]
    fn a_stretch_that_returns_is_found_by_its_end() {
        let values: Vec<f64> = (0..40).map(|night| f64::from(u8::from((20..28).contains(&night)))).collect();
        let mut random = Seed(1).stream(&[]);
        let found = split(&series(&values), &Settings::ratio(), &mut random).expect("eight nights stand out");
        assert_eq!(found.at, 20, "they are compared with what came before, and not with what came after");
    }

    #[test]
    fn the_smallest_p_value_is_one_over_all_draws() {
        let values: Vec<f64> = (0..40).map(|night| f64::from(night / 20)).collect();
        let found = split(&series(&values), &Settings::ratio(), &mut Seed(1).stream(&[]));
        assert_eq!(found, Some(Split { at: 20, p: 1.0 / 2_000.0 }));
    }

    #[test]
    fn constant_and_short_series_have_no_split() {
        let mut random = Seed(1).stream(&[]);
        for values in [&[1.0; 30][..], &[], &[1.0], &[1.0, 2.0, 2.0, 2.0, 2.0]] {
            assert_eq!(split(&series(values), &Settings::ratio(), &mut random), None, "{values:?}");
        }
        assert_eq!(place(&series(&[1.0; 5]), 3), None, "two stretches of three need six values");
    }
}
