//! What a load without end shows while it runs, read by those who would: `promtool` of Prometheus, and a collector of
//! OpenTelemetry (Rotel, as a program in a Python package).

use crate::PYTHON;
use crate::common::{Bench, config, free_port, signal, text};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often a test looks again before it gives up.
const LOOKS: usize = 1200;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks until `found` gives something.
fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = found() {
            return found;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("{what} within a minute");
}

/// Serves load to mock backends until a window is complete, and ends it. Returns `/metrics` from shortly before the end,
/// and what was written at the end.
fn serve(more: &[&str]) -> (String, Value) {
    let bench = Bench::new();
    let settings = json!({ "topology": "situation-c", "faults": [{ "fault": "error_rate", "rate": 0.2, "start_s": 0 }] });
    let path = bench.config("live.json", &config(20, 30.0, &settings));
    let common = ["serve-load", "--config", &path, "--window", "1s", "--out", "out", "--quiet"];
    let listen = ["--metrics-listen", "127.0.0.1:0"];
    let mut command = bench.command(&[&common[..], &listen, more].concat());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("bench can be started");
    let address = until("it says where it listens", || {
        let said = std::fs::read_to_string(bench.path("out/listener.json")).ok()?;
        let said: Value = serde_json::from_str(&said).ok()?;
        Some(said["url"].as_str()?.trim_start_matches("http://").to_owned())
    });
    let metrics = until("a window is complete", || {
        let metrics = get(&address);
        metrics.contains("lbbench_load_window_latency_seconds{percentile=\"99\"}").then_some(metrics)
    });
    signal(&child, Signal::TERM);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    (metrics, bench.json("out/continuous.json"))
}

fn get(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")
        .expect("a request");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    assert!(reply.starts_with("HTTP/1.1 200 ") && reply.contains("text/plain; version=0.0.4"), "{reply}");
    reply.split_once("\r\n\r\n").expect("a body").1.to_owned()
}

/// Whether `promtool` is installed.
pub(crate) fn has_promtool() -> bool {
    Command::new("promtool").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// `promtool` finds nothing to say about live metrics, and something about broken ones.
pub(crate) fn promtool() {
    let check = |metrics: &str| -> (bool, String) {
        let mut command = Command::new("promtool");
        command
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("promtool can be started");
        child.stdin.take().expect("standard input").write_all(metrics.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        (output.status.success(), text(&output.stdout) + &text(&output.stderr))
    };
    let (metrics, _) = serve(&[]);
    assert_eq!(check(&metrics), (true, String::new()), "{metrics}");
    let broken = metrics.replace("lbbench_load_requests_total", "lbbench_load_requests");
    assert!(!check(&broken).1.is_empty(), "it sees a counter without its suffix");
}

/// Returns the program of the collector; `None` if the package is not installed.
pub(crate) fn collector() -> Option<PathBuf> {
    const SCRIPT: &str = "import os, rotel; print(os.path.join(rotel.__path__[0], 'rotel-agent'))";
    let output = Command::new(std::env::var_os(PYTHON)?).args(["-B", "-c", SCRIPT]).output().ok()?;
    let path = PathBuf::from(text(&output.stdout).trim());
    path.is_file().then_some(path)
}

/// A collector that prints what it receives.
struct Collector {
    child: Child,
    printed: Arc<Mutex<String>>,
    url: String,
}

impl Collector {
    fn start() -> Self {
        let (http, grpc) = (free_port(), free_port());
        let mut command = Command::new(collector().expect("the test is ignored without it"));
        command.args(["start", "--exporter", "blackhole"]);
        command.args(["--debug-log", "metrics", "--debug-log-verbosity", "detailed"]);
        command.args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")]);
        command.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the collector can be started");
        let printed = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&printed);
        let stdout = BufReader::new(child.stdout.take().expect("standard output"));
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let mut kept = kept.lock().expect("no thread panics");
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        until("the collector listens", || TcpStream::connect(("127.0.0.1", http)).ok());
        Self { child, printed, url: format!("http://127.0.0.1:{http}") }
    }

    fn printed(&self) -> String {
        self.printed.lock().expect("no thread panics").clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A collector receives every metric, and at the end the totals that were written.
pub(crate) fn opentelemetry() {
    let collector = Collector::start();
    let (metrics, document) = serve(&["--otlp", &collector.url]);
    let requests = document["totals"]["requests"].as_u64().expect("a number");
    let counted = |name: &str, key: &str| last(&collector.printed(), name, key);
    until("the last export is printed", || {
        (counted("lbbench.load.requests", "Value: ") == Some(requests)).then_some(())
    });
    assert_eq!(
        counted("lbbench.load.request.duration", "Count: "),
        Some(requests),
        "histograms hold all of them"
    );
    assert_eq!(
        counted("lbbench.load.backend.replies", "Value: "),
        document["backends"].as_array().map(|all| all.iter().filter_map(|one| one["replies"].as_u64()).sum()),
    );
    let printed = collector.printed();
    for (prometheus, dotted) in [
        ("lbbench_load_users", "lbbench.load.users"),
        ("lbbench_load_window_latency_seconds", "lbbench.load.window.latency"),
        ("lbbench_load_response_bytes_total", "lbbench.load.response.size"),
    ] {
        assert!(
            metrics.contains(prometheus) && printed.contains(&format!("-> Name: {dotted}\n")),
            "{dotted}"
        );
    }
    assert!(printed.contains("-> service.name: Str(lbbench)"), "{printed}");
    assert!(printed.contains("-> outcome: Str(backend_error)"), "failures are labelled");
}

/// Adds up what the collector printed of a metric the last time that it received it. `key` begins the lines that hold
/// its numbers.
fn last(printed: &str, name: &str, key: &str) -> Option<u64> {
    let begin = printed.rfind(&format!("-> Name: {name}\n"))?;
    let of_metric = printed[begin..]
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with("Metric #") && !line.contains("Received metrics"));
    let numbers = of_metric.filter_map(|line| line.strip_prefix(key)?.trim().parse::<u64>().ok());
    Some(numbers.sum())
}
