//! The carts of visitors who are known by a session alone.

use super::{Ids, Limits, Line};
use lb_core::Seed;
use std::collections::{BTreeMap, HashMap};

/// The most different products in one cart, and the most pieces of each.
const MOST_LINES: usize = 100;
const MOST_PIECES: u32 = 100_000;

/// The carts that hold something, by session. The one that was filled first leaves when there are too many.
#[derive(Debug)]
pub(crate) struct Carts {
    limit: usize,
    most_bytes: usize,
    ids: Ids,
    bytes: usize,
    /// Number of the next cart.
    next: u64,
    by_session: HashMap<String, Cart>,
    /// The sessions by the number of their cart.
    by_age: BTreeMap<u64, String>,
}

#[derive(Debug)]
struct Cart {
    number: u64,
    lines: Vec<Line>,
}

/// Returns about how many bytes a cart takes; its session is also the key by which it is found.
fn size(session: &str, cart: &Cart) -> usize {
    2 * (session.len() + size_of::<String>()) + size_of::<Cart>() + size_of_val(cart.lines.as_slice())
}

impl Carts {
    /// Returns an empty set of carts.
    pub(super) fn new(limits: &Limits, seed: Seed) -> Self {
        Self {
            limit: limits.users,
            most_bytes: limits.bytes,
            ids: Ids::new(seed),
            bytes: 0,
            next: 0,
            by_session: HashMap::new(),
            by_age: BTreeMap::new(),
        }
    }

    /// Empties all carts.
    pub(super) fn reset(&mut self) {
        self.ids.reset();
        self.bytes = 0;
        self.by_session = HashMap::new();
        self.by_age = BTreeMap::new();
    }

    /// Returns an id that no other session or order has.
    pub(crate) fn new_session(&mut self) -> String {
        self.ids.fresh()
    }

    /// Returns what a session's cart holds.
    pub(crate) fn of(&self, session: &str) -> &[Line] {
        self.by_session.get(session).map_or(&[], |cart| &cart.lines)
    }

    /// Adds pieces of a product to a cart; beyond its limits, nothing is added.
    pub(crate) fn add(&mut self, session: &str, product: usize, quantity: u32) {
        let mut cart = self.take(session).unwrap_or_else(|| {
            self.next += 1;
            Cart { number: self.next, lines: Vec::new() }
        });
        let has_room = cart.lines.len() < MOST_LINES;
        match cart.lines.iter_mut().find(|line| line.product == product) {
            Some(line) => line.quantity = line.quantity.saturating_add(quantity).min(MOST_PIECES),
            None if has_room => cart.lines.push(Line { product, quantity }),
            None => {}
        }
        self.bytes += size(session, &cart);
        while (self.by_session.len() >= self.limit || self.bytes > self.most_bytes)
            && let Some(oldest) = self.by_age.first_key_value().map(|(_, session)| session.clone())
        {
            self.take(&oldest);
        }
        self.by_age.insert(cart.number, session.to_owned());
        self.by_session.insert(session.to_owned(), cart);
    }

    /// Empties a cart and returns what it held.
    pub(crate) fn empty(&mut self, session: &str) -> Vec<Line> {
        self.take(session).map_or_else(Vec::new, |cart| cart.lines)
    }

    fn take(&mut self, session: &str) -> Option<Cart> {
        let cart = self.by_session.remove(session)?;
        self.by_age.remove(&cart.number);
        self.bytes -= size(session, &cart);
        Some(cart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carts(limits: &Limits) -> Carts {
        Carts::new(limits, Seed(1))
    }

    #[test]
    fn a_cart_holds_each_product_once_until_it_is_emptied() {
        let mut carts = carts(&Limits::default());
        for (product, quantity) in [(3, 2), (5, 1), (3, 4)] {
            carts.add("a", product, quantity);
        }
        carts.add("b", 3, 1);
        let held = [Line { product: 3, quantity: 6 }, Line { product: 5, quantity: 1 }];
        assert_eq!(carts.of("a"), held);
        assert_eq!(carts.empty("a"), held);
        assert_eq!((carts.of("a"), carts.of("b").len()), (&[][..], 1), "the other cart stays");
    }

    #[test]
    fn the_oldest_cart_leaves_when_there_are_too_many_or_too_large_ones() {
        for limits in [Limits { users: 3, ..Limits::default() }, Limits { bytes: 600, ..Limits::default() }] {
            let mut carts = carts(&limits);
            for number in 0..100 {
                let session = number.to_string();
                carts.add(&session, 0, 1);
                carts.add(&session, 1, 1);
            }
            let held = carts.by_session.len();
            assert!((1..=6).contains(&held), "memory stays bounded: {held}");
            assert!(carts.bytes <= limits.bytes, "{} bytes", carts.bytes);
            assert_eq!(carts.by_age.len(), held);
            assert_eq!(carts.of("99").len(), 2, "the newest is kept");
            assert!(carts.of("0").is_empty(), "the oldest is gone");
            while let Some(session) = carts.by_age.first_key_value().map(|(_, session)| session.clone()) {
                carts.empty(&session);
            }
            assert_eq!(carts.bytes, 0, "nothing is counted twice");
        }
    }

    #[test]
    fn ids_differ_also_after_a_reset() {
        let mut carts = carts(&Limits::default());
        let mut ids: Vec<String> = (0..3).map(|_| carts.new_session()).collect();
        carts.add(&ids[0].clone(), 0, 1);
        carts.reset();
        assert!(carts.of(&ids[0]).is_empty());
        ids.extend((0..3).map(|_| carts.new_session()));
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 6);
        assert!(ids.iter().all(|id| id.len() == 36 && id.as_bytes()[14] == b'4'), "{ids:?}");
    }
}
