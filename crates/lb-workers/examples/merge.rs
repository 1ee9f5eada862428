//! Measures how long a leader takes to add up what many workers recorded, and how much memory.
//!
//! `cargo run --release -p lb-workers --example merge -- 1000 60` makes the records of 1,000 workers of a trial of 60 s
//! with 200 requests a second each, packs them as workers do, and then unpacks and adds them up as the leader does.

use lb_core::workload::{ActionIndex, Observer as _, Sample, StepIndex, UserId};
use lb_core::{Outcome, Span, Time};
use lb_record::{Recording, RecordingSpec, TrialRecord};
use std::time::Instant;

/// Requests a second of each worker.
const RATE: u64 = 200;
const STEPS: u64 = 12;
const BACKENDS: u64 = 8;

fn main() -> Result<(), String> {
    let mut numbers = std::env::args().skip(1).map_while(|text| text.parse::<u64>().ok());
    let (workers, seconds) = (numbers.next().unwrap_or(1_000), numbers.next().unwrap_or(60));
    // The work of many workers, so that memory is that of what the leader gets, not of how it was made.
    let kinds: Vec<Vec<u8>> =
        (0..16).map(|kind| lb_workers::pack(record(kind, seconds))).collect::<Result<_, _>>()?;
    let packed: Vec<Vec<u8>> =
        (0..workers as usize).map(|worker| kinds[worker % kinds.len()].clone()).collect();
    let bytes: usize = packed.iter().map(Vec::len).sum();
    let begun = Instant::now();
    let (sum, _) = lb_workers::sum_packed(packed, |_, record| record.requests())?;
    let sum = sum.ok_or("there are no workers")?;
    let took = begun.elapsed();
    println!(
        "{workers} workers, {seconds} s: {:.1} MB packed, {:.1} kB each; added up in {:.2} s; {} requests, p99 {:?}; \
         peak memory {} MB",
        bytes as f64 / 1e6,
        bytes as f64 / 1e3 / workers as f64,
        took.as_secs_f64(),
        sum.requests(),
        sum.total().quantile(0.99),
        peak_mb()
    );
    Ok(())
}

/// What a worker records: latencies spread over two decades, one error in a thousand.
fn record(kind: u64, seconds: u64) -> TrialRecord {
    let spec = RecordingSpec {
        steps: STEPS as usize,
        backends: BACKENDS as usize,
        open: true,
        ..RecordingSpec::default()
    };
    let (recording, mut recorders) = Recording::start(spec, 1);
    let mut random = kind + 1;
    for n in 0..RATE * seconds {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (random >> 40) as f64 / (1_u64 << 24) as f64;
        let latency = Span::from_secs_f64(0.002 * 10_f64.powf(2.0 * share));
        let sent = Time::from_nanos(n * 1_000_000_000 / RATE);
        recorders[0].sample(&Sample {
            user: UserId(n as u32),
            action: ActionIndex(0),
            step: StepIndex((n % STEPS) as u16),
            intended: sent,
            sent,
            done: sent + latency,
            outcome: if n % 1_000 == 999 { Outcome::ServerError } else { Outcome::Ok },
            status: 200,
            backend: Some((random % BACKENDS) as u16),
            bytes: 700,
        });
        recorders[0].late(Span::from_micros(random % 300));
    }
    TrialRecord { cpu_wait_share: Some(0.01), ..recording.finish(recorders, Span::from_secs(seconds)) }
}

/// The most memory that this process has used, in megabytes.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1_024
}
