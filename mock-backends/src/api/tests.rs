//! The contract of the e-commerce API, one row per rule.

use super::*;
use crate::catalogue::default_catalogue;
use crate::store::Limits;
use lb_core::Seed;
use serde_json::{Value, from_slice};

const EMAIL: &str = "ada@example.org";

/// Returns a shop with one registered user, and their token. The last product has little stock.
fn shop() -> (Store, String) {
    let mut products = default_catalogue();
    products.last_mut().expect("there are products").stock = 3;
    let mut store = Store::new(&products, Seed(1), Limits::default());
    assert_eq!(send(&mut store, None, "POST", "/api/users/register", &ada()).status, 201);
    let reply = send(&mut store, None, "POST", "/api/users/login", &ada());
    let token = value(&reply)["token"].as_str().expect("logging in gives a token").to_owned();
    (store, token)
}

fn ada() -> String {
    json!({
        "firstName": "Ada", "lastName": "L", "email": EMAIL, "password": "secret",
        "phoneNumber": "+44 20 7946 0000",
    })
    .to_string()
}

fn send(store: &mut Store, token: Option<&str>, method: &str, path: &str, body: &str) -> Answer {
    let authorization = token.map(|token| format!("Bearer {token}"));
    let authorization = authorization.as_deref();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    answer(store, &Call { service: "", method, path, query, authorization, body: body.as_bytes() })
}

/// Returns the body of an answer; null if there is none.
fn value(answer: &Answer) -> Value {
    match answer.status {
        204 => Value::Null,
        _ => from_slice(&answer.body).expect("bodies are JSON"),
    }
}

/// Returns `base` with some fields replaced; null removes a field.
fn with(base: Value, changes: Value) -> String {
    let mut base = base;
    for (key, value) in changes.as_object().expect("changes are an object") {
        match value {
            Value::Null => drop(base.as_object_mut().expect("object").remove(key)),
            value => base[key] = value.clone(),
        }
    }
    base.to_string()
}

fn registration(changes: Value) -> String {
    with(from_slice(ada().as_bytes()).expect("JSON"), changes)
}

fn cart_item(changes: Value) -> String {
    with(json!({ "productId": "LAPTOP-001", "quantity": 1, "price": 1299.99 }), changes)
}

fn an_order(changes: Value) -> String {
    let base = json!({
        "items": [
            { "productId": "LAPTOP-001", "quantity": 2 },
            { "productId": "MOUSE-001", "quantity": 1 },
        ],
        "shippingAddress": { "street": "1 High St", "city": "London", "zipCode": "N1" },
        "notes": "leave at the door",
    });
    with(base, changes)
}

