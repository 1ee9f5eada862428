//! A course over time: points that are appended, and merged two by two when there are too many.

use serde_json::Value;

/// The most points of a course. When there are more, neighbours are merged.
pub(super) const MOST_POINTS: usize = 3600;

/// How the values of two neighbours become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merge {
    /// The later one.
    Later,
    /// The mean of both.
    Mean,
    /// The greater one, so that no peak disappears.
    Greater,
    /// They must be equal, or the points are not merged.
    Equal,
}

/// A course. The first value of a point is the time.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// How each value of a point is merged; the last rule holds for all further values.
    rules: &'static [Merge],
    points: Vec<(u64, Vec<Option<f64>>)>,
}

impl Series {
    /// Makes an empty course.
    pub(super) fn new(rules: &'static [Merge]) -> Self {
        Self { rules, points: Vec::new() }
    }

    /// Appends a point at the moment `clock`. Returns whether points were merged, so that what was told before is no
    /// longer so.
    pub(super) fn add(&mut self, clock: u64, point: Vec<Option<f64>>) -> bool {
        self.points.push((clock, point));
        let is_full = self.points.len() > MOST_POINTS;
        if is_full {
            self.thin();
        }
        is_full
    }

    /// Returns the points that were added after the moment `seen`, as JSON.
    pub(super) fn since(&self, seen: u64) -> Vec<Value> {
        let first = self.points.partition_point(|(clock, _)| *clock <= seen);
        self.points[first..].iter().map(|(_, point)| point.iter().copied().map(number).collect()).collect()
    }

    fn thin(&mut self) {
        let mut merged: Vec<(u64, Vec<Option<f64>>)> = Vec::with_capacity(MOST_POINTS);
        let mut left = std::mem::take(&mut self.points).into_iter().peekable();
        while let Some((clock, point)) = left.next() {
            match left.next_if(|(_, next)| self.fit(&point, next)) {
                Some((later, next)) => merged.push((later, self.merge(&point, &next))),
                None => merged.push((clock, point)),
            }
        }
        self.points = merged;
        // Where few may be merged, such as those of very short trials, the oldest are dropped: enough for some time.
        if self.points.len() > MOST_POINTS / 4 * 3 {
            self.points.drain(..self.points.len() - MOST_POINTS / 2);
        }
    }

    fn rule(&self, place: usize) -> Merge {
        self.rules.get(place).or(self.rules.last()).copied().unwrap_or(Merge::Later)
    }

    fn fit(&self, one: &[Option<f64>], other: &[Option<f64>]) -> bool {
        one.iter()
            .zip(other)
            .enumerate()
            .all(|(place, (one, other))| self.rule(place) != Merge::Equal || one == other)
    }

    fn merge(&self, one: &[Option<f64>], other: &[Option<f64>]) -> Vec<Option<f64>> {
        let value = |place: usize| {
            let both = [one, other].map(|point| point.get(place).copied().flatten());
            match (self.rule(place), both) {
                (Merge::Mean, [Some(one), Some(other)]) => Some((one + other) / 2.0),
                (Merge::Greater, [Some(one), Some(other)]) => Some(one.max(other)),
                (Merge::Mean | Merge::Greater, [one, other]) => one.or(other),
                (Merge::Later | Merge::Equal, [_, other]) => other,
            }
        };
        (0..one.len().max(other.len())).map(value).collect()
    }
}

/// Writes a number in as few digits as a chart needs; what is unknown or not finite is null.
pub(super) fn number(value: Option<f64>) -> Value {
    match value {
        Some(value) if value.is_finite() => {
            let rounded = (value * 1000.0).round() / 1000.0;
            match rounded.fract() == 0.0 && rounded.abs() < 9e15 {
                true => Value::from(rounded as i64),
                false => Value::from(rounded),
            }
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const RULES: &[Merge] = &[Merge::Later, Merge::Mean, Merge::Greater, Merge::Equal];

    #[test]
    fn a_course_is_thinned_without_losing_peaks_or_mixing_trials() {
        let mut series = Series::new(RULES);
        for second in 0..MOST_POINTS as u64 {
            let peak = if second == 100 { 99.0 } else { 1.0 };
            let trial = if second < 1001 { 0.0 } else { 1.0 };
            let merged = series
                .add(second + 1, vec![Some(second as f64), Some(second as f64), Some(peak), Some(trial)]);
            assert!(!merged, "there is room");
        }
        let last = MOST_POINTS as u64 + 1;
        assert!(series.add(last, vec![Some(9999.0), None, None, Some(1.0)]), "one too many");
        let points = series.since(0);
        assert_eq!(points.len(), MOST_POINTS / 2 + 1, "a half, and one at the border of the trials");
        assert_eq!(points[0], json!([1, 0.5, 1, 0]));
        assert_eq!(points[50], json!([101, 100.5, 99, 0]), "the peak is there");
        assert_eq!(points[500], json!([1000, 1000, 1, 0]), "the last of the first trial stays alone");
        assert_eq!(points[501], json!([1002, 1001.5, 1, 1]));
        assert_eq!(
            points.last(),
            Some(&json!([9999, 3599, 1, 1])),
            "what is unknown does not erase what is known"
        );
        assert_eq!(series.since(last - 1).len(), 1, "moments are kept");
        assert_eq!(series.since(last).len(), 0);
    }

    #[test]
    fn numbers_are_short_and_those_that_are_none_are_null() {
        let written = [Some(3.0), Some(0.123_456), Some(f64::NAN), Some(f64::INFINITY), None].map(number);
        assert_eq!(json!(written), json!([3, 0.123, null, null, null]));
    }
}
