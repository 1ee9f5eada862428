//! Measures a policy in a case: one simulation and its summary.

use crate::scenarios::Case;
use lb_core::policy::Policy;
use lb_core::workload::{Observer, Sample};
use lb_core::{Span, Time};
use serde::{Deserialize, Serialize};
use simulator::oracle::Oracle;
use simulator::{Report, simulate_open, simulate_open_with_oracle};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Latencies and errors as seen by clients. The first tenth of the time is excluded; a failed request counts
/// with the timeout as its latency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Mean latency in milliseconds.
    pub mean_ms: f64,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of latency in milliseconds.
    pub p99_ms: f64,
    /// 99.9th percentile of latency in milliseconds.
    pub p999_ms: f64,
    /// Share of requests that failed.
    pub error_rate: f64,
    /// Largest share of requests that one backend received.
    pub max_share: f64,
}

/// Latencies of a simulation.
struct Latencies {
    from: Time,
    timeout_ms: f64,
    limit_ms: f64,
    all: Vec<f32>,
    failed: usize,
    /// Number of requests that failed or took longer than the limit.
    late: usize,
}

impl Observer for Latencies {
    fn sample(&mut self, sample: &Sample) {
        if sample.sent < self.from {
            return;
        }
        let is_success = sample.outcome.is_success();
        let latency = if is_success {
            sample.done.since(sample.sent).as_millis_f64()
        } else {
            self.failed += 1;
            self.timeout_ms
        };
        self.late += usize::from(!is_success || latency > self.limit_ms);
        self.all.push(latency as f32);
    }
}

impl Latencies {
    fn new(case: &Case) -> Self {
        let length = case.load.requests as f64 / case.load.rate;
        Self {
            from: Time::from_nanos((length * 0.1 * 1e9) as u64),
            timeout_ms: case.timeout_ms(),
            limit_ms: f64::INFINITY,
            all: Vec::with_capacity(case.load.requests as usize),
            failed: 0,
            late: 0,
        }
    }

    fn figures(mut self, report: &Report) -> Figures {
        let count = self.all.len().max(1);
        let mean_ms = self.all.iter().map(|latency| f64::from(*latency)).sum::<f64>() / count as f64;
        let mut quantile = |q: f64| -> f64 {
            if self.all.is_empty() {
                return 0.0;
            }
            let place = ((self.all.len() as f64 * q) as usize).min(self.all.len() - 1);
            f64::from(*self.all.select_nth_unstable_by(place, f32::total_cmp).1)
        };
        let (p50_ms, p99_ms, p999_ms) = (quantile(0.5), quantile(0.99), quantile(0.999));
        let requests: Vec<u64> = report.backends.iter().map(|backend| backend.requests).collect();
        let most = requests.iter().max().copied().unwrap_or(0);
        Figures {
            mean_ms,
            p50_ms,
            p99_ms,
            p999_ms,
            error_rate: self.failed as f64 / count as f64,
            max_share: most as f64 / requests.iter().sum::<u64>().max(1) as f64,
        }
    }
}

/// Simulates `case` under a policy.
///
/// # Panics
/// Panics if the case cannot be simulated. All cases of [`crate::scenarios`] can.
pub fn measure(case: &Case, policy: &mut dyn FnMut() -> Box<dyn Policy>) -> Figures {
    let mut latencies = Latencies::new(case);
    let report = simulate_open(&case.topology, &case.load, policy, &case.options, &mut latencies)
        .expect("a case can be simulated");
    latencies.figures(&report)
}

/// Simulates `case` like [`measure`], and also returns the share of requests that failed or took longer than `limit`.
///
/// # Panics
/// Same as [`measure`].
pub fn measure_late(case: &Case, limit: Span, policy: &mut dyn FnMut() -> Box<dyn Policy>) -> (Figures, f64) {
    let mut latencies = Latencies { limit_ms: limit.as_millis_f64(), ..Latencies::new(case) };
    let report = simulate_open(&case.topology, &case.load, policy, &case.options, &mut latencies)
        .expect("a case can be simulated");
    let late = latencies.late as f64 / latencies.all.len().max(1) as f64;
    (latencies.figures(&report), late)
}

/// Simulates `case` like [`measure`], and counts the first tenth of the time as well, in which a policy learns about the
/// pool.
///
/// # Panics
/// Same as [`measure`].
pub fn measure_from_start(case: &Case, policy: &mut dyn FnMut() -> Box<dyn Policy>) -> Figures {
    let mut latencies = Latencies { from: Time::ZERO, ..Latencies::new(case) };
    let report = simulate_open(&case.topology, &case.load, policy, &case.options, &mut latencies)
        .expect("a case can be simulated");
    latencies.figures(&report)
}

/// Simulates `case` under an oracle.
///
/// # Panics
/// Same as [`measure`].
pub fn measure_oracle(case: &Case, oracle: Oracle) -> Figures {
    let mut latencies = Latencies::new(case);
    let report = simulate_open_with_oracle(&case.topology, &case.load, oracle, &case.options, &mut latencies)
        .expect("a case can be simulated");
    latencies.figures(&report)
}

/// Applies `work` to each item, using one thread per core, and returns the results in order.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(items.len().max(1));
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(place) else {
                        break;
                    };
                    let result = work(item);
                    done.lock().expect("no thread panics while it holds the lock").push((place, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no thread panics while it holds the lock");
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}