#[test]
fn every_rule_of_the_contract_has_its_status() {
    let free = json!({ "email": "new@example.org" });
    let address = |changes| {
        let base = json!({ "street": "1 High St", "city": "London", "zipCode": "N1" });
        let address: Value = from_slice(with(base, changes).as_bytes()).expect("JSON");
        an_order(json!({ "shippingAddress": address }))
    };
    let items = |items| an_order(json!({ "items": items }));
    let rows: Vec<(&str, &str, &str, String, u16)> = vec![
        ("a new user", "POST", "/api/users/register", registration(free.clone()), 201),
        ("a known email", "POST", "/api/users/register", ada(), 409),
        ("no JSON", "POST", "/api/users/register", "{oops".into(), 400),
        ("no object", "POST", "/api/users/register", "[]".into(), 400),
        ("no body", "POST", "/api/users/register", String::new(), 400),
        ("an empty name", "POST", "/api/users/register", registration(json!({ "firstName": "" })), 400),
        ("no last name", "POST", "/api/users/register", registration(json!({ "lastName": null })), 400),
        ("a bad email", "POST", "/api/users/register", registration(json!({ "email": "at-home" })), 400),
        ("an empty password", "POST", "/api/users/register", registration(json!({ "password": "" })), 400),
        (
            "a bad phone",
            "POST",
            "/api/users/register",
            registration(json!({ "phoneNumber": "invalid-phone", "email": "p@example.org" })),
            400,
        ),
        (
            "no phone",
            "POST",
            "/api/users/register",
            registration(json!({ "phoneNumber": null, "email": "q@example.org" })),
            201,
        ),
        ("good credentials", "POST", "/api/users/login", ada(), 200),
        ("a wrong password", "POST", "/api/users/login", registration(json!({ "password": "x" })), 401),
        ("an unknown user", "POST", "/api/users/login", registration(json!({ "email": "x@y" })), 401),
        ("no password", "POST", "/api/users/login", registration(json!({ "password": null })), 400),
        ("the profile", "GET", "/api/users/me", String::new(), 200),
        ("a product", "GET", "/api/inventory/product/PHONE-001", String::new(), 200),
        ("a product, by the other path", "GET", "/api/inventory/products/PHONE-001", String::new(), 200),
        ("an unknown product", "GET", "/api/inventory/product/NOPE-999", String::new(), 404),
        ("an escaped unknown product", "GET", "/api/inventory/product/SPECIAL%23CHARS", String::new(), 404),
        ("all products", "GET", "/api/inventory/all", String::new(), 200),
        ("a category", "GET", "/api/inventory/products/category/Electronics", String::new(), 200),
        ("an unknown category", "GET", "/api/inventory/products/category/None", String::new(), 200),
        ("an empty category", "GET", "/api/inventory/products/category/", String::new(), 200),
        ("the cart", "GET", "/api/cart", String::new(), 200),
        ("an item", "POST", "/api/cart/items", cart_item(json!({})), 201),
        ("an item without price", "POST", "/api/cart/items", cart_item(json!({ "price": null })), 201),
        ("a negative price", "POST", "/api/cart/items", cart_item(json!({ "price": -100 })), 400),
        ("no product", "POST", "/api/cart/items", cart_item(json!({ "productId": null })), 400),
        ("an empty product", "POST", "/api/cart/items", cart_item(json!({ "productId": "" })), 400),
        (
            "an unknown product in the cart",
            "POST",
            "/api/cart/items",
            cart_item(json!({ "productId": "NOPE" })),
            404,
        ),
        ("quantity 0", "POST", "/api/cart/items", cart_item(json!({ "quantity": 0 })), 400),
        ("quantity -5", "POST", "/api/cart/items", cart_item(json!({ "quantity": -5 })), 400),
        ("quantity 1.5", "POST", "/api/cart/items", cart_item(json!({ "quantity": 1.5 })), 400),
        ("quantity 99", "POST", "/api/cart/items", cart_item(json!({ "quantity": 99 })), 201),
        ("quantity 100", "POST", "/api/cart/items", cart_item(json!({ "quantity": 100 })), 400),
        ("no quantity", "POST", "/api/cart/items", cart_item(json!({ "quantity": null })), 400),
        (
            "more than the stock",
            "POST",
            "/api/cart/items",
            cart_item(json!({ "productId": "MOUSE-001", "quantity": 4 })),
            409,
        ),
        ("an order", "POST", "/api/orders", an_order(json!({})), 201),
        ("no items and an empty cart", "POST", "/api/orders", items(json!([])), 400),
        ("items missing and an empty cart", "POST", "/api/orders", an_order(json!({ "items": null })), 400),
        (
            "an order of nothing",
            "POST",
            "/api/orders",
            items(json!([{ "productId": "PHONE-001", "quantity": 0 }])),
            400,
        ),
        ("items that are not a list", "POST", "/api/orders", items(json!("all")), 400),
        (
            "an item without quantity",
            "POST",
            "/api/orders",
            items(json!([{ "productId": "PHONE-001" }])),
            400,
        ),
        (
            "an unknown product in an order",
            "POST",
            "/api/orders",
            items(json!([{ "productId": "NOPE", "quantity": 1 }])),
            404,
        ),
        (
            "an order beyond the stock",
            "POST",
            "/api/orders",
            items(json!([{ "productId": "MOUSE-001", "quantity": 4 }])),
            409,
        ),
        ("no address", "POST", "/api/orders", an_order(json!({ "shippingAddress": null })), 400),
        ("no street", "POST", "/api/orders", address(json!({ "street": null })), 400),
        ("an empty street", "POST", "/api/orders", address(json!({ "street": "" })), 400),
        ("no city", "POST", "/api/orders", address(json!({ "city": null })), 400),
        ("no zip code", "POST", "/api/orders", address(json!({ "zipCode": null })), 400),
        ("a payment method", "POST", "/api/orders", an_order(json!({ "paymentMethod": "CARD" })), 201),
        ("an empty payment method", "POST", "/api/orders", an_order(json!({ "paymentMethod": "" })), 400),
        ("an empty payment", "POST", "/api/orders", an_order(json!({ "payment": {} })), 400),
        (
            "the right total",
            "POST",
            "/api/orders",
            an_order(json!({ "items": [{ "productId": "LAPTOP-001", "quantity": 2 }], "total": 2599.98 })),
            201,
        ),
        ("a wrong total", "POST", "/api/orders", an_order(json!({ "total": 1 })), 400),
        ("a total that is not a number", "POST", "/api/orders", an_order(json!({ "total": "much" })), 400),
        ("an unknown order", "GET", "/api/orders/77", String::new(), 404),
        ("an unknown path", "GET", "/api/nothing", String::new(), 404),
        ("a path too long", "GET", "/api/a/b/c/d/e/f", String::new(), 404),
        ("a wrong method", "PATCH", "/api/cart", String::new(), 405),
        ("the summary of the cart", "GET", "/api/cart/summary", String::new(), 200),
        ("an empty cart emptied", "DELETE", "/api/cart", String::new(), 204),
        ("an item that is not in the cart", "PUT", "/api/cart/items", cart_item(json!({})), 404),
        ("a product that is not in the cart", "DELETE", "/api/cart/items/PHONE-001", String::new(), 404),
        ("no orders as yet", "GET", "/api/orders/user", String::new(), 200),
        ("the cancellation of an unknown order", "POST", "/api/orders/77/cancel", String::new(), 404),
        ("an unknown order number", "GET", "/api/orders/number/ORD-77", String::new(), 404),
        ("the inventory by its short path", "GET", "/api/inventory", String::new(), 200),
        ("a search", "GET", "/api/inventory/search?query=phone", String::new(), 200),
        ("a search for nothing", "GET", "/api/inventory/search", String::new(), 400),
        ("what is low on stock", "GET", "/api/inventory/low-stock", String::new(), 200),
        (
            "a check without product",
            "POST",
            "/api/inventory/check",
            json!({ "quantity": 1 }).to_string(),
            400,
        ),
        (
            "a reservation beyond the stock",
            "POST",
            "/api/inventory/reserve",
            json!({ "orderId": "1", "productSku": "MOUSE-001", "quantity": 4 }).to_string(),
            409,
        ),
        (
            "a reservation of an unknown product",
            "POST",
            "/api/inventory/reserve",
            json!({ "orderId": "1", "productSku": "NOPE", "quantity": 1 }).to_string(),
            404,
        ),
        ("an unknown reservation", "POST", "/api/inventory/release/RES-9", String::new(), 404),
        (
            "a product whose sku is taken",
            "POST",
            "/api/inventory/products",
            json!({ "sku": "PHONE-001", "name": "x", "category": "y", "price": 1 }).to_string(),
            409,
        ),
        (
            "a product without price",
            "POST",
            "/api/inventory/products",
            json!({ "sku": "NEW-1", "name": "x", "category": "y" }).to_string(),
            400,
        ),
        ("a payment of nothing", "POST", "/api/payments", json!({ "amount": 0 }).to_string(), 400),
        ("an unknown payment", "GET", "/api/payments/PAY-9", String::new(), 404),
        ("a refund of an unknown payment", "POST", "/api/payments/PAY-9/refund", String::new(), 404),
        (
            "a notification without channel",
            "POST",
            "/api/notifications",
            json!({ "type": "PROMOTION", "title": "t", "message": "m", "channels": [] }).to_string(),
            400,
        ),
        ("no notifications as yet", "GET", "/api/notifications", String::new(), 200),
        ("an unknown notification", "GET", "/api/notifications/9", String::new(), 404),
    ];
    for (what, method, path, body, status) in rows {
        let (mut store, token) = shop();
        let reply = send(&mut store, Some(&token), method, path, &body);
        assert_eq!(reply.status, status, "{what}: {method} {path} {body} gives {:?}", reply.body);
        value(&reply);
    }
}

