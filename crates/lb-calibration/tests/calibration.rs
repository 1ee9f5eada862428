//! Calibration against simulated traces, whose truth is known: what is fitted, what is predicted, and what
//! is refused.

mod bundled;
mod simulated;

use bundled::{load, topology};
use lb_calibration::{Calibration, CalibrationError, OverheadSource, Tolerance, cross_check, fit};
use lb_core::fault::{Fault, FaultKind};
use lb_core::service_time::ServiceTime;
use lb_core::topology::{Route, Topology};
use lb_core::{Span, Time};
use lb_traces::read::{End, Traces};
use simulated::traces;
use simulator::{Bursts, OpenLoad};

const POLICIES: [&str; 4] = ["least-connections", "ewma-scan", "shortest-expected-delay+ejection", "prequal"];

/// Speeds over their geometric mean.
fn relative(topology: &Topology) -> Vec<f64> {
    let speeds: Vec<f64> = topology.pools[0].backends.iter().map(|backend| backend.speed).collect();
    let mean = (speeds.iter().map(|speed| speed.ln()).sum::<f64>() / speeds.len() as f64).exp();
    speeds.iter().map(|speed| speed / mean).collect()
}

fn assert_recovered(calibration: &Calibration, truth: &Topology) {
    let fitted = &calibration.topology;
    for ((found, of), id) in
        relative(fitted).iter().zip(relative(truth)).zip(fitted.pools[0].backends.iter().map(|one| &one.id))
    {
        assert!(
            (found / of - 1.0).abs() < 0.05,
            "the speed of {id} is {of:.3} of the mean, found {found:.3}"
        );
    }
    for (found, of) in fitted.pools[0].backends.iter().zip(&truth.pools[0].backends) {
        assert_eq!(found.discipline, of.discipline, "how {} queues", of.id);
        assert!(
            found.workers.abs_diff(of.workers) <= 1,
            "{} has {} workers, found {}",
            of.id,
            of.workers,
            found.workers
        );
    }
}

fn fault_of<'a>(calibration: &'a Calibration, backend: &str) -> &'a Fault {
    let mut faults = calibration.topology.faults.iter().filter(|fault| fault.backends == [backend]);
    let first = faults.next().unwrap_or_else(|| panic!("{backend} has a fault"));
    assert!(faults.next().is_none(), "{backend} has one fault: {:?}", calibration.topology.faults);
    first
}

fn assert_near(found: f64, truth: f64, within: f64, what: &str) {
    assert!((found - truth).abs() <= within, "{what} is {truth}, found {found}");
}

#[test]
fn speeds_and_workers_are_recovered_where_requests_queue_in_turn() {
    let truth = topology("situation-b");
    let calibration = fit(&traces(&truth, &load(2_560.0, 40_000), 1, &POLICIES)).expect("a fit");
    assert_recovered(&calibration, &truth);
    assert_eq!(calibration.topology.faults, [], "nothing went wrong");
    let ServiceTime::LogNormal { sigma, .. } = calibration.topology.service_time else {
        panic!("log-normal it was: {:?}", calibration.topology.service_time);
    };
    assert_near(sigma, 1.0, 0.02, "sigma");
    assert_near(calibration.load.rate, 2_560.0, 50.0, "the rate");
    assert_eq!(calibration.load.burst_length_s, None, "a Poisson process has no bursts");
}

#[test]
fn processor_sharing_is_told_from_a_queue_and_a_slow_time_from_a_slow_backend() {
    let truth = topology("situation-h");
    let calibration = fit(&traces(&truth, &load(2_240.0, 50_000), 1, &POLICIES)).expect("a fit");
    assert_recovered(&calibration, &truth);
    let slow = fault_of(&calibration, "b3");
    let FaultKind::LatencyFactor { factor } = slow.kind else { panic!("b3 got slow: {slow:?}") };
    assert_near(factor, 10.0, 1.5, "the factor");
    assert_near(slow.start_s, 10.0, 0.3, "the beginning");
    assert_near(slow.duration_s.expect("it ends"), 10.0, 0.6, "the length");
}

