//! Marks: what somebody says about a load from outside, such as that a new version was deployed, and the verdict
//! between before and after.
//!
//! The windows between two marks belong to one version. Before a mark, the last 25 minutes at most are compared, and
//! after it the first 25; the window in which it lies belongs to neither side. While windows come in, the verdict is
//! formed again at set *looks*: with 8 windows after the mark, 16, 32 and so on, and at last with all. Whoever looks
//! several times has several chances of a false alarm, so each look has its share of the error rate of 5 % (Bonferroni).

use crate::compare::{Change, FEWEST_WINDOWS, Finding, Measure, compare, overall};
use crate::window::Window;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Seconds on each side of a mark that are compared at most.
const MOST_COMPARED_S: u32 = 25 * 60;

/// Windows on each side of a mark that are compared at most: more of them take seconds to put together, while the load
/// waits for its collector.
const MOST_WINDOWS: usize = 300;

/// The number of marks that are kept; the oldest makes room.
const MARKS_KEPT: usize = 100;

/// The probability of a false alarm for each mark, over all looks.
pub(crate) const ALPHA: f64 = 0.05;

/// The longest name of a mark, in characters.
pub const LONGEST_NAME: usize = 64;

/// The longest time after a mark that can be left out, in seconds.
pub const LONGEST_SETTLE_S: f64 = 600.0;

/// What a client sends to set a mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkRequest {
    /// The name of the mark, such as the version that was deployed.
    pub name: String,
    /// Seconds after the mark that are left out, while the deployment settles.
    #[serde(default)]
    pub settle_s: f64,
}

/// The reason why a mark is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkError(String);

impl std::fmt::Display for MarkError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MarkError {}

/// Whether a verdict may still change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarkState {
    /// Windows after the mark still come in.
    Growing,
    /// All windows that are compared are there.
    Complete,
}

/// A mark with its verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MarkSummary {
    /// The name of the mark.
    pub name: String,
    /// When it was set, in RFC 3339.
    pub at: String,
    /// When it was set, in seconds since the load began.
    pub at_s: f64,
    /// Seconds after the mark that are left out.
    pub settle_s: f64,
    /// Whether the verdict may still change.
    pub state: MarkState,
    /// Number of windows before the mark that were compared.
    pub before_windows: usize,
    /// Number of windows after the mark that were compared; 0 before the first look.
    pub after_windows: usize,
    /// The verdict over all measures.
    pub verdict: Finding,
    /// The verdict as a sentence.
    pub sentence: String,
    /// The change of each measure; empty before the first look.
    pub changes: Vec<Change>,
}

/// The marks of a load.
#[derive(Clone, Debug)]
pub struct Marks {
    list: Vec<MarkSummary>,
    /// The number of marks that were set, including those that are no longer kept.
    set: u64,
    window_s: u32,
    /// The smallest change that matters, as a fraction.
    margin: f64,
    /// Seconds at the beginning of the load that belong to no version, since users still arrive.
    ramp_up_s: f64,
}

impl MarkRequest {
    /// Checks the request.
    ///
    /// # Errors
    /// When the name is empty, too long or not plain text, or the time is out of range.
    pub fn check(&self) -> Result<(), MarkError> {
        let count = self.name.trim().chars().count();
        if count == 0 || count > LONGEST_NAME || self.name.chars().any(char::is_control) {
            return Err(MarkError(format!(
                "the name of a mark must have 1 to {LONGEST_NAME} characters on one line; use one such as `v2`"
            )));
        }
        if !(0.0..=LONGEST_SETTLE_S).contains(&self.settle_s) {
            return Err(MarkError(format!(
                "`settle_s` is {}; must be from 0 to {LONGEST_SETTLE_S} seconds",
                self.settle_s
            )));
        }
        Ok(())
    }
}

