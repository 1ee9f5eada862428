//! The e-commerce API as a pure function: request in, status and JSON out.
//!
//! | Call (below the service) | Replies |
//! |---|---|
//! | POST `/api/users/register` | 201; 400 invalid; 409 email taken |
//! | POST `/api/users/login` | 200 `{token, type, userId, user}`; 400 invalid; 401 wrong credentials |
//! | GET `/api/users/me` | 200; 401 |
//! | GET `/api/inventory/product/{sku}`, `/products/{sku}` | 200; 404 |
//! | GET `/api/inventory`, `/all`, `/products`, `/products/category/{c}`, `/search?query=`, `/low-stock` | 200, an empty list if none |
//! | POST `/api/inventory/products` | 201; 400; 409 sku taken |
//! | POST `/api/inventory/check` | 200 `{productSku, available, availableQuantity, requestedQuantity}`; 400 |
//! | POST `/api/inventory/reserve` | 201 `{reservationId, status, success}`; 400; 404; 409 beyond stock |
//! | POST `/api/inventory/release/{id}`, `/confirm/{id}` | 200; 404 |
//! | GET, DELETE `/api/cart` | 200 the cart, 204; 401 |
//! | POST `/api/cart/items` | 201 the cart; 400; 401; 404 unknown product; 409 beyond stock or cart limit |
//! | PUT `/api/cart/items` | 200 the cart, a quantity of 0 removes the product; 400; 401; 404; 409 |
//! | DELETE `/api/cart/items/{sku}` | 204; 401; 404 |
//! | GET `/api/cart/summary` | 200 `{cartId, totalItems, totalAmount, status}`; 401 |
//! | POST `/api/orders` | 201; 400; 401; 404 unknown product; 409 beyond stock |
//! | GET `/api/orders/user`, `/{id}`, `/number/{number}` | 200; 401; 404 |
//! | POST `/api/orders/{id}/cancel` | 200; 401; 404 |
//! | POST `/api/payments`, `/process` | 201; 400; 401 |
//! | GET `/api/payments/{id}` | 200; 401; 404 |
//! | POST `/api/payments/{id}/refund` | 200; 400; 401; 404 |
//! | POST `/api/notifications` | 201; 400; 401 |
//! | GET `/api/notifications?page=&size=`, `/{id}` | 200; 401; 404 |
//! | DELETE `/api/notifications/{id}` | 204; 401; 404 |
//!
//! An order without items, or with an empty list, orders the contents of the user's cart, and is invalid if
//! the cart is empty. Every order empties the cart.
//!
//! A service that the shop does not have answers every call with 200 and echoes it, so that recorded requests
//! can be replayed against the mock backends. So does a path outside `/api/` and `/actuator/` without a
//! service.
//!
//! Checks come in the order 401, 400, 404, 409. A quantity is a whole number from 1 to 99.

mod body;
mod cart;
mod inventory;
mod notifications;
mod orders;
mod payments;
mod users;

use crate::catalogue::SERVICES;
use crate::reply::Answer;
use crate::store::{Refusal, Store, UserId};
use serde_json::json;

/// A request as the application sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// Name of the requested service; empty if none is named.
    pub(crate) service: &'a str,
    pub(crate) method: &'a str,
    /// Path below the service, without the query.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// The `Authorization` header.
    pub(crate) authorization: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// Answers a call; the string is the part of the path in place of `{…}`, as it was sent.
type Handler = fn(&mut Store, &Call<'_>, &str) -> Result<Answer, Answer>;

/// One call of the API. Its path has at most one parameter, in braces.
struct Route {
    method: &'static str,
    path: &'static str,
    handler: Handler,
}

const fn route(method: &'static str, path: &'static str, handler: Handler) -> Route {
    Route { method, path, handler }
}

impl Route {
    /// Returns the value of the path parameter, or an empty string if the route has none. `None` if `path`
    /// does not match this route.
    fn argument<'a>(&self, path: &'a str) -> Option<&'a str> {
        let mut argument = "";
        let mut asked = path.split('/');
        for part in self.path.split('/') {
            let given = asked.next()?;
            if part.starts_with('{') {
                argument = given;
            } else if part != given {
                return None;
            }
        }
        asked.next().is_none().then_some(argument)
    }
}

/// Returns the routes of the service that a path belongs to. The first matching route wins.
fn routes(path: &str) -> &'static [Route] {
    match path.strip_prefix("/api/").and_then(|rest| rest.split('/').next()) {
        Some("users") => users::ROUTES,
        Some("inventory") => inventory::ROUTES,
        Some("cart") => cart::ROUTES,
        Some("orders") => orders::ROUTES,
        Some("payments") => payments::ROUTES,
        Some("notifications") => notifications::ROUTES,
        _ => &[],
    }
}

/// Returns the path of the route that a path belongs to, such as `/api/orders/{id}`; `None` if the shop has
/// none.
pub(crate) fn template(path: &str) -> Option<&'static str> {
    routes(path).iter().find(|route| route.argument(path).is_some()).map(|route| route.path)
}

/// Answers a call.
pub(crate) fn answer(store: &mut Store, call: &Call<'_>) -> Answer {
    let mut known = false;
    for route in routes(call.path) {
        if let Some(argument) = route.argument(call.path) {
            known = true;
            if route.method == call.method {
                return (route.handler)(store, call, argument).unwrap_or_else(|refusal| refusal);
            }
        }
    }
    if known { Answer::error(405, "method is not allowed here") } else { elsewhere(call) }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let (status, message) = match refusal {
            Refusal::EmailTaken => (409, "email is already registered"),
            Refusal::OutOfStock => (409, "quantity exceeds the stock"),
            Refusal::CartFull => (409, "cart is full"),
            Refusal::NotInCart => (404, "product is not in the cart"),
            Refusal::SkuTaken => (409, "sku is already taken"),
            Refusal::CatalogueFull => (409, "catalogue is full"),
        };
        Self::error(status, message)
    }
}

fn not_found() -> Answer {
    Answer::error(404, "no such resource")
}

/// Answers a path that the shop does not have. Services other than the shop's accept every path. So does a
/// request outside the shop's paths without a service, such as behind a load balancer that names none.
fn elsewhere(call: &Call<'_>) -> Answer {
    let of_shop = ["/api/", "/actuator/"].into_iter().any(|prefix| call.path.starts_with(prefix));
    if (call.service.is_empty() && of_shop) || SERVICES.contains(&call.service) {
        return not_found();
    }
    Answer::json(200, &json!({ "service": call.service, "method": call.method, "path": call.path }))
}

/// Returns the user whose token a call carries.
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

#[cfg(test)]
mod tests;
