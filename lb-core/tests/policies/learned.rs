//! The learned policy: what it sees, how it picks, what guards it.

use lb_core::balancer::Balancer;
use lb_core::hints::{self, Hint, Said};
use lb_core::policy::learned::{
    Action, ActionMode, FEATURES, Features, GuardCounts, Guards, Learned, Network, PolicyFile, Scores, WIDTH,
};
use lb_core::policy::{BackendIndex, BackendView, LoadReport, PoolView, Reply, ReplyKind, RequestInfo};
use lb_core::profile::{self, BackendProfile, Estimate, PoolProfile};
use lb_core::topology::Discipline;
use lb_core::{Seed, Span, Time};
use rand::RngExt;
use rand_distr::LogNormal;
use std::sync::Arc;

fn column(name: &str) -> usize {
    FEATURES.iter().position(|feature| *feature == name).expect("a known feature")
}

/// A network that scores by `-weight x` one feature, as far as its activation lets it through unchanged.
fn lowest(name: &str) -> Network {
    let mut network = Network::zero();
    network.clip = 100.0;
    // Shifted into the linear part of the activation, and counted a thousandfold against the prior.
    network.first[column(name)][0] = -1.0;
    network.biases.0[0] = 50.0;
    network.second[0][0] = 1.0;
    network.third[0] = 1_000.0;
    network
}

fn file(network: Network) -> PolicyFile {
    let mut file = PolicyFile::new(network, Action::default());
    file.guards = Guards { minimum_share: 0.0, ..Guards::default() };
    file
}

struct Fixture {
    balancer: Balancer,
    now: Time,
}

impl Fixture {
    fn new(file: PolicyFile, backends: usize) -> Self {
        let policy = Box::new(Learned::new(Arc::new(file)));
        Self { balancer: Balancer::new(&vec![1.0; backends], policy, Seed(1).stream(&[])), now: Time::ZERO }
    }

    fn send(&mut self) -> u32 {
        self.now += Span::from_micros(100);
        self.balancer.pick(&RequestInfo::default(), self.now).expect("all are healthy").0
    }

    /// A request is sent and takes `millis`.
    fn exchange(&mut self, kind: ReplyKind, millis: u64) -> u32 {
        let backend = self.send();
        self.now += Span::from_millis(millis);
        self.balancer.reply(
            BackendIndex(backend),
            &Reply { kind, latency: Span::from_millis(millis) },
            self.now,
        );
        backend
    }

    fn counts(&self) -> GuardCounts {
        self.balancer.guard_counts().expect("a learned policy counts")
    }
}

/// A pool whose features are kept by hand.
struct Seen {
    features: Features,
    views: Vec<BackendView>,
    eligible: Vec<BackendIndex>,
    now: Time,
}

impl Seen {
    fn new(backends: usize) -> Self {
        Self::with(backends, Features::default())
    }

    fn with(backends: usize, features: Features) -> Self {
        let mut seen = Self {
            features,
            views: vec![BackendView { weight: 1.0, in_flight: 0 }; backends],
            eligible: (0..backends as u32).map(BackendIndex).collect(),
            now: Time::ZERO,
        };
        seen.adapt();
        seen
    }

    fn adapt(&mut self) {
        let pool = PoolView { backends: &self.views, eligible: &self.eligible, generation: 1 };
        self.features.adapt(&pool, self.now);
    }

    fn send(&mut self, backend: usize, route: u16) -> Time {
        self.now += Span::from_micros(10);
        self.views[backend].in_flight += 1;
        let request = RequestInfo { client_key: 0, route, ..RequestInfo::default() };
        self.send_request(backend, &request)
    }

    fn send_request(&mut self, backend: usize, request: &RequestInfo) -> Time {
        self.features.on_arrival(request, self.now);
        self.features.on_sent(BackendIndex(backend as u32), request, self.now);
        self.now
    }

    fn reply(&mut self, backend: usize, sent: Time, kind: ReplyKind) {
        self.views[backend].in_flight -= 1;
        let reply = Reply { kind, latency: self.now.since(sent) };
        self.features.on_reply(BackendIndex(backend as u32), &reply, self.now);
    }

