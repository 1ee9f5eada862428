//! Parses thresholds: `metric{tag:value,…}` and `aggregation operator value`.

use super::{
    Aggregation, Operator, Selector, Threshold, ThresholdError, ThresholdMetric, TimeWindow, unknown,
};
use std::str::FromStr;

/// The syntax of a threshold, for messages.
const SHAPE: &str = "write `metric{tag:value}: aggregation operator value`, such as `http_req_duration{algorithm:rl}: p(95)<200`";
/// Names of the tags.
const TAGS: [&str; 6] = ["algorithm", "action", "scenario", "method", "window", EXPECTED_RESPONSE];
/// k6's tag for requests that got the expected response.
const EXPECTED_RESPONSE: &str = "expected_response";
/// Operators, longer ones first so that `<=` is not read as `<`.
const OPERATORS: [(&str, Operator); 8] = [
    ("===", Operator::Equal),
    ("!==", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl FromStr for Threshold {
    type Err = ThresholdError;

    /// Parses `metric{tag:value}: expression`.
    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        // An expression never contains a brace, so a colon within tags is not mistaken for the separator.
        match text.rsplit_once(':').filter(|(_, expression)| !expression.contains('}')) {
            Some((selector, expression)) => Self::new(selector, expression),
            None => match without_colon(text) {
                Some((selector, expression)) => Self::new(selector, expression),
                None => Err(ThresholdError {
                    text: text.to_owned(),
                    problem: format!("has no expression; {SHAPE}"),
                }),
            },
        }
    }
}

impl Threshold {
    /// Parses a metric with tags, and an expression, as in k6's `thresholds` object.
    pub fn new(selector: &str, expression: &str) -> Result<Self, ThresholdError> {
        let (selector, expression) = (selector.trim(), expression.trim());
        let text = format!("{selector}: {expression}");
        let read = || {
            let selector = read_selector(selector)?;
            let (aggregation, operator, limit) = read_expression(selector.metric, expression)?;
            Ok((selector, aggregation, operator, limit))
        };
        match read() {
            Ok((selector, aggregation, operator, limit)) => {
                Ok(Self { text, selector, aggregation, operator, limit })
            }
            Err(problem) => Err(ThresholdError { text, problem }),
        }
    }
}

/// Splits a threshold such as `recovery<30s` before its operator. `None` unless the metric has a single value.
fn without_colon(text: &str) -> Option<(&str, &str)> {
    let tags = text.rfind('}').map_or(0, |brace| brace + 1);
    let (at, ..) = find_operator(&text[tags..])?;
    let (selector, expression) = text.split_at(tags + at);
    let name = selector.split('{').next().unwrap_or(selector).trim();
    metric(name).is_ok_and(ThresholdMetric::has_value).then_some((selector, expression))
}

/// Returns the place of the first operator, the operator, and the place behind it.
fn find_operator(text: &str) -> Option<(usize, Operator, usize)> {
    text.char_indices().find_map(|(at, _)| {
        let (sign, operator) = OPERATORS.iter().find(|(sign, _)| text[at..].starts_with(sign))?;
        Some((at, *operator, at + sign.len()))
    })
}

fn read_selector(text: &str) -> Result<Selector, String> {
    let (name, tags) = match text.split_once('{') {
        Some((name, rest)) => {
            let tags =
                rest.trim_end().strip_suffix('}').ok_or("the tags are not closed; end them with `}`")?;
            (name, tags)
        }
        None => (text, ""),
    };
    let mut selector = Selector { metric: metric(name.trim())?, ..Selector::default() };
    for tag in tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
        let Some((key, value)) = tag.split_once(':').map(|(key, value)| (key.trim(), value.trim())) else {
            return Err(format!("`{tag}` is not a tag; write `name:value`"));
        };
        if value.is_empty() {
            return Err(format!("the tag `{key}` has no value; write `{key}:value`"));
        }
        let place = match key {
            "algorithm" => &mut selector.algorithm,
            "action" => &mut selector.action,
            "scenario" => &mut selector.scenario,
            "method" => &mut selector.method,
            EXPECTED_RESPONSE => {
                check_expected_response(selector.metric, value)?;
                continue;
            }
            "window" => {
                if selector.window.replace(window(value)?).is_some() {
                    return Err("duplicate tag `window`; keep one".to_owned());
                }
                continue;
            }
            _ => return Err(unknown("tag", key, &TAGS)),
        };
        if place.replace(value.to_owned()).is_some() {
            return Err(format!("duplicate tag `{key}`; keep one"));
        }
    }
    selector.method = selector.method.map(|method| method.to_ascii_uppercase());
    check_tags(&selector)?;
    Ok(selector)
}

