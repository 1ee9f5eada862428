//! Small statistics of floating-point samples.

/// Returns the value below which a fraction `quantile` of `sorted` lies, or `None` if `sorted` is empty.
pub(super) fn quantile(sorted: &[f64], quantile: f64) -> Option<f64> {
    let place = (quantile * sorted.len() as f64).ceil() as usize;
    sorted.get(place.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// Sorts `values` and returns the median, or `None` if there are no values.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    quantile(values, 0.5)
}

/// Returns the mean, or 0 if there are no values.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Returns the standard deviation around `mean`, or 0 if there are no values.
pub(super) fn deviation(values: &[f64], mean: f64) -> f64 {
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (squares / values.len().max(1) as f64).sqrt()
}
