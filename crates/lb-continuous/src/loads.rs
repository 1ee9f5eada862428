//! Compares two loads without end, such as last night's and tonight's.
//!
//! The windows of both are compared as those before and after a mark are ([`crate::compare`]): by batch means and Welch's
//! test, at one look. Unlike the trials of an experiment, the loads did not play one schedule in alternation, so the result
//! says what differs, not why.

use crate::compare::{Change, FEWEST_BATCHES, Finding, Measure, compare, overall};
use crate::document::ContinuousDocument;
use crate::marks::{ALPHA, most_compared, said};
use crate::window::Window;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The first windows of a load that are left out: its users still arrive.
const FIRST_LEFT_OUT: usize = 1;

/// A load with the windows that were kept of it, in their order.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// What the load did.
    pub document: &'a ContinuousDocument,
    /// Its windows with their histograms.
    pub windows: &'a [Window],
}

/// The identity of a load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoadName {
    /// The name of the run.
    pub run_id: String,
    /// When the load began, in RFC 3339.
    pub started_at: String,
    /// What was under test, in words.
    pub target: String,
    /// The algorithm that it was switched to; null if it was left as it was.
    pub algorithm: Option<String>,
    /// The number of windows that were compared.
    pub windows: usize,
}

/// How two loads differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadComparison {
    /// The load that the other one is compared with.
    pub base: LoadName,
    /// The load that is judged.
    pub new: LoadName,
    /// The verdict over all measures.
    pub verdict: Finding,
    /// The verdict as a sentence.
    pub sentence: String,
    /// The change of each measure.
    pub changes: Vec<Change>,
    /// Differences between the loads that a reader should know.
    pub notes: Vec<String>,
}

/// Compares the load `new` with the load `base`. `margin` is the smallest change that matters, as a fraction.
///
/// # Errors
/// The loads played different scenarios, so that a difference would say nothing about what was under test.
pub fn compare_loads(base: Load<'_>, new: Load<'_>, margin: f64) -> Result<LoadComparison, String> {
    let (before, after) = (base.document, new.document);
    if (&before.config, &before.scenario) != (&after.config, &after.scenario) {
        return Err(format!(
            "loads `{}` and `{}` cannot be compared: the first played \"{}\" of `{}`, the second \"{}\" of `{}`; send both \
             the same load",
            before.run_id, after.run_id, before.scenario, before.config, after.scenario, after.config
        ));
    }
    let sides = [base, new].map(compared);
    let changes = compare(&sides[0], &sides[1], margin, ALPHA);
    let verdict = overall(&changes);
    Ok(LoadComparison {
        base: name(before, &sides[0]),
        new: name(after, &sides[1]),
        sentence: sentence(verdict, &changes, &before.run_id),
        verdict,
        changes,
        notes: notes(before, after),
    })
}

/// Returns the newest whole windows of a load.
fn compared<'a>(load: Load<'a>) -> Vec<&'a Window> {
    let length = f64::from(load.document.window_s);
    let whole = load.windows.iter().filter(|window| (window.figures.length_s - length).abs() < 1e-9);
    let mut windows: Vec<&Window> =
        whole.filter(|window| window.figures.start_s >= length * FIRST_LEFT_OUT as f64).collect();
    windows.drain(..windows.len().saturating_sub(most_compared(load.document.window_s)));
    windows
}

fn name(document: &ContinuousDocument, windows: &[&Window]) -> LoadName {
    LoadName {
        run_id: document.run_id.clone(),
        started_at: document.started_at.clone(),
        target: document.target.clone(),
        algorithm: document.algorithm.clone(),
        windows: windows.len(),
    }
}

fn sentence(verdict: Finding, changes: &[Change], base: &str) -> String {
    let list = |finding: Finding| -> String {
        let found = changes.iter().filter(|change| change.finding == finding).map(said);
        found.collect::<Vec<_>>().join("; ")
    };
    match verdict {
        Finding::Worse => format!("worse than `{base}`: {}", list(Finding::Worse)),
        Finding::Better => format!("better than `{base}`: {}", list(Finding::Better)),
        Finding::Equivalent => format!("no difference from `{base}` that matters"),
        Finding::TooLittleData => format!(
            "there is too little data for a verdict: each load needs {FEWEST_BATCHES} whole windows or more after its first one"
        ),
        Finding::Undecided => {
            let p95 = changes.iter().find(|change| change.measure == Measure::P95);
            let seen = p95.filter(|change| change.change.is_some()).map(said);
            let seen = seen.map_or_else(String::new, |seen| format!(" ({seen})"));
            format!("no difference from `{base}` is shown, and none is ruled out{seen}")
        }
    }
}

