//! Drafts deliberately bad requests: the probability of each error that the journey can produce.

use super::types::Context;
use crate::document::join;
use crate::error::Findings;
use crate::raw::ErrorSimulation;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Returns the probability of each error by name: `error_injection_probability` times its rate. Errors that
/// no request of the journey can carry are noted.
pub(super) fn chances(
    simulation: &ErrorSimulation,
    path: &str,
    context: &Context<'_>,
    findings: &mut Findings,
) -> BTreeMap<String, f64> {
    let known = context.journey.error_names();
    let mut chances = BTreeMap::new();
    for (group, rates) in simulation.error_scenarios.iter() {
        let path = join(&join(path, "error_scenarios"), group);
        for (key, rate) in rates.iter() {
            let name = key.strip_suffix("_rate").unwrap_or(key);
            if known.contains(name) {
                *chances.entry(name.to_owned()).or_insert(0.0) +=
                    simulation.error_injection_probability * rate;
            } else {
                let message = format!(
                    "has no effect: no request of the journey `{}` can carry this error",
                    context.journey.name
                );
                findings.note(&join(&path, key), *rate, message);
            }
        }
    }
    if let Some(payloads) = &simulation.malformed_payloads {
        let names: Vec<&str> = payloads.names().collect();
        let message =
            "are not sent: malformed bodies come with the journey's own errors, which the rates above enable";
        findings.note(&join(path, "malformed_payloads"), json!(names), message);
    }
    chances.retain(|_, chance: &mut f64| *chance > 0.0);
    chances
}

/// Returns the invalid products and categories of the config, which replace those of the journey.
pub(super) fn feeds(simulation: &ErrorSimulation) -> BTreeMap<String, Vec<Value>> {
    let rows = |values: &Option<Vec<String>>, field: &str| -> Vec<Value> {
        values.iter().flatten().map(|value| json!({ field: value })).collect()
    };
    let feeds = [
        ("invalid_skus", rows(&simulation.invalid_product_skus, "sku")),
        ("invalid_categories", rows(&simulation.invalid_categories, "name")),
    ];
    feeds
        .into_iter()
        .filter(|(_, rows)| !rows.is_empty())
        .map(|(name, rows)| (name.to_owned(), rows))
        .collect()
}
