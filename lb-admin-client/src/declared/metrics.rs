//! Counters of each backend from a page in the text format of Prometheus (version 0.0.4): lines of
//! `name{label="value",…} number`, of which those that a selector describes are added up by backend.

use super::spec::Metrics;
use lb_scrape::{Selector, sample};
use std::collections::BTreeMap;

/// The counters of one backend; `None` for those that have no selector.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counted {
    pub(super) requests: Option<u64>,
    pub(super) errors: Option<u64>,
    pub(super) in_flight: Option<u32>,
}

/// Returns the counters by backend. Empty if no series on the page is selected.
pub(super) fn read(page: &str, metrics: &Metrics) -> BTreeMap<String, Counted> {
    let selector = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Selector>().ok());
    let [requests, errors, in_flight] =
        [&metrics.requests, &metrics.errors, &metrics.in_flight].map(selector);
    let mut sums: BTreeMap<String, [f64; 3]> = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let Some(read) = sample(line).ok().filter(|read| read.value.is_finite()) else { continue };
        let backend = read.labels.iter().find(|(label, _)| *label == metrics.backend_label);
        let Some((_, backend)) = backend else { continue };
        for (place, selector) in [&requests, &errors, &in_flight].into_iter().enumerate() {
            if selector.as_ref().is_some_and(|selector| selector.selects(&read)) {
                sums.entry(backend.clone().into_owned()).or_default()[place] += read.value;
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
}