    fn exchange(&mut self, backend: usize, route: u16, millis: u64, kind: ReplyKind) {
        let sent = self.send(backend, route);
        self.now += Span::from_millis(millis);
        self.reply(backend, sent, kind);
    }

    /// Rows for a request of `route`.
    fn rows(&self, route: u16) -> Vec<Vec<f32>> {
        self.rows_of(&RequestInfo { client_key: 0, route, ..RequestInfo::default() })
    }

    fn rows_of(&self, request: &RequestInfo) -> Vec<Vec<f32>> {
        self.observe(request).0
    }

    /// Rows and priors for a request.
    fn observe(&self, request: &RequestInfo) -> (Vec<Vec<f32>>, Vec<f32>) {
        let pool = PoolView { backends: &self.views, eligible: &self.eligible, generation: 1 };
        let mut rows = vec![0.0; self.eligible.len() * WIDTH];
        let mut priors = vec![0.0; self.eligible.len()];
        self.features.observe(request, &pool, &self.eligible, self.now, &mut rows, &mut priors);
        (rows.chunks(WIDTH).map(<[f32]>::to_vec).collect(), priors)
    }

    fn feature(&self, backend: usize, name: &str) -> f32 {
        self.rows(0)[backend][column(name)]
    }
}

#[test]
fn features_tell_slow_from_fast_whatever_the_unit_of_time() {
    for unit in [1, 100] {
        let mut seen = Seen::new(2);
        for _ in 0..200 {
            seen.exchange(0, 0, unit, ReplyKind::Success);
            seen.exchange(1, 0, 4 * unit, ReplyKind::Success);
        }
        for name in ["log_fast_latency_vs_typical", "log_slow_latency_vs_typical"] {
            let (fast, slow) = (seen.feature(0, name), seen.feature(1, name));
            assert!((slow - fast - 4f32.ln()).abs() < 0.01, "{name}: four times as slow is ln 4 more");
            assert!(fast < 0.0 && 0.0 < slow, "{name}: relative to a mean of both");
        }
    }
}

#[test]
fn failures_show_as_errors_and_not_as_speed() {
    let mut seen = Seen::new(2);
    for _ in 0..50 {
        seen.exchange(0, 0, 10, ReplyKind::Success);
        seen.exchange(1, 0, 10, ReplyKind::Success);
    }
    let before = seen.feature(1, "log_fast_latency_vs_typical");
    for _ in 0..30 {
        seen.exchange(1, 0, 0, ReplyKind::ServerError);
    }
    assert_eq!(seen.feature(1, "log_fast_latency_vs_typical"), before, "a refusal teaches no latency");
    assert!(seen.feature(1, "error_rate") > 0.9, "but it is seen");
    assert!((seen.feature(1, "log_consecutive_errors") - 31f32.ln()).abs() < 1e-3, "30 in a row");
    assert_eq!(seen.feature(0, "error_rate"), 0.0, "of that backend alone");
}

#[test]
fn a_failure_costs_the_same_whatever_was_asked_for() {
    let mut seen = Seen::new(2);
    let (small, large) = (0, 1);
    for _ in 0..200 {
        for backend in [0, 1] {
            seen.exchange(backend, small, 2, ReplyKind::Success);
            seen.exchange(backend, large, 100, ReplyKind::Success);
        }
    }
    // How much worse the second backend is, in the logarithm of the cost of the request.
    let gap = |seen: &Seen, route: u16| {
        let (_, priors) = seen.observe(&RequestInfo { client_key: 0, route, ..RequestInfo::default() });
        priors[0] - priors[1]
    };
    assert!(gap(&seen, small).abs() < 0.2 && gap(&seen, large).abs() < 0.2, "they are equal");
    seen.exchange(1, small, 0, ReplyKind::ServerError);
    let (of_small, of_large) = (gap(&seen, small), gap(&seen, large));
    assert!(of_large > 1.0, "a backend that fails is avoided: {of_large}");
    assert!(of_small > of_large + 1.0, "and by small requests too: {of_small} and {of_large}");
}

