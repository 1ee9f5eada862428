//! The products of the shop and their stock.
//!
//! Each order and each reservation reduces the stock. A product below half of its stock is restocked in full,
//! so that a long run never sells out, while an order larger than the stock is still refused.

use super::{Line, Refusal};
use crate::catalogue::Product;
use serde_json::json;
use std::collections::HashMap;
use std::fmt::Write as _;

/// The highest quantity that counts as low stock.
const LOW: u32 = 10;

/// The products by position and by name.
#[derive(Debug)]
pub(super) struct Shelves {
    shelves: Vec<Shelf>,
    by_sku: HashMap<String, usize>,
    /// The number of products at the start.
    original: usize,
    bytes_added: usize,
}

/// One product.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) product: Product,
    /// The product as JSON up to its stock, which changes.
    rendered: String,
    pub(super) cents: u64,
    pub(super) left: u32,
}

impl Shelves {
    /// Makes the products with full stock.
    pub(super) fn new(products: &[Product]) -> Self {
        let mut shelves =
            Self { shelves: Vec::new(), by_sku: HashMap::new(), original: products.len(), bytes_added: 0 };
        products.iter().for_each(|product| shelves.add(product.clone()));
        shelves.bytes_added = 0;
        shelves
    }

    /// Restocks all products and removes those that were added.
    pub(super) fn reset(&mut self) {
        self.shelves.truncate(self.original);
        self.bytes_added = 0;
        self.by_sku.retain(|_, position| *position < self.original);
        for shelf in &mut self.shelves {
            shelf.left = shelf.product.stock;
        }
    }

    /// Adds a product.
    pub(super) fn add(&mut self, product: Product) {
        self.by_sku.insert(product.sku.clone(), self.shelves.len());
        let shelf = Shelf::new(self.shelves.len(), product);
        // The rendered product contains all texts once, and the product and the index contain them again.
        self.bytes_added += 2 * shelf.rendered.len();
        self.shelves.push(shelf);
    }

    pub(super) fn len(&self) -> usize {
        self.shelves.len()
    }

    /// Returns about how many bytes the products that clients added take.
    pub(super) fn bytes_added(&self) -> usize {
        self.bytes_added
    }

    /// Returns the position of a product.
    pub(super) fn find(&self, sku: &str) -> Option<usize> {
        self.by_sku.get(sku).copied()
    }

    pub(super) fn get(&self, position: usize) -> &Shelf {
        &self.shelves[position]
    }

    /// Returns the positions of the products that `wanted` accepts.
    pub(super) fn filter(&self, wanted: impl Fn(&Shelf) -> bool) -> Vec<usize> {
        let wanted = self.shelves.iter().enumerate().filter(|(_, shelf)| wanted(shelf));
        wanted.map(|(position, _)| position).collect()
    }

    /// Takes items from stock: all of them, or none.
    pub(super) fn take(&mut self, lines: &[Line]) -> Result<(), Refusal> {
        let mut wanted: HashMap<usize, u32> = HashMap::new();
        for line in lines {
            *wanted.entry(line.product).or_default() += line.quantity;
        }
        if wanted.iter().any(|(product, quantity)| *quantity > self.shelves[*product].left) {
            return Err(Refusal::OutOfStock);
        }
        for (product, quantity) in wanted {
            let shelf = &mut self.shelves[product];
            shelf.left -= quantity;
            if shelf.left < shelf.product.stock / 2 {
                shelf.left = shelf.product.stock;
            }
        }
        Ok(())
    }

    /// Restocks items, up to the full stock.
    pub(super) fn put_back(&mut self, lines: &[Line]) {
        for line in lines {
            let shelf = &mut self.shelves[line.product];
            shelf.left = (shelf.left + line.quantity).min(shelf.product.stock);
        }
    }
}

impl Shelf {
    fn new(position: usize, product: Product) -> Self {
        let mut rendered = json!({
            "id": position + 1,
            "sku": product.sku,
            "productSku": product.sku,
            "name": product.name,
            "category": product.category,
            "price": product.price,
            "image": product.image,
            "status": "ACTIVE",
        })
        .to_string();
        rendered.pop();
        Self { rendered, cents: (product.price * 100.0).round() as u64, left: product.stock, product }
    }

    /// Returns whether the stock is low.
    pub(super) fn is_low(&self) -> bool {
        self.left <= LOW
    }

    /// Appends the product as JSON.
    pub(super) fn write(&self, out: &mut String) {
        out.push_str(&self.rendered);
        let left = self.left;
        let _ = write!(out, ",\"stock\":{left},\"availableQuantity\":{left}}}");
    }
}
