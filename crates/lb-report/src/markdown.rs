//! The report as GitHub-flavoured Markdown, and the pieces that the step summary is made of.

use super::caveats::caveats;
use super::tables::{
    Table, aa, environment, estimates, fault_tables, max_rates, overheads, processes, requests, results,
    shares, statistics, steering, switches, thresholds, validity,
};
use super::text::{command_line, seconds, senders, verdict};
use lb_results::{ScenarioSummary, Summary};
use std::fmt::Write;

/// Renders the whole report: the same tables as the HTML page, without charts.
pub fn render_markdown(summary: &Summary) -> String {
    let mut out = format!("# Load balancing report: {}\n\n", escape(&summary.run_id));
    let _ = writeln!(out, "## Verdict\n\n{}", verdicts(summary));
    let _ = writeln!(out, "## Caveats\n\n{}", voids(summary));
    for scenario in &summary.scenarios {
        let _ = writeln!(out, "## Scenario {}\n\n{}", escape(&scenario.name), description(scenario));
        for (title, text) in parts(summary, scenario) {
            let _ = writeln!(out, "### {title}\n\n{text}");
        }
    }
    let _ = writeln!(out, "## Repeat this run\n\n{}", repeat(summary));
    let config = serde_json::to_string_pretty(&summary.config.content).unwrap_or_default();
    let _ = writeln!(out, "{}", details("Config", &fenced(&config, "json")));
    out.trim_end().to_owned() + "\n"
}

/// One line per pair and scenario.
pub(super) fn verdicts(summary: &Summary) -> String {
    let mut out = String::new();
    for scenario in &summary.scenarios {
        let name = match summary.scenarios.len() {
            1 => String::new(),
            _ => format!("{}: ", escape(&scenario.name)),
        };
        let pairs = scenario.comparison.as_ref().map_or(&[][..], |comparison| &comparison.pairs);
        for pair in pairs {
            let _ = writeln!(out, "- {name}**{}**: {}", verdict(pair.verdict), escape(&pair.sentence));
        }
        if pairs.is_empty() {
            let _ = writeln!(out, "- {name}{}", escape(&super::caveats::nothing_compared(scenario)));
        }
    }
    if summary.scenarios.is_empty() {
        out.push_str("- No scenario was completed, so there is nothing to report.\n");
    }
    let broken = summary.thresholds.iter().filter(|threshold| !threshold.ok).count();
    if broken > 0 {
        let _ = writeln!(
            out,
            "- **failed**: {broken} of {} threshold checks did not hold.",
            summary.thresholds.len()
        );
    }
    out
}

/// One line per caveat.
pub(super) fn voids(summary: &Summary) -> String {
    caveats(summary)
        .iter()
        .map(|caveat| format!("- **{}**: {}\n", caveat.weight.word(), escape(&caveat.text)))
        .collect()
}

/// The parts of a scenario by title, the most important first.
pub(super) fn parts(summary: &Summary, scenario: &ScenarioSummary) -> Vec<(String, String)> {
    let mut parts = Vec::new();
    let mut add = |title: &str, text: String| {
        if !text.is_empty() {
            parts.push((title.to_owned(), text));
        }
    };
    let one = |table: Option<Table>| table.as_ref().map(render_table).unwrap_or_default();
    add("Results", one(results(scenario)));
    add("Latency over trials", estimates(scenario).as_ref().map(captioned).unwrap_or_default());
    let held = summary.thresholds.iter().filter(|threshold| threshold.scenario == scenario.name);
    add("Thresholds", one(thresholds(held)));
    let pairs = scenario.comparison.iter().flat_map(|comparison| &comparison.pairs);
    add("Statistics", pairs.filter_map(statistics).map(|table| captioned(&table)).collect());
    add(
        "Faults",
        fault_tables(scenario)
            .iter()
            .map(|fault| {
                format!(
                    "{}\n\n{}{}",
                    escape(&fault.title),
                    captioned(&fault.response),
                    captioned(&fault.phases)
                )
            })
            .collect(),
    );
    if let Some((highest, probes)) = max_rates(&scenario.max_rates) {
        add("Highest rates", captioned(&highest) + &captioned(&probes));
    }
    if let Some((sentence, table)) = scenario.aa.as_ref().map(aa) {
        add("A/A comparison", format!("{}\n\n{}", escape(&sentence), render_table(&table)));
    }
    add("Overhead of load balancers", overheads(scenario).as_ref().map(captioned).unwrap_or_default());
    add("Steering", steering(scenario).as_ref().map(captioned).unwrap_or_default());
    add("Switches", switches(scenario).as_ref().map(captioned).unwrap_or_default());
    add("Trials", one(validity(scenario)));
    add("Share of requests per backend", one(shares(scenario)));
    add("Requests by kind", one(requests(scenario)));
    add("CPU time", one(processes(scenario)));
    parts
}

/// Describes what ran, in a line.
pub(super) fn description(scenario: &ScenarioSummary) -> String {
    format!(
        "{} measured, {} model, {}, topology {}, warm-up {}.\n",
        seconds(scenario.duration_s),
        scenario.model,
        senders(scenario),
        escape(&scenario.topology),
        scenario.warm_up
    )
}

/// Renders the command and the environment.
pub(super) fn repeat(summary: &Summary) -> String {
    format!("{}\n{}", fenced(&command_line(&summary.command), "sh"), render_table(&environment(summary)))
}

/// Renders a box that is folded at first.
pub(super) fn details(title: &str, text: &str) -> String {
    format!("<details><summary>{}</summary>\n\n{}\n</details>\n", escape(title), text)
}

/// Renders a table below its caption. Empty where the table has no rows.
pub fn captioned(table: &Table) -> String {
    if table.rows.is_empty() {
        return String::new();
    }
    format!("{}:\n\n{}\n", escape(&table.caption), render_table(table))
}

fn render_table(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut out = line(table.header.iter().map(|name| escape(name)).collect());
    let columns = 0..table.header.len();
    out += &line(
        columns.map(|column| if table.is_numeric(column) { "---:" } else { "---" }.to_owned()).collect(),
    );
    for row in &table.rows {
        out += &line(row.cells.iter().map(|cell| escape(&cell.text)).collect());
    }
    out
}

/// Renders a code block whose fence is longer than any run of backticks inside.
fn fenced(text: &str, language: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}\n")
}

/// Escapes a text so that neither Markdown nor HTML takes any of it for markup.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => out.extend(['\\', c]),
            '\n' | '\r' => out.push(' '),
            _ => out.push(c),
        }
    }
    // GitHub reads `@name` as a mention, which would notify a user of that name.
    out.replace('@', "&#64;")
}
