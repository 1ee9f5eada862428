//! Maps the short names `browse`, `search`, `cart`, `order` and `profile` to actions of the journey, and
//! combines the weights of patterns and profiles.

use crate::error::Findings;
use crate::raw::Weights;
use lb_core::suggest::did_you_mean;
use lb_core::workload::Journey;
use std::collections::BTreeMap;

/// The kinds of actions: short name, key of the weight in patterns, and name of the action in journeys.
pub(super) const KINDS: [(&str, &str, &str); 5] = [
    ("browse", "browse_weight", "browse_products"),
    ("search", "search_weight", "search_products"),
    ("cart", "cart_weight", "add_to_cart"),
    ("order", "order_weight", "place_order"),
    ("profile", "profile_weight", "view_profile"),
];

/// Weights by the name of the action.
pub(super) type ActionWeights = BTreeMap<String, f64>;

/// Returns the action that a short name stands for.
pub(super) fn action_of(kind: &str) -> Option<&'static str> {
    KINDS.iter().find(|(short, ..)| *short == kind).map(|(.., action)| *action)
}

/// Returns the weights of a pattern by action, leaving out those that are 0.
pub(super) fn pattern_weights(weights: &Weights) -> ActionWeights {
    let values = [
        weights.browse_weight,
        weights.search_weight,
        weights.cart_weight,
        weights.order_weight,
        weights.profile_weight,
    ];
    let named = KINDS.iter().zip(values).filter(|(_, value)| *value > 0.0);
    named.map(|((.., action), value)| ((*action).to_owned(), value)).collect()
}

/// Returns the probabilities of a profile by action, scaled so that they sum to 1.
pub(super) fn profile_weights<'a>(named: impl IntoIterator<Item = (&'a str, f64)>) -> ActionWeights {
    let mut weights = ActionWeights::new();
    for (action, weight) in named {
        *weights.entry(action.to_owned()).or_default() += weight;
    }
    let sum: f64 = weights.values().sum();
    if sum > 0.0 {
        weights.values_mut().for_each(|weight| *weight /= sum);
    }
    weights
}

/// Combines the weights of a pattern and a profile: `P(action)` is proportional to the pattern's weight times
/// the profile's probability. An action that the profile does not name gets the mean probability of the `n`
/// named ones, `1/n`, so the profile neither favours nor avoids it. Without a pattern's weights, the
/// profile's probabilities apply unchanged.
pub(super) fn combine(pattern: Option<&ActionWeights>, profile: &ActionWeights) -> ActionWeights {
    let neutral = 1.0 / profile.len().max(1) as f64;
    let Some(pattern) = pattern else {
        return profile.iter().filter(|(_, chance)| **chance > 0.0).map(|(k, v)| (k.clone(), *v)).collect();
    };
    let product = pattern
        .iter()
        .map(|(action, weight)| (action.clone(), weight * profile.get(action).copied().unwrap_or(neutral)));
    product.filter(|(_, weight)| *weight > 0.0).collect()
}

/// Reports actions that the journey does not have. `path` is the key that names them.
pub(super) fn require<'a>(
    journey: &Journey,
    actions: impl IntoIterator<Item = &'a str>,
    path: &str,
    findings: &mut Findings,
) {
    for action in actions {
        if !journey.actions.contains_key(action) {
            let hint = did_you_mean(action, journey.actions.keys().map(String::as_str));
            let message = format!(
                "refers to the action `{action}`, which the journey `{}` does not have{hint}; use another `bench.journey` or leave it out",
                journey.name
            );
            findings.wrong(path, action, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(pairs: &[(&str, f64)]) -> ActionWeights {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    #[test]
    fn an_action_is_as_likely_as_pattern_times_profile() {
        let pattern = weights(&[("browse_products", 80.0), ("add_to_cart", 20.0)]);
        let profile = profile_weights([("browse_products", 0.5), ("add_to_cart", 0.5)]);
        assert_eq!(
            combine(Some(&pattern), &profile),
            weights(&[("browse_products", 40.0), ("add_to_cart", 10.0)])
        );
    }

    #[test]
    fn an_action_that_the_profile_does_not_name_counts_with_the_mean() {
        let pattern = weights(&[("browse_products", 90.0), ("view_profile", 10.0)]);
        let profile = profile_weights([("browse_products", 3.0), ("add_to_cart", 1.0)]);
        let combined = combine(Some(&pattern), &profile);
        assert_eq!(combined["browse_products"], 67.5, "0.75 of 90");
        assert_eq!(combined["view_profile"], 5.0, "one of two named ones: half of 10");
    }

    #[test]
    fn chances_need_not_sum_to_one() {
        let profile =
            profile_weights([("browse_products", 0.3), ("search_products", 0.7), ("place_order", 1.0)]);
        assert!((profile.values().sum::<f64>() - 1.0).abs() < 1e-12, "{profile:?}");
        assert_eq!(combine(None, &profile), profile, "without a pattern's weights the profile decides");
    }
}