#[test]
fn calls_for_a_user_are_refused_without_a_good_token() {
    let (mut store, good) = shop();
    let forged = format!("{}0", &good[..good.len() - 1]);
    let calls = [
        ("GET", "/api/users/me"),
        ("GET", "/api/cart"),
        ("POST", "/api/cart/items"),
        ("POST", "/api/orders"),
        ("GET", "/api/orders/1"),
        ("GET", "/api/orders/user"),
        ("DELETE", "/api/cart"),
        ("PUT", "/api/cart/items"),
        ("POST", "/api/payments"),
        ("POST", "/api/notifications"),
    ];
    for (method, path) in calls {
        for (token, reason) in [
            (None, "token is missing"),
            (Some("nonsense"), "token is not valid"),
            (Some("expired-token"), "token has expired"),
            (Some(forged.as_str()), "token is not valid"),
        ] {
            // The body is invalid, too, but an unauthenticated client must not learn that.
            let reply = send(&mut store, token, method, path, "{oops");
            let expected = (401, json!({ "error": reason }));
            assert_eq!((reply.status, value(&reply)), expected, "{method} {path} with {token:?}");
        }
    }
}

#[test]
fn the_cart_adds_up_and_ends_at_its_limit() {
    let (mut store, token) = shop();
    let token = Some(token.as_str());
    let mut add = |product: &str, quantity: u32| {
        let item = cart_item(json!({ "productId": product, "quantity": quantity }));
        send(&mut store, token, "POST", "/api/cart/items", &item)
    };
    add("LAPTOP-001", 1);
    add("SPEAKER-001", 2);
    let cart = value(&add("LAPTOP-001", 1));
    assert_eq!(cart["totalItems"], 4);
    assert_eq!(cart["total"], 2898.98, "2 x 1299.99 + 2 x 149.50");
    assert_eq!(
        cart["items"][0],
        json!({
            "productId": "LAPTOP-001", "productName": "Laptop 15 inch", "price": 1299.99, "quantity": 2,
            "productImage": "https://shop.example/images/laptop-001.jpg", "subtotal": 2599.98
        })
    );
    let statuses: Vec<u16> = (0..11).map(|_| add("PHONE-001", 99).status).collect();
    assert_eq!(statuses[..10], [201; 10], "994 pieces fit");
    assert_eq!(statuses[10], 409, "more than 1000 pieces do not");
    let shown = send(&mut store, token, "GET", "/api/cart", "");
    assert_eq!(value(&shown)["totalItems"], 994, "a refused item changes nothing");
}

