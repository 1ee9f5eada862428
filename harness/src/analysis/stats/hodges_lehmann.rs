//! The typical difference: the Hodges–Lehmann estimate of one sample.
//!
//! The median of all Walsh averages `(x_i + x_j) / 2` with `i <= j` (Hodges and Lehmann, Annals of
//! Mathematical Statistics 34, 1963). One trial that went wild moves it little, and at the normal
//! distribution it loses but 4.5 % of the mean's efficiency.

use super::median_of;

/// The Hodges–Lehmann estimate. None of an empty sample.
pub fn hodges_lehmann(sample: &[f64]) -> Option<f64> {
    hodges_lehmann_with(sample, &mut Vec::new())
}

/// The same with memory lent by the caller, for loops that estimate thousands of times.
pub(super) fn hodges_lehmann_with(sample: &[f64], walsh: &mut Vec<f64>) -> Option<f64> {
    walsh.clear();
    for (number, first) in sample.iter().enumerate() {
        walsh.extend(sample[number..].iter().map(|second| first.midpoint(*second)));
    }
    median_of(walsh)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimate_is_the_median_of_walsh_averages() {
        // Walsh averages of 1, 2, 10: 1, 1.5, 2, 5.5, 6, 10.
        assert_eq!(hodges_lehmann(&[1.0, 2.0, 10.0]), Some(3.75));
        assert_eq!(hodges_lehmann(&[7.0]), Some(7.0), "one value is its own estimate");
        assert_eq!(hodges_lehmann(&[]), None, "nothing has no estimate");
    }

    #[test]
    fn one_wild_value_hardly_moves_the_estimate() {
        let calm: Vec<f64> = (0..11).map(f64::from).collect();
        let mut wild = calm.clone();
        wild[10] = 1e9;
        assert_eq!(hodges_lehmann(&calm), Some(5.0));
        let estimate = hodges_lehmann(&wild).expect("a sample has an estimate");
        assert!(
            (estimate - 5.0).abs() <= 1.0,
            "a single outlier must not carry the estimate off: {estimate}"
        );
    }
}
