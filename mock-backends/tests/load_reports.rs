//! Backends that report their load, as load balancers see it.

mod support;

use lb_core::policy::LoadReport;
use lb_core::reports::orca;
use lb_core::topology::Topology;
use mock_backends::{Config, Mocks};
use support::{Client, FAST, SLOW, get, post, topology, wait_for};

const PROBE: &str = "/actuator/load";

fn start(load_reports: bool) -> Mocks {
    let topology: Topology = serde_json::from_value(topology()).expect("the topology is valid");
    Mocks::start(Config { load_reports, ..Config::new(topology) }).expect("free ports can be had")
}

fn url(mocks: &Mocks, index: usize) -> &str {
    &mocks.announcement().backends[index].url
}

/// What a reply reports.
fn report(reply: &support::Reply) -> LoadReport {
    let text = reply.header(orca::FIELD).expect("the reply carries a report");
    let parsed = orca::parse(text.as_bytes()).expect("it can be read");
    assert_eq!(parsed.ignored, 0, "{text}");
    parsed.report
}

#[test]
fn without_the_flag_nothing_is_reported() {
    let mocks = start(false);
    assert_eq!(get(url(&mocks, 0), FAST).header(orca::FIELD), None);
    assert_eq!(get(url(&mocks, 0), PROBE).status, 404, "a path like any other");
}

#[test]
fn a_reply_reports_what_the_backend_holds_besides() {
    let mocks = start(true);
    let idle = report(&get(url(&mocks, 0), FAST));
    assert_eq!((idle.in_flight, idle.utilisation), (Some(0), Some(0.0)), "the request itself is over");
    let mut held = Client::connect(url(&mocks, 0)).expect("the backend listens");
    held.send("GET", SLOW, "", "").expect("it reads");
    wait_for(&mocks, "b1", "a request is in service", |state| state["in_system"] == 1);
    // One worker is busy and one place is free; a third request is refused.
    let mut waiting = Client::connect(url(&mocks, 0)).expect("the backend listens");
    waiting.send("GET", FAST, "", "").expect("it reads");
    wait_for(&mocks, "b1", "a request waits", |state| state["in_system"] == 2);
    let refused = get(url(&mocks, 0), FAST);
    assert_eq!(refused.status, 503);
    let busy = report(&refused);
    assert_eq!((busy.in_flight, busy.utilisation), (Some(2), Some(2.0)));
    assert_eq!(report(&get(url(&mocks, 1), FAST)).in_flight, Some(0), "the other backend has nothing");
}

#[test]
fn a_probe_waits_for_no_worker_and_counts_as_no_request() {
    let mocks = start(true);
    for _ in 0..20 {
        get(url(&mocks, 0), FAST);
    }
    let mut held = Client::connect(url(&mocks, 0)).expect("the backend listens");
    held.send("GET", SLOW, "", "").expect("it reads");
    let before = wait_for(&mocks, "b1", "a request is in service", |state| state["in_system"] == 1);
    let answer = get(url(&mocks, 0), PROBE);
    assert_eq!(answer.status, 204);
    let told = report(&answer);
    assert_eq!(told.in_flight, Some(1));
    let latency = told.latency.expect("twenty requests were served").as_millis_f64();
    assert!((0.0..1_000.0).contains(&latency), "{latency} ms: as long as they took, and not a minute");
    let after = support::state(&mocks, "b1");
    assert_eq!(before["counts"]["requests"], after["counts"]["requests"]);
    let below = get(url(&mocks, 0), "/inventory-service/actuator/load");
    assert_eq!(below.status, 204, "below a service, too");
}

#[test]
fn a_reset_forgets_what_was_served() {
    let mocks = start(true);
    get(url(&mocks, 0), FAST);
    assert!(report(&get(url(&mocks, 0), PROBE)).latency.is_some());
    post(&mocks.announcement().control, "/reset", "");
    let fresh = report(&get(url(&mocks, 0), PROBE));
    assert_eq!((fresh.in_flight, fresh.latency), (Some(0), None));
}

#[test]
fn a_frozen_backend_answers_probes_when_it_has_thawed() {
    let mocks = start(true);
    let freeze = r#"{"fault": "freeze", "backends": ["b1"], "duration_s": 0.3}"#;
    assert_eq!(post(&mocks.announcement().control, "/faults/add", freeze).status, 200);
    let begin = std::time::Instant::now();
    assert_eq!(get(url(&mocks, 0), PROBE).status, 204);
    assert!(begin.elapsed().as_millis() >= 200, "it answered after {:?}", begin.elapsed());
}
