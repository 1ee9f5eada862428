//! What `--tags`, `--exclude-tags`, `--user-class` and `--spawn-rate` select and set, and weights of user classes in
//! every dialect.

use lb_config::{Overrides, Plan, from_text, plan};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Two scenarios, one of them tagged; two classes, one of them tagged; four actions.
fn sequence() -> Value {
    json!({
        "scenarios": [
            { "name": "day", "duration_minutes": 1, "concurrent_users": 10 },
            { "name": "night", "duration_minutes": 1, "concurrent_users": 10, "tags": ["nightly"] }
        ],
        "user_profiles": {
            "reader": { "weight": 3, "think_time_s": [1, 2], "actions_per_session": [4, 5], "tags": ["quick"],
                "actions": [{ "name": "look", "weight": 3 }, { "name": "find", "weight": 1 }] },
            "buyer": { "actions": [{ "name": "look", "weight": 1 }, { "name": "buy", "weight": 1 }] }
        },
        "bench": { "think_time_s": [7, 8], "topology": "situation-a", "journey": { "name": "j", "actions": {
            "look": { "weight": 1, "tags": ["read"], "steps": [{ "name": "look", "path": "/a" }] },
            "find": { "weight": 1, "tags": ["read", "search"], "steps": [{ "name": "find", "path": "/b" }] },
            "buy": { "weight": 1, "tags": ["write"], "steps": [{ "name": "buy", "path": "/c" }] }
        }}}
    })
}

fn planned(config: &Value, flags: &Overrides) -> Result<Plan, String> {
    let loaded = from_text("test.json", &config.to_string()).expect("the config can be read");
    plan(&loaded, flags).map_err(|error| error.to_string())
}

fn flags(tags: &[&str], excluded: &[&str], classes: &[&str]) -> Overrides {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Overrides {
        tags: owned(tags),
        exclude_tags: owned(excluded),
        user_class: owned(classes),
        ..Overrides::default()
    }
}

/// What runs: scenario, class and actions, as `day reader: find, look`.
fn parts(plan: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    for planned in plan.scenarios() {
        let workload = &planned.scenario().workload;
        for mix in workload.stages().iter().flat_map(|stage| &stage.classes) {
            let actions: Vec<&str> = mix.actions.keys().map(String::as_str).collect();
            let class = &workload.classes()[mix.class].name;
            found.push(format!("{} {class}: {}", planned.scenario().name, actions.join(", ")));
        }
    }
    found
}

#[test]
fn tags_select_scenarios_classes_and_actions() {
    for (tags, excluded, expected) in [
        (
            &["read"][..],
            &[][..],
            &["day reader: find, look", "day buyer: look", "night reader: find, look", "night buyer: look"][..],
        ),
        (&["search"], &[], &["day reader: find", "night reader: find"]),
        (&["write"], &[], &["day buyer: buy", "night buyer: buy"]),
        (&["nightly"], &[], &["night reader: find, look", "night buyer: buy, look"]),
        (&["quick"], &[], &["day reader: find, look", "night reader: find, look"]),
        (
            &["nightly", "write"],
            &[],
            &["day buyer: buy", "night reader: find, look", "night buyer: buy, look"],
        ),
        (&[], &["nightly"], &["day reader: find, look", "day buyer: buy, look"]),
        (&[], &["quick", "nightly"], &["day buyer: buy, look"]),
        (&[], &["read"], &["day buyer: buy", "night buyer: buy"]),
        (
            &["read"],
            &["search"],
            &["day reader: look", "day buyer: look", "night reader: look", "night buyer: look"],
        ),
    ] {
        let plan = planned(&sequence(), &flags(tags, excluded, &[])).expect("a selection");
        assert_eq!(parts(&plan), expected, "--tags {tags:?} --exclude-tags {excluded:?}");
    }
}

#[test]
fn classes_are_selected_by_name_and_keep_their_weights() {
    let plan = planned(&sequence(), &flags(&[], &[], &["BUYER"])).expect("a class in any case");
    assert_eq!(parts(&plan), ["day buyer: buy, look", "night buyer: buy, look"]);
    let plan = planned(&sequence(), &flags(&[], &[], &["buyer", "reader"])).expect("both");
    let shares: Vec<f64> =
        plan.scenarios()[0].scenario().workload.stages()[0].classes.iter().map(|mix| mix.share).collect();
    assert_eq!(shares, [3.0, 1.0]);
}

#[test]
fn what_nothing_has_is_refused_with_a_suggestion() {
    for (flags, expected) in [
        (
            flags(&["raed"], &[], &[]),
            "--tags raed: nothing in the config has this tag (did you mean `read`?)",
        ),
        (
            flags(&[], &["x"], &[]),
            "--exclude-tags x: nothing in the config has this tag; tags: `nightly`, `quick`",
        ),
        (
            flags(&[], &[], &["byer"]),
            "--user-class byer: the config has no such user class (did you mean `buyer`?)",
        ),
        (flags(&["write"], &["write"], &[]), "--tags write: leaves nothing to run"),
        (flags(&["search"], &[], &["buyer"]), "leaves nothing to run"),
    ] {
        let error = planned(&sequence(), &flags).expect_err(expected);
        assert!(error.contains(expected), "`{error}` should say `{expected}`");
    }
}

