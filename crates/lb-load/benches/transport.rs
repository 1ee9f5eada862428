//! What TLS and HTTP/2 cost in the load engine, beside its peers, in one run.
//!
//! nginx with one worker answers `return 200` on core 1. On core 0, in interleaved rounds, each peer and this load engine
//! with everything recorded: over HTTPS with HTTP/1.1 wrk and oha (if it is installed), over HTTP/2 h2load with the same
//! number of connections and of streams on each. CPU time is that of each client's process, as in `hot_path`.
//!
//! Wanted: CPU a request at most 1.0 times wrk's over TLS, and below oha's; over HTTP/2 at most 1.15 times h2load's.
//!
//!     cargo bench -p lb-load --bench transport [-- --rounds 5 --seconds 5 --only tls]
//!
//! `OHA` names oha's binary if it is not on the path; h2load comes with `apt install nghttp2-client`.

#[path = "support/peers.rs"]
mod peers;
mod support;

use anyhow::{Context, Result, bail, ensure};
use lb_core::Span;
use lb_core::workload::Stage;
use lb_load::{Hooks, LoadPlan, TlsOptions, run};
use peers::{CONNECTIONS, Figures, Nginx, h2load, has, median, pinned, this_binary, verdict, with_oha, wrk};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Limits that are wanted.
const MOST_OF_WRK: f64 = 1.0;
const MOST_OF_H2LOAD: f64 = 1.15;

/// What is compared: a name, how this engine is asked for it, and the connections and streams of h2load.
struct Case {
    name: &'static str,
    url: String,
    http: &'static str,
    connections: &'static str,
    /// Connections and streams on each; `None` over HTTP/1.1.
    streams: Option<(u32, u32)>,
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "--child") {
        return child(&args[1..]);
    }
    if !args.iter().any(|arg| arg == "--bench") {
        println!("transport: nothing to test; measure with `cargo bench`");
        return Ok(());
    }
    let value = |name: &str| args.iter().skip_while(|arg| *arg != name).nth(1);
    let number = |name: &str, default: u64| -> Result<u64> {
        value(name).map_or(Ok(default), |value| value.parse().with_context(|| format!("{name} {value}")))
    };
    let (rounds, seconds) = (number("--rounds", 5)?, number("--seconds", 5)?);
    let cores = std::thread::available_parallelism()?.get();
    ensure!(cores >= 2, "the comparison needs a core for the client and one for the server");
    let server = Nginx::start()?;
    let case = |name, url, http, connections, streams| Case { name, url, http, connections, streams };
    let cases = [
        case("tls", server.https1(), "1.1", "per-user", None),
        case("h2-one-stream", server.https2(), "2", "per-user", Some((CONNECTIONS, 1))),
        case("h2-streams", server.https2(), "2", "pool:2", Some((2, CONNECTIONS / 2))),
        case("h2c-one-stream", server.http2(), "2", "per-user", Some((CONNECTIONS, 1))),
        case("h2c-streams", server.http2(), "2", "pool:2", Some((2, CONNECTIONS / 2))),
    ];
    for case in cases.iter().filter(|case| value("--only").is_none_or(|only| only == case.name)) {
        compare(case, rounds, seconds)?;
    }
    Ok(())
}

fn compare(case: &Case, rounds: u64, seconds: u64) -> Result<()> {
    let oha = std::env::var("OHA").unwrap_or_else(|_| "oha".to_owned());
    let peers: Vec<&str> = match case.streams {
        Some(_) if !has("h2load") => {
            println!("{}: skipped, h2load is not installed (`apt install nghttp2-client`)", case.name);
            return Ok(());
        }
        Some(_) => vec!["h2load"],
        None if has(&oha) => vec!["wrk", "oha"],
        None => vec!["wrk"],
    };
    println!("\n{} ({})", case.name, case.url);
    println!("{:>5}  {:<6} {:>10} {:>12} {:>12}", "round", "client", "req/s", "CPU us/req", "user us/req");
    let mut all: BTreeMap<&str, Vec<Figures>> = BTreeMap::new();
    for round in 1..=rounds {
        for client in peers.iter().copied().chain(["bench"]) {
            let figures = match (client, case.streams) {
                ("wrk", _) => wrk(&case.url, seconds)?,
                ("oha", _) => with_oha(&oha, &case.url, seconds)?,
                ("h2load", Some((connections, streams))) => h2load(&case.url, seconds, connections, streams)?,
                _ => ours(case, seconds)?,
            };
            let Figures { rate, cpu_us, user_us } = figures;
            println!("{round:>5}  {client:<6} {rate:>10.0} {cpu_us:>12.2} {user_us:>12.2}");
            all.entry(client).or_default().push(figures);
        }
    }
    let cpu = |client: &str| {
        let figures = all.get(client).context("no rounds were run")?;
        anyhow::Ok(median(figures.iter().map(|figures| figures.cpu_us).collect()))
    };
    let our = cpu("bench")?;
    for peer in peers {
        let theirs = cpu(peer)?;
        println!("bench takes {:.2}x the CPU a request of {peer}", our / theirs);
        let most = match peer {
            "h2load" => MOST_OF_H2LOAD,
            _ => MOST_OF_WRK,
        };
        verdict(&format!("CPU a request at most {most} times that of {peer}"), our <= most * theirs);
    }
    Ok(())
}

fn ours(case: &Case, seconds: u64) -> Result<Figures> {
    let seconds_text = seconds.to_string();
    let (text, cpu) = pinned(&mut this_binary(&[&case.url, &seconds_text, case.http, case.connections])?)?;
    let report: Value = serde_json::from_str(&text)?;
    ensure!(report["errors"] == 0, "{} requests failed", report["errors"]);
    // More at the beginning, while the second connection of a pool is still being opened.
    let streams = u64::from(case.streams.map_or(0, |(_, streams)| streams));
    let most = report["most_streams"].as_u64().context("no number of streams")?;
    ensure!(most >= streams && (most > 0) == (streams > 0), "{most} streams at once");
    Ok(cpu.over(report["requests"].as_f64().context("no count")?, seconds as f64))
}

/// The client: `<url> <seconds> <version of HTTP> <connections>`; prints what it recorded.
fn child(args: &[String]) -> Result<()> {
    let [url, seconds, http, connections] = args else { bail!("a child takes four arguments") };
    let wrong = anyhow::Error::msg;
    let stage = Stage {
        users: CONNECTIONS,
        max_users: CONNECTIONS,
        ..support::stage(Span::from_secs(seconds.parse()?))
    };
    let plan = LoadPlan {
        http: http.parse().map_err(wrong)?,
        connections: connections.parse().map_err(wrong)?,
        tls: TlsOptions { insecure: true, ..TlsOptions::default() },
        ..support::single_gets("transport", url, stage, 0.0)?
    };
    let record = run(plan, Hooks::default())?;
    let most_streams = record.connections.most_streams;
    println!(
        "{}",
        json!({ "requests": record.requests(), "errors": record.errors(), "most_streams": most_streams })
    );
    Ok(())
}
