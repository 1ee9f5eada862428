//! The open model and the settings of evidence in configs: what they come to, and what is refused.

use lb_config::{Overrides, Plan, WarmUp, from_text, plan};
use lb_core::workload::{ArrivalProcess, ArrivalStart, Schedule, Spacing};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Scenarios in sequence on the shop's journey, whose sessions log in.
fn config(bench: &Value) -> Value {
    json!({
        "base_url": "http://localhost:8080",
        "scenarios": [
            {"name": "short", "duration_minutes": 1, "concurrent_users": 10, "ramp_up_time_seconds": 5},
            {"name": "long", "duration_minutes": 2, "concurrent_users": 20}
        ],
        "bench": bench
    })
}

/// The same on a journey of single requests without log-in.
fn simple(mut bench: Value) -> Value {
    bench["journey"] = json!("single_get");
    // Its requests name no service, so a pool has to serve all of them.
    bench["topology"] = json!("situation-a");
    config(&bench)
}

fn planned(config: &Value, overrides: &Overrides) -> Plan {
    let loaded = from_text("test.json", &config.to_string()).expect("the config can be read");
    plan(&loaded, overrides).unwrap_or_else(|error| panic!("the config must have a plan: {error}"))
}

fn refused(config: &Value, overrides: &Overrides) -> String {
    let refused = from_text("bad.json", &config.to_string()).and_then(|loaded| plan(&loaded, overrides));
    refused.map(|_| ()).expect_err("the config must be refused").to_string()
}

fn flags(arrivals: &str) -> Overrides {
    Overrides { arrivals: Some(arrivals.to_owned()), ..Overrides::default() }
}

#[test]
fn arrivals_take_the_place_of_users_in_every_pattern_and_say_so() {
    let plan = planned(&simple(json!({"arrivals": "poisson:50"})), &Overrides::default());
    for scenario in plan.scenarios() {
        let pattern = &scenario.patterns()[0];
        assert_eq!(
            (pattern.users(), pattern.ramp_up().is_zero()),
            (0, true),
            "arrivals do not wait for replies"
        );
        assert_eq!(pattern.mean_arrival_rate(), Some(50.0), "each pattern has the rate");
        assert!(
            (pattern.expected_rps() - 50.0).abs() < 1e-9,
            "an action of one request: {}",
            pattern.expected_rps()
        );
        assert_eq!(scenario.scenario().max_in_flight, 10_000);
    }
    let schedule = Schedule::new(Arc::clone(&plan.scenarios()[0].scenario().workload), plan.seed());
    assert!(schedule.users().is_empty(), "no users");
    let arrivals = schedule.arrivals().len();
    assert!((2500..3500).contains(&arrivals), "about 50 a second over a minute: {arrivals}");
    let note = |key: &str| plan.notes().iter().find(|note| note.key_path.ends_with(key));
    assert_eq!(note("concurrent_users").map(|note| note.more_places), Some(1), "both scenarios lost users");
    assert!(note("ramp_up_time_seconds").is_some(), "the ramp-up means nothing: {:?}", plan.notes());
    assert!(note("arrivals.start").is_some(), "single actions know no think times");
}

#[test]
fn sessions_that_log_in_arrive_whole() {
    let plan = planned(&config(&json!({"arrivals": "constant:2"})), &Overrides::default());
    let pattern = &plan.scenarios()[0].patterns()[0];
    let arrivals = pattern.arrivals().expect("an open stage");
    assert_eq!(arrivals.start, ArrivalStart::Session);
    assert!(pattern.expected_rps() > 10.0, "a session has several requests: {}", pattern.expected_rps());
    assert_eq!(plan.scenarios()[0].identities(), 120, "an account for each session of the minute");
    let action = config(&json!({"arrivals": {"process": "constant", "rate": 2, "start": "action"}}));
    let message = refused(&action, &Overrides::default());
    assert!(message.contains("bench.arrivals.start = \"action\": sessions of the journey"), "{message}");
}

