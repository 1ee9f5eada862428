//! The learned algorithm in service: started from a file, exchanged under load, watched. The tests hold for
//! any sound policy: nothing here depends on weights.

mod common;

use common::{Backend, Balancer, JSON, Reply, command, config, eventually, get, send};
use lb_core::policy::learned::{Action, FEATURE_SET, Network};
use lb_core::policy::{GuardCounts, PolicyFile};
use lb_core::profile::{BackendProfile, Estimate, FORMAT_VERSION, PoolProfile};
use lb_core::topology::Discipline;
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// A policy whose every score is `bias` above its prior; other biases have other hashes.
fn policy(bias: f32) -> PolicyFile {
    let mut network = Network::zero();
    network.biases.2 = bias;
    PolicyFile::new(network, Action::default())
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).expect("a writable folder");
        path
    }
}

fn learned(backends: &[&Backend], path: &Path, mut more: Value) -> Balancer {
    more["policy_file"] = json!(path);
    Balancer::with_backends("rl", backends, more)
}

fn reload(balancer: &Balancer, body: &str) -> Reply {
    send("POST", &format!("{}/rl/reload", balancer.admin), &JSON, body.as_bytes())
}

fn hash(balancer: &Balancer) -> String {
    let status = balancer.get("/rl/status").json();
    status["policy"]["sha256"].as_str().expect("a policy is loaded").to_owned()
}

fn guards(value: &Value) -> GuardCounts {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{value}: {error}"))
}

