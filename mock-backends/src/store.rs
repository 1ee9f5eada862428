//! The state that all instances share: users, tokens, inventory, carts, orders.
//!
//! Memory is bounded however long a run lasts: the oldest user leaves (with token and cart) when
//! there are more than [`Limits::users`], the oldest order when there are more than
//! [`Limits::orders`]; a cart holds each product once. Stock goes down with each order, and a product
//! of which less than half is left is restocked to the full amount, so a long run never dries up,
//! while an order larger than the stock is still refused.

use crate::catalogue::Product;
use lb_core::Seed;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};

/// How much the store keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Users with token and cart.
    pub(crate) users: usize,
    /// Orders that can be looked up.
    pub(crate) orders: usize,
    /// Pieces in one cart.
    pub(crate) cart: u32,
}

impl Default for Limits {
    /// 100,000 users of about 300 bytes are 30 MB, and more than a run of three hours registers.
    fn default() -> Self {
        Self { users: 100_000, orders: 20_000, cart: 1_000 }
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

/// So many pieces of one product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Position in the catalogue.
    pub(crate) product: usize,
    /// Pieces.
    pub(crate) quantity: u32,
}

#[derive(Debug)]
struct Order {
    user: u64,
    lines: Vec<Line>,
    cents: u64,
}

#[derive(Debug)]
struct Shelf {
    product: Product,
    /// The product as JSON up to and without its stock, which changes.
    rendered: String,
    cents: u64,
    left: u32,
}

/// Why the store refuses; each belongs to one HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    EmailTaken,
    OutOfStock,
    CartFull,
}

/// Who a token belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UserId(u64);

/// The state.
#[derive(Debug)]
pub(crate) struct Store {
    limits: Limits,
    seed: Seed,
    /// Changes with each reset, so that old tokens open nothing.
    era: u64,
    shelves: Vec<Shelf>,
    by_sku: HashMap<String, usize>,
    first_user: u64,
    users: VecDeque<User>,
    by_email: HashMap<String, u64>,
    first_order: u64,
    orders: VecDeque<Order>,
}

impl Store {
    /// A store with full shelves and no users.
    pub(crate) fn new(products: &[Product], seed: Seed, limits: Limits) -> Self {
        let shelves: Vec<Shelf> = products.iter().map(Shelf::new).collect();
        let by_sku = products.iter().enumerate().map(|(at, p)| (p.sku.clone(), at)).collect();
        Self {
            limits,
            seed,
            era: 0,
            shelves,
            by_sku,
            first_user: 1,
            users: VecDeque::new(),
            by_email: HashMap::new(),
            first_order: 1,
            orders: VecDeque::new(),
        }
    }

    /// Forgets users, carts and orders and fills the shelves.
    pub(crate) fn reset(&mut self) {
        self.era += 1;
        self.first_user = 1;
        self.users = VecDeque::new();
        self.by_email = HashMap::new();
        self.first_order = 1;
        self.orders = VecDeque::new();
        for shelf in &mut self.shelves {
            shelf.left = shelf.product.stock;
        }
    }

    pub(crate) fn register(&mut self, profile: Profile) -> Result<UserId, Refusal> {
        if self.by_email.contains_key(&profile.email) {
            return Err(Refusal::EmailTaken);
        }
        if self.users.len() >= self.limits.users
            && let Some(oldest) = self.users.pop_front()
        {
            self.by_email.remove(&oldest.profile.email);
            self.first_user += 1;
        }
        let id = self.first_user + self.users.len() as u64;
        self.by_email.insert(profile.email.clone(), id);
        self.users.push_back(User { profile, cart: Vec::new() });
        Ok(UserId(id))
    }

    /// A token for the user, if the password fits.
    pub(crate) fn log_in(&self, email: &str, password: &str) -> Option<(UserId, String)> {
        let id = UserId(*self.by_email.get(email)?);
        let known = self.user(id)?.profile.password == password;
        known.then(|| (id, format!("{:x}.{:016x}", id.0, self.check(id.0))))
    }

