//! Malformed configs by the hundred: each gets a plan or a list of faults, and none a panic.

mod common;

use lb_config::{ConfigError, Overrides, from_text, plan};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

/// Valid configs of every dialect, to be broken.
fn originals() -> Vec<Value> {
    let bundled = [
        include_str!("../../configs/default_benchmark_config.json"),
        include_str!("../../configs/quick_test_config.json"),
        include_str!("../../configs/comprehensive_rl_training_config.json"),
        include_str!("../../configs/stress_test_rl_config.json"),
    ];
    let mut configs: Vec<Value> =
        bundled.iter().map(|text| serde_json::from_str(text).expect("bundled configs are JSON")).collect();
    configs.push(
        json!({"load_balancer_url": "http://localhost:8080", "duration_minutes": 10, "base_users": 5,
        "max_users": 20, "ramp_up_minutes": 1, "request_delay_range": [0.1, 2], "burst_probability": 0.3,
        "burst_multiplier": 2.5}),
    );
    let mut inline = configs[1].clone();
    inline["rl_training_scenarios"].as_object_mut().unwrap().remove("user_behavior_profiles");
    inline["bench"] = json!({
        "topology": serde_json::from_str::<Value>(include_str!("../../configs/topologies/situation-h.json")).unwrap(),
        "journey": serde_json::from_str::<Value>(include_str!("../../configs/journeys/ecommerce.json")).unwrap(),
        "faults": [{"fault": "crash", "start_s": 1, "duration_s": 2}], "background_rps": 2});
    configs.push(inline);
    configs
}

/// A way to break a config: which of its values (by number, modulo how many there are), and how.
#[derive(Clone, Debug)]
enum Break {
    Drop(usize),
    Rename(usize, String),
    Replace(usize, Value),
    Negate(usize),
    Scale(usize, f64),
    Duplicate(usize),
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        prop_oneof![Just(0), Just(-1), Just(1)].prop_map(Value::from),
        "[ -~äé€{}]{0,12}".prop_map(Value::from),
        prop_oneof![Just("rl"), Just("150%"), Just("5x"), Just("-3%"), Just("{{token}}"), Just("http://[")]
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z_]{1,10}", inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn any_break() -> impl Strategy<Value = Break> {
    prop_oneof![
        any::<usize>().prop_map(Break::Drop),
        (any::<usize>(), "[a-zA-Z_ .\\[\\]]{0,14}").prop_map(|(at, name)| Break::Rename(at, name)),
        (any::<usize>(), any_json()).prop_map(|(at, value)| Break::Replace(at, value)),
        any::<usize>().prop_map(Break::Negate),
        (any::<usize>(), prop_oneof![Just(0.0), Just(1e-9), Just(1e6), Just(1e300)])
            .prop_map(|(at, factor)| Break::Scale(at, factor)),
        any::<usize>().prop_map(Break::Duplicate),
    ]
}

/// Pointers to all values below the root.
fn pointers(value: &Value, here: &str, found: &mut Vec<String>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(map) => {
            let escaped = |key: &String| key.replace('~', "~0").replace('/', "~1");
            map.iter().map(|(key, value)| (format!("{here}/{}", escaped(key)), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, value)| (format!("{here}/{index}"), value)).collect()
        }
        _ => Vec::new(),
    };
    for (pointer, value) in below {
        found.push(pointer.clone());
        pointers(value, &pointer, found);
    }
}

fn apply(config: &mut Value, how: &Break) {
    let mut all = Vec::new();
    pointers(config, "", &mut all);
    let (Break::Drop(at)
    | Break::Rename(at, _)
    | Break::Replace(at, _)
    | Break::Negate(at)
    | Break::Scale(at, _)
    | Break::Duplicate(at)) = how;
    if all.is_empty() {
        return;
    }
    let pointer = &all[at % all.len()];
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a last part");
    let key = key.replace("~1", "/").replace("~0", "~");
    let number = config.pointer(pointer).and_then(Value::as_f64);
    let Some(parent) = config.pointer_mut(parent) else {
        return;
    };
    match (how, parent) {
        (Break::Drop(_), Value::Object(map)) => {
            map.remove(&key);
        }
        (Break::Drop(_), Value::Array(items)) => {
            items.remove(key.parse().expect("a position"));
        }
        (Break::Rename(_, name), Value::Object(map)) => {
            let value = map.remove(&key).expect("the key is there");
            map.insert(name.clone(), value);
        }
        (Break::Duplicate(_), Value::Array(items)) => {
            let position: usize = key.parse().expect("a position");
            items.push(items[position].clone());
        }
        (Break::Replace(_, value), _) => *config.pointer_mut(pointer).expect("it is there") = value.clone(),
        (Break::Negate(_), _) if number.is_some() => {
            *config.pointer_mut(pointer).expect("it is there") = json!(-number.unwrap_or_default() - 1.0);
        }
        (Break::Scale(_, factor), _) if number.is_some() => {
            *config.pointer_mut(pointer).expect("it is there") = json!(number.unwrap_or_default() * factor);
        }
        _ => {}
    }
}

