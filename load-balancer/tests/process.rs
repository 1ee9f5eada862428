//! The process: how it starts, what it refuses, and that it always ends.

mod common;

use common::{Backend, Balancer, Client, PATIENCE, command, get, reply};
use serde_json::json;
use std::io::Read;
use std::net::TcpListener;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

fn wait(child: &mut Child) -> ExitStatus {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("the process can be waited for") {
            return status;
        }
        assert!(begin.elapsed() < PATIENCE, "the process does not end");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Runs the binary with a config that it refuses: exit code and what it says.
fn refused(config: &str) -> (Option<i32>, String) {
    let (mut command, _file) = command(config);
    let mut child = command.spawn().expect("the binary starts");
    let status = wait(&mut child);
    let mut text = String::new();
    child.stderr.take().expect("stderr is piped").read_to_string(&mut text).expect("it is text");
    (status.code(), text)
}

#[test]
fn faults_of_a_config_are_all_reported_at_once() {
    let config = json!({
        "lisen": "127.0.0.1:0",
        "listen": "here",
        "threads": 0,
        "algorithm": "least-conections",
        "test_algorithms": ["rr", "fastest", "round-robin"],
        "timeouts": { "connect_ms": 0, "respnse_ms": 1 },
        "health": { "path": "up", "healthy_after": 0 },
        "traces": { "folder": "/dev/null/x", "exploration": 1.5, "at_strat": true },
        "pools": [
            { "name": "p", "services": ["a b", "same"], "backends": [
                { "id": "one", "url": "https://x", "weight": -1 },
                { "id": "one", "url": "http://127.0.0.1:1", "wieght": 2 },
            ] },
            { "name": "p", "services": ["same"] },
        ],
    });
    let (code, text) = refused(&config.to_string());
    assert_eq!(code, Some(2), "{text}");
    for fault in [
        "`lisen` is not a known key (did you mean `listen`?)",
        "`listen` is `here`: must be an address",
        "`threads` is 0: must be from 1 to 256",
        "`algorithm` is `least-conections`: unknown algorithm `least-conections` (did you mean `least-connections`?)",
        "`test_algorithms[1]` is `fastest`: unknown algorithm `fastest`",
        "`test_algorithms[2]` is `round-robin`, which is already listed: remove it",
        "`timeouts.connect_ms` is 0",
        "`timeouts.respnse_ms` is not a known key (did you mean `response_ms`?)",
        "`traces.at_strat` is not a known key (did you mean `at_start`?)",
        "`traces.exploration` is 1.5: must be from 0 to 1",
        "`traces.folder` is `/dev/null/x`, which cannot be created",
        "`health.path` is `up`: must be a path",
        "`health.healthy_after` is 0: must be 1 or more",
        "`pools[0].services[0]` is `a b`",
        "`pools[0].backends[0].url` is `https://x`: must begin with `http://`",
        "`pools[0].backends[0].weight` is -1: must be above 0",
        "`pools[0].backends[1].id` is `one`, already taken in pool `p`",
        "`pools[0].backends[1].wieght` is not a known key (did you mean `weight`?)",
        "`pools[1].name` is `p`, as is `pools[0].name`",
        "`pools[1].services[0]` is `same`, which pool `p` already serves",
    ] {
        assert!(text.contains(fault), "`{fault}` is missing in\n{text}");
    }
}

#[test]
fn configs_that_cannot_be_read_are_refused() {
    for (config, expected) in [
        ("{", "config is not JSON"),
        (r#"{"threads": "two"}"#, "`threads`: invalid type: string \"two\""),
        (r#"{"pools": [{"services": []}]}"#, "`pools[0]`: missing field `name`"),
        (r#"{"algorithm": "rl"}"#, "needs a trained policy file"),
        (r#"{"algorithm": "rl"}"#, "(the key is `policy_file`)"),
        (r#"{"test_algorithms": []}"#, "`test_algorithms` is empty: list at least one"),
        (r#"{"views": "each"}"#, "`views`: unknown variant `each`, expected `shared` or `per-thread`"),
        (r#"{"admin_listen": "0.0.0.0:0"}"#, "set `admin_token`"),
        (r#"{"admin_token": ""}"#, "`admin_token` is empty"),
        (r#"{"pools": [{"name": "a"}, {"name": "b"}]}"#, "more than one pool has no `services`"),
    ] {
        let (code, text) = refused(config);
        assert_eq!(code, Some(2), "{config}: {text}");
        assert!(text.contains(expected), "{config}: `{expected}` is missing in {text}");
    }
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_load-balancer"))
        .args(["--config", "/nonexistent/config.json"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the binary starts");
    assert_eq!(wait(&mut child).code(), Some(2), "a file that is not there");
}

#[test]
fn a_port_that_is_taken_is_refused_with_exit_code_3() {
    let plain = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let other = Balancer::with_backends("random", &[], json!({ "threads": 2 }));
    let taken = [plain.local_addr().expect("it is bound").port(), other.address().port()];
    for port in taken {
        for threads in [1, 2] {
            let config = json!({ "listen": format!("127.0.0.1:{port}"), "threads": threads });
            let (code, text) = refused(&config.to_string());
            assert_eq!(code, Some(3), "{text}");
            assert!(text.contains(&format!("cannot listen on `127.0.0.1:{port}` (`listen`)")), "{text}");
            assert!(text.contains("choose another port"), "it says what to do: {text}");
        }
    }
    let config = json!({ "listen": "192.0.2.1:0" });
    let (code, text) = refused(&config.to_string());
    assert_eq!(code, Some(3), "an address of another machine: {text}");
}

#[test]
fn it_ends_when_its_parent_does() {
    let mut balancer = Balancer::with_backends("random", &[], json!({}));
    assert_eq!(get(&format!("{}/actuator/health", balancer.admin)).status, 200);
    drop(balancer.stdin.take());
    assert_eq!(wait(&mut balancer.child).code(), Some(0), "the end of stdin is a reason to stop");
}

#[test]
fn it_finishes_what_it_has_when_told_to_stop() {
    let backend = Backend::start(|_, stream| {
        thread::sleep(Duration::from_millis(300));
        reply(stream, 200, "", b"late")
    });
    let mut balancer = Balancer::with_backends("random", &[&backend], json!({ "threads": 2 }));
    let mut idle = Client::connect(balancer.address());
    let mut busy = Client::connect(balancer.address());
    busy.write("GET /proxy/svc/ HTTP/1.1\r\nhost: x\r\n\r\n");
    common::eventually("it is in flight", || balancer.in_flight() == 1);
    terminate(&balancer.child);
    assert_eq!(busy.read().map(|reply| reply.text()).as_deref(), Some("late"), "the reply still comes");
    assert!(idle.read().is_none(), "idle connections are closed");
    assert_eq!(wait(&mut balancer.child).code(), Some(0));
}

fn terminate(child: &Child) {
    let status = std::process::Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(status.success());
}

#[test]
fn idle_clients_are_sent_away() {
    let backend = Backend::fixed("x");
    let more = json!({ "timeouts": { "idle_ms": 150 } });
    let balancer = Balancer::with_backends("random", &[&backend], more);
    let mut client = Client::connect(balancer.address());
    assert_eq!(client.ask("GET", "/proxy/svc/", "", b"").status, 200);
    assert!(client.read().is_none(), "the connection ends without a reply");
    common::eventually("nothing is open", || {
        let text = balancer.get("/actuator/prometheus").text();
        // The connection that asks is one.
        text.contains("\nlb_active_connections 1\n")
    });
}

#[test]
fn the_example_config_is_accepted() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/load-balancers/reference.example.json");
    let config = load_balancer::Config::read(std::path::Path::new(path));
    assert!(config.is_ok(), "{}", config.err().map(|error| error.to_string()).unwrap_or_default());
    assert!(load_balancer::Config::parse("{}", std::path::Path::new("")).is_ok(), "all keys have defaults");
}
