//! Formats numbers and verdicts for reports, in one place, so that all formats agree.

use crate::spread::Whiskers;
use lb_results::{
    AlgorithmSummary, FaultResponse, GuardSummary, LoadModel, Metric, PilotSummary, ScenarioSummary, Verdict,
};

/// Placeholder for a missing number.
pub(super) const NONE: &str = "–";

/// The name of the best bound in tables.
pub(super) const BEST_POSSIBLE: &str = "best possible (simulated)";

/// The warning of a run that accepted any certificate.
pub(super) const UNVERIFIED_TLS: &str =
    "TLS certificates were not verified (--insecure): whoever answered may not be the target.";

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
pub fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Formats a point in time (RFC 3339) without fractions of a second; other text is unchanged.
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

/// A piece of text with code in backticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Ordinary text.
    Prose(&'a str),
    /// Code, without its backticks.
    Code(&'a str),
}

/// Splits text into prose and code in backticks. An unpaired backtick, or one directly beside another, is
/// prose.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut prose = 0;
    let mut from = 0;
    while let Some(open) = text[from..].find('`').map(|at| from + at) {
        let Some(length) = text[open + 1..].find('`') else { break };
        let close = open + 1 + length;
        if length > 0 {
            pieces.push(Piece::Prose(&text[prose..open]));
            pieces.push(Piece::Code(&text[open + 1..close]));
            prose = close + 1;
        }
        from = close + 1;
    }
    pieces.push(Piece::Prose(&text[prose..]));
    pieces.retain(|piece| *piece != Piece::Prose(""));
    pieces
}

/// Describes what sends requests: users, arrivals of the open model, or both.
pub(super) fn senders(scenario: &ScenarioSummary) -> String {
    let users = format!("at most {}", count(scenario.peak_users as usize, "user"));
    match scenario.model {
        LoadModel::Open => "arrivals at scheduled times".to_owned(),
        LoadModel::Mixed => format!("{users} and arrivals at scheduled times"),
        LoadModel::Closed => users,
    }
}

/// Formats the time until faulty backends were avoided. `None` if there was no other backend to use instead.
pub(super) fn time_to_avoid(response: &FaultResponse) -> Option<String> {
    match response.time_to_avoid_s {
        Some(time) => Some(within(time, response.resolution_s)),
        None => avoidable(response).then(|| "never".to_owned()),
    }
}

/// Formats the time until the backends were used again, after a fault that `ended` within the run. `None` if
/// the fault did not end, or if there was no other backend to use instead.
pub(super) fn time_to_return(response: &FaultResponse, ended: bool) -> Option<String> {
    match (response.time_to_return_s, response.time_to_avoid_s) {
        (Some(time), _) => Some(within(time, response.resolution_s)),
        (None, Some(_)) => ended.then(|| "not within the run".to_owned()),
        (None, None) => avoidable(response).then(|| "never avoided".to_owned()),
    }
}

/// Returns whether a fault could be avoided: it affects only some of the backends, and they got requests
/// before it.
fn avoidable(response: &FaultResponse) -> bool {
    response.share_before.is_some_and(|share| share > 0.0 && share < 1.0)
}

/// Formats seconds; values below the resolution appear as `< resolution`.
fn within(seconds: f64, resolution_s: f64) -> String {
    if seconds < resolution_s { format!("< {resolution_s:.1} s") } else { format!("{seconds:.1} s") }
}

/// Describes which part of a learned policy made the decisions. `None` under other algorithms.
pub(super) fn guards(algorithm: &AlgorithmSummary) -> Option<String> {
    algorithm.guards.as_ref().map(guard_line)
}

fn guard_line(guards: &GuardSummary) -> String {
    let share = |part: u64| percent(part as f64 / guards.decisions.max(1) as f64, 2);
    let mut line = format!(
        "of {} decisions, guards made {} to keep minimum shares and the fallback made {}",
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
    if guards.distrusted > 0 {
        line += &format!("; the pool profile was contradicted {} times", guards.distrusted);
    }
    line
}

/// Says how often the load balancer repeated failed attempts: the success rate of clients does not show them.
/// `None` if it repeated none.
pub(super) fn retries(algorithm: &AlgorithmSummary) -> Option<String> {
    let of: Vec<(&str, u64)> = algorithm
        .backends
        .iter()
        .filter_map(|backend| Some((backend.id.as_str(), backend.retries.filter(|retries| *retries > 0)?)))
        .collect();
    let elsewhere = algorithm.retries.unwrap_or(0);
    let total = of.iter().map(|(_, retries)| retries).sum::<u64>() + elsewhere;
    let mut places: Vec<String> = of.iter().map(|(id, retries)| format!("{id}: {retries}")).collect();
    if elsewhere > 0 {
        places.push("it does not tell at which backends".to_owned());
    }
    (total > 0).then(|| {
        format!(
            "the load balancer repeated {total} failed {} ({}), which the success rate does not show",
            if total == 1 { "attempt" } else { "attempts" },
            places.join(", ")
        )
    })
}

/// Says why an algorithm has no index of its shares although backends are known. `None` if it has one.
pub(super) fn index_left_out(algorithm: &AlgorithmSummary) -> Option<&'static str> {
    let named = algorithm.backends.iter().any(|backend| backend.requests > 0);
    (named && algorithm.jain_index.is_none()).then_some(
        "the backends are known from replies alone, so one that answered nothing is missing and Jain's index is left \
         out; list all of them in `bench.backends`",
    )
}

