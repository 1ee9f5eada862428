//! Turns user behaviour profiles into user classes, and mixes them for a pattern.

use super::actions::{self, ActionWeights, profile_weights};
use super::types::{ACTIONS_PER_SESSION, Context, THINK_TIME_S, Tags, ordered_range};
use crate::document::join;
use crate::error::Findings;
use crate::raw::{BaseConfig, Profile, Weights};
use lb_core::ordered::Ordered;
use lb_core::suggest::{did_you_mean, listing};
use lb_core::workload::{ClassMix, UserClass};
use std::collections::BTreeMap;

/// Steps of the built-in journey that show a product after browsing or searching.
const DETAIL_STEPS: [&str; 2] = ["browse_product", "search_hit"];
/// The step that puts one product into the cart.
const CART_STEP: &str = "add_item";
/// Name of the profile for configs that do not define one.
const DEFAULT_PROFILE: &str = "default_user";

/// The profiles of a file, as user classes.
pub(super) struct Profiles {
    classes: Vec<UserClass>,
    /// The share of each class in patterns without a distribution, relative to the sum.
    weights: Vec<f64>,
    tags: Tags,
}

/// The values for profiles that do not set their own.
struct Defaults {
    think_time_s: [f64; 2],
    session_cap_s: Option<f64>,
}

impl Profiles {
    /// Reads profiles. Of two with the same name, the first is used. If there are none, a default profile
    /// leaves the choice of actions to the patterns.
    pub(super) fn new<'a>(
        named: impl IntoIterator<Item = (String, &'a str, &'a Profile)>,
        base: (Option<&BaseConfig>, &str),
        context: &Context<'_>,
        findings: &mut Findings,
    ) -> Self {
        let defaults = defaults(base, context, findings);
        let mut classes: Vec<UserClass> = Vec::new();
        let (mut weights, mut tags) = (Vec::new(), Tags::new());
        let mut unsteered: Vec<&str> = Vec::new();
        let mut unsteered_at = None;
        for (path, name, profile) in named {
            for key in profile.unsteered() {
                unsteered_at.get_or_insert_with(|| (path.clone(), name));
                if !unsteered.contains(&key) {
                    unsteered.push(key);
                }
            }
            if classes.iter().any(|class| class.name == name) {
                findings.note(&path, name, "duplicate; only the first profile with this name is used");
                continue;
            }
            let class = class(&path, name, profile, &defaults, context, findings);
            classes.push(class);
            weights.push(profile.weight.unwrap_or(1.0));
            tags.insert(name.to_owned(), profile.tags.clone());
        }
        if let Some((path, name)) = unsteered_at {
            let message = format!(
                "labels without effect, as no request of the journey depends on them: {}",
                listing(unsteered)
            );
            findings.note(&path, name, message);
        }
        if classes.is_empty() {
            classes.push(class("bench", DEFAULT_PROFILE, &Profile::default(), &defaults, context, findings));
            weights.push(1.0);
        }
        Self { classes, weights, tags }
    }

    /// Returns all classes, in the order of the file.
    pub(super) fn classes(&self) -> &[UserClass] {
        &self.classes
    }

    /// Returns the tags of classes, by name.
    pub(super) fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Returns the mix of a pattern. The distribution sets the shares of the profiles, or else their own weights
    /// do; the pattern and each profile set the weights of actions.
    pub(super) fn mix(
        &self,
        path: &str,
        distribution: Option<&Ordered<f64>>,
        weights: Option<&Weights>,
        context: &Context<'_>,
        findings: &mut Findings,
    ) -> Vec<ClassMix> {
        let weights = weights.map(actions::pattern_weights);
        let weights_path = join(path, "scenario_weights");
        if let Some(weights) = &weights {
            if weights.is_empty() {
                findings.wrong(
                    &weights_path,
                    0,
                    "all weights are 0; give at least one action a weight above 0",
                );
                return Vec::new();
            }
            actions::require(context.journey, weights.keys().map(String::as_str), &weights_path, findings);
        }
        let shares = self.shares(&join(path, "user_behavior_distribution"), distribution, findings);
        let mut mix = Vec::new();
        for (class, share) in shares {
            let profile = &self.classes[class];
            let actions = actions::combine(weights.as_ref(), &profile.actions);
            if actions.is_empty() {
                let message = format!(
                    "leaves the profile `{}` nothing to do: it has none of the actions with a weight here",
                    profile.name
                );
                let named: Vec<&str> = weights.iter().flatten().map(|(action, _)| action.as_str()).collect();
                findings.wrong(&weights_path, named, message);
            }
            mix.push(ClassMix { class, share, actions });
        }
        mix
    }

    fn shares(
        &self,
        path: &str,
        distribution: Option<&Ordered<f64>>,
        findings: &mut Findings,
    ) -> Vec<(usize, f64)> {
        let Some(distribution) = distribution.filter(|distribution| !distribution.is_empty()) else {
            if self.weights.iter().all(|weight| *weight <= 0.0) {
                let message = "all profiles have the weight 0; give at least one a weight above 0";
                findings.wrong(path, 0, message);
            }
            return self.weights.iter().copied().enumerate().collect();
        };
        let mut shares = Vec::new();
        let mut unknown = false;
        for (name, share) in distribution.iter() {
            let known = || self.classes.iter().map(|class| class.name.as_str());
            match known().position(|class| class == name) {
                Some(class) if *share > 0.0 => shares.push((class, *share)),
                Some(_) => {}
                None => {
                    unknown = true;
                    let hint = did_you_mean(name, known());
                    let message = format!("the profile is not defined{hint}; defined: {}", listing(known()));
                    findings.wrong(&join(path, name), *share, message);
                }
            }
        }
        let sum: f64 = distribution.iter().map(|(_, share)| share).sum();
        if shares.is_empty() && !unknown {
            findings.wrong(path, sum, "all shares are 0; give at least one profile a share above 0");
        } else if (sum - 1.0).abs() > 0.005 {
            findings.note(path, sum, "the shares do not sum to 1, so they are scaled");
        }
        shares
    }
}

