//! `bench-history show`: everything about one run.

use crate::args::ShowArgs;
use crate::table::table;
use crate::{print, print_json};
use lb_history::{AlgorithmRow, History, HistoryError, RunDetails};

pub(crate) fn execute(history: &mut History, args: &ShowArgs) -> Result<u8, HistoryError> {
    let details = history.details(&args.run_id)?;
    if args.json {
        print_json(&details)?;
    } else {
        print(&text(&details));
    }
    Ok(0)
}

fn text(details: &RunDetails) -> String {
    let run = &details.run;
    let mut parts = vec![format!(
        "{} began {}\nsubject  {}\nconfig   {}\nhost     {}\ndrove    {} ({})\ntrials   {} of {} count{}",
        run.run_id,
        run.started_at,
        if run.subject.is_empty() { "unknown" } else { &run.subject },
        run.config,
        run.host,
        run.load_balancer,
        run.engine,
        run.valid_trials,
        run.trials,
        if run.interrupted { "; a signal ended the run" } else { "" },
    )];
    if !details.algorithms.is_empty() {
        let header = ["SCENARIO", "ALGORITHM", "METRIC", "ESTIMATE", "95 % INTERVAL", "TRIALS"];
        parts.push(table(&header, details.algorithms.iter().flat_map(metrics)));
    }
    let histograms: Vec<Vec<String>> = details.algorithms.iter().flat_map(histograms).collect();
    if !histograms.is_empty() {
        let header = ["SCENARIO", "ALGORITHM", "REQUESTS", "COUNT", "P50 ms", "P99 ms", "P99.9 ms", "MAX ms"];
        parts.push(table(&header, histograms));
    }
    let verdicts =
        details.verdicts.iter().map(|verdict| format!("{}: {}", verdict.scenario, verdict.sentence));
    let thresholds = details.thresholds.iter().map(|one| {
        let held = if one.held { "held" } else { "not held" };
        let observed =
            one.observed.map_or_else(|| "nothing to measure".to_owned(), |value| value.to_string());
        format!("{}, {}: {} {held} ({observed})", one.scenario, one.algorithm, one.threshold)
    });
    parts.extend(
        Some(verdicts.chain(thresholds).collect::<Vec<_>>().join("\n")).filter(|text| !text.is_empty()),
    );
    parts.join("\n\n")
}

fn metrics(row: &AlgorithmRow) -> Vec<Vec<String>> {
    let cells = |(metric, value): (&String, &lb_history::MetricRow)| {
        let interval =
            value.interval.map_or_else(|| "-".to_owned(), |[low, high]| format!("{low:.4} to {high:.4}"));
        vec![
            row.scenario.clone(),
            row.algorithm.clone(),
            metric.clone(),
            format!("{:.4}", value.estimate),
            interval,
            value.trials.to_string(),
        ]
    };
    row.metrics.iter().map(cells).collect()
}

fn histograms(row: &AlgorithmRow) -> Vec<Vec<String>> {
    let cells = |(class, histogram): (&String, &lb_history::HistogramRow)| {
        let millis = [histogram.p50_ms, histogram.p99_ms, histogram.p999_ms, histogram.max_ms];
        let names =
            [row.scenario.clone(), row.algorithm.clone(), class.clone(), histogram.requests.to_string()];
        names.into_iter().chain(millis.map(|value| format!("{value:.3}"))).collect()
    };
    row.histograms.iter().map(cells).collect()
}