/// Formats a p value to four decimals; smaller values appear as `< 0.0001`.
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

/// Returns the name of a metric with its unit, as in headings.
pub(super) fn metric_name(metric: Metric) -> String {
    match metric {
        Metric::Mean => "Mean latency (ms)".to_owned(),
        Metric::P50 | Metric::P95 | Metric::P99 | Metric::P999 => {
            format!("{} latency (ms)", metric.label().to_uppercase())
        }
        Metric::ErrorRate => "Error rate".to_owned(),
        Metric::Goodput => "Goodput (req/s)".to_owned(),
        Metric::JainIndex => "Jain's index".to_owned(),
    }
}

/// Formats a value with its spread: `41.2 [39.8, 43.1]` with an interval, `41.2 (38.0 to 44.9)` with the
/// range of the trials.
pub(super) fn spread_text(
    metric: Metric,
    value: Option<(f64, Option<[f64; 2]>)>,
    whiskers: Whiskers,
) -> String {
    let Some((value, ends)) = value else { return NONE.to_owned() };
    let number = |value: f64| match metric {
        Metric::ErrorRate => percent(value, 2),
        Metric::JainIndex => format!("{value:.3}"),
        _ => format!("{value:.1}"),
    };
    match (ends.map(|ends| ends.map(number)), whiskers) {
        (Some([low, high]), Whiskers::Interval) => format!("{} [{low}, {high}]", number(value)),
        (Some([low, high]), _) => format!("{} ({low} to {high})", number(value)),
        (None, _) => number(value),
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

/// Returns a verdict in words that are clear without a sentence.
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

/// Describes the result of a pilot.
pub fn pilot_sentence(pilot: &PilotSummary) -> String {
    let name = pilot.metric.label();
    let played = count(pilot.played as usize, "block");
    let finds = match pilot.finds {
        Some(finds) => format!("find a difference of {:.0} % in {name}", 100.0 * finds),
        None if pilot.blocks < pilot.needed => format!("cannot find a difference in {name}"),
        None => format!("tell all algorithms apart in {name}"),
    };
    let needed = if pilot.needed > pilot.blocks {
        format!("; {:.0} % needs {}", 100.0 * pilot.target, count(pilot.needed as usize, "block"))
    } else {
        String::new()
    };
    format!(
        "pilot: {} {finds} with a probability of 80 %{needed} (simulated, {played})",
        count(pilot.blocks as usize, "block")
    )
}

/// Begins a text with a capital letter.
pub(crate) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The terminal width, in characters, that a brief report fits.
pub(crate) const WIDTH: usize = 80;

/// Wraps text between words into lines of at most `width` characters. Continuation lines are indented by
/// `indent`; the first line keeps its own indentation.
pub(crate) fn wrapped(text: &str, indent: &str, width: usize) -> String {
    let words = text.trim_start_matches(' ');
    let mut lines = vec![text[..text.len() - words.len()].to_owned()];
    for word in words.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if line.trim_start().is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(format!("{indent}{word}"));
        }
    }
    lines.join("\n")
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
            let guards = GuardSummary {
                decisions: 200,
                minimum_share: 1,
                stale,
                not_finite,
                distrusted: 5 * not_finite,
                fallback_share,
            };
            let line = guard_line(&guards);
            line.strip_prefix("of 200 decisions, guards made 0.50 % to keep minimum shares and ")
                .unwrap_or_else(|| panic!("{line}"))
                .to_owned()
        };
        assert_eq!(with(0, 0), "the fallback made 0.00 %");
        assert_eq!(with(3, 0), "the fallback made 1.50 % (no recent replies: 1.50 %)");
        assert_eq!(
            with(3, 1),
            "the fallback made 2.00 % (no recent replies: 1.50 %, a score was not finite: 0.50 %); the pool profile was \
             contradicted 5 times"
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
    fn lines_are_broken_between_words_and_keep_their_indentation() {
        assert_eq!(wrapped("  one two three", "    ", 10), "  one two\n    three");
        assert_eq!(wrapped("a-word-that-is-too-long b", "", 5), "a-word-that-is-too-long\nb");
        assert_eq!(wrapped("", "", 5), "");
    }

    #[test]
    fn code_in_backticks_is_told_from_prose() {
        use Piece::{Code, Prose};
        let cases: [(&str, &[Piece<'_>]); 4] = [
            ("use `--users` here", &[Prose("use "), Code("--users"), Prose(" here")]),
            ("`a``b`", &[Code("a"), Code("b")]),
            ("one ` alone", &[Prose("one ` alone")]),
            ("`` empty", &[Prose("`` empty")]),
        ];
        for (text, expected) in cases {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_lose_only_zeros_behind_the_point() {
        for (value, text) in [(100.0, "100"), (12.5, "12.5"), (0.0, "0"), (30.04, "30")] {
            assert_eq!(trimmed(value, 1), text, "{value}");
        }
    }
}
