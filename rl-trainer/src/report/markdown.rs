//! The report as Markdown, for repositories and pull requests; its tables match those of the page.

use super::data::RunReport;
use super::html::summary;
use super::lists::Lists;
use super::numbers::{NOT_JUDGED, length, of_goal, outcome};
use super::{tables, twin_tables};
use lb_report::parts::{Table, captioned, escape};
use std::fmt::Write;

/// Number of cases in the table of regret.
const MOST_REGRETS: usize = 12;

/// Renders the report.
pub fn markdown(run: &RunReport) -> String {
    let lists = Lists::new(&run.evaluations);
    let mut out = format!("# Training report: {}\n\n", escape(&run.run_id));
    let _ = writeln!(
        out,
        "{}, mode {}, traffic {}, {}, rl-train {}\n",
        run.started_at,
        run.mode,
        run.traffic,
        length(run.seconds),
        run.version
    );
    verdict(&mut out, run, &lists);
    for twin in &run.twins {
        let _ = writeln!(out, "## Recorded pool: {}\n", escape(&twin.name));
        for sentence in twin_tables::sentences(twin) {
            let _ = writeln!(out, "{}\n", escape(&sentence));
        }
        for table in twin_tables::all(twin) {
            add(&mut out, Some(table));
        }
    }
    section(&mut out, "Training", [tables::trainings(run)]);
    if let Some(judged) = &lists.test {
        let regrets = tables::regrets(&judged.standing, MOST_REGRETS);
        let tables = [Some(tables::by_policy(judged)), regrets, Some(tables::contestants(judged))];
        section(&mut out, "Held-out cases", tables);
    }
    if let Some(judged) = &lists.situations {
        let situations = Some(tables::situations(&judged.standing, run.targets.as_ref()));
        let tables = [situations, Some(tables::by_policy(judged)), Some(tables::contestants(judged))];
        section(&mut out, "Situations", tables);
    }
    section(&mut out, "What requests say", [tables::opponents(lists.all())]);
    let guards = tables::guards(lists.all(), &run.scenarios);
    let traces = tables::traces(&run.traces);
    section(&mut out, "Traffic, traces and guards", [tables::traffic(&run.scenarios), traces, guards]);
    section(&mut out, "Steps", [tables::steps(run)]);
    section(&mut out, "Repeat this run", [Some(tables::environment(run, lists.all()))]);
    out
}

fn verdict(out: &mut String, run: &RunReport, lists: &Lists<'_>) {
    out.push_str("## Verdict\n\n");
    if run.interrupted {
        out.push_str("**Interrupted**: this report covers only completed results.\n\n");
    }
    for judged in lists.all() {
        let _ = writeln!(out, "{}\n", escape(&summary(judged)));
    }
    if run.targets.is_none() {
        return;
    }
    let required = run.goals.iter().filter(|goal| goal.required);
    let (met, missed): (Vec<_>, Vec<_>) = required.partition(|goal| goal.met);
    let all = met.len() + missed.len();
    if all == 0 {
        let _ = writeln!(out, "{NOT_JUDGED}\n");
    } else {
        let _ = writeln!(out, "{} of {all} required goals were met.\n", met.len());
    }
    for goal in missed {
        let measured = of_goal(goal, goal.measured);
        let _ = writeln!(out, "- {}, {}: {measured}, {}", escape(&goal.goal), goal.metric, outcome(goal));
    }
    out.push('\n');
    add(out, tables::goals(&run.goals));
}

fn section<const N: usize>(out: &mut String, title: &str, tables: [Option<Table>; N]) {
    if tables.iter().all(Option::is_none) {
        return;
    }
    let _ = writeln!(out, "## {title}\n");
    for table in tables {
        add(out, table);
    }
}

fn add(out: &mut String, table: Option<Table>) {
    if let Some(table) = table {
        out.push_str(&captioned(&table));
    }
}