#[test]
fn a_stall_shows_in_the_ages_before_any_reply() {
    let mut seen = Seen::new(2);
    for _ in 0..50 {
        seen.exchange(0, 0, 10, ReplyKind::Success);
        seen.exchange(1, 0, 10, ReplyKind::Success);
    }
    let sent = seen.send(1, 0);
    seen.now += Span::from_millis(100);
    let age = seen.feature(1, "log_oldest_age_vs_typical");
    assert!((age - 11f32.ln()).abs() < 0.2, "ten typical latencies old: ln(1 + 10), not {age}");
    assert_eq!(seen.feature(0, "log_oldest_age_vs_typical"), 0.0, "the other has nothing outstanding");
    seen.reply(1, sent, ReplyKind::Success);
    assert_eq!(seen.feature(1, "log_oldest_age_vs_typical"), 0.0, "and it ends with the reply");
}

#[test]
fn a_request_whose_client_left_is_forgotten() {
    let mut seen = Seen::new(1);
    let first = seen.send(0, 0);
    let second = seen.send(0, 0);
    seen.features.on_cancel(BackendIndex(0), first);
    seen.views[0].in_flight -= 1;
    seen.now += Span::from_millis(5);
    seen.reply(0, second, ReplyKind::Success);
    assert_eq!(seen.feature(0, "log_oldest_age_vs_typical"), 0.0, "nothing is outstanding");
    assert_eq!(seen.feature(0, "log_in_flight"), 0.0);
}

#[test]
fn costs_of_routes_are_learnt_and_taken_out_of_latencies() {
    let mut seen = Seen::new(2);
    // Backend 1 gets all the long requests, and is as fast as the other.
    for round in 0..4_000 {
        seen.exchange(0, 1, 5, ReplyKind::Success);
        let (route, millis) = if round % 4 == 0 { (1, 5) } else { (2, 20) };
        seen.exchange(1, route, millis, ReplyKind::Success);
    }
    let cost = |route| seen.rows(route)[0][column("log_predicted_cost")];
    let difference = cost(2) - cost(1);
    assert!((0.7..=4f32.ln() + 0.1).contains(&difference), "route 2 costs more: {difference}");
    let (one, other) =
        (seen.feature(0, "log_slow_latency_vs_typical"), seen.feature(1, "log_slow_latency_vs_typical"));
    assert!(other - one < 0.75 * 3.0 / 4.0 * 4f32.ln(), "most of the mix is taken out: {one} and {other}");
    assert_eq!(cost(9), 0.0, "an unknown route is an ordinary one");
}

#[test]
fn rows_do_not_depend_on_the_order_of_backends() {
    let mut seen = Seen::new(3);
    for millis in 1..100 {
        for place in 0..3 {
            seen.exchange(place, 0, millis % 7 * (place as u64 + 1) + 1, ReplyKind::Success);
        }
    }
    seen.send(1, 0);
    let rows = seen.rows(0);
    seen.eligible.reverse();
    let mut mirrored = seen.rows(0);
    mirrored.reverse();
    for (row, mirrored) in rows.iter().flatten().zip(mirrored.iter().flatten()) {
        assert!((row - mirrored).abs() < 1e-4, "{row} and {mirrored}");
    }
}

#[test]
fn every_number_stays_within_bounds_whatever_happens() {
    let mut seen = Seen::new(3);
    let mut sent = Vec::new();
    for step in 0..5_000u64 {
        let backend = (step * 7 % 3) as usize;
        sent.push((backend, seen.send(backend, (step % 70) as u16)));
        if step % 3 == 0 {
            seen.now += Span::from_secs(step % 11 * 1_000);
            let (backend, at) = sent.swap_remove((step as usize * 5) % sent.len());
            let kinds = [ReplyKind::Success, ReplyKind::Timeout, ReplyKind::ServerError];
            seen.reply(backend, at, kinds[(step % 9 / 3) as usize]);
        }
        let rows = seen.rows((step % 70) as u16);
        let sound = rows.iter().flatten().all(|number| number.is_finite() && number.abs() <= 6.0);
        assert!(sound, "step {step}: {rows:?}");
    }
}

#[test]
fn the_best_score_is_picked() {
    let mut fixture = Fixture::new(file(lowest("log_in_flight")), 4);
    let mut picked: Vec<u32> = (0..4).map(|_| fixture.send()).collect();
    picked.sort_unstable();
    assert_eq!(picked, [0, 1, 2, 3], "each request goes where nothing is in flight");
}

