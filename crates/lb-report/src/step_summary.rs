//! The report for GitHub's job page: short, with answers first and details folded.
//!
//! GitHub drops a step summary of more than 1024 KiB altogether, so this one stays smaller: the least
//! important parts are cut, and the summary lists them.

use super::markdown::{answers, description, details, escape, parts, repeat, verdicts, voids};
use super::text::count;
use lb_results::Summary;
use std::fmt::Write;

/// Largest size of this summary. GitHub's limit of 1024 KiB covers everything that a step writes, so some is
/// left for others.
const LIMIT: usize = 900 * 1024;

/// Space reserved for the closing line, which names the parts that were cut.
const RESERVE: usize = 4 * 1024;

/// Titles of parts that are shown unfolded.
const OPEN: [&str; 2] = ["Results", "Thresholds"];

/// Renders the step summary, which is always shorter than 1 MiB.
pub fn render_step_summary(summary: &Summary) -> String {
    let mut out = format!("### Load balancing: {}\n\n", escape(&summary.run_id));
    let mut cut: Vec<String> = Vec::new();
    let mut add = |what: &str, text: &str| match out.len() + text.len() + RESERVE <= LIMIT {
        true => out.push_str(text),
        false => cut.push(what.to_owned()),
    };
    // In order of importance: a part that does not fit is cut, but a shorter one after it may still fit.
    add_lines(&mut add, "answers", &answers(summary));
    add("", "\n");
    add_lines(&mut add, "verdicts", &verdicts(summary));
    add("", "\n");
    add_lines(&mut add, "caveats", &voids(summary));
    for scenario in &summary.scenarios {
        let parts = parts(summary, scenario);
        let (open, folded): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|(title, _)| OPEN.contains(&title.as_str()));
        let heading = format!("\n#### {}\n\n{}", escape(&scenario.name), description(scenario));
        add(&format!("scenario {}", scenario.name), &heading);
        for (title, text) in open {
            add(&format!("{title} of {}", scenario.name), &format!("\n**{title}**\n\n{text}"));
        }
        for (title, text) in folded {
            add(&format!("{title} of {}", scenario.name), &format!("\n{}", details(&title, &text)));
        }
    }
    add("how to repeat the run", &format!("\n{}", details("Repeat this run", &repeat(summary))));
    if !cut.is_empty() {
        out.push_str(&said(&cut));
    }
    out
}

/// Adds a text line by line, so that a thousand verdicts lose their end and not their beginning.
fn add_lines(add: &mut impl FnMut(&str, &str), what: &str, text: &str) {
    const MOST: usize = LIMIT / 5;
    let kept = text.len().min(MOST);
    // The end of the last whole line within the limit.
    let end = match kept == text.len() {
        true => kept,
        false => text.bytes().take(kept).rposition(|byte| byte == b'\n').map_or(0, |at| at + 1),
    };
    add(what, &text[..end]);
    let lost = text[end..].lines().count();
    if lost > 0 {
        add(
            what,
            &format!(
                "- … and {}; the report in the results folder holds all {what}.\n",
                count(lost, "more line")
            ),
        );
    }
}

/// Renders the closing line, which names the parts that were cut.
fn said(cut: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut names: Vec<String> = Vec::new();
    for name in cut.iter().take(SHOWN) {
        names.push(escape(&name.chars().take(80).collect::<String>()));
    }
    if let Some(more) = cut.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        names.push(format!("and {}", count(more, "other part")));
    }
    let mut out = String::new();
    let _ = writeln!(
        out,
        "\n> Cut to stay below GitHub's limit of 1 MiB: {}. The reports in the results folder hold everything.",
        names.join(", ")
    );
    out
}
