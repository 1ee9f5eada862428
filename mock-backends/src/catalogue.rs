//! The built-in shop: its services, and the catalogue that inventory, cart and order services share.

use serde::{Deserialize, Serialize};

/// The services of the built-in shop; a topology may name more.
pub(crate) const SERVICES: [&str; 4] = ["user-service", "inventory-service", "cart-service", "order-service"];

/// One product. Unknown fields are allowed, since the list usually comes out of a larger config.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// Name, unique in the catalogue, such as `LAPTOP-001`.
    pub sku: String,
    /// Title that the shop shows.
    #[serde(default)]
    pub name: String,
    /// The category that it is listed under.
    #[serde(default)]
    pub category: String,
    /// Price in units of the currency, with cents.
    pub price: f64,
    /// URL of the product's image.
    #[serde(default)]
    pub image: String,
    /// Pieces in stock at the start, and again after each restocking.
    #[serde(default = "default_stock")]
    pub stock: u32,
}

/// More than any single order of the built-in journey takes by three orders of magnitude, and few
/// enough that an order of a whole warehouse is refused.
fn default_stock() -> u32 {
    10_000
}

/// The products of a shop that was given none.
pub fn default_catalogue() -> Vec<Product> {
    [
        ("LAPTOP-001", "Laptop 15 inch", "Electronics", 1299.99),
        ("PHONE-001", "Smartphone", "Electronics", 999.99),
        ("TABLET-001", "Tablet 12 inch", "Electronics", 799.99),
        ("WATCH-001", "Fitness watch", "Wearables", 299.99),
        ("HEADPHONES-001", "Wireless headphones", "Audio", 199.99),
        ("CAMERA-001", "Digital camera", "Photography", 1599.99),
        ("SPEAKER-001", "Bookshelf speaker", "Audio", 149.50),
        ("MONITOR-001", "Monitor 27 inch", "Electronics", 349.00),
        ("KEYBOARD-001", "Mechanical keyboard", "Accessories", 89.90),
        ("MOUSE-001", "Wireless mouse", "Accessories", 39.90),
    ]
    .map(|(sku, name, category, price)| Product {
        sku: sku.to_owned(),
        name: name.to_owned(),
        category: category.to_owned(),
        price,
        image: format!("https://shop.example/images/{}.jpg", sku.to_lowercase()),
        stock: default_stock(),
    })
    .into()
}

/// What is wrong with a catalogue, one sentence each.
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

/// Highest price: sums of a full cart stay exact in cents.
const MAX_PRICE: f64 = 1e9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_is_valid() {
        assert_eq!(catalogue_problems(&default_catalogue()), Vec::<String>::new());
    }

    #[test]
    fn all_problems_of_a_catalogue_are_named_at_once() {
        let mut products = default_catalogue();
        products[1].sku = products[0].sku.clone();
        products[2].price = -1.0;
        products[3].sku = String::new();
        let problems = catalogue_problems(&products);
        assert_eq!(
            problems,
            [
                "[1].sku \"LAPTOP-001\" is not unique",
                "[2].price -1 is not in 0..=1000000000",
                "[3].sku is empty: give each product a unique name",
            ]
        );
    }
}
