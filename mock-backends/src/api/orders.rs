//! `/api/orders`: the orders of users.

use super::body::{bad, item, object, text};
use super::inventory::no_product;
use super::{Call, Route, authenticate, not_found, route};
use crate::reply::Answer;
use crate::store::{Line, Order, Store, UserId, units};
use serde_json::{Value, json};

pub(super) const ROUTES: &[Route] = &[
    route("POST", "/api/orders", place),
    route("GET", "/api/orders/user", of_user),
    route("GET", "/api/orders/{id}", show),
    route("GET", "/api/orders/number/{number}", show_by_number),
    route("POST", "/api/orders/{id}/cancel", cancel),
];

/// Prefix of order numbers, which clients see besides the ids.
const NUMBER: &str = "ORD-";

fn place(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let id = authenticate(store, call)?;
    let body = object(call.body)?;
    let items = match body.get("items") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(items)) => items.as_slice(),
        Some(_) => return Err(bad("items must be a list, or be left out to order the contents of the cart")),
    };
    let items = items.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    address(&body)?;
    payment(&body)?;
    let find = |(sku, quantity): &(&str, u32)| {
        let product = store.find(sku).ok_or_else(no_product)?;
        Ok(Line { product, quantity: *quantity })
    };
    let lines = match items.as_slice() {
        [] => store.cart(id).to_vec(),
        items => items.iter().map(find).collect::<Result<Vec<_>, Answer>>()?,
    };
    if lines.is_empty() {
        return Err(bad("the cart is empty: add items to it, or list items in the order"));
    }
    check_total(&body, store.price(&lines))?;
    let number = store.order(id, lines)?;
    find_own(store, id, number).map(|order| Answer::json(201, &render(store, number, order)))
}

fn of_user(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let id = authenticate(store, call)?;
    let own = store.orders.latest().filter(|(_, order)| order.user == id);
    Ok(Answer::json(200, &own.map(|(number, order)| render(store, number, order)).collect()))
}

fn show(store: &mut Store, call: &Call<'_>, id: &str) -> Result<Answer, Answer> {
    let user = authenticate(store, call)?;
    let number = id.parse().map_err(|_| not_found())?;
    find_own(store, user, number).map(|order| Answer::json(200, &render(store, number, order)))
}

fn show_by_number(store: &mut Store, call: &Call<'_>, number: &str) -> Result<Answer, Answer> {
    show(store, call, number.strip_prefix(NUMBER).unwrap_or_default())
}

fn cancel(store: &mut Store, call: &Call<'_>, id: &str) -> Result<Answer, Answer> {
    let user = authenticate(store, call)?;
    let number = id.parse().map_err(|_| not_found())?;
    store.cancel_order(user, number);
    find_own(store, user, number).map(|order| Answer::json(200, &render(store, number, order)))
}

fn find_own(store: &Store, user: UserId, number: u64) -> Result<&Order, Answer> {
    store.orders.get(number).filter(|order| order.user == user).ok_or_else(not_found)
}

fn render(store: &Store, number: u64, order: &Order) -> Value {
    json!({
        "id": number,
        "orderNumber": format!("{NUMBER}{number}"),
        "userId": order.user.number().to_string(),
        "userEmail": store.profile(order.user).map(|profile| &profile.email),
        "status": order.status,
        "items": store.lines_json(&order.lines),
        "totalItems": order.lines.iter().map(|line| line.quantity).sum::<u32>(),
        "totalAmount": units(order.cents),
        "total": units(order.cents),
    })
}

fn address(body: &Value) -> Result<(), Answer> {
    let address = body.get("shippingAddress").unwrap_or(&Value::Null);
    for field in ["street", "city", "zipCode"] {
        if text(address, field).is_err() {
            return Err(bad(&format!("shippingAddress.{field} must be a non-empty string")));
        }
    }
    Ok(())
}

/// Checks the payment method, which is optional but must not be empty.
fn payment(body: &Value) -> Result<(), Answer> {
    let empty = |value: &Value| value.as_str().is_none_or(|text| text.trim().is_empty());
    let method = body.get("paymentMethod").or_else(|| body.pointer("/payment/method"));
    let wrong = match method {
        None => body.get("payment").is_some_and(empty),
        Some(Value::Object(method)) => method.get("type").is_none_or(empty),
        Some(method) => empty(method),
    };
    if wrong { Err(bad("paymentMethod must not be empty")) } else { Ok(()) }
}

/// Checks the total, which is optional but must be correct to the cent.
fn check_total(body: &Value, cents: u64) -> Result<(), Answer> {
    let given = ["total", "totalAmount"].into_iter().find_map(|name| body.get(name));
    let right = |total: &Value| total.as_f64().is_some_and(|total| (total * 100.0).round() == cents as f64);
    match given {
        Some(total) if !right(total) => Err(bad("total does not match the items")),
        _ => Ok(()),
    }
}