#[test]
fn each_process_has_a_short_and_a_long_form() {
    let of = |bench: Value, overrides: &Overrides| {
        let plan = planned(&simple(bench), overrides);
        plan.scenarios()[0].patterns()[0].arrivals().cloned().expect("an open stage").process
    };
    let cases = [
        ("constant:5", json!({"process": "constant", "rate": 5})),
        ("poisson:5", json!({"process": "poisson", "rate": 5})),
        ("ramp:1-8", json!({"process": "ramp", "rates": [1, 8]})),
        ("bursts:2-16:5s-1s", json!({"process": "bursts", "rates": [2, 16], "mean_stay_s": [5, 1]})),
    ];
    for (short, long) in cases {
        let by_config = of(json!({"arrivals": short}), &Overrides::default());
        assert_eq!(by_config, of(json!({"arrivals": long}), &Overrides::default()), "{short}");
        assert_eq!(
            by_config,
            of(json!({"arrivals": "constant:99"}), &flags(short)),
            "a flag wins over the config"
        );
    }
}

#[test]
fn ramps_are_poisson_and_span_the_pattern_while_constant_is_even() {
    let plan = planned(&simple(json!({"arrivals": "ramp:100-800", "time_scale": 2})), &Overrides::default());
    let ArrivalProcess::Rates { segments, spacing } =
        &plan.scenarios()[1].patterns()[0].arrivals().expect("an open stage").process
    else {
        panic!("a ramp is a curve of rates");
    };
    assert_eq!(*spacing, Spacing::Poisson);
    assert_eq!(
        (segments.len(), segments[0].duration.as_secs_f64()),
        (1, 60.0),
        "the scaled pattern's length"
    );
    assert_eq!((segments[0].from, segments[0].to), (100.0, 800.0), "rates are not scaled");
    let plan = planned(&simple(json!({"arrivals": "constant:5"})), &Overrides::default());
    let process = &plan.scenarios()[0].patterns()[0].arrivals().expect("an open stage").process;
    assert!(matches!(process, ArrivalProcess::Rates { spacing: Spacing::Even, .. }));
}

#[test]
fn stages_follow_the_timeline_and_tell_when_they_do_not_fill_a_pattern() {
    let stages = json!([{"duration_s": 20, "from": 0, "to": 60}, {"duration_s": 40, "from": 60, "to": 60}]);
    let bench =
        json!({"time_scale": 2, "arrivals": {"process": "constant", "stages": stages, "spacing": "poisson"}});
    let plan = planned(&simple(bench), &Overrides::default());
    let [short, long] = [&plan.scenarios()[0].patterns()[0], &plan.scenarios()[1].patterns()[0]];
    assert_eq!(short.mean_arrival_rate(), Some(50.0), "10 s at 30/s and 20 s at 60/s");
    assert_eq!(long.mean_arrival_rate(), Some(55.0), "the last rate is kept for 30 s more");
    let notes: Vec<_> = plan.notes().iter().filter(|note| note.key_path == "bench.arrivals.stages").collect();
    assert_eq!(notes.len(), 1, "only the longer pattern is told about: {notes:?}");
    assert!(notes[0].message.contains("`long` lasts 60.0 s: their last rate is kept"), "{}", notes[0]);
}

