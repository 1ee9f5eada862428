//! Drafts: interpreted scenarios, with times in seconds, the names of the journey, and a timeline that is not
//! scaled yet.

use super::limits::ServiceLimit;
use crate::error::Findings;
use crate::raw::Chaos;
use crate::said::Said;
use crate::settings::Settings;
use lb_core::fault::Fault;
use lb_core::workload::{Arrivals, ClassMix, Journey, UserClass};
use serde_json::Value;
use std::collections::BTreeMap;

/// Default request timeout, in seconds.
pub(crate) const REQUEST_TIMEOUT_S: f64 = 10.0;
/// Default think time in seconds, `[min, max]`.
pub(super) const THINK_TIME_S: [f64; 2] = [1.0, 3.0];
/// Default number of actions in a session, `[min, max]`: a short visit to a shop.
pub(super) const ACTIONS_PER_SESSION: [u32; 2] = [5, 15];

/// Tags by the name of what has them.
pub(crate) type Tags = BTreeMap<String, Vec<String>>;

/// An interpreted config, before flags are applied.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// URL of the load balancer, with the key path that sets it.
    pub(crate) base_url: Option<Said<String>>,
    /// Algorithms that the dialect's own keys name. `None` if there are none.
    pub(crate) algorithms: Option<Vec<Said<String>>>,
    /// The scenarios, in the order of the file.
    pub(crate) scenarios: Vec<DraftScenario>,
}

/// An interpreted scenario.
#[derive(Debug, Default)]
pub(crate) struct DraftScenario {
    /// Key path of the scenario, for messages.
    pub(crate) path: String,
    /// Name of the scenario.
    pub(crate) name: String,
    /// Tags of the scenario.
    pub(crate) tags: Vec<String>,
    /// User classes, which the mixes of patterns refer to by index.
    pub(crate) classes: Vec<UserClass>,
    /// Tags of user classes, by name; a class may be missing.
    pub(crate) class_tags: Tags,
    /// The patterns: how many users of which classes are active, and when.
    pub(crate) patterns: Vec<DraftPattern>,
    /// Upper limit for concurrent users. `None` means no limit.
    pub(crate) cap: Option<u32>,
    /// Number of distinct accounts. `None` means one for each user at the busiest moment.
    pub(crate) identities: Option<u32>,
    /// Faults of this scenario, on its timeline.
    pub(crate) faults: Vec<Fault>,
    /// Algorithms that this scenario sets. `None` means those of the config.
    pub(crate) algorithms: Option<Vec<Said<String>>>,
    /// Requests per second of background traffic between patterns.
    pub(crate) background_rps: f64,
    /// Rows that replace those of the journey, by feed.
    pub(crate) feeds: BTreeMap<String, Vec<Value>>,
    /// Probability of each injected error, by name.
    pub(crate) errors: BTreeMap<String, f64>,
    /// Request timeout, in seconds.
    pub(crate) request_timeout_s: f64,
    /// Factor by which the timeline was scaled. Not set until it is scaled.
    pub(crate) time_factor: f64,
    /// Length that the config states separately from its patterns, in seconds.
    pub(crate) stated_duration_s: Option<f64>,
}

/// An interpreted pattern.
#[derive(Clone, Debug, Default)]
pub(crate) struct DraftPattern {
    /// Key path of the pattern, for messages.
    pub(crate) path: String,
    /// Name of the pattern.
    pub(crate) name: String,
    /// Start in seconds, from the start of the scenario.
    pub(crate) start_s: f64,
    /// End in seconds, from the start of the scenario. Stored instead of the length so that the end of a
    /// pattern and the start of the next stay exactly equal when they are scaled. Otherwise, adjacent
    /// patterns would seem to overlap.
    pub(crate) end_s: f64,
    /// Time over which users arrive, in seconds.
    pub(crate) ramp_up_s: f64,
    /// Number of concurrent users.
    pub(crate) users: u32,
    /// Shares of user classes, and the weights of their actions.
    pub(crate) mix: Vec<ClassMix>,
    /// Random variation of users, think times and actions.
    pub(crate) chaos: Chaos,
    /// Whether this is background traffic between other patterns.
    pub(crate) background: bool,
    /// Label that the config sets, such as `high`.
    pub(crate) intensity: Option<String>,
    /// Expected load as a label, by service.
    pub(crate) service_labels: BTreeMap<String, String>,
    /// Expected load and limits as numbers, by service.
    pub(crate) service_limits: BTreeMap<String, ServiceLimit>,
    /// Arrivals in place of users. `None` in the closed model.
    pub(crate) arrivals: Option<Arrivals>,
    /// SKUs of the products that users view and buy. Empty means all products.
    pub(crate) targets: Vec<String>,
}

impl DraftPattern {
    /// Returns the length of the pattern in seconds.
    pub(crate) fn duration_s(&self) -> f64 {
        self.end_s - self.start_s
    }
}

/// Context for drafting, in addition to the file.
pub(crate) struct Context<'a> {
    /// The journey that provides the names of actions, steps and feeds.
    pub(crate) journey: &'a Journey,
    /// The resolved settings.
    pub(crate) settings: &'a Settings,
    /// Name of the file without its extension.
    pub(crate) stem: &'a str,
}

/// Returns the range in ascending order, and reports a problem if its ends are swapped. The schema checks
/// everything else.
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
