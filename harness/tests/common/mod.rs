//! What the tests of the `bench` binary share: running it in a folder of its own, reading its results.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part of this module")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

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

/// The guide's dialect with settings of ours: a few users on a bundled topology.
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

/// A port on which nothing listens now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
