//! Counters of each backend from a page in the text format of Prometheus (version 0.0.4): lines of
//! `name{label="value",…} number`, of which those that a selector describes are added up by backend.

use super::spec::Metrics;
use std::collections::BTreeMap;

/// Labels of a series with their values.
type Labels = Vec<(String, String)>;

/// A metric and the labels that its series must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selector {
    name: String,
    labels: Labels,
}

impl Selector {
    /// Reads a selector such as `requests_total{proxy="shop"}`. Errors say what to write instead.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let form = || "is not a selector; write it as `metric_name{label=\"value\"}`".to_owned();
        let (name, labels, rest) = series(text.trim()).ok_or_else(form)?;
        if name.is_empty() || !rest.is_empty() {
            return Err(form());
        }
        Ok(Self { name: name.to_owned(), labels })
    }

    fn selects(&self, name: &str, labels: &[(String, String)]) -> bool {
        self.name == name && self.labels.iter().all(|wanted| labels.contains(wanted))
    }
}

/// Splits a line into the name of its metric, its labels and what follows. `None` if it has another form.
fn series(line: &str) -> Option<(&str, Labels, &str)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = line.find(|c: char| !is_name(c)).unwrap_or(line.len());
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::new();
    let Some(inner) = rest.strip_prefix('{') else { return Some((name, labels, rest)) };
    rest = inner.trim_start();
    while !rest.starts_with('}') {
        let (label, after) = rest.split_once('=')?;
        let (value, after) = quoted(after.trim_start())?;
        labels.push((label.trim().to_owned(), value));
        rest = after.trim_start();
        rest = rest.strip_prefix(',').map_or(rest, str::trim_start);
    }
    Some((name, labels, &rest[1..]))
}

/// Reads a text in quotes, in which `\\`, `\"` and `\n` stand for characters.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.strip_prefix('"')?.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 2..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

/// The counters of one backend; `None` for those that have no selector.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counted {
    pub(super) requests: Option<u64>,
    pub(super) errors: Option<u64>,
    pub(super) in_flight: Option<u32>,
}

/// Returns the counters by backend. Empty if no series on the page is selected.
pub(super) fn read(page: &str, metrics: &Metrics) -> BTreeMap<String, Counted> {
    let selector = |text: &Option<String>| text.as_deref().and_then(|text| Selector::parse(text).ok());
    let [requests, errors, in_flight] =
        [&metrics.requests, &metrics.errors, &metrics.in_flight].map(selector);
    let mut sums: BTreeMap<String, [f64; 3]> = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, labels, rest)) = series(line) else { continue };
        let number = rest.split_whitespace().next().and_then(|number| number.parse::<f64>().ok());
        let Some(number) = number.filter(|number| number.is_finite()) else { continue };
        let backend = labels.iter().find(|(label, _)| *label == metrics.backend_label);
        let Some((_, backend)) = backend else { continue };
        for (place, selector) in [&requests, &errors, &in_flight].into_iter().enumerate() {
            if selector.as_ref().is_some_and(|selector| selector.selects(name, &labels)) {
                sums.entry(backend.clone()).or_default()[place] += number;
            }
        }
    }
    let count =
        |selector: &Option<Selector>, sum: f64| selector.as_ref().map(|_| sum.max(0.0).round() as u64);
    let counted = |[sent, failed, now]: [f64; 3]| Counted {
        requests: count(&requests, sent),
        errors: count(&errors, failed),
        in_flight: count(&in_flight, now).map(|now| u32::try_from(now).unwrap_or(u32::MAX)),
    };
    sums.into_iter().map(|(backend, sums)| (backend, counted(sums))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"
# HELP haproxy_server_http_responses_total Total number of HTTP responses.
# TYPE haproxy_server_http_responses_total counter
haproxy_server_http_responses_total{proxy="shop",server="web-1",code="2xx"} 40
haproxy_server_http_responses_total{proxy="shop",server="web-1",code="5xx"} 2
haproxy_server_http_responses_total{proxy="shop",server="web-2",code="2xx"} 0
haproxy_server_http_responses_total{proxy="other",server="web-1",code="2xx"} 900
haproxy_server_current_sessions{proxy="shop",server="web-1"} 3 1395066363000
haproxy_server_current_sessions{proxy="shop",server="web-2"} NaN
odd{server="quoted \"name\", \\ and } more"} 1e2
haproxy_process_uptime_seconds 12.5
broken{server="web-1
"#;

    fn metrics(requests: &str) -> Metrics {
        Metrics {
            prometheus: "http://127.0.0.1/metrics".to_owned(),
            backend_label: "server".to_owned(),
            requests: Some(requests.to_owned()),
            errors: Some(r#"haproxy_server_http_responses_total{proxy="shop", code="5xx"}"#.to_owned()),
            in_flight: Some(r#"haproxy_server_current_sessions{proxy="shop"}"#.to_owned()),
        }
    }

    #[test]
    fn series_are_added_up_by_backend_and_idle_ones_count_as_zero() {
        let counted = read(PAGE, &metrics(r#"haproxy_server_http_responses_total{proxy="shop"}"#));
        let expected = [
            ("web-1", Counted { requests: Some(42), errors: Some(2), in_flight: Some(3) }),
            ("web-2", Counted { requests: Some(0), errors: Some(0), in_flight: Some(0) }),
        ];
        assert_eq!(counted, expected.map(|(name, counted)| (name.to_owned(), counted)).into());
    }

    #[test]
    fn labels_may_hold_any_text() {
        let only = Metrics { errors: None, in_flight: None, ..metrics("odd") };
        let counted = read(PAGE, &only);
        let expected = Counted { requests: Some(100), errors: None, in_flight: None };
        assert_eq!(counted, [("quoted \"name\", \\ and } more".to_owned(), expected)].into());
    }

    #[test]
    fn nothing_selected_is_nothing_counted() {
        assert!(read(PAGE, &Metrics { errors: None, in_flight: None, ..metrics("absent") }).is_empty());
        assert!(read("<html>not a page of metrics</html>", &metrics("odd")).is_empty());
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in ["", "a b", "a{", "a{b}", "a{b=c}", "a{b=\"c\"", "a{b=\"c\"} 1", "{b=\"c\"}"] {
            let message = Selector::parse(text).expect_err(text);
            assert!(message.contains("metric_name{label="), "{text}: {message}");
        }
        let spaced = Selector::parse(r#"a{ b = "c" , d="e", }"#).expect("white space does not matter");
        assert_eq!(spaced, Selector::parse(r#"a{b="c",d="e"}"#).expect("a selector"));
    }
}
