//! What each dialect comes to as a plan: patterns, users, overlaps, weights, faults, algorithms.

use lb_config::{
    Dialect, LoadBalancer, Overrides, PatternSummary, Plan, PlannedScenario, from_text, load, plan,
};
use lb_core::fault::{Fault, FaultKind};
use lb_core::workload::Schedule;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Folder with the configs that these dialects come from, where they are at hand.
const ORIGINALS: &str = "BENCH_ORIGINAL_CONFIGS";

fn planned(config: &Value) -> Plan {
    planned_with(config, &Overrides::default())
}

fn planned_with(config: &Value, overrides: &Overrides) -> Plan {
    let loaded = from_text("test.json", &config.to_string()).expect("the config can be read");
    plan(&loaded, overrides).unwrap_or_else(|error| panic!("the config must have a plan: {error}"))
}

fn scenario<'a>(plan: &'a Plan, name: &str) -> &'a PlannedScenario {
    let found = plan.scenarios().iter().find(|scenario| scenario.scenario().name == name);
    found.unwrap_or_else(|| panic!("no scenario `{name}` in the plan"))
}

/// Patterns as name, start in seconds, length in seconds, users.
fn table(scenario: &PlannedScenario) -> Vec<(String, f64, f64, u32)> {
    let row = |pattern: &PatternSummary| {
        (
            pattern.name().to_owned(),
            pattern.start().as_secs_f64(),
            pattern.duration().as_secs_f64(),
            pattern.users(),
        )
    };
    scenario.patterns().iter().map(row).collect()
}

fn names(algorithms: &[lb_core::Algorithm]) -> Vec<String> {
    algorithms.iter().map(ToString::to_string).collect()
}

/// Whether a note stands at a key, or names it.
fn noted(plan: &Plan, key: &str) -> bool {
    let named = format!("`{key}`");
    let notes = plan.notes().iter();
    notes.into_iter().any(|note| note.key_path.ends_with(key) || note.message.contains(&named))
}

/// A config of scenarios in sequence with one profile.
fn sequence() -> Value {
    json!({
        "base_url": "http://localhost:8080",
        "request_timeout": 3,
        "scenarios": [{"name": "Reads", "duration_minutes": 1, "concurrent_users": 10, "ramp_up_time_seconds": 5,
            "traffic_mix": {"browse_and_search": 0.8, "add_to_cart_and_order": 0.2}}],
        "user_profiles": {"visitor": {"actions": [
            {"name": "browse_products", "weight": 50}, {"name": "search_products", "weight": 30},
            {"name": "view_product_details", "weight": 15}, {"name": "add_to_cart", "weight": 3},
            {"name": "place_order", "weight": 2}]}}
    })
}

/// A training config with these patterns and a cap.
fn training(patterns: Value, cap: u32) -> Value {
    json!({"rl_training_scenarios": {
        "base_config": {"base_url": "http://localhost:8080/proxy", "request_timeout": 4},
        "training_scenarios": {"day": {"total_users": 500, "max_concurrent_users": cap,
            "ramp_up_time_seconds": 60, "traffic_patterns": patterns}},
        "user_behavior_profiles": {"shopper": {"action_probabilities": {"browse": 0.5, "cart": 0.5},
            "pages_per_session": [2, 4], "cart_abandonment_rate": 0.3}}
    }})
}

fn pattern(name: &str, start: f64, minutes: f64, users: u32) -> Value {
    json!({"name": name, "start_minute": start, "duration_minutes": minutes, "concurrent_users": users,
        "user_behavior_distribution": {"shopper": 1.0},
        "scenario_weights": {"browse_weight": 80, "cart_weight": 15, "order_weight": 5}})
}

