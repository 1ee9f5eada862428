//! The main job over real sockets: real load balancer, real backends, as children of `bench`.
//! Assertions are on counts, orders and exit codes; none on how fast anything was.

mod common;

use common::{Bench, algorithm, number, sequences, start, text};
use lb_core::policy::PolicyFile;
use serde_json::{Value, json};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// Addresses that a run's children listened on.
fn addresses(bench: &Bench, out: &str) -> Vec<String> {
    let config = bench.json(&format!("{out}/target/0/load-balancer.json"));
    let pools = config["pools"].as_array().expect("pools");
    pools
        .iter()
        .flat_map(|pool| pool["backends"].as_array().expect("backends"))
        .map(|backend| backend["url"].as_str().expect("a url").trim_start_matches("http://").to_owned())
        .collect()
}

fn assert_nobody_listens(addresses: &[String]) {
    assert!(!addresses.is_empty(), "the run had backends");
    for address in addresses {
        assert!(TcpStream::connect(address).is_err(), "no process is left listening at {address}");
    }
}

#[test]
fn a_run_switches_verifies_measures_and_leaves_no_process() {
    let bench = Bench::new();
    let settings = json!({ "algorithms": ["round-robin", "least-connections", "rl"], "warm_up_s": 0.5, "cool_down_s": 0 });
    let config = bench.config("short.json", &common::config(10, 3.0, &settings));
    let output = bench.run(&["--config", &config, "--out", "out", "--verbose"]);
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(printed.starts_with("load balancer: embedded"), "the first line says what is driven: {printed}");
    for part in ["Throughput (req/s)", "P95 Latency (ms)", "Jain's index", "Slowest requests", "rl: of "] {
        assert!(printed.contains(part), "the report shows `{part}`: {printed}");
    }
    let summary = bench.json("out/summary.json");
    for name in ["round-robin", "least-connections"] {
        let result = algorithm(&summary, name);
        assert!(number(result, "/total_requests") > 0.0, "{name} was measured");
        assert_eq!(number(result, "/error_rate"), 0.0, "{name}: nothing fails on healthy backends");
        let evidence = &result["switch_evidence"][0];
        for layer in ["control_plane", "header", "behaviour"] {
            let verdict = evidence[layer]["verdict"].as_str();
            assert_eq!(verdict, Some("confirmed"), "{name}: {layer}: {}", evidence[layer]["detail"]);
        }
        let stats =
            std::fs::read_to_string(bench.path(&format!("out/locust/test-{name}_stats.csv"))).expect("CSV");
        assert!(stats.starts_with("Type,Name,Request Count,Failure Count,"), "{stats}");
        let total = format!("\r\n,Aggregated,{},", result["total_requests"]);
        assert!(stats.contains(&total), "the CSV counts what the summary counts: {stats}");
        let hlog = std::fs::read_to_string(bench.path(&format!("out/hlog/test-{name}.hlog")))
            .expect("histogram log");
        assert!(hlog.contains(&format!("Tag={name}|ok,")), "{hlog}");
    }
    let rl = algorithm(&summary, "rl");
    let routed: f64 =
        rl["backends"].as_array().expect("backends").iter().map(|b| number(b, "/requests")).sum();
    assert_eq!(number(rl, "/guards/decisions"), routed, "each request of rl was decided once");
    assert_eq!(number(rl, "/guards/fallback_share"), 0.0, "on healthy backends rl decides itself");
    assert_eq!(algorithm(&summary, "round-robin")["guards"], Value::Null, "others have no guards");
    for trial in summary["scenarios"][0]["trials"].as_array().expect("trials") {
        let generator = &trial["generator"];
        assert!(generator["named_right"].as_u64() > Some(0), "replies name the algorithm: {generator}");
        assert_eq!(generator["named_wrong"], 0, "and each the right one: {generator}");
    }
    assert_eq!(summary["policy"]["source"], "bundled");
    let policy = std::fs::read(bench.path("out/target/0/policy.safetensors")).expect("it is handed over");
    assert_eq!(
        PolicyFile::from_bytes(&policy).expect("it is sound").sha256,
        summary["policy"]["sha256"].as_str().expect("a hash"),
        "the results name the policy that was followed"
    );
    assert_nobody_listens(&addresses(&bench, "out"));
}

