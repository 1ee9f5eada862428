//! What the load engine costs, beside its peers, in one run.
//!
//! nginx with one worker answers `return 200` on core 1. On core 0, in interleaved rounds: wrk, oha
//! (if it is installed) and this load engine with everything recorded, 32 connections each. CPU time
//! is user and system time of each client's process, as the kernel accounts it once it has ended.
//! Then the memory of 5,000 users with a second of thinking.
//!
//! Wanted: CPU a request at most 1.15 times wrk's and below oha's, requests/s at least 0.9 times
//! wrk's, memory below 200 MB. CPU a request is the steadier figure on a machine with other work.
//!
//!     cargo bench -p lb-load --bench hot_path [-- --rounds 5 --seconds 5 --users 5000]
//!
//! `OHA` names oha's binary if it is not on the path.

mod support;

use anyhow::{Context, Result, bail, ensure};
use lb_core::workload::Stage;
use lb_core::{Outcome, Span};
use lb_load::{Hooks, LoadPlan, run};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Connections of the comparison.
const CONNECTIONS: u32 = 32;
/// Limits that are wanted.
const MOST_CPU: f64 = 1.15;
const LEAST_RATE: f64 = 0.9;
const MOST_MEMORY_MB: f64 = 200.0;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "--child") {
        return child(&args[1..]);
    }
    if !args.iter().any(|arg| arg == "--bench") {
        println!("hot_path: nothing to test; measure with `cargo bench`");
        return Ok(());
    }
    let option = |name: &str, default: u64| -> Result<u64> {
        let value = args.iter().skip_while(|arg| *arg != name).nth(1);
        value.map_or(Ok(default), |value| value.parse().with_context(|| format!("{name} {value}")))
    };
    let (rounds, seconds) = (option("--rounds", 5)?, option("--seconds", 5)?);
    let cores = std::thread::available_parallelism()?.get();
    ensure!(cores >= 2, "the comparison needs a core for the client and one for the server");

    let server = Nginx::start()?;
    compare(&server.url(), rounds, seconds)?;
    memory(&server.url(), option("--users", 5_000)?)
}

/// One client in one round.
#[derive(Clone, Copy, Debug)]
struct Figures {
    rate: f64,
    cpu_us: f64,
    user_us: f64,
}

fn compare(url: &str, rounds: u64, seconds: u64) -> Result<()> {
    let oha = std::env::var("OHA").unwrap_or_else(|_| "oha".to_owned());
    let has_oha = Command::new(&oha).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !has_oha {
        println!("oha: skipped, not installed (`cargo install oha --locked`, or name it in OHA)");
    }
    let mut all: BTreeMap<&str, Vec<Figures>> = BTreeMap::new();
    println!("{:>5}  {:<6} {:>10} {:>12} {:>12}", "round", "client", "req/s", "CPU us/req", "user us/req");
    for round in 1..=rounds {
        for client in ["wrk", "oha", "bench"] {
            let figures = match client {
                "wrk" => wrk(url, seconds)?,
                "oha" if !has_oha => continue,
                "oha" => with_oha(&oha, url, seconds)?,
                _ => ours(url, seconds)?,
            };
            let Figures { rate, cpu_us, user_us } = figures;
            println!("{round:>5}  {client:<6} {rate:>10.0} {cpu_us:>12.2} {user_us:>12.2}");
            all.entry(client).or_default().push(figures);
        }
    }
    let middle = |client: &str, pick: fn(&Figures) -> f64| {
        all.get(client).map(|figures| median(figures.iter().map(pick).collect()))
    };
    let (Some(rate), Some(cpu)) = (middle("wrk", |f| f.rate), middle("wrk", |f| f.cpu_us)) else {
        bail!("no rounds were run");
    };
    println!("\nmedians of {rounds} rounds, and ratios to wrk");
    for client in all.keys() {
        let (Some(r), Some(c)) = (middle(client, |f| f.rate), middle(client, |f| f.cpu_us)) else {
            continue;
        };
        println!("{client:<6} {r:>10.0} req/s ({:.2}x) {c:>7.2} us/req ({:.2}x)", r / rate, c / cpu);
    }
    let (Some(our_rate), Some(our_cpu)) = (middle("bench", |f| f.rate), middle("bench", |f| f.cpu_us)) else {
        bail!("no rounds were run");
    };
    verdict(&format!("CPU a request at most {MOST_CPU} times wrk's"), our_cpu <= MOST_CPU * cpu);
    verdict(&format!("requests/s at least {LEAST_RATE} times wrk's"), our_rate >= LEAST_RATE * rate);
    if let Some(oha) = middle("oha", |f| f.cpu_us) {
        verdict("CPU a request below oha's", our_cpu < oha);
    }
    Ok(())
}

fn memory(url: &str, users: u64) -> Result<()> {
    let (report, _) = pinned(&mut this_binary(&[url, &users.to_string(), "10", "1"])?)?;
    let report: Value = serde_json::from_str(&report)?;
    let field = |name: &str| report[name].as_f64().with_context(|| format!("child told no {name}"));
    let (peak, requests, errors) = (field("peak_rss_mb")?, field("requests")?, field("errors")?);
    println!(
        "\n{users} users, 1 s of thinking, 10 s: {requests} requests, {errors} errors, peak {peak:.0} MB"
    );
    verdict(&format!("memory below {MOST_MEMORY_MB} MB"), peak < MOST_MEMORY_MB && errors == 0.0);
    Ok(())
}

fn verdict(rule: &str, holds: bool) {
    println!("{} {rule}", if holds { "yes:" } else { "NO: " });
}

