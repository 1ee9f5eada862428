//! A browser on the machine of a user: what a page can do to the APIs that steer the load balancer and the mock
//! backends.
//!
//! A real Chromium loads pages that this test serves on loopback, under names that the browser is told to resolve to
//! this machine. A page of a foreign origin, and one whose host name is rebound to the APIs, can neither read nor
//! change anything; the same page from a listed origin can. Without Chromium the tests are reported as
//! ignored, which the standard test harness could not decide at run time; where `BENCH_REQUIRE_LOAD_BALANCERS` is
//! set, they run and fail. `cargo xtask test --install` installs it.

#[path = "../common/chromium.rs"]
mod chromium;
#[path = "../common/mod.rs"]
mod common;

use chromium::request;
use common::{Bench, Process};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

/// A site that may do nothing.
const FOREIGN: &str = "evil.example";
/// A site that both APIs list.
const LISTED: &str = "tools.example";

/// A name that states the rule, and what tests it.
type Test = (&'static str, fn(&Stage));

fn main() {
    let (browser, ignored) = chromium::found_or_ignored();
    let browser = Arc::new(browser);
    let tests: [Test; 3] = [
        ("a_page_of_a_foreign_origin_can_neither_read_nor_change_anything", foreign),
        ("a_page_whose_host_is_rebound_can_neither_read_nor_change_anything", rebound),
        ("the_same_page_from_a_listed_origin_can_and_so_can_a_command_line", listed),
    ];
    let trials = tests.map(|(name, test)| {
        let browser = Arc::clone(&browser);
        let run = move || -> Result<(), Failed> {
            test(&Stage::new(&browser));
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit();
}

/// The load balancer, the mock backends and a browser.
struct Stage {
    browser: PathBuf,
    _bench: Bench,
    admin: String,
    control: String,
    backend: String,
    /// The id of that backend.
    id: String,
    _processes: [Process; 2],
}

impl Stage {
    fn new(browser: &std::path::Path) -> Self {
        let bench = Bench::new();
        let mocks = [
            "__mock-backends",
            "--topology",
            "situation-a",
            "--base-port",
            "0",
            "--control-port",
            "0",
            "--allowed-host",
            LISTED,
            "--exit-with-parent",
        ];
        let (mocks, ready) = Process::start(&bench, &mocks);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let backend = text(&ready["backends"][0]["url"]);
        let config = json!({
            "listen": "127.0.0.1:0",
            "admin_hosts": [LISTED],
            "algorithm": "round-robin",
            "pools": [{ "name": "pool", "services": ["svc"], "backends": [{ "id": "b0", "url": backend }] }],
        });
        let config = bench.config("load-balancer.json", &config);
        let arguments = ["__load-balancer", "--config", &config, "--exit-with-parent"];
        let (balancer, at) = Process::start(&bench, &arguments);
        Self {
            browser: browser.to_owned(),
            _bench: bench,
            admin: text(&at["admin"]),
            control: text(&ready["control"]),
            backend,
            id: text(&ready["backends"][0]["id"]),
            _processes: [balancer, mocks],
        }
    }

    /// Loads a page from `host` that makes these calls. Returns what came of them, in order. Whatever else is asked
    /// of the page's server is passed on to `target`, as if the name were bound to it now.
    fn visit(&self, host: &str, target: &str, attempts: impl FnOnce(&str) -> Value) -> Vec<Value> {
        let origin = chromium::stranger(host, target, attempts);
        let profile = tempfile::tempdir().expect("a folder");
        let output = chromium::command(&self.browser, profile.path(), &[FOREIGN, LISTED])
            .args(["--virtual-time-budget=20000", "--dump-dom", &format!("{origin}/page")])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .expect("the browser runs");
        let dom = String::from_utf8_lossy(&output.stdout);
        let outcome = dom.split_once("<pre id=\"outcome\">").and_then(|(_, rest)| rest.split_once("</pre>"));
        let (outcome, _) = outcome.unwrap_or_else(|| panic!("the page was loaded: {dom}"));
        chromium::outcomes(&outcome.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    }

    /// Everything that a page could have changed.
    fn state(&self) -> Value {
        let read = |url: &str, path: &str| {
            let (status, body) = request("GET", url, path, "");
            assert_eq!(status, 200, "{url}{path}: {body}");
            serde_json::from_str::<Value>(&body).expect("JSON")
        };
        let snapshot = read(&self.admin, "/api/lb/snapshot");
        let backends = read(&self.control, "/backends");
        let up: Vec<&Value> =
            backends["backends"].as_array().expect("a list").iter().map(|backend| &backend["up"]).collect();
        let pool = &snapshot["pools"][0]["backends"];
        json!({
            "algorithm": snapshot["algorithm"],
            "ids": pool.as_array().expect("a list").iter().map(|one| &one["id"]).collect::<Vec<_>>(),
            "draining": pool[0]["draining"],
            "up": up,
            "faults": read(&self.control, "/faults"),
            "degradation": read(&self.backend, "/api/degradation/status"),
        })
    }

    /// Calls that read, then calls that change something, at these addresses of the load balancer and of the control
    /// API.
    fn attempts(&self, admin: &str, control: &str) -> Value {
        let url = |base: &str, path: &str| format!("{base}{path}");
        let instance = json!({ "url": "http://127.0.0.1:1" }).to_string();
        let json_kind = json!({ "content-type": "application/json" });
        let call = |url: String, init: Value| json!({ "way": "call", "url": url, "init": init });
        let post = |url: String, mode: &str| call(url, json!({ "method": "POST", "mode": mode }));
        let instances = url(admin, "/api/services/svc/instances");
        let switch = url(admin, "/api/benchmark/switch?algorithm=random");
        json!([
            call(url(admin, "/api/lb/snapshot"), json!({})),
            call(url(admin, "/actuator/prometheus"), json!({})),
            call(url(control, "/backends"), json!({})),
            call(url(admin, "/api/lb/snapshot"), json!({ "mode": "no-cors" })),
            { "way": "image", "url": url(admin, "/api/lb/snapshot") },
            post(switch.clone(), "no-cors"),
            post(switch, "cors"),
            post(url(admin, "/api/lb/drain?backend=b0"), "no-cors"),
            call(instances.clone(), json!({ "method": "POST", "mode": "no-cors", "body": instance })),
            call(instances.clone(), json!({ "method": "POST", "headers": json_kind, "body": instance })),
            { "way": "form", "url": instances, "enctype": "text/plain", "name": "{\"url\":\"http://127.0.0.1:1\",\"x\":\"", "value": "\"}" },
            post(url(control, &format!("/backends/{}/kill", self.id)), "no-cors"),
            post(url(control, "/reset"), "no-cors"),
            call(url(control, "/faults"), json!({ "method": "POST", "headers": json_kind, "body": "[{\"fault\":\"crash\",\"start_s\":0}]" })),
            { "way": "form", "url": url(control, "/faults/start"), "enctype": "text/plain", "name": "a", "value": "b" },
        ])
    }
}

/// The calls that read and change how a backend is degraded.
fn degradation(backend: &str) -> Value {
    let call =
        |path: &str, init: Value| json!({ "way": "call", "url": format!("{backend}{path}"), "init": init });
    json!([
        call("/api/degradation/status", json!({})),
        call("/api/degradation/errors/start", json!({ "method": "POST" })),
        call("/api/degradation/errors/start", json!({ "method": "POST", "mode": "no-cors" })),
    ])
}

/// What the replies that a page may not read contain.
const SECRETS: [&str; 4] = ["\"pools\"", "lb_proxy", "in_system", "\"status\":{"];

/// Checks that a page has learned nothing.
fn assert_blind(outcomes: &[Value]) {
    for outcome in outcomes {
        let text = outcome.to_string();
        let told = outcome["text"].as_str().unwrap_or_default();
        assert!(!SECRETS.iter().any(|secret| told.contains(secret)), "it read {text}");
        assert!(outcome["status"] != 200 && outcome["status"] != 204, "a call was answered: {text}");
        assert_ne!(outcome, "shown");
    }
}

fn foreign(stage: &Stage) {
    let before = stage.state();
    // Another port of the same machine is another origin, too.
    for host in [FOREIGN, "localhost"] {
        let mut attempts = stage.attempts(&stage.admin, &stage.control);
        let list = attempts.as_array_mut().expect("a list");
        list.extend(degradation(&stage.backend).as_array().into_iter().flatten().cloned());
        assert_blind(&stage.visit(host, &stage.admin, |_| attempts));
        assert_eq!(stage.state(), before, "nothing has changed");
    }
}

fn rebound(stage: &Stage) {
    let before = stage.state();
    for target in [&stage.admin, &stage.control, &stage.backend] {
        // The page's own origin now leads to the API, so that the browser takes both for the same site.
        let outcomes = stage.visit(FOREIGN, target, |own| match *target == stage.backend {
            true => degradation(own),
            false => stage.attempts(own, own),
        });
        assert_blind(&outcomes);
        assert!(
            outcomes.iter().any(|outcome| outcome["status"] == 403),
            "{target} was reached: {outcomes:?}"
        );
        assert_eq!(stage.state(), before, "nothing has changed");
    }
}

fn listed(stage: &Stage) {
    let attempts = json!([
        { "way": "call", "url": format!("{}/api/lb/snapshot", stage.admin), "init": {} },
        { "way": "call", "url": format!("{}/backends", stage.control), "init": {} },
        { "way": "call", "url": format!("{}/api/benchmark/switch?algorithm=random", stage.admin),
          "init": { "method": "POST" } },
        { "way": "call", "url": format!("{}/api/lb/weights", stage.admin),
          "init": { "method": "PUT", "headers": { "content-type": "application/json" }, "body": "{\"b0\": 2}" } },
    ]);
    let outcomes = stage.visit(LISTED, &stage.admin, |_| attempts);
    for (outcome, secret) in outcomes.iter().zip(["\"pools\"", "in_system", "random", "weights"]) {
        let told = outcome["text"].as_str().unwrap_or_default();
        assert!(outcome["status"] == 200 && told.contains(secret), "it may: {outcome}");
    }
    assert_eq!(stage.state()["algorithm"], "random");
    let (status, body) = request("POST", &stage.admin, "/api/benchmark/switch?algorithm=p2c", "");
    assert_eq!(status, 200, "{body}");
    let (status, body) = request("PUT", &stage.admin, "/api/lb/weights", r#"{"b0": 3}"#);
    assert_eq!(status, 200, "{body}");
    assert_eq!(stage.state()["algorithm"], "p2c");
}
