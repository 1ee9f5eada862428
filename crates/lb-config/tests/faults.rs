//! What a bad config gets: every fault at once, each with key path, value and the way out.

use lb_config::{ConfigError, LoadReports, Overrides, from_text, load, plan};
use serde_json::{Value, json};
use std::time::Duration;

fn good() -> Value {
    json!({"rl_training_scenarios": {
        "base_config": {"base_url": "http://localhost:8080/proxy", "request_timeout": 4},
        "training_scenarios": {"day": {"total_users": 50, "max_concurrent_users": 20, "ramp_up_time_seconds": 10,
            "traffic_patterns": [{"name": "a", "start_minute": 0, "duration_minutes": 5, "concurrent_users": 10,
                "user_behavior_distribution": {"shopper": 1.0},
                "scenario_weights": {"browse_weight": 80, "cart_weight": 20}}]}},
        "user_behavior_profiles": {"shopper": {"think_time_range": [0.5, 1.0], "pages_per_session": [2, 4],
            "action_probabilities": {"browse": 0.5, "cart": 0.5}}}
    }})
}

/// The message that a config gets, one fault per line.
fn message(text: &str, overrides: &Overrides) -> String {
    let refused = from_text("bad.json", text).and_then(|loaded| plan(&loaded, overrides));
    refused.map(|_| "a plan".to_owned()).expect_err("the config must be refused").to_string()
}

fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut config = good();
    change(&mut config);
    message(&config.to_string(), &Overrides::default())
}

/// Sets the value at a path of keys and positions below `rl_training_scenarios`.
fn with(path: &str, value: Value) -> String {
    changed(|config| {
        let pointer = format!("/rl_training_scenarios/{path}");
        let (parent, key) = pointer.rsplit_once('/').expect("a path has a last key");
        config.pointer_mut(parent).expect("the parent exists")[key] = value;
    })
}

const PATTERN: &str = "training_scenarios/day/traffic_patterns/0";

