//! However many workers play a load, it is the same load.

use crate::place::{Place, RUN, text};
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) const TESTS: &[(&str, fn())] = &[("however_many_workers_play_a_load_it_is_the_same", many)];

/// What a run sent: the hash of its schedule, and the requests of each user.
struct Sent {
    sha256: String,
    requests: f64,
    users: BTreeMap<String, Vec<String>>,
    workers: Vec<Value>,
}

impl Sent {
    fn read(place: &Place, out: &str) -> Self {
        let summary = place.json(&format!("{out}/summary.json"));
        let trials = place.path(&format!("{out}/trials"));
        let names: Vec<String> = std::fs::read_dir(trials)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with("test-round-robin-0"))
            .collect();
        let one = |ending: &str| {
            let name = names.iter().find(|name| name.ends_with(ending));
            format!("{out}/trials/{}", name.unwrap_or_else(|| panic!("{ending} is among {names:?}")))
        };
        let actions = std::fs::read_to_string(place.path(&one("actions.csv"))).expect("a file");
        let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in actions.lines().skip(1) {
            let mut fields = line.split(',');
            let user = fields.next().expect("a user").to_owned();
            users.entry(user).or_default().push(fields.nth(1).expect("a request").to_owned());
        }
        let trial = place.json(&one("round-robin-0.json"));
        Self {
            sha256: summary["schedule_sha256"].as_str().expect("a hash").to_owned(),
            requests: trial["result"]["total_requests"].as_f64().expect("a number"),
            users,
            workers: trial["workers"].as_array().expect("a list").clone(),
        }
    }
}

fn many() {
    let place = Place::new();
    let mut workers = place.workers(4);
    let alone = place.run(&[&RUN[..], &["--out", "alone"]].concat());
    assert!(alone.status.success(), "{}", text(&alone.stderr));
    let alone = Sent::read(&place, "alone");
    assert!(alone.workers.is_empty() && alone.users.len() > 40);
    for count in [4_usize, 2, 1] {
        // Those that are not needed leave.
        workers.truncate(count);
        let (out, expect) = (format!("out-{count}"), count.to_string());
        let led = place.run(&place.lead(&expect, &out, &[]));
        assert!(led.status.success(), "{count} workers: {}", text(&led.stderr));
        let sent = Sent::read(&place, &out);
        assert_eq!(sent.sha256, alone.sha256, "{count} workers");
        assert_eq!(sent.workers.len(), count);
        let counted: f64 =
            sent.workers.iter().map(|worker| worker["requests"].as_f64().expect("a number")).sum();
        assert_eq!(counted, sent.requests, "what each worker sent adds up");
        for worker in &sent.workers {
            assert_eq!(worker["of"].as_u64(), Some(count as u64));
            assert!(
                worker["start_skew_ms"].as_f64().is_some_and(|skew| skew > -1.0),
                "never early: {worker}"
            );
            assert!(worker["clock_error_ms"].as_f64().is_some_and(|error| error >= 0.0));
        }
        assert_eq!(
            sent.users.keys().collect::<Vec<_>>(),
            alone.users.keys().collect::<Vec<_>>(),
            "the same users with {count} workers"
        );
        for (user, requests) in &sent.users {
            // The end of the phase cuts some short.
            let shared = requests.len().min(alone.users[user].len());
            assert_eq!(requests[..shared], alone.users[user][..shared], "user {user} with {count} workers");
        }
    }
}
