//! The decision log that any policy can wear: what it tells is what happened.

use lb_core::algorithm::Algorithm;
use lb_core::balancer::Balancer;
use lb_core::policy::learned::WIDTH;
use lb_core::policy::{BackendIndex, Decision, DecisionLog, Ending, Logged, Reply, ReplyKind, RequestInfo};
use lb_core::{Seed, Span, Time};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A decision that was told, owned.
#[derive(Clone, Debug)]
struct Told {
    id: u64,
    at: Time,
    route: u16,
    backends: usize,
    eligible: Vec<u32>,
    features: Vec<f32>,
    action: u32,
    propensity: Option<f64>,
    explored: bool,
    in_system: Span,
}

#[derive(Default)]
struct Book {
    closed: bool,
    decisions: Vec<Told>,
    endings: Vec<Ending>,
}

struct Log(Arc<Mutex<Book>>);

impl DecisionLog for Log {
    fn is_open(&self) -> bool {
        !self.0.lock().unwrap().closed
    }

    fn decision(&mut self, decision: &Decision<'_>) {
        self.0.lock().unwrap().decisions.push(Told {
            id: decision.id,
            at: decision.at,
            route: decision.route,
            backends: decision.backends,
            eligible: decision.eligible.iter().map(|backend| backend.0).collect(),
            features: decision.features.to_vec(),
            action: decision.action.0,
            propensity: decision.propensity,
            explored: decision.explored,
            in_system: decision.in_system,
        });
    }

    fn ending(&mut self, ending: &Ending) {
        self.0.lock().unwrap().endings.push(*ending);
    }
}

struct Fixture {
    balancer: Balancer,
    book: Arc<Mutex<Book>>,
    now: Time,
}

impl Fixture {
    fn new(algorithm: &str, backends: usize, exploration: f64) -> Self {
        let book = Arc::<Mutex<Book>>::default();
        let inner = algorithm.parse::<Algorithm>().unwrap().policy().unwrap();
        let policy = Logged::new(inner, Box::new(Log(Arc::clone(&book))), exploration);
        let balancer = Balancer::new(&vec![1.0; backends], Box::new(policy), Seed(7).stream(&[]));
        Self { balancer, book, now: Time::ZERO }
    }

    fn wait(&mut self, millis: u64) {
        self.now += Span::from_millis(millis);
    }

    /// Sends a request; who got it and when.
    fn send(&mut self, route: u16) -> (BackendIndex, Time) {
        let request = RequestInfo { client_key: 0, route, ..RequestInfo::default() };
        (self.balancer.pick(&request, self.now).expect("some are eligible"), self.now)
    }

    fn end(&mut self, (backend, sent): (BackendIndex, Time), kind: ReplyKind) {
        self.balancer.reply(backend, &Reply { kind, latency: self.now.since(sent) }, self.now);
    }

    fn decisions(&self) -> Vec<Told> {
        self.book.lock().unwrap().decisions.clone()
    }

    fn endings(&self) -> Vec<Ending> {
        self.book.lock().unwrap().endings.clone()
    }
}

#[test]
fn each_ending_finds_its_decision() {
    let mut pool = Fixture::new("round-robin", 2, 0.0);
    let first = pool.send(3);
    pool.wait(1);
    let second = pool.send(4);
    pool.wait(1);
    let third = pool.send(3);
    assert_eq!([first.0.0, second.0.0, third.0.0], [0, 1, 0], "two of them share a backend");
    pool.wait(8);
    pool.end(third, ReplyKind::Success);
    pool.wait(2);
    pool.end(second, ReplyKind::ServerError);
    pool.balancer.cancel(first.0, first.1);

    let decisions = pool.decisions();
    let of = |pick: fn(&Told) -> u64| decisions.iter().map(pick).collect::<Vec<_>>();
    assert_eq!(of(|told| told.id), [0, 1, 2], "decisions are numbered");
    assert_eq!(of(|told| told.at.as_nanos() / 1_000_000), [0, 1, 2]);
    assert_eq!(of(|told| u64::from(told.route)), [3, 4, 3]);
    assert_eq!(of(|told| u64::from(told.action)), [0, 1, 0]);
    let endings = pool.endings();
    let ends: Vec<(u64, u64)> =
        endings.iter().map(|ending| (ending.id, ending.latency.as_nanos() / 1_000_000)).collect();
    assert_eq!(ends, [(2, 8), (1, 11), (0, 12)], "in the order in which they ended");
    let (kind, reward) = endings[0].ending.expect("it was answered");
    assert_eq!((kind, reward), (ReplyKind::Success, -1.0), "the only success is the typical one");
    let (kind, reward) = endings[1].ending.expect("it failed");
    assert_eq!((kind, reward), (ReplyKind::ServerError, -40.0), "an error has the price of an error");
    assert_eq!(endings[2].ending, None, "nobody knows how what was given up would have ended");
}

