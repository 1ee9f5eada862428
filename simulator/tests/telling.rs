//! Requests that say what they cost: what policies hear of them, and for how long backends serve them.

mod common;

use common::{Recorder, arrivals, policies, singles_of, stage, topology};
use lb_core::hints::{Hint, Hints, Said, hash};
use lb_core::policy::{BackendIndex, Policy, PoolView, RequestInfo};
use lb_core::rng::Rng;
use lb_core::topology::Topology;
use lb_core::workload::{ArrivalStart, Sample, Scenario, Schedule, Spacing};
use lb_core::{Seed, Span, Time};
use simulator::oracle::Oracle;
use simulator::{OpenLoad, Options, Simulation, Telling, simulate_open, simulate_open_with_oracle};
use std::sync::{Arc, Mutex};

/// A failure counts as the timeout of the open loads, in milliseconds.
const FAILED_MS: f64 = 2_000.0;

/// Takes backends in turn, and keeps what the requests say.
#[derive(Clone, Default)]
struct Listener {
    heard: Arc<Mutex<Vec<Hints>>>,
    picks: usize,
}

impl Policy for Listener {
    fn pick(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        _now: Time,
        _rng: &mut Rng,
    ) -> Option<BackendIndex> {
        self.heard.lock().expect("one thread").push(request.hints);
        self.picks += 1;
        pool.eligible.get(self.picks % pool.eligible.len()).copied()
    }
}

impl Listener {
    fn policies(&self) -> impl FnMut() -> Box<dyn Policy> + use<> {
        let listener = self.clone();
        move || Box::new(listener.clone())
    }

    fn heard(&self) -> Vec<Hints> {
        self.heard.lock().expect("one thread").clone()
    }
}

/// Requests so rare that none waits for another, which tell much.
fn rare(requests: u64) -> OpenLoad {
    let telling = Some(Telling { share: 0.81, sigma: 1.0, noise: 2, word: Some(0.3) });
    OpenLoad { telling, ..OpenLoad::poisson(1.0, requests, Span::from_secs(60), Seed(3)) }
}

/// The latency of each request in the order of sending, without the way.
fn latencies(recorder: &Recorder) -> Vec<u64> {
    let mut samples: Vec<&Sample> = recorder.samples.iter().collect();
    samples.sort_by_key(|sample| sample.sent);
    samples.iter().map(|sample| sample.done.since(sample.sent).as_nanos()).collect()
}

fn run(
    topology: &Topology,
    load: &OpenLoad,
    options: &Options,
    mut policy: impl FnMut() -> Box<dyn Policy>,
) -> Vec<u64> {
    let mut recorder = Recorder::default();
    simulate_open(topology, load, &mut policy, options, &mut recorder).expect("a simulation");
    latencies(&recorder)
}

#[test]
fn all_algorithms_get_the_same_sizes_and_words_and_another_luck_only_other_sizes() {
    let (pool, load) = (topology("situation-a"), rare(300));
    let usual = Options::default();
    let lucky = Options { luck: 7, ..usual };
    let listen = |options: &Options| {
        let listener = Listener::default();
        (run(&pool, &load, options, listener.policies()), listener.heard())
    };
    let (sizes, said) = listen(&usual);
    assert_eq!((sizes.len(), said.len()), (300, 300));
    assert!(said.iter().all(|hints| hints.as_slice().len() == 4), "a number, a word and noise");
    for algorithm in ["round-robin", "least-connections", "ewma-scan"] {
        assert_eq!(run(&pool, &load, &usual, policies(algorithm)), sizes, "{algorithm}");
    }
    let mut recorder = Recorder::default();
    simulate_open_with_oracle(&pool, &load, Oracle::LeastWorkLeft, &usual, &mut recorder)
        .expect("a simulation");
    assert_eq!(latencies(&recorder), sizes, "an oracle");
    let (others, again) = listen(&lucky);
    assert_eq!(again, said, "requests say the same in every replication");
    assert_ne!(others, sizes, "and take other times");
}

#[test]
fn what_requests_tell_takes_the_place_of_the_topologys_costs_and_spread() {
    let load = rare(200);
    let of = |name: &str| run(&topology(name), &load, &Options::default(), policies("least-connections"));
    assert_eq!(of("situation-b-sized"), of("situation-b"), "the same sizes");
    let silent = OpenLoad { telling: None, ..load.clone() };
    let listener = Listener::default();
    run(&topology("situation-b-sized"), &silent, &Options::default(), listener.policies());
    assert!(listener.heard().iter().all(|hints| hints.as_slice().is_empty()), "nothing is said");
}

#[test]
fn a_policy_that_does_not_listen_meets_the_load_of_the_plain_situation() {
    let figures = |telling: Option<Telling>| {
        let load = OpenLoad { telling, ..OpenLoad::poisson(2_560.0, 40_000, Span::from_secs(2), Seed(5)) };
        let mut recorder = Recorder::default();
        let options = Options { seed: Seed(5), ..Options::default() };
        let mut policy = policies("least-connections");
        simulate_open(&topology("situation-b"), &load, &mut policy, &options, &mut recorder)
            .expect("a simulation");
        recorder.mean_and_p99(FAILED_MS)
    };
    let (mean, p99) = figures(None);
    let (told_mean, told_p99) = figures(Some(Telling { share: 0.81, sigma: 1.0, noise: 0, word: None }));
    assert!((told_mean / mean - 1.0).abs() < 0.1, "means {told_mean} and {mean}");
    assert!((told_p99 / p99 - 1.0).abs() < 0.15, "p99 {told_p99} and {p99}");
}