fn metric(name: &str) -> Result<ThresholdMetric, String> {
    if name == "latency" {
        return Ok(ThresholdMetric::Duration);
    }
    let known = ThresholdMetric::ALL.iter().find(|(_, known)| *known == name).map(|(metric, _)| *metric);
    let names: Vec<&str> = ThresholdMetric::ALL.iter().map(|(_, name)| *name).chain(["latency"]).collect();
    known.ok_or_else(|| unknown("metric", name, &names))
}

/// Reads k6's tag for requests that got the expected response. Latency is that of such requests anyway.
fn check_expected_response(metric: ThresholdMetric, value: &str) -> Result<(), String> {
    let name = metric.name();
    match (metric, value) {
        (ThresholdMetric::Duration, "true") => Ok(()),
        (ThresholdMetric::Duration, _) => Err(format!(
            "`{EXPECTED_RESPONSE}:{value}`: `{name}` is the latency of expected responses; write `true`, or \
            limit the other responses by `http_req_failed`"
        )),
        _ => Err(format!(
            "`{name}` does not support `{EXPECTED_RESPONSE}`: `http_req_failed` counts the requests with \
            other responses"
        )),
    }
}

/// Refuses tags that contradict each other or the metric.
fn check_tags(selector: &Selector) -> Result<(), String> {
    let name = selector.metric.name();
    let of_requests = [("action", &selector.action), ("method", &selector.method)];
    for (tag, _) in of_requests.into_iter().filter(|(_, value)| value.is_some()) {
        if selector.window.is_some() {
            return Err(format!(
                "`window` and `{tag}` cannot be combined: seconds are kept for all requests together; leave one out"
            ));
        }
        match selector.metric {
            ThresholdMetric::Fairness | ThresholdMetric::Spread => {
                return Err(format!(
                    "`{name}` has no `{tag}`: backends are counted for all requests together"
                ));
            }
            ThresholdMetric::Recovery => {
                return Err(format!(
                    "`{name}` has no `{tag}`: latency after a peak is that of all requests together"
                ));
            }
            ThresholdMetric::HitGain => {
                return Err(format!(
                    "`{name}` has no `{tag}`: it compares hits and misses over all kinds of requests"
                ));
            }
            ThresholdMetric::Dropped => {
                return Err(format!(
                    "`{name}` has no `{tag}`: dropped arrivals have not chosen their requests yet"
                ));
            }
            _ => {}
        }
    }
    if selector.window.is_some() && selector.metric == ThresholdMetric::Dropped {
        return Err(format!("`{name}` has no `window`: dropped arrivals are counted for the whole trial"));
    }
    if selector.window.is_some()
        && (selector.metric == ThresholdMetric::Recovery || selector.metric.needs_observation())
    {
        return Err(format!("`{name}` has no `window`: it is over the whole trial"));
    }
    Ok(())
}