/// Reads and plans; whatever is wrong must be said in full.
fn outcome(text: &str, overrides: &Overrides) -> Result<bool, TestCaseError> {
    match from_text("broken.json", text).and_then(|loaded| plan(&loaded, overrides)) {
        Ok(plan) => {
            prop_assert!(!plan.scenarios().is_empty(), "a plan has something to run");
            for planned in plan.scenarios() {
                prop_assert!(!planned.algorithms().is_empty(), "every scenario has algorithms");
                prop_assert!(!planned.patterns().is_empty(), "every scenario has patterns");
                prop_assert!(
                    planned
                        .patterns()
                        .iter()
                        .all(|pattern| pattern.users() > 0 && !pattern.duration().is_zero())
                );
                prop_assert!(planned.patterns().iter().all(|pattern| pattern.expected_rps().is_finite()));
            }
            Ok(true)
        }
        Err(ConfigError::Invalid { problems, .. }) => {
            prop_assert!(!problems.is_empty(), "a refusal has a reason");
            for problem in &problems {
                prop_assert!(
                    !problem.path.is_empty() || problem.value.is_some(),
                    "a fault has a place: {problem}"
                );
                prop_assert!(!problem.message.is_empty(), "a fault has a reason");
                prop_assert!(!problem.to_string().contains('\n'), "a fault is one line: {problem}");
            }
            Ok(false)
        }
        Err(other) => {
            prop_assert!(!other.to_string().is_empty());
            Ok(false)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn broken_configs_get_a_plan_or_a_list_of_faults(
        which in 0..6_usize,
        breaks in prop::collection::vec(any_break(), 1..5),
    ) {
        let mut config = originals().swap_remove(which);
        breaks.iter().for_each(|how| apply(&mut config, how));
        let text = config.to_string();
        let once = outcome(&text, &Overrides::default())?;
        prop_assert_eq!(once, outcome(&text, &Overrides::default())?, "the same text gets the same answer");
    }

    #[test]
    fn cut_and_garbled_text_is_refused(which in 0..6_usize, at in any::<prop::sample::Index>(), noise in "[ -~]{0,3}") {
        let text = originals().swap_remove(which).to_string();
        let cut = at.index(text.len());
        prop_assume!(text.is_char_boundary(cut));
        outcome(&format!("{}{noise}", &text[..cut]), &Overrides::default())?;
    }

    #[test]
    fn a_key_that_nobody_knows_is_always_refused(which in 0..6_usize, at in any::<usize>(), name in "zz[a-z]{3,8}") {
        let mut config = originals().swap_remove(which);
        // Maps with names of the author's choice take any key; the objects around them do not.
        let open = ["user_profiles", "training_scenarios", "extreme_load_scenarios", "failure_recovery_scenarios",
            "load_balancer_test_scenarios", "user_behavior_profiles", "advanced_user_behaviors", "error_scenarios",
            "actions", "feeds", "bind", "headers", "extract", "errors", "body"];
        let mut all = Vec::new();
        pointers(&config, "", &mut all);
        all.push(String::new());
        let closed: Vec<&String> = all.iter().filter(|pointer| {
            let object = config.pointer(pointer).is_some_and(Value::is_object);
            object && !pointer.split('/').any(|part| ["feeds", "body", "realistic_shipping_addresses", "service_load_characteristics",
                "simulated_failures", "simulated_conditions", "user_behavior_distribution", "action_probabilities"].contains(&part))
                && !open.contains(&pointer.rsplit('/').next().unwrap_or_default())
                && pointer.rsplit('/').nth(1).is_none_or(|parent| parent != "error_scenarios")
        }).collect();
        let pointer = closed[at % closed.len()].clone();
        config.pointer_mut(&pointer).expect("it is there")[&name] = json!(1);
        let error = from_text("broken.json", &config.to_string())
            .and_then(|loaded| plan(&loaded, &Overrides::default()))
            .map(|_| ())
            .expect_err("an unknown key must be refused")
            .to_string();
        prop_assert!(error.contains(&format!("{name}: unknown key")), "{pointer}: {error}");
    }

    #[test]
    fn whatever_the_flags_say_there_is_an_answer(
        which in 0..6_usize,
        users in prop::option::of(0..200_000_u32),
        seconds in prop::option::of(0.0..1e6_f64),
        ramp in prop::option::of(0.0..1e6_f64),
        time_scale in prop::option::of(prop_oneof![any::<f64>(), 0.1..100.0_f64]),
        repetitions in prop::option::of(0..5_u32),
    ) {
        let text = originals().swap_remove(which).to_string();
        let overrides = Overrides {
            users, time_scale, repetitions,
            duration: seconds.map(|seconds| std::time::Duration::from_secs_f64(seconds).into()),
            ramp_up: ramp.map(std::time::Duration::from_secs_f64),
            ..Overrides::default()
        };
        outcome(&text, &overrides)?;
    }
}

/// Through the program itself: what a user or a nightly job would see.
#[test]
fn two_hundred_malformed_configs_exit_with_2_and_never_panic() {
    let bench = common::Bench::new();
    let cases = (0..6_usize, prop::collection::vec(any_break(), 1..5));
    let mut runner = TestRunner::deterministic();
    let mut refused = 0;
    while refused < 200 {
        let (which, breaks) = cases.new_tree(&mut runner).expect("a case").current();
        let mut config = originals().swap_remove(which);
        breaks.iter().for_each(|how| apply(&mut config, how));
        let text = config.to_string();
        let planned = from_text("broken.json", &text).and_then(|loaded| plan(&loaded, &Overrides::default()));
        if planned.is_ok() {
            continue;
        }
        refused += 1;
        let path = bench.config("broken.json", &config);
        let output = bench.run(&["--config", &path, "--out", "out"]);
        let message = common::text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "a malformed config is a usage error: {message}\n{text}");
        assert!(message.starts_with("error: ") && !message.contains("panicked"), "{message}");
        assert!(!bench.path("out").exists(), "nothing is written for a config that cannot be planned");
    }
}