fn wrk(url: &str, seconds: u64) -> Result<Figures> {
    let duration = format!("-d{seconds}s");
    let connections = format!("-c{CONNECTIONS}");
    let (text, cpu) = pinned(Command::new("wrk").args(["-t1", &connections, &duration, url]))?;
    // "  1234567 requests in 5.00s, 12.34MB read"
    let line = text.lines().find(|line| line.contains(" requests in ")).context("wrk told nothing")?;
    let mut words = line.split_whitespace();
    let requests: f64 = words.next().context("no count")?.parse()?;
    let took: f64 = words.nth(2).context("no time")?.trim_end_matches("s,").parse()?;
    Ok(cpu.over(requests, took))
}

fn with_oha(oha: &str, url: &str, seconds: u64) -> Result<Figures> {
    let (connections, duration) = (CONNECTIONS.to_string(), format!("{seconds}s"));
    let options = ["--no-tui", "--output-format", "json", "-c", &connections, "-z", &duration, url];
    let (text, cpu) = pinned(Command::new(oha).args(options).env("TOKIO_WORKER_THREADS", "1"))?;
    let report: Value = serde_json::from_str(&text)?;
    let summary = |name: &str| report["summary"][name].as_f64().context("oha told nothing");
    let (rate, took) = (summary("requestsPerSec")?, summary("total")?);
    Ok(cpu.over(rate * took, took))
}

fn ours(url: &str, seconds: u64) -> Result<Figures> {
    let users = CONNECTIONS.to_string();
    let (text, cpu) = pinned(&mut this_binary(&[url, &users, &seconds.to_string(), "0"])?)?;
    let report: Value = serde_json::from_str(&text)?;
    ensure!(report["errors"] == 0, "{} requests failed", report["errors"]);
    Ok(cpu.over(report["requests"].as_f64().context("no count")?, seconds as f64))
}

/// This binary again, as a client in a process of its own.
fn this_binary(args: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--child").args(args);
    Ok(command)
}

/// CPU time in seconds.
struct Cpu {
    user: f64,
    system: f64,
}

impl Cpu {
    fn over(&self, requests: f64, seconds: f64) -> Figures {
        Figures {
            rate: requests / seconds,
            cpu_us: (self.user + self.system) * 1e6 / requests,
            user_us: self.user * 1e6 / requests,
        }
    }

    /// Of all children of this process that have ended (`proc(5)`: cutime and cstime of `stat`).
    fn of_children() -> Result<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        let (_, fields) = stat.rsplit_once(") ").context("an odd /proc/self/stat")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        // Fields 16 and 17, counted from 1; the third one comes right after the name.
        let seconds = |number: usize| -> Result<f64> {
            Ok(fields[number - 3].parse::<f64>()? / rustix::param::clock_ticks_per_second() as f64)
        };
        Ok(Self { user: seconds(16)?, system: seconds(17)? })
    }
}

/// Runs a client on core 0 to its end; gives its output and its CPU time.
fn pinned(command: &mut Command) -> Result<(String, Cpu)> {
    let mut taskset = Command::new("taskset");
    taskset.args(["-c", "0"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            taskset.env(name, value);
        }
    }
    let before = Cpu::of_children()?;
    let output = taskset.stderr(Stdio::inherit()).output().context("run a client under taskset")?;
    let after = Cpu::of_children()?;
    ensure!(output.status.success(), "{:?} failed", command.get_program());
    let cpu = Cpu { user: after.user - before.user, system: after.system - before.system };
    Ok((String::from_utf8(output.stdout)?, cpu))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// The server, on core 1, with all its files in a folder of its own.
struct Nginx {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Nginx {
    fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().display();
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = format!(
            "daemon off; worker_processes 1; pid {path}/pid; error_log {path}/error.log;
             events {{ worker_connections 16384; }}
             http {{
                 access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
                 client_body_temp_path {path}/body; proxy_temp_path {path}/proxy;
                 fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi;
                 scgi_temp_path {path}/scgi;
                 server {{ listen 127.0.0.1:{port} backlog=8192; location / {{ return 200; }} }}
             }}"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config)?;
        let process = Command::new("taskset")
            .args(["-c", "1", "nginx", "-c"])
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .context("start nginx (apt install nginx)")?;
        let server = Self { process, port, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(Instant::now() < deadline, "nginx does not answer on port {port}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked to end, it ends its worker too; killed, it would leave it behind.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

/// The client: `<url> <users> <seconds> <seconds of thinking>`; prints what it recorded.
fn child(args: &[String]) -> Result<()> {
    let [url, users, seconds, think] = args else { bail!("a child takes four arguments") };
    let plan = plan_load(url, users.parse()?, seconds.parse()?, think.parse()?)?;
    let record = run(plan, Hooks::default())?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let peak_kb: f64 = peak.trim().trim_end_matches(" kB").parse()?;
    let latency = record.total();
    println!(
        "{}",
        json!({
            "requests": record.requests(),
            "ok": record.count(Outcome::Ok),
            "errors": record.errors(),
            "p99_us": latency.quantile(0.99).map(Span::as_micros),
            "peak_rss_mb": peak_kb / 1024.0,
        })
    );
    Ok(())
}

/// Users who send one request after the other, after `think_s` seconds of thinking.
fn plan_load(url: &str, users: u32, seconds: u64, think_s: f64) -> Result<LoadPlan> {
    let stage = Stage {
        // Thousands of users do not all come within the same millisecond.
        ramp_up: if think_s > 0.0 { Span::from_secs(1) } else { Span::ZERO },
        users,
        max_users: users,
        ..support::stage(Span::from_secs(seconds))
    };
    support::single_gets("hot-path", url, stage, think_s)
}