impl Marks {
    /// Makes an empty list for windows of `window_s` seconds. `margin` is the smallest change that matters, as a
    /// fraction; the first `ramp_up_s` seconds of the load are not compared.
    pub fn new(window_s: u32, margin: f64, ramp_up_s: f64) -> Self {
        Self { list: Vec::new(), set: 0, window_s: window_s.max(1), margin, ramp_up_s }
    }

    /// Sets a mark `at_s` seconds after the load began; `at` is that time in RFC 3339.
    ///
    /// # Errors
    /// When the request is not sound.
    pub fn set(&mut self, request: &MarkRequest, at_s: f64, at: String) -> Result<&MarkSummary, MarkError> {
        request.check()?;
        if self.list.len() == MARKS_KEPT {
            self.list.remove(0);
        }
        self.set += 1;
        let seconds = FEWEST_WINDOWS as u32 * self.window_s;
        self.list.push(MarkSummary {
            name: request.name.trim().to_owned(),
            at,
            at_s,
            settle_s: request.settle_s,
            state: MarkState::Growing,
            before_windows: 0,
            after_windows: 0,
            verdict: Finding::TooLittleData,
            sentence: format!("the first verdict needs {seconds} s after the mark"),
            changes: Vec::new(),
        });
        Ok(self.list.last().expect("it was just added"))
    }

    /// Returns the marks in the order in which they were set; only the last hundred are kept.
    pub fn list(&self) -> &[MarkSummary] {
        &self.list
    }

    /// Returns the number of marks that were set.
    pub fn count(&self) -> u64 {
        self.set
    }

    /// Forms the verdicts that are due, given the windows that are kept. Returns the marks whose verdict was formed.
    pub fn update<'a>(&mut self, recent: impl Iterator<Item = &'a Window> + Clone) -> Vec<MarkSummary> {
        self.look(recent, false)
    }

    /// Forms the last verdicts, at the end of the load.
    pub fn finish<'a>(&mut self, recent: impl Iterator<Item = &'a Window> + Clone) -> Vec<MarkSummary> {
        self.look(recent, true)
    }

    fn look<'a>(
        &mut self,
        recent: impl Iterator<Item = &'a Window> + Clone,
        is_end: bool,
    ) -> Vec<MarkSummary> {
        let length = f64::from(self.window_s);
        let whole = || recent.clone().filter(move |window| (window.figures.length_s - length).abs() < 1e-9);
        let newest = whole().last().map_or(0.0, |window| window.figures.end_s());
        let most = self.most();
        let mut news = Vec::new();
        for place in 0..self.list.len() {
            let mark = &self.list[place];
            if mark.state == MarkState::Complete {
                continue;
            }
            let (at, begin) = (mark.at_s, mark.at_s + mark.settle_s);
            let previous = place.checked_sub(1).map(|before| &self.list[before]);
            let since = previous.map_or(self.ramp_up_s, |before| before.at_s + before.settle_s);
            let until = self.list.get(place + 1).map_or(f64::INFINITY, |next| next.at_s);
            let within = |window: &&Window, from: f64, to: f64| {
                window.figures.start_s >= from && window.figures.end_s() <= to
            };
            let after: Vec<&Window> =
                whole().filter(|window| within(window, begin, until)).take(most).collect();
            let mut before: Vec<&Window> = whole().filter(|window| within(window, since, at)).collect();
            before.drain(..before.len().saturating_sub(most));
            let complete = is_end || after.len() == most || newest > until;
            let due = self.looks().filter(|look| *look <= after.len()).last().unwrap_or(0);
            let is_due = due > mark.after_windows || complete && after.len() > mark.after_windows;
            let alpha = ALPHA / self.looks().count() as f64;
            let margin = self.margin;
            let mark = &mut self.list[place];
            if complete {
                mark.state = MarkState::Complete;
            }
            if !is_due && !complete {
                continue;
            }
            if is_due {
                mark.changes = compare(&before, &after, margin, alpha);
                mark.verdict = overall(&mark.changes);
                (mark.before_windows, mark.after_windows) = (before.len(), after.len());
            }
            mark.sentence = sentence(mark, before.len(), after.len());
            news.push(mark.clone());
        }
        news
    }

    /// Returns the most windows on each side that are compared.
    fn most(&self) -> usize {
        most_compared(self.window_s)
    }

    /// Returns the numbers of windows after a mark at which its verdict is formed, in ascending order.
    fn looks(&self) -> impl Iterator<Item = usize> + use<> {
        let most = self.most();
        let doubling = std::iter::successors(Some(FEWEST_WINDOWS), |look| Some(2 * look));
        doubling.take_while(move |look| *look < most).chain([most])
    }
}

