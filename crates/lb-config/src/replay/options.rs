//! Settles how a recording is read: each setting from its flag, else from `bench.arrivals`, else by default.

use crate::document::join;
use crate::error::Findings;
use crate::raw::{self, ArrivalSettings, MOST_PER_SECOND, Process};
use crate::said::Said;
use crate::settings::Settings;
use lb_recording::{
    Expect, FieldMap, HostChoice, LogFormat, PathPattern, ReadOptions, RecordingFormat, Spread,
};
use serde_json::Value;
use std::str::FromStr;
use std::sync::Arc;

/// How a recording is read, and placed in time.
pub(super) struct Read {
    pub(super) options: ReadOptions,
    pub(super) spread: Spread,
    /// Where it is said that requests are repeated; `None` if they are not.
    pub(super) cycle: Option<Said<bool>>,
}

/// Settles the options. `None` after a problem.
pub(super) fn read_options(
    settings: &Settings,
    asked: Option<&Said<ArrivalSettings>>,
    own: Option<&ArrivalSettings>,
    findings: &mut Findings,
) -> Option<Read> {
    let flags = &settings.recording;
    let rate = match (asked, own) {
        (_, Some(own)) => {
            refuse_idle_keys(own, findings);
            own.rate
        }
        (Some(asked), None) => Some(rate_beside(asked, findings)?),
        (None, None) => None,
    };
    let rate = flags.rate.or(rate);
    if let Some(rate) = rate.filter(|rate| !(*rate > 0.0 && *rate <= MOST_PER_SECOND)) {
        let message = format!("must be above 0 and at most {MOST_PER_SECOND} requests per second");
        findings.wrong("--rate", rate, message);
        return None;
    }
    let log_format = parsed::<LogFormat>(
        ("--log-format", flags.log_format.clone()),
        ("bench.arrivals.log_format", own.and_then(|own| own.log_format.clone())),
        findings,
    )?;
    let pairs = own.and_then(|own| own.fields.as_ref()).map(|fields| {
        fields.iter().map(|(field, key)| format!("{field}={key}")).collect::<Vec<_>>().join(",")
    });
    let fields =
        parsed::<FieldMap>(("--fields", flags.fields.clone()), ("bench.arrivals.fields", pairs), findings)?;
    let mut patterns = flags.patterns.clone();
    if patterns.is_empty() {
        for (number, text) in own.and_then(|own| own.paths.as_deref()).unwrap_or_default().iter().enumerate()
        {
            match text.parse::<PathPattern>() {
                Ok(pattern) => patterns.push(pattern),
                Err(message) => {
                    findings.wrong(&format!("bench.arrivals.paths[{number}]"), text.as_str(), message);
                }
            }
        }
    }
    let cycle = match (flags.cycle, own.and_then(|own| own.cycle)) {
        (true, _) => Some(Said::by_flag("--cycle", true)),
        (false, Some(true)) => Some(Said::by_config("bench.arrivals.cycle", true)),
        _ => None,
    };
    Some(Read {
        options: ReadOptions {
            format: own.and_then(|own| own.format).map(format),
            rate,
            log_format: log_format.map(Arc::new),
            fields: fields.map(Arc::new),
            expect: flags.expect.or(own.and_then(|own| own.expect).map(expect)).unwrap_or_default(),
            host: flags.host.or(own.and_then(|own| own.host).map(host)).unwrap_or_default(),
            patterns,
            unsorted: false,
        },
        spread: flags.spread.or(own.and_then(|own| own.spread).map(spread)).unwrap_or_default(),
        cycle,
    })
}

/// Parses a setting of a flag, or else of the config. `None` after a problem.
#[allow(clippy::option_option, reason = "not set, and set wrongly, are two things")]
fn parsed<T: FromStr<Err = String>>(
    flag: (&str, Option<String>),
    config: (&str, Option<String>),
    findings: &mut Findings,
) -> Option<Option<T>> {
    let (at, text) = match (flag, config) {
        ((at, Some(text)), _) | (_, (at, Some(text))) => (at, text),
        _ => return Some(None),
    };
    match text.parse() {
        Ok(value) => Some(Some(value)),
        Err(message) => {
            findings.wrong(at, text, message);
            None
        }
    }
}

const fn format(raw: raw::RecordingFormat) -> RecordingFormat {
    match raw {
        raw::RecordingFormat::Requests => RecordingFormat::Requests,
        raw::RecordingFormat::Vegeta => RecordingFormat::Vegeta,
        raw::RecordingFormat::VegetaText => RecordingFormat::VegetaText,
        raw::RecordingFormat::K6 => RecordingFormat::K6,
        raw::RecordingFormat::AccessLog => RecordingFormat::AccessLog,
        raw::RecordingFormat::LogFormat => RecordingFormat::LogFormat,
        raw::RecordingFormat::Haproxy => RecordingFormat::Haproxy,
        raw::RecordingFormat::Envoy => RecordingFormat::Envoy,
        raw::RecordingFormat::Elb => RecordingFormat::Elb,
        raw::RecordingFormat::Squid => RecordingFormat::Squid,
        raw::RecordingFormat::W3c => RecordingFormat::W3c,
        raw::RecordingFormat::Json => RecordingFormat::Json,
        raw::RecordingFormat::Csv => RecordingFormat::Csv,
        raw::RecordingFormat::Har => RecordingFormat::Har,
        raw::RecordingFormat::Goreplay => RecordingFormat::Goreplay,
    }
}

const fn spread(raw: raw::Spread) -> Spread {
    match raw {
        raw::Spread::Even => Spread::Even,
        raw::Spread::Poisson => Spread::Poisson,
        raw::Spread::None => Spread::None,
    }
}

const fn expect(raw: raw::Expect) -> Expect {
    match raw {
        raw::Expect::Recorded => Expect::Recorded,
        raw::Expect::Ok => Expect::Ok,
    }
}

const fn host(raw: raw::HostChoice) -> HostChoice {
    match raw {
        raw::HostChoice::Header => HostChoice::Header,
        raw::HostChoice::Recorded => HostChoice::Recorded,
        raw::HostChoice::Target => HostChoice::Target,
    }
}

/// Returns the rate that `constant` arrivals set if they are combined with a recording.
fn rate_beside(asked: &Said<ArrivalSettings>, findings: &mut Findings) -> Option<f64> {
    let ArrivalSettings { process, rate, stages: None, .. } = asked.value.clone() else {
        findings.wrong(
            &join(&asked.at, "stages"),
            Value::Null,
            "a replay has its own times; leave the stages out",
        );
        return None;
    };
    if process != Process::Constant {
        let message = "a replay has its own times; only `constant:RATE` can be combined with it, which takes their place";
        findings.wrong(&asked.at, Value::Null, message);
    }
    rate.filter(|_| process == Process::Constant)
}

fn refuse_idle_keys(settings: &ArrivalSettings, findings: &mut Findings) {
    let idle = [
        ("stages", settings.stages.is_some()),
        ("rates", settings.rates.is_some()),
        ("mean_stay_s", settings.mean_stay_s.is_some()),
        ("spacing", settings.spacing.is_some()),
        ("start", settings.start.is_some()),
    ];
    for (key, _) in idle.into_iter().filter(|(_, given)| *given) {
        let message = "has no effect on a replay, which sends requests as recorded; leave it out";
        findings.wrong(&join("bench.arrivals", key), Value::Null, message);
    }
}