#[test]
fn without_training_it_shuns_slow_and_failing_backends() {
    let mut fixture = Fixture::new(file(Network::zero()), 2);
    let mut counts = [0u32; 2];
    for _ in 0..200 {
        // Backend 1 refuses everything at once, which must not look fast.
        let backend = fixture.send();
        counts[backend as usize] += 1;
        let (kind, millis) =
            if backend == 1 { (ReplyKind::ServerError, 0) } else { (ReplyKind::Success, 10) };
        fixture.now += Span::from_millis(millis);
        let reply = Reply { kind, latency: Span::from_millis(millis) };
        fixture.balancer.reply(BackendIndex(backend), &reply, fixture.now);
    }
    assert!(counts[1] < 20, "no sinkhole: {counts:?}");
}

#[test]
fn softmax_draws_in_proportion_and_says_with_what_probability() {
    let action = Action { mode: ActionMode::Softmax, temperature: 1.0, max_candidates: 16 };
    let mut policy = file(Network::zero());
    policy.action = action;
    let mut fixture = Fixture::new(policy, 2);
    let mut counts = [0u32; 2];
    for _ in 0..4_000 {
        // Both idle at each decision and equally fast: an even draw.
        counts[fixture.exchange(ReplyKind::Success, 10) as usize] += 1;
    }
    assert!(
        counts[0].abs_diff(2_000) < 400,
        "about even, since idle time tells them apart a little: {counts:?}"
    );
    let mut scores = Scores::default();
    let mut seen = Seen::new(2);
    for _ in 0..50 {
        seen.exchange(0, 0, 10, ReplyKind::Success);
        seen.exchange(1, 0, 30, ReplyKind::Success);
    }
    let pool = PoolView { backends: &seen.views, eligible: &seen.eligible, generation: 1 };
    let mut rng = Seed(3).stream(&[]);
    scores.observe(&seen.features, &RequestInfo::default(), &pool, 16, seen.now, &mut rng);
    let drawn = (0..20_000).filter(|_| scores.draw_softmax(1.0, &mut rng) == 0).count() as f64 / 20_000.0;
    assert!((scores.probability(0, 1.0) - 0.75).abs() < 0.01, "latencies of 1 to 3: three in four");
    assert!((drawn - 0.75).abs() < 0.01, "and so it is drawn: {drawn}");
    assert!((scores.probability(0, 1.0) + scores.probability(1, 1.0) - 1.0).abs() < 1e-9);
}

#[test]
fn of_a_large_pool_some_are_scored_and_the_last_pick_among_them() {
    let seen = Seen::new(64);
    let pool = PoolView { backends: &seen.views, eligible: &seen.eligible, generation: 1 };
    let (mut scores, mut rng) = (Scores::default(), Seed(5).stream(&[]));
    let mut met = [0u32; 64];
    for _ in 0..2_000 {
        scores.observe(&seen.features, &RequestInfo::default(), &pool, 16, seen.now, &mut rng);
        let candidates = scores.candidates().to_vec();
        let mut distinct = candidates.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), candidates.len(), "nobody twice");
        assert!(
            (15..=16).contains(&candidates.len()),
            "as many as may be, or one less: {}",
            candidates.len()
        );
        let picked = scores.pick(scores.best());
        candidates.iter().for_each(|backend| met[backend.get()] += 1);
        scores.observe(&seen.features, &RequestInfo::default(), &pool, 16, seen.now, &mut rng);
        assert!(scores.candidates().contains(&picked), "the incumbent stays");
    }
    assert!(met.iter().all(|count| *count > 300), "everybody gets a chance: {met:?}");
}

#[test]
fn a_score_that_is_no_number_is_never_acted_upon() {
    let mut network = Network::zero();
    network.biases.2 = f32::NAN;
    let mut fixture = Fixture::new(file(network), 3);
    let mut counts = [0u32; 3];
    for _ in 0..300 {
        counts[fixture.exchange(ReplyKind::Success, 10) as usize] += 1;
    }
    assert!(counts.iter().all(|count| *count > 50), "the fallback spreads an even load: {counts:?}");
    assert_eq!(fixture.counts().not_finite, 300, "and each such pick is counted");
}