/// Returns the most windows of `window_s` seconds on each side of a comparison.
pub(crate) fn most_compared(window_s: u32) -> usize {
    ((MOST_COMPARED_S / window_s.max(1)) as usize).clamp(FEWEST_WINDOWS, MOST_WINDOWS)
}

/// Says in words what a mark's windows show.
fn sentence(mark: &MarkSummary, before: usize, after: usize) -> String {
    let name = &mark.name;
    if mark.changes.is_empty() || mark.verdict == Finding::TooLittleData {
        return format!(
            "there is too little data to compare before and after `{name}`: {before} whole windows before and {after} \
             after, of {FEWEST_WINDOWS} needed on each side"
        );
    }
    let changes = |finding: Finding| -> Vec<String> {
        mark.changes.iter().filter(|change| change.finding == finding).map(said).collect()
    };
    match mark.verdict {
        Finding::Worse => format!("worse since `{name}`: {}", changes(Finding::Worse).join("; ")),
        Finding::Better => format!("better since `{name}`: {}", changes(Finding::Better).join("; ")),
        Finding::Equivalent => format!("no difference that matters since `{name}`"),
        _ => {
            let p95 = mark.changes.iter().find(|change| change.measure == Measure::P95);
            let seen = p95.filter(|change| change.change.is_some()).map(said);
            let seen = seen.map_or_else(String::new, |seen| format!(" ({seen})"));
            format!("no difference is shown since `{name}`, and none is ruled out{seen}")
        }
    }
}

