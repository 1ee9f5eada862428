//! Profiles of simulated pools, whose truth is known: what they say, and how sure they are.

mod bundled;
mod simulated;

use bundled::{load, topology};
use lb_calibration::{Calibration, FittedTraces, METHOD_ERROR, Resolution, ordinary_ms, profile};
use lb_core::Seed;
use lb_core::profile::PoolProfile;
use lb_core::service_time::ServiceTime;
use lb_core::topology::{Route, Topology};
use simulated::traces;
use simulator::OpenLoad;

const POLICIES: [&str; 4] = ["least-connections", "round-robin", "ewma-scan", "p2c"];

fn fitted(truth: &Topology, load: &OpenLoad) -> FittedTraces {
    FittedTraces::new(&traces(truth, load, 1, &POLICIES), Resolution::default()).expect("a fit")
}

fn variations(fitted: &FittedTraces) -> Vec<Calibration> {
    (0..8).map(|number| fitted.variation(Seed(number))).collect()
}

/// The profile, as a policy file would hold it.
fn written(fitted: &FittedTraces) -> PoolProfile {
    let made = profile(fitted.calibration(), &variations(fitted), "a test");
    let text = serde_json::to_string(&made).expect("JSON");
    PoolProfile::parse(&text).expect("it passes its own checks")
}

#[test]
fn speeds_and_service_times_are_within_their_errors() {
    let truth = topology("situation-b");
    let known = written(&fitted(&truth, &load(2_240.0, 20_000)));
    assert_eq!(known.about, "a test");
    let specs = &truth.pools[0].backends;
    let scale: f64 =
        specs.iter().map(|spec| known.of(&spec.id).expect("known").speed.value / spec.speed).sum();
    let scale = scale / specs.len() as f64;
    for spec in specs {
        let found = known.of(&spec.id).expect("every backend is known");
        let off = (found.speed.value / scale / spec.speed).ln().abs();
        let error = found.speed.log_error;
        assert!((METHOD_ERROR..0.1).contains(&error), "{} is known to {error}", spec.id);
        assert!(off < 3.0 * error, "{}: off by {off:.3}, which is more than three times {error:.3}", spec.id);
        assert_eq!(found.discipline, spec.discipline, "how {} queues", spec.id);
    }
    // Speed 1 is that of the median backend, so service times scale with it.
    let mean = known.service_ms.value / scale;
    let off = (mean / truth.service_time.mean_ms()).ln().abs();
    assert!(off < 3.0 * known.service_ms.log_error, "the service time is {mean:.2} ms at speed 1");
}

#[test]
fn more_requests_make_a_profile_surer_down_to_the_error_of_the_method() {
    let truth = topology("situation-b");
    let error = |requests: u64| written(&fitted(&truth, &load(2_240.0, requests))).service_ms.log_error;
    let (few, many) = (error(1_000), error(30_000));
    assert!(many < few, "{few:.4} after 1,000 requests per policy, {many:.4} after 30,000");
    assert!((METHOD_ERROR..0.05).contains(&many), "{many:.4}");
}

#[test]
fn routes_cost_what_they_cost_and_rare_ones_are_left_out() {
    let mut truth = topology("situation-b");
    let mean_ms = truth.service_time.mean_ms();
    let route = |path: &str, share: f64| Route {
        method: None,
        service: None,
        path: path.to_owned(),
        service_time: ServiceTime::LogNormal { mean_ms: mean_ms * share, sigma: 0.5 },
        cost: None,
    };
    truth.routes = vec![route("/light", 0.5), route("/heavy", 2.0), route("/rare", 1.0)];
    let load = OpenLoad { routes: vec![0.666, 0.333, 0.001], ..load(2_000.0, 20_000) };
    let known = written(&fitted(&truth, &load));
    let names: Vec<&str> = known.routes.iter().map(|route| route.route.as_str()).collect();
    assert_eq!(names, ["/light", "/heavy"], "of the third there are about twenty requests");
    for (found, cost) in known.routes.iter().zip([0.5, 2.0]) {
        let off = (found.cost.value / cost).ln().abs();
        assert!(off < 3.0 * found.cost.log_error, "{} costs {:.3}", found.route, found.cost.value);
        assert!((found.log_spread - 0.5).abs() < 0.05, "{} spreads by {:.3}", found.route, found.log_spread);
    }
}

#[test]
fn a_profile_says_what_nothing_tells() {
    let mut logged = traces(&topology("situation-a"), &load(100.0, 4_000), 1, &["least-connections"]);
    logged.backends.push("spare".to_owned());
    logged.weights.push(1.0);
    let fitted = FittedTraces::new(&logged, Resolution::default()).expect("a fit");
    let known = written(&fitted);
    assert!(known.backends.iter().all(|backend| !backend.workers_known), "no request ever waited");
    let spare = known.of("spare").expect("it is in the pool");
    assert!(spare.speed.log_error >= 1.0, "nothing was sent to it: {:?}", spare.speed);
    let busy = known.of("b1").expect("it served");
    assert!(busy.speed.log_error < 0.2, "its speed is known: {:?}", busy.speed);
}

#[test]
fn variations_differ_by_their_seed_and_keep_workers() {
    let fitted = fitted(&topology("situation-b"), &load(2_240.0, 10_000));
    let [one, same, other] = [1, 1, 2].map(|seed| fitted.variation(Seed(seed)));
    assert_eq!(one.topology, same.topology, "a seed determines a variation");
    assert_ne!(one.topology, other.topology, "another seed draws other periods");
    let workers = |of: &Calibration| -> Vec<u32> {
        of.topology.pools[0].backends.iter().map(|backend| backend.workers).collect()
    };
    assert_eq!(workers(&one), workers(fitted.calibration()));
    assert!((ordinary_ms(&one) / ordinary_ms(fitted.calibration())).ln().abs() < 0.2, "they are close");
}
