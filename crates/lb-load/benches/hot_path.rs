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

#[path = "support/peers.rs"]
mod peers;
mod support;

use anyhow::{Context, Result, bail, ensure};
use lb_core::workload::Stage;
use lb_core::{Outcome, Span};
use lb_load::{Hooks, LoadPlan, run};
use peers::{CONNECTIONS, Figures, Nginx, has, median, pinned, this_binary, verdict, with_oha, wrk};
use serde_json::{Value, json};
use std::collections::BTreeMap;

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
    compare(&server.http1(), rounds, seconds)?;
    memory(&server.http1(), option("--users", 5_000)?)
}

fn compare(url: &str, rounds: u64, seconds: u64) -> Result<()> {
    let oha = std::env::var("OHA").unwrap_or_else(|_| "oha".to_owned());
    let has_oha = has(&oha);
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

fn ours(url: &str, seconds: u64) -> Result<Figures> {
    let users = CONNECTIONS.to_string();
    let (text, cpu) = pinned(&mut this_binary(&[url, &users, &seconds.to_string(), "0"])?)?;
    let report: Value = serde_json::from_str(&text)?;
    ensure!(report["errors"] == 0, "{} requests failed", report["errors"]);
    Ok(cpu.over(report["requests"].as_f64().context("no count")?, seconds as f64))
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
