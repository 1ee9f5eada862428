//! Turns the products and addresses of a config into rows of the journey's feeds.

use super::types::{Context, DraftPattern};
use crate::document::join;
use crate::error::Findings;
use crate::raw::TestProduct;
use lb_core::suggest::did_you_mean;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The rows of each feed, by the name of the feed.
pub(super) type Feeds = BTreeMap<String, Vec<Value>>;

/// Returns the catalogue, its categories, and a search term for each product, so that users only browse
/// categories and find products that the shop has.
pub(super) fn catalogue(products: &[TestProduct], path: &str, findings: &mut Findings) -> Feeds {
    let mut rows: Vec<Value> = Vec::new();
    let mut terms = Vec::new();
    let mut categories: Vec<(String, f64)> = Vec::new();
    for (index, product) in products.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let Some(sku) = product.sku.as_ref().or(product.id.as_ref()) else {
            findings.wrong(&path, product.name.clone(), "has neither `sku` nor `id`; add one of them");
            continue;
        };
        if rows.iter().any(|row| row["sku"] == **sku) {
            findings.wrong(&join(&path, "sku"), sku.as_str(), "duplicate; each product needs its own");
            continue;
        }
        if let Some(label) = &product.inventory_complexity {
            findings.note(
                &join(&path, "inventory_complexity"),
                label.as_str(),
                "is only a label: service times come from the topology",
            );
        }
        let name = product.name.clone().unwrap_or_else(|| sku.clone());
        let category = product.category.clone().unwrap_or_else(|| "General".to_owned());
        let popularity = product.popularity_score.unwrap_or(1.0);
        let image = product.image.clone().unwrap_or_default();
        let term = name.to_lowercase();
        rows.push(json!({
            "sku": sku, "name": name, "category": category, "price": product.price, "image": image,
            "popularity": popularity,
        }));
        terms.push(json!({ "term": term, "category": category, "sku": sku, "popularity": popularity }));
        match categories.iter_mut().find(|(known, _)| *known == category) {
            Some((_, sum)) => *sum += popularity,
            None => categories.push((category, popularity)),
        }
    }
    if !rows.is_empty() && rows.iter().all(|row| row["popularity"] == 0.0) {
        findings.wrong(path, json!(rows.len()), "all products have a popularity of 0, so none can be drawn");
    }
    let categories = categories.into_iter().map(|(name, sum)| json!({ "name": name, "popularity": sum }));
    [("products", rows), ("search_terms", terms), ("categories", categories.collect())]
        .map(|(name, rows)| (name.to_owned(), rows))
        .into()
}

/// Returns the addresses. A field that is missing, such as a phone number, is filled in from the journey's
/// own addresses, because requests need it.
pub(super) fn addresses(
    rows: &[Value],
    path: &str,
    context: &Context<'_>,
    findings: &mut Findings,
) -> Vec<Value> {
    let own = context.journey.feeds.get("addresses").and_then(|rows| rows.first()?.as_object());
    let mut filled = rows.to_vec();
    for (index, row) in filled.iter_mut().enumerate() {
        let (Some(row), Some(own)) = (row.as_object_mut(), own) else {
            continue;
        };
        for (field, value) in own {
            if !row.contains_key(field) {
                let message = "is missing from the address, so the journey's value is used: orders need it";
                findings.note(&join(&format!("{path}[{index}]"), field), value.clone(), message);
                row.insert(field.clone(), value.clone());
            }
        }
    }
    filled
}

/// Weights products so that, over the whole scenario, each pattern's share of draws goes to the products that
/// it targets. Feeds belong to a scenario, so patterns with and without targets share them.
pub(super) fn aim(
    patterns: &[DraftPattern],
    feeds: &mut Feeds,
    context: &Context<'_>,
    findings: &mut Findings,
) {
    if patterns.iter().all(|pattern| pattern.targets.is_empty()) {
        return;
    }
    let rows = match feeds.get("products").or_else(|| context.journey.feeds.get("products")) {
        Some(rows) => rows.clone(),
        None => return,
    };
    let popularity = |row: &Value| row["popularity"].as_f64().unwrap_or(1.0);
    let skus = || rows.iter().filter_map(|row| row["sku"].as_str());
    let mut aimed = vec![0.0; rows.len()];
    for pattern in patterns.iter().filter(|pattern| !pattern.background) {
        let path = join(&pattern.path, "target_products");
        for (index, target) in pattern.targets.iter().enumerate() {
            if !skus().any(|sku| sku == target) {
                let message = format!("is not a product of the catalogue{}", did_you_mean(target, skus()));
                findings.wrong(&format!("{path}[{index}]"), target.as_str(), message);
            }
        }
        let meant = |row: &Value| {
            pattern.targets.is_empty() || pattern.targets.iter().any(|target| row["sku"] == **target)
        };
        let sum: f64 = rows.iter().filter(|row| meant(row)).map(popularity).sum();
        let weight = f64::from(pattern.users) * pattern.duration_s();
        for (row, aimed) in rows.iter().zip(&mut aimed) {
            if meant(row) && sum > 0.0 {
                *aimed += weight * popularity(row) / sum;
            }
        }
        if !pattern.targets.is_empty() && patterns.len() > 1 {
            let message = "product weights apply to the whole scenario, so these products get this pattern's share of all draws";
            findings.note(&path, pattern.targets.clone(), message);
        }
    }
    let total: f64 = aimed.iter().sum();
    if total > 0.0 {
        let mut rows = rows;
        for (row, aimed) in rows.iter_mut().zip(aimed) {
            row["popularity"] = json!(aimed / total);
        }
        feeds.insert("products".to_owned(), rows);
    }
}
