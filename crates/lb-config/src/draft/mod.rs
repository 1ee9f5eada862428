//! From raw types to drafts: every key of every dialect gets its meaning, in seconds and in the
//! names of the journey, on a timeline that is not scaled yet.

mod actions;
mod errors;
mod faults;
mod feeds;
mod guide;
mod profiles;
mod quantity;
mod stress;
mod traffic;
mod training;

use super::algorithms::Named;
use super::error::Findings;
use super::plan::ServiceLimit;
use super::raw::{Bench, Chaos, File};
use lb_core::fault::Fault;
use lb_core::rng::Seed;
use lb_core::workload::{Arrivals, ClassMix, Journey, UserClass};
use serde_json::Value;
use std::collections::BTreeMap;

/// Seconds until a request counts as a timeout, where the config is silent: the guide's value.
pub(super) const REQUEST_TIMEOUT_S: f64 = 10.0;
/// Think time in seconds where nobody names one: the range that the old program fell back to.
const THINK_TIME_S: [f64; 2] = [1.0, 3.0];
/// Actions in a session where nobody names a number: a short visit to a shop.
const ACTIONS_PER_SESSION: [u32; 2] = [5, 15];

/// A config with its meaning, before flags.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Entry of the load balancer and where it stands.
    pub(super) base_url: Option<Named>,
    /// Algorithms that the dialect itself names.
    pub(super) algorithms: Option<Vec<Named>>,
    /// Scenarios in the order of the file.
    pub(super) scenarios: Vec<DraftScenario>,
}

/// One scenario with its meaning.
#[derive(Debug, Default)]
pub(super) struct DraftScenario {
    /// Key path.
    pub(super) path: String,
    /// Name.
    pub(super) name: String,
    /// Kinds of users.
    pub(super) classes: Vec<UserClass>,
    /// Who is there, when.
    pub(super) patterns: Vec<DraftPattern>,
    /// Never more users than this.
    pub(super) cap: Option<u32>,
    /// Distinct accounts; none: as many as users at the peak.
    pub(super) identities: Option<u32>,
    /// What fails, when.
    pub(super) faults: Vec<Fault>,
    /// Algorithms that this scenario brings.
    pub(super) algorithms: Option<Vec<Named>>,
    /// Requests per second between patterns.
    pub(super) background_rps: f64,
    /// Rows in place of the journey's.
    pub(super) feeds: BTreeMap<String, Vec<Value>>,
    /// Chance of each named error.
    pub(super) errors: BTreeMap<String, f64>,
    /// Seconds until a request counts as a timeout.
    pub(super) request_timeout_s: f64,
    /// By how much the timeline was stretched, once it was.
    pub(super) time_factor: f64,
    /// Length that the config gives besides its patterns, in seconds.
    pub(super) stated_duration_s: Option<f64>,
}

/// One pattern with its meaning.
#[derive(Clone, Debug, Default)]
pub(super) struct DraftPattern {
    /// Key path.
    pub(super) path: String,
    /// Name.
    pub(super) name: String,
    /// Offset in seconds.
    pub(super) start_s: f64,
    /// End in seconds. Not the length: an end and the begin of what follows must stay equal to the
    /// last bit under scaling, or patterns that touch would seem to overlap.
    pub(super) end_s: f64,
    /// Users arrive over this many seconds.
    pub(super) ramp_up_s: f64,
    /// Users at once.
    pub(super) users: u32,
    /// Who they are.
    pub(super) mix: Vec<ClassMix>,
    /// Random variation.
    pub(super) chaos: Chaos,
    /// Background traffic between patterns.
    pub(super) background: bool,
    /// Label.
    pub(super) intensity: Option<String>,
    /// Labels of services.
    pub(super) service_labels: BTreeMap<String, String>,
    /// Limits of services.
    pub(super) service_limits: BTreeMap<String, ServiceLimit>,
    /// What arrives in place of users.
    pub(super) arrivals: Option<Arrivals>,
    /// Products that it is about; empty means all.
    pub(super) targets: Vec<String>,
}

impl DraftPattern {
    /// Length in seconds.
    pub(super) fn duration_s(&self) -> f64 {
        self.end_s - self.start_s
    }
}

/// What drafting needs besides the file.
pub(super) struct Context<'a> {
    /// The journey, whose names count.
    pub(super) journey: &'a Journey,
    /// Our own settings.
    pub(super) bench: &'a Bench,
    /// Fixes the bursts of dialect T.
    pub(super) seed: Seed,
    /// Name of the file without its ending.
    pub(super) stem: &'a str,
}

/// Gives a config its meaning.
pub(super) fn draft(file: &File, context: &Context<'_>, findings: &mut Findings) -> Draft {
    match file {
        File::Guide(file) => guide::draft(file, context, findings),
        File::Training(file) => training::draft(file, context, findings),
        File::Traffic(file) => traffic::draft(file, context, findings),
        // Recorded requests are a replay, and nothing else.
        File::Requests(_) => Draft::default(),
    }
}

/// A range whose ends stand in the wrong order is a problem; the rest is checked by the schema.
fn ordered_range<T: Copy + PartialOrd + Into<Value>>(
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