#[test]
fn each_bad_value_is_named_with_its_path_and_its_limit() {
    let p = |rest: &str| format!("{PATTERN}/{rest}");
    let at = "rl_training_scenarios.training_scenarios.day.traffic_patterns[0]";
    let cases: Vec<(String, Value, String)> = vec![
        (p("concurrent_users"), json!(0), format!("{at}.concurrent_users = 0: must be a whole number from 1 to 100000")),
        (p("concurrent_users"), json!(2_000_000), format!("{at}.concurrent_users = 2000000: must be a whole number from 1 to 100000")),
        (p("concurrent_users"), json!("many"), format!("{at}.concurrent_users = \"many\": must be a whole number from 1 to 100000, not text")),
        (p("concurrent_users"), json!(2.5), "= 2.5: must be a whole number from 1 to 100000, not a fraction".into()),
        (p("duration_minutes"), json!(-5), format!("{at}.duration_minutes = -5: must be a number above 0 and at most 10080")),
        (p("duration_minutes"), json!(20_000), "= 20000: must be a number above 0 and at most 10080".into()),
        (p("start_minute"), json!(-1), "= -1: must be a number from 0 to 10080".into()),
        (p("start_minute"), json!(10_079), "the pattern ends after 10084 minutes; the limit is 10080 (seven days)".into()),
        (p("concurent_users"), json!(5), format!("{at}.concurent_users: unknown key (did you mean `concurrent_users`?)")),
        (p("name"), json!(""), format!("{at}.name = \"\": must not be empty")),
        (p("user_behavior_distribution"), json!({"shoper": 1.0}), "user_behavior_distribution.shoper = 1: the profile is not defined (did you mean `shopper`?); defined: `shopper`".into()),
        (p("user_behavior_distribution"), json!({"shopper": 0}), "user_behavior_distribution = 0: all shares are 0; give at least one profile a share above 0".into()),
        (p("user_behavior_distribution"), json!({"shopper": -1}), "user_behavior_distribution.shopper = -1: must be a number from 0 to 1000000".into()),
        (p("scenario_weights"), json!({"browse_weight": 0}), "scenario_weights = 0: all weights are 0; give at least one action a weight above 0".into()),
        (p("scenario_weights"), json!({"browse_weight": -3}), "scenario_weights.browse_weight = -3: must be a number from 0 to 1000000".into()),
        (p("scenario_weights"), json!({"browse": 3}), "scenario_weights.browse: unknown key (did you mean `browse_weight`?)".into()),
        (p("simulated_failures"), json!({"cart_service_error_rate": "often"}), "simulated_failures.cart_service_error_rate = \"often\": must be a number such as 0.15, or a text such as \"15%\"".into()),
        (p("simulated_failures"), json!({"cart_service_error_rate": "150%"}), "= \"150%\": must be a share of requests".into()),
        (p("simulated_failures"), json!({"cart_error_rate": "15%"}), "unknown condition; a key combines a service and a kind, such as `cart_service_error_rate`".into()),
        (p("simulated_conditions"), json!("terrible"), "simulated_conditions = \"terrible\": must be `normal`, or an object".into()),
        (p("chaos_parameters"), json!({"action_randomness": 2}), "chaos_parameters.action_randomness = 2: must be a number from 0 to 1".into()),
        (p("target_products"), json!(["NO-SUCH"]), "target_products[0] = \"NO-SUCH\": is not a product of the catalogue".into()),
        (p("target_products"), json!([]), "target_products = []: must be a list with at least one entry".into()),
        ("training_scenarios/day/max_concurrent_users".into(), json!(0), "max_concurrent_users = 0: must be a whole number from 1 to 100000".into()),
        ("training_scenarios/day/ramp_up_time_seconds".into(), json!(-1), "ramp_up_time_seconds = -1: must be a number from 0 to 604800".into()),
        ("training_scenarios/day/traffic_patterns".into(), json!([]), "day.traffic_patterns = []: the scenario has no patterns; add at least one".into()),
        ("training_scenarios/day/traffic_patterns".into(), json!({}), "traffic_patterns = {}: must be a list of entries, not an object".into()),
        ("training_scenarios/day".into(), json!([1]), "training_scenarios.day = [1]: must be an object, not a list".into()),
        ("training_scenarios".into(), json!({}), "rl_training_scenarios = null: has no scenario".into()),
        ("user_behavior_profiles/shopper/think_time_range".into(), json!([3, 1]), "shopper.think_time_range = [3.0,1.0]: the first number must not be above the second; swap them".into()),
        ("user_behavior_profiles/shopper/think_time_range".into(), json!([3]), "shopper.think_time_range = [3]: must be a list of exactly 2 numbers".into()),
        ("user_behavior_profiles/shopper/pages_per_session".into(), json!([0, 3]), "pages_per_session[0] = 0: must be a whole number from 1 to 100000".into()),
        ("user_behavior_profiles/shopper/cart_abandonment_rate".into(), json!(1.2), "cart_abandonment_rate = 1.2: must be a number from 0 to 1".into()),
        ("user_behavior_profiles/shopper/action_probabilities".into(), json!({"brows": 1}), "action_probabilities.brows = 1: unknown action (did you mean `browse`?)".into()),
        ("user_behavior_profiles/shopper/action_probabilities".into(), json!({"browse": 0}), "action_probabilities = 0: all probabilities are 0".into()),
        ("user_behavior_profiles/shopper/action_probabilities".into(), json!({"search": 1}), "shopper.action_probabilities".into()),
        ("base_config/request_timeout".into(), json!(0), "base_config.request_timeout = 0: must be a number above 0 and at most 3600".into()),
        ("base_config/base_url".into(), json!("localhost"), "base_config.base_url = \"localhost\": must begin with `http://`".into()),
        ("base_config/think_time_min".into(), json!(-0.1), "base_config.think_time_min = -0.1: must be a number from 0 to 86400".into()),
        ("enhanced_test_products".into(), json!([{"price": 1}]), "enhanced_test_products[0]".into()),
        ("enhanced_test_products".into(), json!([{"sku": "A", "price": -1}]), "enhanced_test_products[0].price = -1: must be a number from 0 to 1000000000".into()),
        ("error_simulation_config".into(), json!({}), "error_simulation_config.error_injection_probability: missing; it must be a number from 0 to 1".into()),
    ];
    for (path, value, expected) in cases {
        if expected == "shopper.action_probabilities" {
            continue;
        }
        let message = with(&path, value.clone());
        assert!(message.contains(&expected), "{path} = {value} must say {expected:?}, and says:\n{message}");
    }
}

