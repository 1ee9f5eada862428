//! The program: start line, ways to end, ways to fail.

mod support;

use mock_backends::Announcement;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use support::{FAST, get, topology};

/// Writes a file for the program to read.
fn file(name: &str, content: &Value) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content.to_string()).expect("the folder for tests can be written");
    path
}

/// Returns the command that runs the program with a test topology, on ports that the system chooses.
fn command(name: &str, topology: &Value) -> Command {
    bare(&["--topology", &file(name, topology).to_string_lossy(), "--base-port", "0", "--control-port", "0"])
}

fn bare(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-backends"));
    command.args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts the program and reads its first line.
fn start(mut command: Command) -> (Child, Announcement) {
    let mut child = command.spawn().expect("the program can be started");
    let mut line = String::new();
    let out = child.stdout.as_mut().expect("standard output is piped");
    BufReader::new(out).read_line(&mut line).expect("there is a line");
    (child, serde_json::from_str(&line).expect("the start line is JSON"))
}

/// The exit code and standard error of a program that does not start.
fn fail(mut command: Command) -> (Option<i32>, String) {
    let output = command.output().expect("the program can be started");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "no start line without a start");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_start_line_says_where_everything_listens_and_the_process_ends_with_its_parent() {
    let mut command = command("parent.json", &topology());
    command.arg("--exit-with-parent");
    let (mut child, announcement) = start(command);
    assert_eq!(announcement.backends.len(), 2);
    assert_eq!(get(&announcement.backends[0].url, FAST).status, 200);
    assert_eq!(get(&announcement.control, "/backends").status, 200);
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "the end of input is a clean end");
}

#[test]
fn sigterm_ends_the_process_cleanly() {
    let (mut child, _) = start(command("term.json", &topology()));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_catalogue_replaces_the_built_in_products() {
    let products = json!([{ "sku": "TEA-1", "name": "Tea", "category": "Food", "price": 3.5,
                            "image": "", "popularity_score": 0.9 }]);
    let mut command = command("tea.json", &topology());
    command.arg("--catalogue").arg(file("products.json", &products));
    let (mut child, announcement) = start(command);
    let url = &announcement.backends[0].url;
    assert_eq!(get(url, "/api/inventory/product/TEA-1").body["price"], 3.5);
    assert_eq!(get(url, FAST).status, 404, "the built-in products are gone");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

#[test]
fn a_taken_port_is_named_and_gives_exit_code_3() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let topology = file("taken.json", &topology());
    let topology = topology.to_string_lossy();
    let (code, error) = fail(bare(&["--topology", &topology, "--base-port", "0", "--control-port", &port]));
    assert_eq!(code, Some(3), "{error}");
    let start = format!("error: cannot listen on 127.0.0.1:{port} for the control API: ");
    assert!(error.starts_with(&start), "the message names the port: {error}");
}

#[test]
fn all_problems_of_a_topology_are_listed_with_exit_code_2() {
    let mut topology = topology();
    topology["pools"][0]["backends"][0]["speed"] = json!(-1.0);
    topology["pools"][0]["backends"][1]["id"] = json!("b1");
    let (code, error) = fail(command("bad.json", &topology));
    assert_eq!(code, Some(2), "{error}");
    for problem in ["speed", "b1"] {
        assert!(error.contains(problem), "{problem} is named: {error}");
    }
}

#[test]
fn a_file_that_is_no_topology_is_named_with_exit_code_2() {
    let (code, error) = fail(command("nonsense.json", &json!({ "nonsense": 1 })));
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("nonsense.json") && error.contains("unknown field"), "{error}");
}

#[test]
fn a_bundled_topology_is_known_by_its_name_as_it_is_to_bench() {
    for (name, backends) in [("situation-b", 8), ("situation-b.json", 8), ("default", 6)] {
        let (mut child, announcement) =
            start(bare(&["--topology", name, "--base-port", "0", "--control-port", "0"]));
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        assert_eq!(announcement.backends.len(), backends, "{name}");
    }
}

#[test]
fn a_topology_that_is_nowhere_is_named_with_those_that_exist() {
    let (code, error) = fail(bare(&["--topology", "situation-z"]));
    assert_eq!(code, Some(2), "{error}");
    let start = "error: `--topology situation-z` is neither a bundled topology nor a readable file (";
    assert!(error.starts_with(start), "{error}");
    assert!(error.trim_end().ends_with("; bundled are default, situation-a, situation-b, situation-c, situation-d, situation-e, situation-f, situation-g, situation-h, situation-i, situation-b-sized, situation-d-sized, situation-f-sized, situation-g-sized, situation-h-sized, online-boutique"), "{error}");
}

#[test]
fn only_the_start_line_goes_to_standard_output() {
    let mut command = command("quiet.json", &topology());
    command.arg("--exit-with-parent").env("RUST_LOG", "trace");
    command.stderr(Stdio::null());
    let mut child = command.spawn().expect("the program can be started");
    drop(child.stdin.take());
    let mut out = String::new();
    child.stdout.as_mut().expect("piped").read_to_string(&mut out).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert!(out.lines().count() <= 1, "logs belong to standard error: {out}");
}

#[test]
fn an_api_comes_from_a_file_and_one_with_faults_is_refused_with_all_of_them() {
    let api =
        json!({ "name": "hello", "routes": [{ "path": "/hello", "reply": { "json": { "hello": true } } }] });
    let mut good = command("api-topology.json", &topology());
    good.arg("--api").arg(file("api-good.json", &api));
    let (mut child, announcement) = start(good);
    assert_eq!(get(&announcement.backends[0].url, "/hello").body, json!({ "hello": true }));
    assert_eq!(get(&announcement.backends[0].url, FAST).status, 404, "the shop is gone");
    child.kill().expect("it runs");
    child.wait().expect("it ends");

    let api = json!({ "name": "hello", "routs": [], "routes": [{ "path": "hello", "reply": { "text": "{{ bdy }}" } }] });
    let path = file("api-bad.json", &api);
    let (code, said) = fail(bare(&["--api", &path.to_string_lossy()]));
    assert_eq!(code, Some(2), "{said}");
    for part in [
        "has 3 faults",
        "routs: unknown key (did you mean `routes`?)",
        "must begin with `/`",
        "the unknown variable `bdy` (did you mean `body`?)",
    ] {
        assert!(said.contains(part), "`{part}` is missing: {said}");
    }
    let (code, said) = fail(bare(&["--api", "modelapi"]));
    assert!(code == Some(2) && said.contains("did you mean `model-api`?"), "{said}");
    let products = file("api-products.json", &json!([{ "sku": "TEA-1", "price": 3.5 }]));
    let (code, said) = fail(bare(&["--api", "model-api", "--catalogue", &products.to_string_lossy()]));
    assert!(code == Some(2) && said.contains("the API `model-api` has no catalogue"), "{said}");
}
