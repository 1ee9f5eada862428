//! How requests are written: templates, variables, errors on purpose, and the built-in journeys.

use crate::support::*;
use lb_core::workload::{Next, Rendered, UserId};
use lb_core::{Span, Time};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A journey of one request.
fn one_request(step: Value) -> Setup {
    let mut step = step;
    step["name"] = json!("step");
    let journey = json!({
        "name": "one",
        "feeds": {
            "things": [{
                "name": "salt & \"pepper\" 50%", "sku": "MALFORMED@SKU", "price": 9.5, "none": null,
                "tags": ["a", { "b": "c/d" }], "line": "one\r\ntwo", "umlaut": "Käse"
            }],
            "words": ["plain"]
        },
        "actions": { "act": { "weight": 1, "steps": [step] } }
    });
    Setup::new(&journey.to_string())
}

fn first(setup: &Setup) -> What {
    whats(planned(&setup.schedule(), 0, 1)).remove(0)
}

#[test]
fn values_are_encoded_for_the_place_they_go_to() {
    let bind = json!({ "thing": "things", "word": "words" });
    for (template, expected) in [
        ("/plain?x=1&y=%20", "/plain?x=1&y=%20"),
        ("/p/{{thing.name}}", "/p/salt%20%26%20%22pepper%22%2050%25"),
        ("/p/{{ thing.sku }}?q={{thing.umlaut}}", "/p/MALFORMED%40SKU?q=K%C3%A4se"),
        ("/p/{{thing.tags.1.b}}/{{thing.price}}", "/p/c%2Fd/9.5"),
        ("/p/{{word}}", "/p/plain"),
        ("/p/{{user.id}}/{{user.email}}", "/p/0/ada.abel.0%40example.com"),
        ("/p/{{int:5:5}}/{{int:-3:-3}}", "/p/5/-3"),
        ("/p/{{thing.line}}", "/p/one%0D%0Atwo"),
    ] {
        let what = first(&one_request(json!({ "path": template, "bind": bind })));
        assert_eq!(what.path, expected, "path of `{template}`");
    }
    for (template, expected) in [
        (json!({ "a": "{{thing.price}}" }), r#"{"a":9.5}"#),
        (json!({ "a": "{{thing.name}}" }), r#"{"a":"salt & \"pepper\" 50%"}"#),
        (json!({ "a": "is {{thing.name}}" }), r#"{"a":"is salt & \"pepper\" 50%"}"#),
        (json!({ "a": "{{thing.price}} each" }), r#"{"a":"9.5 each"}"#),
        (json!(["{{thing.none}}", "{{thing.tags}}", true]), r#"[null,["a",{"b":"c/d"}],true]"#),
        (json!({ "id": "{{user.id}}", "n": "{{user.first_name}}" }), r#"{"id":0,"n":"Ada"}"#),
        (json!({ "q\"": "{{int:2:2}}", "s": "x{{int:2:2}}" }), r#"{"q\"":2,"s":"x2"}"#),
        (
            json!({ "t": "{{thing.line}}", "u": "{{thing.umlaut}}" }),
            r#"{"t":"one\u000d\u000atwo","u":"Käse"}"#,
        ),
        (json!("raw {{thing.name}}"), r#"raw salt & "pepper" 50%"#),
    ] {
        let what = first(&one_request(json!({ "path": "/", "bind": bind, "body": template })));
        assert_eq!(what.body, expected, "body of {template}");
    }
}

#[test]
fn headers_hold_one_line_and_bodies_say_that_they_are_json() {
    let step = json!({
        "path": "/", "bind": { "thing": "things" }, "body": { "a": 1 },
        "headers": { "X-Line": "a {{thing.line}}", "X-Left-Out": "" }
    });
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        first(&one_request(step.clone())).headers,
        [pair("X-Line", "a one  two"), pair("content-type", "application/json")],
        "a value never adds a header, an empty header is left out"
    );
    let mut typed = step;
    typed["headers"]["Content-Type"] = json!("text/plain");
    let headers = first(&one_request(typed)).headers;
    assert!(headers.contains(&pair("Content-Type", "text/plain")) && headers.len() == 2, "{headers:?}");
    assert!(first(&one_request(json!({ "path": "/" }))).headers.is_empty(), "no body, no type");
}

#[test]
fn drawn_values_stay_within_limits_and_differ_by_place() {
    let mut setup = one_request(json!({
        "path": "/{{int:1:6}}/{{int:1:6}}", "body": { "die": "{{int:1:6}}", "id": "{{uuid}}" }
    }));
    setup.stages[0].duration = Span::from_secs(10_000);
    let mut faces: BTreeMap<String, u32> = BTreeMap::new();
    let mut pairs = 0;
    let sent = whats(planned(&setup.schedule(), 0, 600));
    for what in &sent {
        let body: Value = serde_json::from_str(&what.body).expect("JSON");
        *faces.entry(body["die"].to_string()).or_default() += 1;
        let dice: Vec<&str> = what.path[1..].split('/').collect();
        pairs += u32::from(dice[0] == dice[1]);
        let id = body["id"].as_str().expect("a string");
        assert!(id.len() == 36 && &id[14..15] == "4" && "89ab".contains(&id[19..20]), "RFC 9562: {id}");
    }
    assert_eq!(faces.len(), 6, "all faces come up: {faces:?}");
    assert!(faces.values().all(|count| (60..=140).contains(count)), "evenly: {faces:?}");
    assert!((60..=140).contains(&pairs), "places draw apart from each other: {pairs} pairs");
}

#[test]
fn rows_are_drawn_by_popularity() {
    let mut setup = Setup::new(
        r#"{ "name": "j", "feeds": { "f": [{ "n": "a", "popularity": 6 }, { "n": "b" }, { "n": "c", "popularity": 0 }, { "n": "d", "popularity": 3 }] },
             "actions": { "a": { "weight": 1, "steps": [{ "name": "s", "path": "/{{r.n}}", "bind": { "r": "f" } }] } } }"#,
    );
    setup.stages[0].duration = Span::from_secs(1_000_000);
    let sent = whats(planned(&setup.schedule(), 0, 10_000));
    let share = |path: &str| sent.iter().filter(|what| what.path == path).count() as f64 / 10_000.0;
    for (path, expected) in [("/a", 0.6), ("/b", 0.1), ("/c", 0.0), ("/d", 0.3)] {
        assert!((share(path) - expected).abs() < 0.02, "{path}: {} instead of {expected}", share(path));
    }
}

#[test]
fn the_first_product_in_the_cart_is_the_one_looked_at_and_the_others_are_new() {
    let mut setup = Setup::ecommerce();
    setup.classes[0].actions = weights(&[("add_to_cart", 1.0)]);
    setup.classes[0].repeat = [("add_item".to_owned(), [3, 3])].into();
    let sent = whats(planned(&setup.schedule(), 0, 120));
    let mut others_differ = 0;
    for action in sent.windows(4).filter(|four| four[0].step == "check_product") {
        let looked_at = action[0].path.rsplit('/').next().expect("a sku");
        let items: Vec<Value> =
            action[1..].iter().map(|what| serde_json::from_str(&what.body).expect("JSON")).collect();
        assert_eq!(items[0]["productId"], looked_at, "who looks at it buys it");
        others_differ += u32::from(items[1]["productId"] != looked_at);
        for item in &items {
            let rows = &setup.journey.feeds["products"];
            let row = rows.iter().find(|row| row["sku"] == item["productId"]).expect("a product");
            assert_eq!(item["price"], row["price"], "all fields come from the same row, with its type");
        }
    }
    assert!(others_differ > 10, "each repetition draws its own row");
}

#[test]
fn every_request_of_the_built_in_shop_renders_in_every_variant() {
    let mut setup = Setup::ecommerce().with_errors(0.1);
    setup.stages[0].duration = Span::from_secs(1_000_000);
    let schedule = setup.schedule();
    let steps = schedule.workload().steps();
    let mut seen = BTreeMap::new();
    for what in whats(planned(&schedule, 0, 20_000)) {
        let step = &steps[usize::from(what.request.step.0)];
        let error = what
            .request
            .injected
            .map(|error| step.errors.keys().nth(usize::from(error)).expect("a known error").clone());
        assert!(!what.path.contains("{{") && !what.body.contains("{{"), "{what:?}");
        let service = step.service.as_deref().expect("all requests go to a service");
        assert!(what.path.starts_with(&format!("/{service}/api/")), "{}", what.path);
        let broken = error.as_deref() == Some("malformed_request");
        let is_json = what.body.is_empty() || serde_json::from_str::<Value>(&what.body).is_ok();
        assert_eq!(is_json, !broken, "only a broken body is no JSON: {what:?}");
        let protected = ["cart-service", "order-service"].contains(&service) || step.name == "view_profile";
        let sends_token = what.headers.iter().any(|(name, _)| name == "Authorization");
        let leaves_out = error.as_deref() == Some("missing_token");
        assert_eq!(sends_token, protected && !leaves_out, "{what:?}");
        let refused = what.expected.iter().all(|status| (400..500).contains(status));
        let unsure = error.as_deref() == Some("invalid_category_search");
        assert!(unsure || refused == error.is_some(), "only errors expect a refusal: {what:?}");
        seen.insert((step.name.clone(), error), ());
    }
    for step in steps {
        assert!(seen.contains_key(&(step.name.clone(), None)), "`{}` is sent right", step.name);
        for error in step.errors.keys() {
            let variant = (step.name.clone(), Some(error.clone()));
            assert!(seen.contains_key(&variant), "`{}` is sent with `{error}`", step.name);
        }
    }
}

#[test]
fn the_built_in_shop_knows_every_error_that_a_client_can_make() {
    let setup = Setup::ecommerce();
    let known: Vec<&str> = setup.journey.error_names().into_iter().collect();
    assert_eq!(
        known,
        [
            "cart_limit_exceeded",
            "empty_cart_order",
            "expired_token",
            "invalid_category_search",
            "invalid_product_id",
            "invalid_product_sku",
            "invalid_quantity",
            "invalid_shipping_address",
            "invalid_token",
            "malformed_credentials",
            "malformed_request",
            "missing_token",
            "negative_quantity",
            "order_total_mismatch",
            "out_of_stock_simulation",
            "payment_method_missing",
            "product_not_found",
        ]
    );
    let workload = setup.workload().expect("valid");
    let register = workload.steps().iter().find(|step| step.name == "register").expect("a step");
    assert!(register.expect.contains(&409), "accounts recur, so a known one is no error");
}

#[test]
fn the_single_get_is_the_same_every_time() {
    let mut setup = Setup::new(include_str!("../../../configs/journeys/single_get.json"));
    setup.classes[0].think_time_s = [0.0, 0.0];
    let schedule = setup.schedule();
    let sent = planned(&schedule, 0, 100);
    let workload = schedule.workload();
    assert_eq!(workload.steps().len(), 1);
    assert!(workload.is_static(sent[0].what.request.step), "a driver may prepare it once");
    assert!(sent.iter().all(|sent| sent.what.path == "/" && sent.at == Time::ZERO), "no thinking");
}

#[test]
fn only_a_request_that_never_changes_is_static() {
    for (step, expected) in [
        (json!({ "path": "/a", "body": { "b": 1 }, "headers": { "x": "y" } }), true),
        (json!({ "path": "/{{uuid}}" }), false),
        (json!({ "path": "/", "headers": { "x": "{{user.id}}" } }), false),
        (json!({ "path": "/", "body": ["{{int:1:2}}"] }), false),
        (json!({ "path": "/", "errors": { "wrong": { "path": "/x", "expect": [404] } } }), true),
    ] {
        let mut setup = one_request(step.clone());
        let is_static = |setup: &Setup| {
            let workload = setup.workload().expect("valid");
            workload.is_static(planned(&setup.schedule(), 0, 1)[0].what.request.step)
        };
        assert_eq!(is_static(&setup), expected, "{step}");
        if step["errors"].is_object() {
            setup.errors = weights(&[("wrong", 0.5)]);
            assert!(!is_static(&setup), "an error that may be injected changes it");
        }
    }
}

#[test]
fn buffers_are_reused_when_requests_have_different_numbers_of_headers() {
    let setup = Setup::ecommerce().with_errors(0.14);
    let schedule = setup.schedule();
    let mut user = schedule.virtual_user(UserId(0));
    let (mut now, mut reply, mut reused) = (Time::ZERO, None, Rendered::default());
    for _ in 0..500 {
        match user.next(reply.take(), now) {
            Next::Wait(until) => now = until,
            Next::Done => break,
            Next::Send(request) => {
                let mut fresh = Rendered::default();
                user.render(&request, &mut reused);
                user.render(&request, &mut fresh);
                assert_eq!(
                    (&reused.path, &reused.headers, &reused.body),
                    (&fresh.path, &fresh.headers, &fresh.body),
                    "nothing of the request before is left"
                );
                let Answer(outcome, ..) = well(&request);
                reply = Some(lb_core::workload::StepReply { outcome, seen: None });
            }
        }
    }
}