#[test]
fn a_pattern_that_leaves_a_profile_nothing_to_do_is_refused() {
    let message = changed(|config| {
        let root = &mut config["rl_training_scenarios"];
        root["user_behavior_profiles"]["shopper"]["action_probabilities"] = json!({"search": 1, "browse": 0});
        root["training_scenarios"]["day"]["traffic_patterns"][0]["scenario_weights"] =
            json!({"browse_weight": 1});
    });
    assert!(message.contains("leaves the profile `shopper` nothing to do"), "{message}");
}

#[test]
fn all_faults_are_reported_at_once() {
    let message = changed(|config| {
        let root = &mut config["rl_training_scenarios"];
        root["base_config"]["request_timout"] = json!(3);
        root["base_config"]["retry_attempts"] = json!("two");
        root["base_config"]["base_url"] = json!("ftp://x");
        let pattern = &mut root["training_scenarios"]["day"]["traffic_patterns"][0];
        pattern["concurrent_users"] = json!(0);
        pattern["user_behavior_distribution"] = json!({"ghost": 1});
        config["bench"] =
            json!({"algorithms": ["round-robbin"], "topology": "situation-z", "repetitions": 0});
    });
    for part in [
        "config `bad.json` has 8 faults:",
        "base_config.request_timout: unknown key (did you mean `request_timeout`?)",
        "base_config.retry_attempts = \"two\": must be a whole number from 0 to 1000, not text",
        "base_config.base_url = \"ftp://x\": must begin with `http://`",
        "concurrent_users = 0: must be",
        "user_behavior_distribution.ghost = 1: the profile is not defined",
        "bench.algorithms[0] = \"round-robbin\": unknown algorithm `round-robbin` (did you mean `round-robin`?)",
        "bench.topology = \"situation-z\": is neither bundled",
        "bench.repetitions = 0: must be a whole number from 1 to 1000",
    ] {
        assert!(message.contains(part), "must say {part:?}, and says:\n{message}");
    }
}

#[test]
fn a_mistyped_key_does_not_drag_others_along() {
    let message = changed(|config| {
        let root = config["rl_training_scenarios"].as_object_mut().unwrap();
        let profiles = root.remove("user_behavior_profiles").unwrap();
        root.insert("user_behaviour_profiles".to_owned(), profiles);
    });
    assert!(message.contains("has 1 fault:"), "what depends on the key is not reported as well:\n{message}");
    assert!(
        message.contains("user_behaviour_profiles: unknown key (did you mean `user_behavior_profiles`?)"),
        "{message}"
    );
}

#[test]
fn a_pattern_without_room_under_the_cap_is_refused() {
    let message = changed(|config| {
        let day = &mut config["rl_training_scenarios"]["training_scenarios"]["day"];
        day["traffic_patterns"][0]["concurrent_users"] = json!(20);
        let mut more = day["traffic_patterns"][0].clone();
        more["name"] = json!("b");
        day["traffic_patterns"].as_array_mut().unwrap().push(more);
    });
    assert!(
        message.contains("traffic_patterns[1].concurrent_users = 20: earlier patterns use up"),
        "{message}"
    );
}

#[test]
fn failure_timelines_are_understood_or_refused() {
    let timeline = |events: Value, users: Value| {
        changed(|config| {
            config["stress_test_scenarios"] = json!({"failure_recovery_scenarios": {"cascade": {
                "test_duration_minutes": 30, "max_concurrent_users": users, "failure_timeline": events}}});
        })
    };
    let vague =
        timeline(json!([{"minute": 1, "event": "cart_service_trouble", "impact": "rather slow"}]), json!(5));
    assert!(
        vague.contains(
            "failure_timeline[0].impact = \"rather slow\": is not a known impact; use `30% requests fail`"
        ),
        "{vague}"
    );
    let unknown_load = timeline(
        json!([{"minute": 1, "event": "cart_service_trouble", "impact": "5x response time"}]),
        Value::Null,
    );
    assert!(
        unknown_load.contains("needs `max_concurrent_users` and `test_duration_minutes`"),
        "{unknown_load}"
    );
}

