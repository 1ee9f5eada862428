//! The chart beside the answer: the deciding metric of each algorithm, best first.

use super::kit::{Axis, Chart, Panel, Row, Rows};
use super::percentiles::{axis_for, caption};
use crate::ranking::Ranking;
use crate::spread::latency_of;
use crate::text::{metric_name, metric_value, spread_text};
use crate::trial_faults::{NO_VALID_TRIAL, labels_without_valid_trial};
use lb_results::{Metric, ScenarioSummary};

/// Draws one row per algorithm and marks those that lead. `None` if nothing ran.
pub(crate) fn answer(scenario: &ScenarioSummary) -> Option<Panel> {
    let ranking = Ranking::of(scenario);
    let metric = ranking.metric;
    let mut rows: Vec<Row> = Vec::new();
    for algorithm in &ranking.algorithms {
        let value = ranking.value(algorithm, metric);
        rows.push(Row {
            name: algorithm.name.clone(),
            badge: ranking.standing(&algorithm.name).badge(),
            value: value.map(|(estimate, _)| estimate),
            ends: value.and_then(|(_, ends)| ends),
            text: spread_text(metric, value, ranking.whiskers()),
            ..Row::default()
        });
    }
    for label in labels_without_valid_trial(scenario) {
        rows.push(Row { name: label.to_owned(), text: NO_VALID_TRIAL.to_owned(), ..Row::default() });
    }
    if rows.is_empty() {
        return None;
    }
    let latency = Metric::LATENCIES.contains(&metric);
    let bound = ranking.bound().filter(|_| latency).and_then(|oracle| oracle.latency_ms.as_ref());
    let bound = bound.map(|latency| latency_of(latency, metric));
    let rules: Vec<(f64, String)> = bound
        .map(|at| (at, format!("best possible (simulated): {}", metric_value(metric, at))))
        .into_iter()
        .collect();
    let order = if metric.higher_is_better() { "more is better" } else { "less is better" };
    let title = format!("{} by algorithm ({order})", metric_name(metric));
    let ends = rows.iter().flat_map(|row| row.value.into_iter().chain(row.ends.into_iter().flatten()));
    let axis: Axis = axis_for(ends.chain(bound));
    let alt = format!("{title}. The table of results has the same numbers.");
    let note = if latency { caption(ranking.whiskers()) } else { "Over all requests of the valid trials." };
    Some(Panel::new(alt, Chart::Rows(Rows { axis, rows, rules })).titled(title).noted(note))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::{AlgorithmSummary, Answer, Lead, MetricEstimate, TrialSummary};

    #[test]
    fn the_winner_is_marked_and_an_algorithm_without_a_valid_trial_keeps_its_row() {
        let estimate = |estimate: f64| MetricEstimate {
            metric: Metric::P95,
            trials: 6,
            estimate,
            interval: Some([estimate - 1.0, estimate + 1.0]),
            range: [estimate - 2.0, estimate + 2.0],
        };
        let algorithm = |(name, p95): (&str, f64)| AlgorithmSummary {
            name: name.to_owned(),
            estimates: vec![estimate(p95)],
            ..AlgorithmSummary::default()
        };
        let lost = TrialSummary {
            label: "random".to_owned(),
            problems: vec!["the machine was busy".to_owned()],
            ..TrialSummary::default()
        };
        let scenario = ScenarioSummary {
            algorithms: [("rr", 80.0), ("lc", 40.0)].map(algorithm).into(),
            trials: vec![lost],
            answer: Some(Answer {
                metric: Metric::P95,
                leader: "lc".to_owned(),
                tied: Vec::new(),
                beaten: vec![Lead { label: "rr".to_owned(), effect: -0.5, interval: None }],
                blocks: 6,
                title: String::new(),
                sentences: Vec::new(),
            }),
            ..ScenarioSummary::default()
        };
        let panel = answer(&scenario).expect("there is something to draw");
        let Chart::Rows(rows) = panel.chart else { panic!("the answer is a chart of rows") };
        let told: Vec<(&str, &str, &str)> =
            rows.rows.iter().map(|row| (row.name.as_str(), row.badge, row.text.as_str())).collect();
        assert_eq!(
            told,
            [
                ("lc", "winner", "40.0 [39.0, 41.0]"),
                ("rr", "", "80.0 [79.0, 81.0]"),
                ("random", "", NO_VALID_TRIAL)
            ]
        );
    }
}