fn notes(before: &ContinuousDocument, after: &ContinuousDocument) -> Vec<String> {
    let mut notes = Vec::new();
    if before.target != after.target || before.algorithm != after.algorithm {
        let named = |document: &ContinuousDocument| match &document.algorithm {
            Some(algorithm) => format!("{}, {algorithm}", document.target),
            None => document.target.clone(),
        };
        notes.push(format!("under test: first {}; then {}", named(before), named(after)));
    }
    for document in [before, after].into_iter().filter(|document| !document.changes.is_empty()) {
        let last = document.changes.last().map_or("", |change| change.text.as_str());
        notes.push(format!(
            "`{}` was changed by commands while it ran ({} in all, the last: {last}), so its windows are not alike",
            document.run_id,
            document.changes.len()
        ));
    }
    if before.window_s != after.window_s {
        notes.push(format!(
            "windows are {} s long in the first load and {} s in the second; shorter ones vary more",
            before.window_s, after.window_s
        ));
    }
    notes.push(
        "the loads were sent at different times, so whatever else changed between them counts as well"
            .to_owned(),
    );
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Ending, Totals};
    use crate::window::Tally;
    use lb_core::{Outcome, Span};
    use lb_record::{StepRecord, TrialRecord};

    fn windows(count: u32, ms: f64) -> Vec<Window> {
        let window = |number: u32| {
            let mut step = StepRecord::default();
            for request in 0..200_u32 {
                let spread = 1.0 + 0.002 * f64::from((request * 37 + number * 11) % 100);
                let cell = step.outcomes[Outcome::Ok.index()].get_or_insert_default();
                cell.record(Span::from_millis_f64(ms * spread), 100);
            }
            let mut tally = Tally::default();
            tally.add(&TrialRecord { steps: vec![step], ..TrialRecord::default() });
            tally.close(10.0 * f64::from(number), if number + 1 == count { 3.0 } else { 10.0 })
        };
        (0..count).map(window).collect()
    }

    fn document(run_id: &str, scenario: &str) -> ContinuousDocument {
        let empty = serde_json::json!({
            "schema_version": 1, "run_id": run_id, "command": [], "version": "", "commit": "", "config": "shop",
            "scenario": scenario, "target": "reference", "algorithm": null, "started_at": "", "ending": Ending::Stopped,
            "written_at": "", "seconds": 0.0, "window_s": 10, "totals": Totals::default(), "requests": [], "backends": [],
            "failures": [], "marks": [], "observed": null, "recent": [], "hours": [], "notes": [], "changes": [],
        });
        serde_json::from_value(empty).expect("a document")
    }

    fn found(one: &[Window], other: &[Window]) -> LoadComparison {
        let (base, new) = (document("base", "visitors"), document("new", "visitors"));
        let load = |document, windows| Load { document, windows };
        compare_loads(load(&base, one), load(&new, other), 0.05).expect("the same scenario")
    }

    #[test]
    fn a_slower_load_is_worse_and_an_equal_one_is_equivalent() {
        let worse = found(&windows(40, 10.0), &windows(40, 12.0));
        assert_eq!(worse.verdict, Finding::Worse, "{}", worse.sentence);
        assert!(worse.sentence.starts_with("worse than `base`: mean latency 2"), "{}", worse.sentence);
        // The first and the last one, which is not whole, are left out.
        assert_eq!((worse.base.windows, worse.new.windows), (38, 38));
        let equal = found(&windows(40, 10.0), &windows(40, 10.0));
        assert_eq!((equal.verdict, equal.notes.len()), (Finding::Equivalent, 1), "{}", equal.sentence);
    }

    #[test]
    fn short_loads_show_their_values_without_a_verdict_and_others_are_refused() {
        let short = found(&windows(4, 10.0), &windows(4, 12.0));
        assert_eq!(short.verdict, Finding::TooLittleData);
        assert!(short.sentence.contains("6 whole windows or more"), "{}", short.sentence);
        assert!(
            short.changes[0].before.is_some() && short.changes[0].after.is_some(),
            "{:?}",
            short.changes[0]
        );
        let (base, other) = (document("base", "visitors"), document("other", "buyers"));
        let load = |document| Load { document, windows: &[] };
        let error = compare_loads(load(&base), load(&other), 0.05).expect_err("other scenarios");
        assert!(
            error.contains("`base` and `other` cannot be compared") && error.contains("buyers"),
            "{error}"
        );
    }
}
