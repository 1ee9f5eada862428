//! What policies are specialised for: `--objective`, or the thresholds of the config.

use crate::objective::Objective;
use lb_analysis::threshold::{Aggregation, Threshold, ThresholdMetric};
use lb_config::values::duration;
use lb_core::Span;

/// The algorithm that thresholds name if they are about trained policies.
const LEARNED: &str = "rl";

/// Reads an objective such as `p99` or `slo:200ms`.
///
/// # Errors
/// The text is none of the names, or the limit is not a duration above zero.
pub(super) fn objective(text: &str) -> Result<Objective, String> {
    match text.trim() {
        "p99" => Ok(Objective::P99),
        "mean" => Ok(Objective::Mean),
        "blend" => Ok(Objective::Blend),
        "slo" | "slo:" => Err(format!("`{text}` needs a limit of latency; use one such as `slo:200ms`")),
        other => match other.strip_prefix("slo:") {
            Some(limit) => match duration(limit)? {
                limit if limit.is_zero() => Err(format!(
                    "`{other}` leaves no time to answer; use a limit above zero such as `slo:200ms`"
                )),
                limit => Ok(Objective::Slo(Span::from_secs_f64(limit.as_secs_f64()))),
            },
            None => Err(format!(
                "`{other}` is not an objective; use `p99`, `mean`, `blend`, or a limit of latency such as `slo:200ms`"
            )),
        },
    }
}

/// Returns the objective that thresholds imply for a scenario, and the threshold that implies it: of those on the latency
/// of all requests, that on the highest percentile, or else one on the mean. `None` if there is none.
pub(super) fn of_thresholds(thresholds: &[Threshold], scenario: &str) -> Option<(Objective, String)> {
    let on_latency = thresholds.iter().filter(|threshold| {
        let selector = threshold.selector();
        selector.metric == ThresholdMetric::Duration
            && threshold.is_upper_limit()
            && selector.names_scenario(scenario)
            && selector.names_algorithm(LEARNED)
            && selector.action.is_none()
            && selector.method.is_none()
            && selector.window.is_none()
    });
    let rank = |threshold: &Threshold| match threshold.aggregation() {
        Aggregation::Percentile(percentile) => Some(percentile),
        Aggregation::Max => Some(100.0),
        Aggregation::Median => Some(50.0),
        Aggregation::Average => Some(0.0),
        _ => None,
    };
    let ranked = on_latency.filter_map(|threshold| Some((rank(threshold)?, threshold)));
    let (_, threshold) = ranked.max_by(|one, other| one.0.total_cmp(&other.0))?;
    let objective = match threshold.aggregation() {
        Aggregation::Average => Objective::Mean,
        _ => Objective::Slo(Span::from_millis_f64(threshold.limit())),
    };
    (threshold.limit() > 0.0).then(|| (objective, threshold.text().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_are_read_and_mistakes_name_the_way_out() {
        for (text, expected) in [
            ("p99", Objective::P99),
            ("mean", Objective::Mean),
            ("blend", Objective::Blend),
            ("slo:200ms", Objective::Slo(Span::from_millis(200))),
            (" slo:1.5s ", Objective::Slo(Span::from_millis(1_500))),
        ] {
            assert_eq!(objective(text), Ok(expected), "{text}");
        }
        for (text, part) in [
            (
                "p95",
                "`p95` is not an objective; use `p99`, `mean`, `blend`, or a limit of latency such as `slo:200ms`",
            ),
            ("slo", "`slo` needs a limit of latency; use one such as `slo:200ms`"),
            ("slo:200", "`200` has no unit; use `200s` for seconds"),
            ("slo:soon", "`soon` is not a duration"),
            ("slo:0s", "leaves no time to answer"),
            ("slo:-1s", "`-1s`"),
        ] {
            let error = objective(text).expect_err(text);
            assert!(error.contains(part), "{text}: the message has `{part}`: {error}");
        }
    }

    #[test]
    fn thresholds_on_the_latency_of_all_requests_imply_an_objective() {
        let of = |texts: &[&str]| {
            let thresholds: Vec<Threshold> =
                texts.iter().map(|text| text.parse().unwrap_or_else(|error| panic!("{error}"))).collect();
            of_thresholds(&thresholds, "rush").map(|(objective, _)| objective)
        };
        assert_eq!(of(&["http_req_failed: rate<0.01"]), None, "failures are charged in any case");
        assert_eq!(of(&["http_req_duration: avg<80"]), Some(Objective::Mean));
        let both = ["http_req_duration: avg<80", "http_req_duration: p(95)<200"];
        assert_eq!(of(&both), Some(Objective::Slo(Span::from_millis(200))), "the highest percentile counts");
        for other in ["scenario:calm", "action:get", "algorithm:round-robin"] {
            let text = format!("http_req_duration{{{other}}}: p(95)<200");
            assert_eq!(of(&[&text]), None, "{text} is about something else");
        }
        assert_eq!(
            of(&["http_req_duration{scenario:rush,algorithm:rl}: p(99)<500"]),
            Some(Objective::Slo(Span::from_millis(500)))
        );
    }
}
