//! The e-commerce API as a pure function: request in, status and JSON out.
//!
//! | Call (below the service) | Replies |
//! |---|---|
//! | POST `/api/users/register` | 201; 400 invalid; 409 email known |
//! | POST `/api/users/login` | 200 `{token}`; 400 invalid; 401 wrong |
//! | GET `/api/users/me` | 200; 401 |
//! | GET `/api/inventory/product/{sku}`, `/products/{sku}` | 200; 404 |
//! | GET `/api/inventory/all`, `/products`, `/products/category/{c}` | 200, an empty list if none |
//! | POST `/api/cart/items` | 201; 400; 401; 404 unknown product; 409 beyond stock or cart limit |
//! | GET `/api/cart` | 200 `{totalItems, items, total}`; 401 |
//! | POST `/api/orders` | 201; 400; 401; 404 unknown product; 409 beyond stock |
//! | GET `/api/orders/{id}` | 200; 401; 404 |
//!
//! A service that the shop does not have answers every call with 200 and says what it was asked, so
//! that recorded requests can be played against the mock backends; so does a path outside of `/api/` for
//! which no service is named.
//!
//! Checks come in the order 401, 400, 404, 409. A quantity is a whole number from 1 to 99.

use crate::catalogue::SERVICES;
use crate::reply::Answer;
use crate::store::{Line, Profile, Refusal, Store, UserId, units};
use crate::uri::decode;
use serde_json::{Value, json};

/// Largest quantity of one line.
const MAX_QUANTITY: u64 = 99;
/// Longest path that is taken apart; no call has more segments.
const MAX_SEGMENTS: usize = 5;

/// A request as the application sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// Name of the service that is asked; empty when none is named.
    pub(crate) service: &'a str,
    pub(crate) method: &'a str,
    /// Path below the service, without the query.
    pub(crate) path: &'a str,
    /// The `Authorization` header.
    pub(crate) authorization: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::error(
            409,
            match refusal {
                Refusal::EmailTaken => "email is already registered",
                Refusal::OutOfStock => "quantity is beyond the stock",
                Refusal::CartFull => "cart is full",
            },
        )
    }
}

/// Executes a request.
pub(crate) fn answer(store: &mut Store, call: &Call<'_>) -> Answer {
    let mut buffer = [""; MAX_SEGMENTS];
    let Some(segments) = split(call.path, &mut buffer) else {
        return elsewhere(call);
    };
    let result = match (call.method, segments) {
        ("POST", ["api", "users", "register"]) => register(store, call),
        ("POST", ["api", "users", "login"]) => log_in(store, call),
        ("GET", ["api", "users", "me"]) => me(store, call),
        ("GET", ["api", "inventory", "all"] | ["api", "inventory", "products"]) => Ok(products(store, None)),
        ("GET", ["api", "inventory", "products", "category"]) => Ok(products(store, Some(""))),
        ("GET", ["api", "inventory", "products", "category", category]) => {
            Ok(products(store, Some(&decode(category))))
        }
        ("GET", ["api", "inventory", "product" | "products", sku]) => product(store, &decode(sku)),
        ("POST", ["api", "cart", "items"]) => add_to_cart(store, call),
        ("GET", ["api", "cart"]) => cart(store, call),
        ("POST", ["api", "orders"]) => order(store, call),
        ("GET", ["api", "orders", id]) => show_order(store, call, id),
        (_, segments) => Err(if is_known(segments) {
            Answer::error(405, "method is not allowed here")
        } else {
            elsewhere(call)
        }),
    };
    result.unwrap_or_else(|refusal| refusal)
}

