//! The report as GitHub-flavoured Markdown, and the parts used for the step summary.

use super::caveats::caveats;
use super::headline::headline;
use super::spoken::spoken;
use super::tables::{
    Cell, OVERHEAD_NEEDS, Table, aa, bounds, connections, connections_by_backend, environment, exploratory,
    failures, fault_tables, max_rates, observed, overheads, overheads_are_missing, processes, recovery,
    recovery_sentences, requests, resources, results, shares, statistics, steering, switches, thresholds,
    validity,
};
use super::text::{Piece, command_line, count, pieces, seconds, senders, verdict};
use lb_results::{ScenarioSummary, Summary};
use std::fmt::Write;

/// Renders the whole report, with the same tables as the HTML page but without charts.
pub fn render_markdown(summary: &Summary) -> String {
    let mut out = format!("# Load balancing report: {}\n\n", escape(&summary.run_id));
    let _ = writeln!(out, "## Answer\n\n{}", answers(summary));
    let verdicts = verdicts(summary);
    if !verdicts.is_empty() {
        let _ = writeln!(out, "## Verdicts\n\n{verdicts}");
    }
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

/// Writes the answer of each scenario on a line, and the thresholds that did not hold.
pub(super) fn answers(summary: &Summary) -> String {
    let mut out = String::new();
    for scenario in &summary.scenarios {
        let headline = headline(scenario);
        let _ = write!(out, "- {}**{}.**", prefix(summary, scenario), escape(&headline.title));
        for sentence in std::iter::once(&headline.sentence).chain(&headline.more) {
            if !sentence.is_empty() {
                let _ = write!(out, " {}", escape(sentence));
            }
        }
        out.push('\n');
    }
    if summary.scenarios.is_empty() {
        out.push_str("- No scenario was completed, so there is nothing to report.\n");
    }
    let broken = summary.thresholds.iter().filter(|threshold| !threshold.ok).count();
    if broken > 0 {
        let _ = writeln!(
            out,
            "- **failed**: {broken} of {} did not hold.",
            count(summary.thresholds.len(), "threshold check")
        );
    }
    out
}

/// Writes one line per pair and scenario.
pub(super) fn verdicts(summary: &Summary) -> String {
    let mut out = String::new();
    for scenario in &summary.scenarios {
        let name = prefix(summary, scenario);
        for pair in scenario.comparison.iter().flat_map(|comparison| &comparison.pairs) {
            let _ = writeln!(out, "- {name}**{}**: {}", verdict(pair.verdict), escape(&pair.sentence));
        }
    }
    out
}

/// Returns the scenario's name as the prefix of a line; empty if there is only one scenario.
fn prefix(summary: &Summary, scenario: &ScenarioSummary) -> String {
    match summary.scenarios.len() {
        1 => String::new(),
        _ => format!("{}: ", escape(&scenario.name)),
    }
}

/// Writes one line per caveat.
pub(super) fn voids(summary: &Summary) -> String {
    caveats(summary)
        .iter()
        .map(|caveat| format!("- **{}**: {}\n", caveat.weight.word(), escape(&caveat.text)))
        .collect()
}

/// Renders the parts of a scenario by title, the most important first.
pub(super) fn parts(summary: &Summary, scenario: &ScenarioSummary) -> Vec<(String, String)> {
    let mut parts = Vec::new();
    let mut add = |title: &str, text: String| {
        if !text.is_empty() {
            parts.push((title.to_owned(), text));
        }
    };
    let one = |table: Option<Table>| table.as_ref().map(render_table).unwrap_or_default();
    add("Results", results(scenario).as_ref().map(captioned).unwrap_or_default());
    add("Bounds", bounds(scenario).as_ref().map(captioned).unwrap_or_default());
    let held = summary.thresholds.iter().filter(|threshold| threshold.scenario == scenario.name);
    add("Thresholds", one(thresholds(held)));
    let pairs = scenario.comparison.iter().flat_map(|comparison| &comparison.pairs);
    let tables = pairs.flat_map(|pair| [statistics(pair), exploratory(pair)]).flatten();
    add("Statistics", tables.map(|table| captioned(&table)).collect());
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
    let told = |sentences: Vec<String>| -> String {
        sentences.iter().map(|sentence| format!("{}\n\n", escape(sentence))).collect()
    };
    if let Some(table) = recovery(scenario) {
        add("Recovery", told(recovery_sentences(scenario)) + &captioned(&table));
    }
    if let Some(tables) = observed(scenario) {
        let hits = tables.hits.as_ref().map(captioned).unwrap_or_default();
        add("Hits and misses", told(tables.sentences) + &hits + "\n" + &captioned(&tables.values));
    }
    if let Some(table) = resources(scenario) {
        let sentences = lb_analysis::resource_sentences(scenario);
        let sentences: String =
            sentences.iter().map(|sentence| format!("{}\n\n", escape(sentence))).collect();
        add("Resources and latency", sentences + &captioned(&table));
    }
    if let Some((highest, probes)) = max_rates(&scenario.max_rates) {
        let sentences = lb_analysis::rate_sentences(&scenario.max_rates);
        let sentences: String =
            sentences.iter().map(|sentence| format!("{}\n\n", escape(sentence))).collect();
        add("Highest rates", captioned(&highest) + "\n" + &sentences + &captioned(&probes));
    }
    for (sentence, table) in scenario.noise.iter().map(aa) {
        add("A/A comparison", format!("{}\n\n{}", escape(&sentence), render_table(&table)));
    }
    let overhead = match overheads_are_missing(scenario) {
        true => format!("{}\n", escape(OVERHEAD_NEEDS)),
        false => overheads(scenario).as_ref().map(captioned).unwrap_or_default(),
    };
    add("Overhead of load balancers", overhead);
    add("Steering", steering(scenario).as_ref().map(captioned).unwrap_or_default());
    add("Connections", connections(scenario).as_ref().map(captioned).unwrap_or_default());
    add(
        "Connections by backend",
        connections_by_backend(scenario).as_ref().map(captioned).unwrap_or_default(),
    );
    add("Failures", failures(scenario).as_ref().map(captioned).unwrap_or_default());
    add("Switches", switches(scenario).as_ref().map(captioned).unwrap_or_default());
    add("Trials", one(validity(scenario)));
    add("Share of requests per backend", one(shares(scenario)));
    add("Requests by kind", one(requests(scenario)));
    add("CPU time", one(processes(scenario)));
    parts
}

/// Describes in one line what ran.
pub(super) fn description(scenario: &ScenarioSummary) -> String {
    format!(
        "{} measured, {} model, {}, topology {}, warm-up {}{}.\n",
        seconds(scenario.duration_s),
        scenario.model,
        senders(scenario),
        escape(&scenario.topology),
        scenario.warm_up,
        spoken(scenario).map_or_else(String::new, |spoken| format!(", {spoken}"))
    )
}

/// Renders the command and the environment.
pub(super) fn repeat(summary: &Summary) -> String {
    format!("{}\n{}", fenced(&command_line(&summary.command), "sh"), render_table(&environment(summary)))
}

/// Renders a box that is folded initially.
pub(super) fn details(title: &str, text: &str) -> String {
    format!("<details><summary>{}</summary>\n\n{}\n</details>\n", escape(title), text)
}

/// Renders a table below its caption. Empty if the table has no rows.
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
        out += &line(row.cells.iter().map(cell).collect());
    }
    out
}

