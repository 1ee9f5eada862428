//! A pool under test: a balancer with the clock in hand.

use lb_core::balancer::Balancer;
use lb_core::policy::{BackendIndex, Reply, ReplyKind, RequestInfo};
use lb_core::{Algorithm, Seed, Span, Time};

/// A balancer, the time, and short words for what happens to them.
pub(crate) struct Pool {
    pub(crate) balancer: Balancer,
    pub(crate) now: Time,
}

impl Pool {
    /// A pool under the algorithm of this name.
    pub(crate) fn new(algorithm: &str, weights: &[f64]) -> Self {
        Self::seeded(algorithm, weights, 1)
    }

    pub(crate) fn seeded(algorithm: &str, weights: &[f64], seed: u64) -> Self {
        let algorithm: Algorithm = algorithm.parse().expect("a known algorithm");
        let policy = algorithm.policy().expect("a policy that needs no file");
        Self { balancer: Balancer::new(weights, policy, Seed(seed).stream(&[])), now: Time::ZERO }
    }

    pub(crate) fn wait(&mut self, span: Span) {
        self.now += span;
    }

    /// Sends a request, which stays in flight.
    pub(crate) fn send(&mut self) -> u32 {
        self.send_for(0)
    }

    pub(crate) fn send_for(&mut self, client_key: u64) -> u32 {
        let request = RequestInfo { client_key, route: 0, ..RequestInfo::default() };
        self.balancer.pick(&request, self.now).expect("a backend takes requests").0
    }

    /// Answers one of the requests in flight on `backend`.
    pub(crate) fn reply(&mut self, backend: u32, kind: ReplyKind, latency: Span) {
        self.balancer.reply(BackendIndex(backend), &Reply { kind, latency }, self.now);
    }

    /// Sends a request that is answered after `latency(backend)`, as the only one in flight.
    pub(crate) fn serve(&mut self, latency: impl Fn(u32) -> Span) -> u32 {
        let backend = self.send();
        let latency = latency(backend);
        self.wait(latency);
        self.reply(backend, ReplyKind::Success, latency);
        backend
    }

    /// Serves `count` requests one after the other and counts them per backend.
    pub(crate) fn shares(&mut self, count: u32, latency: impl Fn(u32) -> Span) -> Vec<u32> {
        let mut shares = vec![0; self.balancer.backends().len()];
        for _ in 0..count {
            shares[self.serve(&latency) as usize] += 1;
        }
        shares
    }

    /// Lets a backend take requests or not.
    pub(crate) fn set_healthy(&mut self, backend: u32, healthy: bool) {
        self.balancer.set_healthy(BackendIndex(backend), healthy);
    }
}

/// Asserts that `observed` counts fit `expected` proportions: Pearson's chi-square stays below
/// `limit`.
pub(crate) fn assert_proportions(observed: &[u32], expected: &[f64], limit: f64, rule: &str) {
    let total = f64::from(observed.iter().sum::<u32>()) / expected.iter().sum::<f64>();
    let chi_square: f64 = observed
        .iter()
        .zip(expected)
        .map(|(observed, share)| {
            let expected = share * total;
            (f64::from(*observed) - expected).powi(2) / expected
        })
        .sum();
    assert!(chi_square < limit, "{rule}: {observed:?} against {expected:?} gives {chi_square:.1}");
}

/// A latency for tests in which it does not matter.
pub(crate) const fn ten_ms(_: u32) -> Span {
    Span::from_millis(10)
}
