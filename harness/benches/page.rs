//! What pages cost the generator: the CPU time of its process for each request, with pages open and without.
//!
//! `cargo bench -p harness --bench page` starts `bench ui` and, by its API, a load without end on mock backends of a
//! process of their own: a fixed number of requests a second, so that each segment asks the generator for the same work. The
//! generator has the first core of the machine to itself; backends, the server of the page and the browser share the second
//! one. Segments with and without pages alternate, in the order A B, B A, A B, …; each pair gives a ratio of CPU time per
//! request. It prints the median of the ratios with its 95 % interval (from order statistics) and the quartiles, for
//!
//! - three and ten programs that read `/api/live` as a page does,
//! - one that opens `/api/live` and never reads,
//! - three pages in a real Chromium on the same machine, where there is one.
//!
//! and exits with 1 if a median is above 1.02. `-- --rounds 60 --seconds 2 --settle-ms 500 --rate 2000` are the defaults:
//! short segments, so that both of a pair meet the same machine. It wants a quiet machine, which is why it is not a test.
//! CPU time is that of all threads of the process, from `/proc/PID/task/*/schedstat`; requests are counted by the backends.

#[path = "../tests/common/chromium.rs"]
mod chromium;
#[path = "../tests/page/devtools.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod devtools;

use chromium::request;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The most that pages may cost.
const LIMIT: f64 = 1.02;
/// What to run.
struct Asked {
    rounds: usize,
    seconds: u64,
    /// How long a segment waits after pages were opened or closed.
    settle: Duration,
    /// Requests a second.
    rate: u32,
}

fn main() -> std::process::ExitCode {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("a benchmark: run it with `cargo bench -p harness --bench page`");
        return std::process::ExitCode::SUCCESS;
    }
    let asked = asked();
    // Whatever this process starts stays on the second core, except the generator, which is moved.
    pin(std::process::id(), 1);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let rig = Rig::start(dir.path(), &asked);
    let mut holds = true;
    for (what, count) in [("programs that read", 3), ("programs that read", 10)] {
        holds &=
            rig.compare(&asked, &format!("{count} {what}"), || open_readers(&rig.page, count, true)) <= LIMIT;
    }
    holds &= rig.compare(&asked, "1 program that never reads", || open_readers(&rig.page, 1, false)) <= LIMIT;
    if let Some(program) = chromium::find() {
        let browser = devtools::Browser::start(&program, &[]);
        let open_pages =
            || -> Vec<devtools::Page> { (0..3).map(|_| open_page(&browser, &rig.page)).collect() };
        holds &= rig.compare(&asked, "3 pages in Chromium", open_pages) <= LIMIT;
    }
    println!("load averages: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    if !holds {
        println!("FAIL a page may cost at most {:.0} %", 100.0 * (LIMIT - 1.0));
        // Not `exit`: the processes that were started end when `rig` goes.
        return std::process::ExitCode::FAILURE;
    }
    std::process::ExitCode::SUCCESS
}

fn asked() -> Asked {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str, default: u32| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)).map_or(default, |text| text.parse().expect("a number"))
    };
    Asked {
        rounds: value("--rounds", 60) as usize,
        seconds: u64::from(value("--seconds", 2)),
        settle: Duration::from_millis(u64::from(value("--settle-ms", 500))),
        rate: value("--rate", 2000),
    }
}

/// Backends, a server of the page, and a load that it started.
struct Rig {
    page: String,
    control: String,
    generator: u32,
    _ui: Started,
    _mocks: Started,
}

/// A process that ends when this value goes.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let pid = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        }
        let _ = self.0.wait();
    }
}