#[test]
fn features_stand_at_the_place_of_their_backend_and_the_mask_says_which_count() {
    let mut pool = Fixture::new("least-connections", 3, 0.0);
    pool.balancer.set_healthy(BackendIndex(1), false);
    for _ in 0..3 {
        pool.send(0);
        pool.wait(1);
    }
    let last = pool.decisions().pop().expect("three were made");
    assert_eq!((last.backends, last.features.len()), (3, 3 * WIDTH), "a row for each backend of the pool");
    assert_eq!(last.eligible, [0, 2]);
    let rows: Vec<&[f32]> = last.features.chunks(WIDTH).collect();
    assert!(rows[1].iter().all(|number| *number == 0.0), "what cannot be picked is not looked at");
    let ln_2 = 2f32.ln();
    assert!((rows[0][0] - ln_2).abs() < 1e-6, "one request in flight on the first: {:?}", rows[0]);
    assert!((rows[2][0] - ln_2).abs() < 1e-6, "and one on the third");
}

#[test]
fn what_a_learned_policy_sees_is_what_is_logged() {
    use lb_core::policy::PolicyFile;
    use lb_core::policy::learned::{Action, Features, Network};
    let file = Arc::new(PolicyFile::new(Network::zero(), Action::default()));
    let book = Arc::<Mutex<Book>>::default();
    let inner = "rl".parse::<Algorithm>().unwrap().policy_with(Some(&file)).unwrap();
    let logged = Logged::new(inner, Box::new(Log(Arc::clone(&book))), 0.0);
    let mut balancer = Balancer::new(&[1.0; 3], Box::new(logged), Seed(7).stream(&[]));
    let mut features = Features::default();
    let mut now = Time::ZERO;
    let mut waiting: Vec<(BackendIndex, Time)> = Vec::new();
    for round in 0u64..200 {
        now += Span::from_micros(100 + round * 37 % 900);
        let request = RequestInfo { client_key: 0, route: (round % 3) as u16, ..RequestInfo::default() };
        let views = balancer.backends().to_vec();
        let eligible: Vec<BackendIndex> = (0..3).map(BackendIndex).collect();
        let pool = lb_core::policy::PoolView { backends: &views, eligible: &eligible, generation: 3 };
        features.adapt(&pool, now);
        features.on_arrival(&request, now);
        let (mut rows, mut prior) = (vec![0.0; 3 * WIDTH], vec![0.0; 3]);
        features.observe(&request, &pool, &eligible, now, &mut rows, &mut prior);
        let picked = balancer.pick(&request, now).unwrap();
        features.on_sent(picked, &request, now);
        assert_eq!(book.lock().unwrap().decisions.last().unwrap().features, rows, "round {round}");
        waiting.push((picked, now));
        if waiting.len() > 4 {
            let (backend, sent) = waiting.remove((round % 5) as usize);
            now += Span::from_micros(50);
            let kind = if round % 11 == 0 { ReplyKind::ServerError } else { ReplyKind::Success };
            let reply = Reply { kind, latency: now.since(sent) };
            balancer.reply(backend, &reply, now);
            features.on_reply(backend, &reply, now);
        }
    }
}

