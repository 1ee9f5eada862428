//! A suite as text: a page in Markdown, and the lines at the end of its output.

use lb_results::{SuiteRunState, SuiteRunSummary, SuiteState, SuiteSummary};
use std::fmt::Write;

/// Renders the index as a page in Markdown.
pub fn render_markdown(suite: &SuiteSummary) -> String {
    let mut out = format!("# {}\n\n{}\n\n", escape(&suite.name), outcome(suite));
    out.push_str("| run | result | seconds | exit code | results | why |\n|---|---|---:|---:|---|---|\n");
    for run in &suite.runs {
        let seconds = run.duration_s.map_or_else(String::new, |seconds| format!("{seconds:.1}"));
        let code = run.exit_code.map_or_else(String::new, |code| code.to_string());
        let results = match run.state {
            SuiteRunState::NotRun => String::new(),
            _ => format!("[{0}](./{0}/)", run.folder),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {seconds} | {code} | {results} | {} |",
            escape(&run.name),
            run.state.in_words(),
            escape(&run.reasons.join("; "))
        );
    }
    let _ =
        writeln!(out, "\nBegan {}, with a pause of {} s between runs.", suite.started_at, suite.cool_down_s);
    out
}

/// Renders the end of the output: a line for each run, and those that failed, with the reasons.
pub fn render_outcome(suite: &SuiteSummary) -> String {
    let width = suite.runs.iter().map(|run| run.name.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for run in &suite.runs {
        let seconds = run.duration_s.map_or_else(String::new, |seconds| format!("{seconds:.1} s"));
        let line = format!("  {:<width$}  {:<11}  {seconds}", run.name, run.state.in_words());
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let _ = writeln!(out, "{}", outcome(suite));
    for run in suite.runs.iter().filter(|run| run.state == SuiteRunState::Failed) {
        let _ = writeln!(out, "  {}: {}", run.name, run.reasons.join("; "));
    }
    out
}

/// Says in a sentence how a suite came out.
fn outcome(suite: &SuiteSummary) -> String {
    let count = |state| suite.runs.iter().filter(|run| run.state == state).count();
    let all = suite.runs.len();
    let failed: Vec<&SuiteRunSummary> =
        suite.runs.iter().filter(|run| run.state == SuiteRunState::Failed).collect();
    let names: Vec<&str> = failed.iter().map(|run| run.name.as_str()).collect();
    let failures = match names.as_slice() {
        [] => "none failed".to_owned(),
        names => format!("{} failed: {}", names.len(), names.join(", ")),
    };
    let passed = count(SuiteRunState::Passed);
    match suite.state {
        SuiteState::Complete => format!("{passed} of {all} runs passed, {failures}"),
        SuiteState::Interrupted => format!("interrupted: {passed} of {all} runs passed, {failures}"),
        SuiteState::Running => format!("running: {passed} of {all} runs passed so far, {failures}"),
    }
}

/// Escapes what would end a cell of a table or begin mark-up.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in lb_core::plain::line(text).chars() {
        if "\\|`*_<>[]".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite() -> SuiteSummary {
        let run = |name: &str, state, reasons: &[&str]| SuiteRunSummary {
            name: name.to_owned(),
            folder: name.to_owned(),
            state,
            exit_code: Some(0),
            duration_s: Some(1.25),
            reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        };
        SuiteSummary {
            schema_version: 1,
            name: "model-api all".to_owned(),
            command: Vec::new(),
            started_at: "2026-01-02T03:04:05Z".to_owned(),
            state: SuiteState::Complete,
            cool_down_s: 30.0,
            runs: vec![
                run("health", SuiteRunState::Passed, &[]),
                run("light", SuiteRunState::Failed, &["p(95)<100 | observed 120"]),
            ],
        }
    }

    #[test]
    fn the_failed_runs_are_listed_with_their_reasons() {
        let text = render_outcome(&suite());
        assert!(text.contains("1 of 2 runs passed, 1 failed: light"), "{text}");
        assert!(text.contains("  light: p(95)<100 | observed 120"), "{text}");
    }

    #[test]
    fn a_page_has_a_row_for_each_run_and_no_cell_breaks_it() {
        let page = render_markdown(&suite());
        assert!(page.contains("| health | passed | 1.2 | 0 | [health](./health/) |  |"), "{page}");
        assert!(page.contains("p(95)\\<100 \\| observed 120"), "{page}");
    }
}