#[test]
fn a_backend_that_is_never_chosen_gets_its_minimum_share() {
    let mut policy = file(lowest("log_fast_latency_vs_typical"));
    policy.guards = Guards { minimum_share: 0.01, ..Guards::default() };
    let mut fixture = Fixture::new(policy, 3);
    let mut counts = [0u32; 3];
    let mut first_ten_thousand = |fixture: &mut Fixture, slow: u64| {
        counts = [0; 3];
        for _ in 0..10_000 {
            let backend = fixture.send();
            counts[backend as usize] += 1;
            let millis = if backend == 2 { slow } else { 10 };
            fixture.now += Span::from_millis(millis);
            let reply = Reply { kind: ReplyKind::Success, latency: Span::from_millis(millis) };
            fixture.balancer.reply(BackendIndex(backend), &reply, fixture.now);
        }
        counts
    };
    let slow = first_ten_thousand(&mut fixture, 500)[2];
    assert!((90..=110).contains(&slow), "one in a hundred: {slow}");
    assert!(fixture.counts().minimum_share >= 90, "the guard is counted: {:?}", fixture.counts());
    let recovered = first_ten_thousand(&mut fixture, 1)[2];
    assert!(recovered > 5_000, "which is how a recovery is noticed: {recovered}");
}

#[test]
fn when_nobody_answers_the_fallback_decides() {
    let mut fixture = Fixture::new(file(lowest("log_in_flight")), 2);
    fixture.exchange(ReplyKind::Success, 10);
    fixture.send();
    fixture.now += Span::from_secs(6);
    fixture.send();
    assert_eq!(fixture.counts().stale, 1, "six seconds of silence with a request out");
    fixture.exchange(ReplyKind::Success, 1);
    fixture.send();
    assert_eq!(fixture.counts().stale, 2, "the second was placed before the reply, none after it");
}

/// A request that says `limit`.
fn asking(limit: f32) -> RequestInfo {
    let mut request = RequestInfo { route: 1, ..RequestInfo::default() };
    request.hints.push(Hint { name: hints::hash(b"query.limit"), said: Said::Number(limit) });
    request
}

#[test]
fn what_a_request_says_shows_in_its_row_and_in_the_work_that_is_left() {
    let mut seen = Seen::new(2);
    for round in 0..4_000u64 {
        let limit = [100, 200, 400, 800][(round % 4) as usize];
        let backend = (round % 2) as usize;
        seen.now += Span::from_micros(10);
        seen.views[backend].in_flight += 1;
        let sent = seen.send_request(backend, &asking(limit as f32));
        seen.now += Span::from_micros(50 * limit);
        seen.reply(backend, sent, ReplyKind::Success);
    }
    let cost = |limit: f32| seen.rows_of(&asking(limit))[0][column("log_predicted_cost")];
    let ratio = cost(800.0) - cost(100.0);
    assert!((ratio - 8f32.ln()).abs() < 0.3, "eight times the limit is eight times the work: {ratio}");
    for (backend, limit) in [(0, 800.0), (1, 100.0)] {
        seen.views[backend].in_flight += 1;
        seen.send_request(backend, &asking(limit));
    }
    let work = |backend: usize| seen.feature(backend, "log_work_left_vs_count");
    assert!(work(0) > work(1) + 0.5, "the long request weighs more: {} and {}", work(0), work(1));
}

#[test]
fn a_report_shows_what_other_balancers_have_sent_until_it_is_old() {
    let mut seen = Seen::new(2);
    for _ in 0..50 {
        seen.exchange(0, 0, 10, ReplyKind::Success);
        seen.exchange(1, 0, 10, ReplyKind::Success);
    }
    assert_eq!(seen.feature(0, "report_freshness"), 0.0, "nothing was reported");
    seen.send(0, 0);
    let report = LoadReport { in_flight: Some(4), own: 1, ..LoadReport::default() };
    seen.features.on_report(BackendIndex(0), &report, seen.now);
    assert!(seen.feature(0, "report_freshness") > 0.99);
    let vs_own = seen.feature(0, "log_reported_vs_own");
    assert!(
        (vs_own - 2.5f32.ln()).abs() < 1e-4,
        "four in place of one, each counted with the next: {vs_own}"
    );
    assert_eq!(seen.feature(1, "log_reported_vs_own"), 0.0, "the other has reported nothing");
    seen.now += Span::from_millis(1_000);
    assert!(seen.feature(0, "report_freshness") < 0.02, "a hundred typical latencies later it says little");
}

