//! The state that all instances share: users, tokens, inventory, carts, orders, payments and notifications, and the
//! carts of visitors who are known by a session alone.
//!
//! Memory is bounded however long a run lasts and whatever clients send: the oldest user is removed (with token and
//! cart) when there are more than [`Limits::users`], and the oldest order, reservation, payment or notification when
//! there are more than [`Limits::entries`] of that kind, or when the texts and lines of a kind take more than
//! [`Limits::bytes`]. A cart holds each product once. For carts of sessions, the limits of users apply.

mod carts;
mod ids;
mod ledger;
mod shelf;

pub(crate) use carts::Carts;
pub(crate) use ids::Ids;
pub(crate) use ledger::Ledger;

use crate::catalogue::Product;
use lb_core::Seed;
use serde_json::{Value, json};
use shelf::{Shelf, Shelves};
use std::collections::{HashMap, VecDeque};

/// How much the store keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Users with token and cart.
    pub(crate) users: usize,
    /// Orders that can be looked up; also the limit for reservations, payments and notifications each.
    pub(crate) entries: usize,
    /// Total quantity in one cart.
    pub(crate) cart: u32,
    /// Products, including those that clients add.
    pub(crate) products: usize,
    /// Bytes that the users may hold, and the orders, the reservations, the payments, the notifications, and the
    /// products that clients add: each kind this many.
    pub(crate) bytes: usize,
}

/// Something that the store keeps.
pub(crate) trait Held {
    /// Returns about how many bytes it takes.
    fn bytes(&self) -> usize;
}

impl Default for Limits {
    /// Returns limits for long runs: 100,000 users of about 300 bytes are 30 MB, and more than a run of three
    /// hours registers. The bytes matter only for clients that send long texts.
    fn default() -> Self {
        Self { users: 100_000, entries: 20_000, cart: 1_000, products: 10_000, bytes: 64 << 20 }
    }
}

/// A user as registered.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) phone: String,
}

#[derive(Debug)]
struct User {
    profile: Profile,
    cart: Vec<Line>,
}

/// A product and its quantity, in a cart or order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Position in the catalogue.
    pub(crate) product: usize,
    /// The quantity.
    pub(crate) quantity: u32,
}

/// An order of a user.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) user: UserId,
    pub(crate) lines: Vec<Line>,
    pub(crate) cents: u64,
    /// `CONFIRMED` or `CANCELLED`.
    pub(crate) status: &'static str,
}

/// Reserved items.
#[derive(Debug)]
pub(crate) struct Reservation {
    pub(crate) lines: Vec<Line>,
    /// `ACTIVE`, `RELEASED` or `CONFIRMED`.
    pub(crate) status: &'static str,
}

/// A payment of a user.
#[derive(Debug)]
pub(crate) struct Payment {
    pub(crate) user: UserId,
    /// The order id as the client sent it; null if it sent none.
    pub(crate) order: Value,
    pub(crate) cents: u64,
    pub(crate) currency: String,
    pub(crate) method: String,
    pub(crate) refunded_cents: u64,
}

/// A notification to a user.
#[derive(Debug)]
pub(crate) struct Notification {
    pub(crate) user: UserId,
    pub(crate) kind: String,
    pub(crate) title: String,
    pub(crate) message: String,
    pub(crate) channels: Vec<&'static str>,
    pub(crate) priority: String,
    /// `SENT` or `CANCELLED`.
    pub(crate) status: &'static str,
}

impl Held for User {
    fn bytes(&self) -> usize {
        let Profile { first_name, last_name, email, password, phone } = &self.profile;
        // The email is also the key by which the user is found.
        let texts = first_name.len() + last_name.len() + 2 * email.len() + password.len() + phone.len();
        size_of::<Self>() + texts + size_of_val(self.cart.as_slice())
    }
}

impl Held for Order {
    fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(self.lines.as_slice())
    }
}

impl Held for Reservation {
    fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(self.lines.as_slice())
    }
}

