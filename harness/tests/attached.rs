//! Load balancers that `bench` did not start: it only drives those that are named, restores what it changed,
//! and notices immediately when there is nothing left to drive.

mod common;

use common::{Bench, Running, follow, pair, signal, start, text};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;

/// Returns the config of a short run of one algorithm.
fn short(bench: &Bench, base_url: &str) -> String {
    let settings = json!({ "algorithms": ["round-robin"], "warm_up_s": 0, "cool_down_s": 0 });
    let mut config = common::config(4, 1.0, &settings);
    config["base_url"] = base_url.into();
    bench.config("short.json", &config)
}

/// Returns the config of a ten-minute trial, which no test waits for.
fn long(bench: &Bench) -> String {
    let settings = json!({ "algorithms": ["round-robin"], "warm_up_s": 0, "cool_down_s": 0 });
    bench.config("long.json", &common::config(4, 600.0, &settings))
}

/// Returns the events of a run, without progress.
fn events(bench: &Bench) -> Vec<Value> {
    let text = std::fs::read_to_string(bench.path("events.jsonl")).expect("the event file");
    let events = text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON"));
    events.filter(|event: &Value| event["event"] != "pulse").collect()
}

fn is_measuring(event: &Value) -> bool {
    event["event"] == "pulse" && event["phase"] == "measure"
}

#[test]
fn the_base_url_of_a_config_of_the_users_own_is_driven() {
    let bench = Bench::new();
    let running = Running::start(&bench, &pair(&bench));
    let config = short(&bench, &running.entry());
    let output = bench.run(&["--config", &config, "--out", "out"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let first = format!("load balancer: {} (the base_url of your config)", running.entry());
    assert!(printed.starts_with(&first), "{printed}");
    let counters = running.call("GET", "/api/lb/snapshot");
    let sent = counters["pools"][0]["backends"].as_array().expect("backends");
    assert!(sent.iter().all(|backend| backend["requests"] != 0), "requests went there: {counters}");
    let output = bench.run(&["plan", "--config", &config]);
    let planned = text(&output.stdout);
    assert!(planned.contains("the one at the config's base_url"), "the plan says so too: {planned}");
}

#[test]
fn a_named_load_balancer_goes_before_the_base_url_of_a_config() {
    let bench = Bench::new();
    let running = Running::start(&bench, &pair(&bench));
    let config = short(&bench, &running.entry());
    let output = bench.run(&["--config", &config, "--load-balancer", "reference", "--out", "out"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("load balancer: embedded"), "{}", text(&output.stdout));
    let status = running.call("GET", "/api/benchmark/status");
    assert_eq!(status["benchmarkActive"], false, "the other was left alone: {status}");
}

#[test]
fn something_else_on_the_configs_port_does_not_stop_a_run() {
    let bench = Bench::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 13\r\n\r\n<html></html>");
        }
    });
    let config = short(&bench, &format!("http://{address}/proxy"));
    let output = bench.run(&["--config", &config, "--out", "out"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("load balancer: embedded"), "{}", text(&output.stdout));
    let way = format!("to measure what answers there as it is: --url http://{address}/proxy");
    assert!(text(&output.stderr).contains(&way), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains("<html>"), "nobody asked for it: {}", text(&output.stderr));
}

#[test]
fn what_ran_before_is_put_back_at_the_end() {
    let bench = Bench::new();
    let running = Running::start(&bench, &pair(&bench));
    running.call("POST", "/api/benchmark/switch?algorithm=p2c");
    let config = short(&bench, "http://127.0.0.1:9/proxy");
    let output = bench.run(&["--config", &config, "--load-balancer", &running.entry(), "--out", "out"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(running.routes(), "p2c");
    let said = text(&output.stderr);
    assert!(said.contains("currently runs `p2c`; the run switches it"), "said before: {said}");
    assert!(said.contains("runs `p2c` again, as before the run"), "and after: {said}");
    let status = running.call("GET", "/api/benchmark/status");
    assert_eq!(status["benchmarkActive"], false, "the measurement is over: {status}");
}

#[test]
fn what_ran_before_is_put_back_after_a_signal_too() {
    use rustix::process::Signal;
    for stop in [Signal::INT, Signal::TERM, Signal::HUP] {
        let bench = Bench::new();
        let running = Running::start(&bench, &pair(&bench));
        running.call("POST", "/api/benchmark/switch?algorithm=p2c");
        let config = long(&bench);
        let entry = running.entry();
        let args =
            ["--config", &config, "--load-balancer", &entry, "--out", "out", "--events", "events.jsonl"];
        let (mut child, lines) = start(&bench, &args);
        follow(&bench.path("events.jsonl"), is_measuring);
        assert_eq!(running.routes(), "round-robin", "the run drives it");
        signal(&child, stop);
        lines.for_each(drop);
        assert_eq!(child.wait().expect("bench ends").code(), Some(130), "{stop:?}");
        assert_eq!(running.routes(), "p2c", "{stop:?}");
    }
}

#[test]
fn a_load_balancer_without_a_healthy_backend_is_refused_before_the_first_trial() {
    let bench = Bench::new();
    let mut running = Running::start(&bench, &pair(&bench));
    running.mocks.kill();
    let healthy = |running: &Running| {
        let pools = running.call("GET", "/api/lb/snapshot");
        let backends = pools["pools"][0]["backends"].as_array().expect("backends").clone();
        backends.iter().any(|backend| backend["healthy"] == true)
    };
    let noticed = (0..400).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(25));
        !healthy(&running)
    });
    assert!(noticed, "its health checks fail");
    let config = short(&bench, "http://127.0.0.1:9/proxy");
    let entry = running.entry();
    let args = ["--config", &config, "--load-balancer", &entry];
    let output = bench.run(&[&args[..], &["--out", "out", "--events", "events.jsonl"]].concat());
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(message.contains("no healthy backend (left, right)"), "the backends are named: {message}");
    assert!(events(&bench).iter().all(|event| event["event"] != "phase_started"), "no trial began");

    let output = bench.run(&[&["doctor"], &args[..]].concat());
    assert_eq!(output.status.code(), Some(3), "doctor says the same: {}", text(&output.stdout));
    assert!(text(&output.stderr).contains("no healthy backend (left, right)"), "{}", text(&output.stderr));
}

