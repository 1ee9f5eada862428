//! How reports write numbers and verdicts, in one place, so that all formats say the same.

use lb_results::{
    AlgorithmSummary, FaultResponse, GuardSummary, LoadModel, Metric, ScenarioSummary, Verdict,
};

/// Shown in place of a number where there is none.
pub(super) const NONE: &str = "–";

/// Formats milliseconds to one decimal, as on the console.
pub(super) fn millis(value: Option<f64>) -> String {
    fixed(value, 1)
}

/// Formats a number with a fixed number of decimals.
pub(super) fn fixed(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.digits$}"))
}

/// Formats a fraction (0 to 1) as a percentage.
pub fn percent(fraction: f64, digits: usize) -> String {
    format!("{:.digits$} %", fraction * 100.0)
}

/// Formats seconds without needless zeros, such as `12.5 s`.
pub(super) fn seconds(value: f64) -> String {
    format!("{} s", trimmed(value, 1))
}

/// Formats a number with a limited number of decimals, without zeros at the end.
pub(super) fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Formats a point in time (RFC 3339) without fractions of a second; other text stays as it is.
pub(super) fn moment(text: &str) -> String {
    let parsed = text.parse::<jiff::Timestamp>().and_then(|time| time.round(jiff::Unit::Second));
    parsed.map_or_else(|_| text.to_owned(), |time| time.to_string())
}

/// Formats a count with its noun: `1 trial`, `2 trials`.
pub fn count(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

/// Says what sends requests: users, arrivals of the open model, or both.
pub(super) fn senders(scenario: &ScenarioSummary) -> String {
    let users = format!("at most {}", count(scenario.peak_users as usize, "user"));
    match scenario.model {
        LoadModel::Open => "arrivals at scheduled times".to_owned(),
        LoadModel::Mixed => format!("{users} and arrivals at scheduled times"),
        LoadModel::Closed => users,
    }
}

/// Formats the time until faulty backends were avoided. `None` where no other backend was there to turn to.
pub(super) fn time_to_avoid(response: &FaultResponse) -> Option<String> {
    match response.time_to_avoid_s {
        Some(time) => Some(within(time, response.resolution_s)),
        None => avoidable(response).then(|| "never".to_owned()),
    }
}

/// Formats the time until the backends were used again, after a fault that `ended` within the run. `None` where
/// the fault did not end, or where no other backend was there to turn to.
pub(super) fn time_to_return(response: &FaultResponse, ended: bool) -> Option<String> {
    match (response.time_to_return_s, response.time_to_avoid_s) {
        (Some(time), _) => Some(within(time, response.resolution_s)),
        (None, Some(_)) => ended.then(|| "not within the run".to_owned()),
        (None, None) => avoidable(response).then(|| "never avoided".to_owned()),
    }
}

/// Returns whether a fault could be avoided: it hits some of the backends, and requests came before it.
fn avoidable(response: &FaultResponse) -> bool {
    response.share_before.is_some_and(|share| share > 0.0 && share < 1.0)
}

/// Formats seconds; below the resolution it says only that.
fn within(seconds: f64, resolution_s: f64) -> String {
    if seconds < resolution_s { format!("< {resolution_s:.1} s") } else { format!("{seconds:.1} s") }
}

/// Says who made the decisions under a learned policy. `None` under other algorithms.
pub(super) fn guards(algorithm: &AlgorithmSummary) -> Option<String> {
    algorithm.guards.as_ref().map(guard_line)
}

fn guard_line(guards: &GuardSummary) -> String {
    let share = |part: u64| percent(part as f64 / guards.decisions.max(1) as f64, 2);
    let mut line = format!(
        "of {} decisions, guards made {} to keep up minimum shares and the fallback made {}",
        guards.decisions,
        share(guards.minimum_share),
        percent(guards.fallback_share, 2),
    );
    let reasons = [(guards.stale, "no recent replies"), (guards.not_finite, "a score was not finite")];
    let reasons: Vec<String> = reasons
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("{why}: {}", share(count)))
        .collect();
    if !reasons.is_empty() {
        line += &format!(" ({})", reasons.join(", "));
    }
    line
}