/// Says how a measure changed, with its interval.
pub(crate) fn said(change: &Change) -> String {
    let Change { measure, change: found, interval, .. } = change;
    let (found, [low, high]) = (found.unwrap_or(0.0), interval.unwrap_or([0.0, 0.0]));
    let (more, less) = match measure {
        Measure::Throughput | Measure::ErrorRate => ("higher", "lower"),
        Measure::Mean | Measure::P50 | Measure::P95 | Measure::P99 => ("slower", "faster"),
    };
    let word = if found >= 0.0 { more } else { less };
    let unit = if measure.is_difference() { "points" } else { "%" };
    format!(
        "{} {:.1} {unit} {word} (interval {:+.1} to {:+.1})",
        measure.name(),
        100.0 * found.abs(),
        100.0 * low,
        100.0 * high
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Tally;
    use lb_core::{Outcome, Span};
    use lb_record::{StepRecord, TrialRecord};

    fn window(number: u32, ms: f64) -> Window {
        let mut step = StepRecord::default();
        for request in 0..200_u32 {
            let spread = 1.0 + 0.002 * f64::from((request * 37 + number * 11) % 100);
            let cell = step.outcomes[Outcome::Ok.index()].get_or_insert_default();
            cell.record(Span::from_millis_f64(ms * spread), 100);
        }
        let mut tally = Tally::default();
        tally.add(&TrialRecord { steps: vec![step], ..TrialRecord::default() });
        tally.close(10.0 * f64::from(number), 10.0)
    }

    fn request(name: &str) -> MarkRequest {
        MarkRequest { name: name.to_owned(), settle_s: 0.0 }
    }

    fn at() -> String {
        "2026-11-29T12:00:00Z".to_owned()
    }

    #[test]
    fn a_verdict_is_formed_at_looks_and_frozen_when_its_windows_are_there() {
        let mut marks = Marks::new(10, 0.05, 0.0);
        let mut windows: Vec<Window> = (0..30).map(|number| window(number, 10.0)).collect();
        // In the middle of window 30, which belongs to neither side.
        marks.set(&request("v2"), 305.0, at()).expect("a sound mark");
        let mut looked = Vec::new();
        for number in 30..230 {
            windows.push(window(number, 12.0));
            for news in marks.update(windows.iter()) {
                assert_eq!(news.verdict, Finding::Worse, "{}", news.sentence);
                looked.push(news.after_windows);
            }
        }
        assert_eq!(looked, [8, 16, 32, 64, 128, 150], "each doubling, and when 25 minutes are there");
        let mark = &marks.list()[0];
        assert_eq!((mark.state, mark.before_windows), (MarkState::Complete, 30));
        assert!(mark.sentence.starts_with("worse since `v2`: mean latency 2"), "{}", mark.sentence);
        assert!(
            mark.sentence.contains("p95 ") && mark.sentence.contains("% slower (interval +"),
            "{}",
            mark.sentence
        );
    }

    #[test]
    fn the_next_mark_ends_the_windows_of_the_one_before() {
        let mut marks = Marks::new(10, 0.05, 20.0);
        let mut windows: Vec<Window> = (0..20).map(|number| window(number, 10.0)).collect();
        marks.set(&request("v2"), 200.0, at()).expect("a sound mark");
        windows.extend((20..40).map(|number| window(number, 10.0)));
        marks.update(windows.iter());
        marks.set(&request("v3"), 400.0, at()).expect("a sound mark");
        windows.extend((40..60).map(|number| window(number, 15.0)));
        marks.update(windows.iter());
        marks.finish(windows.iter());
        let [two, three] = marks.list() else { panic!("two marks") };
        assert_eq!((two.before_windows, two.after_windows), (18, 20), "the ramp-up is left out");
        assert_eq!((three.before_windows, three.after_windows), (20, 20));
        assert_eq!((two.verdict, three.verdict), (Finding::Equivalent, Finding::Worse));
        assert!(marks.list().iter().all(|mark| mark.state == MarkState::Complete));
    }

    #[test]
    fn a_mark_without_enough_windows_says_what_is_missing() {
        let mut marks = Marks::new(10, 0.05, 0.0);
        let windows: Vec<Window> = (0..10).map(|number| window(number, 10.0)).collect();
        marks.set(&request("late"), 70.0, at()).expect("a sound mark");
        assert!(marks.update(windows.iter()).is_empty(), "no look is due");
        let news = marks.finish(windows.iter());
        assert_eq!(news[0].verdict, Finding::TooLittleData);
        assert!(
            news[0].sentence.contains("7 whole windows before and 3 after, of 8 needed"),
            "{}",
            news[0].sentence
        );
    }

    #[test]
    fn marks_are_checked_and_bounded() {
        let mut marks = Marks::new(10, 0.05, 0.0);
        for (name, settle_s) in [("", 0.0), ("  ", 0.0), ("a\nb", 0.0), ("v2", -1.0), ("v2", f64::NAN)] {
            let request = MarkRequest { name: name.to_owned(), settle_s };
            assert!(marks.set(&request, 1.0, at()).is_err(), "{name:?} {settle_s}");
        }
        assert!(marks.set(&request(&"x".repeat(LONGEST_NAME + 1)), 1.0, at()).is_err());
        for number in 0..MARKS_KEPT + 5 {
            marks.set(&request(&number.to_string()), number as f64, at()).expect("a sound mark");
        }
        assert_eq!((marks.list().len(), marks.count()), (MARKS_KEPT, MARKS_KEPT as u64 + 5));
        assert_eq!(marks.list()[0].name, "5", "the oldest made room");
    }
}