/// A scenario of single requests of a journey, at `rate` a second for ten seconds.
fn scenario(topology: Topology, journey: &str, rate: f64) -> Scenario {
    let open = arrivals(rate, Spacing::Even, ArrivalStart::Action);
    let stages = vec![stage(0, Some(open), Span::from_secs(10))];
    Scenario { request_timeout: Span::from_secs(60), ..singles_of(journey, topology, stages) }
}

fn number(hints: &Hints, name: &str) -> f64 {
    let name = hash(name.as_bytes());
    match hints.as_slice() {
        [Hint { name: found, said: Said::Number(number) }] if *found == name => f64::from(*number),
        other => panic!("one number, not {other:?}"),
    }
}

#[test]
fn a_request_of_a_scenario_is_served_for_as_long_as_its_text_says() {
    const JOURNEY: &str = r#"{ "name": "one", "actions": { "get": { "weight": 1, "steps":
        [{ "name": "get", "service": "shop", "path": "/list?limit={{int:1:500}}" }] } } }"#;
    let pool: Topology = serde_json::from_str(
        r#"{
            "name": "t", "pools": [{"name": "all", "backends": [{"id": "b1", "workers": 100}]}],
            "service_time": {"distribution": "constant", "mean_ms": 10.0},
            "cost": {"from": "query.limit", "law": {"affine": {"base": 0.5, "per": 0.5, "of": 100}}}
        }"#,
    )
    .expect("a topology");
    let scenario = scenario(pool, JOURNEY, 30.0);
    let schedule = Schedule::new(Arc::clone(&scenario.workload), Seed(1));
    let listener = Listener::default();
    let mut recorder = Recorder::default();
    let options = Options { network_delay: Span::ZERO, ..Options::default() };
    Simulation::run(&scenario, &schedule, &mut listener.policies(), &options, &mut recorder)
        .expect("it runs");
    let (heard, taken) = (listener.heard(), latencies(&recorder));
    assert_eq!((heard.len(), taken.len()), (300, 300));
    let mut limits = Vec::new();
    for (hints, nanos) in heard.iter().zip(taken) {
        let limit = number(hints, "query.limit");
        let expected = 10.0 * (0.5 + 0.5 * limit / 100.0);
        assert!(
            (nanos as f64 / 1e6 - expected).abs() < 1e-3,
            "limit {limit} takes {expected} ms, not {nanos} ns"
        );
        limits.push(limit as u64);
    }
    limits.sort_unstable();
    limits.dedup();
    assert!(limits.len() > 100, "each request draws its own: {limits:?}");
}

#[test]
fn the_bundled_journey_keeps_the_mean_demand_of_its_situations() {
    let journey = include_str!("../../configs/journeys/telling_get.json");
    let sized = topology("situation-b-sized");
    let scenario = scenario(sized.clone(), journey, 2_000.0);
    let schedule = Schedule::new(Arc::clone(&scenario.workload), Seed(1));
    let listener = Listener::default();
    let mut recorder = Recorder::default();
    let mut least = policies("least-connections");
    let report = Simulation::run(&scenario, &schedule, &mut least, &Options::default(), &mut recorder)
        .expect("it runs");
    let speeds = sized.pools[0].backends.iter().map(|backend| backend.speed);
    let work: f64 = speeds.zip(&report.backends).map(|(speed, one)| speed * one.busy.as_millis_f64()).sum();
    let mean = work / recorder.samples.len() as f64;
    assert!((mean / 37.5 - 1.0).abs() < 0.03, "a request takes {mean} ms at speed 1, not 37.5");
    let other = Schedule::new(Arc::clone(&scenario.workload), Seed(2));
    let mut ignored = Recorder::default();
    Simulation::run(&scenario, &other, &mut listener.policies(), &Options::default(), &mut ignored)
        .expect("it runs");
    let heard = listener.heard();
    let mean = heard.iter().map(|hints| number(hints, "query.limit")).sum::<f64>() / heard.len() as f64;
    assert!((mean - 100.0).abs() < 3.0, "the mean limit is {mean}");
}

#[test]
fn a_scenario_without_costs_says_nothing() {
    let journey = include_str!("../../configs/journeys/telling_get.json");
    let scenario = scenario(topology("situation-a"), journey, 20.0);
    let schedule = Schedule::new(Arc::clone(&scenario.workload), Seed(1));
    let listener = Listener::default();
    let mut recorder = Recorder::default();
    Simulation::run(&scenario, &schedule, &mut listener.policies(), &Options::default(), &mut recorder)
        .expect("it runs");
    assert_eq!(recorder.samples.len(), 200);
    assert!(
        listener.heard().iter().all(|hints| hints.as_slice().is_empty()),
        "what says nothing is not read"
    );
}

#[test]
fn what_cannot_be_told_is_refused() {
    let load = rare(1);
    let telling = load.telling.map(|telling| Telling { share: 2.0, ..telling });
    let load = OpenLoad { telling, ..load };
    let mut policy = policies("p2c");
    let error = simulate_open(
        &topology("situation-a"),
        &load,
        &mut policy,
        &Options::default(),
        &mut Recorder::default(),
    )
    .expect_err("a share above 1");
    assert_eq!(error.to_string(), "telling.share: 2 must lie between 0 and 1");
}