fn window(text: &str) -> Result<TimeWindow, String> {
    if text == "after-ramp-up" {
        return Ok(TimeWindow::AfterRampUp);
    }
    let ends = text.split_once('-').and_then(|(from, to)| Some((seconds(from)?, seconds(to)?)));
    match ends {
        Some((from, to)) if from < to => Ok(TimeWindow::Seconds { from, to }),
        Some(_) => Err(format!("the window `{text}` ends before it begins; swap the two")),
        None => Err(format!("`{text}` is not a window; write `after-ramp-up`, or times such as `10s-60s`")),
    }
}

/// Parses `10s`, `1m30s`, or a bare number of seconds.
fn seconds(text: &str) -> Option<f64> {
    let time = || Some(text.trim().parse::<jiff::SignedDuration>().ok()?.as_secs_f64());
    number(text).or_else(time).filter(|seconds| *seconds >= 0.0)
}

/// Parses a plain decimal number; `inf` and `NaN` are refused.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b".-+eE".contains(&byte));
    text.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

fn read_expression(metric: ThresholdMetric, text: &str) -> Result<(Aggregation, Operator, f64), String> {
    let Some((at, operator, end)) = find_operator(text) else {
        return Err(format!("`{text}` has no operator; known: `<`, `<=`, `>`, `>=`, `==`, `!=`"));
    };
    let aggregation = match text[..at].trim() {
        "" if metric.has_value() => Aggregation::Value,
        name => aggregation(metric, name)?,
    };
    let limit = limit(metric, aggregation, text[end..].trim())?;
    Ok((aggregation, operator, limit))
}

fn aggregation(metric: ThresholdMetric, name: &str) -> Result<Aggregation, String> {
    let known = metric.aggregations();
    let foreign = || unknown(&format!("aggregation of `{}`", metric.name()), name, known);
    if let Some(inner) = name.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')')) {
        if !known.contains(&"p(N)") {
            return Err(foreign());
        }
        let percentile = number(inner).filter(|percentile| (0.0..=100.0).contains(percentile));
        return percentile.map(Aggregation::Percentile).ok_or_else(|| {
            format!("`{name}` is not a percentile; write a number from 0 to 100, such as `p(95)`")
        });
    }
    if !known.contains(&name) {
        return Err(foreign());
    }
    Ok(match name {
        "avg" => Aggregation::Average,
        "min" => Aggregation::Min,
        "max" => Aggregation::Max,
        "med" => Aggregation::Median,
        "rate" => Aggregation::Rate,
        "count" => Aggregation::Count,
        "value" => Aggregation::Value,
        "low" => Aggregation::Low,
        "high" => Aggregation::High,
        _ => return Err("`p(N)` needs a number in place of N, such as `p(95)`".to_owned()),
    })
}

fn limit(metric: ThresholdMetric, aggregation: Aggregation, text: &str) -> Result<f64, String> {
    if metric == ThresholdMetric::Recovery {
        return seconds(text).ok_or_else(|| {
            format!("`{text}` is not a limit of `{}`; it must be a time such as `30s`", metric.name())
        });
    }
    let (digits, factor) = match (metric, text.strip_suffix("ms"), text.strip_suffix('s')) {
        (ThresholdMetric::Duration, Some(digits), _) => (digits, 1.0),
        (ThresholdMetric::Duration, None, Some(digits)) => (digits, 1e3),
        _ => (text, 1.0),
    };
    let what = match (metric, aggregation) {
        (ThresholdMetric::Duration, _) => "milliseconds, or a time such as `200ms` or `0.2s`",
        (metric, _) if metric.is_fraction() => "a number from 0 to 1: 0.05 is 5 %",
        (ThresholdMetric::Spread, _) => "a part of the fair share: 0.1 is 10 %",
        (_, Aggregation::Rate) => "a number per second",
        _ => "a count",
    };
    let most = if metric.is_fraction() { 1.0 } else { f64::INFINITY };
    let limit = number(digits).map(|number| number * factor);
    limit
        .filter(|limit| (0.0..=most).contains(limit))
        .ok_or_else(|| format!("`{text}` is not a limit of `{}`; it must be {what}", metric.name()))
}
