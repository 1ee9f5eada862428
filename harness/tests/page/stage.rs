//! A running `bench ui` with results in a folder of its own, and what it says to programs.

use crate::chromium::{request, request_with};
use crate::common::{Bench, signal};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often the state is looked at before a test gives up.
const LOOKS: usize = 1200;
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// A running `bench ui`.
pub(crate) struct Stage {
    pub(crate) bench: Bench,
    /// The address of the page, without a slash at its end.
    pub(crate) url: String,
    server: Child,
    said: Arc<Mutex<String>>,
}

impl Stage {
    /// Starts it on a free port, with further flags.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::start_with(flags, &[])
    }

    /// Starts it on a free port, with further flags and variables of the environment.
    pub(crate) fn start_with(flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let bench = Bench::new();
        let mut command =
            bench.command(&[&["ui", "--web-port", "0", "--results", "results"], flags].concat());
        command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut server = command.spawn().expect("bench can be started");
        let mut lines = BufReader::new(server.stdout.take().expect("standard output"));
        let said = Arc::new(Mutex::new(String::new()));
        let errors = keep(&said, server.stderr.take().expect("standard error"));
        let mut line = String::new();
        let url = loop {
            line.clear();
            if lines.read_line(&mut line).expect("text") == 0 {
                let _ = errors.join();
                panic!("bench ui says where its page is: {}", said.lock().expect("a text"));
            }
            said.lock().expect("a text").push_str(&line);
            if let Some(url) = line.strip_prefix("page: ") {
                break url.trim().trim_end_matches('/').to_owned();
            }
        };
        keep(&said, lines);
        Self { bench, url, server, said }
    }

    /// Returns everything that the server printed so far.
    pub(crate) fn printed(&self) -> String {
        self.said.lock().expect("a text").clone()
    }

    /// Returns the port of the page.
    pub(crate) fn port(&self) -> &str {
        self.url.rsplit(':').next().expect("a port")
    }

    /// Asks as a program does.
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = request("GET", &self.url, path, "");
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// Tells something as a program does, and returns the status and what was answered.
    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, body) = request("POST", &self.url, path, &body.to_string());
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    /// Asks with further header fields, and returns the status alone.
    pub(crate) fn status_with(&self, path: &str, fields: &str) -> u16 {
        request_with("GET", &self.url, path, "", fields).0
    }

    /// Returns the board.
    pub(crate) fn board(&self) -> Value {
        self.get("/api/state")
    }

    /// Looks at the board until it is as wanted.
    pub(crate) fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut board = Value::Null;
        for _ in 0..LOOKS {
            board = self.board();
            if wanted(&board) {
                return board;
            }
            std::thread::sleep(PAUSE);
        }
        for key in ["series", "backends", "endpoint_series"] {
            board[key] = Value::Null;
        }
        panic!("{what} within two minutes: {board:#}\n{}", self.printed());
    }

    /// Starts a load that several tests steer: a pack with three backends, without end.
    pub(crate) fn load(&self, users: u32) -> String {
        let form = json!({
            "kind": "pack", "pack": "api", "mode": "load", "users": users, "spawn_rate": 100, "duration": "forever"
        });
        let (status, said) = self.post("/api/runs", &form);
        assert_eq!(status, 201, "{said}");
        self.until("users send requests", |board| {
            requests(board) > 0 && last(board, "users") == f64::from(users) && !board["steerable"].is_null()
        });
        said["run"].as_str().expect("the id of a run").to_owned()
    }

    /// Ends what runs, and waits for its results.
    pub(crate) fn stop(&self) -> Value {
        let (status, said) = self.post("/api/steer", &json!({ "do": "stop" }));
        assert_eq!(status, 200, "{said}");
        self.until("the run is over", |board| board["run"]["state"] == "over")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.server.try_wait().is_ok_and(|ended| ended.is_none()) {
            signal(&self.server, Signal::INT);
        }
        let _ = self.server.wait();
    }
}

/// Keeps what a stream says in a text.
fn keep(text: &Arc<Mutex<String>>, stream: impl Read + Send + 'static) -> std::thread::JoinHandle<()> {
    let text = Arc::clone(text);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut text = text.lock().expect("a text");
            text.push_str(&line);
            text.push('\n');
        }
    })
}

/// Returns how many requests ended since the phase began.
pub(crate) fn requests(board: &Value) -> u64 {
    board["statistics"]["total"]["requests"].as_u64().unwrap_or(0)
}

/// Returns a column of the series of a board; what is unknown is left out.
pub(crate) fn column(board: &Value, name: &str) -> Vec<f64> {
    let columns = board["series"]["columns"].as_array().expect("columns");
    let at = columns.iter().position(|column| column == name).unwrap_or_else(|| panic!("a column {name}"));
    let points = board["series"]["points"].as_array().expect("points");
    points.iter().filter_map(|point| point[at].as_f64()).collect()
}

/// Returns the last value of a column, 0 if there is none.
pub(crate) fn last(board: &Value, name: &str) -> f64 {
    column(board, name).last().copied().unwrap_or(0.0)
}
