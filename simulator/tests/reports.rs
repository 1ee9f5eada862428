//! Backends that report their load: what load balancers hear is true, as old as the network makes it, and useful.

mod common;

use lb_core::balancer::Balancer;
use lb_core::policy::{BackendIndex, LoadReport, Policy, PoolView, Reply, Reported, RequestInfo, RoundRobin};
use lb_core::rng::Rng;
use lb_core::topology::Topology;
use lb_core::{Seed, Span, Time};
use simulator::{OpenLoad, Options, Report, Reports, simulate_open};
use std::sync::{Arc, Mutex};

/// What a policy heard: when, of whom, and what.
type Heard = Arc<Mutex<Vec<(Time, u32, LoadReport)>>>;

/// Takes turns, and keeps all reports.
struct Listener {
    turns: RoundRobin,
    heard: Heard,
}

impl Policy for Listener {
    fn pick(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        self.turns.pick(request, pool, now, rng)
    }

    fn on_reply(&mut self, _: BackendIndex, _: &Reply, _: Time) {}

    fn on_report(&mut self, backend: BackendIndex, report: &LoadReport, now: Time) {
        self.heard.lock().expect("one thread").push((now, backend.0, *report));
    }
}

const DELAY: Span = Span::from_millis(1);

/// Plays a load under [`Listener`]s.
fn listen(topology: &Topology, load: &OpenLoad, balancers: u16, reports: Reports) -> (Report, Vec<Heard>) {
    let mut all: Vec<Heard> = Vec::new();
    let mut policy = || -> Box<dyn Policy> {
        let heard = Heard::default();
        all.push(Arc::clone(&heard));
        Box::new(Listener { turns: RoundRobin::default(), heard })
    };
    let options = Options { balancers, reports, network_delay: DELAY, ..Options::default() };
    let report = simulate_open(topology, load, &mut policy, &options, &mut common::Recorder::default())
        .expect("a valid simulation");
    (report, all)
}

fn topology(faults: &str) -> Topology {
    let text = format!(
        r#"{{
            "name": "one",
            "pools": [{{"name": "all", "backends": [{{"id": "b1", "workers": 1}}, {{"id": "b2", "workers": 1}}]}}],
            "service_time": {{"distribution": "constant", "mean_ms": 10.0}},
            "faults": {faults}
        }}"#
    );
    serde_json::from_str(&text).expect("a topology")
}

fn load(rate: f64, requests: u64) -> OpenLoad {
    OpenLoad::poisson(rate, requests, Span::from_secs(5), Seed(3))
}

#[test]
fn without_reports_nothing_is_heard_and_nothing_changes() {
    let (plain, heard) = listen(&topology("[]"), &load(100.0, 1_000), 2, Reports::None);
    assert!(heard.iter().all(|one| one.lock().expect("one thread").is_empty()));
    let (with, _) = listen(&topology("[]"), &load(100.0, 1_000), 2, Reports::Orca);
    assert_eq!(plain.backends, with.backends, "reports do not change what a deaf policy does");
    assert_eq!(plain.events, with.events, "they travel with replies");
}

#[test]
fn every_reply_reports_what_the_backend_holds_for_everybody() {
    let (report, heard) = listen(&topology("[]"), &load(150.0, 2_000), 4, Reports::Orca);
    let heard: Vec<_> = heard
        .iter()
        .flat_map(|one| one.lock().expect("one thread").iter().copied().collect::<Vec<_>>())
        .collect();
    assert_eq!(heard.len(), 2_000, "one report with each reply");
    assert!(heard.iter().all(|(_, _, report)| !report.probed));
    for backend in 0..2 {
        let most = heard
            .iter()
            .filter(|(_, of, _)| *of == backend)
            .filter_map(|(_, _, report)| report.in_flight)
            .max();
        let peak = report.backends[backend as usize].peak_in_flight;
        assert!(
            most < Some(peak) && most >= Some(peak / 2),
            "{most:?} of at most {peak}, less the one answered"
        );
    }
    let more = heard.iter().filter(|(_, _, report)| report.in_flight > Some(report.own)).count();
    assert!(more > 500, "{more} of 2000 times, others had requests there too");
}

#[test]
fn probes_are_as_many_as_wished_and_spread_evenly() {
    for per_request in [0.5, 1.0, 1.7] {
        let reports = Reports::Probes { per_request };
        let (_, heard) = listen(&topology("[]"), &load(150.0, 2_000), 2, reports);
        let heard: Vec<_> = heard
            .iter()
            .flat_map(|one| one.lock().expect("one thread").iter().copied().collect::<Vec<_>>())
            .collect();
        let wished = 2_000.0 * per_request;
        let count = heard.len() as f64;
        assert!((count / wished - 1.0).abs() < 0.01, "{count} answers, not {wished}");
        assert!(heard.iter().all(|(_, _, report)| report.probed && report.in_flight.is_some()));
        let first = heard.iter().filter(|(_, backend, _)| *backend == 0).count() as f64;
        assert!((first / count - 0.5).abs() < 0.05, "{first} of {count} from the first backend");
    }
}

