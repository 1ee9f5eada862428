//! Topologies whose requests say what they cost: the bundled ones, those with faults, and journeys that say nothing.

use lb_config::{ConfigError, Overrides, Plan, bundled_files, from_text, load, plan};
use lb_core::service_time::ServiceTime;
use lb_core::topology::{Costs, Topology};
use lb_core::workload::Journey;
use serde_json::{Value, json};

fn bundled(folder: &str, name: &str) -> &'static str {
    let mut files = bundled_files();
    files
        .find(|file| (file.folder, file.name) == (folder, name))
        .unwrap_or_else(|| panic!("{name} is bundled"))
        .text
}

fn topology(name: &str) -> Topology {
    serde_json::from_str(bundled("topologies", name)).expect("a topology")
}

fn spread(time: &ServiceTime) -> f64 {
    match time {
        ServiceTime::LogNormal { sigma, .. } => sigma * sigma,
        other => panic!("{other:?} is not log-normal"),
    }
}

/// The mean, and the variance of the logarithm.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let middle = values.iter().map(|value| value.ln()).sum::<f64>() / count;
    let variance = values.iter().map(|value| (value.ln() - middle).powi(2)).sum::<f64>() / count;
    (values.iter().sum::<f64>() / count, variance)
}

#[test]
fn sized_situations_have_the_sizes_of_the_plain_ones_and_tell_most_of_their_spread() {
    let journey: Journey = serde_json::from_str(bundled("journeys", "telling_get")).expect("a journey");
    let limits = &journey.feeds["limits"];
    for letter in ["b", "d", "f", "g", "h"] {
        let (plain, sized) =
            (topology(&format!("situation-{letter}")), topology(&format!("situation-{letter}-sized")));
        let costs = Costs::new(&sized).expect("it has costs");
        let route = sized.route("", "GET", "/");
        let factor = |limit: &Value| {
            let target = format!("/?limit={limit}");
            f64::from(costs.factor(route, &costs.reader().read(&target, None, |_| None)))
        };
        let factors: Vec<f64> = limits.iter().map(factor).collect();
        let (mean, told) = moments(&factors);
        assert!((mean - 1.0).abs() < 1e-4, "{letter}: the mean cost is {mean}");
        assert_eq!(sized.service_time.mean_ms(), plain.service_time.mean_ms(), "{letter}: so the mean stays");
        let (untold, whole) = (spread(&sized.service_time), spread(&plain.service_time));
        assert!((told + untold - whole).abs() < 0.001, "{letter}: {told} and {untold} make {whole}");
        let share = told / (told + untold);
        assert!((share - 0.81).abs() < 0.005, "{letter}: {share} is told, and its description says 81 %");
        assert!(sized.description.contains("81 %"), "{}", sized.description);
        assert_eq!((&sized.pools, &sized.faults), (&plain.pools, &plain.faults), "{letter}");
    }
}

fn planned(bench: &Value) -> Result<Plan, ConfigError> {
    let config = json!({
        "scenarios": [{"name": "Reads", "duration_minutes": 1, "concurrent_users": 10}],
        "user_profiles": {"client": {"actions": [{"name": "get", "weight": 1}]}},
        "bench": bench
    });
    let loaded = from_text("test.json", &config.to_string()).expect("the config can be read");
    plan(&loaded, &Overrides::default())
}

#[test]
fn faulty_costs_of_a_topology_are_refused_with_key_value_and_rule() {
    let with = |cost: Value| {
        json!({"journey": "single_get", "topology": {
            "name": "t", "pools": [{"name": "p", "backends": [{"id": "a"}]}], "cost": cost,
            "service_time": {"distribution": "constant", "mean_ms": 1}
        }})
    };
    for (cost, expected) in [
        (
            json!({"from": "limit", "law": {"power": {"of": 100}}}),
            "cost.from: `limit` must be `query.NAME`, `path.N` with N from 1 to 255",
        ),
        (
            json!({"from": "query.limit", "law": {"power": {"of": -1}}}),
            "cost.law.power.of: -1 must lie between 0.000000001 and 1000000000000",
        ),
        (json!({"form": "query.limit", "law": {"power": {"of": 1}}}), "cost.form"),
        (json!({"from": "query.limit", "law": {"power": {"off": 1}}}), "off"),
        (json!({"from": "header.cookie", "law": {"power": {"of": 1}}}), "cookie"),
    ] {
        let error = planned(&with(cost)).expect_err("it is refused").to_string();
        assert!(error.contains(expected), "`{expected}` in {error}");
    }
}

#[test]
fn a_cost_that_no_request_says_is_noted() {
    let notes = |journey: &str| {
        let plan = planned(&json!({"journey": journey, "topology": "situation-b-sized"})).expect("a plan");
        plan.notes()
            .iter()
            .filter(|note| note.message.contains("query.limit"))
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let silent = notes("single_get");
    assert_eq!(silent.len(), 1, "{silent:?}");
    assert!(silent[0].contains("no request of the journey `single_get` says"), "{silent:?}");
    assert_eq!(notes("telling_get"), Vec::<String>::new());
}

#[test]
fn the_config_of_telling_requests_plays_a_journey_that_says_what_its_topology_asks_for() {
    let plan =
        plan(&load("telling_requests_config.json").expect("bundled"), &Overrides::default()).expect("a plan");
    let scenario = plan.scenarios()[0].scenario();
    assert_eq!(scenario.topology.name, "situation-b-sized");
    assert!(Costs::new(&scenario.topology).is_some());
    let step = &scenario.workload.steps()[0];
    assert!(step.path.contains("limit="), "{}", step.path);
    assert!(!plan.notes().iter().any(|note| note.message.contains("query.limit")), "{:?}", plan.notes());
}