#[test]
fn an_order_shows_up_in_inventory_cart_and_its_own_page() {
    let (mut store, token) = shop();
    let token = Some(token.as_str());
    send(&mut store, token, "POST", "/api/cart/items", &cart_item(json!({ "quantity": 2 })));
    let order = value(&send(&mut store, token, "POST", "/api/orders", &an_order(json!({}))));
    assert_eq!(order["total"], 2639.88, "2 x 1299.99 + 39.90");
    let page = send(&mut store, token, "GET", &format!("/api/orders/{}", order["id"]), "");
    assert_eq!(value(&page), order, "the order can be looked up");
    let cart = send(&mut store, token, "GET", "/api/cart", "");
    assert_eq!(value(&cart)["totalItems"], 0, "an order empties the cart");
    let laptop = send(&mut store, None, "GET", "/api/inventory/product/LAPTOP-001", "");
    assert_eq!(value(&laptop)["stock"], 9_998, "what was ordered leaves the stock");
}

#[test]
fn categories_list_their_products() {
    let (mut store, _) = shop();
    let mut skus = |path: &str| -> Vec<String> {
        let list = value(&send(&mut store, None, "GET", path, ""));
        let products = list.as_array().expect("a list").iter();
        products.map(|product| product["sku"].as_str().expect("a sku").to_owned()).collect()
    };
    assert_eq!(skus("/api/inventory/products/category/audio"), ["HEADPHONES-001", "SPEAKER-001"]);
    assert_eq!(skus("/api/inventory/products/category/SpecialChars%40%23"), Vec::<String>::new());
    assert_eq!(skus("/api/inventory/all").len(), default_catalogue().len());
}