    /// The user that a token belongs to. Tokens carry a check instead of being remembered.
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

    pub(crate) fn profile(&self, id: UserId) -> Option<&Profile> {
        self.user(id).map(|user| &user.profile)
    }

    /// The position of a product in the catalogue.
    pub(crate) fn find(&self, sku: &str) -> Option<usize> {
        self.by_sku.get(sku).copied()
    }

    /// The price of some lines in cents.
    pub(crate) fn price(&self, lines: &[Line]) -> u64 {
        lines.iter().map(|line| self.shelves[line.product].cents * u64::from(line.quantity)).sum()
    }

    /// Appends a product as JSON.
    pub(crate) fn write_product(&self, product: usize, out: &mut String) {
        use std::fmt::Write as _;
        let shelf = &self.shelves[product];
        out.push_str(&shelf.rendered);
        let _ = write!(out, ",\"stock\":{}}}", shelf.left);
    }

    /// The positions of the products in a category; all products when there is none.
    pub(crate) fn list(&self, category: Option<&str>) -> impl Iterator<Item = usize> {
        let fits = move |shelf: &Shelf| {
            category.is_none_or(|wanted| shelf.product.category.eq_ignore_ascii_case(wanted))
        };
        self.shelves.iter().enumerate().filter(move |(_, shelf)| fits(shelf)).map(|(at, _)| at)
    }

    /// Puts something into a cart.
    pub(crate) fn add_to_cart(&mut self, id: UserId, line: Line) -> Result<(), Refusal> {
        let Some(index) = self.index(id) else {
            return Ok(());
        };
        let limit = self.limits.cart;
        let left = self.shelves[line.product].left;
        let Some(user) = self.users.get_mut(index) else {
            return Ok(());
        };
        let pieces: u32 = user.cart.iter().map(|line| line.quantity).sum();
        if pieces + line.quantity > limit {
            return Err(Refusal::CartFull);
        }
        match user.cart.iter_mut().find(|known| known.product == line.product) {
            Some(known) if known.quantity + line.quantity > left => Err(Refusal::OutOfStock),
            None if line.quantity > left => Err(Refusal::OutOfStock),
            Some(known) => {
                known.quantity += line.quantity;
                Ok(())
            }
            None => {
                user.cart.push(line);
                Ok(())
            }
        }
    }

    pub(crate) fn cart(&self, id: UserId) -> &[Line] {
        self.user(id).map_or(&[], |user| &user.cart)
    }

    /// Places an order: takes the pieces from the shelves and empties the user's cart.
    pub(crate) fn order(&mut self, id: UserId, lines: Vec<Line>) -> Result<u64, Refusal> {
        let mut wanted = vec![0; self.shelves.len()];
        for line in &lines {
            wanted[line.product] += line.quantity;
        }
        let short = |(wanted, shelf): (&u32, &Shelf)| *wanted > shelf.left;
        if wanted.iter().zip(&self.shelves).any(short) {
            return Err(Refusal::OutOfStock);
        }
        for (wanted, shelf) in wanted.iter().zip(&mut self.shelves) {
            shelf.left -= wanted;
            if shelf.left < shelf.product.stock / 2 {
                shelf.left = shelf.product.stock;
            }
        }
        if let Some(index) = self.index(id)
            && let Some(user) = self.users.get_mut(index)
        {
            user.cart.clear();
        }
        if self.orders.len() >= self.limits.orders {
            self.orders.pop_front();
            self.first_order += 1;
        }
        let cents = self.price(&lines);
        self.orders.push_back(Order { user: id.0, lines, cents });
        Ok(self.first_order + self.orders.len() as u64 - 1)
    }

    /// An order as JSON, if it is this user's.
    pub(crate) fn order_json(&self, user: UserId, order: u64) -> Option<Value> {
        let found = self.orders.get(order.checked_sub(self.first_order)? as usize)?;
        (found.user == user.0).then(|| {
            json!({
                "id": order,
                "status": "CONFIRMED",
                "items": self.lines_json(&found.lines),
                "total": units(found.cents),
            })
        })
    }