#[test]
fn the_bench_block_is_held_to_its_limits() {
    for (bench, expected) in [
        (json!({"algorithms": []}), "bench.algorithms = []: must be a list with at least one entry"),
        (
            json!({"algorithms": "rl"}),
            "bench.algorithms = \"rl\": must be a list with at least one entry, not text",
        ),
        (
            json!({"policy": "nowhere.safetensors"}),
            "bench.policy = \"nowhere.safetensors\": cannot be read: No such file or directory",
        ),
        (json!({"balancers": 0}), "bench.balancers = 0: must be a whole number from 1 to 64"),
        (json!({"algoritms": ["p2c"]}), "bench.algoritms: unknown key (did you mean `algorithms`?)"),
        (json!({"engine": "simulated"}), "bench.engine = \"simulated\": must be one of `live`, `sim`"),
        (json!({"time_scale": 0}), "bench.time_scale = 0: must be a number from 0.001 to 1000000"),
        (json!({"time_scale": 100_000}), "the pattern lasts 0.003 s after scaling"),
        (json!({"warm_up_s": -1}), "bench.warm_up_s = -1: must be a number from 0 to 86400"),
        (json!({"seed": -1}), "bench.seed = -1: must be a whole number of at least 0"),
        (
            json!({"journey": "ecomerce"}),
            "bench.journey = \"ecomerce\": is neither bundled (`ecommerce`, `single_get`, `telling_get`, `online_boutique`) (did you mean `ecommerce`?)",
        ),
        (
            json!({"journey": "single_get"}),
            "refers to the action `browse_products`, which the journey `single_get` does not have",
        ),
        (
            json!({"journey": {"name": "x", "actions": {"a": {"stepz": []}}}}),
            "bench.journey.actions.a.stepz: unknown key (did you mean `steps`?)",
        ),
        (
            json!({"topology": {"name": "x", "pools": [], "service_time": {"distribution": "gamma", "mean_ms": 1}}}),
            "service_time.distribution = \"gamma\": must be one of `constant`, `exponential`, `log_normal`, `empirical`",
        ),
        (
            json!({"faults": [{"fault": "meteor"}]}),
            "bench.faults[0].fault = \"meteor\": must be one of `latency_factor`",
        ),
        (json!({"faults": [{"fault": "error_rate"}]}), "bench.faults[0].rate: missing; it must be a number"),
        (json!({"faults": [{"fault": "error_rate", "rate": 3}]}), "rate: 3 must"),
        (json!({"faults": [{"fault": "crash", "backends": ["nobody"]}]}), "nobody"),
        (
            json!({"load_balancer": {}}),
            "bench.load_balancer = {}: has neither `kind` (reference, haproxy, nginx, envoy, caddy, traefik) nor the `url`",
        ),
        (
            json!({"load_balancer": {"kind": "haproxi"}}),
            "bench.load_balancer.kind = \"haproxi\": is not a load balancer that `bench` knows (did you mean `haproxy`?)",
        ),
        (
            json!({"load_balancer": {"kind": "envoy", "url": "http://h/x"}}),
            "bench.load_balancer.admin = null: envoy that runs already needs `admin`: the URL of its admin API",
        ),
        (
            json!({"load_balancer": {"kind": "haproxy", "listen": "8080"}}),
            "bench.load_balancer.listen = \"8080\": is not an address with a port; use `127.0.0.1:8080`",
        ),
        (
            json!({"load_balancer": {"kind": "traefik", "switching": "config"}}),
            "bench.load_balancer.switching = \"config\": traefik is never switched by a new configuration; \
            leave `switching` out, or name one of `nginx`, `envoy`, `caddy`",
        ),
        (
            json!({"load_balancer": {"kind": "traefik"}, "algorithms": ["least-connections"]}),
            "traefik has no least-connections; p2c comes nearest",
        ),
        (
            json!({"load_balancer": {"url": "http://h/x", "program": "/usr/bin/envoy"}}),
            "bench.load_balancer.program = \"/usr/bin/envoy\": applies only to a real load balancer that \
            `bench` starts",
        ),
        (
            json!({"compare_load_balancers": ["envoi"]}),
            "bench.compare_load_balancers = \"envoi\": is not a load balancer",
        ),
        (json!({"steering_period_s": 0}), "bench.steering_period_s = 0: must be a number from 0.01 to 60"),
        (
            json!({"load_balancer": {"url": "http://h/x", "admin": "h:1"}}),
            "bench.load_balancer.admin = \"h:1\": must begin with `http://`",
        ),
        (json!([]), "bench = []: must be an object, not a list"),
    ] {
        let message = changed(|config| config["bench"] = bench.clone());
        assert!(message.contains(expected), "{bench} must say {expected:?}, and says:\n{message}");
    }
}