#[test]
fn a_sequence_is_not_split_by_tags_of_actions() {
    let mut config = sequence();
    config["bench"]["journey"]["session"] = json!({ "sequence": ["look", "buy"] });
    config.as_object_mut().expect("an object").remove("user_profiles");
    let error = planned(&config, &flags(&["read"], &[], &[])).expect_err("actions need those before them");
    assert!(error.contains("nothing in the config has this tag; tags: `nightly`"), "{error}");
    let plan = planned(&config, &flags(&["nightly"], &[], &[])).expect("a scenario can be selected");
    assert_eq!(plan.scenarios().len(), 1);
}

#[test]
fn the_spawn_rate_sets_the_ramp_up_of_each_pattern() {
    let ramps = |flags: &Overrides| -> Vec<f64> {
        let plan = planned(&sequence(), flags).expect("a plan");
        plan.scenarios().iter().map(|one| one.scenario().workload.stages()[0].ramp_up.as_secs_f64()).collect()
    };
    let rate = |spawn_rate| Overrides { spawn_rate: Some(spawn_rate), ..Overrides::default() };
    assert_eq!(ramps(&rate(2.0)), [5.0, 5.0], "ten users, two each second");
    assert_eq!(ramps(&Overrides { users: Some(40), ..rate(2.0) }), [20.0, 20.0], "after users are scaled");
    assert_eq!(ramps(&rate(0.1)), [30.0, 30.0], "at most half of the pattern");
    for (flags, expected) in [
        (rate(0.0), "--spawn-rate 0: must be from 0.001 to 100000 users per second"),
        (
            Overrides { arrivals: Some("constant:5".to_owned()), ..rate(2.0) },
            "users ramp up and arrivals do not",
        ),
    ] {
        let error = planned(&sequence(), &flags).expect_err(expected);
        assert!(error.contains(expected), "`{error}` should say `{expected}`");
    }
}

/// The share and the think time of each class in the first stage.
fn shares(config: &Value) -> BTreeMap<String, (f64, [f64; 2])> {
    let plan = planned(config, &Overrides::default()).expect("a plan");
    let workload = &plan.scenarios()[0].scenario().workload;
    let class = |mix: &lb_core::workload::ClassMix| {
        let class = &workload.classes()[mix.class];
        (class.name.clone(), (mix.share, class.think_time_s))
    };
    workload.stages()[0].classes.iter().map(class).collect()
}

#[test]
fn user_classes_have_weights_and_think_times_in_every_dialect() {
    let profiles = json!({
        "often": { "weight": 3, "think_time_s": [1, 2], "actions": [{ "name": "browse_products", "weight": 1 }] },
        "seldom": { "actions": [{ "name": "browse_products", "weight": 1 }] },
        "never": { "weight": 0, "actions": [{ "name": "browse_products", "weight": 1 }] }
    });
    let sequence = json!({
        "scenarios": [{ "name": "s", "duration_minutes": 1, "concurrent_users": 4 }],
        "user_profiles": profiles.clone(), "bench": { "think_time_s": [5, 6] }
    });
    let flat = json!({
        "duration_minutes": 1, "base_users": 4, "request_delay_range": [5, 6], "user_profiles": profiles
    });
    let patterns = json!([{ "name": "p", "duration_minutes": 1, "concurrent_users": 4 }]);
    let training_profiles = json!({
        "often": { "weight": 3, "think_time_range": [1, 2], "action_probabilities": { "browse": 1 } },
        "seldom": { "think_time_range": [5, 6], "action_probabilities": { "browse_products": 1 } },
        "never": { "weight": 0, "action_probabilities": { "browse": 1 } }
    });
    let training = json!({ "rl_training_scenarios": {
        "training_scenarios": { "t": { "traffic_patterns": patterns.clone() } },
        "user_behavior_profiles": training_profiles.clone()
    }});
    let stress = json!({ "stress_test_scenarios": {
        "extreme_load_scenarios": { "t": { "traffic_patterns": patterns } },
        "advanced_user_behaviors": training_profiles
    }});
    let expected: BTreeMap<String, (f64, [f64; 2])> =
        [("often".to_owned(), (3.0, [1.0, 2.0])), ("seldom".to_owned(), (1.0, [5.0, 6.0]))].into();
    for (dialect, config) in
        [("sequence", sequence), ("flat", flat), ("training", training), ("stress", stress)]
    {
        assert_eq!(shares(&config), expected, "{dialect}");
    }
}

#[test]
fn weights_of_zero_alone_are_refused() {
    let mut config = sequence();
    for class in ["reader", "buyer"] {
        config["user_profiles"][class]["weight"] = 0.into();
    }
    let error = planned(&config, &Overrides::default()).expect_err("nobody is left");
    assert!(error.contains("user_profiles = 0: all weights are 0"), "{error}");
}
