//! Holm's correction of p values for the number of tests.
//!
//! With p values in ascending order, the k-th of m is multiplied by m - k + 1, and none may be smaller than
//! the one before (Holm, Scandinavian Journal of Statistics 6, 1979). This keeps the probability of any false
//! alarm at the level, regardless of the dependence between the tests, and rejects at least as many
//! hypotheses as Bonferroni's correction.

/// Adjusts p values for the number of tests; the result is in the order of the argument.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut smallest: f64 = 0.0;
    for (rank, number) in order.into_iter().enumerate() {
        let factor = (p_values.len() - rank) as f64;
        smallest = smallest.max(factor * p_values[number]).min(1.0);
        adjusted[number] = smallest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smaller_p_values_are_multiplied_by_more_and_order_is_kept() {
        let adjusted = holm(&[0.04, 0.01, 0.03]);
        let expected = [0.06, 0.03, 0.06];
        for (adjusted, expected) in adjusted.iter().zip(expected) {
            assert!((adjusted - expected).abs() < 1e-12, "{adjusted} is not {expected}");
        }
    }

    #[test]
    fn adjusted_p_values_stay_probabilities() {
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty(), "an empty family has no p values");
    }
}