#[test]
fn another_users_order_is_not_shown() {
    let (mut store, token) = shop();
    let order = value(&send(&mut store, Some(&token), "POST", "/api/orders", &an_order(json!({}))));
    let eve = registration(json!({ "email": "eve@example.org" }));
    send(&mut store, None, "POST", "/api/users/register", &eve);
    let login = send(&mut store, None, "POST", "/api/users/login", &eve);
    let path = format!("/api/orders/{}", order["id"]);
    let reply = send(&mut store, value(&login)["token"].as_str(), "GET", &path, "");
    assert_eq!(reply.status, 404);
}

#[test]
fn services_that_the_shop_does_not_have_answer_whatever_they_are_asked() {
    let (mut store, _) = shop();
    let mut ask = |service, method, path| {
        answer(&mut store, &Call { service, method, path, query: "", authorization: None, body: b"not JSON" })
    };
    for (service, method, path) in [
        ("api", "GET", "/v1/resource"),
        ("others", "POST", "/"),
        ("", "GET", "/v1/resource"),
        ("static", "PUT", "/a/b/c/d/e/f/g"),
    ] {
        let reply = ask(service, method, path);
        let body: serde_json::Value = serde_json::from_slice(&reply.body).expect("the reply is JSON");
        assert_eq!(reply.status, 200, "{method} {service}{path}");
        assert_eq!(
            (&body["service"], &body["path"]),
            (&json!(service), &json!(path)),
            "it says what it was asked"
        );
    }
    assert_eq!(ask("cart-service", "GET", "/v1/resource").status, 404, "the shop knows its paths");
    assert_eq!(ask("", "GET", "/").status, 200, "a load balancer need not name a service");
    assert_eq!(ask("", "GET", "/api/nothing").status, 404, "but the shop's paths are the shop's");
    assert_eq!(ask("", "GET", "/actuator/metrics").status, 404, "and so are those of its operators");
    assert_eq!(ask("payment-service", "GET", "/v1/resource").status, 404);
}

/// Makes a call as a client of the documented application does. Returns the status and the body.
fn call(store: &mut Store, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let reply = send(store, Some(token), method, path, &body);
    (reply.status, value(&reply))
}

fn address() -> Value {
    json!({ "street": "123 Test St", "city": "Test City", "state": "TS", "zipCode": "12345", "country": "US" })
}

#[test]
fn an_order_without_items_takes_the_cart() {
    for items in [json!([]), Value::Null] {
        let (mut store, token) = shop();
        let item = |sku: &str, quantity: u32| json!({ "productId": sku, "quantity": quantity, "price": 1 });
        call(&mut store, &token, "POST", "/api/cart/items", item("LAPTOP-001", 2));
        call(&mut store, &token, "POST", "/api/cart/items", item("MOUSE-001", 1));
        let body = json!({ "items": items, "shippingAddress": address(), "notes": "quick" });
        let (status, order) = call(&mut store, &token, "POST", "/api/orders", body.clone());
        assert_eq!(status, 201, "{order}");
        let lines: Vec<_> = order["items"].as_array().expect("a list").iter().collect();
        let bought: Vec<_> = lines.iter().map(|line| (&line["productId"], &line["quantity"])).collect();
        assert_eq!(bought, [(&json!("LAPTOP-001"), &json!(2)), (&json!("MOUSE-001"), &json!(1))]);
        assert_eq!((&order["totalAmount"], &order["totalItems"]), (&json!(2639.88), &json!(3)));
        let (_, cart) = call(&mut store, &token, "GET", "/api/cart", Value::Null);
        assert_eq!((&cart["totalItems"], &cart["items"]), (&json!(0), &json!([])), "the cart is empty");
        let (_, laptop) = call(&mut store, &token, "GET", "/api/inventory/product/LAPTOP-001", Value::Null);
        assert_eq!(laptop["availableQuantity"], 9_998, "the pieces left the shelf");
        let (status, refused) = call(&mut store, &token, "POST", "/api/orders", body);
        assert_eq!(status, 400, "a second order finds the cart empty");
        assert!(refused["error"].as_str().is_some_and(|error| error.contains("cart is empty")), "{refused}");
    }
}

