//! Creates user classes for the dialects that describe users by their actions, think times and shares.

use super::actions::{self, ActionWeights, profile_weights};
use super::types::{ACTIONS_PER_SESSION, Context, THINK_TIME_S, Tags, ordered_range};
use crate::document::join;
use crate::error::Findings;
use crate::raw::UserProfile;
use lb_core::ordered::Ordered;
use lb_core::workload::UserClass;

/// The key of the profiles.
const PROFILES: &str = "user_profiles";
/// Name of the class for configs that do not define one.
const DEFAULT_PROFILE: &str = "default_user";

/// The user classes of a file.
pub(super) struct Classes {
    /// The classes, in the order of the file; at least one.
    pub(super) classes: Vec<UserClass>,
    /// The share of each class among the users, relative to the sum.
    pub(super) shares: Vec<f64>,
    /// The tags of classes, by name.
    pub(super) tags: Tags,
}

/// Creates the classes that profiles describe, or one that does what the journey has, by its weights.
pub(super) fn classes(
    profiles: &Ordered<UserProfile>,
    context: &Context<'_>,
    findings: &mut Findings,
) -> Classes {
    let mut made = Classes { classes: Vec::new(), shares: Vec::new(), tags: Tags::new() };
    for (name, profile) in profiles.iter() {
        let path = join(PROFILES, name);
        let weights = weights(&path, profile, context, findings);
        let mut class = plain_class(name, weights, context, findings);
        if let Some(range) = profile.think_time_s {
            class.think_time_s = ordered_range(&join(&path, "think_time_s"), range, findings);
        }
        if let Some(range) = profile.actions_per_session {
            class.actions_per_session = ordered_range(&join(&path, "actions_per_session"), range, findings);
        }
        made.classes.push(class);
        made.shares.push(profile.weight);
        made.tags.insert(name.to_owned(), profile.tags.clone());
    }
    if made.classes.is_empty() {
        let journey = context.journey.actions.iter().map(|(name, action)| (name.as_str(), action.weight));
        let weights = profile_weights(journey.filter(|(_, weight)| *weight > 0.0));
        made.classes.push(plain_class(DEFAULT_PROFILE, weights, context, findings));
        made.shares.push(1.0);
    }
    if made.shares.iter().all(|share| *share <= 0.0) {
        findings.wrong(PROFILES, 0, "all weights are 0; give at least one profile a weight above 0");
    }
    made
}

/// Returns a class with the think times and session lengths of the `bench` block.
fn plain_class(
    name: &str,
    actions: ActionWeights,
    context: &Context<'_>,
    findings: &mut Findings,
) -> UserClass {
    let think = context.settings.think_time_s.unwrap_or(THINK_TIME_S);
    let count = context.settings.actions_per_session.unwrap_or(ACTIONS_PER_SESSION);
    UserClass {
        name: name.to_owned(),
        actions,
        think_time_s: ordered_range("bench.think_time_s", think, findings),
        actions_per_session: ordered_range("bench.actions_per_session", count, findings),
        ..UserClass::default()
    }
}

fn weights(
    path: &str,
    profile: &UserProfile,
    context: &Context<'_>,
    findings: &mut Findings,
) -> ActionWeights {
    let mut weights = Vec::new();
    for (index, action) in profile.actions.iter().enumerate() {
        let path = format!("{path}.actions[{index}].name");
        actions::require(context.journey, [action.name.as_str()], &path, findings);
        if weights.iter().any(|(name, _)| *name == action.name) {
            findings.wrong(&path, action.name.as_str(), "duplicate; keep one");
        }
        weights.push((action.name.as_str(), action.weight));
    }
    if weights.iter().all(|(_, weight)| *weight <= 0.0) {
        findings.wrong(
            &join(path, "actions"),
            0,
            "all weights are 0; give at least one action a weight above 0",
        );
    }
    profile_weights(weights)
}
