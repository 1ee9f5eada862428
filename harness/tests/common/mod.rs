//! What the tests of the `bench` binary share: running it in a folder of its own, reading its results.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part of this module")]

pub mod standin;

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder for one test, and `bench` in it.
pub struct Bench {
    pub dir: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary folder") }
    }

    /// `bench` with arguments, not yet started. How busy the machine is must not decide a test, so trials
    /// count on a busy one too.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
        if args.first().is_some_and(|first| first.starts_with("--")) {
            command.arg("--accept-invalid");
        }
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        // Tests that run in a workflow of GitHub's must not write into its summary.
        command.env_remove("GITHUB_STEP_SUMMARY");
        command
    }

    /// Runs `bench` to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("bench can be started")
    }

    /// Runs `bench` with results in `out`, and gives its summary.
    pub fn summary(&self, out: &str, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--quiet", "--out", out]].concat());
        assert!(output.status.success(), "{args:?} must succeed: {}", text(&output.stderr));
        self.json(&format!("{out}/summary.json"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn json(&self, name: &str) -> Value {
        read_json(&self.path(name))
    }

    /// Writes a config and gives its name.
    pub fn config(&self, name: &str, config: &Value) -> String {
        let path = self.path(name);
        std::fs::write(&path, config.to_string()).expect("a config can be written");
        path.to_string_lossy().into_owned()
    }
}

pub fn read_json(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The result of one algorithm in the first scenario.
pub fn algorithm<'a>(summary: &'a Value, name: &str) -> &'a Value {
    let algorithms = summary["scenarios"][0]["algorithms"].as_array().expect("a list of algorithms");
    algorithms
        .iter()
        .find(|algorithm| algorithm["name"] == name)
        .unwrap_or_else(|| panic!("{name} is in the summary"))
}

pub fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer} is a number"))
}

/// The sequence of requests of each user, from an actions file.
pub fn sequences(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut users: Vec<Vec<String>> = Vec::new();
    for line in text.lines().skip(1) {
        let mut fields = line.split(',');
        let user: usize = fields.next().and_then(|field| field.parse().ok()).expect("a user number");
        let request = fields.nth(1).expect("a request").to_owned();
        if users.len() <= user {
            users.resize(user + 1, Vec::new());
        }
        users[user].push(request);
    }
    users
}

/// A config of one scenario: a few users on a bundled topology, with these settings of `bench`.
pub fn config(users: u32, seconds: f64, bench: &Value) -> Value {
    serde_json::json!({
        "base_url": format!("http://127.0.0.1:{}", free_port()),
        "request_timeout": 5,
        "scenarios": [{
            "name": "test",
            "duration_minutes": seconds / 60.0,
            "concurrent_users": users,
            "ramp_up_time_seconds": 0,
            "traffic_mix": { "browse_and_search": 0.8, "add_to_cart_and_order": 0.2 }
        }],
        "user_profiles": {
            "shopper": { "actions": [
                { "name": "browse_products", "weight": 50 },
                { "name": "search_products", "weight": 30 },
                { "name": "view_product_details", "weight": 15 },
                { "name": "add_to_cart", "weight": 3 },
                { "name": "place_order", "weight": 2 }
            ]}
        },
        "bench": bench
    })
}

/// Finds a port on which nothing listens, and that the system gives to nobody else meanwhile: it lies below the
/// range from which sockets that ask for any port get theirs. No test of a process gets the same one.
pub fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u32 = 12_000;
    static ASKED: AtomicU32 = AtomicU32::new(0);
    (0..COUNT)
        .map(|_| std::process::id().wrapping_mul(37).wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed)))
        .map(|place| FIRST + (place % COUNT) as u16)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("one of thousands of ports is free")
}

/// A process that ends with the test, since it watches its standard input.
pub struct Process(Child);

impl Process {
    /// Starts a hidden subcommand of `bench` and reads its addresses.
    pub fn start(bench: &Bench, args: &[&str]) -> (Self, Value) {
        let mut command = bench.command(args);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("bench can be started");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("standard output")).read_line(&mut line).expect("a line");
        (Self(child), serde_json::from_str(&line).expect("the line that says where it listens"))
    }

    /// Kills the process.
    pub fn kill(&mut self) {
        self.0.kill().expect("it can be killed");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A reference load balancer that `bench` did not start, with its own backends.
pub struct Running {
    pub mocks: Process,
    pub balancer: Process,
    /// The address of the load balancer, such as `http://127.0.0.1:4000`.
    pub url: String,
}

impl Running {
    /// Starts the load balancer and its backends; `topology` is a file.
    pub fn start(bench: &Bench, topology: &str) -> Self {
        let (mocks, ready) = Process::start(
            bench,
            &[
                "__mock-backends",
                "--topology",
                topology,
                "--base-port",
                "0",
                "--control-port",
                "0",
                "--exit-with-parent",
            ],
        );
        let backends: Vec<Value> = ready["backends"]
            .as_array()
            .expect("backends")
            .iter()
            .map(|backend| json!({ "id": backend["id"], "url": backend["url"] }))
            .collect();
        let config = json!({
            "listen": "127.0.0.1:0",
            "health": { "interval_ms": 50, "unhealthy_after": 1 },
            "pools": [{ "name": "shop", "backends": backends }]
        });
        let config = bench.config("balancer.json", &config);
        let (balancer, at) =
            Process::start(bench, &["__load-balancer", "--config", &config, "--exit-with-parent"]);
        Self { mocks, balancer, url: at["url"].as_str().expect("a url").to_owned() }
    }

    /// Returns the base URL of the services.
    pub fn entry(&self) -> String {
        format!("{}/proxy", self.url)
    }

    /// Calls the admin API.
    pub fn call(&self, method: &str, path: &str) -> Value {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).expect("it listens");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("a request can be sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        let body = &reply[reply.find('{').unwrap_or_else(|| panic!("{path} answers JSON: {reply}"))..];
        let body = &body[..=body.rfind('}').expect("the end of an object")];
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// Returns the active algorithm.
    pub fn routes(&self) -> String {
        self.call("GET", "/rl/strategies")["current"].as_str().expect("a name").to_owned()
    }
}

/// Returns a topology of two fast backends, as a file.
pub fn pair(bench: &Bench) -> String {
    bench.config(
        "pair.json",
        &json!({
            "name": "pair", "service_time": { "distribution": "constant", "mean_ms": 2 },
            "pools": [{ "name": "shop", "backends": [{ "id": "left" }, { "id": "right" }] }]
        }),
    )
}

/// Starts `bench` and returns its progress line by line.
pub fn start(bench: &Bench, args: &[&str]) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut command = bench.command(args);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("bench can be started");
    let stderr = BufReader::new(child.stderr.take().expect("standard error"));
    (child, stderr.lines().map_while(Result::ok))
}

/// Sends a signal to a process that the test started.
pub fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a pid");
    rustix::process::kill_process(pid, signal).expect("a signal can be sent");
}

/// Follows an event file until `wanted` accepts an event; gives up after a minute.
pub fn follow(path: &Path, wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..1200 {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        if let Some(found) = events.into_iter().find(|event| wanted(event)) {
            return found;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the event is in {} within a minute", path.display());
}

/// Runs `bench` and checks that it refuses with this exit code and a message that holds all parts.
pub fn refused(bench: &Bench, args: &[&str], code: i32, parts: &[&str]) {
    let output = bench.run(args);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
    for part in parts {
        assert!(message.contains(part), "{args:?}: the message holds `{part}`: {message}");
    }
    assert!(!message.contains("panicked"), "{args:?}: {message}");
}
