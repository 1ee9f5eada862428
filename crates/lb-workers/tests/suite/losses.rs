//! Workers, leaders and servers that go away in the middle of a run.

use crate::place::{Place, wait_for_trial};
use serde_json::Value;
use std::time::Duration;

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("a_worker_that_is_killed_is_named_and_its_trial_repeated", worker_killed),
    ("a_server_that_comes_back_soon_costs_nothing", server_restarted),
    ("when_the_server_is_killed_the_run_ends_and_keeps_complete_trials", server_killed),
];

/// What was recorded of each trial.
fn trials(place: &Place) -> Vec<Value> {
    let files = std::fs::read_dir(place.path("out/trials")).expect("a folder");
    let names = files.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names
        .filter(|name| name.ends_with(".json"))
        .map(|name| place.json(&format!("out/trials/{name}")))
        .collect()
}

fn worker_killed() {
    let place = Place::new();
    let mut workers = place.workers(2);
    let run = place.start(&place.lead("2", "out", &["--events", "events"]));
    wait_for_trial(&place, "events", "trial 2 of 2", 1.0);
    workers[1].kill();
    let (code, said) = run.wait();
    assert_eq!(code, Some(0), "{said}");
    let trials = trials(&place);
    let lost: Vec<String> = trials
        .iter()
        .flat_map(|trial| trial["problems"].as_array().expect("a list").clone())
        .map(|problem| problem.as_str().expect("a text").to_owned())
        .collect();
    assert_eq!(lost.len(), 1, "one trial lost a worker: {lost:?}");
    for part in
        ["worker w2 was lost", "it has said nothing for", "50 % of the load, users and arrivals 1, 3, 5"]
    {
        assert!(lost[0].contains(part), "`{part}` in {lost:?}");
    }
    let repeated = trials.iter().find(|trial| trial["attempt"] == 1).expect("it is repeated");
    assert_eq!(repeated["workers"].as_array().map(Vec::len), Some(1), "by the worker that is left");
    assert_eq!(repeated["problems"].as_array().map(Vec::len), Some(0));
}

fn server_restarted() {
    let mut place = Place::new();
    let _workers = place.workers(2);
    let run = place.start(&place.lead("2", "out", &["--events", "events"]));
    wait_for_trial(&place, "events", "trial 1 of 2", 1.0);
    place.server.kill();
    // Longer than a worker may be silent, and shorter than the server may be away.
    std::thread::sleep(Duration::from_secs(6));
    place.server.restart();
    let (code, said) = run.wait();
    assert_eq!(code, Some(0), "{said}");
    let summary = place.json("out/summary.json");
    let algorithms = summary["scenarios"][0]["algorithms"].as_array().expect("a list");
    assert_eq!(algorithms.len(), 2, "{summary:#}");
    for trial in trials(&place) {
        assert_eq!(trial["problems"].as_array().map(Vec::len), Some(0), "{}", trial["problems"]);
        assert_eq!(trial["attempt"], 0, "nothing was repeated");
        assert_eq!(trial["workers"].as_array().map(Vec::len), Some(2));
    }
}

fn server_killed() {
    let mut place = Place::new();
    let workers = place.workers(2);
    let run = place.start(&place.lead("2", "out", &["--events", "events"]));
    wait_for_trial(&place, "events", "trial 2 of 2", 1.0);
    place.server.kill();
    let (code, said) = run.wait();
    assert_eq!(code, Some(5), "{said}");
    for part in ["the NATS server", "has been away for 10 s", "the trials before this are kept"] {
        assert!(said.contains(part), "`{part}` in {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    let summary = place.json("out/summary.json");
    let algorithms = summary["scenarios"][0]["algorithms"].as_array().expect("a list");
    assert_eq!(algorithms.len(), 1, "the complete trial is kept: {summary:#}");
    for worker in workers {
        let (code, said) = worker.wait();
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("has been away for 20 s; the worker ends"), "{said}");
    }
}