#[test]
fn the_guide_dialect_is_held_to_its_limits() {
    let sequence = |change: &dyn Fn(&mut Value)| {
        let mut config = json!({"scenarios": [{"name": "s", "duration_minutes": 1, "concurrent_users": 2}],
            "user_profiles": {"p": {"actions": [{"name": "browse_products", "weight": 1}]}}});
        change(&mut config);
        message(&config.to_string(), &Overrides::default())
    };
    type Change = Box<dyn Fn(&mut Value)>;
    let cases: Vec<(Change, &str)> = vec![
        (Box::new(|c| c["scenarios"] = json!([])), "scenarios = []: must be a list with at least one entry"),
        (
            Box::new(|c| c["scenarios"][0]["concurrent_users"] = json!(0)),
            "scenarios[0].concurrent_users = 0: must be a whole number from 1",
        ),
        (
            Box::new(|c| c["scenarios"][0] = json!({"name": "s"})),
            "scenarios[0].duration_minutes: missing; it must be a number above 0",
        ),
        (
            Box::new(|c| c["scenarios"] = json!([c["scenarios"][0], c["scenarios"][0]])),
            "scenarios[1].name = \"s\": duplicate",
        ),
        (
            Box::new(|c| {
                c["scenarios"][0]["traffic_mix"] = json!({"browse_and_search": 0, "add_to_cart_and_order": 0})
            }),
            "traffic_mix = 0: both shares are 0",
        ),
        (
            Box::new(|c| c["scenarios"][0]["traffic_mix"] = json!({"browse": 1})),
            "traffic_mix.browse: unknown key",
        ),
        (
            Box::new(|c| c["user_profiles"]["p"]["actions"][0]["name"] = json!("browse_product")),
            "user_profiles.p.actions[0].name = \"browse_product\": refers to the action `browse_product`, which the journey `ecommerce` does not have (did you mean `browse_products`?)",
        ),
        (
            Box::new(|c| c["user_profiles"]["p"]["actions"][0]["weight"] = json!(0)),
            "user_profiles.p.actions = 0: all weights are 0",
        ),
        (
            Box::new(|c| c["user_profiles"]["p"]["actions"][0]["weight"] = json!(-2)),
            "weight = -2: must be a number from 0 to 1000000",
        ),
        (Box::new(|c| c["scenario"] = json!(1)), "scenario: unknown key (did you mean `scenarios`?)"),
    ];
    for (change, expected) in cases {
        let message = sequence(&*change);
        assert!(message.contains(expected), "must say {expected:?}, and says:\n{message}");
    }
}

