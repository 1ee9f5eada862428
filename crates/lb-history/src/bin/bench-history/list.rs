//! `bench-history list`: the runs, one line each.

use crate::args::ListArgs;
use crate::table::table;
use crate::{print, print_json};
use lb_history::{History, HistoryError, RunFilter, RunRow};

pub(crate) fn execute(history: &mut History, args: &ListArgs) -> Result<u8, HistoryError> {
    let filter = RunFilter { since: args.since, before: args.before, limit: args.limit };
    let runs = history.runs(&filter)?;
    if args.json {
        print_json(&runs)?;
    } else if runs.is_empty() {
        print(&format!("history {} has no such runs", history.name()));
    } else {
        let header = ["RUN", "BEGAN (UTC)", "SUBJECT", "CONFIG", "LOAD BALANCER", "VALID", "HOST"];
        print(&table(&header, runs.iter().map(row)));
    }
    Ok(0)
}

fn row(run: &RunRow) -> Vec<String> {
    let marks = [(run.is_aa, " A/A"), (run.interrupted, " interrupted")];
    let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
    let judged = if run.verdict.is_empty() { String::new() } else { format!(" {}", run.verdict) };
    vec![
        run.run_id.clone(),
        run.started_at.get(..16).unwrap_or(&run.started_at).replace('T', " "),
        if run.subject.is_empty() { "-".to_owned() } else { run.subject.clone() },
        run.config.clone(),
        if run.engine == "sim" { "simulated".to_owned() } else { run.load_balancer.clone() },
        format!("{}/{}{marks}{judged}", run.valid_trials, run.trials),
        run.host.clone(),
    ]
}