/// Formats a p value to four decimals; below 0.0001 it says only that.
pub(super) fn p_value(value: Option<f64>) -> String {
    match value {
        Some(p) if p < 0.0001 => "< 0.0001".to_owned(),
        _ => fixed(value, 4),
    }
}

/// Formats a value of a metric with its unit.
pub(super) fn metric_value(metric: Metric, value: f64) -> String {
    match metric {
        Metric::Mean | Metric::P50 | Metric::P95 | Metric::P99 | Metric::P999 => format!("{value:.1} ms"),
        Metric::ErrorRate => percent(value, 2),
        Metric::Goodput => format!("{value:.1} req/s"),
        Metric::JainIndex => format!("{value:.3}"),
    }
}

/// Formats an effect with its sign: a percentage for ratios, percentage points for the error rate.
pub(super) fn effect(metric: Metric, value: f64) -> String {
    match metric {
        Metric::ErrorRate => format!("{:+.2} pp", value * 100.0),
        Metric::JainIndex => format!("{value:+.3}"),
        _ => format!("{:+.1} %", value * 100.0),
    }
}

/// Formats the size of an effect, without its sign.
pub(super) fn effect_size(metric: Metric, value: Option<f64>) -> String {
    value.map_or_else(
        || NONE.to_owned(),
        |value| effect(metric, value.abs()).trim_start_matches('+').to_owned(),
    )
}

/// Formats the interval of an effect.
pub(super) fn interval(metric: Metric, value: Option<[f64; 2]>) -> String {
    value.map_or_else(
        || NONE.to_owned(),
        |[low, high]| format!("{} to {}", effect(metric, low), effect(metric, high)),
    )
}

/// Returns a verdict in words that need no sentence beside them.
pub(super) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Mixed => "better and worse",
        verdict => verdict.label(),
    }
}

/// Turns a name such as `latency_factor` into words.
pub(super) fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// Quotes a command so that it can be pasted into a shell.
pub fn command_line(words: &[String]) -> String {
    let quoted = words.iter().map(|word| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
        match !word.is_empty() && word.chars().all(plain) {
            true => word.clone(),
            false => format!("'{}'", word.replace('\'', r"'\''")),
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_carry_sign_and_unit_of_their_metric() {
        let table = [
            (Metric::P95, 0.104, "+10.4 %"),
            (Metric::Goodput, -0.05, "-5.0 %"),
            (Metric::ErrorRate, 0.0012, "+0.12 pp"),
            (Metric::JainIndex, -0.02, "-0.020"),
        ];
        for (metric, value, text) in table {
            assert_eq!(effect(metric, value), text, "{} is written in its own unit", metric.label());
        }
    }

    #[test]
    fn a_fallback_is_shown_with_its_causes() {
        let with = |stale, not_finite| {
            let fallback_share = (stale + not_finite) as f64 / 200.0;
            let guards = GuardSummary { decisions: 200, minimum_share: 1, stale, not_finite, fallback_share };
            let line = guard_line(&guards);
            line.strip_prefix("of 200 decisions, guards made 0.50 % to keep up minimum shares and ")
                .unwrap_or_else(|| panic!("{line}"))
                .to_owned()
        };
        assert_eq!(with(0, 0), "the fallback made 0.00 %");
        assert_eq!(with(3, 0), "the fallback made 1.50 % (no recent replies: 1.50 %)");
        assert_eq!(
            with(3, 1),
            "the fallback made 2.00 % (no recent replies: 1.50 %, a score was not finite: 0.50 %)"
        );
    }

    #[test]
    fn commands_are_quoted_for_the_shell() {
        let words = ["bench", "--config", "my file.json", "it's", ""].map(str::to_owned);
        assert_eq!(
            command_line(&words),
            r"bench --config 'my file.json' 'it'\''s' ''",
            "pasting must give the same words"
        );
    }

    #[test]
    fn numbers_lose_only_zeros_behind_the_point() {
        for (value, text) in [(100.0, "100"), (12.5, "12.5"), (0.0, "0"), (30.04, "30")] {
            assert_eq!(trimmed(value, 1), text, "{value}");
        }
    }
}