impl Held for Payment {
    fn bytes(&self) -> usize {
        let order = self.order.as_str().map_or(0, str::len);
        size_of::<Self>() + order + self.currency.len() + self.method.len()
    }
}

impl Held for Notification {
    fn bytes(&self) -> usize {
        let texts = [&self.kind, &self.title, &self.message, &self.priority].map(String::len);
        size_of::<Self>() + texts.iter().sum::<usize>() + size_of_val(self.channels.as_slice())
    }
}

/// Why the store refuses a request; each reason maps to one HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    EmailTaken,
    OutOfStock,
    CartFull,
    NotInCart,
    SkuTaken,
    CatalogueFull,
}

/// The user that a token belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UserId(u64);

/// The state of the shop.
#[derive(Debug)]
pub(crate) struct Store {
    limits: Limits,
    seed: Seed,
    /// Changes with each reset, so that old tokens become invalid.
    era: u64,
    shelves: Shelves,
    first_user: u64,
    users: VecDeque<User>,
    /// Bytes that all users hold.
    user_bytes: usize,
    by_email: HashMap<String, u64>,
    pub(crate) orders: Ledger<Order>,
    pub(crate) reservations: Ledger<Reservation>,
    pub(crate) payments: Ledger<Payment>,
    pub(crate) notifications: Ledger<Notification>,
    pub(crate) carts: Carts,
}

impl Store {
    /// Makes a store with full stock and no users.
    pub(crate) fn new(products: &[Product], seed: Seed, limits: Limits) -> Self {
        Self {
            limits,
            seed,
            era: 0,
            shelves: Shelves::new(products),
            first_user: 1,
            users: VecDeque::new(),
            user_bytes: 0,
            by_email: HashMap::new(),
            orders: Ledger::new(limits.entries, limits.bytes),
            reservations: Ledger::new(limits.entries, limits.bytes),
            payments: Ledger::new(limits.entries, limits.bytes),
            notifications: Ledger::new(limits.entries, limits.bytes),
            carts: Carts::new(&limits, seed),
        }
    }

    /// Discards everything that clients did and restocks all products.
    pub(crate) fn reset(&mut self) {
        self.era += 1;
        self.first_user = 1;
        self.users = VecDeque::new();
        self.user_bytes = 0;
        self.by_email = HashMap::new();
        self.orders.clear();
        self.reservations.clear();
        self.payments.clear();
        self.notifications.clear();
        self.carts.reset();
        self.shelves.reset();
    }

    pub(crate) fn register(&mut self, profile: Profile) -> Result<UserId, Refusal> {
        if self.by_email.contains_key(&profile.email) {
            return Err(Refusal::EmailTaken);
        }
        if self.users.len() >= self.limits.users {
            self.remove_oldest_user();
        }
        let id = self.first_user + self.users.len() as u64;
        self.by_email.insert(profile.email.clone(), id);
        let user = User { profile, cart: Vec::new() };
        self.user_bytes += user.bytes();
        self.users.push_back(user);
        self.make_room_for(UserId(id));
        Ok(UserId(id))
    }

    fn remove_oldest_user(&mut self) {
        if let Some(oldest) = self.users.pop_front() {
            self.user_bytes -= oldest.bytes();
            self.by_email.remove(&oldest.profile.email);
            self.first_user += 1;
        }
    }

    /// Removes the oldest users while all of them hold too many bytes, but not one that has just been served.
    fn make_room_for(&mut self, served: UserId) {
        while self.user_bytes > self.limits.bytes && self.first_user < served.0 {
            self.remove_oldest_user();
        }
    }

    /// Returns the user and a token, if the password is correct.
    pub(crate) fn log_in(&self, email: &str, password: &str) -> Option<(UserId, String)> {
        let id = UserId(*self.by_email.get(email)?);
        let known = self.user(id)?.profile.password == password;
        known.then(|| (id, format!("{:x}.{:016x}", id.0, self.check(id.0))))
    }