/// Starts a ten-minute trial against a running load balancer, lets `lose` end something while it measures,
/// and returns what `bench` printed.
fn lose(lose: impl FnOnce(&mut Running)) -> (Bench, String) {
    let bench = Bench::new();
    let mut running = Running::start(&bench, &pair(&bench));
    let config = long(&bench);
    let entry = running.entry();
    let args = ["--config", &config, "--load-balancer", &entry, "--out", "out", "--events", "events.jsonl"];
    let (mut child, lines) = start(&bench, &args);
    follow(&bench.path("events.jsonl"), is_measuring);
    lose(&mut running);
    let said: Vec<String> = lines.collect();
    assert_eq!(child.wait().expect("bench ends").code(), Some(5), "{said:?}");
    (bench, said.join("\n"))
}

fn assert_cut_short(bench: &Bench) {
    let events = events(bench);
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    let trial = names.iter().position(|name| *name == "trial_finished").expect("what was measured is kept");
    assert_eq!(events[trial]["interrupted"], true, "the trial was cut short");
    let end = names.iter().position(|name| *name == "run_finished").expect("the run ends in order");
    assert!(trial < end && names.contains(&"report_written"), "and a report is written: {names:?}");
    assert!(bench.path("out/trials/test-round-robin-0.json").exists(), "the trial is on disk");
}

#[test]
fn a_load_balancer_that_dies_ends_the_trial_at_once() {
    let (bench, said) = lose(|running| running.balancer.kill());
    assert!(said.contains("was lost during a trial: connections to http://127.0.0.1"), "{said}");
    assert!(said.contains("could not be restored"), "the message says what was not restored: {said}");
    assert_cut_short(&bench);
}

#[test]
fn a_load_balancer_that_loses_its_last_backend_ends_the_trial_at_once() {
    let (bench, said) = lose(|running| running.mocks.kill());
    assert!(said.contains("none of its backends as healthy (left, right)"), "{said}");
    assert_cut_short(&bench);
}

#[cfg(target_os = "linux")]
#[test]
fn a_started_load_balancer_that_dies_ends_the_trial_at_once() {
    let bench = Bench::new();
    let config = long(&bench);
    let (mut child, lines) =
        start(&bench, &["--config", &config, "--out", "out", "--events", "events.jsonl"]);
    follow(&bench.path("events.jsonl"), is_measuring);
    let task = format!("/proc/{0}/task/{0}/children", child.id());
    let children = std::fs::read_to_string(task).expect("the children of bench");
    let is_balancer = |pid: &&str| {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        text(&command).contains("__load-balancer")
    };
    let balancer = children.split_whitespace().find(is_balancer).expect("bench started one");
    let pid = balancer.parse().ok().and_then(rustix::process::Pid::from_raw).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it can be killed");
    let said: Vec<String> = lines.collect();
    assert_eq!(child.wait().expect("bench ends").code(), Some(5), "{said:?}");
    assert!(
        said.iter().any(|line| line.contains("the load balancer ended during the run (signal: 9")),
        "{said:?}"
    );
    assert_cut_short(&bench);
}