/// A profile of backends with these speeds, named `b1`, `b2` and so on.
fn profile(speeds: &[f64]) -> PoolProfile {
    let backend = |(place, speed): (usize, &f64)| BackendProfile {
        id: format!("b{}", place + 1),
        speed: Estimate { value: *speed, log_error: 0.05 },
        workers: 1,
        workers_known: true,
        discipline: Discipline::Fcfs,
    };
    PoolProfile {
        format_version: profile::FORMAT_VERSION.to_owned(),
        about: String::new(),
        service_ms: Estimate { value: 10.0, log_error: 0.05 },
        backends: speeds.iter().enumerate().map(backend).collect(),
        routes: Vec::new(),
    }
}

/// A pool of backends `b1`, `b2` and so on with a profile.
fn profiled(profile: &PoolProfile, backends: usize) -> Seen {
    let mut features = Features::with_profile(Some(profile));
    for place in 0..backends {
        features.on_named(BackendIndex(place as u32), &format!("b{}", place + 1));
    }
    Seen::with(backends, features)
}

/// Sends `rounds` requests to each backend, one at a time, with times spread around `means` by a factor of e.
fn serve(seen: &mut Seen, means: &[f64], rounds: usize, seed: u64) {
    let mut rng = Seed(seed).stream(&[]);
    let spread = LogNormal::new(0.0, 1.0).expect("a deviation");
    for _ in 0..rounds {
        for (backend, mean) in means.iter().enumerate() {
            let sent = seen.send(backend, 0);
            seen.now += Span::from_millis_f64(mean * rng.sample(spread));
            seen.reply(backend, sent, ReplyKind::Success);
        }
    }
}

#[test]
fn a_profile_that_agrees_with_what_is_observed_keeps_its_trust() {
    let mut seen = profiled(&profile(&[1.0, 2.0, 4.0]), 4);
    serve(&mut seen, &[10.0, 5.0, 2.5, 5.0], 1_000, 3);
    for backend in 0..3 {
        assert_eq!(seen.feature(backend, "profile_trust"), 1.0, "backend {backend}");
        assert!(seen.feature(backend, "log_service_vs_profile").abs() < 0.5, "backend {backend}");
    }
    assert_eq!(seen.feature(3, "profile_trust"), 0.0, "a backend that the profile does not know is new");
    assert_eq!(seen.features.distrusted(), 0);
    // The whole pool is three times as slow: requests are larger, and speeds are what they were.
    serve(&mut seen, &[30.0, 15.0, 7.5, 15.0], 1_000, 4);
    assert_eq!(seen.features.distrusted(), 0, "no contradiction");
}

#[test]
fn a_profile_of_another_pool_loses_its_trust() {
    let mut seen = profiled(&profile(&[1.0, 2.0, 4.0, 8.0]), 4);
    serve(&mut seen, &[1.25, 2.5, 5.0, 10.0], 300, 5);
    assert!(seen.feature(0, "profile_trust") < 0.3, "eight times as fast as it says");
    assert!(seen.feature(3, "profile_trust") < 0.3, "eight times as slow as it says");
    assert!(seen.features.distrusted() >= 4, "each time is counted: {}", seen.features.distrusted());
}

#[test]
fn trust_comes_back_after_a_fault() {
    let mut seen = profiled(&profile(&[1.0, 1.0, 1.0]), 3);
    serve(&mut seen, &[10.0, 10.0, 10.0], 200, 6);
    serve(&mut seen, &[10.0, 10.0, 100.0], 60, 7);
    let during = seen.feature(2, "profile_trust");
    assert!(during < 0.3, "ten times slower: {during}");
    assert_eq!(seen.feature(0, "profile_trust"), 1.0, "which says nothing about the others");
    serve(&mut seen, &[10.0, 10.0, 10.0], 3_000, 8);
    let after = seen.feature(2, "profile_trust");
    assert!(after > 0.8, "it serves as before: {after}");
}

