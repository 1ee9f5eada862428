//! How exactly the open model sends.
//!
//! 5,000 single requests a second, Poisson, for 10 seconds, from one worker on core 0 to a trivial
//! server on core 1. Wanted: half of the requests within 100 us of their planned time, 99 % within a
//! millisecond; the exit code is 1 when that is not so. A Kolmogorov-Smirnov test compares the times
//! between sendings with the exponential distribution, and so for the plan. With so many requests it
//! finds the smallest differences: one thread cannot send two requests at once, so the shortest times
//! are missing even where nothing is late to speak of.
//!
//! `starved` shares core 0 with a thread that never rests: what a spoilt measurement looks like.
//!
//!     cargo bench -p lb-load --bench pacing [-- starved] [-- --rate 5000 --seconds 10]

mod support;

use anyhow::{Context, Result, ensure};
use lb_core::workload::{ArrivalProcess, ArrivalStart, Arrivals, RateSegment, Sample, Spacing, Stage};
use lb_core::{Span, Time};
use lb_load::{Hooks, run};
use lb_record::{RequestSink, TrialRecord};
use rustix::thread::{CpuSet, sched_setaffinity};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Limits that are wanted.
const MOST_P50: Span = Span::from_micros(100);
const MOST_P99: Span = Span::from_millis(1);

/// The generator's core, and the server's.
const CORES: [usize; 2] = [0, 1];

fn main() -> Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if !args.iter().any(|arg| arg == "--bench") {
        println!("pacing: nothing to test; measure with `cargo bench`");
        return Ok(ExitCode::SUCCESS);
    }
    let option = |name: &str, default: u32| -> Result<u32> {
        let value = args.iter().skip_while(|arg| *arg != name).nth(1);
        value.map_or(Ok(default), |value| value.parse().with_context(|| format!("{name} {value}")))
    };
    let (rate, seconds) = (f64::from(option("--rate", 5_000)?), option("--seconds", 10)?);
    let starved = args.iter().any(|arg| arg == "starved");
    let cores = std::thread::available_parallelism()?.get();
    ensure!(cores >= 2, "the generator and the server need a core each");

    let url = serve()?;
    let busy = starved.then(Busy::start);
    let (record, samples) = send(&url, rate, Span::from_secs(u64::from(seconds)))?;
    drop(busy);
    report(&record, samples, rate, starved)
}

/// One phase, and every request of it.
fn send(url: &str, rate: f64, duration: Span) -> Result<(TrialRecord, Vec<Sample>)> {
    let segments = vec![RateSegment { duration, from: rate, to: rate }];
    let process = ArrivalProcess::Rates { segments, spacing: Spacing::Poisson };
    let arrivals = Some(Arrivals { process, start: ArrivalStart::Action });
    let mut plan = support::single_gets("pacing", url, Stage { arrivals, ..support::stage(duration) }, 0.0)?;
    let (sink, batches) = RequestSink::new();
    let hooks = Hooks { requests: Some(sink), ..Hooks::default() };
    plan.keep_actions = false;
    plan.cores = vec![CORES[0]];
    let collector = std::thread::spawn(move || batches.into_iter().flatten().collect());
    let record = run(plan, hooks)?;
    Ok((record, collector.join().expect("it only collects")))
}

fn report(record: &TrialRecord, samples: Vec<Sample>, rate: f64, starved: bool) -> Result<ExitCode> {
    let at = |quantile| record.lateness.quantile(quantile).context("nothing was sent");
    let (p50, p99) = (at(0.5)?, at(0.99)?);
    let arrivals = record.arrivals;
    println!(
        "{} due, {} begun, {} dropped, {} errors{}",
        arrivals.due,
        arrivals.begun,
        arrivals.dropped,
        record.errors(),
        if starved { "; the core is shared with a busy thread" } else { "" }
    );
    let us = |span: Span| span.as_nanos() as f64 / 1e3;
    let max = record.lateness.max().unwrap_or_default();
    println!(
        "lateness   p50 {:.0} us, p90 {:.0} us, p99 {:.0} us, p99.9 {:.0} us, max {:.0} us",
        us(p50),
        us(at(0.9)?),
        us(p99),
        us(at(0.999)?),
        us(max)
    );
    let latency = |quantile| record.total().quantile(quantile).map_or(0.0, us);
    println!("latency    p50 {:.0} us, p99 {:.0} us", latency(0.5), latency(0.99));
    match record.cpu_wait_share {
        Some(share) => println!("CPU wait   {:.2} % of the phase", share * 100.0),
        None => println!("CPU wait   unknown on this system"),
    }
    for (name, time) in [("planned", (|s| s.intended) as fn(&Sample) -> Time), ("sent", |s| s.sent)] {
        let gaps = gaps(samples.iter().map(time).collect());
        let critical = 1.628 / (gaps.len() as f64).sqrt();
        let distance = kolmogorov_smirnov(gaps, rate);
        println!("KS {name:<8} D = {distance:.4}, critical at 1 %: {critical:.4}");
    }
    let held = [("p50 at most 100 us", p50 <= MOST_P50), ("p99 at most 1 ms", p99 <= MOST_P99)];
    for (rule, holds) in held {
        println!("{} {rule}", if holds { "yes:" } else { "NO: " });
    }
    let passed = starved || held.iter().all(|(_, holds)| *holds);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Seconds between one time and the next.
fn gaps(mut times: Vec<Time>) -> Vec<f64> {
    times.sort_unstable();
    times.windows(2).map(|pair| pair[1].since(pair[0]).as_secs_f64()).collect()
}

/// The greatest distance between the distribution of `gaps` and the exponential one of `rate`. The rate is
/// that of the plan, not estimated, so that 1.628 / sqrt(n) is the critical value at 1 % (asymptotically;
/// Smirnov, 1948).
fn kolmogorov_smirnov(mut gaps: Vec<f64>, rate: f64) -> f64 {
    gaps.sort_unstable_by(f64::total_cmp);
    let count = gaps.len() as f64;
    let distances = gaps.iter().enumerate().map(|(position, gap)| {
        let expected = 1.0 - (-rate * gap).exp();
        let (below, above) = (position as f64 / count, (position + 1) as f64 / count);
        (expected - below).max(above - expected)
    });
    distances.fold(0.0, f64::max)
}

/// A thread on the generator's core that never rests, until it is dropped.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        std::thread::spawn(move || {
            pin(CORES[0]);
            while !seen.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        Self(stop)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    if let Err(error) = sched_setaffinity(None, &set) {
        println!("core {core} cannot be had ({error}): the figures mean little");
    }
}

/// Starts a server that answers each request the same; it lasts as long as the process.
fn serve() -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || -> Result<()> {
        pin(CORES[1]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::spawn(answer(stream));
            }
        })
    });
    Ok(url)
}

/// Requests come one at a time and without a body, so a blank line ends each.
async fn answer(mut stream: TcpStream) {
    let mut buffer = [0; 4_096];
    let mut filled = 0;
    while let Ok(count @ 1..) = stream.read(&mut buffer[filled..]).await {
        filled += count;
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            filled = 0;
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
                return;
            }
        }
    }
}
