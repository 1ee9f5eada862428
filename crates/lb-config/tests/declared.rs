//! Plans with a load balancer that is declared as data, in the config or in a file.

use lb_config::{Overrides, Plan, from_text, plan};
use serde_json::{Value, json};

fn spec() -> Value {
    json!({
        "name": "edge", "url": "http://127.0.0.1:9",
        "algorithms": { "round-robin": {}, "blue": {} },
        "switch": [{ "http": { "url": "http://127.0.0.1:9/{algorithm}" } }]
    })
}

fn config(bench: &Value) -> String {
    let scenario = json!({ "name": "a", "duration_minutes": 1, "concurrent_users": 1 });
    json!({ "scenarios": [scenario], "bench": bench }).to_string()
}

fn planned(bench: &Value, flags: &Overrides) -> Result<Plan, String> {
    let loaded = from_text("config.json", &config(bench)).map_err(|error| error.to_string())?;
    plan(&loaded, flags).map_err(|error| error.to_string())
}

fn names(plan: &Plan) -> Vec<String> {
    plan.algorithms().iter().map(ToString::to_string).collect()
}

#[test]
fn all_declared_algorithms_run_unless_some_are_named() {
    let whole = planned(&json!({ "load_balancer": spec() }), &Overrides::default()).expect("a plan");
    assert_eq!(names(&whole), ["round-robin", "blue"]);
    assert_eq!(whole.target().base_url(), "http://127.0.0.1:9", "nothing is added to the address");
    assert_eq!(whole.target().declared().map(|spec| spec.name.as_str()), Some("edge"));
    assert!(whole.target().started().is_empty(), "nothing is started");

    let some = json!({ "load_balancer": spec(), "algorithms": ["blue", "p2c"] });
    let some = planned(&some, &Overrides::default()).expect("a plan");
    assert_eq!(names(&some), ["blue"]);
    let reason = &some.skipped()[0].reason;
    assert!(reason.contains("edge has `round-robin`, `blue`"), "what is lacking is said: {reason}");
    let none = Overrides { algorithms: Some(vec!["p2c".to_owned()]), ..Overrides::default() };
    let message = planned(&json!({ "load_balancer": spec() }), &none).expect_err("none is left");
    assert!(message.contains("no algorithm is left to run"), "{message}");
}

#[test]
fn a_file_declares_it_too_and_a_bundled_config_takes_its_algorithms() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("edge.json");
    std::fs::write(&file, spec().to_string()).expect("a file");
    let file = file.to_string_lossy().into_owned();
    let flags = Overrides { load_balancer: Some(file.clone()), ..Overrides::default() };
    let bundled = lb_config::load("default_benchmark_config.json").expect("it is bundled");
    assert_eq!(names(&plan(&bundled, &flags).expect("a plan")), ["round-robin", "blue"]);
    let moved = Overrides { url: Some("http://localhost:8/shop".to_owned()), ..flags };
    let moved = plan(&bundled, &moved).expect("a plan");
    assert_eq!(moved.target().base_url(), "http://localhost:8/shop", "the flag goes before the file");
    assert!(moved.target().declared().is_some(), "and the steps are those of the file");
    assert_eq!(lb_config::declared_url(&file).as_deref(), Some("http://127.0.0.1:9"));
    let by_kind =
        planned(&json!({ "load_balancer": { "kind": file } }), &Overrides::default()).expect("a plan");
    assert_eq!(names(&by_kind), ["round-robin", "blue"], "a config may name the file");
}

#[test]
fn faults_are_reported_with_their_place_in_the_config() {
    let refused = |change: fn(&mut Value)| {
        let mut spec = spec();
        change(&mut spec);
        planned(&json!({ "load_balancer": spec }), &Overrides::default()).expect_err("it has a fault")
    };
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 6] = [
        (|spec| spec["settle"] = json!("soon"), "bench.load_balancer.settle = \"soon\": is not a time"),
        (|spec| spec["restore"] = json!("red"), "bench.load_balancer.restore = \"red\": is not declared"),
        (
            |spec| spec["switch"] = json!([]),
            "bench.load_balancer.switch = []: must be a list with at least one entry",
        ),
        (
            |spec| spec["switch"][0]["htpp"] = json!({}),
            "bench.load_balancer.switch[0].htpp: unknown key (did you mean `http`?)",
        ),
        (|spec| spec["url"] = json!("host"), "bench.load_balancer.url = \"host\": must begin with `http://`"),
        (
            |spec| drop(spec.as_object_mut().expect("an object").remove("url")),
            "bench.load_balancer.url: missing",
        ),
    ];
    for (change, expected) in cases {
        let message = refused(change);
        assert!(message.contains(expected), "`{expected}` is said: {message}");
    }
}

#[test]
fn what_has_no_use_for_a_declared_load_balancer_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("edge.json");
    std::fs::write(&file, spec().to_string()).expect("a file");
    let flags =
        |more: Overrides| Overrides { load_balancer: Some(file.to_string_lossy().into_owned()), ..more };
    let some = |text: &str| Some(text.to_owned());
    for (more, flag) in [
        (Overrides { admin: some("http://127.0.0.1:9"), ..Overrides::default() }, "--admin"),
        (Overrides { label: some("before"), ..Overrides::default() }, "--label"),
        (Overrides { listen: some("127.0.0.1:8"), ..Overrides::default() }, "--listen"),
        (Overrides { balancers: Some(2), ..Overrides::default() }, "--balancers"),
    ] {
        let message = planned(&json!({}), &flags(more)).expect_err(flag);
        assert!(message.contains(flag), "{flag}: {message}");
    }
}

#[test]
fn headers_are_blanked_in_the_record_of_a_run() {
    let mut spec = spec();
    spec["switch"][0]["http"]["headers"] = json!({ "Authorization": "Basic c2VjcmV0" });
    let text = config(&json!({ "load_balancer": spec }));
    let loaded = from_text("config.json", &text).expect("a config");
    assert!(!loaded.document().to_string().contains("c2VjcmV0"), "{}", loaded.document());
    let plan = plan(&loaded, &Overrides::default()).expect("a plan");
    assert!(!plan.to_json("").to_string().contains("c2VjcmV0"), "nor is it in the plan");
}