#[test]
fn slow_times_spells_of_errors_and_bursts_are_found_where_they_are() {
    let truth = topology("situation-f");
    let bursts = Bursts { factor: 1.6, mean_length: Span::from_millis(500) };
    let load = OpenLoad { bursts: Some(bursts), ..load(1_920.0, 60_000) };
    let calibration = fit(&traces(&truth, &load, 1, &POLICIES)).expect("a fit");
    assert_recovered(&calibration, &truth);
    let slow = fault_of(&calibration, "b5");
    assert!(
        matches!(slow.kind, FaultKind::LatencyFactor { factor } if (8.5..11.5).contains(&factor)),
        "{slow:?}"
    );
    assert_near(slow.start_s, 10.0, 0.2, "the beginning of the slow time");
    let failing = fault_of(&calibration, "b6");
    assert!(
        matches!(failing.kind, FaultKind::FastFail { rate } if (0.57..0.63).contains(&rate)),
        "{failing:?}"
    );
    assert_near(failing.start_s, 20.0, 0.1, "the beginning of the errors");
    assert_near(failing.duration_s.expect("they end"), 10.0, 0.2, "their length");
    assert_near(calibration.load.burst_factor, 1.6, 0.1, "the factor of bursts");
    assert_near(calibration.load.burst_length_s.expect("bursts"), 0.5, 0.2, "their length in seconds");
}

#[test]
fn several_balancers_see_one_pool() {
    let truth = topology("situation-g");
    let calibration = fit(&traces(&truth, &load(2_560.0, 40_000), 4, &POLICIES)).expect("a fit");
    assert_recovered(&calibration, &truth);
    assert_eq!(calibration.load.balancers, 4);
}

#[test]
fn each_route_has_its_service_time() {
    let mut truth = topology("situation-b");
    let route = |path: &str, service_time| Route {
        method: None,
        service: None,
        path: path.to_owned(),
        service_time,
        cost: None,
    };
    truth.routes = vec![
        route("/light", ServiceTime::Constant { mean_ms: 8.0 }),
        route("/usual", ServiceTime::LogNormal { mean_ms: 25.0, sigma: 0.5 }),
        route("/heavy", ServiceTime::Exponential { mean_ms: 80.0 }),
    ];
    let load = OpenLoad { routes: vec![0.5, 0.3, 0.2], ..load(2_560.0, 40_000) };
    let calibration = fit(&traces(&truth, &load, 1, &POLICIES)).expect("a fit");
    assert_recovered(&calibration, &truth);
    let scale = calibration.topology.pools[0].backends[0].speed;
    for (found, (truth, share)) in
        calibration.topology.routes.iter().zip(truth.routes.iter().zip(&load.routes))
    {
        assert_eq!(
            std::mem::discriminant(&found.service_time),
            std::mem::discriminant(&truth.service_time),
            "the form of {}: {:?}",
            found.path,
            found.service_time
        );
        let mean = found.service_time.mean_ms() / scale;
        assert!(
            (mean / truth.service_time.mean_ms() - 1.0).abs() < 0.05,
            "the mean of {} is {mean}",
            truth.path
        );
        let found_share =
            calibration.load.routes.iter().find(|(name, _)| *name == found.path).expect("a share").1;
        assert_near(found_share, *share, 0.01, "the share");
    }
}

#[test]
fn a_queue_that_was_full_tells_its_cap() {
    let mut truth = topology("situation-a");
    for backend in &mut truth.pools[0].backends {
        backend.queue_cap = 10;
    }
    let calibration =
        fit(&traces(&truth, &load(3_600.0, 30_000), 1, &["round-robin", "random", "p2c"])).expect("a fit");
    assert_recovered(&calibration, &truth);
    for (backend, evidence) in calibration.topology.pools[0].backends.iter().zip(&calibration.backends) {
        assert!(evidence.queue_was_full, "{} refused requests", backend.id);
        assert!(
            backend.queue_cap.abs_diff(10) <= 1,
            "ten may wait at {}, found {}",
            backend.id,
            backend.queue_cap
        );
    }
    assert_eq!(calibration.topology.faults, [], "a full queue is no fault");
}

#[test]
fn backends_that_never_were_full_say_so() {
    let truth = topology("situation-a");
    let calibration = fit(&traces(&truth, &load(100.0, 5_000), 1, &["least-connections"])).expect("a fit");
    let evidence = &calibration.backends;
    assert!(evidence.iter().all(|one| !one.saturated && !one.queue_was_full), "{evidence:?}");
    assert_eq!(calibration.overhead_source, OverheadSource::Assumed, "nothing tells the overhead");
}

