//! MSER-5: estimates the end of the warm-up from the measurements themselves.
//!
//! It cuts off the first d of a series of batch means (five observations each) so that the standard error of
//! the rest is smallest: `MSER(d) = sum over i > d of (y_i - mean)^2 / (m - d)^2` (White, Simulation 69,
//! 1997; batches of five: Spratt, 1998, and White, Cobb and Spratt, Winter Simulation Conference 2000).
//! Cutting more removes the transient but leaves fewer batches; the minimum balances the two. At most half
//! may be cut, because the last few batches alone always look settled.

/// The number of observations in a batch.
const BATCH: usize = 5;
/// The smallest number of batches for which a standard error is meaningful.
const FEWEST_BATCHES: usize = 10;

/// Returns how many observations to cut off at the beginning, at most half of them. `None` with fewer than 50
/// observations. A cut of half is a warning that the series may not have settled at all.
pub fn mser5(series: &[f64]) -> Option<usize> {
    let batches: Vec<f64> =
        series.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
    if batches.len() < FEWEST_BATCHES {
        return None;
    }
    let most = batches.len() / 2;
    let best = (0..=most).min_by(|a, b| mser(&batches[*a..]).total_cmp(&mser(&batches[*b..])))?;
    Some(best * BATCH)
}

/// Returns the greatest cut of all trials, so that all are compared over the same window. `None` if a series
/// is too short or there are none.
pub fn common_cut<'a>(series: impl IntoIterator<Item = &'a [f64]>) -> Option<usize> {
    let cuts: Option<Vec<usize>> = series.into_iter().map(mser5).collect();
    cuts?.into_iter().max()
}

fn mser(left: &[f64]) -> f64 {
    let count = left.len() as f64;
    let mean = left.iter().sum::<f64>() / count;
    left.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count * count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::rng::Seed;
    use rand::RngExt;

    /// Returns noise around 10 after a transient of `transient` observations.
    fn settling(transient: usize, length: usize, seed: u64) -> Vec<f64> {
        let mut rng = Seed(seed).stream(&[]);
        (0..length)
            .map(|n| {
                let extra = if n < transient { 20.0 * (1.0 - n as f64 / transient as f64) } else { 0.0 };
                10.0 + extra + rng.random::<f64>()
            })
            .collect()
    }

    #[test]
    fn the_transient_is_cut_and_little_more() {
        let mut cuts: Vec<usize> =
            (0..20).map(|seed| mser5(&settling(60, 400, seed)).expect("long enough")).collect();
        cuts.sort_unstable();
        assert!(cuts[0] >= 50, "a transient of 60 observations must be cut: {cuts:?}");
        assert!(cuts[10] <= 80, "half of the series lose hardly more than the transient: {cuts:?}");
    }

    #[test]
    fn a_settled_series_keeps_nearly_everything() {
        let cuts: Vec<usize> =
            (0..50).map(|seed| mser5(&settling(0, 400, seed)).expect("long enough")).collect();
        let mean = cuts.iter().sum::<usize>() as f64 / cuts.len() as f64;
        assert!(mean < 40.0, "at most a tenth is lost on average, not {mean}: {cuts:?}");
    }

    #[test]
    fn at_most_half_is_cut_and_short_series_are_left_alone() {
        let falling: Vec<f64> = (0..100).map(|n| -f64::from(n)).collect();
        assert_eq!(mser5(&falling), Some(50), "a series that never settles loses exactly half");
        assert_eq!(mser5(&falling[..49]), None, "nine batches are too few");
        assert_eq!(mser5(&[5.0; 60]), Some(0), "a constant needs no cut");
    }

    #[test]
    fn all_trials_get_the_latest_cut() {
        let (early, late) = (settling(20, 400, 1), settling(120, 400, 2));
        let latest = mser5(&late);
        assert_eq!(common_cut([early.as_slice(), late.as_slice()]), latest);
        assert_eq!(common_cut([early.as_slice(), &late[..30]]), None, "one trial is too short");
        assert_eq!(common_cut([]), None);
    }
}
