//! How an agent set weights: how often, how old its observations were, and the mean result.

use lb_results::{SteeringRecord, SteeringStep, Trial};
use lb_results::{SteeringSummary, WeightPoint};
use lb_stats::quantile;
use std::collections::BTreeMap;

/// Largest number of points of a trace; a chart cannot show more.
const MOST_POINTS: usize = 300;

/// Summarises the steering over all trials. `None` if no agent set weights.
pub fn steering(trials: &[&Trial]) -> Option<SteeringSummary> {
    let records: Vec<&SteeringRecord> = trials.iter().filter_map(|trial| trial.steering.as_ref()).collect();
    let first = records.first()?;
    let steps = || records.iter().flat_map(|record| &record.steps);
    let mut ages: Vec<f64> = steps().map(|step| step.age_ms).collect();
    let mut periods: Vec<f64> = records
        .iter()
        .flat_map(|record| record.steps.windows(2))
        .map(|pair| (pair[1].at_s - pair[0].at_s) * 1e3)
        .collect();
    ages.sort_by(f64::total_cmp);
    periods.sort_by(f64::total_cmp);
    let count = steps().count();
    let mut sums: BTreeMap<String, f64> = first.ids.iter().map(|id| (id.clone(), 0.0)).collect();
    for (id, share) in
        records.iter().flat_map(|record| record.steps.iter().flat_map(|step| shares(record, step)))
    {
        *sums.entry(id).or_default() += share / count.max(1) as f64;
    }
    let every = first.steps.len().div_ceil(MOST_POINTS).max(1);
    let points = first.steps.iter().step_by(every);
    Some(SteeringSummary {
        period_ms: first.period.as_millis_f64(),
        achieved_period_ms: quantile(&periods, 0.5),
        looks: count,
        failures: records.iter().map(|record| record.failures).sum(),
        age_p50_ms: quantile(&ages, 0.5),
        age_p99_ms: quantile(&ages, 0.99),
        mean_shares: sums,
        trace: points
            .map(|step| WeightPoint { at_s: step.at_s, shares: shares(first, step).collect() })
            .collect(),
    })
}

/// Returns the weights of a step as shares of their sum.
fn shares<'a>(
    record: &'a SteeringRecord,
    step: &'a SteeringStep,
) -> impl Iterator<Item = (String, f64)> + 'a {
    let total: f64 = step.weights.iter().sum();
    record.ids.iter().cloned().zip(step.weights.iter().map(move |weight| weight / total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_given_as_shares_of_their_sum() {
        let record = SteeringRecord {
            ids: vec!["a".to_owned(), "b".to_owned()],
            period: lb_core::Span::from_millis(100),
            steps: Vec::new(),
            failures: 0,
            last_failure: None,
        };
        let step = SteeringStep { at_s: 0.0, age_ms: 1.0, weights: vec![1.0, 0.25] };
        let told: Vec<(String, f64)> = shares(&record, &step).collect();
        assert_eq!(told, [("a".to_owned(), 0.8), ("b".to_owned(), 0.2)]);
    }
}