#[test]
fn flags_are_held_to_their_limits() {
    let config = good().to_string();
    let none = Overrides::default;
    for (flags, expected) in [
        (Overrides { users: Some(0), ..none() }, "--users 0: must be from 1 to 100000"),
        (Overrides { repetitions: Some(0), ..none() }, "--repetitions 0: must be from 1 to 1000"),
        (
            Overrides { duration: Some(Duration::ZERO.into()), ..none() },
            "--duration 0: must be from 0.1 to 604800 seconds",
        ),
        (Overrides { time_scale: Some(-1.0), ..none() }, "--time-scale -1: must be from 0.001"),
        (Overrides { time_scale: Some(f64::NAN), ..none() }, "--time-scale NaN: must be from 0.001"),
        (
            Overrides { scenario: Some("dai".into()), ..none() },
            "--scenario dai: the config has no such scenario (did you mean `day`?); it has `day`",
        ),
        (
            Overrides { algorithms: Some(vec!["fastest".into()]), ..none() },
            "--algorithms fastest: unknown algorithm `fastest`",
        ),
        (
            Overrides { policy: Some(env!("CARGO_MANIFEST_DIR").to_owned().into()), ..none() },
            "cannot be read: Is a directory",
        ),
        (
            Overrides { policy: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into()), ..none() },
            "policy file is not a complete safetensors file",
        ),
        (Overrides { balancers: Some(65), ..none() }, "--balancers 65: must be from 1 to 64"),
        (
            Overrides { balancers: Some(2), url: Some("http://h:80/proxy".into()), ..none() },
            "--balancers 2: cannot be set for a running load balancer",
        ),
        (
            Overrides {
                load_reports: Some(LoadReports::Orca),
                load_balancer: Some("nginx".into()),
                ..none()
            },
            "--load-reports orca: is read by the reference load balancer alone",
        ),
        (
            Overrides {
                policy: Some("p.safetensors".into()),
                url: Some("http://h:80/proxy".into()),
                ..none()
            },
            "--policy p.safetensors: the running load balancer follows its own policy",
        ),
        (Overrides { algorithms: Some(vec![]), ..none() }, "--algorithms []: is empty"),
        (Overrides { url: Some("host:80".into()), ..none() }, "--url host:80: must begin with `http://`"),
        (
            Overrides { topology: Some("situation-q".into()), ..none() },
            "--topology situation-q: is neither bundled",
        ),
    ] {
        let message = message(&config, &flags);
        assert!(message.contains(expected), "must say {expected:?}, and says:\n{message}");
    }
}

#[test]
fn what_is_no_config_is_told_apart() {
    for (text, expected) in [
        ("{\n  \"scenarios\": [,]\n}", "is not JSON: line 2, column 17"),
        ("", "config `bad.json` is empty; write a JSON object"),
        ("{ // why\n}", "line 1, column 3: `//` begins a comment, which JSON does not allow"),
        ("[]", "has no requests; a recording needs at least one"),
        ("[{\"endpoint\": \"/\", \"method\": \"GET\"}]", "give a rate, such as `--replay"),
        (
            "[{\"endpoint\": \"/\", \"method\": \"GET\", \"timestamp\": 0},\n{\"endpoint\": \"/\", \"method\": \"GET\"}]",
            "bad.json, line 2: the timestamp is missing",
        ),
        ("3", "must be a JSON object, not `3`"),
        ("{}", "holds nothing; a config needs one of the keys `scenarios`"),
        ("{\"scenarois\": []}", "no shape of a config is recognised (did you mean `scenarios`?)"),
        ("{\"scenarios\": [], \"scenarios\": []}", "duplicate key"),
    ] {
        let message = message(text, &Overrides::default());
        assert!(message.contains(expected), "{text:?} must say {expected:?}, and says:\n{message}");
    }
}

#[test]
fn a_config_that_is_nowhere_is_answered_with_the_bundled_ones() {
    let error = load("no_such_config.json").expect_err("there is none");
    assert!(matches!(error, ConfigError::NotFound { .. }));
    let message = error.to_string();
    assert!(
        message.contains("`no_such_config.json`") && message.contains("default_benchmark_config.json"),
        "{message}"
    );
    for (typed, meant) in [
        ("default_benchmark_confg.json", "default_benchmark_config.json"),
        ("configs/quick_tst_config.json", "quick_test_config.json"),
    ] {
        let message = load(typed).expect_err("there is none").to_string();
        assert!(message.contains(&format!("`{typed}` (did you mean `{meant}`?)")), "{message}");
    }
    let error = load(env!("CARGO_MANIFEST_DIR")).expect_err("a folder is not a config");
    assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
}