#[test]
fn balancers_with_private_views_share_the_load_and_are_recorded() {
    let bench = Bench::new();
    let settings = json!({
        "algorithms": ["least-connections", "rl"], "balancers": 2, "warm_up_s": 0, "cool_down_s": 0
    });
    let config = bench.config("two.json", &common::config(12, 2.0, &settings));
    for engine in ["live", "sim"] {
        let summary = bench.summary(engine, &["--config", &config, "--engine", engine]);
        assert_eq!(summary["balancers"], 2, "{engine}: the record says so");
        for name in ["least-connections", "rl"] {
            let result = algorithm(&summary, name);
            assert!(number(result, "/total_requests") > 0.0, "{engine}: {name} was measured");
            assert_eq!(number(result, "/error_rate"), 0.0, "{engine}: {name}");
        }
        assert_eq!(
            number(algorithm(&summary, "rl"), "/guards/decisions"),
            number(algorithm(&summary, "rl"), "/total_requests"),
            "{engine}: decisions of all balancers are summed up"
        );
        if engine == "live" {
            let least = algorithm(&summary, "least-connections");
            let evidence = &least["switch_evidence"][0];
            assert_eq!(
                evidence["behaviour"]["verdict"], "not_tested",
                "held requests are hidden: {evidence}"
            );
            let config = bench.json("live/target/0/load-balancer.json");
            assert_eq!((&config["threads"], &config["views"]), (&json!(2), &json!("per-thread")));
        }
    }
}

#[test]
fn users_do_the_same_live_and_simulated_under_every_algorithm() {
    let bench = Bench::new();
    let settings =
        json!({ "algorithms": ["round-robin", "peak-ewma"], "warm_up_s": 0, "cool_down_s": 0, "seed": 5 });
    let config = bench.config("short.json", &common::config(8, 3.0, &settings));
    let live = bench.summary("live", &["--config", &config, "--record-actions"]);
    let sim = bench.summary("sim", &["--config", &config, "--record-actions", "--engine", "sim"]);
    assert_eq!(live["schedule_sha256"], sim["schedule_sha256"], "one seed, one schedule");
    let of =
        |run: &str, name: &str| sequences(&bench.path(&format!("{run}/trials/test-{name}-0-actions.csv")));
    let reference = of("sim", "round-robin");
    assert!(reference.iter().any(|user| user.len() > 5), "users do something: {reference:?}");
    for (run, name) in [("sim", "peak-ewma"), ("live", "round-robin"), ("live", "peak-ewma")] {
        for (user, (mine, theirs)) in reference.iter().zip(of(run, name)).enumerate() {
            let common = mine.len().min(theirs.len());
            assert_eq!(mine[..common], theirs[..common], "user {user} does the same {run} under {name}");
        }
    }
}

#[test]
fn a_backend_that_dies_costs_what_was_in_flight_on_it_and_shows() {
    let bench = Bench::new();
    let users = 16;
    let faults = json!([{ "fault": "crash", "backends": ["shop-1"], "start_s": 1.5 }]);
    let settings =
        json!({ "algorithms": ["least-connections"], "faults": faults, "warm_up_s": 0, "cool_down_s": 0 });
    let config = bench.config("crash.json", &common::config(users, 4.0, &settings));
    let summary = bench.summary("out", &["--config", &config]);
    let result = algorithm(&summary, "least-connections");
    let errors = number(result, "/total_requests") * number(result, "/error_rate");
    assert!(
        errors <= f64::from(users),
        "each user loses at most what it had in flight: {}",
        result["outcomes"]
    );
    let dead = &result["backends"][0];
    assert_eq!(dead["id"], "shop-1");
    let shares: Vec<f64> =
        result["backends"].as_array().expect("backends").iter().map(|b| number(b, "/share")).collect();
    // The first four machines are alike; a hundred requests leave single shares too noisy to compare.
    let alike = (shares[1] + shares[2] + shares[3]) / 3.0;
    assert!(shares[0] < alike, "its share shows that it was gone: {shares:?}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_complete_trials_and_leaves_no_process() {
    let bench = Bench::new();
    let settings =
        json!({ "algorithms": ["random", "p2c"], "warm_up_s": 0, "cool_down_s": 0, "repetitions": 50 });
    let config = bench.config("long.json", &common::config(4, 2.0, &settings));
    let (mut child, mut lines) = start(&bench, &["--config", &config, "--out", "out"]);
    let complete = lines.find(|line| line.contains("(block 1)")).expect("a trial is completed");
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal can be sent");
    lines.for_each(drop);
    let status = child.wait().expect("bench ends");
    assert_eq!(status.code(), Some(130), "interrupted, partial results kept");
    let summary = bench.json("out/summary.json");
    assert_eq!(summary["interrupted"], Value::Bool(true));
    let name = complete.split(' ').next().expect("the algorithm's name");
    assert!(number(algorithm(&summary, name), "/trials") >= 1.0, "the complete trial is summed up");
    assert_nobody_listens(&addresses(&bench, "out"));
}

#[cfg(unix)]
#[test]
fn children_end_even_when_bench_is_killed() {
    let bench = Bench::new();
    let settings = json!({ "algorithms": ["random"], "warm_up_s": 0, "repetitions": 50 });
    let config = bench.config("long.json", &common::config(4, 2.0, &settings));
    let (mut child, mut lines) = start(&bench, &["--config", &config, "--out", "out"]);
    lines.find(|line| line.contains("(block 1)")).expect("a trial is completed");
    child.kill().expect("bench can be killed");
    child.wait().expect("bench ends");
    let addresses = addresses(&bench, "out");
    // Children see the end of their standard input when the kernel gets to it; nothing is asserted on
    // how soon, only that it happens while this test is patient.
    let gone = || addresses.iter().all(|address| TcpStream::connect(address).is_err());
    let patience = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        gone()
    });
    assert!(patience, "no child outlives bench");
}

