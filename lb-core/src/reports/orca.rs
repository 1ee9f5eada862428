//! The text of a load report: Open Request Cost Aggregation (ORCA) in the HTTP field `endpoint-load-metrics`.
//!
//! ORCA is the format in which backends report to xDS load balancers (`xds.data.orca.v3.OrcaLoadReport` in
//! github.com/cncf/xds; gRPC proposals A51 and A58). As a field of a reply it has three forms:
//!
//! - `TEXT cpu_utilization=0.3, rps_fractional=10, named_metrics.in_flight=4`: pairs, of which names and values are
//!   separated by `=` or, as in Envoy, by `:`.
//! - `JSON {"cpu_utilization": 0.3, "named_metrics": {"in_flight": 4}}`.
//! - `BIN` and the field `endpoint-load-metrics-bin`: a protocol buffer in base64, which is not read.
//!
//! The first word may be left out. Of the metrics, these are used: `application_utilization` (if it is above zero, otherwise
//! `cpu_utilization`, as in A58), `rps_fractional`, and two that ORCA does not define, since it has no name for them:
//! `named_metrics.in_flight` and `named_metrics.latency_ms`, which are what Prequal's servers report. All others are skipped.
//!
//! A backend may be wrong or hostile. A value that is too long, cannot be parsed or says nothing of use is refused as a whole; a
//! number that is negative, not finite or beyond all reason is ignored and counted. Nothing is allocated.

use crate::policy::LoadReport;
use crate::time::Span;
use serde::Deserialize;
use std::fmt::Write;

/// The field of a reply that carries a report.
pub const FIELD: &str = "endpoint-load-metrics";

/// The field of a reply that carries a report as a protocol buffer.
pub const BINARY_FIELD: &str = "endpoint-load-metrics-bin";

/// The longest value that is read, in bytes. Ours have less than 200.
pub const LONGEST: usize = 2_048;

/// The greatest number that is believed of each metric. Beyond it, a backend is not busy but broken.
mod most {
    pub(super) const IN_FLIGHT: f64 = 1e6;
    pub(super) const UTILISATION: f64 = 1e3;
    pub(super) const RATE: f64 = 1e9;
    /// An hour.
    pub(super) const LATENCY_MS: f64 = 3.6e6;
}

/// A report that was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parsed {
    /// What it says; at least one of its values is given.
    pub report: LoadReport,
    /// Values that were ignored, because they were out of range or given twice.
    pub ignored: u32,
}

/// Why a report was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrcaError {
    /// It is longer than [`LONGEST`].
    #[error("is longer than {} bytes", LONGEST)]
    TooLong,
    /// It is a protocol buffer.
    #[error("is a protocol buffer; have the backend write the form TEXT or JSON")]
    Binary,
    /// It is neither pairs nor JSON.
    #[error("is neither `TEXT name=number, …` nor `JSON {{…}}`")]
    Malformed,
    /// None of its metrics is of use.
    #[error(
        "has none of the metrics `named_metrics.in_flight`, `named_metrics.latency_ms`, `application_utilization`, `cpu_utilization` and `rps_fractional` in their ranges"
    )]
    Nothing,
}

/// The metrics of a report before they are checked.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Metrics {
    #[serde(alias = "cpuUtilization")]
    cpu_utilization: Option<f64>,
    #[serde(alias = "applicationUtilization")]
    application_utilization: Option<f64>,
    #[serde(alias = "rpsFractional")]
    rps_fractional: Option<f64>,
    #[serde(alias = "namedMetrics")]
    named_metrics: Named,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    in_flight: Option<f64>,
    latency_ms: Option<f64>,
}

/// Reads the value of the field [`FIELD`], or the body of an answer to a probe, which has the same form.
///
/// # Errors
/// The value is refused as a whole; see [`OrcaError`].
pub fn parse(value: &[u8]) -> Result<Parsed, OrcaError> {
    if value.len() > LONGEST {
        return Err(OrcaError::TooLong);
    }
    let text = std::str::from_utf8(value).map_err(|_| OrcaError::Malformed)?.trim();
    let (form, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut ignored = 0;
    let metrics = match form {
        "BIN" => return Err(OrcaError::Binary),
        "TEXT" => pairs(rest, &mut ignored)?,
        "JSON" => json(rest)?,
        _ if text.starts_with('{') => json(text)?,
        _ => pairs(text, &mut ignored)?,
    };
    let report = metrics.check(&mut ignored);
    if report.is_empty() { Err(OrcaError::Nothing) } else { Ok(Parsed { report, ignored }) }
}

/// Appends a report in the form TEXT.
pub fn write(report: &LoadReport, output: &mut String) {
    let before = output.len();
    output.push_str("TEXT ");
    let mut lead = "";
    let mut pair = |name: &str, value: f64| {
        write!(output, "{lead}{name}={value}").expect("a string takes all that is written to it");
        lead = ", ";
    };
    let Metrics { application_utilization, rps_fractional, named_metrics, .. } = Metrics::of(report);
    for (name, value) in [
        ("named_metrics.in_flight", named_metrics.in_flight),
        ("named_metrics.latency_ms", named_metrics.latency_ms),
        ("application_utilization", application_utilization),
        ("rps_fractional", rps_fractional),
    ] {
        if let Some(value) = value {
            pair(name, value);
        }
    }
    if lead.is_empty() {
        output.truncate(before);
    }
}

fn json(text: &str) -> Result<Metrics, OrcaError> {
    serde_json::from_str(text).map_err(|_| OrcaError::Malformed)
}

fn pairs(text: &str, ignored: &mut u32) -> Result<Metrics, OrcaError> {
    let mut metrics = Metrics::default();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once(['=', ':']).ok_or(OrcaError::Malformed)?;
        let Some(metric) = metrics.named(name.trim()) else { continue };
        match value.trim().parse::<f64>() {
            Ok(value) if metric.is_none() => *metric = Some(value),
            Ok(_) => *ignored += 1,
            Err(_) => return Err(OrcaError::Malformed),
        }
    }
    Ok(metrics)
}

