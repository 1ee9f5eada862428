//! The open load that is stepped from outside: it is the same system, and its rewards are what the requests took.

mod common;

use common::{Recorder, policies, topology};
use lb_core::fault::{Fault, FaultKind};
use lb_core::policy::learned::{Guards, Learned, Network, WIDTH};
use lb_core::policy::{BackendIndex, Policy, PolicyFile, ReplyKind};
use lb_core::rng::Rng;
use lb_core::topology::Topology;
use lb_core::{Algorithm, Seed, Span};
use simulator::{
    Bursts, Decision, NOT_ELIGIBLE, OpenLoad, Options, PickError, Settled, SimulationError, Stepped,
    simulate_open,
};
use std::sync::Arc;

fn load(requests: u64, seed: u64) -> OpenLoad {
    OpenLoad::poisson(2_560.0, requests, Span::from_secs(2), Seed(seed))
}

fn options(balancers: u16) -> Options {
    Options { balancers, seed: Seed(3), ..Options::default() }
}

/// Situation B whose first backend is down for a while, long enough for health checks to notice.
fn with_outage() -> Topology {
    let mut topology = topology("situation-b");
    topology.faults = vec![Fault {
        kind: FaultKind::Crash { slow_start_s: 0.0 },
        services: vec![],
        backends: vec!["b1".to_owned()],
        start_s: 1.0,
        duration_s: Some(5.0),
        every_s: None,
    }];
    topology
}

/// Plays to the end with the picks of `pick`.
fn play(
    stepped: &mut Stepped,
    mut pick: impl FnMut(&Decision<'_>, &[f32], &[f32]) -> BackendIndex,
) -> (Recorder, Vec<Settled>, u128) {
    let (mut recorder, mut settled, mut waited) = (Recorder::default(), Vec::new(), 0);
    let (mut rows, mut priors) = (vec![0.0; 8 * WIDTH], vec![0.0; 8]);
    while stepped.next(&mut recorder).is_some() {
        stepped.settle(|one| settled.push(one));
        waited += stepped.waited();
        stepped.observe(&mut rows, &mut priors);
        let picked = pick(&stepped.decision().expect("one is to be made"), &rows, &priors);
        stepped.decide(picked).expect("an eligible backend");
    }
    stepped.settle(|one| settled.push(one));
    (recorder, settled, waited + stepped.waited())
}

/// Picks from outside as `algorithm` would inside; it must need nothing but counts and draws.
fn outside(
    stepped: &Stepped,
    algorithm: &str,
    balancers: u16,
) -> impl FnMut(&Decision<'_>) -> BackendIndex + use<> {
    let algorithm: Algorithm = algorithm.parse().expect("a known algorithm");
    let mut all: Vec<(Box<dyn Policy>, Rng)> = (0..balancers)
        .map(|balancer| (algorithm.policy().expect("needs no file"), stepped.stream(balancer)))
        .collect();
    move |decision| {
        let (policy, rng) = &mut all[usize::from(decision.balancer)];
        policy.pick(decision.request, &decision.pool, decision.now, rng).expect("one is eligible")
    }
}

#[test]
fn the_same_picks_from_outside_give_the_same_samples() {
    let (bursty, topology) = (Bursts { factor: 1.6, mean_length: Span::from_millis(500) }, with_outage());
    for (algorithm, balancers, bursts) in
        [("least-connections", 1, None), ("least-connections", 4, Some(bursty)), ("p2c", 2, None)]
    {
        let load = OpenLoad { bursts, ..load(20_000, 7) };
        let options = options(balancers);
        let mut inside = Recorder::default();
        let report = simulate_open(&topology, &load, &mut policies(algorithm), &options, &mut inside)
            .expect("a topology that can be simulated");
        let mut stepped = Stepped::new(&topology, &load, &options).expect("the same");
        let mut pick = outside(&stepped, algorithm, balancers);
        let (samples, ..) = play(&mut stepped, |decision, _, _| pick(decision));
        assert!(
            format!("{:?}", samples.samples) == format!("{:?}", inside.samples),
            "{algorithm} in {balancers} load balancers: sample for sample"
        );
        assert_eq!(stepped.report(), report, "{algorithm}: events and backends are the same");
    }
}

#[test]
fn observations_are_what_a_served_policy_sees() {
    let (topology, load, options) = (with_outage(), load(20_000, 8), options(2));
    let mut file = PolicyFile::new(Network::zero(), Default::default());
    file.guards = Guards { minimum_share: 0.0, stale_after_ms: u64::MAX / 2_000_000 };
    let file = Arc::new(file);
    let mut inside = Recorder::default();
    let mut policy = || -> Box<dyn Policy> { Box::new(Learned::new(Arc::clone(&file))) };
    simulate_open(&topology, &load, &mut policy, &options, &mut inside).expect("it can be simulated");
    let mut stepped = Stepped::new(&topology, &load, &options).expect("the same");
    let best = |_: &Decision<'_>, _: &[f32], priors: &[f32]| {
        // The first of equal ones, as it is served.
        let mut best = 0;
        (1..priors.len()).for_each(|place| best = if priors[place] > priors[best] { place } else { best });
        BackendIndex(best as u32)
    };
    let (samples, ..) = play(&mut stepped, best);
    assert!(
        format!("{:?}", samples.samples) == format!("{:?}", inside.samples),
        "the best prior, served and stepped"
    );
}