#[test]
fn replies_have_the_keys_that_clients_read() {
    let (mut store, token) = shop();
    let (_, login) =
        call(&mut store, &token, "POST", "/api/users/login", json!({ "email": EMAIL, "password": "secret" }));
    assert_eq!((&login["type"], &login["userId"]), (&json!("Bearer"), &json!(1)));
    let (_, me) = call(&mut store, &token, "GET", "/api/users/me", Value::Null);
    assert_eq!(login["user"], me, "the user as the profile shows it");
    assert_eq!((&me["email"], &me["status"]), (&json!(EMAIL), &json!("ACTIVE")));

    let item = json!({ "productId": "SPEAKER-001", "quantity": 2 });
    let (_, cart) = call(&mut store, &token, "POST", "/api/cart/items", item);
    assert_eq!(
        (&cart["cartId"], &cart["userId"], &cart["totalAmount"], &cart["status"]),
        (&json!("CART-1"), &json!("1"), &json!(299.0), &json!("ACTIVE"))
    );
    let (_, summary) = call(&mut store, &token, "GET", "/api/cart/summary", Value::Null);
    assert_eq!(
        summary,
        json!({ "cartId": "CART-1", "totalItems": 2, "totalAmount": 299.0, "status": "ACTIVE" })
    );
    let body = json!({ "items": [], "shippingAddress": address() });
    let (_, order) = call(&mut store, &token, "POST", "/api/orders", body);
    assert_eq!(
        (&order["id"], &order["orderNumber"], &order["userEmail"], &order["status"]),
        (&json!(1), &json!("ORD-1"), &json!(EMAIL), &json!("CONFIRMED"))
    );
}

#[test]
fn a_cart_can_be_changed_and_emptied() {
    let (mut store, token) = shop();
    let change = |store: &mut Store, sku: &str, quantity: u32| {
        let body = json!({ "productId": sku, "quantity": quantity });
        let (status, cart) = call(store, &token, "PUT", "/api/cart/items", body);
        (status, cart["totalItems"].as_u64())
    };
    for sku in ["LAPTOP-001", "PHONE-001"] {
        call(&mut store, &token, "POST", "/api/cart/items", json!({ "productId": sku, "quantity": 1 }));
    }
    assert_eq!(change(&mut store, "LAPTOP-001", 5), (200, Some(6)), "the quantity is replaced");
    assert_eq!(change(&mut store, "PHONE-001", 0), (200, Some(5)), "none is left of the second");
    assert_eq!(change(&mut store, "PHONE-001", 1).0, 404, "what is not in the cart cannot be changed");
    assert_eq!(change(&mut store, "LAPTOP-001", 100).0, 400);
    let delete = |store: &mut Store, path: &str| call(store, &token, "DELETE", path, Value::Null);
    assert_eq!(delete(&mut store, "/api/cart/items/LAPTOP-001"), (204, Value::Null));
    let (_, cart) = call(&mut store, &token, "GET", "/api/cart", Value::Null);
    assert_eq!(cart["items"], json!([]), "it was the last product");
    call(&mut store, &token, "POST", "/api/cart/items", json!({ "productId": "PHONE-001", "quantity": 3 }));
    assert_eq!(delete(&mut store, "/api/cart"), (204, Value::Null));
    let (_, cart) = call(&mut store, &token, "GET", "/api/cart", Value::Null);
    assert_eq!(cart["totalItems"], 0);
}

#[test]
fn orders_are_listed_by_user_and_can_be_cancelled() {
    let (mut store, token) = shop();
    let order = |store: &mut Store, quantity: u32| {
        let items = json!([{ "productId": "PHONE-001", "quantity": quantity }]);
        call(store, &token, "POST", "/api/orders", json!({ "items": items, "shippingAddress": address() })).1
    };
    let (first, second) = (order(&mut store, 1), order(&mut store, 2));
    assert_eq!(
        call(&mut store, &token, "GET", "/api/orders/user", Value::Null),
        (200, json!([second, first]))
    );
    let by_number = call(&mut store, &token, "GET", "/api/orders/number/ORD-1", Value::Null);
    assert_eq!(by_number, (200, first));
    for _ in 0..2 {
        let (status, cancelled) = call(&mut store, &token, "POST", "/api/orders/2/cancel", Value::Null);
        assert_eq!((status, &cancelled["status"]), (200, &json!("CANCELLED")));
        let (_, phone) = call(&mut store, &token, "GET", "/api/inventory/product/PHONE-001", Value::Null);
        assert_eq!(phone["stock"], 9_999, "its pieces are back, once");
    }
}