/// Files that must be refused, and what is said about each.
fn broken() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let good = policy(0.0).to_bytes();
    let mut renamed = FEATURE_SET.to_owned().into_bytes();
    *renamed.last_mut().expect("a name") = b'?';
    let renamed = String::from_utf8(renamed).expect("ASCII");
    let replace = |from: &str, to: &str| {
        let place = good.windows(from.len()).position(|part| part == from.as_bytes());
        let place = place.unwrap_or_else(|| panic!("`{from}` stands in the file"));
        let mut bytes = good.clone();
        bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    let mut changed = good.clone();
    *changed.last_mut().expect("bytes") ^= 1;
    let mut nan = good.clone();
    let last = nan.len() - 4;
    nan[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    vec![
        ("truncated", good[..good.len() / 2].to_vec(), "not a complete safetensors file"),
        ("empty", Vec::new(), "not a complete safetensors file"),
        ("other features", replace(FEATURE_SET, &renamed), "was trained on feature set"),
        ("other version", replace("2.0.0", "9.0.0"), "format version `9.0.0`"),
        ("changed weights", changed, "SHA-256"),
        ("NaN", nan, "not finite"),
    ]
}

/// More than the thousand picks after which the guard of the minimum share asks a backend at the latest.
const REQUESTS: u64 = 1_100;

#[test]
fn rl_routes_by_the_file_and_tells_what_it_does() {
    let backends = [Backend::fixed("a"), Backend::fixed("b")];
    let folder = Folder::new();
    let path = folder.file("policy.safetensors", &policy(0.0).to_bytes());
    let balancer = learned(&[&backends[0], &backends[1]], &path, json!({}));
    for _ in 0..REQUESTS {
        let reply = get(&balancer.proxy("/api/items/1"));
        assert_eq!(reply.status, 200);
        assert_eq!(reply.field("x-lb-algorithm").as_deref(), Some("rl"));
    }
    // Which of the two was the faster is the machine's matter, but not that the other is asked, too.
    assert!(backends.iter().all(|backend| backend.requests() > 0), "each gets its minimum share");

    let status = balancer.get("/rl/status").json();
    assert_eq!(status["currentStrategy"], "rl-agent");
    assert_eq!(status["rlModelsReady"], true);
    assert_eq!(status["policy"]["sha256"], policy(0.0).sha256);
    assert_eq!(status["policy"]["featureSet"], FEATURE_SET);
    let stats = &status["routingStats"];
    assert_eq!(stats["totalDecisions"], REQUESTS, "each request is a decision: {stats}");
    assert_eq!(stats["fallbackDecisions"], 0, "{stats}");
    let counts = guards(&stats["guards"]);
    assert_eq!(stats["rlDecisions"], REQUESTS - counts.minimum_share, "the rest is the network's");

    let strategies = balancer.get("/rl/strategies").json();
    assert_eq!((&strategies["current"], &strategies["rlModelsReady"]), (&json!("rl-agent"), &json!(true)));
    assert!(strategies["available"].as_array().expect("a list").contains(&json!("rl-agent+ejection")));

    let page = balancer.get("/actuator/prometheus").text();
    let total = |name: &str| -> f64 {
        let lines = page.lines().filter(|line| line.starts_with(name));
        lines.map(|line| line.rsplit(' ').next().expect("a value").parse::<f64>().expect("a number")).sum()
    };
    assert_eq!(total("rl_decisions_total{service=\"pool\""), REQUESTS as f64, "{page}");
    assert_eq!(total("rl_fallback_total{service=\"pool\""), 0.0);
    assert_eq!(total("rl_agent_health"), 1.0);
    assert_eq!(
        total("rl_decision_duration_seconds_count{service=\"pool\"}"),
        (REQUESTS / 64) as f64,
        "every 64th is timed"
    );
    assert!(page.contains(&format!("rl_policy_info{{sha256=\"{}\"}} 1", policy(0.0).sha256)), "{page}");
}

#[test]
fn statistics_begin_anew_when_asked_and_outlive_a_switch() {
    let backend = Backend::fixed("a");
    let folder = Folder::new();
    let path = folder.file("policy.safetensors", &policy(0.0).to_bytes());
    let balancer = learned(&[&backend], &path, json!({}));
    let picks = || balancer.get("/rl/status").json()["routingStats"]["totalDecisions"].clone();
    let ask = |count: usize| (0..count).for_each(|_| assert_eq!(get(&balancer.proxy("/")).status, 200));
    ask(5);
    assert_eq!(balancer.post("/api/benchmark/switch?algorithm=random").status, 200);
    ask(4);
    assert_eq!(picks(), 5, "what rl decided stays known, what others decide is not counted");
    assert_eq!(balancer.post("/rl/reset-stats").status, 400, "rl is not active");
    assert_eq!(balancer.post("/api/benchmark/switch?algorithm=rl").status, 200);
    ask(3);
    assert_eq!(picks(), 8, "a fresh policy goes on counting");
    assert_eq!(balancer.post("/rl/reset-stats").status, 200);
    ask(2);
    assert_eq!(picks(), 2);
    let snapshot = balancer.get("/api/lb/snapshot").json();
    assert_eq!(guards(&snapshot["guards"]).picks, 10, "the snapshot only grows");
}

#[test]
fn another_policy_takes_over_under_load_without_losing_a_request() {
    for more in [json!({}), json!({ "threads": 2, "views": "per-thread" })] {
        let backends = [Backend::slow(Duration::from_millis(2)), Backend::slow(Duration::from_millis(2))];
        let folder = Folder::new();
        let files: Vec<PathBuf> = (0..2_u8)
            .map(|i| folder.file(&format!("{i}.safetensors"), &policy(i.into()).to_bytes()))
            .collect();
        let balancer = learned(&[&backends[0], &backends[1]], &files[0], more);
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let clients: Vec<_> = (0..6)
            .map(|_| {
                let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
                let address = balancer.address();
                thread::spawn(move || {
                    let mut client = common::Client::connect(address);
                    while !stop.load(Ordering::SeqCst) {
                        let reply = client.ask("GET", "/proxy/svc/x", "", b"");
                        assert_eq!(reply.status, 200, "no request is lost: {}", reply.text());
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for round in 0..30 {
            let before = answered.load(Ordering::SeqCst);
            let path = &files[round % 2];
            let reply = reload(&balancer, &json!({ "path": path }).to_string());
            assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("success")), "{}", reply.text());
            assert_eq!(hash(&balancer), policy((round % 2) as f32).sha256, "the new policy decides");
            eventually("traffic goes on", || answered.load(Ordering::SeqCst) > before + 6);
        }
        stop.store(true, Ordering::SeqCst);
        clients.into_iter().for_each(|client| client.join().expect("each request was answered"));
        let answered = answered.load(Ordering::SeqCst);
        let snapshot = balancer.get("/api/lb/snapshot").json();
        let sum = |key: &str| -> u64 {
            let backends = snapshot["pools"][0]["backends"].as_array().expect("a list");
            backends.iter().map(|backend| backend[key].as_u64().expect("a number")).sum()
        };
        assert_eq!(sum("requests") as usize, answered, "each was counted once: {snapshot}");
        assert_eq!((sum("errors"), sum("cancelled"), sum("in_flight")), (0, 0, 0), "{snapshot}");
        assert_eq!(guards(&snapshot["guards"]).picks as usize, answered, "and decided once");
    }
}

#[test]
fn a_bad_file_is_refused_and_the_policy_stays() {
    let backend = Backend::fixed("a");
    let folder = Folder::new();
    let path = folder.file("policy.safetensors", &policy(0.0).to_bytes());
    let balancer = learned(&[&backend], &path, json!({}));
    let before = hash(&balancer);
    for (what, bytes, said) in broken() {
        // In place of the file that was loaded: an export that went wrong.
        std::fs::write(&path, &bytes).expect("a writable folder");
        let reply = reload(&balancer, "");
        assert_eq!(reply.status, 422, "{what}: {}", reply.text());
        let message = reply.json()["message"].as_str().expect("a message").to_owned();
        assert!(message.contains(said), "{what}: `{said}` is missing in {message}");
        assert!(message.ends_with("the policy is unchanged"), "{message}");
        assert_eq!(hash(&balancer), before, "{what}");
        let reply = get(&balancer.proxy("/"));
        assert_eq!((reply.status, reply.field("x-lb-algorithm").as_deref()), (200, Some("rl")), "{what}");
    }
    for (body, said) in [
        (r#"{"path": "nowhere.safetensors"}"#, "failed to read"),
        (r#"{"path": "/dev/zero"}"#, "not a regular file"),
        (r#"{"pfad": "x"}"#, "unknown field `pfad`"),
        ("policy.safetensors", "body must be empty or"),
    ] {
        let reply = reload(&balancer, body);
        assert_eq!(reply.status, 400, "{body}: {}", reply.text());
        assert!(reply.text().contains(said), "{body}: {}", reply.text());
    }
    assert_eq!(hash(&balancer), before);
    std::fs::write(&path, policy(1.0).to_bytes()).expect("a writable folder");
    assert_eq!(reload(&balancer, "").status, 200, "without a path the file is read again");
    assert_eq!(hash(&balancer), policy(1.0).sha256);
}

#[test]
fn a_policy_can_come_after_the_start() {
    let backend = Backend::fixed("a");
    let folder = Folder::new();
    let path = folder.file("policy.safetensors", &policy(0.0).to_bytes());
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    assert_eq!(reload(&balancer, "").status, 400, "there is none to read again");
    let switch = "/api/benchmark/switch?algorithm=rl-agent";
    assert_eq!(balancer.post(switch).status, 400, "and none to run");
    assert_eq!(reload(&balancer, &json!({ "path": path }).to_string()).status, 200);
    assert_eq!(balancer.get("/rl/strategies").json()["current"], "round-robin", "a reload does not route");
    assert_eq!(balancer.post(switch).status, 200);
    assert_eq!(get(&balancer.proxy("/")).field("x-lb-algorithm").as_deref(), Some("rl"));
}

#[test]
fn a_start_without_a_sound_policy_is_refused_with_the_reason() {
    let folder = Folder::new();
    let refused = |policy_file: &str| {
        let config = config("rl", &[], json!({ "policy_file": policy_file }));
        let (mut command, _file) = command(&config.to_string());
        let mut child = command.spawn().expect("the binary starts");
        let status = child.wait().expect("it ends");
        let mut text = String::new();
        child.stderr.take().expect("stderr is piped").read_to_string(&mut text).expect("it is text");
        (status.code(), text)
    };
    for (what, bytes, said) in broken() {
        let path = folder.file("policy.safetensors", &bytes);
        let (code, text) = refused(path.to_str().expect("a plain path"));
        assert_eq!(code, Some(2), "{what}: {text}");
        for part in ["`policy_file`:", "policy.safetensors", said] {
            assert!(text.contains(part), "{what}: `{part}` is missing in {text}");
        }
        assert!(!text.contains("needs a trained policy"), "one fault, one message: {text}");
    }
    let (code, text) = refused("nowhere.safetensors");
    assert_eq!(code, Some(2));
    assert!(text.contains("nowhere.safetensors") && text.contains("No such file"), "{text}");
}

/// A policy that knows one backend.
fn knowing(id: &str) -> PolicyFile {
    let estimate = Estimate { value: 1.0, log_error: 0.1 };
    let backend = BackendProfile {
        id: id.to_owned(),
        speed: estimate,
        workers: 4,
        workers_known: true,
        discipline: Discipline::Fcfs,
    };
    let profile = PoolProfile {
        format_version: FORMAT_VERSION.to_owned(),
        about: String::new(),
        service_ms: estimate,
        backends: vec![backend],
        routes: Vec::new(),
    };
    PolicyFile { profile: Some(profile), ..policy(0.0) }
}

#[test]
fn the_profile_of_another_pool_is_refused_at_start_and_at_reload() {
    let backends = [Backend::fixed("a"), Backend::fixed("b")];
    let folder = Folder::new();
    let own = folder.file("own.safetensors", &knowing("b1").to_bytes());
    let other = folder.file("other.safetensors", &knowing("cart-1").to_bytes());
    let balancer = learned(&[&backends[0], &backends[1]], &own, json!({}));
    assert_eq!(get(&balancer.proxy("/")).status, 200, "one of two backends is known, and the other is new");
    let reply = reload(&balancer, &json!({ "path": other }).to_string());
    assert_eq!(reply.status, 422, "{}", reply.text());
    let parts =
        ["other.safetensors", "it knows `cart-1`", "the pool has `b0`, `b1`", "rl-train calibrate --profile"];
    for part in parts {
        assert!(reply.text().contains(part), "`{part}` is missing in {}", reply.text());
    }
    assert_eq!(get(&balancer.proxy("/")).status, 200, "the running policy stays");

    let config = config("rl", &[&backends[0]], json!({ "policy_file": other }));
    let (mut command, _file) = command(&config.to_string());
    let mut child = command.spawn().expect("the binary starts");
    let status = child.wait().expect("it ends");
    let mut text = String::new();
    child.stderr.take().expect("stderr is piped").read_to_string(&mut text).expect("it is text");
    assert_eq!(status.code(), Some(2), "{text}");
    for part in ["`policy_file`:", "it knows `cart-1`, and the pool has `b0`"] {
        assert!(text.contains(part), "`{part}` is missing in {text}");
    }
}
