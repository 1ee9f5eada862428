//! The built-in shop: its services, and the catalogue that inventory, cart and order services share.

pub(crate) use lb_core::catalogue::default_stock;
pub use lb_core::catalogue::{Product, catalogue_problems};

/// The services of the built-in shop; a topology may name more.
pub(crate) const SERVICES: [&str; 6] = [
    "user-service",
    "inventory-service",
    "cart-service",
    "order-service",
    "payment-service",
    "notification-service",
];

/// Returns the default catalogue.
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