#[test]
fn stock_can_be_checked_and_reserved() {
    let (mut store, token) = shop();
    let check = |store: &mut Store, body: Value| call(store, &token, "POST", "/api/inventory/check", body).1;
    for field in ["requestedQuantity", "quantity"] {
        let reply = check(&mut store, json!({ "productSku": "MOUSE-001", field: 3 }));
        let expected = json!({
            "productSku": "MOUSE-001", "available": true, "availableQuantity": 3, "requestedQuantity": 3,
            "message": "in stock",
        });
        assert_eq!(reply, expected, "{field}");
    }
    assert_eq!(check(&mut store, json!({ "productSku": "NOPE", "quantity": 1 }))["available"], false);

    let body = json!({ "orderId": "7", "items": [{ "productSku": "MOUSE-001", "quantity": 2 }] });
    let (status, reserved) = call(&mut store, &token, "POST", "/api/inventory/reserve", body.clone());
    assert_eq!(status, 201, "{reserved}");
    assert_eq!(
        (&reserved["reservationId"], &reserved["reservedQuantity"], &reserved["success"]),
        (&json!("RES-1"), &json!(2), &json!(true))
    );
    assert_eq!(
        check(&mut store, json!({ "productSku": "MOUSE-001", "quantity": 1 }))["availableQuantity"],
        1
    );
    let (status, refused) = call(&mut store, &token, "POST", "/api/inventory/reserve", body);
    assert_eq!((status, &refused["success"]), (409, &json!(false)), "one is left");
    let (status, released) = call(&mut store, &token, "POST", "/api/inventory/release/RES-1", Value::Null);
    assert_eq!((status, &released["status"]), (200, &json!("RELEASED")));
    assert_eq!(
        check(&mut store, json!({ "productSku": "MOUSE-001", "quantity": 1 }))["availableQuantity"],
        3
    );
}

#[test]
fn products_can_be_searched_and_added() {
    let (mut store, token) = shop();
    let skus = |store: &mut Store, path: &str| -> Vec<String> {
        let (_, list) = call(store, &token, "GET", path, Value::Null);
        let products = list.as_array().expect("a list").iter();
        products.map(|product| product["sku"].as_str().expect("a sku").to_owned()).collect()
    };
    let wireless = ["HEADPHONES-001", "MOUSE-001"];
    assert_eq!(skus(&mut store, "/api/inventory/search?query=WIRELESS"), wireless, "by name");
    assert_eq!(skus(&mut store, "/api/inventory/search?query=wireless+mouse"), ["MOUSE-001"]);
    assert_eq!(skus(&mut store, "/api/inventory/low-stock"), ["MOUSE-001"], "three are left of it");
    let tea = json!({ "sku": "TEA-1", "name": "Tea", "category": "Food", "brand": "b", "price": 3.5 });
    let (status, added) = call(&mut store, &token, "POST", "/api/inventory/products", tea);
    assert_eq!((status, &added["sku"], &added["price"]), (201, &json!("TEA-1"), &json!(3.5)));
    assert_eq!(skus(&mut store, "/api/inventory/products/category/food"), ["TEA-1"]);
    let item = json!({ "productId": "TEA-1", "quantity": 2 });
    let (_, cart) = call(&mut store, &token, "POST", "/api/cart/items", item);
    assert_eq!(cart["totalAmount"], 7.0, "it can be bought");
}

#[test]
fn payments_are_kept_and_refunded_up_to_their_amount() {
    let (mut store, token) = shop();
    let body =
        json!({ "orderId": "1", "amount": 1299.99, "currency": "USD", "paymentMethod": "CREDIT_CARD" });
    let (status, paid) = call(&mut store, &token, "POST", "/api/payments", body);
    assert_eq!(status, 201, "{paid}");
    let expected = json!({
        "paymentId": "PAY-1", "orderId": "1", "userId": "1", "amount": 1299.99, "currency": "USD",
        "method": "CREDIT_CARD", "status": "COMPLETED", "refundAmount": null,
    });
    assert_eq!(paid, expected);
    assert_eq!(call(&mut store, &token, "GET", "/api/payments/PAY-1", Value::Null), (200, paid));
    let refund = |store: &mut Store, body| call(store, &token, "POST", "/api/payments/PAY-1/refund", body);
    let (status, part) = refund(&mut store, json!({ "amount": 300.0 }));
    assert_eq!((status, &part["status"], &part["refundAmount"]), (200, &json!("REFUNDED"), &json!(300.0)));
    assert_eq!(refund(&mut store, json!({ "amount": 1000.0 })).0, 400, "999.99 is left");
    assert_eq!(refund(&mut store, Value::Null).1["refundAmount"], 1299.99, "the rest");
    assert_eq!(refund(&mut store, Value::Null).0, 400, "nothing is left");
}

