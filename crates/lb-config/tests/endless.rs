//! Load without end: what says so, and what it excludes.

use lb_config::{ConfigError, Engine, Length, Overrides, Plan, from_text, plan};
use serde_json::{Value, json};
use std::time::Duration;

fn planned(bench: &Value, flags: &Overrides) -> Result<Plan, ConfigError> {
    let config = json!({
        "scenarios": [{ "name": "Reads", "duration_minutes": 2, "concurrent_users": 20, "traffic_mix": { "browse_and_search": 1 } }],
        "bench": bench
    });
    plan(&from_text("reads.json", &config.to_string())?, flags)
}

fn forever() -> Overrides {
    Overrides { duration: Some(Length::Forever), ..Overrides::default() }
}

fn refused(bench: &Value, flags: &Overrides) -> String {
    planned(bench, flags).expect_err("it must be refused").to_string()
}

#[test]
fn a_flag_or_the_config_says_that_a_load_has_no_end() {
    let plan = planned(&json!({}), &forever()).expect("a sound plan");
    assert!(plan.is_endless());
    assert_eq!(plan.scenarios()[0].scenario().duration.as_secs_f64(), 120.0, "its timeline is the config's");
    assert!(
        planned(&json!({ "duration": "forever" }), &Overrides::default()).is_ok_and(|plan| plan.is_endless())
    );

    let short = planned(&json!({ "duration": "30s" }), &Overrides::default()).expect("a sound plan");
    assert_eq!((short.is_endless(), short.scenarios()[0].scenario().duration.as_secs_f64()), (false, 30.0));
    let flags = Overrides { duration: Some(Duration::from_secs(10).into()), ..Overrides::default() };
    let flagged = planned(&json!({ "duration": "forever" }), &flags).expect("a sound plan");
    assert!(!flagged.is_endless(), "the flag wins");
}

#[test]
fn an_algorithm_is_switched_to_only_if_exactly_one_is_named() {
    let plan = planned(&json!({}), &forever()).expect("a sound plan");
    assert_eq!(plan.switch_once(), None, "the defaults name several");
    let flags = Overrides { algorithms: Some(vec!["least-connections".to_owned()]), ..forever() };
    let plan = planned(&json!({}), &flags).expect("a sound plan");
    assert_eq!(plan.switch_once().map(|one| one.to_string()).as_deref(), Some("least-connections"));
    let names = ["round-robin", "random"].map(str::to_owned).to_vec();
    let message = refused(&json!({}), &Overrides { algorithms: Some(names), ..forever() });
    assert!(
        message.contains("--algorithms round-robin,random: a load without end runs one algorithm"),
        "{message}"
    );
}

#[test]
fn what_needs_an_end_is_refused_with_the_way_out() {
    let message = refused(&json!({}), &Overrides { engine: Some(Engine::Sim), ..forever() });
    assert!(message.contains("--duration forever: a simulation") && message.contains("`10m`"), "{message}");
    let message = refused(&json!({ "duration": "soon" }), &Overrides::default());
    assert!(message.contains("bench.duration = \"soon\": `soon` is not a duration"), "{message}");
    let message = refused(&json!({ "duration": "0s" }), &Overrides::default());
    assert!(message.contains("bench.duration") && message.contains("or `forever`"), "{message}");
    let compared = Some(["nginx", "haproxy"].map(str::to_owned).to_vec());
    let message = refused(&json!({}), &Overrides { compare_load_balancers: compared, ..forever() });
    assert!(message.contains("--compare-load-balancers nginx,haproxy: a load without end"), "{message}");
}

#[test]
fn what_has_no_effect_is_said() {
    let bench = json!({ "precision": 0.1, "thresholds": { "http_req_failed": ["rate<0.1"] } });
    let plan = planned(&bench, &forever()).expect("a sound plan");
    let notes: Vec<String> = plan.notes().iter().map(ToString::to_string).collect();
    assert!(notes.iter().any(|note| note.contains("thresholds are not judged")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("is not repeated")), "{notes:?}");
}
