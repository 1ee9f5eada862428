//! The index of dispersion for counts: the variance of the number of events in windows of a length, over its mean.
//!
//! Rates change over the day, which alone makes counts vary. So variance and mean are taken within each hour of a
//! working day or a weekend day, where windows have nearly the same rate, and pooled over these hours. If the rate is
//! modulated by a stationary process `M(t)` of mean 1, counts `N` in windows of length `w` have
//! `Var N = m + m² V(w)`, where `m` is their mean and `V(w)` the variance of the mean of `M` over a window (Cox and
//! Isham, "Point Processes", 1980). `V` does not depend on the rate and is estimated by
//!
//! ```text
//! V(w) = Σ n (s² - m) / Σ n (m² - s²/n)
//! ```
//!
//! over hours with `n` windows each. The index at the mean rate `r` is then `1 + r w V(w)`. It is comparable between
//! recordings of different rates if the same `r` is used for both.

use crate::slots::{CLASS_HOURS, Piece, SECOND};

/// The time scales in seconds. All divide an hour.
pub(crate) const SCALES_S: [f64; 5] = [0.1, 1.0, 10.0, 60.0, 600.0];
/// Fewest windows for an estimate.
const FEWEST_WINDOWS: u64 = 30;

/// The variation of the rate at one time scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Variation {
    pub(crate) scale_s: f64,
    pub(crate) windows: u64,
    /// `V`: the squared coefficient of variation of the rate, averaged over windows. May be slightly negative.
    pub(crate) squared: f64,
}

impl Variation {
    /// Returns the index of dispersion at a rate in events per second. Counts vary at least a little, so a negative
    /// estimate ends at a twentieth of a Poisson process.
    pub(crate) fn index(self, rate: f64) -> f64 {
        (1.0 + rate * self.scale_s * self.squared).max(0.05)
    }
}

/// Sums over the windows of one hour of a class of days.
#[derive(Clone, Copy, Default)]
struct Sums {
    windows: u64,
    count: f64,
    squares: f64,
}

/// Returns the variation at each scale that is at least `resolution` and has windows enough. Events and pieces must be
/// in order of time.
pub(crate) fn variations(events: &[i64], pieces: &[Piece], resolution: i64) -> Vec<Variation> {
    let scales = SCALES_S.into_iter().filter(|scale| scale * SECOND as f64 >= resolution as f64);
    scales.filter_map(|scale| variation(events, pieces, scale)).collect()
}

/// Returns the variation at one scale in seconds.
pub(crate) fn variation(events: &[i64], pieces: &[Piece], scale_s: f64) -> Option<Variation> {
    let window = (scale_s * SECOND as f64) as i64;
    let mut sums = [Sums::default(); CLASS_HOURS];
    for (piece, events) in crate::slots::events_of(pieces, events, |at| *at) {
        let sums = &mut sums[piece.slot.class_hour()];
        let first = piece.from.div_euclid(window) + i64::from(piece.from.rem_euclid(window) > 0);
        let end = piece.to.div_euclid(window);
        sums.windows += u64::try_from(end - first).unwrap_or(0);
        let whole =
            events.iter().map(|at| at.div_euclid(window)).filter(|number| (first..end).contains(number));
        let (mut current, mut count) = (i64::MIN, 0.0);
        for number in whole {
            if number != current {
                sums.squares += count * count;
                (current, count) = (number, 0.0);
            }
            count += 1.0;
            sums.count += 1.0;
        }
        sums.squares += count * count;
    }
    let (mut above, mut below, mut windows) = (0.0, 0.0, 0);
    for sums in sums.iter().filter(|sums| sums.windows > 1) {
        let n = sums.windows as f64;
        let mean = sums.count / n;
        let variance = ((sums.squares - n * mean * mean) / (n - 1.0)).max(0.0);
        above += n * (variance - mean);
        below += n * (mean * mean - variance / n).max(0.0);
        windows += sums.windows;
    }
    (windows >= FEWEST_WINDOWS && below > 0.0).then(|| Variation { scale_s, windows, squared: above / below })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::{Zone, cut};
    use lb_core::Seed;
    use rand::RngExt;

    fn day() -> Vec<Piece> {
        cut(&Zone::utc(), 0, 86_400 * SECOND)
    }

    #[test]
    fn a_poisson_process_has_the_index_one_even_if_its_rate_follows_the_hours() {
        let mut rng = Seed(1).stream(&[]);
        let mut events = Vec::new();
        for piece in day() {
            for _ in 0..200 + 100 * u64::from(piece.slot.hour()) {
                events.push(rng.random_range(piece.from..piece.to));
            }
        }
        events.sort_unstable();
        let rate = events.len() as f64 / 86_400.0;
        for variation in variations(&events, &day(), 1) {
            let index = variation.index(rate);
            // Counts of a fixed total per hour vary a little less.
            assert!((0.75..1.15).contains(&index), "{variation:?}: {index}");
        }
    }

    #[test]
    fn known_counts_give_the_exact_estimate() {
        // Each hour alternates between windows of ten minutes with 0 and with 4 events: mean 2, variance 24/5.
        let mut events = Vec::new();
        for window in (0..144).filter(|window| window % 2 == 1) {
            events.extend((0..4).map(|number| (window * 600 + number) * SECOND));
        }
        let found = variation(&events, &day(), 600.0).expect("144 windows");
        let expected = (4.8 - 2.0) / (4.0 - 4.8 / 6.0);
        assert_eq!(found.windows, 144);
        assert!((found.squared - expected).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn too_few_windows_and_scales_below_the_precision_say_nothing() {
        assert_eq!(variations(&[], &day(), 1), []);
        let events: Vec<i64> = (0..8_640).map(|number| number * 10 * SECOND).collect();
        let scales: Vec<f64> = variations(&events, &day(), SECOND).iter().map(|one| one.scale_s).collect();
        assert_eq!(scales, [1.0, 10.0, 60.0, 600.0]);
        assert_eq!(variation(&events, &day()[..1], 600.0), None);
    }
}
