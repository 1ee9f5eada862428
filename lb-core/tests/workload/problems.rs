//! What is refused, and in which words.

use crate::support::*;
use lb_core::Span;
use lb_core::workload::Journey;
use proptest::prelude::*;
use serde_json::{Value, json};

fn journey() -> Value {
    json!({
        "name": "j",
        "feeds": { "products": [{ "sku": "A" }, { "sku": "B" }] },
        "session": { "open": ["login"] },
        "actions": {
            "login": { "steps": [{ "name": "login", "path": "/login", "extract": { "token": "/token" } }] },
            "look": { "weight": 1, "steps": [{
                "name": "look", "path": "/p/{{product.sku}}", "bind": { "product": "products" },
                "errors": { "bad_sku": { "path": "/p/-", "expect": [404] } }
            }] }
        }
    })
}

/// The problems of a setup as text, sorted.
fn problems(setup: &Setup) -> Vec<String> {
    let mut problems: Vec<String> = match setup.workload() {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    };
    problems.sort_unstable();
    problems
}

#[test]
fn faults_of_a_journey_are_named_with_path_value_and_way_out() {
    let cases: [(&str, Value, &str); 22] = [
        ("/feeds/products", json!([]), "feeds.products: is empty; give it at least one row"),
        (
            "/feeds/products/0/popularity",
            json!(-1),
            "feeds.products: `popularity` must not be negative, and at least one must be above 0",
        ),
        (
            "/session/open/0",
            json!("logn"),
            "session.open[0]: no action is called `logn` (did you mean `login`?); known: login, look",
        ),
        (
            "/actions/look/steps",
            json!([]),
            "actions.look.steps: is empty; an action needs at least one request",
        ),
        ("/actions/look/weight", json!(-1), "actions.look.weight: -1 must not be negative"),
        (
            "/actions/look/think_time_s",
            json!([3, 1]),
            "actions.look.think_time_s: [3, 1] must be [min, max] in seconds with 0 <= min <= max",
        ),
        (
            "/actions/look/steps/0/name",
            json!("login"),
            "actions.look.steps[0].name: `login` must not be empty, and must be unique in the journey",
        ),
        (
            "/actions/look/steps/0/method",
            json!("get"),
            "actions.look.steps[0].method: `get` must be an HTTP method in upper case",
        ),
        (
            "/actions/look/steps/0/service",
            json!("a/b"),
            "actions.look.steps[0].service: `a/b` must be one path segment of letters, digits, `-`, `.`, `_`, `~`",
        ),
        ("/actions/look/steps/0/path", json!("p"), "actions.look.steps[0].path: `p` must start with `/`"),
        (
            "/actions/look/steps/0/path",
            json!("/a b"),
            "actions.look.steps[0].path: `/a b` contains ' '; percent-encode it",
        ),
        (
            "/actions/look/steps/0/path",
            json!("/{{product.name}}"),
            "actions.look.steps[0].path: `{{product.name}}`: row 0 of the feed has no `name`",
        ),
        (
            "/actions/look/steps/0/path",
            json!("/{{prodct.sku}}"),
            "actions.look.steps[0].path: unknown placeholder `{{prodct.sku}}` (did you mean `product`?): not bound here or by an earlier step of the action, and not extracted by any step",
        ),
        (
            "/actions/look/steps/0/path",
            json!("/{{user.mail}}"),
            "actions.look.steps[0].path: unknown field `{{user.mail}}` (did you mean `email`?); known: id, first_name, last_name, name, email, password, phone, street, city, state, zip_code, country",
        ),
        (
            "/actions/look/steps/0/path",
            json!("/{{int:3:1}}"),
            "actions.look.steps[0].path: `{{int:3:1}}` must be `{{int:LOW:HIGH}}` with whole numbers, LOW at most HIGH",
        ),
        (
            "/actions/look/steps/0/body",
            json!({ "a": "{{token" }),
            "actions.look.steps[0].body: `{{` without `}}` in `{{token`",
        ),
        (
            "/actions/look/steps/0/bind/product",
            json!("product"),
            "actions.look.steps[0].bind.product: no feed is called `product` (did you mean `products`?); known: products",
        ),
        (
            "/actions/look/steps/0/expect",
            json!([]),
            "actions.look.steps[0].expect: [] must name at least one status, each from 100 to 599",
        ),
        (
            "/actions/look/steps/0/repeat",
            json!([2, 1]),
            "actions.look.steps[0].repeat: [2, 1] must be [min, max] with min at most max",
        ),
        (
            "/actions/look/steps/0/probability",
            json!(1.5),
            "actions.look.steps[0].probability: 1.5 must lie between 0 and 1",
        ),
        (
            "/actions/login/steps/0/extract/token",
            json!("token"),
            "actions.login.steps[0].extract.token: `token` must be a JSON pointer such as `/token`",
        ),
        (
            "/actions/look/steps/0/errors/bad_sku/expect",
            json!([4040]),
            "actions.look.steps[0].errors.bad_sku.expect: [4040] must name at least one status, each from 100 to 599",
        ),
    ];
    for (pointer, value, expected) in cases {
        let mut broken = journey();
        match broken.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => {
                let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
                broken.pointer_mut(parent).expect("its parent")[key] = value;
            }
        }
        let found = problems(&Setup::new(&broken.to_string()));
        assert!(found.iter().any(|problem| problem == expected), "{pointer}: {found:#?}");
    }
}

