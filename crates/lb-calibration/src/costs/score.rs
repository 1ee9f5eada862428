//! How much of a variance predictions tell, with a standard error.
//!
//! The share that a model tells is the coefficient of determination, R² = 1 − Σe² / Σe₀², on data to which it was not
//! fitted, where e₀ is the error of the mean: 1 tells all, and a model that learnt chance is below 0. Its standard error
//! is that of the jackknife over consecutive blocks (Quenouille, 1956; blocks: Künsch, 1989), so that what drifts within
//! the recording counts as doubt.

use super::model::{Design, Model};
use super::times::Timed;
use serde::Serialize;

/// Number of blocks.
const BLOCKS: usize = 20;

/// A share of a variance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Share {
    /// The share, at most 1; not above 0 if nothing is told.
    pub share: f64,
    /// Its standard error.
    pub error: f64,
}

impl Share {
    /// Returns whether the share is more than chance, and large enough to matter.
    pub fn matters(&self) -> bool {
        self.share >= SMALLEST && self.share > CERTAIN * self.error
    }
}

/// Smallest share that matters: the deviation of what is left falls by 1 %.
const SMALLEST: f64 = 0.02;
/// Number of standard errors above which a share is not chance.
const CERTAIN: f64 = 3.0;

/// Sums of squared errors of the later rows, by block.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Squares([f64; BLOCKS]);

impl Squares {
    /// Sums the squared errors of rows of `keep`; `predict` maps the place of a row to its prediction.
    pub(super) fn of(rows: &[Timed], keep: impl Fn(&Timed) -> bool, predict: impl Fn(usize) -> f64) -> Self {
        let mut sums = [0.0; BLOCKS];
        for (place, row) in rows.iter().enumerate().filter(|(_, row)| row.later && keep(row)) {
            let error = row.log - predict(place);
            sums[((row.progress * BLOCKS as f64) as usize).min(BLOCKS - 1)] += error * error;
        }
        Self(sums)
    }

    /// Those of a model.
    pub(super) fn of_model(design: &Design<'_>, model: &Model) -> Self {
        Self::of(design.rows(), |_| true, |place| design.predict(model, place))
    }

    /// Those of the mean.
    pub(super) fn of_mean(design: &Design<'_>) -> Self {
        Self::of(design.rows(), |_| true, |_| design.mean())
    }

    pub(super) fn sum(&self) -> f64 {
        self.0.iter().sum()
    }

    /// Returns by which share of `total` the errors shrink from these to `after`.
    pub(super) fn told(&self, after: &Self, total: &Self) -> Share {
        let gain: f64 = self.sum() - after.sum();
        let whole = total.sum();
        if whole <= 0.0 {
            return Share::default();
        }
        // The share without each block.
        let without = |block: usize| {
            (gain - (self.0[block] - after.0[block])) / (whole - total.0[block]).max(f64::MIN_POSITIVE)
        };
        let all: Vec<f64> = (0..BLOCKS).map(without).collect();
        let mean = all.iter().sum::<f64>() / BLOCKS as f64;
        let squares: f64 = all.iter().map(|share| (share - mean) * (share - mean)).sum();
        let error = (squares * (BLOCKS as f64 - 1.0) / BLOCKS as f64).sqrt();
        Share { share: gain / whole, error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_traces::read::HintPlace;

    fn rows(logs: impl Iterator<Item = f64>) -> Vec<Timed> {
        let row = |(place, log): (usize, f64)| Timed {
            log,
            route: 0,
            hints: HintPlace::default(),
            later: true,
            progress: place as f64 / 400.0,
        };
        logs.take(400).enumerate().map(row).collect()
    }

    #[test]
    fn a_perfect_prediction_tells_all_and_a_wrong_one_less_than_nothing() {
        let rows = rows((0..).map(|place| if place % 2 == 0 { 1.0 } else { -1.0 }));
        let of = |predict: &dyn Fn(usize) -> f64| Squares::of(&rows, |_| true, predict);
        let mean = of(&|_| 0.0);
        let told = |predict: &dyn Fn(usize) -> f64| mean.told(&of(predict), &mean);
        let all = told(&|place| rows[place].log);
        assert_eq!((all.share, all.error, all.matters()), (1.0, 0.0, true));
        let half = told(&|place| rows[place].log / 2.0);
        assert!((half.share - 0.75).abs() < 1e-9 && half.matters(), "{half:?}");
        let wrong = told(&|place| -rows[place].log);
        assert!(wrong.share < 0.0 && !wrong.matters(), "{wrong:?}");
        assert_eq!(mean.told(&mean, &mean).share, 0.0);
    }

    #[test]
    fn what_holds_in_one_block_only_is_in_doubt() {
        let rows = rows((0..).map(|place| if place < 20 { 4.0 } else { 0.1 * (place % 3) as f64 }));
        let mean = Squares::of(&rows, |_| true, |_| 0.0);
        let lucky = Squares::of(&rows, |_| true, |place| if place < 20 { 2.0 } else { 0.0 });
        let share = mean.told(&lucky, &mean);
        assert!(share.share > 0.5 && !share.matters(), "{share:?}");
        assert_eq!(Squares::of(&rows, |_| false, |_| 0.0).sum(), 0.0, "no rows have no errors");
    }
}