fn defaults(
    (base, path): (Option<&BaseConfig>, &str),
    context: &Context<'_>,
    findings: &mut Findings,
) -> Defaults {
    let bench = context.settings.think_time_s;
    let own = bench.map(|range| ordered_range("bench.think_time_s", range, findings));
    let think_time_s = match base.map(|base| (base.think_time_min, base.think_time_max)) {
        _ if own.is_some() => own.unwrap_or(THINK_TIME_S),
        Some((Some(min), Some(max))) if min > max => {
            let message = format!("is above `think_time_max` ({max}); swap them");
            findings.wrong(&join(path, "think_time_min"), min, message);
            [max, min]
        }
        Some((Some(min), max)) => [min, max.unwrap_or(min.max(THINK_TIME_S[1]))],
        Some((None, Some(max))) => [max.min(THINK_TIME_S[0]), max],
        _ => THINK_TIME_S,
    };
    let session_cap_s = base.and_then(|base| base.session_duration_minutes).map(|minutes| minutes * 60.0);
    Defaults { think_time_s, session_cap_s }
}

fn class(
    path: &str,
    name: &str,
    profile: &Profile,
    defaults: &Defaults,
    context: &Context<'_>,
    findings: &mut Findings,
) -> UserClass {
    let pages_path = join(path, "pages_per_session");
    let pages =
        profile.pages_per_session.or(context.settings.actions_per_session).unwrap_or(ACTIONS_PER_SESSION);
    let think_path = join(path, "think_time_range");
    let think_time_s = match profile.think_time_range {
        Some(range) => ordered_range(&think_path, range, findings),
        None => defaults.think_time_s,
    };
    let mut repeat = BTreeMap::new();
    if let Some(size) = profile.average_cart_size {
        let key = join(path, "average_cart_size");
        let size = ordered_range(&key, size, findings);
        if has_step(context, CART_STEP, &key, size[1].into(), findings) {
            repeat.insert(CART_STEP.to_owned(), size);
        }
    }
    UserClass {
        name: name.to_owned(),
        actions: weights_of(path, profile, context, findings),
        think_time_s,
        actions_per_session: ordered_range(&pages_path, pages, findings),
        session_duration_s: session(path, profile, defaults, findings),
        abandonment: profile.cart_abandonment_rate.unwrap_or(0.0),
        repeat,
        probability: detail_views(path, profile, context, findings),
    }
}