#[test]
fn background_traffic_stays_closed_beside_arrivals() {
    let training = json!({
        "rl_training_scenarios": {
            "training_scenarios": {"day": {"max_concurrent_users": 9, "traffic_patterns": [
                {"name": "a", "start_minute": 0, "duration_minutes": 1, "concurrent_users": 5, "scenario_weights": {"browse_weight": 1},
                 "chaos_parameters": {"concurrent_user_variance": 0.5}},
                {"name": "b", "start_minute": 2, "duration_minutes": 1, "concurrent_users": 5, "scenario_weights": {"browse_weight": 1}}]}},
        },
        "bench": {"background_rps": 1}
    });
    let plan = planned(&training, &flags("poisson:1"));
    let patterns = &plan.scenarios()[0].patterns();
    let open: Vec<(&str, bool)> = patterns.iter().map(|p| (p.name(), p.arrivals().is_some())).collect();
    assert_eq!(open, [("a", true), ("b", true), ("background_1", false)]);
    assert_eq!(plan.scenarios()[0].cap(), None);
    for key in ["max_concurrent_users", "concurrent_user_variance"] {
        let told = plan
            .notes()
            .iter()
            .any(|note| note.key_path.ends_with(key) && note.message.contains("--arrivals"));
        assert!(told, "`{key}` means nothing and must be reported: {:?}", plan.notes());
    }
}

#[test]
fn settings_that_contradict_arrivals_are_refused_with_the_way_out() {
    let long = |settings: Value| simple(json!({ "arrivals": settings }));
    let none = Overrides::default();
    for (config, overrides, reason) in [
        (
            simple(json!({})),
            flags("poison:5"),
            "--arrivals poison:5: is not an arrival process; use `constant:500`",
        ),
        (simple(json!({})), flags("ramp:0-0"), "nothing would ever arrive"),
        (simple(json!({})), flags("constant:2000000"), "must be at most 1000000 arrivals per second"),
        (
            simple(json!({})),
            Overrides { users: Some(5), ..flags("poisson:5") },
            "--users 5: arrivals take the place of users",
        ),
        (
            simple(json!({})),
            Overrides { ramp_up: Some(Duration::from_secs(1)), ..flags("poisson:5") },
            "--ramp-up 1: users ramp up",
        ),
        (
            long(json!({"process": "poison", "rate": 5})),
            none.clone(),
            "bench.arrivals.process = \"poison\": must be one of `constant`, `poisson`, `ramp`, `bursts`, `replay` (did you mean `poisson`?)",
        ),
        (long(json!({"rate": 5})), none.clone(), "bench.arrivals.process: missing"),
        (long(json!({"process": "poisson"})), none.clone(), "`poisson` needs `rate`"),
        (
            long(json!({"process": "poisson", "rate": -5})),
            none.clone(),
            "bench.arrivals.rate = -5: must be a number above 0 and at most 1000000",
        ),
        (
            long(json!({"process": "poisson", "rate": 5, "stages": [{"duration_s": 1, "from": 1, "to": 1}]})),
            none.clone(),
            "keep one of them",
        ),
        (
            long(json!({"process": "poisson", "rate": 5, "spacing": "even"})),
            none.clone(),
            "bench.arrivals.spacing = \"even\": contradicts",
        ),
        (
            long(json!({"process": "poisson", "rate": 5, "speed": 2})),
            none.clone(),
            "bench.arrivals.speed = null: applies only to `replay`",
        ),
        (
            long(json!({"process": "bursts", "rates": [1, 2]})),
            none.clone(),
            "bench.arrivals.mean_stay_s = null: missing; it must be two mean stay times",
        ),
        (
            long(json!({"process": "ramp", "rates": [1]})),
            none.clone(),
            "bench.arrivals.rates = [1]: must be a list of exactly 2 numbers",
        ),
        (
            long(json!({"process": "constant", "rate": 1, "strat": "action"})),
            none.clone(),
            "bench.arrivals.strat: unknown key (did you mean `start`?)",
        ),
        (
            simple(json!({"arrivals": 500})),
            none,
            "bench.arrivals = 500: must be text or an object, not a number",
        ),
    ] {
        let message = refused(&config, &overrides);
        assert!(message.contains(reason), "expected {reason:?} in: {message}");
    }
}

