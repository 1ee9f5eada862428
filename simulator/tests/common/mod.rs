//! What the tests share: bundled topologies, a recorder, and quantiles.

#![allow(dead_code, reason = "each test file uses its part")]

use lb_core::algorithm::Algorithm;
use lb_core::policy::Policy;
use lb_core::topology::Topology;
use lb_core::workload::{
    ArrivalProcess, ArrivalStart, Arrivals, ClassMix, Journey, Observer, RateSegment, Sample, Scenario,
    Schedule, Spacing, Stage, UserClass, Workload,
};
use lb_core::{Outcome, Seed, Span};
use simulator::{OpenLoad, Options, Report, Simulation, simulate_open};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A topology of `configs/topologies`.
pub(crate) fn topology(name: &str) -> Topology {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../configs/topologies/{name}.json"));
    let text = std::fs::read_to_string(&path).expect("a bundled topology");
    serde_json::from_str(&text).expect("a valid topology")
}

/// Makes fresh policies of an algorithm.
pub(crate) fn policies(algorithm: &str) -> impl FnMut() -> Box<dyn Policy> + use<> {
    let algorithm: Algorithm = algorithm.parse().expect("a known algorithm");
    move || algorithm.policy().expect("an algorithm that needs no file")
}

/// Keeps every sample.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) samples: Vec<Sample>,
}

impl Observer for Recorder {
    fn sample(&mut self, sample: &Sample) {
        self.samples.push(*sample);
    }
}

impl Recorder {
    /// Mean and p99 of latency in milliseconds, without the first tenth; a failure counts as
    /// `failed_ms`.
    pub(crate) fn mean_and_p99(&self, failed_ms: f64) -> (f64, f64) {
        let mut by_sent: Vec<&Sample> = self.samples.iter().collect();
        by_sent.sort_by_key(|sample| sample.sent);
        let latency = |sample: &&Sample| match sample.outcome {
            outcome if outcome.is_success() => sample.done.since(sample.sent).as_millis_f64(),
            _ => failed_ms,
        };
        let mut all: Vec<f64> = by_sent[by_sent.len() / 10..].iter().map(latency).collect();
        all.sort_by(f64::total_cmp);
        (all.iter().sum::<f64>() / all.len() as f64, all[all.len() * 99 / 100])
    }

    /// How many samples have this outcome.
    pub(crate) fn count(&self, outcome: Outcome) -> usize {
        self.samples.iter().filter(|sample| sample.outcome == outcome).count()
    }
}

/// An open load on a bundled topology, at `load` of the 3,200 requests/s that fill it.
pub(crate) fn open(name: &str, algorithm: &str, load: f64, requests: u64, seed: u64) -> (Recorder, Report) {
    let load = OpenLoad::poisson(3_200.0 * load, requests, Span::from_secs(2), Seed(seed));
    let mut recorder = Recorder::default();
    let options = Options { seed: Seed(seed), ..Options::default() };
    let report = simulate_open(&topology(name), &load, &mut policies(algorithm), &options, &mut recorder)
        .expect("a bundled topology can be simulated");
    (recorder, report)
}

/// The built-in shop on a topology: one stage of `users` shoppers who think between one and three
/// seconds, and sometimes send wrong requests on purpose.
pub(crate) fn shop(topology: Topology, users: u32, duration: Span) -> Scenario {
    let journey: Journey = serde_json::from_str(include_str!("../../../configs/journeys/ecommerce.json"))
        .expect("the bundled journey");
    let class = UserClass {
        name: "shopper".to_owned(),
        think_time_s: [1.0, 3.0],
        actions_per_session: [5, 15],
        abandonment: 0.3,
        ..UserClass::default()
    };
    let stage = Stage {
        name: "steady".to_owned(),
        start: Span::ZERO,
        duration,
        ramp_up: Span::from_secs(5),
        users,
        classes: vec![ClassMix { class: 0, share: 1.0, actions: BTreeMap::new() }],
        user_variance: 0.0,
        think_time_variance: 0.2,
        action_randomness: 0.1,
        max_users: users,
        background: false,
        arrivals: None,
    };
    let errors = BTreeMap::from([("invalid_product_sku".to_owned(), 0.05)]);
    let workload =
        Workload::new(&journey, vec![class], vec![stage], &errors, 1_000).expect("a valid workload");
    Scenario {
        name: "shop".to_owned(),
        workload: Arc::new(workload),
        duration,
        warm_up: Span::from_secs(10),
        max_in_flight: 10_000,
        request_timeout: Span::from_secs(10),
        topology: Arc::new(topology),
    }
}

/// Arrivals at a steady rate.
pub(crate) fn arrivals(rate: f64, spacing: Spacing, start: ArrivalStart) -> Arrivals {
    let segments = vec![RateSegment { duration: Span::from_secs(1), from: rate, to: rate }];
    Arrivals { process: ArrivalProcess::Rates { segments, spacing }, start }
}

/// Single requests: `users` who think for 20 ms before each in the closed model, or `arrivals`.
pub(crate) fn stage(users: u32, arrivals: Option<Arrivals>, duration: Span) -> Stage {
    Stage {
        name: format!("{users} users"),
        start: Span::ZERO,
        duration,
        ramp_up: Span::ZERO,
        users,
        classes: vec![ClassMix { class: 0, share: 1.0, actions: BTreeMap::new() }],
        user_variance: 0.0,
        think_time_variance: 0.0,
        action_randomness: 0.0,
        max_users: users,
        background: false,
        arrivals,
    }
}

/// Stages of single requests on a topology.
pub(crate) fn singles(topology: Topology, stages: Vec<Stage>) -> Scenario {
    const ONE: &str = r#"{ "name": "one", "actions": { "get": { "weight": 1, "steps": [{ "name": "get", "path": "/" }] } } }"#;
    singles_of(ONE, topology, stages)
}

/// Stages of the single requests of a journey on a topology.
pub(crate) fn singles_of(journey: &str, topology: Topology, stages: Vec<Stage>) -> Scenario {
    let journey: Journey = serde_json::from_str(journey).expect("a valid journey");
    let class = UserClass {
        name: "client".to_owned(),
        think_time_s: [0.02, 0.02],
        actions_per_session: [10, 10],
        ..UserClass::default()
    };
    let ends = stages.iter().map(|stage| stage.start + stage.duration);
    let duration = ends.max().expect("a stage");
    let workload = Workload::new(&journey, vec![class], stages, &BTreeMap::new(), 1_000).expect("a workload");
    Scenario {
        name: "singles".to_owned(),
        workload: Arc::new(workload),
        duration,
        warm_up: Span::from_secs(1),
        max_in_flight: 10_000,
        request_timeout: Span::from_secs(10),
        topology: Arc::new(topology),
    }
}

/// Plays a scenario under an algorithm.
pub(crate) fn play(scenario: &Scenario, algorithm: &str, seed: u64, options: &Options) -> (Recorder, Report) {
    let schedule = Schedule::new(Arc::clone(&scenario.workload), Seed(seed));
    let mut recorder = Recorder::default();
    let report = Simulation::run(scenario, &schedule, &mut policies(algorithm), options, &mut recorder)
        .expect("a scenario that can be simulated");
    (recorder, report)
}
