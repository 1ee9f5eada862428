//! From a series to its changes: split, place, test, drop.

use crate::divisive::{Split, Weighed, place, split};
use crate::observation::{Observation, SeriesError};
use crate::settings::Settings;
use crate::step::Step;
use crate::weights::Weights;
use lb_core::rng::Rng;

/// A change of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Position of the first value that is different, from 1 to the length of the series less one.
    pub at: usize,
    /// The weighted mean of the values since the change before, in the unit of the quantity (on a scale of ratios, a geometric
    /// mean).
    pub before: f64,
    /// The same of the values up to the next change.
    pub after: f64,
    /// The size of the change: 0.05 is 5 % more on a scale of ratios; otherwise a difference in the unit of the quantity.
    pub effect: f64,
    /// The 95 % interval of the effect, by Welch's t.
    pub interval: [f64; 2],
    /// The p value of the permutation test of the split.
    pub split_p: f64,
    /// The p value of Welch's t test between the values before and after.
    pub step_p: f64,
}

/// Finds the changes of a series, in the order in which they happened.
///
/// # Errors
/// A value is not a finite number, or not above zero although values are compared as ratios.
pub fn change_points(series: &[Observation], settings: &Settings) -> Result<Vec<Change>, SeriesError> {
    let place = |(at, one): (usize, &Observation)| settings.scale.place(at, one);
    let values: Vec<f64> = series.iter().enumerate().map(place).collect::<Result<_, _>>()?;
    let errors: Vec<Option<f64>> = series.iter().map(|one| settings.scale.standard_error(one)).collect();
    let weights = Weights::of(&values, &errors);
    let weighed: Vec<Weighed> = values
        .iter()
        .zip(&weights.each)
        .map(|(value, weight)| Weighed { value: *value, weight: *weight })
        .collect();

    let mut splits = Vec::new();
    divide(&weighed, 0, settings, &mut settings.seed.stream(&[]), &mut splits);
    splits.sort_by_key(|split| split.at);
    settle(&weighed, &mut splits, settings.shortest.max(2));
    Ok(certain(&weighed, splits, weights.are_precisions, settings))
}

/// Splits a stretch, which begins at `start` of the whole series, and its parts, until no split is significant.
fn divide(stretch: &[Weighed], start: usize, settings: &Settings, random: &mut Rng, found: &mut Vec<Split>) {
    if let Some(best) = split(stretch, settings, random) {
        let (first, second) = stretch.split_at(best.at);
        found.push(Split { at: start + best.at, ..best });
        divide(first, start, settings, random, found);
        divide(second, start + best.at, settings, random, found);
    }
}

/// Moves each split to the best place between its neighbours. It was chosen while other changes were still in the stretch.
fn settle(series: &[Weighed], splits: &mut [Split], shortest: usize) {
    for at in 0..splits.len() {
        let [start, end] = around(series, splits, at);
        if let Some(better) = place(&series[start..end], shortest) {
            splits[at].at = start + better;
        }
    }
}

/// Returns where the stretch before a split begins, and where the one after it ends.
fn around(series: &[Weighed], splits: &[Split], at: usize) -> [usize; 2] {
    let start = at.checked_sub(1).map_or(0, |before| splits[before].at);
    [start, splits.get(at + 1).map_or(series.len(), |next| next.at)]
}

/// Drops the least certain split until all that are left are certain and large enough.
fn certain(
    series: &[Weighed],
    mut splits: Vec<Split>,
    are_precisions: bool,
    settings: &Settings,
) -> Vec<Change> {
    loop {
        let change = |at: usize| {
            let [start, end] = around(series, &splits, at);
            let middle = splits[at].at;
            let step = Step::between(&series[start..middle], &series[middle..end], are_precisions);
            let scale = settings.scale;
            Change {
                at: middle,
                before: scale.value(step.before),
                after: scale.value(step.after),
                effect: scale.effect(step.after - step.before),
                interval: step.interval.map(|end| scale.effect(end)),
                split_p: splits[at].p,
                step_p: step.p,
            }
        };
        let changes: Vec<Change> = (0..splits.len()).map(change).collect();
        let refused =
            |one: &Change| one.step_p > settings.step_level || one.effect.abs() < settings.threshold();
        let doubtful = (0..changes.len()).filter(|at| refused(&changes[*at]));
        let worst = doubtful.max_by(|one, other| {
            let doubt = |at: usize| (changes[at].step_p, -changes[at].effect.abs());
            let ((p, size), (other_p, other_size)) = (doubt(*one), doubt(*other));
            p.total_cmp(&other_p).then(size.total_cmp(&other_size))
        });
        match worst {
            Some(worst) => {
                splits.remove(worst);
            }
            None => return changes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that go around in a small circle of ±1 %, at these levels, each for a number of nights.
    fn steps(levels: &[(f64, usize)]) -> Vec<Observation> {
        let noise = [0.0, 0.01, -0.005, 0.004, -0.01, 0.006, -0.004];
        let all = levels.iter().flat_map(|(level, nights)| std::iter::repeat_n(*level, *nights));
        all.enumerate().map(|(at, level)| Observation::exact(level * (1.0 + noise[at % 7]))).collect()
    }

    fn found(levels: &[(f64, usize)], settings: &Settings) -> Vec<Change> {
        change_points(&steps(levels), settings).expect("all values are above zero")
    }

    #[test]
    fn several_changes_are_told_in_order_with_their_sizes() {
        let changes = found(&[(10.0, 20), (11.0, 15), (8.8, 25)], &Settings::ratio());
        assert_eq!(changes.iter().map(|change| change.at).collect::<Vec<_>>(), [20, 35]);
        for (change, effect) in changes.iter().zip([0.1, -0.2]) {
            assert!((change.effect - effect).abs() < 0.01, "{change:?}");
            let [low, high] = change.interval;
            assert!(low < effect && effect < high, "{change:?}");
            assert!(change.split_p <= 0.001 && change.step_p <= 0.01, "{change:?}");
        }
        assert!((changes[0].before - 10.0).abs() < 0.05 && (changes[1].after - 8.8).abs() < 0.05);
    }

    #[test]
    fn a_step_within_the_noise_floor_is_not_told() {
        let levels = [(10.0, 20), (10.6, 20)];
        assert_eq!(found(&levels, &Settings::ratio()).len(), 1);
        let noisy = Settings { noise_floor: Some(0.08), ..Settings::ratio() };
        assert_eq!(found(&levels, &noisy), []);
        let demanding = Settings { smallest_effect: 0.1, ..Settings::ratio() };
        assert_eq!(found(&levels, &demanding), []);
    }

    #[test]
    fn shares_are_compared_by_their_difference() {
        let share = |night: u32| f64::from(night / 15) * 0.02 + f64::from(night % 3) * 0.001;
        let series: Vec<Observation> = (0..30).map(|night| Observation::exact(share(night))).collect();
        let changes = change_points(&series, &Settings::difference(0.005)).expect("zero is a share");
        assert_eq!(changes.len(), 1);
        assert!((changes[0].effect - 0.02).abs() < 1e-9, "two percentage points: {changes:?}");
    }

    #[test]
    fn one_outlier_is_no_change() {
        let mut series = steps(&[(10.0, 40)]);
        series[25].value = 14.0;
        assert_eq!(change_points(&series, &Settings::ratio()), Ok(Vec::new()));
    }
}
