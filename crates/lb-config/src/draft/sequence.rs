//! Drafts configs with scenarios in sequence, each with one level of users and a traffic mix.

use super::actions::{self, ActionWeights};
use super::classes::{Classes, classes};
use super::types::{Context, Draft, DraftPattern, DraftScenario, REQUEST_TIMEOUT_S};
use crate::document::join;
use crate::error::Findings;
use crate::raw::{SequenceFile, TrafficMix};
use crate::said::Said;
use lb_core::workload::ClassMix;

/// The actions that `browse_and_search` stands for.
const BROWSING: [&str; 3] = ["browse_products", "search_products", "view_product_details"];
/// The actions that `add_to_cart_and_order` stands for.
const BUYING: [&str; 2] = ["add_to_cart", "place_order"];

pub(super) fn draft(file: &SequenceFile, context: &Context<'_>, findings: &mut Findings) -> Draft {
    let users = classes(&file.user_profiles, context, findings);
    note_unused_weights(file, context, findings);
    let mut draft = Draft {
        base_url: file.base_url.clone().map(|name| Said::by_config("base_url", name)),
        ..Draft::default()
    };
    for (index, raw) in file.scenarios.iter().enumerate() {
        let path = format!("scenarios[{index}]");
        if draft.scenarios.iter().any(|known| known.name == raw.name) {
            findings.wrong(
                &join(&path, "name"),
                raw.name.as_str(),
                "duplicate; results need one name for each scenario",
            );
        }
        let mix = mix(&path, raw.traffic_mix, &users, context, findings);
        let pattern = DraftPattern {
            path: path.clone(),
            name: raw.name.clone(),
            end_s: raw.duration_minutes * 60.0,
            ramp_up_s: raw.ramp_up_time_seconds,
            users: raw.concurrent_users,
            mix,
            ..DraftPattern::default()
        };
        draft.scenarios.push(DraftScenario {
            path,
            name: raw.name.clone(),
            classes: users.classes.clone(),
            class_tags: users.tags.clone(),
            tags: raw.tags.clone(),
            patterns: vec![pattern],
            background_rps: context.settings.background_rps.unwrap_or(0.0),
            request_timeout_s: file.request_timeout.unwrap_or(REQUEST_TIMEOUT_S),
            ..DraftScenario::default()
        });
    }
    draft
}

/// Notes weights that have no effect, because sessions of the journey follow a sequence.
fn note_unused_weights(file: &SequenceFile, context: &Context<'_>, findings: &mut Findings) {
    if context.journey.session.sequence.is_empty() {
        return;
    }
    let message = "has no effect: sessions of the journey follow its `session.sequence`";
    if let Some(name) = file.user_profiles.iter().map(|(name, _)| name).next() {
        findings.note("user_profiles", name, message);
    }
    for (index, scenario) in file.scenarios.iter().enumerate().filter(|(_, one)| one.traffic_mix.is_some()) {
        findings.note(&format!("scenarios[{index}].traffic_mix"), scenario.name.as_str(), message);
    }
}

/// Returns the mix of a scenario, with the shares of the profiles. Each profile keeps its preferences within
/// browsing and within buying; the traffic mix splits its actions between the two.
fn mix(
    path: &str,
    mix: Option<TrafficMix>,
    users: &Classes,
    context: &Context<'_>,
    findings: &mut Findings,
) -> Vec<ClassMix> {
    let path = join(path, "traffic_mix");
    let shares = mix.map(|mix| [mix.browse_and_search, mix.add_to_cart_and_order]);
    if shares.is_some_and(|shares| shares.iter().sum::<f64>() <= 0.0) {
        findings.wrong(&path, 0, "both shares are 0; give at least one a share above 0");
        return Vec::new();
    }
    if let Some(sum) = shares.map(|shares| shares.iter().sum::<f64>()).filter(|sum| (sum - 1.0).abs() > 0.005)
    {
        findings.note(&path, sum, "the shares do not sum to 1, so they are scaled");
    }
    let mixed = users.classes.iter().zip(&users.shares).enumerate().map(|(class, (profile, share))| {
        let actions = match shares {
            Some(shares) => split(&profile.actions, shares, &path, context, findings),
            None => profile.actions.iter().filter(|(_, w)| **w > 0.0).map(|(k, v)| (k.clone(), *v)).collect(),
        };
        ClassMix { class, share: *share, actions }
    });
    mixed.collect()
}

/// Splits weights between the two groups. Actions in neither group keep their weights. A group with no action
/// in the profile takes the weights of the journey.
fn split(
    own: &ActionWeights,
    shares: [f64; 2],
    path: &str,
    context: &Context<'_>,
    findings: &mut Findings,
) -> ActionWeights {
    let grouped = |action: &str| BROWSING.contains(&action) || BUYING.contains(&action);
    let mut result: ActionWeights = own
        .iter()
        .filter(|(action, weight)| !grouped(action) && **weight > 0.0)
        .map(|(k, v)| (k.clone(), *v))
        .collect();
    let budget = own.iter().filter(|(action, _)| grouped(action)).map(|(_, weight)| weight).sum::<f64>();
    // A profile with none of the grouped actions performs them as often as its other actions.
    let budget = if budget > 0.0 { budget } else { 1.0 };
    let whole: f64 = shares.iter().sum();
    for (group, share) in [(&BROWSING[..], shares[0]), (&BUYING[..], shares[1])] {
        if share <= 0.0 {
            continue;
        }
        let mut inside: Vec<(&str, f64)> = group
            .iter()
            .filter_map(|action| Some((*action, *own.get(*action)?)))
            .filter(|(_, w)| *w > 0.0)
            .collect();
        if inside.is_empty() {
            let journey = group
                .iter()
                .filter_map(|action| Some((*action, context.journey.actions.get(*action)?.weight)));
            inside = journey.collect();
        }
        let sum: f64 = inside.iter().map(|(_, weight)| weight).sum();
        if sum <= 0.0 {
            actions::require(context.journey, group.iter().copied(), path, findings);
            continue;
        }
        for (action, weight) in inside {
            result.insert(action.to_owned(), budget * share / whole * weight / sum);
        }
    }
    result
}
