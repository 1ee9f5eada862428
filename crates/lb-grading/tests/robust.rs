//! No bytes make a reader panic: every stored input of the fuzz target, cut off anywhere and with its numbers changed.

use lb_grading::{analyze_content, compare, render, render_comparison, render_comparison_page, render_page};
use std::path::Path;

/// What replaces the digits of an input, one number at a time.
const NUMBERS: [&str; 7] =
    ["0", "-1", "NaN", "1e308", "-1e308", "18446744073709551615", "99999999999999999999999"];

fn read(bytes: &[u8]) -> bool {
    let Ok(analysis) = analyze_content(Path::new("input"), bytes) else { return false };
    drop((render(&analysis, &[]), render_page(&analysis, &[])));
    for test in &analysis.tests {
        let summary = &test.summary;
        let values = [summary.avg_response_time, summary.p95, summary.p99, summary.rps, summary.error_rate];
        for value in values.into_iter().flatten() {
            assert!(value >= 0.0, "{value} is not a time, a rate or a share: {test:?}");
        }
    }
    if let Ok(comparison) = compare(analysis.clone(), analysis) {
        drop((render_comparison(&comparison, &[]), render_comparison_page(&comparison, &[])));
    }
    true
}

#[test]
fn inputs_that_are_cut_off_or_changed_are_read_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/analyze");
    let mut inputs = 0;
    for entry in std::fs::read_dir(&folder).expect("the stored inputs") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a stored input");
        assert!(read(&bytes), "{} is read as it is", path.display());
        inputs += 1;
        // The longer an input is, the wider are the steps.
        let step = bytes.len().div_ceil(150).max(1);
        for end in (0..bytes.len()).step_by(step) {
            read(&bytes[..end]);
        }
        let text = String::from_utf8_lossy(&bytes);
        let mut from = 0;
        let mut changed = 0;
        while let Some(start) = text[from..].find(|c: char| c.is_ascii_digit()).map(|at| from + at) {
            let rest = &text[start..];
            let end = start + rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            if changed % step == 0 {
                for number in NUMBERS {
                    read(format!("{}{number}{}", &text[..start], &text[end..]).as_bytes());
                }
            }
            changed += 1;
            from = end;
        }
    }
    assert!(inputs > 25, "{inputs} inputs");
}
