//! Whether backends report their load, and how they are asked.

use super::limits::millis;
use lb_core::reports::{PROBE_PATH, PROBES_PER_REQUEST};
use lb_core::{Span, policy::LoadReport};
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct RawLoadReports {
    orca: bool,
    strip: bool,
    max_age_ms: u64,
    probes: Option<RawProbes>,
}

#[derive(Deserialize)]
#[serde(default)]
struct RawProbes {
    path: String,
    per_request: f64,
    per_second: f64,
    timeout_ms: u64,
}

/// How the load balancer learns what backends hold.
#[derive(Clone, Debug)]
pub(crate) struct LoadReports {
    /// Whether replies are searched for reports.
    pub(crate) orca: bool,
    /// Whether these fields end here; otherwise the client gets them, too.
    pub(crate) strip: bool,
    /// How long a report is used.
    pub(crate) max_age: Span,
    /// How backends are asked; `None` if they are not.
    pub(crate) probes: Option<ProbesConfig>,
}

/// How backends are asked for their load.
#[derive(Clone, Debug)]
pub(crate) struct ProbesConfig {
    /// What is asked for, below the URL of the backend.
    pub(crate) path: String,
    /// Mean number of backends that are asked with each request.
    pub(crate) per_request: f64,
    /// Limit for all probes of a data thread together.
    pub(crate) per_second: f64,
    pub(crate) timeout: Duration,
}

impl Default for RawLoadReports {
    /// Reads nothing unless told to, and keeps reports from clients: how busy a backend is is none of their business.
    fn default() -> Self {
        Self {
            orca: false,
            strip: true,
            max_age_ms: LoadReport::MAX_AGE.as_nanos() / 1_000_000,
            probes: None,
        }
    }
}

impl Default for RawProbes {
    /// Asks one backend per request. An answer that takes 100 ms is too old to be of use.
    fn default() -> Self {
        Self {
            path: PROBE_PATH.to_owned(),
            per_request: PROBES_PER_REQUEST,
            per_second: 5_000.0,
            timeout_ms: 100,
        }
    }
}

/// Checks the settings of load reports; `None` if they ask for nothing.
pub(super) fn check(raw: RawLoadReports, faults: &mut Vec<String>) -> Option<LoadReports> {
    let max_age = millis("load_reports.max_age_ms", raw.max_age_ms, faults);
    let probes = raw.probes.map(|raw| probes(raw, faults));
    (raw.orca || probes.is_some()).then(|| LoadReports {
        orca: raw.orca,
        strip: raw.strip,
        max_age: max_age.into(),
        probes,
    })
}

fn probes(raw: RawProbes, faults: &mut Vec<String>) -> ProbesConfig {
    if !raw.path.starts_with('/') || raw.path.parse::<http::uri::PathAndQuery>().is_err() {
        faults.push(format!(
            "`load_reports.probes.path` is `{}`: must be a path that begins with `/`",
            raw.path
        ));
    }
    for (key, value, most) in
        [("per_request", raw.per_request, 16.0), ("per_second", raw.per_second, 100_000.0)]
    {
        if !(value > 0.0 && value <= most) {
            faults.push(format!("`load_reports.probes.{key}` is {value}: must be above 0, at most {most}"));
        }
    }
    ProbesConfig {
        path: raw.path,
        per_request: raw.per_request,
        per_second: raw.per_second,
        timeout: millis("load_reports.probes.timeout_ms", raw.timeout_ms, faults),
    }
}