#[test]
fn what_backends_report_of_their_service_tells_the_overhead() {
    let truth = topology("situation-a");
    let mut traces = traces(&truth, &load(100.0, 5_000), 1, &["least-connections"]);
    for exchange in traces.episodes[0].exchanges.iter_mut() {
        exchange.service = exchange.latency.map(|latency| latency.saturating_sub(Span::from_micros(110)));
    }
    let calibration = fit(&traces).expect("a fit");
    assert_eq!(calibration.overhead_source, OverheadSource::BackendReports);
    assert_near(calibration.overhead.as_secs_f64() * 1e6, 110.0, 1.0, "the overhead in microseconds");
}

#[test]
fn logged_policies_are_predicted_by_a_fit_that_did_not_see_them() {
    let policies = ["least-connections", "ewma-scan", "least-connections+ejection", "p2c"];
    for (name, rate) in [("situation-a", 2_560.0), ("situation-e", 1_920.0)] {
        let logged = traces(&topology(name), &load(rate, 40_000), 1, &policies);
        let verdict = cross_check(&logged, Tolerance::default()).expect("fits");
        assert!(verdict.passed(), "{name}: {:?}", verdict.refusals());
        assert_eq!(verdict.checks.len(), 4, "each policy is predicted by the other three");
        for check in &verdict.checks {
            let [logged, predicted] = check.mean_ms;
            assert!((predicted / logged - 1.0).abs() < 0.1, "{name}, {}: {check:?}", check.policy);
        }
    }
}

#[test]
fn a_policy_that_overloads_backends_is_predicted_with_the_timeout_of_its_clients() {
    let policies = ["least-connections", "ewma-scan", "p2c", "round-robin"];
    let timeout = Span::from_secs(2);
    let load = OpenLoad { request_timeout: timeout, ..load(2_560.0, 60_000) };
    let mut logged = traces(&topology("situation-b"), &load, 1, &policies);
    // A load balancer sees a client disconnect, and not why; it knows for how long it had waited.
    for episode in &mut logged.episodes {
        let last = episode.exchanges.last().expect("requests").sent;
        for exchange in episode.exchanges.iter_mut().filter(|exchange| exchange.end == End::Censored) {
            exchange.latency = (exchange.sent + timeout <= last).then_some(timeout);
        }
    }
    let verdict = cross_check(&logged, Tolerance::default()).expect("fits");
    let check = verdict.checks.iter().find(|check| check.policy == "round-robin").expect("predicted");
    assert!(check.failed[0] > 0.1, "a tenth of the clients gave up: {check:?}");
    assert!(verdict.passed(), "{:?}", verdict.refusals());
}

#[test]
fn the_limits_are_twice_as_wide_where_a_tenth_failed() {
    let usual = Tolerance::default();
    assert_eq!(usual.for_failed(0.09), usual);
    let wide = Tolerance { mean: 0.2, p99: 0.4, failed: 0.04, policies: 3 };
    assert_eq!(usual.for_failed(0.1), wide);
}

#[test]
fn clients_that_leave_one_after_the_other_had_no_timeout() {
    let mut logged = traces(&topology("situation-a"), &load(2_240.0, 5_000), 1, &["least-connections"]);
    for (place, exchange) in logged.episodes[0].exchanges.iter_mut().step_by(50).enumerate() {
        exchange.end = End::Censored;
        exchange.latency = Some(Span::from_millis(1 + place as u64));
    }
    assert_eq!(fit(&logged).expect("a fit").load.request_timeout_s, None);
}

#[test]
fn traces_that_do_not_fit_their_policies_are_refused_with_both_numbers() {
    let truth = topology("situation-b");
    let mut logged =
        traces(&truth, &load(2_240.0, 30_000), 1, &["least-connections", "ewma-scan", "prequal", "p2c"]);
    let honest = fit(&logged.only(|name| name == "ewma-scan")).expect("a fit");
    // What was logged under `p2c` is called `least-connections`, and the other way round.
    logged.episodes[0].policy = "p2c".to_owned();
    logged.episodes[3].policy = "least-connections".to_owned();
    let verdict = honest.check(&logged, Tolerance::default());
    assert!(!verdict.passed(), "{:?}", verdict.checks);
    let refusals = verdict.refusals();
    for policy in ["`p2c`", "`least-connections`"] {
        let named = refusals.iter().find(|refusal| refusal.starts_with(policy));
        let refusal = named.unwrap_or_else(|| panic!("{policy} is named: {refusals:?}"));
        assert!(refusal.contains(" ms is predicted, ") && refusal.contains(" % (at most "), "{refusal}");
    }
    assert!(
        !refusals.iter().any(|refusal| refusal.starts_with("`prequal`")),
        "the others hold: {refusals:?}"
    );
}

