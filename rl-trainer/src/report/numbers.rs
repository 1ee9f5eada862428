//! Formats numbers for reports.

use crate::evaluate::Estimate;
use crate::evaluate::goals::Goal;

/// Placeholder for a missing number.
pub(super) const NONE: &str = "–";

/// Message if goals were given but could not be judged.
pub(super) const NOT_JUDGED: &str = "No list was played in full (all cases, all requests, five replications), so no goal is \
    judged.";

/// Formats a ratio with its interval, such as `0.766 (0.710 to 0.820)`.
pub(super) fn estimate(estimate: Estimate) -> String {
    let Estimate { ratio, interval } = estimate;
    match interval {
        Some([low, high]) => format!("{ratio:.3} ({low:.3} to {high:.3})"),
        None => format!("{ratio:.3}"),
    }
}

/// Formats a fraction as a percentage.
pub(super) fn percent(fraction: f64, digits: usize) -> String {
    format!("{:.digits$} %", fraction * 100.0)
}

/// Formats a number with `digits` decimals, or a placeholder for `None`.
pub(super) fn fixed(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.digits$}"))
}

/// Formats the target or the measured value of a goal.
pub(super) fn of_goal(goal: &Goal, value: Estimate) -> String {
    if goal.metric == "errors" { percent(value.ratio, 2) } else { estimate(value) }
}

/// Describes the outcome of a goal.
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

/// Formats a duration in seconds, minutes or hours.
pub(crate) fn length(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 120.0 => format!("{seconds:.1} s"),
        seconds if seconds < 7_200.0 => format!("{:.1} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3_600.0),
    }
}