fn split<'a, 'b>(path: &'a str, buffer: &'b mut [&'a str; MAX_SEGMENTS]) -> Option<&'b [&'a str]> {
    let mut used = 0;
    for segment in path.strip_prefix('/')?.split('/') {
        *buffer.get_mut(used)? = segment;
        used += 1;
    }
    Some(&buffer[..used])
}

fn is_known(segments: &[&str]) -> bool {
    matches!(
        segments,
        ["api", "users", "register" | "login" | "me"]
            | ["api", "inventory", "all" | "products"]
            | ["api", "inventory", "product" | "products", _]
            | ["api", "inventory", "products", "category", _]
            | ["api", "cart"]
            | ["api", "cart", "items"]
            | ["api", "orders"]
            | ["api", "orders", _]
    )
}

fn not_found() -> Answer {
    Answer::error(404, "no such resource")
}

/// Answers a path that the shop does not have. Services other than the shop's accept every path, and so does
/// a request outside of `/api/` that names no service, as behind a load balancer that names none.
fn elsewhere(call: &Call<'_>) -> Answer {
    let unnamed = call.service.is_empty() && call.path.starts_with("/api/");
    if unnamed || SERVICES.contains(&call.service) {
        return not_found();
    }
    Answer::json(200, &json!({ "service": call.service, "method": call.method, "path": call.path }))
}

fn bad(message: &str) -> Answer {
    Answer::error(400, message)
}

fn register(store: &mut Store, call: &Call<'_>) -> Result<Answer, Answer> {
    let body = object(call.body)?;
    let first_name = text(&body, "firstName")?.to_owned();
    let last_name = text(&body, "lastName")?.to_owned();
    let email = text(&body, "email")?;
    let password = text(&body, "password")?.to_owned();
    let whole = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
    if !email.split_once('@').is_some_and(|(user, host)| whole(user) && whole(host)) {
        return Err(bad("email is not an address"));
    }
    let phone = match body.get("phoneNumber") {
        None | Some(Value::Null) => "",
        Some(Value::String(phone)) if is_phone(phone) => phone,
        Some(_) => return Err(bad("phoneNumber is not a number")),
    };
    let (email, phone) = (email.to_owned(), phone.to_owned());
    let id = store.register(Profile { first_name, last_name, email, password, phone })?;
    Ok(Answer::json(201, &profile_json(store, id)))
}

/// Digits with the usual punctuation; ITU-T E.164 allows at most 15, and an `x` marks an extension.
fn is_phone(phone: &str) -> bool {
    let digits = phone.chars().filter(char::is_ascii_digit).count();
    let punctuation = |c: char| c.is_ascii_digit() || "+-(). x".contains(c);
    phone.is_empty() || ((3..=20).contains(&digits) && phone.chars().all(punctuation))
}

fn log_in(store: &Store, call: &Call<'_>) -> Result<Answer, Answer> {
    let body = object(call.body)?;
    let (email, password) = (text(&body, "email")?, text(&body, "password")?);
    let Some((id, token)) = store.log_in(email, password) else {
        return Err(Answer::error(401, "email or password is wrong"));
    };
    Ok(Answer::json(200, &json!({ "token": token, "userId": id.number() })))
}

fn me(store: &Store, call: &Call<'_>) -> Result<Answer, Answer> {
    let id = authenticate(store, call)?;
    Ok(Answer::json(200, &profile_json(store, id)))
}

fn profile_json(store: &Store, id: UserId) -> Value {
    store.profile(id).map_or(Value::Null, |profile| {
        json!({
            "id": id.number(),
            "email": profile.email,
            "firstName": profile.first_name,
            "lastName": profile.last_name,
            "phoneNumber": profile.phone,
        })
    })
}

fn authenticate(store: &Store, call: &Call<'_>) -> Result<UserId, Answer> {
    let token = call.authorization.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    match token {
        None => Err(Answer::error(401, "token is missing")),
        Some(token) if token.starts_with("expired") => Err(Answer::error(401, "token has expired")),
        Some(token) => store.authenticate(token).ok_or_else(|| Answer::error(401, "token is not valid")),
    }
}

fn product(store: &Store, sku: &str) -> Result<Answer, Answer> {
    let product = store.find(sku).ok_or_else(no_product)?;
    let mut body = String::with_capacity(256);
    store.write_product(product, &mut body);
    Ok(Answer { status: 200, body: body.into() })
}

fn no_product() -> Answer {
    Answer::error(404, "no such product")
}

fn products(store: &Store, category: Option<&str>) -> Answer {
    let mut body = String::with_capacity(2048);
    body.push('[');
    for (count, product) in store.list(category).enumerate() {
        if count > 0 {
            body.push(',');
        }
        store.write_product(product, &mut body);
    }
    body.push(']');
    Answer { status: 200, body: body.into() }
}

fn add_to_cart(store: &mut Store, call: &Call<'_>) -> Result<Answer, Answer> {
    let id = authenticate(store, call)?;
    let body = object(call.body)?;
    let (sku, quantity) = item(&body)?;
    let product = store.find(sku).ok_or_else(no_product)?;
    store.add_to_cart(id, Line { product, quantity })?;
    Ok(Answer::json(201, &cart_json(store, id)))
}

fn cart(store: &Store, call: &Call<'_>) -> Result<Answer, Answer> {
    let id = authenticate(store, call)?;
    Ok(Answer::json(200, &cart_json(store, id)))
}

fn cart_json(store: &Store, id: UserId) -> Value {
    let lines = store.cart(id);
    json!({
        "totalItems": lines.iter().map(|line| line.quantity).sum::<u32>(),
        "items": store.lines_json(lines),
        "total": units(store.price(lines)),
    })
}

fn order(store: &mut Store, call: &Call<'_>) -> Result<Answer, Answer> {
    let id = authenticate(store, call)?;
    let body = object(call.body)?;
    let items = match body.get("items") {
        Some(Value::Array(items)) if !items.is_empty() => items,
        _ => return Err(bad("items must be a list with at least one item")),
    };
    let items = items.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    address(&body)?;
    payment(&body)?;
    let find = |(sku, quantity): &(&str, u32)| {
        let product = store.find(sku).ok_or_else(no_product)?;
        Ok(Line { product, quantity: *quantity })
    };
    let lines = items.iter().map(find).collect::<Result<Vec<_>, Answer>>()?;
    check_total(&body, store.price(&lines))?;
    let order = store.order(id, lines)?;
    Ok(Answer::json(201, &store.order_json(id, order).unwrap_or_default()))
}

fn show_order(store: &Store, call: &Call<'_>, id: &str) -> Result<Answer, Answer> {
    let user = authenticate(store, call)?;
    let order = id.parse().ok().and_then(|order| store.order_json(user, order));
    order.map(|order| Answer::json(200, &order)).ok_or_else(not_found)
}

/// The body as a JSON object.
fn object(body: &[u8]) -> Result<Value, Answer> {
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(bad("body must be a JSON object")),
        Err(_) => Err(bad("body is not JSON")),
    }
}

/// A field that must be a string with something in it.
fn text<'a>(body: &'a Value, field: &str) -> Result<&'a str, Answer> {
    match body.get(field) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text),
        _ => Err(bad(&format!("{field} must be a text that is not empty"))),
    }
}