#[test]
fn exploration_takes_its_rate_and_is_spread_evenly() {
    let mut pool = Fixture::new("round-robin", 4, 0.2);
    pool.balancer.set_draining(BackendIndex(3), true);
    const PICKS: usize = 20_000;
    for _ in 0..PICKS {
        let sent = pool.send(0);
        pool.wait(1);
        pool.end(sent, ReplyKind::Success);
    }
    let decisions = pool.decisions();
    let explored: Vec<&Told> = decisions.iter().filter(|told| told.explored).collect();
    assert!(explored.len().abs_diff(PICKS / 5) < 250, "a fifth explores: {}", explored.len());
    let mut counts = HashMap::<u32, usize>::new();
    explored.iter().for_each(|told| *counts.entry(told.action).or_default() += 1);
    assert_eq!(counts.len(), 3, "never where no request may go: {counts:?}");
    assert!(counts.values().all(|count| count.abs_diff(explored.len() / 3) < 150), "{counts:?}");

    // A third of the fifth, and all of the rest where the rotation would have gone too.
    let (same, other) = (0.2 / 3.0 + 0.8, 0.2 / 3.0);
    for told in &decisions {
        let propensity = told.propensity.expect("a rotation leaves nothing to chance");
        let near = |expected: f64| (propensity - expected).abs() < 1e-12;
        assert!(near(same) || near(other), "{told:?}");
        assert!(told.explored || near(same), "what the rotation picked has its probability: {told:?}");
    }
    // Over all decisions the chances of what was not picked make up for it: each round sums to 1.
    let inverse: f64 = decisions.iter().map(|told| 1.0 / told.propensity.expect("known")).sum();
    let mean = inverse / PICKS as f64;
    assert!((mean - 3.0).abs() < 0.15, "inverse propensities count the three choices: {mean}");
}

#[test]
fn a_propensity_that_is_not_known_is_not_made_up() {
    for (algorithm, exploration, expected) in [
        ("random", 0.0, Some(0.25)),
        ("random", 0.5, Some(0.25)),
        ("round-robin", 0.0, Some(1.0)),
        ("least-connections", 0.0, None),
        ("least-connections", 0.1, None),
        ("least-connections", 1.0, Some(0.25)),
    ] {
        let mut pool = Fixture::new(algorithm, 4, exploration);
        for _ in 0..200 {
            pool.send(0);
        }
        for told in pool.decisions() {
            let known = told.propensity.is_some();
            // Where exploration went elsewhere than chance would have, that chance is not known.
            let lucky = algorithm == "random" && told.explored;
            assert!(known == expected.is_some() || lucky, "{algorithm}, {exploration}: {told:?}");
            if let (Some(found), Some(expected)) = (told.propensity, expected) {
                assert!((found - expected).abs() < 1e-12, "{algorithm}, {exploration}: {found}");
            }
        }
    }
}

#[test]
fn a_closed_log_is_told_nothing_and_changes_nothing() {
    let picks = |exploration: f64, logged: bool| {
        let mut pool = Fixture::new("p2c", 5, exploration);
        pool.book.lock().unwrap().closed = true;
        if !logged {
            pool.balancer.set_policy("p2c".parse::<Algorithm>().unwrap().policy().unwrap());
        }
        let picks: Vec<u32> = (0..500).map(|_| pool.send(0).0.0).collect();
        assert!(pool.decisions().is_empty() && pool.endings().is_empty(), "it is closed");
        picks
    };
    assert_eq!(picks(0.5, true), picks(0.0, false), "nobody explores and no dice are thrown");

    let mut pool = Fixture::new("round-robin", 2, 0.0);
    pool.book.lock().unwrap().closed = true;
    let before = pool.send(0);
    pool.book.lock().unwrap().closed = false;
    let after = pool.send(0);
    pool.wait(5);
    pool.end(before, ReplyKind::Success);
    pool.end(after, ReplyKind::Success);
    assert_eq!(pool.endings().len(), 1, "only what was decided while it was open ends in it");
    let told = &pool.decisions()[0];
    assert_eq!(told.id, pool.endings()[0].id);
    assert!((told.features[0] - 2f32.ln()).abs() < 1e-6, "features know what was sent before it opened");
}

#[test]
fn time_in_the_system_is_summed_between_decisions() {
    let mut pool = Fixture::new("round-robin", 2, 0.0);
    pool.wait(10);
    let first = pool.send(0);
    pool.wait(3);
    let second = pool.send(0);
    pool.wait(2);
    pool.end(first, ReplyKind::Success);
    pool.wait(4);
    pool.send(0);
    pool.balancer.cancel(second.0, second.1);
    pool.wait(7);
    pool.send(0);
    let spent: Vec<f64> = pool.decisions().iter().map(|told| told.in_system.as_millis_f64()).collect();
    // Nobody; one for 3 ms; two for 2 ms and one for 4 ms; one for 7 ms, as the second was given up.
    assert_eq!(spent, [0.0, 3.0, 8.0, 7.0]);
}