impl Rig {
    fn start(dir: &Path, asked: &Asked) -> Self {
        // A backend that is never full, so that the rate is what the config says.
        let topology = json!({
            "name": "never-full",
            "pools": [{ "name": "main", "backends": [{ "id": "b1", "workers": 1000 }] }],
            "service_time": { "distribution": "constant", "mean_ms": 1.0 }
        });
        std::fs::write(dir.join("never-full.json"), topology.to_string()).expect("a topology can be written");
        let (mocks, line) = start(
            dir,
            &[
                "__mock-backends",
                "--topology",
                "never-full.json",
                "--base-port",
                "0",
                "--control-port",
                "0",
                "--exit-with-parent",
            ],
            "{",
        );
        let ready: Value = serde_json::from_str(&line).expect("the line that says where it listens");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let config = json!({
            "description": "A fixed number of requests a second.",
            "base_url": "http://localhost:8080",
            "request_timeout": 5,
            "scenarios": [{ "name": "Steady", "duration_minutes": 1, "concurrent_users": 64, "ramp_up_time_seconds": 0 }],
            "user_profiles": { "client": { "actions": [{ "name": "get", "weight": 1 }] } },
            "bench": { "journey": "journey.json", "arrivals": { "process": "poisson", "rate": asked.rate } }
        });
        let journey = json!({
            "name": "products",
            "actions": { "get": { "weight": 1, "steps": [{ "name": "get", "path": "/api/products" }] } }
        });
        std::fs::write(dir.join("journey.json"), journey.to_string()).expect("a journey can be written");
        std::fs::write(dir.join("load.json"), config.to_string()).expect("a config can be written");
        let (ui, line) =
            start(dir, &["ui", "--web-port", "0", "--results", "results", "--configs", "."], "page: ");
        let page = line.trim_start_matches("page: ").trim().trim_end_matches('/').to_owned();
        let target = text(&ready["backends"][0]["url"]);
        let form = json!({ "kind": "config", "config": "load.json", "url": target, "duration": "forever" });
        let (status, said) = request("POST", &page, "/api/runs", &form.to_string());
        assert_eq!(status, 201, "{said}");
        let mut rig = Self { page, control: text(&ready["control"]), generator: 0, _mocks: mocks, _ui: ui };
        for _ in 0..600 {
            let (_, body) = request("GET", &rig.page, "/api/state", "");
            let board: Value = serde_json::from_str(&body).unwrap_or_default();
            if board["statistics"]["total"]["requests"].as_u64().unwrap_or(0) > 0 {
                rig.generator = child_of(rig._ui.0.id());
                let command = text(&board["run"]["command"]);
                pin(rig.generator, 0);
                println!("{command}: process {}, {} requests a second", rig.generator, asked.rate);
                return rig;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the load begins within a minute");
    }

    /// Returns the CPU time of the generator in nanoseconds, and the requests that it sent.
    fn read(&self) -> [f64; 2] {
        let tasks = format!("/proc/{}/task", self.generator);
        let cpu: f64 = std::fs::read_dir(tasks)
            .expect("the generator runs")
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
            .filter_map(|line| line.split(' ').next()?.parse::<f64>().ok())
            .sum();
        [cpu, self.requests()]
    }

    /// Returns how many replies the generator got, from its totals.
    fn requests(&self) -> f64 {
        let (status, body) = request("GET", &self.control, "/backends", "");
        assert_eq!(status, 200, "{body}");
        let told: Value = serde_json::from_str(&body).expect("JSON");
        let backends = told["backends"].as_array().expect("a list");
        backends.iter().filter_map(|backend| backend["counts"]["requests"].as_f64()).sum()
    }

    /// Returns the CPU time for each request over some seconds, in microseconds.
    fn segment(&self, asked: &Asked) -> f64 {
        std::thread::sleep(asked.settle);
        let [cpu, requests] = self.read();
        std::thread::sleep(Duration::from_secs(asked.seconds));
        let [cpu_after, requests_after] = self.read();
        assert!(requests_after > requests, "requests are sent");
        (cpu_after - cpu) / (requests_after - requests) / 1e3
    }

    /// Compares segments with what `open` gives with those without, and returns the median of the ratios.
    fn compare<T>(&self, asked: &Asked, what: &str, open: impl Fn() -> T) -> f64 {
        let with = || {
            let opened = open();
            let cost = self.segment(asked);
            drop(opened);
            cost
        };
        let without = || self.segment(asked);
        let mut costs = Vec::new();
        let mut ratios: Vec<f64> = (0..asked.rounds)
            .map(|round| {
                let (cost, base) = if round % 2 == 0 {
                    let base = without();
                    (with(), base)
                } else {
                    let cost = with();
                    (cost, without())
                };
                costs.push(base);
                cost / base
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        costs.sort_by(f64::total_cmp);
        let of = |values: &[f64], share: f64| values[(share * (values.len() - 1) as f64).round() as usize];
        let median = of(&ratios, 0.5);
        // The ranks between which the median of the population lies, by the normal approximation to the binomial.
        let half_width = 0.98 / (ratios.len() as f64).sqrt();
        println!(
            "{what}: {median:.4} (95 % interval {:.4} to {:.4}, quartiles {:.4} to {:.4}, {} pairs of {} s); {:.2} µs for \
             each request without",
            of(&ratios, (0.5 - half_width).max(0.0)),
            of(&ratios, (0.5 + half_width).min(1.0)),
            of(&ratios, 0.25),
            of(&ratios, 0.75),
            asked.rounds,
            asked.seconds,
            of(&costs, 0.5)
        );
        median
    }
}

/// Keeps all threads of a process on one core, where the machine has more than one.
fn pin(process: u32, core: usize) {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if cores < 2 {
        return;
    }
    let mut only = rustix::thread::CpuSet::new();
    only.set(core);
    for task in std::fs::read_dir(format!("/proc/{process}/task")).expect("the process runs").flatten() {
        let thread = task
            .file_name()
            .to_str()
            .and_then(|text| text.parse().ok())
            .and_then(rustix::process::Pid::from_raw);
        rustix::thread::sched_setaffinity(thread, &only).expect("a thread can be kept on a core");
    }
}

/// Starts `bench` in a folder, and returns the first line that begins in this way.
fn start(dir: &Path, arguments: &[&str], begins: &str) -> (Started, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bench can be started");
    let mut lines = BufReader::new(child.stdout.take().expect("standard output")).lines();
    let line = lines.by_ref().map_while(Result::ok).find(|line| line.starts_with(begins));
    std::thread::spawn(move || lines.for_each(drop));
    (Started(child), line.expect("bench says where it listens"))
}

/// Returns the process that another one started.
fn child_of(parent: u32) -> u32 {
    let children = std::fs::read_dir("/proc").expect("/proc").filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields = stat.rsplit_once(") ")?.1;
        (fields.split(' ').nth(1)?.parse::<u32>().ok()? == parent).then_some(pid)
    });
    let children: Vec<u32> = children.collect();
    assert_eq!(children.len(), 1, "the load is the only child: {children:?}");
    children[0]
}

/// A program that has opened the stream of changes.
struct Reader {
    stream: TcpStream,
    over: Arc<AtomicBool>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

/// Opens the stream of changes some times, and reads it or does not.
fn open_readers(page: &str, count: usize, reads: bool) -> Vec<Reader> {
    let authority = page.trim_start_matches("http://");
    let open = |_| {
        let mut stream = TcpStream::connect(authority).expect("it listens");
        write!(stream, "GET /api/live HTTP/1.1\r\nHost: {authority}\r\n\r\n").expect("it reads");
        let over = Arc::new(AtomicBool::new(false));
        if reads {
            let (mut stream, over) = (stream.try_clone().expect("a handle"), Arc::clone(&over));
            std::thread::spawn(move || {
                let mut buffer = vec![0; 65536];
                while !over.load(Ordering::SeqCst) && stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
            });
        }
        Reader { stream, over }
    };
    (0..count).map(open).collect()
}

/// Opens the page of the run.
fn open_page(browser: &devtools::Browser, url: &str) -> devtools::Page {
    let page = browser.open(url);
    page.click("#nav-watch");
    page.until("figures are shown", "parseFloat(document.querySelector('#figure-rps').innerText) > 0");
    page
}