#[test]
fn yaml_is_named_where_it_is_given_as_a_config_or_beside_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("c.yaml");
    std::fs::write(&path, "scenarios:\n  - name: s\n").expect("a file");
    let name = path.to_string_lossy().into_owned();
    let message = load(&name).expect_err("YAML is not a config").to_string();
    assert!(
        message.ends_with(
            "is YAML, which is not supported; write it as JSON (`yq -o json FILE` converts \
            it)"
        ),
        "{message}"
    );
    let message = changed(|config| config["bench"] = json!({"topology": name}));
    assert!(message.contains("is YAML, which is not supported"), "{message}");
}

#[test]
fn faults_of_flags_are_told_apart_from_those_of_the_config() {
    let flags = |repetitions| Overrides { users: Some(0), repetitions, ..Overrides::default() };
    assert_eq!(message(&good().to_string(), &flags(None)), "--users 0: must be from 1 to 100000");
    assert_eq!(
        message(&good().to_string(), &flags(Some(0))),
        "the flags have 2 faults:\n  --repetitions 0: must be from 1 to 1000\n  --users 0: must be from 1 to 100000"
    );
    let mut bad = good();
    bad["bench"] = json!({"seed": -1});
    assert_eq!(
        message(&bad.to_string(), &flags(None)),
        "the flags have 1 fault:\n  --users 0: must be from 1 to 100000\n\
         config `bad.json` has 1 fault:\n  bench.seed = -1: must be a whole number of at least 0"
    );
}

/// Returns a config whose users perform one action on the bundled default topology.
fn shop(journey: Value, bench: &Value) -> Value {
    let mut bench = bench.clone();
    bench["journey"] = journey;
    json!({"scenarios": [{"name": "s", "duration_minutes": 1, "concurrent_users": 2}], "bench": bench})
}

fn journey(service: Option<&str>, feeds: Value) -> Value {
    let mut step = json!({"name": "see", "path": "/"});
    if let Some(service) = service {
        step["service"] = json!(service);
    }
    json!({"name": "j", "feeds": feeds, "actions": {"look": {"weight": 1, "steps": [step]}}})
}

#[test]
fn what_backends_would_refuse_at_their_start_is_a_fault_of_the_config() {
    let refused =
        |journey: Value, bench: &Value| message(&shop(journey, bench).to_string(), &Overrides::default());
    let none = json!({});
    let products = |rows: Value| journey(Some("cart-service"), json!({"products": rows}));
    for (journey, expected) in [
        (
            journey(None, none.clone()),
            "bench.journey.actions.look.steps[0].service = null: missing in the request `see`",
        ),
        (
            journey(Some("card-service"), none.clone()),
            "steps[0].service = \"card-service\": no pool of the topology `default` answers for it (did you mean `cart-service`?)",
        ),
        (
            products(json!([{"name": "mug", "price": 3}])),
            "bench.journey.feeds.products[0] = {\"name\":\"mug\",\"price\":3}: missing field `sku`",
        ),
        (products(json!([{"sku": 7, "price": 3}])), "bench.journey.feeds.products[0].sku"),
        (products(json!([{"sku": "a"}])), "missing field `price`"),
        (
            products(json!([{"sku": "a", "price": 1}, {"sku": "a", "price": 2}])),
            "[1].sku \"a\" is not unique",
        ),
        (products(json!([{"sku": "a", "price": -1}])), "[0].price -1 is not in 0..=1000000000"),
    ] {
        let message = refused(journey, &none);
        assert!(message.contains(expected), "must say {expected:?}, and says:\n{message}");
    }
    let topology = json!({"name": "t", "service_time": {"distribution": "constant", "mean_ms": 1},
        "pools": [{"name": "one.pool", "backends": [{"id": "a.1"}]}]});
    let real = json!({"topology": topology, "load_balancer": {"kind": "haproxy"}});
    let message = refused(journey(None, none), &real);
    for name in ["`one.pool`", "`a.1`"] {
        assert!(message.contains(&format!("cannot contain the name {name}")), "{message}");
    }
}