#[test]
fn a_probe_waits_for_the_network_but_for_no_worker() {
    // A single request of 10 ms: the probe that goes with it finds it at the backend, or the other one idle.
    let (_, heard) = listen(&topology("[]"), &load(1.0, 1), 1, Reports::Probes { per_request: 2.0 });
    let heard = heard[0].lock().expect("one thread").clone();
    let times: Vec<Time> = heard.iter().map(|(at, _, _)| *at).collect();
    assert_eq!(heard.len(), 2, "two different backends are asked: {heard:?}");
    assert_eq!(times[0], times[1]);
    let held: Vec<_> = heard.iter().map(|(_, backend, report)| (*backend, report.in_flight)).collect();
    assert!(held.contains(&(0, Some(1))) && held.contains(&(1, Some(0))), "{held:?}");
}

#[test]
fn a_frozen_backend_answers_no_probe() {
    let freeze = r#"[{"fault": "freeze", "backends": ["b1"], "start_s": 0.0}]"#;
    let (_, heard) = listen(&topology(freeze), &load(150.0, 500), 1, Reports::Probes { per_request: 1.0 });
    let heard = heard[0].lock().expect("one thread").clone();
    assert!(heard.len() > 100 && heard.iter().all(|(_, backend, _)| *backend == 1), "{}", heard.len());
}

#[test]
fn the_reported_latency_grows_with_the_load() {
    let (_, heard) = listen(&topology("[]"), &load(170.0, 5_000), 1, Reports::Orca);
    let heard = heard[0].lock().expect("one thread").clone();
    let mean = |wanted: fn(u32) -> bool| {
        let latencies: Vec<f64> = heard[1_000..]
            .iter()
            .filter(|(_, _, report)| report.in_flight.is_some_and(wanted))
            .filter_map(|(_, _, report)| report.latency.map(Span::as_millis_f64))
            .collect();
        latencies.iter().sum::<f64>() / latencies.len() as f64
    };
    let (idle, busy) = (mean(|held| held == 0), mean(|held| held == 4));
    assert!((idle - 10.0).abs() < 1.0, "nobody is there: {idle} ms");
    assert!((busy - 45.0).abs() < 10.0, "four wait, one of them half done: {busy} ms");
}

#[test]
fn a_balancer_without_requests_of_its_own_hears_of_the_others() {
    let mut balancer = Balancer::new(&[1.0], Box::new(RoundRobin::default()), Seed(1).stream(&[]));
    balancer.report(BackendIndex(0), &LoadReport::default(), Time::ZERO);
    assert_eq!(balancer.in_flight(), 0, "reports change no count");
}

/// Sends each request to the backend of situation G with the shortest expected delay, as far as its requests are known.
#[derive(Default)]
struct Shortest(Reported);

impl Policy for Shortest {
    fn pick(&mut self, _: &RequestInfo, pool: &PoolView<'_>, now: Time, _: &mut Rng) -> Option<BackendIndex> {
        let delay = |backend: &BackendIndex| {
            let own = pool.backend(*backend).in_flight;
            let in_flight = self.0.in_flight(*backend, own, now, Span::from_millis(10));
            let speed = [1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0][backend.get()];
            ((in_flight + 1.0) / 4.0).max(1.0) / speed
        };
        pool.eligible.iter().min_by(|one, other| delay(one).total_cmp(&delay(other))).copied()
    }

    fn on_report(&mut self, backend: BackendIndex, report: &LoadReport, now: Time) {
        self.0.on_report(backend, report, now);
    }
}

/// Mean and p99 in milliseconds in situation G, with four load balancers at a hop of 250 µs.
fn situation_g(policy: &mut dyn FnMut() -> Box<dyn Policy>, reports: Reports) -> (f64, f64) {
    let load = OpenLoad::poisson(2_560.0, 40_000, Span::from_secs(2), Seed(1));
    let network_delay = Span::from_micros(250);
    let options = Options { balancers: 4, reports, network_delay, seed: Seed(1), ..Options::default() };
    let mut recorder = common::Recorder::default();
    simulate_open(&common::topology("situation-g"), &load, policy, &options, &mut recorder)
        .expect("a bundled topology can be simulated");
    recorder.mean_and_p99(2_000.0)
}

const PROBES: Reports = Reports::Probes { per_request: 1.0 };

#[test]
fn a_rule_that_knows_speeds_but_not_queues_is_saved_by_reports() {
    let play = |reports| situation_g(&mut || Box::new(Shortest::default()), reports);
    let blind = play(Reports::None);
    for reports in [Reports::Orca, PROBES] {
        let told = play(reports);
        assert!(told.0 < 0.5 * blind.0, "{reports:?}: mean {:.1} ms against {:.1}", told.0, blind.0);
        assert!(told.1 < 0.75 * blind.1, "{reports:?}: p99 {:.0} ms against {:.0}", told.1, blind.1);
    }
}

#[test]
fn prequal_keeps_its_tail_with_reports_of_either_kind() {
    let play = |reports| situation_g(&mut common::policies("prequal"), reports);
    let blind = play(Reports::None);
    for reports in [Reports::Orca, PROBES] {
        let told = play(reports);
        // On backends of unequal speed, the hot/cold rule is not limited by what it knows.
        assert!(told.0 < 1.15 * blind.0, "{reports:?}: mean {:.1} ms against {:.1}", told.0, blind.0);
        assert!(told.1 < 1.05 * blind.1, "{reports:?}: p99 {:.0} ms against {:.0}", told.1, blind.1);
    }
}