fn cell(cell: &Cell) -> String {
    let badge = if cell.badge.is_empty() { String::new() } else { format!(" **{}**", cell.badge) };
    escape(&cell.text) + &badge
}

/// Renders a code block whose fence is longer than any run of backticks inside.
fn fenced(text: &str, language: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}\n")
}

/// Escapes text so that neither Markdown nor HTML interprets any of it as markup, except for code in
/// backticks.
pub fn escape(text: &str) -> String {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            // In a table, `|` would end the cell even in code, and GitHub would read `@name` as a mention.
            Piece::Code(code) if !code.contains(['|', '@', '\n', '\r']) => format!("`{code}`"),
            Piece::Code(code) => format!("\\`{}\\`", escape_prose(code)),
            Piece::Prose(prose) => escape_prose(prose),
        })
        .collect()
}

fn escape_prose(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_stays_code_and_everything_else_is_plain() {
        for (text, written) in [
            ("use `--max-rate` here", "use `--max-rate` here"),
            ("`a_b` and c_d", "`a_b` and c\\_d"),
            ("one ` alone_", "one \\` alone\\_"),
            ("`` empty", "\\`\\` empty"),
            ("`a|b`", "\\`a\\|b\\`"),
            ("`@team` @team", "\\`&#64;team\\` &#64;team"),
            ("`<b>` <b>", "`<b>` &lt;b&gt;"),
        ] {
            assert_eq!(escape(text), written, "{text}");
        }
    }
}
