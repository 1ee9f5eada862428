//! Tests what the store keeps, and for how long.

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
fn long_texts_and_full_carts_remove_the_oldest_users() {
    let mut store = store(Limits { bytes: 5_000, ..Limits::default() });
    let long = |email: &str| Profile { password: "x".repeat(2_000), ..profile(email) };
    for email in ["a@x", "b@x"] {
        store.register(long(email)).expect("new emails are free");
    }
    assert_eq!(store.users.len(), 2, "there is room for both");
    let (first, _) = store.log_in("a@x", &"x".repeat(2_000)).expect("known");
    for product in 0..2 {
        store.add_to_cart(first, Line { product, quantity: 1 }).expect("in stock");
    }
    assert_eq!(store.cart(first).len(), 2, "who is being served stays");
    store.register(long("c@x")).expect("new emails are free");
    assert!(store.log_in("a@x", &"x".repeat(2_000)).is_none(), "the oldest user is gone, with the cart");
    assert!(store.user_bytes <= 5_000, "memory stays bounded: {}", store.user_bytes);
    let counted: usize = store.users.iter().map(Held::bytes).sum();
    assert_eq!(store.user_bytes, counted, "what is held is what is counted");
}

#[test]
fn products_with_long_names_fill_the_catalogue() {
    let mut store = store(Limits { bytes: 10_000, ..Limits::default() });
    let long = |number: usize| Product {
        sku: format!("TEA-{number}"),
        name: "x".repeat(2_000),
        ..default_catalogue().swap_remove(0)
    };
    let added = (0..100).take_while(|number| store.add_product(long(*number)).is_ok()).count();
    assert_eq!(added, 3, "memory stays bounded");
    store.reset();
    assert!(store.add_product(long(0)).is_ok(), "there is room again");
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
    let mut order = |quantity| store.order(user, vec![Line { product: 0, quantity }]).map(|_| store.left(0));
    assert_eq!(order(5_000), Ok(5_000), "an order takes from the shelf");
    assert_eq!(order(6_000), Err(Refusal::OutOfStock), "more than there is, is refused");
    assert_eq!(order(1), Ok(10_000), "below half, the shelf is filled again");
}

#[test]
fn a_reservation_that_is_released_gives_its_pieces_back_once() {
    let mut store = store(Limits::default());
    let reserve =
        |store: &mut Store| store.reserve(vec![Line { product: 0, quantity: 100 }]).expect("in stock");
    let (kept, released) = (reserve(&mut store), reserve(&mut store));
    assert_eq!(store.left(0), 9_800);
    assert!(store.end_reservation(released, "RELEASED"));
    assert!(!store.end_reservation(released, "RELEASED"), "it is over");
    assert_eq!(store.left(0), 9_900);
    assert!(store.end_reservation(kept, "CONFIRMED"));
    assert!(!store.end_reservation(kept, "RELEASED"), "what is confirmed stays taken");
    assert_eq!(store.left(0), 9_900);
}

#[test]
fn products_that_were_added_are_gone_after_a_reset_and_their_number_is_bounded() {
    let count = default_catalogue().len();
    let mut store = store(Limits { products: count + 1, ..Limits::default() });
    let product = |sku: &str| Product { sku: sku.to_owned(), ..default_catalogue().swap_remove(0) };
    assert_eq!(store.add_product(product("TEA-1")), Ok(count));
    assert_eq!(store.add_product(product("TEA-1")), Err(Refusal::SkuTaken));
    assert_eq!(store.add_product(product("TEA-2")), Err(Refusal::CatalogueFull), "memory stays bounded");
    store.reset();
    assert_eq!((store.find("TEA-1"), store.find("LAPTOP-001")), (None, Some(0)));
    assert_eq!(store.add_product(product("TEA-2")), Ok(count), "there is room again");
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