#[cfg(target_os = "linux")]
#[test]
fn a_generator_that_shares_its_cpu_with_a_busy_loop_is_not_believed() {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    use std::sync::atomic::{AtomicBool, Ordering};

    let bench = Bench::new();
    let settings = json!({ "algorithms": ["random"], "warm_up_s": 0, "cool_down_s": 0 });
    let config = bench.config("starved.json", &common::config(4, 2.0, &settings));
    let allowed = sched_getaffinity(None).expect("the CPUs of this process");
    let cpu = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)).expect("a CPU");
    let rested = AtomicBool::new(false);
    let output = std::thread::scope(|scope| {
        // A thread of its own, because what it starts inherits its only CPU, and other tests need theirs.
        let pinned = scope.spawn(|| {
            let mut one = CpuSet::new();
            one.set(cpu);
            sched_setaffinity(None, &one).expect("a CPU can be chosen");
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    while !rested.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
                // Not as other tests start it: this one is about the busy machine.
                let output = Command::new(env!("CARGO_BIN_EXE_bench"))
                    .args(["--config", &config, "--out", "out"])
                    .current_dir(bench.dir.path())
                    .stdin(Stdio::null())
                    .output();
                rested.store(true, Ordering::Relaxed);
                output.expect("bench can be started")
            })
        });
        pinned.join().expect("the thread ends")
    });
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "too few trials are valid: {said}");
    assert!(said.contains("too few trials"), "{said}");
    let summary = bench.json("out/summary.json");
    let trials = summary["scenarios"][0]["trials"].as_array().expect("trials");
    assert_eq!(trials.len(), 2, "an invalid trial is repeated once, and both are listed");
    for trial in trials {
        let problems = trial["problems"].to_string();
        assert!(problems.contains("CPUs of the generator were saturated"), "the reason is given: {problems}");
    }
}

#[test]
fn doctor_finds_everything_in_order_and_names_what_is_not() {
    let bench = Bench::new();
    let config = bench.config("fine.json", &common::config(2, 2.0, &json!({})));
    let output = bench.run(&["doctor", "--config", &config]);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stdout).contains("all checks passed"));

    let journey = json!({
        "name": "broken", "actions": { "look": { "weight": 1, "steps": [
            { "name": "look", "service": "inventory-service", "path": "/api/no/such/thing" }
        ]}}
    });
    let mut config = common::config(2, 2.0, &json!({ "journey": journey }));
    config["user_profiles"]["shopper"]["actions"] = json!([{ "name": "look", "weight": 1 }]);
    config["scenarios"][0].as_object_mut().expect("a scenario").remove("traffic_mix");
    let config = bench.config("broken.json", &config);
    let output = bench.run(&["doctor", "--config", &config]);
    assert_eq!(output.status.code(), Some(3), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stdout).contains("FAIL  GET look never succeeded"), "{}", text(&output.stdout));
}

#[test]
fn a_shop_with_cookies_and_redirects_keeps_carts_with_their_users() {
    let bench = Bench::new();
    let config = json!({
        "scenarios": [{
            "name": "shop", "duration_minutes": 0.08, "concurrent_users": 12, "ramp_up_time_seconds": 0
        }],
        "bench": {
            "journey": "online_boutique", "topology": "online-boutique", "think_time_s": [0.01, 0.04],
            "actions_per_session": [20, 40], "algorithms": ["round-robin", "consistent-hash"], "warm_up_s": 0,
            "cool_down_s": 0
        }
    });
    let config = bench.config("boutique.json", &config);
    let summary = bench.summary("out", &["--config", &config, "--no-oracles"]);
    for name in ["round-robin", "consistent-hash"] {
        let result = algorithm(&summary, name);
        // The checks of the journey demand that a cart page names the user's own session and the product just added.
        assert_eq!(number(result, "/error_rate"), 0.0, "{name}: {}", result["outcomes"]);
        let actions = result["actions"].as_array().expect("rows");
        for row in ["add_to_cart (redirect)", "view_cart", "check_out", "log_out (redirect)"] {
            let sent =
                actions.iter().any(|action| action["name"] == row && number(action, "/requests") > 0.0);
            assert!(sent, "{name}: {row} was sent: {actions:?}");
        }
        let served = result["backends"].as_array().expect("backends").iter();
        assert!(
            served.filter(|backend| number(backend, "/share") > 0.0).count() > 1,
            "{name}: several replicas"
        );
    }
    let notes = summary["notes"].as_array().expect("notes");
    let pinning =
        notes.iter().filter_map(Value::as_str).find(|note| note.contains("users are kept where they are"));
    assert_eq!(pinning, None, "hashing keeps users because it is meant to, and round-robin does not");
}