#[test]
fn notifications_come_in_pages_and_can_be_cancelled() {
    let (mut store, token) = shop();
    for title in ["first", "second", "third"] {
        let body = json!({
            "type": "ORDER_CONFIRMATION", "title": title, "message": "Your order has been confirmed",
            "channels": ["EMAIL"], "priority": "HIGH",
        });
        let (status, sent) = call(&mut store, &token, "POST", "/api/notifications", body);
        assert_eq!((status, &sent["title"], &sent["status"]), (201, &json!(title), &json!("SENT")));
    }
    let page = |store: &mut Store, query: &str| {
        let (_, page) = call(store, &token, "GET", &format!("/api/notifications{query}"), Value::Null);
        let content = page["content"].as_array().expect("a list").iter();
        let titles: Vec<String> =
            content.map(|it| it["title"].as_str().expect("a text").to_owned()).collect();
        (titles, page["totalElements"].as_u64(), page["totalPages"].as_u64(), page["last"] == true)
    };
    let all = ["third", "second", "first"].map(str::to_owned).to_vec();
    assert_eq!(page(&mut store, ""), (all, Some(3), Some(1), true), "the latest first");
    assert_eq!(page(&mut store, "?page=1&size=2"), (vec!["first".to_owned()], Some(3), Some(2), true));
    assert_eq!(call(&mut store, &token, "DELETE", "/api/notifications/2", Value::Null).0, 204);
    let (_, second) = call(&mut store, &token, "GET", "/api/notifications/2", Value::Null);
    assert_eq!(second["status"], "CANCELLED");
}

#[test]
fn what_belongs_to_another_user_is_not_shown() {
    let (mut store, ada) = shop();
    call(&mut store, &ada, "POST", "/api/payments", json!({ "amount": 5 }));
    let notification = json!({ "type": "PROMOTION", "title": "t", "message": "m", "channels": ["SMS"] });
    call(&mut store, &ada, "POST", "/api/notifications", notification);
    let eve = registration(json!({ "email": "eve@example.org" }));
    send(&mut store, None, "POST", "/api/users/register", &eve);
    let login = value(&send(&mut store, None, "POST", "/api/users/login", &eve));
    let eve = login["token"].as_str().expect("a token");
    for (method, path) in [
        ("GET", "/api/payments/PAY-1"),
        ("POST", "/api/payments/PAY-1/refund"),
        ("GET", "/api/notifications/1"),
        ("DELETE", "/api/notifications/1"),
    ] {
        assert_eq!(call(&mut store, eve, method, path, Value::Null).0, 404, "{method} {path}");
    }
    let (_, page) = call(&mut store, eve, "GET", "/api/notifications", Value::Null);
    assert_eq!(page["totalElements"], 0);
}

#[test]
fn every_path_has_the_template_of_its_route() {
    for (path, expected) in [
        ("/api/orders/17", Some("/api/orders/{id}")),
        ("/api/orders/user", Some("/api/orders/user")),
        ("/api/inventory/products/category/Audio", Some("/api/inventory/products/category/{category}")),
        ("/api/payments/PAY-1/refund", Some("/api/payments/{id}/refund")),
        ("/api/orders/17/more", None),
        ("/elsewhere", None),
    ] {
        assert_eq!(template(path), expected, "{path}");
    }
}

#[test]
fn the_api_of_synthesised_traffic_answers_get_and_post() {
    let (mut store, _) = shop();
    for path in ["/api/v1/resource", "/api/v1/item", "/api/v1/user"] {
        for method in ["GET", "POST"] {
            let call = Call { service: "api", method, path, query: "", authorization: None, body: b"" };
            let reply = answer(&mut store, &call);
            assert_eq!(reply.status, 200, "{method} {path}");
            assert_eq!(value(&reply)["path"], path, "{method} {path} is echoed");
        }
    }
}