#[test]
fn the_integral_of_requests_in_flight_is_the_sum_of_their_latencies() {
    let topology = with_outage();
    let mut stepped = Stepped::new(&topology, &load(20_000, 9), &options(3)).expect("it can be simulated");
    let mut pick = outside(&stepped, "least-connections", 3);
    let (samples, settled, waited) = play(&mut stepped, |decision, _, _| pick(decision));
    let sum: u128 = settled.iter().map(|one| u128::from(one.latency.as_nanos())).sum();
    assert_eq!(waited, sum, "to the nanosecond");
    assert_eq!(settled.len(), samples.samples.len(), "every decision ends");
    let failed = settled.iter().filter(|one| one.kind != ReplyKind::Success).count();
    let seen = samples.samples.iter().filter(|sample| !sample.outcome.is_success()).count();
    assert_eq!(failed, seen, "and as its client saw it");
    assert!(failed > 0, "until health checks notice, requests to a backend that is down fail");
    let mut numbers: Vec<u64> = settled.iter().map(|one| one.decision).collect();
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(0..settled.len() as u64), "each once");
}

#[test]
fn a_backend_that_is_down_is_masked_and_refused() {
    let topology = with_outage();
    let mut stepped = Stepped::new(&topology, &load(20_000, 10), &options(1)).expect("it can be simulated");
    let (mut rows, mut priors) = (vec![0.0; 8 * WIDTH], vec![0.0; 8]);
    let mut masked = 0;
    let mut ignore = Recorder::default();
    while let Some(decision) = stepped.next(&mut ignore) {
        let (eligible, number) = (decision.pool.eligible.to_vec(), decision.number);
        let busy =
            decision.pool.backends.iter().enumerate().min_by_key(|(place, view)| {
                (!eligible.contains(&BackendIndex(*place as u32)), view.in_flight)
            });
        let picked = BackendIndex(busy.expect("eight backends").0 as u32);
        stepped.observe(&mut rows, &mut priors);
        for place in 0..8 {
            let is_eligible = eligible.contains(&BackendIndex(place));
            assert_eq!(
                priors[place as usize] > NOT_ELIGIBLE,
                is_eligible,
                "decision {number}, backend {place}"
            );
        }
        if eligible.len() < 8 {
            masked += 1;
            assert!(rows[..WIDTH].iter().all(|value| *value == 0.0), "nothing is said of it");
            assert_eq!(stepped.decide(BackendIndex(0)), Err(PickError::NotEligible(0)));
            assert_eq!(stepped.decide(BackendIndex(8)), Err(PickError::NotEligible(8)));
        }
        stepped.decide(picked).expect("an eligible backend");
    }
    assert!(masked > 1_000, "it is down for seconds: {masked}");
    assert_eq!(stepped.decide(BackendIndex(0)), Err(PickError::NothingToPlace));
    stepped.observe(&mut rows, &mut priors);
    assert!(rows.iter().chain(&priors).all(|value| *value == 0.0), "nothing is to be decided");
}

#[test]
fn a_decision_stays_until_it_is_made() {
    let mut stepped = Stepped::new(&topology("situation-a"), &load(10, 1), &options(1)).expect("it can be");
    let mut ignore = Recorder::default();
    let at = stepped.next(&mut ignore).expect("the first").now;
    let again = stepped.next(&mut ignore).expect("still the first");
    assert_eq!((again.number, again.now), (0, at));
    stepped.decide(BackendIndex(0)).expect("all are eligible");
    assert_eq!(stepped.next(&mut ignore).expect("the second").number, 1);
}

#[test]
fn a_load_that_cannot_be_simulated_cannot_be_stepped() {
    let made = Stepped::new(&topology("situation-a"), &OpenLoad { rate: 0.0, ..load(10, 1) }, &options(1));
    assert_eq!(made.err(), Some(SimulationError::Rate(0.0)));
}