#[test]
fn repetitions_may_depend_on_precision_within_a_limit() {
    let bench = json!({"repetitions": 3, "precision": 0.03, "max_repetitions": 20, "margin": 0.02, "warm_up_detection": true});
    let plan = planned(&simple(bench.clone()), &Overrides::default());
    assert_eq!((plan.repetitions(), plan.precision(), plan.max_repetitions()), (3, Some(0.03), 20));
    assert_eq!((plan.margin(), plan.detect_warm_up()), (0.02, true));
    let overrides = Overrides {
        precision: Some(0.1),
        max_repetitions: Some(5),
        margin: Some(0.1),
        warm_up: Some(WarmUp::Fixed(Duration::from_secs(7))),
        ..Overrides::default()
    };
    let flagged = planned(&simple(bench), &overrides);
    assert_eq!(
        (flagged.precision(), flagged.max_repetitions(), flagged.margin()),
        (Some(0.1), 5, 0.1),
        "flags win"
    );
    assert_eq!(flagged.scenarios()[0].scenario().warm_up.as_secs_f64(), 7.0, "as it is, not scaled");
    let plain = planned(&simple(json!({"repetitions": 80})), &Overrides::default());
    assert_eq!(
        (plain.precision(), plain.max_repetitions(), plain.margin()),
        (None, 80, 0.05),
        "never below the repetitions"
    );
    let json = plain.to_json("sha");
    assert_eq!((&json["margin"], &json["max_repetitions"]), (&json!(0.05), &json!(80)));
}

#[test]
fn limits_of_evidence_are_checked_in_config_and_flags() {
    for (bench, reason) in [
        (json!({"precision": 0}), "bench.precision = 0: must be a number from 0.001 to 1"),
        (json!({"margin": 0.6}), "bench.margin = 0.6: must be a number from 0.001 to 0.5"),
        (
            json!({"max_repetitions": 2, "repetitions": 5, "precision": 0.1}),
            "bench.max_repetitions = 2: is below the number of repetitions (5)",
        ),
        (json!({"max_in_flight": 0}), "bench.max_in_flight = 0: must be a whole number from 1 to 100000"),
        (json!({"warm_up_detection": 1}), "bench.warm_up_detection = 1: must be true or false, not a number"),
    ] {
        let message = refused(&simple(bench), &Overrides::default());
        assert!(message.contains(reason), "expected {reason:?} in: {message}");
    }
    let overrides = Overrides {
        precision: Some(f64::INFINITY),
        max_repetitions: Some(0),
        margin: Some(0.0),
        warm_up: Some(WarmUp::Fixed(Duration::from_secs(100_000))),
        speed: Some(0.0),
        ..Overrides::default()
    };
    let message = refused(&simple(json!({})), &overrides);
    for reason in [
        "--precision inf: must be from 0.001 to 1",
        "--max-repetitions 0: must be from 1 to 1000",
        "--margin 0: must be from 0.001 to 0.5",
        "--warm-up 100000: must be from 0 to 86400 seconds",
        "--speed 0: must be from 0.001 to 1000000",
    ] {
        assert!(message.contains(reason), "expected {reason:?} in: {message}");
    }
}

#[test]
fn the_plan_as_json_tells_the_model_of_each_pattern() {
    let plan = planned(&simple(json!({"max_in_flight": 50})), &flags("bursts:2-16:6s-1s"));
    let json = plan.to_json("sha");
    let pattern = &json["scenarios"][0]["patterns"][0];
    assert_eq!((&json["scenarios"][0]["max_in_flight"], &pattern["model"]), (&json!(50), &json!("open")));
    assert_eq!(pattern["arrivals"]["rates"], json!([2.0, 16.0]));
    assert_eq!(pattern["arrivals"]["description"], json!("bursts 2-16/s for 6 s and 1 s"));
    assert_eq!(pattern["arrivals"]["mean_rate"], json!(4.0));
    let closed = planned(&simple(json!({"max_in_flight": 50})), &Overrides::default());
    assert_eq!(closed.to_json("sha")["scenarios"][0]["patterns"][0]["model"], "closed");
    let told = closed.notes().iter().any(|note| note.key_path == "bench.max_in_flight");
    assert!(told, "a limit without arrivals must be reported: {:?}", closed.notes());
}
