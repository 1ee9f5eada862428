//! The tables of a page.

use crate::compare::{METRICS, NAMES, change, joined};
use crate::gate::Gate;
use crate::render::{NONE, number};
use crate::stats::Stats;
use crate::test::Test;
use lb_report::parts::{Cell, Table, Tone};

/// Returns the values of one test, with their grades.
pub(super) fn values(test: &Test) -> Table {
    let mut table = Table::new("Values of the whole test", &["", "Value", "Grade"]);
    for ((_, value), (name, show)) in METRICS.iter().zip(NAMES) {
        let grade = match name {
            "P95 (ms)" => test.summary.performance_grade,
            "Errors (%)" => test.summary.error_grade,
            _ => None,
        };
        let grade = grade.map_or("", crate::Grade::name).to_owned();
        table.add(vec![name.to_owned(), show(value(&test.summary)), grade]);
    }
    let quick = test.quick.words(&test.summary);
    if !quick.is_empty() {
        table.caption = format!("{} (at a glance: {quick})", table.caption);
    }
    table
}

/// Returns the values of all tests.
pub(super) fn tests(tests: &[Test]) -> Table {
    let mut table = named("All tests", "Test");
    for test in tests {
        table.add(row(test.name.clone(), &test.summary));
    }
    table
}

/// Returns the values of all endpoints of a test; `None` if it does not distinguish any.
pub(super) fn breakdown(test: &Test) -> Option<Table> {
    let mut table = named("Endpoints", "Endpoint");
    for endpoint in &test.endpoints {
        table.add(row(endpoint.label(), &endpoint.stats));
    }
    table.unless_empty()
}

fn named(caption: &str, first: &str) -> Table {
    let mut header = vec![first];
    header.extend(NAMES.iter().map(|(name, _)| *name));
    Table::new(caption, &header)
}

fn row(name: String, stats: &Stats) -> Vec<String> {
    let mut cells = vec![name];
    cells.extend(METRICS.iter().zip(NAMES).map(|((_, value), (_, show))| show(value(stats))));
    cells
}

/// Returns the values of two tests and their changes.
pub(super) fn totals(baseline: &Test, improved: &Test) -> Table {
    let mut table = Table::new("Values of the whole test", &["", "Baseline", "Improved", "Change"]);
    for ((_, value), (name, show)) in METRICS.iter().zip(NAMES) {
        let (old, new) = (value(&baseline.summary), value(&improved.summary));
        table.add(vec![name.to_owned(), show(old), show(new), change(old, new)]);
    }
    table
}

/// Returns the values of the endpoints of two tests; `None` if there are none.
pub(super) fn endpoints(baseline: &Test, improved: &Test) -> Option<Table> {
    /// The values that are listed, by their place in the list of all.
    const SHOWN: [usize; 5] = [0, 1, 2, 3, 7];
    let mut header = vec!["Endpoint".to_owned()];
    for place in SHOWN {
        header.push(format!("{}, baseline", NAMES[place].0));
        header.extend(["improved".to_owned(), "change".to_owned()]);
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut table = Table::new("Endpoints", &header);
    for (label, before, after) in joined(baseline, improved) {
        let mut cells = vec![label];
        for place in SHOWN {
            let ((_, value), (_, show)) = (METRICS[place], NAMES[place]);
            let old = before.and_then(|endpoint| value(&endpoint.stats));
            let new = after.and_then(|endpoint| value(&endpoint.stats));
            cells.extend([show(old), show(new), change(old, new)]);
        }
        table.add(cells);
    }
    table.unless_empty()
}

/// Returns the thresholds and checks of a test's own; `None` if it has none.
pub(super) fn own_limits(test: &Test, side: &str) -> Option<Table> {
    let mut table = Table::new(format!("{side}Thresholds and checks of the test's own"), &["", "Result"]);
    for threshold in &test.thresholds {
        let (word, tone) = if threshold.ok { ("held", Tone::Good) } else { ("crossed", Tone::Bad) };
        let name = format!("{}: {}", threshold.metric, threshold.condition);
        table.add_toned(Tone::Plain, vec![Cell::from(name), Cell::toned(word, tone)]);
    }
    for check in &test.checks {
        let all = check.passes.saturating_add(check.fails);
        let text = format!("{} of {all} passed", check.passes);
        let tone = if check.fails == 0 { Tone::Good } else { Tone::Bad };
        table.add_toned(Tone::Plain, vec![Cell::from(check.name.clone()), Cell::toned(text, tone)]);
    }
    table.unless_empty()
}

/// Returns the thresholds that tests were held against.
pub(super) fn gates(gates: &[Gate]) -> Table {
    let mut table = Table::new("Thresholds that were given", &["Test", "Threshold", "Value", "Result"]);
    for gate in gates {
        let (word, tone) = if gate.ok { ("held", Tone::Good) } else { ("not met", Tone::Bad) };
        let value = if gate.reason.is_empty() { number(gate.value, 4) } else { gate.reason.clone() };
        let value = if value.is_empty() { NONE.to_owned() } else { value };
        let cells = [gate.test.clone(), gate.threshold.clone(), value].map(Cell::from);
        table.add_toned(Tone::Plain, cells.into_iter().chain([Cell::toned(word, tone)]).collect());
    }
    table
}
