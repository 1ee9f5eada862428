//! From a load balancer's recording to a checked fit: what the recorder writes is what is read here.

#[path = "../../crates/lb-calibration/tests/bundled/mod.rs"]
mod bundled;

use bundled::{load, topology};
use lb_calibration::{Tolerance, cross_check, fit};
use lb_core::policy::learned::WIDTH;
use lb_core::policy::{Logged, Policy};
use lb_core::topology::Topology;
use lb_core::workload::{Observer, Sample};
use lb_core::{Algorithm, Seed, Time};
use lb_traces::write::{Names, Overflow, Recording, TracedPolicy, Tracer};
use rl_trainer::traces::inspect::{Verdict, inspect};
use rl_trainer::traces::{End, Traces};
use simulator::{OpenLoad, Options, simulate_open};
use std::path::Path;
use std::sync::Arc;

const EXPLORATION: f64 = 0.05;

/// What the numbers of a topology's first pool stand for.
struct Pool(Topology);

impl Names for Pool {
    fn backends(&self) -> Vec<String> {
        self.0.pools[0].backends.iter().map(|backend| backend.id.clone()).collect()
    }

    fn route(&self, _class: u16) -> String {
        "GET /shop/api/item/{}".to_owned()
    }
}

struct Ignore;

impl Observer for Ignore {
    fn sample(&mut self, _: &Sample) {}
}

/// Records one policy on a topology.
fn record(folder: &Path, topology: &Topology, load: &OpenLoad, policy: &str) {
    let tracer = Tracer::new(Overflow::Wait).expect("a thread");
    let path = folder.join(format!("{policy}.parquet"));
    let (run_id, started_at) = ("test".to_owned(), None);
    tracer
        .start(Recording { path, run_id, exploration: EXPLORATION, origin: Time::ZERO, started_at })
        .expect("a file");
    let algorithm: Algorithm = policy.parse().expect("a known algorithm");
    let names: Arc<dyn Names> = Arc::new(Pool(topology.clone()));
    let mut views = 0;
    let mut policies = || -> Box<dyn Policy> {
        let policy = TracedPolicy { lb_id: views, policy_id: policy.to_owned(), names: Arc::clone(&names) };
        views += 1;
        Box::new(Logged::new(algorithm.policy().expect("no policy file"), tracer.log(policy), EXPLORATION))
    };
    let options = Options { balancers: 2, seed: Seed(5), ..Options::default() };
    simulate_open(topology, load, &mut policies, &options, &mut Ignore).expect("a valid topology");
    let summary = tracer.stop().expect("a whole file");
    assert_eq!(summary.rows, load.requests, "every decision is in the file");
}

#[test]
fn what_is_recorded_can_be_inspected_fitted_and_predicted() {
    let folder = tempfile::tempdir().expect("a folder");
    let truth = topology("situation-c");
    for (seed, policy) in (1..).zip(["least-connections", "random", "ewma-scan"]) {
        let load = OpenLoad { seed: Seed(seed), ..load(1_900.0, 40_000) };
        record(folder.path(), &truth, &load, policy);
    }

    let report = inspect(folder.path()).expect("traces");
    assert_eq!((report.files, report.experiences), (3, 120_000));
    assert_eq!(report.completeness.verdict, Verdict::Excellent, "{:?}", report.completeness);
    assert!(report.fit_for_training, "{:?}", report.warnings);
    assert_eq!(report.actions.len(), 8);
    let explored = report.exploration.expect("it is in the trace");
    assert!((explored - EXPLORATION).abs() < 0.005, "{explored} of the decisions were left to chance");
    assert!(report.reward_sign.is_some_and(|sign| !sign.inverted), "{:?}", report.reward_sign);
    assert_eq!(report.features.len(), WIDTH);

    let traces = Traces::read(folder.path(), None).expect("traces");
    assert_eq!((traces.episodes.len(), traces.episodes[0].balancers), (3, 2));
    assert_eq!(traces.weights, [1.0; 8]);
    let ends = traces.episodes.iter().flat_map(|episode| &episode.exchanges);
    assert!(ends.filter(|exchange| exchange.end == End::Censored).count() < 10, "all was drained");
    let calibration = fit(&traces).expect("a fit");
    for backend in &calibration.topology.pools[0].backends {
        assert!(backend.workers.abs_diff(4) <= 1, "{backend:?}");
        assert!((backend.speed - 1.0).abs() < 0.05, "{backend:?}");
    }
    let [slow] = calibration.topology.faults.as_slice() else {
        panic!("one backend was slow once: {:?}", calibration.topology.faults)
    };
    assert_eq!(slow.backends, ["b1"]);
    let verdict = cross_check(&traces, Tolerance::default()).expect("fits");
    assert!(verdict.passed(), "{:?}", verdict.refusals());
}
