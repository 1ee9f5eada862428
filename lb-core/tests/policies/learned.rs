//! The place of the learned policy, with a scorer that is no network.

use lb_core::balancer::Balancer;
use lb_core::policy::{BackendIndex, FEATURE_SET, FEATURES, Learned, Reply, ReplyKind, RequestInfo, Scorer};
use lb_core::{Seed, Span, Time};
use std::sync::{Arc, Mutex};

/// Scores by minus one feature, or by a constant, and keeps what it saw.
struct Fake {
    lowest: Option<&'static str>,
    constant: f32,
    seen: Arc<Mutex<Vec<f32>>>,
}

impl Scorer for Fake {
    fn feature_set(&self) -> &str {
        FEATURE_SET
    }

    fn score(&mut self, features: &[f32], scores: &mut [f32]) {
        assert_eq!(features.len(), scores.len() * FEATURES.len(), "one row of features per score");
        *self.seen.lock().unwrap() = features.to_vec();
        for (row, score) in features.chunks(FEATURES.len()).zip(scores) {
            *score = self.lowest.map_or(self.constant, |name| -row[column(name)]);
        }
    }
}

fn column(name: &str) -> usize {
    FEATURES.iter().position(|feature| *feature == name).expect("a known feature")
}

struct Fixture {
    balancer: Balancer,
    seen: Arc<Mutex<Vec<f32>>>,
    now: Time,
}

impl Fixture {
    fn new(lowest: Option<&'static str>, constant: f32) -> Self {
        let seen = Arc::default();
        let scorer = Fake { lowest, constant, seen: Arc::clone(&seen) };
        let policy = Box::new(Learned::new(scorer).expect("the same feature set"));
        Self { balancer: Balancer::new(&[1.0; 3], policy, Seed(1).stream(&[])), seen, now: Time::ZERO }
    }

    fn send(&mut self) -> u32 {
        self.balancer.pick(&RequestInfo::default(), self.now).expect("all are healthy").0
    }

    fn reply(&mut self, backend: u32, kind: ReplyKind, millis: u64) {
        self.now += Span::from_millis(millis);
        let reply = Reply { kind, latency: Span::from_millis(millis) };
        self.balancer.reply(BackendIndex(backend), &reply, self.now);
    }

    fn feature(&self, backend: usize, name: &str) -> f32 {
        self.seen.lock().unwrap()[backend * FEATURES.len() + column(name)]
    }
}

#[test]
fn the_best_score_wins() {
    let mut pool = Fixture::new(Some("log_in_flight"), 0.0);
    let mut picks: Vec<u32> = (0..3).map(|_| pool.send()).collect();
    picks.sort_unstable();
    assert_eq!(picks, [0, 1, 2], "a scorer that prefers idle backends visits all three");
    pool.reply(1, ReplyKind::Success, 10);
    assert_eq!(pool.send(), 1, "and goes where a request has ended");
}

#[test]
fn features_say_what_the_balancer_saw() {
    let mut pool = Fixture::new(Some("log_in_flight"), 0.0);
    for _ in 0..3 {
        pool.send();
    }
    pool.reply(0, ReplyKind::Success, 10);
    pool.reply(1, ReplyKind::Success, 1_000);
    pool.reply(2, ReplyKind::ServerError, 1);
    pool.send();
    let slower = pool.feature(1, "log_fast_latency_vs_pool") - pool.feature(0, "log_fast_latency_vs_pool");
    assert!((slower - 100f32.ln()).abs() < 1e-3, "a hundred times slower is ln 100 more: {slower}");
    let unknown = pool.feature(2, "log_fast_latency_vs_pool");
    assert_eq!(unknown, 0.0, "a failure's latency is not learnt: typical of the pool");
    assert!(pool.feature(2, "error_rate") > 0.0, "the error is");
    assert_eq!(pool.feature(2, "log_consecutive_errors"), 1f32.ln_1p());
    assert_eq!(pool.feature(0, "error_rate"), 0.0);
}

#[test]
fn only_eligible_backends_are_scored() {
    let mut pool = Fixture::new(Some("log_in_flight"), 0.0);
    pool.balancer.set_healthy(BackendIndex(0), false);
    assert_ne!(pool.send(), 0);
    assert_eq!(pool.seen.lock().unwrap().len(), 2 * FEATURES.len(), "two rows for two eligible");
}

#[test]
fn a_score_that_is_no_number_falls_back() {
    for broken in [f32::NAN, f32::INFINITY] {
        let mut pool = Fixture::new(None, broken);
        let mut picks: Vec<u32> = (0..3).map(|_| pool.send()).collect();
        picks.sort_unstable();
        assert_eq!(picks, [0, 1, 2], "{broken}: latency x (in-flight + 1) decides instead");
    }
}

#[test]
fn fallbacks_are_counted() {
    use lb_core::policy::{BackendView, Policy, PoolView};
    let scorer = Fake { lowest: None, constant: f32::NAN, seen: Arc::default() };
    let mut policy = Learned::new(scorer).expect("the same feature set");
    let backends = [BackendView { weight: 1.0, in_flight: 0 }; 2];
    let eligible = [BackendIndex(0), BackendIndex(1)];
    let pool = PoolView { backends: &backends, eligible: &eligible, generation: 1 };
    let mut rng = Seed(1).stream(&[]);
    for count in 1..=3 {
        let picked = policy.pick(&RequestInfo::default(), &pool, Time::ZERO, &mut rng);
        assert!(picked.is_some(), "the fallback picks");
        assert_eq!(policy.fallbacks(), count, "each fallback is counted");
    }
}

#[test]
fn a_scorer_trained_on_other_features_is_refused() {
    struct Foreign;
    impl Scorer for Foreign {
        fn feature_set(&self) -> &str {
            "other-9"
        }
        fn score(&mut self, _: &[f32], _: &mut [f32]) {}
    }
    let error = Learned::new(Foreign).map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        error,
        "policy was trained on feature set `other-9`, this build computes `basic-1`; retrain it or use the matching build"
    );
}