#[test]
fn every_bundled_config_has_a_plan_that_is_always_the_same() {
    for name in [
        "default_benchmark_config.json",
        "quick_test_config.json",
        "comprehensive_rl_training_config.json",
        "stress_test_rl_config",
        "steady_requests_config",
        "telling_requests_config",
        "situation_b_config",
        "situation_d_config",
        "situation_f_config",
        "situation_g_config",
        "situation_h_config",
        "online_boutique_config",
    ] {
        let loaded = load(name).unwrap_or_else(|error| panic!("{name} is bundled: {error}"));
        assert_eq!(loaded.source(), "bundled", "{name} is found without a file");
        let once = plan(&loaded, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
        let again = plan(&loaded, &Overrides::default()).expect("the same config has a plan again");
        assert_eq!(
            once.to_json(""),
            again.to_json(""),
            "planning {name} must not depend on anything but the config"
        );
        for scenario in once.scenarios() {
            assert!(
                scenario.cap().is_none_or(|cap| scenario.peak_users() <= cap),
                "{name} must keep its caps"
            );
            assert!(
                scenario.patterns().iter().all(|pattern| pattern.expected_rps() > 0.0),
                "{name} expects load"
            );
            let schedule = Schedule::new(scenario.scenario().workload.clone(), once.seed());
            assert!(
                schedule.peak_users() <= scenario.peak_users(),
                "the schedule must stay within the plan's peak"
            );
        }
    }
}

#[test]
fn default_config_gives_verdicts_within_two_minutes() {
    let plan = plan(&load("default_benchmark_config.json").unwrap(), &Overrides::default()).unwrap();
    assert_eq!(names(plan.algorithms()), ["round-robin", "least-connections", "peak-ewma", "rl"]);
    assert!(plan.skipped().is_empty(), "rl follows the policy that comes with bench: {:?}", plan.skipped());
    assert_eq!(plan.policy().map(|policy| policy.source.as_str()), Some("bundled"));
    let seconds: f64 = plan
        .scenarios()
        .iter()
        .map(|planned| {
            let trial = planned.scenario().duration.as_secs_f64() + planned.scenario().warm_up.as_secs_f64();
            let trials = planned.algorithms().len() as f64 * f64::from(plan.repetitions());
            (trial + plan.cool_down().as_secs_f64()) * trials
        })
        .sum();
    assert!(
        seconds <= 85.0,
        "with a second for each of 28 switches it must fit in two minutes, and takes {seconds} s alone"
    );
    assert!(plan.repetitions() >= 7, "fewer blocks give a verdict on nothing but the clearest differences");
}

#[test]
fn original_configs_are_read_unmodified() {
    let Some(folder) = std::env::var_os(ORIGINALS).map(std::path::PathBuf::from) else {
        eprintln!("skipped: set {ORIGINALS} to the folder with the original configs");
        return;
    };
    let peaks = [
        ("quick_test_config.json", vec![("quick_validation", 1, 5, 120.0)]),
        (
            "comprehensive_rl_training_config.json",
            vec![
                ("comprehensive_rl_training", 6, 136, 9000.0),
                ("stress_test_scenarios", 2, 234, 4380.0),
                ("service_failure_scenarios", 3, 40, 5400.0),
            ],
        ),
        (
            "moderate_load_config.json",
            vec![("moderate_load_test", 6, 138, 9000.0), ("moderate_stress_test", 2, 180, 3600.0)],
        ),
        (
            "stress_test_rl_config.json",
            vec![
                ("flash_sale_simulation", 2, 250, 1200.0),
                ("service_degradation_simulation", 3, 50, 2700.0),
                ("mixed_load_chaos", 3, 120, 3600.0),
                ("service_failure_cascade", 1, 60, 5400.0),
                ("routing_algorithm_comparison", 1, 50, 900.0),
            ],
        ),
    ];
    for (file, expected) in peaks {
        let loaded = load(&folder.join(file).to_string_lossy()).unwrap_or_else(|error| panic!("{error}"));
        let plan = plan(&loaded, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
        let found: Vec<_> = plan
            .scenarios()
            .iter()
            .map(|planned| {
                let scenario = &planned.scenario();
                (
                    scenario.name.as_str(),
                    planned.patterns().len(),
                    planned.peak_users(),
                    scenario.duration.as_secs_f64(),
                )
            })
            .collect();
        assert_eq!(found, expected, "{file}: scenarios with patterns, peak users and seconds");
        assert!(
            plan.scenarios()
                .iter()
                .all(|planned| planned.cap().is_none_or(|cap| planned.peak_users() <= cap)),
            "{file}"
        );
    }
}

#[test]
fn guide_scenario_becomes_one_pattern_below_the_proxy_entry() {
    let plan = planned(&sequence());
    assert_eq!(plan.dialect(), Dialect::Sequence);
    assert_eq!(plan.target().base_url(), "http://localhost:8080/proxy");
    assert!(!plan.target().is_named(), "a base_url alone names no load balancer for certain");
    assert!(plan.target().is_named_by_config(), "it may be one that runs");
    assert_eq!(plan.target().started(), [LoadBalancer::Reference], "so the reference is started");
    assert!(noted(&plan, "base_url"), "that `/proxy` was added must be said");
    let planned = scenario(&plan, "Reads");
    assert_eq!(table(planned), [("Reads".to_owned(), 0.0, 60.0, 10)]);
    assert_eq!(planned.patterns()[0].ramp_up().as_secs_f64(), 5.0);
    assert_eq!(planned.scenario().request_timeout.as_secs_f64(), 3.0);
    assert_eq!(names(plan.algorithms()), ["round-robin", "least-connections", "rl"], "the default ones");
}

#[test]
fn traffic_mix_splits_actions_and_profiles_decide_within() {
    let plan = planned(&sequence());
    let stage = &scenario(&plan, "Reads").scenario().workload.stages()[0];
    let weights = &stage.classes[0].actions;
    let sum: f64 = weights.values().sum();
    let share = |action: &str| weights[action] / sum;
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
    assert!(
        close(share("add_to_cart") + share("place_order"), 0.2),
        "the mix decides between the groups: {weights:?}"
    );
    assert!(
        close(share("add_to_cart") / share("place_order"), 1.5),
        "the profile decides within a group: {weights:?}"
    );
    assert!(close(share("browse_products"), 0.8 * 50.0 / 95.0), "{weights:?}");
}

#[test]
fn overlapping_patterns_run_at_the_same_time() {
    let plan = planned(&training(
        json!([pattern("a", 0.0, 60.0, 50), pattern("b", 20.0, 20.0, 30), pattern("c", 40.0, 40.0, 20)]),
        90,
    ));
    let day = scenario(&plan, "day");
    assert_eq!(day.peak_users(), 80, "a and b share minutes 20 to 40; c begins when b ends");
    assert_eq!(day.scenario().duration.as_secs_f64(), 4800.0, "the scenario ends with its last pattern");
    let schedule = Schedule::new(day.scenario().workload.clone(), plan.seed());
    assert_eq!(schedule.peak_users(), 80, "users that leave make room at the same moment");
}

#[test]
fn patterns_above_the_cap_are_cut_and_reported() {
    let plan = planned(&training(json!([pattern("a", 0.0, 60.0, 50), pattern("b", 20.0, 20.0, 60)]), 90));
    let users: Vec<u32> = scenario(&plan, "day").patterns().iter().map(|pattern| pattern.users()).collect();
    assert_eq!(users, [50, 40], "the later pattern gives way");
    assert!(noted(&plan, "traffic_patterns[1].concurrent_users"), "{:?}", plan.notes());
}

#[test]
fn ramp_up_is_limited_to_half_of_a_pattern() {
    let plan = planned(&training(json!([pattern("long", 0.0, 10.0, 5), pattern("short", 10.0, 1.0, 5)]), 9));
    let ramps: Vec<f64> =
        scenario(&plan, "day").patterns().iter().map(|pattern| pattern.ramp_up().as_secs_f64()).collect();
    assert_eq!(ramps, [60.0, 30.0]);
    assert!(noted(&plan, "traffic_patterns[1].ramp_up_time_seconds"), "{:?}", plan.notes());
}

#[test]
fn action_weights_are_pattern_times_profile() {
    let plan = planned(&training(json!([pattern("a", 0.0, 1.0, 5)]), 9));
    let workload = &scenario(&plan, "day").scenario().workload;
    let expected = BTreeMap::from([
        ("browse_products".to_owned(), 40.0),
        ("add_to_cart".to_owned(), 7.5),
        // The profile says nothing of orders: half, as the mean of its two chances.
        ("place_order".to_owned(), 2.5),
    ]);
    assert_eq!(workload.stages()[0].classes[0].actions, expected);
    let class = &workload.classes()[0];
    assert_eq!((class.abandonment, class.actions_per_session), (0.3, [2, 4]));
    assert_eq!(class.think_time_s, [1.0, 3.0], "the fallback where neither config nor profile says it");
}

#[test]
fn richer_probabilities_stand_in_for_missing_ones() {
    let mut config = training(json!([pattern("a", 0.0, 1.0, 5)]), 9);
    config["rl_training_scenarios"]["base_config"]["session_duration_minutes"] = json!(5);
    config["rl_training_scenarios"]["base_config"]["think_time_min"] = json!(0.1);
    config["rl_training_scenarios"]["base_config"]["think_time_max"] = json!(0.4);
    config["rl_training_scenarios"]["user_behavior_profiles"]["shopper"] = json!({
        "session_duration_minutes": [2, 8], "category_browse_probability": 0.6, "add_to_cart_probability": 0.2,
        "product_detail_view_probability": 0.9, "average_cart_size": [5, 9], "mobile_usage_probability": 0.8});
    let plan = planned(&config);
    let workload = &scenario(&plan, "day").scenario().workload;
    let class = &workload.classes()[0];
    assert_eq!(class.think_time_s, [0.1, 0.4], "base_config's think times");
    assert_eq!(class.session_duration_s, Some([120.0, 300.0]), "capped by base_config's session length");
    assert_eq!(class.probability["browse_product"], 0.9, "details are viewed as often as the profile says");
    assert_eq!(class.repeat["add_item"], [5, 9], "the cart gets as many products as the profile says");
    let actions = &workload.stages()[0].classes[0].actions;
    assert!((actions["browse_products"] - 80.0 * 0.75).abs() < 1e-9, "0.6 of 0.8 in all: {actions:?}");
    assert!(noted(&plan, "mobile_usage_probability"), "what no request shows must be said");
}

#[test]
fn inline_dialect_without_profiles_gets_one_built_in() {
    let mut one = pattern("a", 0.0, 1.0, 5);
    one.as_object_mut().unwrap().remove("user_behavior_distribution");
    let mut config = training(json!([one]), 9);
    config["rl_training_scenarios"].as_object_mut().unwrap().remove("user_behavior_profiles");
    config["rl_training_scenarios"]["base_config"]["max_retries"] = json!(3);
    let plan = planned(&config);
    assert_eq!(plan.dialect(), Dialect::Inline);
    let stage = &scenario(&plan, "day").scenario().workload.stages()[0];
    assert_eq!(stage.classes.len(), 1);
    let actions = &stage.classes[0].actions;
    assert_eq!(
        actions["browse_products"] / actions["add_to_cart"],
        80.0 / 15.0,
        "only the pattern decides: {actions:?}"
    );
    assert!(noted(&plan, "max_retries"), "retries are never done, and that is said");
}

#[test]
fn scenarios_may_stand_beside_the_library_as_well_as_in_it() {
    let mut config = training(json!([pattern("a", 0.0, 1.0, 5)]), 9);
    config["rl_training_scenarios"]["diverse_load_patterns"] =
        json!({"traffic_patterns": [pattern("b", 0.0, 2.0, 4)]});
    let plan = planned(&config);
    let order: Vec<&str> = plan.scenarios().iter().map(|planned| planned.scenario().name.as_str()).collect();
    assert_eq!(order, ["diverse_load_patterns", "day"], "of two with one name the first counts");
}

#[test]
fn flat_dialect_ramps_from_base_to_maximum_and_bursts_multiply() {
    let config = json!({"load_balancer_url": "http://localhost:9090", "duration_minutes": 60, "base_users": 20,
        "max_users": 50, "ramp_up_minutes": 5, "request_delay_range": [0.5, 2.0], "burst_probability": 0.2,
        "burst_multiplier": 4.0});
    let plan = planned(&config);
    assert_eq!(plan.dialect(), Dialect::Flat);
    assert_eq!(plan.target().base_url(), "http://localhost:9090/proxy");
    let only = scenario(&plan, "test");
    assert_eq!(
        table(only)[..2],
        [("base".to_owned(), 0.0, 3600.0, 20), ("ramp".to_owned(), 0.0, 3600.0, 30)],
        "20 users from the start, and 30 more"
    );
    assert_eq!(only.patterns()[0].ramp_up().as_secs_f64(), 0.0, "the base is there at once");
    assert_eq!(only.patterns()[1].ramp_up().as_secs_f64(), 300.0, "the others come over five minutes");
    let bursts = &only.patterns()[2..];
    let (early, late): (Vec<_>, Vec<_>) =
        bursts.iter().partition(|burst| burst.start().as_secs_f64() < 300.0);
    assert!(!early.is_empty() && !late.is_empty(), "a fifth of the time is bursts with this seed");
    assert!(late.iter().all(|burst| burst.users() == 150), "four times the 50 users that are there");
    for burst in early {
        let there = 20.0 + 30.0 * burst.start().as_secs_f64() / 300.0;
        assert_eq!(f64::from(burst.users()), (3.0 * there).round(), "four times those who are there by then");
    }
    assert_eq!(only.peak_users(), 200);
    assert_eq!(only.scenario().workload.classes()[0].think_time_s, [0.5, 2.0]);
    let other = planned_with(&config, &Overrides { seed: Some(7), ..Overrides::default() });
    assert_ne!(table(scenario(&other, "test")), table(only), "the seed decides when bursts come");

    let short = planned_with(
        &config,
        &Overrides { duration: Some(Duration::from_secs(12).into()), ..Overrides::default() },
    );
    let bursts = &scenario(&short, "test").patterns()[2..];
    assert!(
        bursts.iter().all(|burst| burst.duration().as_secs_f64() > 0.099),
        "squeezed bursts are long enough"
    );
    assert!(
        short.notes().iter().any(|note| note.key_path == "burst_probability"),
        "and a note says that they are longer: {:?}",
        short.notes()
    );
}

#[test]
fn both_spellings_of_faults_mean_the_same() {
    let mut percent = pattern("percent", 0.0, 1.0, 5);
    percent["simulated_failures"] = json!({"inventory_service_latency_increase": "300%", "cart_service_error_rate": "15%",
        "order_service_timeout_rate": "10%"});
    let mut plain = pattern("plain", 0.0, 1.0, 5);
    plain["simulated_conditions"] = json!({"inventory_service_latency_multiplier": 4.0, "cart_service_error_rate": 0.15,
        "order_service_timeout_rate": 0.1});
    let faults = |one: Value| -> Vec<Fault> {
        scenario(&planned(&training(json!([one]), 9)), "day").scenario().topology.faults.clone()
    };
    let (percent, plain) = (faults(percent), faults(plain));
    assert_eq!(percent, plain);
    assert_eq!(percent.len(), 3);
    assert_eq!(
        percent[0].kind,
        FaultKind::LatencyFactor { factor: 4.0 },
        "an increase by 300 % is four times as long"
    );
    assert_eq!(percent[0].services, ["inventory-service"]);
    assert_eq!((percent[0].start_s, percent[0].duration_s), (0.0, Some(60.0)), "for as long as the pattern");
}

#[test]
fn stress_scenarios_complete_their_twins_and_bring_cascades_and_algorithms() {
    let plan = plan(&load("stress_test_rl_config.json").unwrap(), &Overrides::default()).unwrap();
    let order: Vec<&str> = plan.scenarios().iter().map(|planned| planned.scenario().name.as_str()).collect();
    assert_eq!(
        order,
        [
            "flash_sale_simulation",
            "service_degradation_simulation",
            "mixed_load_chaos",
            "service_failure_cascade",
            "routing_algorithm_comparison"
        ]
    );
    let cascade = scenario(&plan, "service_failure_cascade");
    assert_eq!(table(cascade), [("service_failure_cascade".to_owned(), 0.0, 3600.0, 50)]);
    assert!(noted(&plan, "service_failure_cascade.failure_timeline"), "the made-up pattern must be said");
    let faults = &cascade.scenario().topology.faults;
    assert_eq!(faults[0].kind, FaultKind::ErrorRate { rate: 0.25 });
    assert_eq!(faults[1].kind, FaultKind::LatencyFactor { factor: 4.0 });
    assert_eq!(faults[2].kind, FaultKind::TimeoutRate { rate: 0.15 });
    assert_eq!(faults[2].duration_s, Some(720.0), "the recovery at minute 40 ends what would last to 48");
    let comparison = scenario(&plan, "routing_algorithm_comparison");
    assert_eq!(names(comparison.algorithms()), ["round-robin", "least-connections", "ewma-scan", "rl"]);
    let skipped: Vec<&str> = comparison.skipped().iter().map(|skipped| skipped.name.as_str()).collect();
    assert_eq!(skipped, ["resource_aware"], "and `ml_based_routing` is rl");
    let chaos = scenario(&plan, "mixed_load_chaos");
    let storm = &chaos.scenario().workload.stages()[1];
    assert_eq!((storm.user_variance, storm.think_time_variance, storm.action_randomness), (0.35, 0.5, 0.25));
    assert_eq!(storm.max_users, 110, "wandering users keep the cap");
    assert_eq!(
        chaos.patterns()[1].service_limits()["order-service"].p99_ms,
        Some(900.0),
        "limits are kept as data"
    );
}

#[test]
fn twin_scenarios_are_merged_and_not_run_twice() {
    let mut config = training(json!([pattern("a", 0.0, 1.0, 5)]), 9);
    let mut twin = pattern("a", 0.0, 9.0, 8);
    twin["simulated_conditions"] = json!({"cart_service_error_rate": 0.3});
    config["stress_test_scenarios"] =
        json!({"extreme_load_scenarios": {"day": {"traffic_patterns": [twin]}}});
    let plan = planned(&config);
    assert_eq!(plan.scenarios().len(), 1);
    let day = scenario(&plan, "day");
    assert_eq!(table(day), [("a".to_owned(), 0.0, 60.0, 5)], "the training scenario counts");
    assert_eq!(day.scenario().topology.faults.len(), 1, "and is completed with the conditions of its twin");
    assert!(noted(&plan, "extreme_load_scenarios.day"));
}

#[test]
fn background_traffic_fills_gaps_only_where_it_is_asked_for() {
    let patterns = json!([pattern("pattern_1", 0.0, 1.0, 5), pattern("pattern_2", 3.0, 1.0, 5)]);
    let quiet = planned(&training(patterns.clone(), 9));
    assert_eq!(scenario(&quiet, "day").patterns().len(), 2, "a gap is silent by default");

    let mut config = training(patterns, 9);
    let moved = config["rl_training_scenarios"]["training_scenarios"]["day"].take();
    config["rl_training_scenarios"]["training_scenarios"] = json!({"background_traffic_test": moved});
    let plan = planned(&config);
    let test = scenario(&plan, "background_traffic_test");
    assert_eq!(table(test)[2], ("background_1".to_owned(), 60.0, 120.0, 1));
    assert!(test.patterns()[2].background(), "background traffic is told apart");
    assert!(
        (test.patterns()[2].expected_rps() - 1.0).abs() < 0.05,
        "one request per second: {}",
        test.patterns()[2].expected_rps()
    );

    config["bench"] = json!({"background_rps": 2.5});
    let faster = planned(&config);
    let pattern = &scenario(&faster, "background_traffic_test").patterns()[2];
    assert_eq!(pattern.users(), 3);
    assert!((pattern.expected_rps() - 2.5).abs() < 0.12, "{}", pattern.expected_rps());
}

#[test]
fn injected_errors_have_the_injection_probability_times_their_rate() {
    let mut config = training(json!([pattern("a", 0.0, 1.0, 5)]), 9);
    config["rl_training_scenarios"]["error_simulation_config"] = json!({
        "error_injection_probability": 0.15,
        "error_scenarios": {"authentication_errors": {"invalid_token_rate": 0.04},
            "network_errors": {"connection_refused_rate": 0.02}},
        "invalid_product_skus": ["NOPE"]});
    let plan = planned(&config);
    let errors = &scenario(&plan, "day").errors();
    assert_eq!(errors.len(), 1);
    assert!((errors["invalid_token"] - 0.006).abs() < 1e-12, "{errors:?}");
    assert!(
        noted(&plan, "network_errors.connection_refused_rate"),
        "an error that no request can carry is said"
    );
}

#[test]
fn products_of_the_config_become_the_catalogue() {
    let mut target = pattern("a", 0.0, 1.0, 5);
    target["target_products"] = json!(["SKU-2"]);
    let mut config = training(json!([target, pattern("b", 1.0, 1.0, 5)]), 9);
    config["rl_training_scenarios"]["enhanced_test_products"] = json!([
        {"sku": "SKU-1", "name": "One", "category": "C", "price": 1.5, "popularity_score": 0.5},
        {"id": "SKU-2", "name": "Two", "category": "C", "price": 2.5, "popularity_score": 0.5}]);
    config["rl_training_scenarios"]["realistic_shipping_addresses"] = json!([{"street": "s", "city": "c"}]);
    let plan = planned(&config);
    let catalogue = &scenario(&plan, "day").catalogue();
    let rows: Vec<(&str, f64)> = catalogue
        .iter()
        .map(|row| (row["sku"].as_str().unwrap(), row["popularity"].as_f64().unwrap()))
        .collect();
    assert_eq!(rows, [("SKU-1", 0.25), ("SKU-2", 0.75)], "all of a's draws and half of b's go to the target");
    assert!(noted(&plan, "target_products"));
    assert!(
        noted(&plan, "realistic_shipping_addresses[0].phone"),
        "filled-in fields are said: {:?}",
        plan.notes()
    );
}

#[test]
fn users_flag_sets_the_peak_and_keeps_proportions() {
    let config = training(json!([pattern("a", 0.0, 60.0, 50), pattern("b", 20.0, 20.0, 30)]), 90);
    let flags = Overrides { users: Some(8), ..Overrides::default() };
    let plan = planned_with(&config, &flags);
    let day = scenario(&plan, "day");
    assert_eq!(day.patterns().iter().map(|pattern| pattern.users()).collect::<Vec<_>>(), [5, 3]);
    assert_eq!((day.peak_users(), day.cap()), (8, Some(8)));
    let more = planned_with(&config, &Overrides { users: Some(160), ..Overrides::default() });
    assert_eq!(scenario(&more, "day").peak_users(), 160, "the flag wins over the config's cap");
}

#[test]
fn time_scale_divides_the_timeline_and_leaves_users_alone() {
    let mut slow = pattern("a", 3.0, 6.0, 5);
    slow["simulated_conditions"] = json!({"cart_service_error_rate": 0.3});
    let mut config = training(json!([slow]), 9);
    config["bench"] = json!({"warm_up_s": 30, "topology": "situation-c",
        "faults": [{"fault": "flapping", "up_s": 60, "down_s": 30, "backends": ["b1"]}]});
    let fast = planned_with(&config, &Overrides { time_scale: Some(60.0), ..Overrides::default() });
    let day = scenario(&fast, "day");
    assert_eq!(table(day), [("a".to_owned(), 3.0, 6.0, 5)]);
    assert_eq!(day.patterns()[0].ramp_up().as_secs_f64(), 1.0);
    assert_eq!(day.scenario().warm_up.as_secs_f64(), 0.5);
    assert_eq!(day.scenario().workload.classes()[0].think_time_s, [1.0, 3.0], "think times stay");
    assert_eq!(day.scenario().request_timeout.as_secs_f64(), 4.0, "timeouts stay");
    let faults = &day.scenario().topology.faults;
    let own = faults.iter().find(|fault| fault.kind.name() == "error_rate").expect("the pattern's fault");
    assert_eq!((own.start_s, own.duration_s), (3.0, Some(6.0)));
    let flapping = faults.iter().find_map(|fault| match fault.kind {
        FaultKind::Flapping { up_s, down_s } => Some((up_s, down_s)),
        _ => None,
    });
    assert_eq!(flapping, Some((1.0, 0.5)), "faults of the bench block are scaled too");
}

#[test]
fn duration_and_ramp_up_flags_set_what_will_run() {
    let config = training(json!([pattern("a", 0.0, 2.0, 5), pattern("b", 2.0, 2.0, 5)]), 9);
    let flags = Overrides {
        duration: Some(Duration::from_secs(30).into()),
        ramp_up: Some(Duration::from_secs(4)),
        time_scale: Some(60.0),
        ..Overrides::default()
    };
    let plan = planned_with(&config, &flags);
    let day = scenario(&plan, "day");
    assert_eq!(table(day), [("a".to_owned(), 0.0, 15.0, 5), ("b".to_owned(), 15.0, 15.0, 5)]);
    assert_eq!(day.scenario().duration.as_secs_f64(), 30.0);
    assert!(day.patterns().iter().all(|pattern| pattern.ramp_up().as_secs_f64() == 4.0));
    assert_eq!(day.peak_users(), 5, "patterns that touch do not overlap after scaling");
}

#[test]
fn load_balancers_that_ignore_weights_under_a_name_are_named() {
    let pools =
        json!([{ "name": "main", "backends": [{ "id": "a", "weight": 1 }, { "id": "b", "weight": 2 }] }]);
    let mut config = sequence();
    config["bench"] = json!({ "topology": { "name": "weights", "pools": pools,
        "service_time": { "distribution": "constant", "mean_ms": 5 } } });
    let notes = |config: &Value, algorithm: &str| -> Vec<String> {
        let flags = Overrides {
            compare_load_balancers: Some(["reference", "haproxy", "envoy"].map(str::to_owned).into()),
            algorithms: Some(vec![algorithm.to_owned()]),
            ..Overrides::default()
        };
        let plan = planned_with(config, &flags);
        plan.notes()
            .iter()
            .map(ToString::to_string)
            .filter(|note| note.contains("ignores the weights"))
            .collect()
    };
    let told = notes(&config, "least-connections");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("envoy ignores the weights of backends under least-connections"), "{told:?}");
    assert!(notes(&config, "round-robin").is_empty(), "round-robin considers none anywhere");
    config["bench"]["topology"]["pools"][0]["backends"][1]["weight"] = json!(1);
    assert!(notes(&config, "least-connections").is_empty(), "equal weights do not matter");
}

#[test]
fn flags_choose_algorithms_scenario_seed_and_load_balancer() {
    let loaded = load("stress_test_rl_config.json").unwrap();
    assert!(
        !plan(&loaded, &Overrides::default()).unwrap().target().is_named_by_config(),
        "nor does a bundled one"
    );
    let flags = Overrides {
        algorithms: Some(vec!["p2c".to_owned(), "rl_agent".to_owned()]),
        scenario: Some("routing_algorithm_comparison".to_owned()),
        repetitions: Some(3),
        seed: Some(9),
        ..Overrides::default()
    };
    let chosen = plan(&loaded, &flags).unwrap();
    assert_eq!(chosen.scenarios().len(), 1);
    assert_eq!(
        names(chosen.scenarios()[0].algorithms()),
        ["p2c", "rl"],
        "flags win over a scenario's own algorithms, and `rl_agent` is rl"
    );
    assert_eq!((chosen.repetitions(), chosen.seed().0), (3, 9));

    let flags = Overrides {
        url: Some("http://10.0.0.7:8080".to_owned()),
        admin: Some("http://10.0.0.7:9000/".to_owned()),
        ..flags
    };
    let external = plan(&loaded, &flags).unwrap();
    assert!(external.target().explicit());
    assert_eq!(external.target().base_url(), "http://10.0.0.7:8080/proxy");
    assert_eq!(external.target().admin_url(), Some("http://10.0.0.7:9000"));
    assert_eq!(
        names(external.scenarios()[0].algorithms()),
        ["p2c", "rl"],
        "somebody else's load balancer may have its own rl"
    );
}

#[test]
fn strategies_of_a_config_are_its_algorithms_unless_ours_are_given() {
    let mut config = training(json!([pattern("a", 0.0, 1.0, 5)]), 9);
    config["rl_training_scenarios"]["load_balancer_routing_strategies"] = json!({
        "round_robin": {}, "least_connections": {"connection_weight": 1.0},
        "weighted_response_time": {"description": "fast first", "parameters": {"response_time_weight": 0.7}},
        "adaptive_learning": {"learning_rate": 0.01}, "resource_aware": {}});
    let plan = planned(&config);
    assert_eq!(names(plan.algorithms()), ["round-robin", "least-connections", "ewma-scan", "rl"]);
    assert_eq!(plan.skipped()[0].name, "resource_aware");
    assert!(noted(&plan, "least_connections.parameters"), "parameters without a counterpart are said");
    config["bench"] = json!({"algorithms": ["random"]});
    assert_eq!(names(planned(&config).algorithms()), ["random"]);
}

#[test]
fn knobs_that_are_not_honoured_are_reported() {
    let mut noisy = pattern("a", 0.0, 1.0, 5);
    noisy["service_load_characteristics"] = json!({"cart_service": {"latency_p99_threshold_ms": 500}});
    noisy["simulated_failures"] = json!({"payment_service_error_rate": "5%"});
    let mut config = training(json!([noisy]), 9);
    let root = &mut config["rl_training_scenarios"];
    for (key, value) in [
        ("retry_attempts", json!(2)),
        ("retry_delay", json!(0.5)),
        ("max_retries_per_session", json!(3)),
        ("connection_pool_size", json!(100)),
    ] {
        root["base_config"][key] = value;
    }
    root["user_behavior_profiles"]["shopper"]["conversion_rate"] = json!(0.2);
    root["user_behavior_profiles"]["shopper"]["price_comparison_probability"] = json!(0.2);
    root["rl_training_data_collection"] = json!({"state_features": ["queue_depths"]});
    root["training_scenarios"]["day"]["data_collection_interval_seconds"] = json!(5);
    root["training_scenarios"]["day"]["test_duration_minutes"] = json!(9);
    root["enhanced_test_products"] = json!([{"sku": "S", "price": 1, "inventory_complexity": "high"}]);
    let plan = planned(&config);
    for key in [
        "retry_attempts",
        "retry_delay",
        "max_retries_per_session",
        "connection_pool_size",
        "conversion_rate",
        "price_comparison_probability",
        "rl_training_data_collection",
        "data_collection_interval_seconds",
        "test_duration_minutes",
        "inventory_complexity",
        "service_load_characteristics",
        "payment_service_error_rate",
    ] {
        assert!(
            noted(&plan, key),
            "`{key}` is not done as written and must be reported; notes: {:#?}",
            plan.notes()
        );
    }
}

#[test]
fn plan_as_json_has_what_the_command_promises() {
    let value = planned(&sequence()).to_json("abc");
    assert_eq!(value["schedule_sha256"], "abc");
    assert_eq!(value["scenarios"][0]["name"], "Reads");
    assert_eq!(value["scenarios"][0]["duration_s"], 60.0);
    assert_eq!(value["scenarios"][0]["peak_users"], 10);
    let expected = json!({"name": "Reads", "start_s": 0.0, "duration_s": 60.0, "users": 10});
    for (key, wanted) in expected.as_object().unwrap() {
        assert_eq!(value["scenarios"][0]["patterns"][0][key], *wanted, "{key}");
    }
}

#[test]
fn tokens_are_blanked_in_the_record_of_a_run() {
    let mut config = sequence();
    config["bench"] = json!({"load_balancer": {"url": "http://h:1/x", "admin_token": "secret"}});
    let loaded = from_text("test.json", &config.to_string()).unwrap();
    assert!(!loaded.document().to_string().contains("secret"));
    let plan = plan(&loaded, &Overrides::default()).unwrap();
    assert_eq!(plan.target().admin_token(), Some("secret"));
}

#[test]
fn a_fault_of_a_topology_whose_end_lies_beyond_the_scenario_is_noted_with_a_longer_duration() {
    let with = |seconds: u64| Overrides {
        topology: Some("situation-e".to_owned()),
        duration: Some(Duration::from_secs(seconds).into()),
        ..Overrides::default()
    };
    let noted = |seconds: u64| {
        let plan = planned_with(&sequence(), &with(seconds));
        let note = plan.notes().iter().find(|note| note.message.contains("fast_fail"));
        note.map(ToString::to_string)
    };
    let never = noted(9).expect("a note");
    for part in ["--topology", "situation-e", "never happens", "begins after 10.0 s", "`--duration 30s`"] {
        assert!(never.contains(part), "`{part}` is missing in: {never}");
    }
    let cut = noted(12).expect("a note");
    for part in ["lasts from 10.0 s to 20.0 s", "ends after 12.0 s", "`--duration 30s`"] {
        assert!(cut.contains(part), "`{part}` is missing in: {cut}");
    }
    assert_eq!(noted(30), None, "the fault and what follows are seen");
}