#[test]
fn a_policy_that_knows_its_pool_begins_with_the_fast_backend_and_counts_distrust() {
    let mut policy = file(Network::zero());
    policy.profile = Some(profile(&[1.0, 16.0]));
    let mut fixture = Fixture::new(policy, 2);
    for (place, id) in ["b1", "b2"].into_iter().enumerate() {
        fixture.balancer.name(BackendIndex(place as u32), id.into());
    }
    assert_eq!(fixture.send(), 1, "before anything was observed");
    let reply = |fixture: &mut Fixture, backend: u32, millis: u64| {
        fixture.now += Span::from_millis(millis);
        let reply = Reply { kind: ReplyKind::Success, latency: Span::from_millis(millis) };
        fixture.balancer.reply(BackendIndex(backend), &reply, fixture.now);
    };
    reply(&mut fixture, 1, 10);
    for _ in 0..400 {
        let backend = fixture.send();
        reply(&mut fixture, backend, if backend == 1 { 10 } else { 1 });
    }
    assert_eq!(fixture.send(), 0, "the other one is ten times as fast");
}

/// The share of requests that the fast one of two backends gets from a network that prefers the slow one, once it knows both.
fn share_of_the_fast_one(hint: impl Fn(f32) -> Option<Hint>) -> f64 {
    let mut network = lowest("log_slow_latency_vs_typical");
    network.first[column("log_slow_latency_vs_typical")][0] = 1.0;
    let mut file = file(network);
    file.guards.minimum_share = 0.05;
    let mut fixture = Fixture::new(file, 2);
    let mut draws = Seed(5).stream(&[]);
    let mut fast = 0;
    for number in 0..4_000_u32 {
        let size = draws.random_range(1.0..200.0_f32);
        let mut request = RequestInfo { client_key: draws.random(), ..RequestInfo::default() };
        hint(size).into_iter().for_each(|hint| request.hints.push(hint));
        fixture.now += Span::from_micros(100);
        let backend = fixture.balancer.pick(&request, fixture.now).expect("all are healthy");
        let latency = Span::from_secs_f64(f64::from(size) / 1e5 * if backend.0 == 0 { 1.0 } else { 5.0 });
        fixture.now += latency;
        fixture.balancer.reply(backend, &Reply { kind: ReplyKind::Success, latency }, fixture.now);
        fast += u32::from(number >= 3_000 && backend.0 == 0);
    }
    f64::from(fast) / 1_000.0
}

#[test]
fn the_network_has_no_say_where_requests_tell_what_they_cost() {
    let limit = |value| Hint { name: hints::hash(b"query.limit"), said: Said::Number(value) };
    let told = share_of_the_fast_one(|size| Some(limit(size)));
    let untold = share_of_the_fast_one(|size| Some(limit(1.0 + size % 1.0)));
    let silent = share_of_the_fast_one(|_| None);
    assert!(told > 0.85, "the prior decides: {told}");
    assert!(untold < 0.15, "a hint that tells nothing changes nothing: {untold}");
    assert!(silent < 0.15, "the network decides: {silent}");
}

#[test]
fn a_share_of_the_network_is_added_to_the_prior() {
    let seen = Seen::new(3);
    let mut scores = Scores::default();
    let network = Network { biases: ([0.0; 16], [0.0; 16], 2.0), ..Network::zero() };
    let mut observe = |share| {
        let pool = PoolView { backends: &seen.views, eligible: &seen.eligible, generation: 1 };
        let mut draws = Seed(1).stream(&[]);
        scores.observe(&seen.features, &RequestInfo::default(), &pool, 12, seen.now, &mut draws);
        let prior = scores.scores().to_vec();
        scores.add(&network, share);
        scores.scores().iter().zip(prior).map(|(score, prior)| score - prior).collect::<Vec<f32>>()
    };
    assert_eq!(observe(0.0), [0.0; 3]);
    assert_eq!(observe(0.5), [1.0; 3]);
    assert_eq!(observe(1.0), [2.0; 3]);
}
