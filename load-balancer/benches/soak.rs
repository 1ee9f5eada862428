//! Whether exchanges that are broken off leave anything behind, over minutes.
//!
//! `cargo bench -p load-balancer --bench soak [-- --seconds S]`
//!
//! Four clients send requests through a load balancer with two data threads; a quarter of the exchanges is broken off
//! by the client or the backend in one of eight ways. Every tenth of the time, the clients pause, and memory,
//! descriptors and requests in flight are read. They must be flat from the second reading on; the exit code says so.

#[path = "../tests/common/mod.rs"]
mod common;

use common::soak::Soak;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often the figures are read.
const READINGS: u32 = 10;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("a benchmark: run it with `cargo bench -p load-balancer --bench soak`");
        return ExitCode::SUCCESS;
    }
    let seconds = match arguments.iter().position(|argument| argument == "--seconds") {
        None => 600.0,
        Some(at) => match arguments.get(at + 1).and_then(|value| value.parse::<f64>().ok()) {
            Some(seconds) if seconds > 0.0 => seconds,
            _ => {
                eprintln!("soak bench: `--seconds` needs a number above 0");
                return ExitCode::FAILURE;
            }
        },
    };
    let soak = Soak::start();
    let part = Duration::from_secs_f64(seconds) / READINGS;
    println!(
        "{:>10} {:>10} {:>12} {:>12} {:>10}",
        "exchanges", "broken", "memory KiB", "descriptors", "in flight"
    );
    let mut readings = Vec::new();
    for _ in 0..READINGS {
        let begin = Instant::now();
        soak.work(|_| begin.elapsed() < part);
        let held = soak.held();
        let (all, broken) = (soak.exchanges.load(Ordering::Relaxed), soak.broken.load(Ordering::Relaxed));
        let (memory, descriptors) = (held.memory_kib, held.descriptors);
        println!("{all:>10} {broken:>10} {memory:>12} {descriptors:>12} {:>10}", held.in_flight);
        readings.push(held);
    }
    let (first, last) = (readings[1], readings[readings.len() - 1]);
    let is_flat = last.in_flight == 0
        && last.descriptors <= first.descriptors + 2
        && last.memory_kib <= first.memory_kib + first.memory_kib / 10;
    println!("{}", if is_flat { "flat" } else { "not flat: something is left behind" });
    if is_flat { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