/// Returns the longest session in seconds, `[min, max]`: the profile's range, limited by the file's cap.
fn session(path: &str, profile: &Profile, defaults: &Defaults, findings: &mut Findings) -> Option<[f64; 2]> {
    let (key, range) = match (profile.session_duration_range, profile.session_duration_minutes) {
        (Some(range), _) => ("session_duration_range", Some(range)),
        (None, range) => ("session_duration_minutes", range),
    };
    let range =
        range.map(|range| ordered_range(&join(path, key), range, findings).map(|minutes| minutes * 60.0));
    match (range, defaults.session_cap_s) {
        (Some(range), Some(cap)) => Some(range.map(|end| end.min(cap))),
        (Some(range), None) => Some(range),
        (None, cap) => cap.map(|cap| [cap, cap]),
    }
}

/// Returns the weights of actions: those in `action_probabilities`, or else those of keys such as
/// `search_probability`, or else equal weights.
fn weights_of(
    path: &str,
    profile: &Profile,
    context: &Context<'_>,
    findings: &mut Findings,
) -> ActionWeights {
    let key = join(path, "action_probabilities");
    if let Some(named) = &profile.action_probabilities {
        let mut known = Vec::new();
        for (kind, chance) in named.iter() {
            let of_journey = context.journey.actions.keys().map(String::as_str).find(|name| *name == kind);
            match actions::action_of(kind).or(of_journey) {
                Some(action) => known.push((action, *chance)),
                None => {
                    let short = actions::KINDS.iter().map(|(short, ..)| *short);
                    let own = || context.journey.actions.keys().map(String::as_str);
                    let kinds = || short.clone().chain(own());
                    let message =
                        format!("unknown action{}; known: {}", did_you_mean(kind, kinds()), listing(kinds()));
                    findings.wrong(&join(&key, kind), *chance, message);
                }
            }
        }
        if known.iter().map(|(_, chance)| chance).sum::<f64>() <= 0.0 {
            findings.wrong(
                &key,
                0,
                "all probabilities are 0; give at least one action a probability above 0",
            );
        }
        let asked = known.iter().filter(|(_, chance)| *chance > 0.0).map(|(action, _)| *action);
        actions::require(context.journey, asked, &key, findings);
        return profile_weights(known);
    }
    let implied = [
        ("browse_products", profile.category_browse_probability),
        ("search_products", profile.search_probability),
        ("add_to_cart", profile.add_to_cart_probability),
        ("place_order", profile.checkout_probability),
    ];
    if implied.iter().all(|(_, chance)| chance.is_none_or(|chance| chance <= 0.0)) {
        let all = actions::KINDS.iter().map(|(.., action)| (*action, 1.0));
        return profile_weights(all.filter(|(action, _)| context.journey.actions.contains_key(*action)));
    }
    profile_weights(implied.into_iter().filter_map(|(action, chance)| Some((action, chance?))))
}

/// Returns the probability of viewing a product after browsing or searching, which replaces the journey's.
fn detail_views(
    path: &str,
    profile: &Profile,
    context: &Context<'_>,
    findings: &mut Findings,
) -> BTreeMap<String, f64> {
    let Some(chance) = profile.product_detail_view_probability else {
        return BTreeMap::new();
    };
    let key = join(path, "product_detail_view_probability");
    let steps = DETAIL_STEPS.iter().filter(|step| has_step(context, step, &key, chance.into(), findings));
    steps.map(|step| ((*step).to_owned(), chance)).collect()
}

fn has_step(
    context: &Context<'_>,
    step: &str,
    path: &str,
    value: serde_json::Value,
    findings: &mut Findings,
) -> bool {
    let mut steps = context.journey.actions.values().flat_map(|action| &action.steps);
    let has = steps.any(|known| known.name == step);
    if !has {
        let message = format!("has no effect: the journey `{}` has no step `{step}`", context.journey.name);
        findings.note(path, value, message);
    }
    has
}