#[test]
fn a_machine_that_changed_since_the_fit_is_noticed() {
    let logged = |speed: f64| {
        let mut truth = topology("situation-a");
        truth.pools[0].backends.iter_mut().for_each(|backend| backend.speed = speed);
        traces(&truth, &load(2_240.0, 20_000), 1, &["least-connections", "p2c", "ewma-scan"])
    };
    let verdict = fit(&logged(1.0)).expect("a fit").check(&logged(0.8), Tolerance::default());
    assert!(verdict.checks.iter().all(|check| !check.misses.is_empty()), "{:?}", verdict.checks);
}

#[test]
fn too_few_policies_prove_nothing() {
    let mut logged =
        traces(&topology("situation-a"), &load(2_240.0, 8_000), 1, &["least-connections", "p2c", "random"]);
    logged.episodes[2].policy = "house-blend".to_owned();
    let verdict = cross_check(&logged, Tolerance::default()).expect("fits");
    assert!(!verdict.passed() && verdict.checks.len() == 2);
    assert!(verdict.skipped[0].reason.contains("unknown algorithm `house-blend`"), "{:?}", verdict.skipped);
    let refusals = verdict.refusals().join("; ");
    assert!(refusals.contains("only 2 policies could be predicted, and 3 must be"), "{refusals}");
    let two = Tolerance { policies: 2, ..Tolerance::default() };
    assert!(cross_check(&logged, two).expect("fits").passed(), "fewer can be asked for");
}

#[test]
fn too_little_to_fit_is_an_error_that_says_how_much_there_was() {
    assert_eq!(fit(&Traces::default()).expect_err("nothing"), CalibrationError::Empty);
    let few = traces(&topology("situation-a"), &load(1_000.0, 150), 1, &["p2c"]);
    let error = fit(&few).expect_err("too few").to_string();
    assert!(
        error.contains("of 150 requests were served") && error.contains("at least 200 are needed"),
        "{error}"
    );
    let mut wrong = few;
    wrong.episodes[0].exchanges[7].backend = 40;
    let error = fit(&wrong).expect_err("a number that points nowhere").to_string();
    assert!(error.contains("a request refers to backend 40, but the traces list only 8"), "{error}");
}

#[test]
fn requests_whose_end_is_unknown_spoil_only_what_is_around_them() {
    let truth = topology("situation-b");
    let mut logged = traces(&truth, &load(2_240.0, 40_000), 1, &POLICIES);
    for exchange in logged.episodes.iter_mut().flat_map(|episode| episode.exchanges.iter_mut().step_by(2_000))
    {
        exchange.latency = None;
        exchange.end = End::Censored;
    }
    let calibration = fit(&logged).expect("a fit");
    assert_recovered(&calibration, &truth);
    let timed: usize = calibration.backends.iter().map(|backend| backend.timed).sum();
    assert!((40_000..160_000).contains(&timed), "much, but not all, can be timed: {timed}");
    let end = logged.episodes[0].length();
    assert!(Time::ZERO + end > Time::ZERO, "episodes have a length");
}

#[test]
fn a_full_backend_that_goes_on_to_work_for_those_who_gave_up_is_not_failing() {
    let logged =
        traces(&topology("situation-h"), &load(2_240.0, 15_000), 1, &["least-connections", "round-robin"]);
    let refused = logged.episodes[1].exchanges.iter().filter(|one| one.end == End::Failed).count();
    assert!(refused > 300, "the slowest are sent more than they can serve and refuse requests: {refused}");
    let faults = fit(&logged).expect("a fit").topology.faults;
    let failing = faults.iter().any(|fault| matches!(fault.kind, FaultKind::FastFail { .. }));
    assert!(!failing, "their queues are full, and nothing else is wrong: {faults:?}");
}
