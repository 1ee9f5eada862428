//! What tests share: a folder, a server, workers and leaders as processes that end with the test.

use crate::server::{Server, free_port};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything takes unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder for one test, and the server of its workers.
pub(crate) struct Place {
    pub(crate) server: Server,
    pub(crate) dir: tempfile::TempDir,
}

/// A process that is killed when the test ends before it.
pub(crate) struct Process {
    child: Child,
    stderr: Option<BufReader<ChildStderr>>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { server: Server::start(), dir: tempfile::tempdir().expect("a temporary folder") };
        std::fs::write(place.path("test.json"), config().to_string()).expect("a config can be written");
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        let path = self.path(name);
        let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Starts a worker with one thread, and waits until it waits for leaders.
    pub(crate) fn worker(&self, name: &str) -> Process {
        let url = &self.server.url;
        let mut worker = self.start(&["worker", "--join", url, "--name", name, "--threads", "1"]);
        worker.read_until("waits for leaders");
        worker
    }

    pub(crate) fn workers(&self, count: usize) -> Vec<Process> {
        (1..=count).map(|number| self.worker(&format!("w{number}"))).collect()
    }

    /// Starts `bench-workers`.
    pub(crate) fn start(&self, args: &[&str]) -> Process {
        let mut command = self.command(args);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it can be started");
        let stderr = child.stderr.take().map(BufReader::new);
        Process { child, stderr }
    }

    /// Runs `bench-workers` to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("it can be started")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bench-workers"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env_remove("GITHUB_STEP_SUMMARY").env_remove("NATS_CREDS").env_remove("NATS_CA");
        command
    }

    /// The flags of a run that `count` workers play.
    pub(crate) fn lead<'a>(&'a self, count: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let mut flags = vec!["--workers", &self.server.url, "--expect-workers", count];
        flags.extend(["--workers-wait", "30s", "--max-skew", "2s"]);
        flags.extend(RUN);
        flags.extend(["--out", out]);
        flags.extend(more);
        flags
    }
}

/// A short open load on two algorithms of the embedded load balancer, on free ports. How busy the machine is must not
/// decide a test.
pub(crate) const RUN: [&str; 6] =
    ["--config", "test.json", "--no-oracles", "--record-actions", "--quiet", "--accept-invalid"];

/// Sessions of a shop that begin at their times, whatever becomes of those before them.
fn config() -> Value {
    json!({
        "base_url": format!("http://127.0.0.1:{}", free_port()),
        "request_timeout": 5,
        "scenarios": [{
            "name": "test",
            "duration_minutes": 0.05,
            "concurrent_users": 10,
            "ramp_up_time_seconds": 0,
            "traffic_mix": { "browse_and_search": 1.0 }
        }],
        "user_profiles": { "shopper": { "actions": [
            { "name": "browse_products", "weight": 50 },
            { "name": "search_products", "weight": 50 }
        ]}},
        "bench": {
            "arrivals": "poisson:30",
            "algorithms": ["round-robin", "least-connections"],
            "repetitions": 1,
            "warm_up_s": 0.5,
            "cool_down_s": 0
        }
    })
}

impl Process {
    /// Reads what the process says until a line holds `part`, which is returned.
    pub(crate) fn read_until(&mut self, part: &str) -> String {
        let stderr = self.stderr.as_mut().expect("it is read once");
        let mut said = String::new();
        loop {
            let before = said.len();
            let count = stderr.read_line(&mut said).expect("standard error");
            assert!(count > 0, "it says `{part}` before it ends: {said}");
            if said[before..].contains(part) {
                return said[before..].trim_end().to_owned();
            }
        }
    }

    /// Waits for the end of the process, and returns its exit code and the rest of what it said.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        let reading = self.stderr.take().map(|mut stderr| {
            std::thread::spawn(move || {
                let mut text = String::new();
                while stderr.read_line(&mut text).is_ok_and(|count| count > 0) {}
                text
            })
        });
        let begun = Instant::now();
        let code = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status.code();
            }
            assert!(begun.elapsed() < PATIENCE, "it ends");
            std::thread::sleep(Duration::from_millis(50));
        };
        if let Some(reading) = reading {
            said = reading.join().expect("it only reads");
        }
        (code, said)
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Waits until a run that writes its events there has measured a trial for a while.
pub(crate) fn wait_for_trial(place: &Place, events: &str, trial: &str, seconds: f64) {
    let path = place.path(events);
    wait_until("the trial is measured", || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let mut events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.any(|event| {
            let text = |key: &str| event[key].as_str().unwrap_or_default();
            let elapsed = event["elapsed_s"].as_f64().unwrap_or(0.0);
            text("phase") == "measure" && text("trial").starts_with(trial) && elapsed >= seconds
        })
    });
}

/// Waits until a condition holds.
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
