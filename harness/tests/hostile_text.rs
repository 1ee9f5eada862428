//! Text from outside is text in each output: it gives a terminal no commands, a page no elements, a table no cells
//! and a report no lines of its own.

mod common;

use common::{Bench, text};
use serde_json::json;

/// Ends a title, an attribute, a table's cell and a CDATA section, colours a terminal, turns the direction of
/// writing, and begins a line that looks like one of ours.
const NAME: &str = "</title><script>alert(1)</script> | **b** \"q\" ]]> \u{1b}[31mred\u{202e}\u{9b}2J\u{7}\r\nerror: our own";

/// Control characters that the name brings; each would be obeyed somewhere.
const CONTROLS: [char; 5] = ['\u{1b}', '\u{202e}', '\u{9b}', '\u{7}', '\r'];

/// Runs two algorithms under that name, and returns what was printed and what was written for people.
fn outputs() -> Vec<(String, String)> {
    let bench = Bench::new();
    let settings = json!({
        "algorithms": ["random", "round-robin"],
        "warm_up_s": 0,
        "thresholds": { "http_req_duration": ["p(95)<0.001"] }
    });
    let mut config = common::config(2, 1.0, &settings);
    config["scenarios"][0]["name"] = NAME.into();
    let config = bench.config("run.json", &config);
    let run = bench.run(&["--config", &config, "--engine", "sim", "--no-oracles", "--out", "out"]);
    assert_eq!(run.status.code(), Some(99), "the threshold does not hold: {}", text(&run.stderr));
    let report = bench.run(&["report", "out", "--verbose"]);
    assert!(report.status.success(), "{}", text(&report.stderr));
    let printed = [
        ("standard output", run.stdout),
        ("standard error", run.stderr),
        ("all tables", report.stdout),
        ("messages of the report", report.stderr),
    ];
    let mut outputs: Vec<(String, String)> =
        printed.into_iter().map(|(name, bytes)| (name.to_owned(), text(&bytes))).collect();
    for name in [
        "report.html",
        "report.md",
        "step-summary.md",
        "junit.xml",
        "benchmark.txt",
        "metrics.prom",
        "bench.log",
    ] {
        let content = std::fs::read_to_string(bench.path("out").join(name));
        outputs.push((name.to_owned(), content.unwrap_or_else(|error| panic!("{name}: {error}"))));
    }
    outputs
}

#[test]
fn a_name_gives_no_output_commands_elements_or_lines() {
    for (name, content) in outputs() {
        let controls: Vec<char> = CONTROLS.into_iter().filter(|c| content.contains(*c)).collect();
        assert_eq!(controls, [], "{name} shows control characters as escapes: {content:?}");
        let own_lines: Vec<&str> =
            content.lines().filter(|line| line.starts_with("error: our own")).collect();
        // In a page, a line end is white space.
        assert!(
            own_lines.is_empty() || name == "report.html",
            "{name} has no line of the name's: {own_lines:?}"
        );
        let markup = match name.rsplit_once('.') {
            Some((_, "html" | "xml")) => content,
            Some((_, "md")) => without_code(&content),
            _ => continue,
        };
        assert!(markup.contains("alert(1)"), "{name} tells the name");
        for element in ["<script>alert", "</title><script"] {
            assert!(!markup.contains(element), "{name} has no element of the name's: {markup}");
        }
        if name.ends_with(".md") {
            assert!(
                !markup.contains(" | **b**"),
                "{name}: a cell stays one cell, and nothing is bold: {markup}"
            );
        }
    }
}

/// Leaves out blocks of code, in which nothing is markup.
fn without_code(markdown: &str) -> String {
    let mut is_code = false;
    let mut is_text = |line: &&str| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    };
    markdown.lines().filter(|line| is_text(line)).map(|line| format!("{line}\n")).collect()
}