    /// Lines as JSON: productId, productName, price, quantity.
    pub(crate) fn lines_json(&self, lines: &[Line]) -> Vec<Value> {
        let line = |line: &Line| {
            let product = &self.shelves[line.product].product;
            json!({
                "productId": product.sku,
                "productName": product.name,
                "price": product.price,
                "quantity": line.quantity,
            })
        };
        lines.iter().map(line).collect()
    }
}

impl Shelf {
    fn new(product: &Product) -> Self {
        let mut rendered = json!({
            "sku": product.sku,
            "name": product.name,
            "category": product.category,
            "price": product.price,
            "image": product.image,
        })
        .to_string();
        rendered.pop();
        Self {
            rendered,
            cents: (product.price * 100.0).round() as u64,
            left: product.stock,
            product: product.clone(),
        }
    }
}

impl UserId {
    /// The number that clients see.
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

/// Cents in units of the currency.
pub(crate) fn units(cents: u64) -> f64 {
    cents as f64 / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::default_catalogue;

    fn store(limits: Limits) -> Store {
        Store::new(&default_catalogue(), Seed(1), limits)
    }

    fn profile(email: &str) -> Profile {
        Profile {
            first_name: "Ada".to_owned(),
            last_name: "L".to_owned(),
            email: email.to_owned(),
            password: "secret".to_owned(),
            phone: String::new(),
        }
    }

    #[test]
    fn the_oldest_user_leaves_when_the_store_is_full() {
        let mut store = store(Limits { users: 2, ..Limits::default() });
        for email in ["a@x", "b@x", "c@x"] {
            store.register(profile(email)).expect("new emails are free");
        }
        assert_eq!(store.users.len(), 2, "memory stays bounded");
        assert!(store.log_in("a@x", "secret").is_none(), "the oldest user is gone");
        let (id, token) = store.log_in("c@x", "secret").expect("the newest user is known");
        assert_eq!(store.authenticate(&token), Some(id));
    }

    #[test]
    fn the_oldest_order_leaves_when_the_store_is_full() {
        let mut store = store(Limits { orders: 2, ..Limits::default() });
        let user = store.register(profile("a@x")).expect("free");
        let line = Line { product: 0, quantity: 1 };
        let ids: Vec<u64> = (0..3).map(|_| store.order(user, vec![line]).expect("in stock")).collect();
        assert_eq!(ids, [1, 2, 3], "numbers go on");
        assert_eq!(store.orders.len(), 2, "memory stays bounded");
        assert!(store.order_json(user, 1).is_none());
        assert!(store.order_json(user, 3).is_some());
    }

    #[test]
    fn tokens_open_nothing_after_a_reset() {
        let mut store = store(Limits::default());
        store.register(profile("a@x")).expect("free");
        let (_, token) = store.log_in("a@x", "secret").expect("known");
        store.reset();
        store.register(profile("b@x")).expect("free");
        assert_eq!(store.authenticate(&token), None, "the user with that number is another one");
    }

    #[test]
    fn stock_goes_down_and_is_restocked_below_half() {
        let mut store = store(Limits::default());
        let user = store.register(profile("a@x")).expect("free");
        let mut order =
            |quantity| store.order(user, vec![Line { product: 0, quantity }]).map(|_| store.shelves[0].left);
        assert_eq!(order(5_000), Ok(5_000), "an order takes from the shelf");
        assert_eq!(order(6_000), Err(Refusal::OutOfStock), "more than there is, is refused");
        assert_eq!(order(1), Ok(10_000), "below half, the shelf is filled again");
    }

    #[test]
    fn an_order_empties_the_cart() {
        let mut store = store(Limits::default());
        let user = store.register(profile("a@x")).expect("free");
        let line = Line { product: 0, quantity: 2 };
        store.add_to_cart(user, line).expect("in stock");
        store.order(user, vec![line]).expect("in stock");
        assert_eq!(store.cart(user), []);
    }
}
