//! A workload that is written and read makes the same schedule, which its hash shows.

use crate::support::*;
use lb_core::workload::{
    ArrivalProcess, ArrivalStart, Arrivals, Journey, RateSegment, Replay, ReplayRequest, Schedule, Spacing,
    Stage, Workload,
};
use lb_core::{Seed, Span};
use serde_json::json;
use std::sync::Arc;

fn sha256(workload: Workload) -> String {
    Schedule::new(Arc::new(workload), Seed(11)).sha256().to_owned()
}

/// Writes and reads a workload, and compares the schedules of both.
fn comes_back(what: &str, workload: Workload) {
    let text = serde_json::to_string(&workload).expect("plain data");
    let read: Workload = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(serde_json::to_string(&read).expect("plain data"), text, "{what}");
    assert_eq!(sha256(read), sha256(workload), "{what}");
}

fn open(process: ArrivalProcess, start: ArrivalStart) -> Stage {
    Stage { arrivals: Some(Arrivals { process, start }), ..stage("open", 0, 20) }
}

fn ramp() -> ArrivalProcess {
    let segments = vec![RateSegment { duration: Span::from_secs(10), from: 0.1, to: 17.3 }];
    ArrivalProcess::Rates { segments, spacing: Spacing::Poisson }
}

#[test]
fn a_workload_comes_back_with_its_schedule() {
    let mut shop = Setup::ecommerce().with_errors(0.03);
    shop.classes[0].actions = shop.journey.actions.keys().map(|name| (name.clone(), 0.7)).collect();
    shop.stages[0].user_variance = 0.3;
    shop.stages[0].ramp_up = Span::from_secs(7);
    shop.stages.push(open(ramp(), ArrivalStart::Session));
    let bursts = ArrivalProcess::Bursts { rates: [3.0, 40.0], mean_stay_s: [2.5, 0.3] };
    shop.stages.push(open(bursts, ArrivalStart::Session));
    let workload = shop.workload().unwrap_or_else(|problems| panic!("{problems:#?}"));
    comes_back("a shop", workload.clone());
    comes_back("its warm-up", workload.warm_up(Span::from_millis(1_500)));
    comes_back("its load at a rate", workload.at_rate(12.5, Span::from_secs(3), 700).expect("no recording"));
    comes_back("its load without end", workload.endless(90));
}

#[test]
fn a_recording_comes_back_byte_for_byte() {
    let request = |at_ms: u64, path: &str| ReplayRequest {
        at: Span::from_millis(at_ms),
        action: format!("GET {}", path.split('?').next().unwrap_or_default()),
        path: path.to_owned(),
        client: (at_ms > 10).then(|| "10.0.0.7".to_owned()),
        host: (at_ms > 20).then(|| "shop.example".to_owned()),
        headers: vec![("X-A".to_owned(), "\u{e9}\"".to_owned())],
        body: vec![0, 255, 34],
        expected: vec![200, 404],
    };
    let replay: Replay = [request(1, "/a"), request(15, "/b?c=d"), request(900, "/a")].into_iter().collect();
    let process = ArrivalProcess::Replay(Arc::new(replay.clone()));
    let setup = Setup {
        journey: Journey::for_replay(&replay),
        stages: vec![Stage { ..open(process, ArrivalStart::Action) }],
        ..Setup::ecommerce()
    };
    let mut setup = Setup { errors: [].into(), ..setup };
    setup.classes[0].actions = [].into();
    let workload = setup.workload().unwrap_or_else(|problems| panic!("{problems:#?}"));
    comes_back("a recording", workload.clone());
    comes_back("its warm-up", workload.warm_up(Span::from_millis(500)));
}

#[test]
fn what_is_no_workload_is_refused_with_the_reason() {
    let workload = Setup::ecommerce().with_errors(0.03).workload().expect("a workload");
    let good = serde_json::to_value(&workload).expect("plain data");
    assert!(serde_json::from_value::<Workload>(good.clone()).is_ok());
    for (path, value, part) in [
        ("/source/journey/actions", json!({}), "actions"),
        ("/source/errors", json!({"nothing": 2.0}), "nothing"),
        ("/source/identities", json!(0), "identities"),
        ("/identities", json!(1), "derived"),
        ("/stages", json!([]), "derived"),
        ("/definition", json!(3), "string"),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).unwrap_or_else(|| panic!("{path}")) = value;
        let error = serde_json::from_value::<Workload>(bad).expect_err(path).to_string();
        assert!(error.contains(part), "{path}: {error}");
    }
}
