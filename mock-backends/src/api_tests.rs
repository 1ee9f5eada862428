//! The contract of the e-commerce API, one row per rule.

use super::*;
use crate::catalogue::default_catalogue;
use crate::store::Limits;
use lb_core::Seed;
use serde_json::from_slice;

const EMAIL: &str = "ada@example.org";

/// A shop with one registered user, whose token is returned too. The last product is scarce.
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
    answer(store, &Call { service: "", method, path, authorization, body: body.as_bytes() })
}

fn value(answer: &Answer) -> Value {
    from_slice(&answer.body).expect("bodies are JSON")
}

/// Ada's registration with some fields replaced; null takes a field away.
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
        ("no items", "POST", "/api/orders", items(json!([])), 400),
        ("items missing", "POST", "/api/orders", an_order(json!({ "items": null })), 400),
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
        ("a wrong method", "DELETE", "/api/cart", String::new(), 405),
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
    ];
    for (method, path) in calls {
        for (token, reason) in [
            (None, "token is missing"),
            (Some("nonsense"), "token is not valid"),
            (Some("expired-token"), "token has expired"),
            (Some(forged.as_str()), "token is not valid"),
        ] {
            // The body is bad too: who is not known learns nothing about it.
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
            "productId": "LAPTOP-001", "productName": "Laptop 15 inch", "price": 1299.99, "quantity": 2
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
        answer(&mut store, &Call { service, method, path, authorization: None, body: b"not JSON" })
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
}