/// Product and quantity of a cart item or order item.
fn item(body: &Value) -> Result<(&str, u32), Answer> {
    let sku = text(body, "productId")?;
    if body.get("price").is_some_and(|price| price.as_f64().is_none_or(|price| price < 0.0)) {
        return Err(bad("price must be a number that is not negative"));
    }
    match body.get("quantity").and_then(Value::as_u64) {
        Some(quantity @ 1..=MAX_QUANTITY) => Ok((sku, quantity as u32)),
        _ => Err(bad("quantity must be a whole number from 1 to 99")),
    }
}

fn address(body: &Value) -> Result<(), Answer> {
    let address = body.get("shippingAddress").unwrap_or(&Value::Null);
    for field in ["street", "city", "zipCode"] {
        if text(address, field).is_err() {
            return Err(bad(&format!("shippingAddress.{field} must be a text that is not empty")));
        }
    }
    Ok(())
}

/// A payment method need not be named, but if it is, it must say something.
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

/// A total need not be given, but if it is, it must be right to the cent.
fn check_total(body: &Value, cents: u64) -> Result<(), Answer> {
    let given = ["total", "totalAmount"].into_iter().find_map(|name| body.get(name));
    let right = |total: &Value| total.as_f64().is_some_and(|total| (total * 100.0).round() == cents as f64);
    match given {
        Some(total) if !right(total) => Err(bad("total does not match the items")),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "api_tests.rs"]
mod tests;
