//! A night as Markdown: the report in its folder, and the summary on GitHub's job page.

use crate::document::{Night, NightRun, NightVerdict};
use crate::sentence::date;
use lb_analysis::runs::{FolderComparison, ScenarioComparison};
use lb_analysis::signed;
use lb_core::plain;
use lb_report::parts::{Table, captioned, escape};
use std::fmt::Write;

/// The longest table of a step summary, in bytes: GitHub shows nothing at all of more than 1 MiB.
const LONGEST_TABLE: usize = 256 * 1024;

/// Renders the report.
pub fn render_night_markdown(night: &Night, comparison: Option<&FolderComparison>) -> String {
    let mut out = format!("# Night {}\n\n{}", escape(&night.run.run_id), head(night));
    for scenario in comparison.iter().flat_map(|comparison| &comparison.scenarios) {
        let _ = write!(out, "\n## {}\n\n{}", escape(&scenario.name), captioned(&table(scenario)));
        for pair in &scenario.comparison.pairs {
            let _ = write!(out, "\n- {}", escape(&pair.sentence));
        }
        out.push('\n');
    }
    plain::lines(&(out.trim_end().to_owned() + "\n")).into_owned()
}

/// Renders the step summary, which is shorter than 1 MiB.
pub fn render_night_step_summary(night: &Night, comparison: Option<&FolderComparison>) -> String {
    let mut out = format!("### Nightly: {}\n\n{}", escape(&night.run.config), head(night));
    for scenario in comparison.iter().flat_map(|comparison| &comparison.scenarios) {
        let text = captioned(&table(scenario));
        if out.len() + text.len() > LONGEST_TABLE {
            out += "\nFurther tables are in `nightly.md`.\n";
            break;
        }
        let _ =
            write!(out, "\n<details><summary>{}</summary>\n\n{text}\n</details>\n", escape(&scenario.name));
    }
    plain::lines(&out).into_owned()
}

/// The verdict, what it rests on, and what a reader should know.
fn head(night: &Night) -> String {
    let mut out = format!("**{}**\n\n", escape(&night.sentence));
    for finding in &night.findings {
        let _ = writeln!(out, "- **{}**: {}", finding.confirmation.words(), escape(&finding.sentence));
    }
    for reason in &night.reasons {
        let _ = writeln!(out, "- **not judged**: {}", escape(reason));
    }
    for note in &night.notes {
        let _ = writeln!(out, "- note: {}", escape(note));
    }
    if night.verdict == NightVerdict::Worse {
        let _ = writeln!(
            out,
            "- To keep this as it is: `bench history judge {} accepted`",
            plain::line(&night.run.run_id)
        );
    }
    let run = |run: &NightRun| {
        let subject = if run.subject.is_empty() { String::new() } else { format!(", {}", run.subject) };
        escape(&format!("{} ({}{subject})", run.run_id, date(&run.started_at)))
    };
    let _ = write!(out, "\nRun {}", run(&night.run));
    if let Some(baseline) = &night.baseline {
        let _ = write!(out, "; baseline {}", run(baseline));
    }
    if let Some(repetition) = &night.repetition {
        let _ = write!(out, "; repetition {}", escape(&repetition.run_id));
    }
    if let Some(aa) = &night.aa {
        let _ = write!(out, "; A/A run {} ({})", escape(&aa.run_id), date(&aa.started_at));
    }
    let _ = writeln!(out, "; history {}", escape(&night.history));
    out
}

fn table(scenario: &ScenarioComparison) -> Table {
    let header = ["Algorithm", "Metric", "Change", "95 % interval", "p (corrected)", "Verdict"];
    let mut table = Table::new(format!("{}: tonight against the baseline", scenario.name), &header);
    for pair in &scenario.comparison.pairs {
        let algorithm = pair.candidate.strip_suffix(" (new)").unwrap_or(&pair.candidate);
        for judged in &pair.metrics {
            let metric = judged.metric;
            let interval = judged.interval.map_or_else(
                || "–".to_owned(),
                |[low, high]| format!("{} to {}", signed(metric, low), signed(metric, high)),
            );
            table.add(vec![
                algorithm.to_owned(),
                metric.label().to_owned(),
                signed(metric, judged.effect),
                interval,
                judged.p_adjusted.map_or_else(|| "–".to_owned(), |p| format!("{p:.4}")),
                judged.verdict.label().to_owned(),
            ]);
        }
    }
    table
}
