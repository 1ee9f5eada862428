//! The products of the shop that mock backends imitate, and the checks of a catalogue.

use serde::{Deserialize, Serialize};

/// Highest price, at which the total of a full cart is still exact in cents.
const MAX_PRICE: f64 = 1e9;

/// One product. Unknown fields are allowed, since the list is usually taken from a larger config.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// Stock keeping unit, unique in the catalogue, such as `LAPTOP-001`.
    pub sku: String,
    /// Title that the shop shows.
    #[serde(default)]
    pub name: String,
    /// Category that the product is listed in.
    #[serde(default)]
    pub category: String,
    /// Price in units of the currency, with cents.
    pub price: f64,
    /// URL of the product's image.
    #[serde(default)]
    pub image: String,
    /// Number of items in stock at the start and after each restocking.
    #[serde(default = "default_stock")]
    pub stock: u32,
}

/// Returns the default stock: three orders of magnitude more than any order of the built-in journey, but low
/// enough that very large orders are refused.
pub const fn default_stock() -> u32 {
    10_000
}

/// Lists what is wrong with a catalogue, one sentence per problem.
pub fn catalogue_problems(products: &[Product]) -> Vec<String> {
    let mut problems = Vec::new();
    if products.is_empty() {
        problems.push("the catalogue is empty: list at least one product".to_owned());
    }
    let mut seen = std::collections::HashSet::new();
    for (index, product) in products.iter().enumerate() {
        if product.sku.is_empty() {
            problems.push(format!("[{index}].sku is empty: give each product a unique name"));
        } else if !seen.insert(&product.sku) {
            problems.push(format!("[{index}].sku {:?} is not unique", product.sku));
        }
        if !(0.0..=MAX_PRICE).contains(&product.price) {
            problems.push(format!("[{index}].price {} is not in 0..={MAX_PRICE}", product.price));
        }
    }
    problems
}
