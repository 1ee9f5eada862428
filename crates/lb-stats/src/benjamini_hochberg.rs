//! Benjamini and Hochberg's correction of p values for the number of tests.
//!
//! With p values in ascending order, the k-th of m is multiplied by m / k, and none may be greater than the one after
//! (Benjamini and Hochberg, Journal of the Royal Statistical Society B 57, 1995). Among the tests that are called
//! significant at a level, the expected share of false alarms is at most that level, for independent tests and for tests
//! that depend positively on each other. If nothing is there to be found, the probability of any alarm is at most the
//! level, as with Holm's correction; if many things are, it finds more of them.

/// Adjusts p values for the number of tests; the result is in the order of the argument.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut greatest: f64 = 1.0;
    for (rank, number) in order.into_iter().enumerate().rev() {
        let factor = p_values.len() as f64 / (rank + 1) as f64;
        greatest = greatest.min(factor * p_values[number]);
        adjusted[number] = greatest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_multiplied_by_the_number_of_tests_over_their_rank_and_order_is_kept() {
        let adjusted = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.005, 0.5]);
        let expected = [0.025, 0.05, 0.05, 0.025, 0.5];
        for (adjusted, expected) in adjusted.iter().zip(expected) {
            assert!((adjusted - expected).abs() < 1e-12, "{adjusted} is not {expected}");
        }
    }

    #[test]
    fn tests_that_are_the_same_cost_nothing() {
        assert_eq!(benjamini_hochberg(&[0.04; 3]), [0.04; 3]);
    }

    #[test]
    fn adjusted_p_values_stay_probabilities() {
        assert_eq!(benjamini_hochberg(&[1.0, 0.9]), [1.0, 1.0]);
        assert!(benjamini_hochberg(&[]).is_empty(), "an empty family has no p values");
    }
}
