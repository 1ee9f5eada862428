//! Change-point detection: finds the segments that describe a series best, with a penalty for each segment.
//!
//! Optimal partitioning by dynamic programming, with the pruning of PELT (Killick, Fearnhead and Eckley, JASA
//! 107, 2012): exact, and fast if the series has changes. The input is divided into bins; costs depend only
//! on the sums of each bin.

use std::ops::{Add, Range, Sub};

/// Sums over the observations in a period of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sums {
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) squares: f64,
}

impl Sums {
    pub(super) fn take(&mut self, value: f64) {
        *self = *self + Self { count: 1.0, sum: value, squares: value * value };
    }

    /// Returns the mean, or 0 if there are no observations.
    pub(super) fn mean(&self) -> f64 {
        if self.count > 0.0 { self.sum / self.count } else { 0.0 }
    }
}

impl Add for Sums {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
        }
    }
}

impl Sub for Sums {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self {
            count: self.count - other.count,
            sum: self.sum - other.sum,
            squares: self.squares - other.squares,
        }
    }
}

/// A range of consecutive bins with the same level.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment {
    pub(super) bins: Range<usize>,
    pub(super) sums: Sums,
}

/// Returns a cost function: twice the negative log-likelihood of normal observations around their mean, up to
/// a constant.
pub(super) fn normal_cost(variance: f64) -> impl Fn(Sums) -> f64 {
    move |sums| match sums.count > 0.0 {
        true => (sums.squares - sums.sum * sums.sum / sums.count).max(0.0) / variance,
        false => 0.0,
    }
}

/// Returns twice the negative log-likelihood of observations that are 0 or 1.
pub(super) fn bernoulli_cost(sums: Sums) -> f64 {
    let term = |part: f64| if part > 0.0 { part * (part / sums.count).ln() } else { 0.0 };
    -2.0 * (term(sums.sum) + term(sums.count - sums.sum))
}

/// Returns the cost of one more segment, so that random variation among `observations` values does not add
/// segments. A change has two parameters, its position and the new level. Schwarz's criterion charges `ln n`
/// for each; doubling it prevents false positives over the whole search.
pub(super) fn penalty(observations: f64) -> f64 {
    4.0 * observations.max(2.0).ln()
}

/// Returns the segmentation of `bins` with the lowest cost; empty if there are no bins.
pub(super) fn segments(bins: &[Sums], cost: impl Fn(Sums) -> f64, penalty: f64) -> Vec<Segment> {
    let mut prefix = vec![Sums::default(); bins.len() + 1];
    for (i, bin) in bins.iter().enumerate() {
        prefix[i + 1] = prefix[i] + *bin;
    }
    // best[t]: the cost of the first t bins and the start of their last segment.
    let mut best = vec![(-penalty, 0usize); bins.len() + 1];
    let mut beginnings = vec![0usize];
    for end in 1..=bins.len() {
        let costs: Vec<f64> =
            beginnings.iter().map(|begin| best[*begin].0 + cost(prefix[end] - prefix[*begin])).collect();
        let cheapest = costs.iter().zip(&beginnings).min_by(|a, b| a.0.total_cmp(b.0));
        let (least, begin) = cheapest.expect("the previous start is never pruned");
        best[end] = (least + penalty, *begin);
        let limit = best[end].0;
        let mut kept = costs.iter();
        beginnings.retain(|_| kept.next().is_some_and(|cost| *cost <= limit));
        beginnings.push(end);
    }
    let mut found = Vec::new();
    let mut end = bins.len();
    while end > 0 {
        let begin = best[end].1;
        found.push(Segment { bins: begin..end, sums: prefix[end] - prefix[begin] });
        end = begin;
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Seed;
    use rand::RngExt;

    fn bins(values: &[f64], size: usize) -> Vec<Sums> {
        let of = |chunk: &[f64]| {
            let mut sums = Sums::default();
            chunk.iter().for_each(|value| sums.take(*value));
            sums
        };
        values.chunks(size).map(of).collect()
    }

    /// Generates roughly normal noise with variance 1: sums of twelve uniform draws.
    fn noise(count: usize) -> Vec<f64> {
        let mut rng = Seed(3).stream(&[]);
        (0..count).map(|_| (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0).collect()
    }

    #[test]
    fn noise_is_one_segment() {
        let found = segments(&bins(&noise(20_000), 20), normal_cost(1.0), penalty(20_000.0));
        assert_eq!(found.len(), 1, "noise has no change: {found:?}");
        assert_eq!(found[0].bins, 0..1000, "a segment spans all bins");
    }

    #[test]
    fn steps_are_found_where_they_are() {
        let mut values = noise(20_000);
        values[6_000..7_000].iter_mut().for_each(|value| *value += 2.3);
        values[15_000..].iter_mut().for_each(|value| *value -= 0.4);
        let found = segments(&bins(&values, 20), normal_cost(1.0), penalty(20_000.0));
        let edges: Vec<usize> = found.iter().map(|segment| segment.bins.start).collect();
        assert_eq!(edges.len(), 4, "three changes, four segments: {edges:?}");
        for (edge, truth, within) in [(edges[1], 300, 1), (edges[2], 350, 1), (edges[3], 750, 10)] {
            assert!(edge.abs_diff(truth) <= within, "a change at bin {truth} is found at {edge}");
        }
        let level = found[1].sums.mean();
        assert!((level - 2.3).abs() < 0.1, "the level of the step is 2.3, found {level}");
    }

    #[test]
    fn a_spell_of_errors_is_found() {
        let mut rng = Seed(4).stream(&[]);
        let hit = |i: usize| if (4_000..6_000).contains(&i) { 0.6 } else { 0.001 };
        let values: Vec<f64> =
            (0..10_000).map(|i| f64::from(u8::from(rng.random::<f64>() < hit(i)))).collect();
        let found = segments(&bins(&values, 10), bernoulli_cost, penalty(10_000.0));
        let edges: Vec<usize> = found.iter().map(|segment| segment.bins.start).collect();
        assert_eq!(edges.len(), 3, "before, during and after: {edges:?}");
        assert!(edges[1].abs_diff(400) <= 1 && edges[2].abs_diff(600) <= 1, "{edges:?}");
    }

    #[test]
    fn nothing_has_no_segments() {
        assert_eq!(segments(&[], bernoulli_cost, 1.0), vec![], "no bins");
    }
}
