//! Record of a run for scripts: `rl_training_execution_results_<time>.json` and
//! `rl_training_summary_report_<time>.md`, whose names and fields are fixed.

use crate::evaluate::Evaluation;
use crate::report::{RunReport, TraceReport};
use jiff::Zoned;
use serde::Serialize;
use std::fmt::Write;

/// The format of local times in the files of `logs/`: ISO 8601 with microseconds, without a zone.
pub(super) const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%S.%6f";

/// Results of a whole execution.
#[derive(Clone, Debug, Serialize)]
pub struct ExecutionResults {
    /// Start time in local time (ISO 8601 without a zone).
    pub execution_start: String,
    /// End time, in the same format.
    pub execution_end: String,
    /// Number of scenarios that were started.
    pub total_scenarios: usize,
    /// Number of scenarios that succeeded.
    pub successful_scenarios: usize,
    /// Result of each scenario.
    pub results: Vec<ScenarioResult>,
}

/// Result of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScenarioResult {
    /// `validation`, `comprehensive` or `custom` for traffic, `evaluation` for a list of cases, `live_check`.
    pub scenario_type: String,
    /// Name of the scenario.
    pub scenario_name: String,
    /// Whether the scenario succeeded.
    pub success: bool,
    /// Duration in seconds.
    pub duration: f64,
    /// Standard output of the scenario.
    pub stdout: String,
    /// Warnings of the scenario.
    pub stderr: String,
    /// Why the scenario failed; `None` if it succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Exit code of the scenario.
    pub return_code: u8,
}

impl ExecutionResults {
    /// Collects the results of an execution.
    pub fn new(start: &Zoned, end: &Zoned, results: Vec<ScenarioResult>) -> Self {
        Self {
            execution_start: start.strftime(TIME_FORMAT).to_string(),
            execution_end: end.strftime(TIME_FORMAT).to_string(),
            total_scenarios: results.len(),
            successful_scenarios: results.iter().filter(|result| result.success).count(),
            results,
        }
    }

    /// Renders the summary as Markdown.
    pub fn summary(&self, run: &RunReport) -> String {
        let share = 100.0 * self.successful_scenarios as f64 / self.total_scenarios.max(1) as f64;
        let mut out = String::from("# RL training execution summary\n\n## Overview\n\n");
        let mut add = |what: &str, value: String| {
            let _ = writeln!(out, "- **{what}**: {value}");
        };
        add("Execution date", self.execution_start.clone());
        add("Mode", run.mode.clone());
        add("Total scenarios", self.total_scenarios.to_string());
        add("Successful scenarios", self.successful_scenarios.to_string());
        add("Success rate", format!("{share:.1} %"));
        add("Total duration", format!("{:.1} min", run.seconds / 60.0));
        out.push_str("\n## Scenario Results\n");
        for result in &self.results {
            let word = if result.success { "succeeded" } else { "failed" };
            let _ = writeln!(out, "\n### {} ({})\n", result.scenario_name, result.scenario_type);
            let _ = writeln!(out, "- **Status**: {word}, return code {}", result.return_code);
            let _ = writeln!(out, "- **Duration**: {:.1} s", result.duration);
            if let Some(error) = &result.error {
                let _ = writeln!(out, "- **Error**: {}", error.replace('\n', " "));
            }
        }
        out.push_str("\n## Data Collection Summary\n\n");
        out.push_str(&collection(run));
        out.push_str("\n## Next Steps\n\n");
        out.push_str(&next_steps(self, run));
        out
    }
}

fn collection(run: &RunReport) -> String {
    let mut out = String::new();
    for scenario in &run.scenarios {
        let requests: u64 = scenario.algorithms.iter().map(|algorithm| algorithm.requests).sum();
        let _ = writeln!(out, "- {} ({}): {requests} requests", scenario.name, scenario.purpose);
    }
    for TraceReport { path, experiences, completeness, verdict, fit_for_training, .. } in &run.traces {
        let fit = if *fit_for_training { "fit" } else { "NOT fit" };
        let _ = writeln!(
            out,
            "- traces in `{path}`: {experiences} experiences, completeness {completeness:.1} % {verdict}, {fit} for training"
        );
    }
    if out.is_empty() {
        out.push_str("- no data was collected\n");
    }
    out
}

fn next_steps(results: &ExecutionResults, run: &RunReport) -> String {
    let mut out = String::new();
    let failed: Vec<&str> = results
        .results
        .iter()
        .filter(|result| !result.success)
        .map(|result| result.scenario_name.as_str())
        .collect();
    if !failed.is_empty() {
        let _ = writeln!(out, "- check the failed scenarios: {}", failed.join(", "));
    }
    if run.interrupted {
        out.push_str("- the run was interrupted: repeat the command with `--out` set to this folder to resume its training runs\n");
    }
    let missed = run.goals.iter().filter(|goal| goal.required && !goal.met).count();
    if missed > 0 {
        let _ = writeln!(
            out,
            "- {missed} required goals were missed; `report.html` shows by how much; train longer with `--budget release`"
        );
    }
    for twin in run.twins.iter().filter(|twin| !twin.refusals.is_empty()) {
        let _ = writeln!(out, "- `{}` could not be fitted: {}", twin.name, twin.advice.join("; "));
    }
    if let Some(exported) = &run.exported {
        let _ = writeln!(
            out,
            "- serve {}: `bench --policy policy.safetensors --algorithms rl,least-connections+ejection`",
            exported.name
        );
    }
    if !run.evaluations.iter().any(Evaluation::is_proof) {
        out.push_str("- prove it: `rl-train eval policy.safetensors`, or `rl-train --mode comprehensive`\n");
    }
    out
}