#[test]
fn faults_of_classes_stages_and_errors_are_named() {
    type Change = fn(&mut Setup);
    let cases: [(Change, &str); 17] = [
        (|setup| setup.classes.clear(), "classes: is empty; name at least one user class"),
        (|setup| setup.stages.clear(), "stages: is empty; name at least one stage"),
        (|setup| setup.identities = 0, "identities: 0 accounts are too few; must be at least 1"),
        (
            |setup| setup.classes[0].actions = weights(&[("look", -1.0), ("login", 1.0)]),
            "classes.shopper.actions.look: -1 must not be negative",
        ),
        (
            |setup| setup.classes[0].actions = weights(&[("look", 0.0)]),
            "classes.shopper.actions: all weights are zero; give one action a weight above 0",
        ),
        (
            |setup| setup.stages[0].classes[0].actions = weights(&[("lok", 1.0)]),
            "stages.stage.classes[0].actions.lok: no action is called `lok` (did you mean `look`?); known: login, look",
        ),
        (
            |setup| setup.classes[0].think_time_s = [-1.0, 2.0],
            "classes.shopper.think_time_s: [-1, 2] must be [min, max] in seconds with 0 <= min <= max",
        ),
        (
            |setup| setup.classes[0].actions_per_session = [0, 0],
            "classes.shopper.actions_per_session: sessions of 0 actions do nothing; the maximum must be at least 1",
        ),
        (
            |setup| {
                let _ = setup.classes[0].repeat.insert("loo".to_owned(), [1, 2]);
            },
            "classes.shopper.repeat.loo: no step is called `loo` (did you mean `look`?); known: login, look",
        ),
        (
            |setup| {
                let _ = setup.classes[0].probability.insert("look".to_owned(), -0.5);
            },
            "classes.shopper.probability.look: -0.5 must lie between 0 and 1",
        ),
        (
            |setup| setup.classes[0].abandonment = f64::NAN,
            "classes.shopper.abandonment: NaN must lie between 0 and 1",
        ),
        (|setup| setup.stages[0].users = 0, "stages.stage.users: 0 users send nothing; must be at least 1"),
        (
            |setup| setup.stages[0].duration = Span::ZERO,
            "stages.stage.duration: 0 s is too short; must be above 0",
        ),
        (
            |setup| setup.stages[0].classes[0].share = 0.0,
            "stages.stage.classes: give at least one class a share above 0",
        ),
        (
            |setup| setup.stages[0].classes.push(mix_of(3, 1.0)),
            "stages.stage.classes[1]: names class 3, which does not exist",
        ),
        (
            |setup| setup.stages[0].classes.push(mix_of(0, 1.0)),
            "stages.stage.classes[1]: names class `shopper` twice; combine the shares",
        ),
        (
            |setup| setup.errors = weights(&[("bad_skus", 0.1)]),
            "errors.bad_skus: no step of journey `j` has this error (did you mean `bad_sku`?); known: bad_sku",
        ),
    ];
    for (change, expected) in cases {
        let mut setup = Setup::new(&journey().to_string());
        change(&mut setup);
        let found = problems(&setup);
        assert!(found.iter().any(|problem| problem == expected), "`{expected}` not in {found:#?}");
    }
}

#[test]
fn all_faults_are_reported_at_once() {
    let mut broken = journey();
    broken["actions"]["look"]["steps"][0]["path"] = json!("/{{nothing}}/{{product.name}}");
    broken["session"]["close"] = json!(["sleep"]);
    let mut setup = Setup::new(&broken.to_string());
    setup.identities = 0;
    setup.classes[0].abandonment = 2.0;
    setup.errors = weights(&[("bad_sku", 1.5)]);
    let found = problems(&setup);
    let paths: Vec<&str> = found.iter().map(|problem| problem.split(": ").next().unwrap_or("")).collect();
    assert_eq!(
        paths,
        [
            "actions.look.steps[0].errors",
            "actions.look.steps[0].path",
            "actions.look.steps[0].path",
            "classes.shopper.abandonment",
            "errors.bad_sku",
            "identities",
            "session.close[0]",
        ]
    );
}

#[test]
fn chances_of_errors_on_one_step_may_not_pass_certainty() {
    let mut setup = Setup::ecommerce().with_errors(0.2);
    let found = problems(&setup);
    assert!(found.iter().any(|problem| problem.contains("`add_item` add up to")), "{found:#?}");
    setup = setup.with_errors(1.0 / 7.0);
    assert_eq!(problems(&setup), Vec::<String>::new(), "seven times a seventh is just certain");
}

proptest! {
    #[test]
    fn no_template_makes_a_panic(text in "[/a-z{}:. \"\\\\é0-9-]{0,40}", inner in "[a-z.:0-9 -]{0,12}") {
        let text = format!("/{text}{{{{{inner}}}}}");
        let mut setup = Setup::new(&journey().to_string());
        let mut parsed: Value = journey();
        parsed["actions"]["look"]["steps"][0]["body"] = json!({ "a": text, "b": format!("{{{{{inner}}}}}") });
        parsed["actions"]["look"]["steps"][0]["path"] = json!(text);
        setup.journey = serde_json::from_value::<Journey>(parsed).expect("the shape is right");
        if setup.workload().is_ok() {
            let sent = whats(planned(&setup.schedule(), 0, 5));
            prop_assert!(sent.iter().all(|what| what.path.is_ascii()), "paths are ASCII");
            for what in sent.iter().filter(|what| what.step == "look") {
                prop_assert!(serde_json::from_str::<Value>(&what.body).is_ok(), "bodies are JSON: {}", what.body);
            }
        }
    }
}