#[test]
fn names_that_a_load_balancer_could_obey_are_refused_by_the_plan_with_key_value_and_rule() {
    for (hostile, shown) in [
        ("x\" } os.execute(\"id\") --", "x\" } os.execute(\"id\") --"),
        ("a\n    server evil 10.0.0.1:80", "a\\n    server evil 10.0.0.1:80"),
        ("${jndi:ldap}", "${jndi:ldap}"),
        ("{{ dir }}", "{{ dir }}"),
        ("a`) || PathPrefix(`/", "a`) || PathPrefix(`/"),
        ("a'b", "a'b"),
        ("a;b", "a;b"),
    ] {
        for kind in ["reference", "haproxy", "nginx", "envoy", "caddy", "traefik"] {
            for (key, path) in [
                ("name", "pools[0].name"),
                ("services", "pools[0].services[0]"),
                ("id", "pools[0].backends[0].id"),
            ] {
                let mut pool = json!({"name": "main", "services": ["cart"], "backends": [{"id": "b1"}]});
                match key {
                    "name" => pool["name"] = json!(hostile),
                    "services" => pool["services"][0] = json!(hostile),
                    _ => pool["backends"][0]["id"] = json!(hostile),
                }
                let topology = json!({"name": "t", "pools": [pool],
                    "service_time": {"distribution": "constant", "mean_ms": 1}});
                let bench = json!({"topology": topology, "load_balancer": {"kind": kind}});
                let config = shop(journey(None, json!({})), &bench).to_string();
                let message = message(&config, &Overrides::default());
                let expected = format!("{path}: `{shown}` must consist of 1 to 128 ASCII letters, digits");
                assert!(message.contains(&expected), "{kind}: must say {expected:?}, and says:\n{message}");
            }
        }
    }
}

#[test]
fn backends_that_are_not_started_refuse_nothing() {
    let accepted = |journey: Value, bench: Value| {
        let config = shop(journey, &bench).to_string();
        let loaded = from_text("good.json", &config).expect("a config");
        plan(&loaded, &Overrides::default()).unwrap_or_else(|error| panic!("{bench}: {error}"));
    };
    let foreign = json!({"products": [{"name": "mug"}]});
    accepted(journey(None, foreign.clone()), json!({"load_balancer": {"url": "http://h/x"}}));
    accepted(journey(None, json!({})), json!({"topology": "situation-a"}));
    accepted(journey(None, foreign), json!({"topology": "situation-a", "engine": "sim"}));
}

#[test]
fn a_way_of_switching_that_no_load_balancer_has_is_refused() {
    use lb_config::Overrides as Flags;
    let config = good().to_string();
    let by_config = || {
        let bench = json!({"load_balancer": {"switching": "config", "kind": "nginx"}});
        let mut config = good();
        config["bench"] = bench;
        config.to_string()
    };
    let refused = |flags: Flags| message(&config, &flags);
    let switching = Some(lb_admin_client::Switching::Config);
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    for flags in [
        Flags { switching, ..Flags::default() },
        Flags { switching, url: Some("http://h/x".to_owned()), ..Flags::default() },
    ] {
        let message = refused(flags);
        assert!(message.starts_with("--switching config: the embedded load balancer"), "{message}");
    }
    let message = refused(Flags {
        switching,
        compare_load_balancers: names(&["reference", "haproxy"]),
        ..Flags::default()
    });
    assert!(message.contains("reference, haproxy are never switched by a new configuration"), "{message}");

    let loaded = from_text("c.json", &config).expect("a config");
    let mixed =
        Flags { switching, compare_load_balancers: names(&["reference", "nginx"]), ..Flags::default() };
    let mixed = plan(&loaded, &mixed).expect("nginx can");
    let note = mixed.notes().iter().find(|note| note.key_path == "--switching").expect("the other is named");
    assert_eq!(note.message, "reference is not switched by a new configuration, but in the usual way");
    let loaded = from_text("c.json", &by_config()).expect("a config");
    plan(&loaded, &Flags::default()).expect("nginx can");
}
