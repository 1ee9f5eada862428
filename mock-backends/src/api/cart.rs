//! `/api/cart`: the cart of a user.

use super::body::{item, object, quantity, text};
use super::inventory::no_product;
use super::{Call, Route, authenticate, route};
use crate::reply::Answer;
use crate::store::{Line, Store, UserId, units};
use crate::uri::decode;
use serde_json::{Value, json};

pub(super) const ROUTES: &[Route] = &[
    route("GET", "/api/cart", show),
    route("DELETE", "/api/cart", empty),
    route("GET", "/api/cart/summary", summary),
    route("POST", "/api/cart/items", add),
    route("PUT", "/api/cart/items", change),
    route("DELETE", "/api/cart/items/{productId}", remove),
];

fn show(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let id = authenticate(store, call)?;
    Ok(Answer::json(200, &whole(store, id)))
}

fn empty(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let id = authenticate(store, call)?;
    store.empty_cart(id);
    Ok(Answer::empty())
}

fn summary(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let id = authenticate(store, call)?;
    Ok(Answer::json(200, &brief(store, id)))
}

fn add(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let id = authenticate(store, call)?;
    let body = object(call.body)?;
    let (sku, quantity) = item(&body)?;
    let product = store.find(sku).ok_or_else(no_product)?;
    store.add_to_cart(id, Line { product, quantity })?;
    Ok(Answer::json(201, &whole(store, id)))
}

fn change(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let id = authenticate(store, call)?;
    let body = object(call.body)?;
    let (sku, quantity) = (text(&body, "productId")?, quantity(&body, "quantity", 0)?);
    let product = store.find(sku).ok_or_else(no_product)?;
    store.change_cart(id, Line { product, quantity })?;
    Ok(Answer::json(200, &whole(store, id)))
}

fn remove(store: &mut Store, call: &Call<'_>, sku: &str) -> Result<Answer, Answer> {
    let id = authenticate(store, call)?;
    let product = store.find(&decode(sku)).ok_or_else(no_product)?;
    store.change_cart(id, Line { product, quantity: 0 })?;
    Ok(Answer::empty())
}

/// Returns the cart without its items.
fn brief(store: &Store, id: UserId) -> Value {
    let lines = store.cart(id);
    json!({
        "cartId": format!("CART-{}", id.number()),
        "totalItems": lines.iter().map(|line| line.quantity).sum::<u32>(),
        "totalAmount": units(store.price(lines)),
        "status": "ACTIVE",
    })
}

fn whole(store: &Store, id: UserId) -> Value {
    let mut cart = brief(store, id);
    cart["userId"] = id.number().to_string().into();
    cart["items"] = store.lines_json(store.cart(id)).into();
    cart["total"] = cart["totalAmount"].clone();
    cart
}