impl Metrics {
    fn of(report: &LoadReport) -> Self {
        Self {
            cpu_utilization: None,
            application_utilization: report.utilisation.map(f64::from),
            rps_fractional: report.rate.map(f64::from),
            named_metrics: Named {
                in_flight: report.in_flight.map(f64::from),
                latency_ms: report.latency.map(Span::as_millis_f64),
            },
        }
    }

    /// Returns the metric with this name; `None` if it is of no use.
    fn named(&mut self, name: &str) -> Option<&mut Option<f64>> {
        Some(match name {
            "cpu_utilization" => &mut self.cpu_utilization,
            "application_utilization" => &mut self.application_utilization,
            "rps_fractional" => &mut self.rps_fractional,
            "named_metrics.in_flight" => &mut self.named_metrics.in_flight,
            "named_metrics.latency_ms" => &mut self.named_metrics.latency_ms,
            _ => return None,
        })
    }

    fn check(self, ignored: &mut u32) -> LoadReport {
        let mut within = |value: Option<f64>, most: f64| {
            let checked = value.filter(|value| (0.0..=most).contains(value));
            *ignored += u32::from(checked.is_none() && value.is_some());
            checked
        };
        let cpu = within(self.cpu_utilization, most::UTILISATION);
        let application = within(self.application_utilization, most::UTILISATION);
        let utilisation = application.filter(|share| *share > 0.0).or(cpu).or(application);
        LoadReport {
            in_flight: within(self.named_metrics.in_flight, most::IN_FLIGHT)
                .map(|number| number.round() as u32),
            utilisation: utilisation.map(|share| share as f32),
            rate: within(self.rps_fractional, most::RATE).map(|rate| rate as f32),
            latency: within(self.named_metrics.latency_ms, most::LATENCY_MS).map(Span::from_millis_f64),
            ..LoadReport::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn report(in_flight: Option<u32>, utilisation: Option<f32>, rate: Option<f32>) -> LoadReport {
        LoadReport { in_flight, utilisation, rate, ..LoadReport::default() }
    }

    #[test]
    fn all_forms_say_the_same() {
        let expected =
            LoadReport { latency: Some(Span::from_micros(12_500)), ..report(Some(4), Some(0.7), Some(10.0)) };
        for text in [
            "TEXT cpu_utilization=0.3, application_utilization=0.7, rps_fractional=10, eps=1, named_metrics.in_flight=4,named_metrics.latency_ms=12.5",
            "cpu_utilization=0.3,application_utilization=0.7,rps_fractional=10,named_metrics.in_flight=4,named_metrics.latency_ms=12.5",
            "TEXT application_utilization:0.7,rps_fractional:1e1,named_metrics.in_flight:4,named_metrics.latency_ms:12.5,",
            r#"JSON {"cpu_utilization": 0.3, "application_utilization": 0.7, "rps_fractional": 10, "eps": 2,
                "named_metrics": {"in_flight": 4, "latency_ms": 12.5, "other": 1}, "utilization": {"disk": 0.1}}"#,
            r#" {"applicationUtilization": 0.7, "rpsFractional": 10.0, "namedMetrics": {"in_flight": 4, "latency_ms": 12.5}} "#,
        ] {
            assert_eq!(parse(text.as_bytes()), Ok(Parsed { report: expected, ignored: 0 }), "{text}");
        }
    }

    #[test]
    fn the_utilisation_is_that_of_the_application_if_it_gives_one() {
        for (text, utilisation) in [
            ("cpu_utilization=0.3", 0.3),
            ("cpu_utilization=0.3, application_utilization=0", 0.3),
            ("application_utilization=0", 0.0),
            ("application_utilization=1.5, cpu_utilization=0.3", 1.5),
        ] {
            let parsed = parse(text.as_bytes()).expect(text);
            assert_eq!(parsed.report.utilisation, Some(utilisation), "{text}");
        }
    }

    #[test]
    fn numbers_beyond_reason_are_ignored_and_counted() {
        for (text, in_flight, utilisation, ignored) in [
            ("named_metrics.in_flight=-1, cpu_utilization=0.5", None, Some(0.5), 1),
            ("named_metrics.in_flight=NaN, cpu_utilization=0.5", None, Some(0.5), 1),
            ("named_metrics.in_flight=3, cpu_utilization=inf, rps_fractional=-0.1", Some(3), None, 2),
            ("named_metrics.in_flight=1e18, cpu_utilization=0.5", None, Some(0.5), 1),
            ("named_metrics.in_flight=3, named_metrics.latency_ms=1e99", Some(3), None, 1),
            ("named_metrics.in_flight=3, named_metrics.in_flight=4", Some(3), None, 1),
            ("named_metrics.in_flight=2.6", Some(3), None, 0),
            (r#"{"named_metrics": {"in_flight": -3}, "cpu_utilization": 0.5}"#, None, Some(0.5), 1),
        ] {
            let expected = Parsed { report: report(in_flight, utilisation, None), ignored };
            assert_eq!(parse(text.as_bytes()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_report_is_refused() {
        let long = format!("TEXT named_metrics.in_flight=4{}", " ".repeat(LONGEST));
        for (text, error) in [
            ("", OrcaError::Nothing),
            ("TEXT", OrcaError::Nothing),
            ("TEXT mem_utilization=0.5", OrcaError::Nothing),
            ("{}", OrcaError::Nothing),
            ("named_metrics.in_flight=-4", OrcaError::Nothing),
            ("TEXT hello", OrcaError::Malformed),
            ("TEXT cpu_utilization=", OrcaError::Malformed),
            ("TEXT cpu_utilization=high", OrcaError::Malformed),
            ("TEXT cpu_utilization=\"0.7\"", OrcaError::Malformed),
            ("JSON", OrcaError::Malformed),
            (r#"JSON {"cpu_utilization": "0.7"}"#, OrcaError::Malformed),
            (r#"JSON {"cpu_utilization": 0.7"#, OrcaError::Malformed),
            (r#"{"cpu_utilization": 0.7} {"#, OrcaError::Malformed),
            ("[0.7]", OrcaError::Malformed),
            ("<html>", OrcaError::Malformed),
            ("BIN CQAAAAAAAOA/", OrcaError::Binary),
            (&long, OrcaError::TooLong),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(error), "{text}");
        }
        assert_eq!(parse(b"TEXT cpu_utilization=0.\xff"), Err(OrcaError::Malformed));
        let deep = format!("JSON {}", "{\"named_metrics\":".repeat(100));
        assert_eq!(parse(deep.as_bytes()), Err(OrcaError::Malformed), "nested without end");
    }

    #[test]
    fn an_empty_report_is_not_written() {
        let mut text = String::new();
        write(&LoadReport::default(), &mut text);
        assert_eq!(text, "");
        write(&report(Some(4), Some(0.5), None), &mut text);
        assert_eq!(text, "TEXT named_metrics.in_flight=4, application_utilization=0.5");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(value in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(parsed) = parse(&value) {
                prop_assert!(!parsed.report.is_empty());
            }
        }

        #[test]
        fn hostile_numbers_never_get_through(
            name in prop::sample::select(vec![
                "named_metrics.in_flight", "named_metrics.latency_ms", "application_utilization", "cpu_utilization", "rps_fractional",
            ]),
            value in any::<f64>(),
        ) {
            if let Ok(Parsed { report, .. }) = parse(format!("TEXT {name}={value}").as_bytes()) {
                prop_assert!(report.in_flight.is_none_or(|number| f64::from(number) <= most::IN_FLIGHT));
                prop_assert!(report.utilisation.is_none_or(|share| (0.0..=1e3).contains(&share)));
                prop_assert!(report.rate.is_none_or(|rate| (0.0..=1.001e9).contains(&rate)));
                prop_assert!(report.latency.is_none_or(|latency| latency <= Span::from_secs(3_600)));
            }
        }

        #[test]
        fn what_is_written_is_read_again(
            in_flight in prop::option::of(0_u32..1_000_000),
            utilisation in prop::option::of(0.0_f32..999.0),
            rate in prop::option::of(0.0_f32..1e6),
            micros in prop::option::of(0_u64..3_000_000_000),
        ) {
            let written = LoadReport { latency: micros.map(Span::from_micros), ..report(in_flight, utilisation, rate) };
            let mut text = String::new();
            write(&written, &mut text);
            match parse(text.as_bytes()) {
                Ok(parsed) => prop_assert_eq!(parsed, Parsed { report: written, ignored: 0 }),
                Err(error) => prop_assert!(error == OrcaError::Nothing && written.is_empty()),
            }
        }
    }
}