    /// Returns the user that a token belongs to. Tokens carry a checksum instead of being stored.
    pub(crate) fn authenticate(&self, token: &str) -> Option<UserId> {
        let (id, check) = token.split_once('.')?;
        let id = u64::from_str_radix(id, 16).ok()?;
        let check = u64::from_str_radix(check, 16).ok()?;
        let valid = check == self.check(id) && self.user(UserId(id)).is_some();
        valid.then_some(UserId(id))
    }

    fn check(&self, id: u64) -> u64 {
        self.seed.key(&[self.era, id])
    }

    fn index(&self, id: UserId) -> Option<usize> {
        id.0.checked_sub(self.first_user).map(|index| index as usize)
    }

    fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(self.index(id)?)
    }

    fn user_mut(&mut self, id: UserId) -> Option<&mut User> {
        let index = self.index(id)?;
        self.users.get_mut(index)
    }

    pub(crate) fn profile(&self, id: UserId) -> Option<&Profile> {
        self.user(id).map(|user| &user.profile)
    }

    /// Returns the position of a product in the catalogue.
    pub(crate) fn find(&self, sku: &str) -> Option<usize> {
        self.shelves.find(sku)
    }

    /// Returns the product at a position.
    pub(crate) fn product(&self, product: usize) -> &Product {
        &self.shelves.get(product).product
    }

    /// Returns the remaining stock of a product.
    pub(crate) fn left(&self, product: usize) -> u32 {
        self.shelves.get(product).left
    }

    /// Adds a product to the catalogue, until the next reset.
    pub(crate) fn add_product(&mut self, product: Product) -> Result<usize, Refusal> {
        if self.find(&product.sku).is_some() {
            return Err(Refusal::SkuTaken);
        }
        if self.shelves.len() >= self.limits.products || self.shelves.bytes_added() >= self.limits.bytes {
            return Err(Refusal::CatalogueFull);
        }
        self.shelves.add(product);
        Ok(self.shelves.len() - 1)
    }

    /// Returns the total price of the lines in cents.
    pub(crate) fn price(&self, lines: &[Line]) -> u64 {
        let cents = |line: &Line| self.shelves.get(line.product).cents.saturating_mul(line.quantity.into());
        lines.iter().map(cents).fold(0, u64::saturating_add)
    }

    /// Appends a product as JSON.
    pub(crate) fn write_product(&self, product: usize, out: &mut String) {
        self.shelves.get(product).write(out);
    }

    /// Returns the positions of the products in a category; all products when there is none.
    pub(crate) fn list(&self, category: Option<&str>) -> Vec<usize> {
        let fits = |name: &str| category.is_none_or(|wanted| name.eq_ignore_ascii_case(wanted));
        self.shelves.filter(|shelf| fits(&shelf.product.category))
    }

    /// Returns the positions of the products whose name, sku or category contains the text.
    pub(crate) fn search(&self, text: &str) -> Vec<usize> {
        let text = text.to_lowercase();
        let has = |field: &String| field.to_lowercase().contains(&text);
        self.shelves.filter(|Shelf { product, .. }| {
            [&product.name, &product.sku, &product.category].into_iter().any(has)
        })
    }

    /// Returns the positions of the products with low stock.
    pub(crate) fn low_on_stock(&self) -> Vec<usize> {
        self.shelves.filter(Shelf::is_low)
    }

    /// Adds a product to a cart.
    pub(crate) fn add_to_cart(&mut self, id: UserId, line: Line) -> Result<(), Refusal> {
        let known = self.cart(id).iter().find(|known| known.product == line.product);
        let quantity = known.map_or(0, |known| known.quantity) + line.quantity;
        self.put_into_cart(id, Line { quantity, ..line })
    }

    /// Changes the quantity of a product in a cart; 0 removes it.
    pub(crate) fn change_cart(&mut self, id: UserId, line: Line) -> Result<(), Refusal> {
        match self.cart(id).iter().any(|known| known.product == line.product) {
            true => self.put_into_cart(id, line),
            false => Err(Refusal::NotInCart),
        }
    }

    fn put_into_cart(&mut self, id: UserId, line: Line) -> Result<(), Refusal> {
        let others = self.cart(id).iter().filter(|known| known.product != line.product);
        let pieces: u32 = others.map(|line| line.quantity).sum();
        if pieces + line.quantity > self.limits.cart {
            return Err(Refusal::CartFull);
        }
        if line.quantity > self.left(line.product) {
            return Err(Refusal::OutOfStock);
        }
        self.change(id, |cart| {
            match cart.iter_mut().find(|known| known.product == line.product) {
                Some(known) => known.quantity = line.quantity,
                None => cart.push(line),
            }
            cart.retain(|line| line.quantity > 0);
        });
        self.make_room_for(id);
        Ok(())
    }

    /// Changes a cart, and counts the bytes that it holds afterwards.
    fn change(&mut self, id: UserId, change: impl FnOnce(&mut Vec<Line>)) {
        let Some(user) = self.user_mut(id) else { return };
        let before = user.bytes();
        change(&mut user.cart);
        let after = user.bytes();
        self.user_bytes = self.user_bytes - before + after;
    }

    pub(crate) fn cart(&self, id: UserId) -> &[Line] {
        self.user(id).map_or(&[], |user| &user.cart)
    }

    pub(crate) fn empty_cart(&mut self, id: UserId) {
        self.change(id, Vec::clear);
    }

    /// Reserves items and returns the number of the reservation.
    pub(crate) fn reserve(&mut self, lines: Vec<Line>) -> Result<u64, Refusal> {
        self.shelves.take(&lines)?;
        Ok(self.reservations.add(Reservation { lines, status: "ACTIVE" }))
    }

    /// Ends an active reservation: its items are restocked if it is released, but not if it is confirmed.
    /// Returns whether there was one.
    pub(crate) fn end_reservation(&mut self, number: u64, status: &'static str) -> bool {
        let active = |reservation: &&mut Reservation| reservation.status == "ACTIVE";
        let Some(reservation) = self.reservations.get_mut(number).filter(active) else { return false };
        reservation.status = status;
        if status == "RELEASED" {
            self.shelves.put_back(&reservation.lines);
        }
        true
    }

    /// Places an order: takes the items from stock and empties the user's cart.
    pub(crate) fn order(&mut self, user: UserId, lines: Vec<Line>) -> Result<u64, Refusal> {
        self.shelves.take(&lines)?;
        self.empty_cart(user);
        let cents = self.price(&lines);
        Ok(self.orders.add(Order { user, lines, cents, status: "CONFIRMED" }))
    }

    /// Cancels an order of this user and restocks its items. Returns whether there was one.
    pub(crate) fn cancel_order(&mut self, user: UserId, number: u64) -> bool {
        let own = |order: &&mut Order| order.user == user;
        let Some(order) = self.orders.get_mut(number).filter(own) else { return false };
        if order.status != "CANCELLED" {
            order.status = "CANCELLED";
            self.shelves.put_back(&order.lines);
        }
        true
    }

    /// Returns lines as JSON: productId, productName, productImage, price, quantity, subtotal.
    pub(crate) fn lines_json(&self, lines: &[Line]) -> Vec<Value> {
        let line = |line: &Line| {
            let product = self.product(line.product);
            json!({
                "productId": product.sku,
                "productName": product.name,
                "productImage": product.image,
                "price": product.price,
                "quantity": line.quantity,
                "subtotal": units(self.price(std::slice::from_ref(line))),
            })
        };
        lines.iter().map(line).collect()
    }
}

impl UserId {
    /// Returns the number that clients see.
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

/// Converts cents to units of the currency.
pub(crate) fn units(cents: u64) -> f64 {
    cents as f64 / 100.0
}

#[cfg(test)]
mod tests;
