//! How reports write numbers, in one place.

use crate::evaluate::Estimate;
use crate::evaluate::goals::Goal;

/// Stands where there is no number.
pub(super) const NONE: &str = "–";

/// Stands where goals were given and could not be judged.
pub(super) const NOT_JUDGED: &str = "No list was played in full (all cases, all requests, five replications), so no goal is \
    judged.";

/// A ratio with its interval: `0.766 (0.71 to 0.82)`.
pub(super) fn estimate(estimate: Estimate) -> String {
    let Estimate { ratio, interval } = estimate;
    match interval {
        Some([low, high]) => format!("{ratio:.3} ({low:.3} to {high:.3})"),
        None => format!("{ratio:.3}"),
    }
}

/// A fraction as a percentage.
pub(super) fn percent(fraction: f64, digits: usize) -> String {
    format!("{:.digits$} %", fraction * 100.0)
}

/// A number with so many decimals, where there is one.
pub(super) fn fixed(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.digits$}"))
}

/// What a goal asks for, or what was measured for it.
pub(super) fn of_goal(goal: &Goal, value: Estimate) -> String {
    if goal.metric == "errors" { percent(value.ratio, 2) } else { estimate(value) }
}

/// What became of a goal.
pub(super) fn outcome(goal: &Goal) -> String {
    if goal.met {
        return "met".to_owned();
    }
    let by = match goal.metric.as_str() {
        "errors" => format!("{:.2} points", goal.short_by() * 100.0),
        _ => format!("{:.3}", goal.short_by()),
    };
    let close = if goal.is_close() { ", within the interval" } else { "" };
    format!("missed by {by}{close}")
}

/// Seconds, minutes and hours as people say them.
pub(super) fn length(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 120.0 => format!("{seconds:.1} s"),
        seconds if seconds < 7_200.0 => format!("{:.1} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3_600.0),
    }
}
