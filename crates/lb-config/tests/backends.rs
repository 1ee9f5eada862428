//! Where replies name the backend, and which backends there are: what users say of a load balancer that is already running.

use lb_config::{ConfigError, Overrides, Plan, from_text, plan};
use lb_core::BackendFrom;
use serde_json::{Value, json};

fn planned(bench: &Value, flags: &Overrides) -> Result<Plan, ConfigError> {
    let config = json!({
        "base_url": "http://localhost:8080/proxy",
        "scenarios": [{"name": "Reads", "duration_minutes": 1, "concurrent_users": 10}],
        "bench": bench
    });
    plan(&from_text("test.json", &config.to_string()).expect("the config can be read"), flags)
}

fn at(url: &str) -> Overrides {
    Overrides { url: Some(url.to_owned()), ..Overrides::default() }
}

fn said(bench: &Value, flags: &Overrides) -> String {
    planned(bench, flags).map_or_else(|error| error.to_string(), |plan| panic!("it is refused: {plan:?}"))
}

#[test]
fn a_flag_goes_before_the_config_and_the_plan_shows_both() {
    let bench = json!({ "backend_from": { "cookie": "SERVERID" }, "backends": ["a", "b"] });
    let plan = planned(&bench, &at("http://shop.example/")).expect("a plan");
    assert_eq!(plan.target().backend_from(), Some(BackendFrom::Cookie("SERVERID".to_owned())));
    assert_eq!(plan.target().backends(), ["a", "b"]);
    let shown = plan.to_json("");
    assert_eq!(shown["backend_from"], json!({ "cookie": "SERVERID" }));
    assert_eq!(shown["backends"], json!(["a", "b"]));
    let from = Some(BackendFrom::BodyPointer("/host".to_owned()));
    let flags = Overrides { backend_from: from.clone(), ..at("http://shop.example/") };
    assert_eq!(planned(&bench, &flags).expect("a plan").target().backend_from(), from);
}

#[test]
fn what_names_no_backend_is_refused_and_what_has_no_effect_is_noted() {
    let url = at("http://shop.example/");
    let message = said(&json!({ "backend_from": { "body_pointer": "host" } }), &url);
    assert!(message.contains("bench.backend_from") && message.contains("/hostname"), "{message}");
    let message = said(&json!({ "backend_from": { "heder": "x" } }), &url);
    assert!(message.contains("backend_from") && message.contains("heder"), "{message}");
    let message = said(&json!({ "backends": ["a", "b", "a"] }), &url);
    assert!(message.contains("bench.backends[2]") && message.contains("named twice"), "{message}");
    let declared = json!({
        "backends": ["a"],
        "load_balancer": {
            "name": "x", "url": "http://shop.example", "algorithms": { "a": {} },
            "switch": [{ "run": ["true", "{algorithm}"] }]
        }
    });
    let message = said(&declared, &Overrides::default());
    assert!(message.contains("belongs into the declaration"), "{message}");
    let started = Overrides { load_balancer: Some("reference".to_owned()), ..Overrides::default() };
    let plan = planned(&json!({ "backends": ["a"] }), &started).expect("a plan");
    let note = plan.notes().iter().find(|note| note.key_path == "bench.backends").expect("it is noted");
    assert!(note.message.contains("has no effect"), "{}", note.message);
}

#[test]
fn a_declaration_says_it_itself() {
    let declared = json!({ "load_balancer": {
        "name": "x", "url": "http://shop.example", "algorithms": { "a": {} },
        "switch": [{ "run": ["true", "{algorithm}"] }], "backend_from": { "body_pointer": "/hostname" }
    } });
    let plan = planned(&declared, &Overrides::default()).expect("a plan");
    assert_eq!(plan.target().backend_from(), Some(BackendFrom::BodyPointer("/hostname".to_owned())));
}
