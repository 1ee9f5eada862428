//! Drafts: scenarios with their meaning, in seconds and in the names of the journey, on a timeline that
//! is not scaled yet.

use super::limits::ServiceLimit;
use crate::error::Findings;
use crate::raw::Chaos;
use crate::said::Said;
use crate::settings::Settings;
use lb_core::fault::Fault;
use lb_core::workload::{Arrivals, ClassMix, Journey, UserClass};
use serde_json::Value;
use std::collections::BTreeMap;

/// Seconds until a request counts as a timeout, for configs that do not say it.
pub(crate) const REQUEST_TIMEOUT_S: f64 = 10.0;
/// Seconds of thinking, `[min, max]`, for configs that do not say it.
pub(super) const THINK_TIME_S: [f64; 2] = [1.0, 3.0];
/// Actions in a session, `[min, max]`, for configs that do not say it: a short visit to a shop.
pub(super) const ACTIONS_PER_SESSION: [u32; 2] = [5, 15];

/// A config with its meaning, before flags.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// Entry of the load balancer and where it stands.
    pub(crate) base_url: Option<Said<String>>,
    /// Algorithms that the dialect itself names.
    pub(crate) algorithms: Option<Vec<Said<String>>>,
    /// Scenarios in the order of the file.
    pub(crate) scenarios: Vec<DraftScenario>,
}

/// One scenario with its meaning.
#[derive(Debug, Default)]
pub(crate) struct DraftScenario {
    /// Key path.
    pub(crate) path: String,
    /// Name.
    pub(crate) name: String,
    /// Kinds of users.
    pub(crate) classes: Vec<UserClass>,
    /// Who is there, when.
    pub(crate) patterns: Vec<DraftPattern>,
    /// Never more users than this.
    pub(crate) cap: Option<u32>,
    /// Distinct accounts; none: as many as users at the peak.
    pub(crate) identities: Option<u32>,
    /// What fails, when.
    pub(crate) faults: Vec<Fault>,
    /// Algorithms that this scenario brings.
    pub(crate) algorithms: Option<Vec<Said<String>>>,
    /// Requests per second between patterns.
    pub(crate) background_rps: f64,
    /// Rows in place of the journey's.
    pub(crate) feeds: BTreeMap<String, Vec<Value>>,
    /// Chance of each named error.
    pub(crate) errors: BTreeMap<String, f64>,
    /// Seconds until a request counts as a timeout.
    pub(crate) request_timeout_s: f64,
    /// By how much the timeline was stretched, once it was.
    pub(crate) time_factor: f64,
    /// Length that the config gives besides its patterns, in seconds.
    pub(crate) stated_duration_s: Option<f64>,
}

/// One pattern with its meaning.
#[derive(Clone, Debug, Default)]
pub(crate) struct DraftPattern {
    /// Key path.
    pub(crate) path: String,
    /// Name.
    pub(crate) name: String,
    /// Offset in seconds.
    pub(crate) start_s: f64,
    /// End in seconds. Not the length: an end and the begin of what follows must stay equal to the
    /// last bit under scaling, or patterns that touch would seem to overlap.
    pub(crate) end_s: f64,
    /// Users arrive over this many seconds.
    pub(crate) ramp_up_s: f64,
    /// Users at once.
    pub(crate) users: u32,
    /// Who they are.
    pub(crate) mix: Vec<ClassMix>,
    /// Random variation.
    pub(crate) chaos: Chaos,
    /// Background traffic between patterns.
    pub(crate) background: bool,
    /// Label.
    pub(crate) intensity: Option<String>,
    /// Labels of services.
    pub(crate) service_labels: BTreeMap<String, String>,
    /// Limits of services.
    pub(crate) service_limits: BTreeMap<String, ServiceLimit>,
    /// What arrives in place of users.
    pub(crate) arrivals: Option<Arrivals>,
    /// Products that it is about; empty means all.
    pub(crate) targets: Vec<String>,
}

impl DraftPattern {
    /// Length in seconds.
    pub(crate) fn duration_s(&self) -> f64 {
        self.end_s - self.start_s
    }
}

/// What drafting needs besides the file.
pub(crate) struct Context<'a> {
    /// The journey, whose names count.
    pub(crate) journey: &'a Journey,
    /// The settled knobs.
    pub(crate) settings: &'a Settings,
    /// Name of the file without its ending.
    pub(crate) stem: &'a str,
}

/// A range whose ends stand in the wrong order is a problem; the rest is checked by the schema.
pub(super) fn ordered_range<T: Copy + PartialOrd + Into<Value>>(
    path: &str,
    range: [T; 2],
    findings: &mut Findings,
) -> [T; 2] {
    if range[0] > range[1] {
        let value: Vec<Value> = range.iter().map(|end| (*end).into()).collect();
        findings.wrong(path, value, "the first number must not be above the second; swap them");
        return [range[1], range[0]];
    }
    range
}
