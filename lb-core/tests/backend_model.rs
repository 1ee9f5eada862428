//! The backend model against theory, to the nanosecond where that is possible, and against chance.

use lb_core::backend::{Arrival, BackendModel, Finished, Job, JobId, JobResult, demand};
use lb_core::fault::{Fault, FaultKind, FaultTimeline};
use lb_core::service_time::ServiceTime;
use lb_core::topology::{BackendSpec, Discipline};
use lb_core::{Seed, Span, Time};
use proptest::prelude::*;
use rand::RngExt;
use std::collections::BTreeSet;

fn spec(workers: u32, discipline: Discipline, speed: f64) -> BackendSpec {
    BackendSpec { id: "a".to_owned(), workers, discipline, queue_cap: 100_000, speed, weight: 1.0 }
}

fn fault(kind: FaultKind, start_s: f64, duration_s: f64) -> Fault {
    Fault { kind, services: vec![], backends: vec![], start_s, duration_s: Some(duration_s), every_s: None }
}

fn timeline(faults: &[Fault]) -> FaultTimeline {
    FaultTimeline::new(faults, "a", &["cart".to_owned()], Span::from_secs(1_000))
}

fn job(id: u64, demand: Span) -> Job {
    Job { id: JobId(id), demand, service: 0, key: id }
}

fn ms(millis: f64) -> Time {
    Time::ZERO + Span::from_millis_f64(millis)
}

/// When each of the finished requests left, in milliseconds.
fn ends(finished: &[Finished]) -> Vec<(u64, f64)> {
    finished.iter().map(|done| (done.id.0, done.at.as_secs_f64() * 1e3)).collect()
}

/// Poisson arrivals at `rate` per second: mean time in the backend in milliseconds, and the share of
/// worker time spent.
fn open_load(spec: &BackendSpec, time: &ServiceTime, rate: f64, jobs: u64) -> (f64, f64) {
    let mut model = BackendModel::new(spec, FaultTimeline::default());
    let mut rng = Seed(11).stream(&[rate.to_bits()]);
    let mut now = Time::ZERO;
    let mut arrived = Vec::new();
    let mut finished = Vec::new();
    for id in 0..jobs {
        now += Span::from_secs_f64(-(1.0 - rng.random::<f64>()).ln() / rate);
        model.advance(now, &mut finished);
        arrived.push(now);
        assert_eq!(model.arrive(job(id, demand(time, id)), now), Arrival::Accepted);
    }
    let utilisation = model.busy_at(now).as_secs_f64() / (now.as_secs_f64() * f64::from(spec.workers));
    model.advance(Time::MAX, &mut finished);
    assert_eq!(finished.len() as u64, jobs, "every request ends");
    let stay = |done: &Finished| done.at.since(arrived[done.id.0 as usize]).as_millis_f64();
    (finished.iter().map(stay).sum::<f64>() / jobs as f64, utilisation)
}

/// Mean time in an M/M/c queue in units of the mean service time (Erlang's C formula).
fn erlang_stay(workers: u32, load: f64) -> f64 {
    let offered = load * f64::from(workers);
    // Erlang B by its recursion, then C from B.
    let blocked = (1..=workers).fold(1.0, |b, c| offered * b / (f64::from(c) + offered * b));
    let waits = blocked / (1.0 - load * (1.0 - blocked));
    1.0 + waits / (f64::from(workers) * (1.0 - load))
}

#[test]
fn first_come_first_served_waits_as_erlang_says() {
    let time = ServiceTime::Exponential { mean_ms: 10.0 };
    for (workers, load) in [(1, 0.5), (1, 0.8), (4, 0.7), (4, 0.9)] {
        let rate = load * f64::from(workers) * 100.0;
        let (mean, utilisation) = open_load(&spec(workers, Discipline::Fcfs, 1.0), &time, rate, 400_000);
        let theory = 10.0 * erlang_stay(workers, load);
        assert!(
            (mean / theory - 1.0).abs() < 0.05,
            "M/M/{workers} at {load}: {mean} ms seen, {theory} ms by Erlang's formula"
        );
        assert!(
            (utilisation / load - 1.0).abs() < 0.01,
            "M/M/{workers}: utilisation {utilisation} must be the load {load}"
        );
    }
}

#[test]
fn speed_shortens_service_and_with_it_the_load() {
    let time = ServiceTime::Exponential { mean_ms: 20.0 };
    let (mean, utilisation) = open_load(&spec(4, Discipline::Fcfs, 2.0), &time, 280.0, 400_000);
    let theory = 10.0 * erlang_stay(4, 0.7);
    assert!((mean / theory - 1.0).abs() < 0.05, "{mean} ms seen, {theory} ms at speed 2");
    assert!((utilisation / 0.7 - 1.0).abs() < 0.01, "utilisation {utilisation} must be 0.7");
}

#[test]
fn processor_sharing_does_not_mind_the_distribution() {
    // M/G/1-PS: mean stay = mean service / (1 - load), whatever the distribution.
    for time in [
        ServiceTime::Constant { mean_ms: 10.0 },
        ServiceTime::Exponential { mean_ms: 10.0 },
        ServiceTime::LogNormal { mean_ms: 10.0, sigma: 1.0 },
    ] {
        for load in [0.5, 0.8] {
            let shared = spec(1, Discipline::ProcessorSharing, 1.0);
            let (mean, utilisation) = open_load(&shared, &time, load * 100.0, 400_000);
            let theory = 10.0 / (1.0 - load);
            assert!(
                (mean / theory - 1.0).abs() < 0.06,
                "M/G/1-PS with {time:?} at {load}: {mean} ms seen, {theory} ms by theory"
            );
            assert!((utilisation / load - 1.0).abs() < 0.015, "utilisation {utilisation} of {load}");
        }
    }
}

#[test]
fn heavy_tails_wait_longer_in_a_queue() {
    // M/G/1 (Pollaczek and Khinchine): wait = load / (1 - load) x (1 + cv²) / 2 services; the
    // log-normal's cv² is exp(sigma²) - 1.
    let time = ServiceTime::LogNormal { mean_ms: 10.0, sigma: 0.8 };
    let (mean, _) = open_load(&spec(1, Discipline::Fcfs, 1.0), &time, 60.0, 400_000);
    let theory = 10.0 * (1.0 + 0.6 / 0.4 * (0.64_f64).exp() / 2.0);
    assert!((mean / theory - 1.0).abs() < 0.05, "M/G/1: {mean} ms seen, {theory} ms by theory");
}

#[test]
fn a_change_of_speed_in_mid_service_is_exact() {
    // 40 ms of work; from 10 ms to 110 ms ten times slower: 10 + 100/10 + 20 = 40.
    let slow = fault(FaultKind::LatencyFactor { factor: 10.0 }, 0.010, 0.100);
    let mut model = BackendModel::new(&spec(1, Discipline::Fcfs, 1.0), timeline(&[slow]));
    let mut finished = Vec::new();
    model.arrive(job(1, Span::from_millis(40)), Time::ZERO);
    assert_eq!(model.next_event(), Some(ms(10.0)), "the fault's begin comes first");
    model.advance(ms(500.0), &mut finished);
    assert_eq!(ends(&finished), [(1, 130.0)]);
    assert_eq!(model.next_event(), None, "idle, and no fault ahead");
}

#[test]
fn an_outside_hand_on_the_speed_bends_service_and_zero_stalls_it() {
    let mut model = BackendModel::new(&spec(1, Discipline::Fcfs, 2.0), FaultTimeline::default());
    let mut finished = Vec::new();
    model.arrive(job(1, Span::from_millis(40)), Time::ZERO);
    assert_eq!(model.next_event(), Some(ms(20.0)), "speed 2 halves the service time");
    model.advance(ms(10.0), &mut finished);
    model.set_speed_factor(0.5, ms(10.0));
    assert_eq!(model.speed(), 1.0);
    assert_eq!(model.next_event(), Some(ms(30.0)), "the other half takes its time at speed 1");
    model.set_speed_factor(0.0, ms(10.0));
    assert_eq!(model.next_event(), None, "a stalled backend never gets there");
    model.advance(ms(90.0), &mut finished);
    model.set_speed_factor(1.0, ms(90.0));
    model.advance(ms(100.0), &mut finished);
    assert_eq!(ends(&finished), [(1, 100.0)]);
}

#[test]
fn processor_sharing_splits_the_worker_evenly() {
    let mut model = BackendModel::new(&spec(1, Discipline::ProcessorSharing, 1.0), FaultTimeline::default());
    let mut finished = Vec::new();
    model.arrive(job(1, Span::from_millis(30)), Time::ZERO);
    model.advance(ms(10.0), &mut finished);
    model.arrive(job(2, Span::from_millis(10)), ms(10.0));
    model.advance(ms(100.0), &mut finished);
    assert_eq!(
        ends(&finished),
        [(2, 30.0), (1, 40.0)],
        "both at half speed from 10 to 30, then the first one alone"
    );
    assert_eq!(model.busy(), Span::from_millis(40), "the worker was busy throughout");
}

#[test]
fn added_latency_holds_the_worker_for_its_own_time_at_any_speed() {
    let add = fault(FaultKind::LatencyAdd { add_ms: 50.0 }, 0.0, 10.0);
    let mut model = BackendModel::new(&spec(1, Discipline::Fcfs, 0.5), timeline(&[add]));
    let mut finished = Vec::new();
    model.arrive(job(1, Span::from_millis(10)), Time::ZERO);
    model.arrive(job(2, Span::from_millis(10)), Time::ZERO);
    model.advance(ms(500.0), &mut finished);
    assert_eq!(ends(&finished), [(1, 70.0), (2, 140.0)], "20 ms of service and 50 ms of delay each");
}

#[test]
fn a_fault_of_one_service_stretches_only_its_requests() {
    let slow = Fault {
        services: vec!["cart".to_owned()],
        ..fault(FaultKind::LatencyFactor { factor: 3.0 }, 0.0, 10.0)
    };
    let mut model = BackendModel::new(&spec(2, Discipline::Fcfs, 1.0), timeline(&[slow]));
    let mut finished = Vec::new();
    model.arrive(job(1, Span::from_millis(10)), Time::ZERO);
    model.arrive(Job { service: usize::MAX, ..job(2, Span::from_millis(10)) }, Time::ZERO);
    model.advance(ms(500.0), &mut finished);
    assert_eq!(ends(&finished), [(2, 10.0), (1, 30.0)]);
}

#[test]
fn a_crash_breaks_every_request_and_refuses_new_ones() {
    let faults = [
        fault(FaultKind::Crash { slow_start_s: 0.0 }, 0.010, 0.010),
        Fault {
            services: vec!["cart".to_owned()],
            ..fault(FaultKind::TimeoutRate { rate: 1.0 }, 0.005, 0.001)
        },
    ];
    let mut model = BackendModel::new(&spec(1, Discipline::Fcfs, 1.0), timeline(&faults));
    let mut finished = Vec::new();
    assert_eq!(model.arrive(job(1, Span::from_millis(10)), Time::ZERO), Arrival::Accepted);
    assert_eq!(model.arrive(job(2, Span::from_millis(10)), Time::ZERO), Arrival::Accepted);
    model.advance(ms(5.5), &mut finished);
    assert_eq!(model.arrive(job(3, Span::from_millis(10)), ms(5.5)), Arrival::Hangs);
    assert_eq!(model.hanging(), 1);
    model.advance(ms(15.0), &mut finished);
    let results: Vec<_> = finished.iter().map(|done| (done.id.0, done.at, done.result)).collect();
    assert_eq!(
        results,
        [
            (1, ms(10.0), JobResult::Served),
            (2, ms(10.0), JobResult::Broken),
            (3, ms(10.0), JobResult::Broken)
        ],
        "what ends at the instant of the crash is served; what waits or hangs breaks"
    );
    assert!(!model.is_up());
    assert_eq!(model.arrive(job(4, Span::from_millis(1)), ms(15.0)), Arrival::Down);
    model.advance(ms(20.0), &mut finished);
    assert_eq!(model.arrive(job(5, Span::from_millis(1)), ms(20.0)), Arrival::Accepted);
}

#[test]
fn a_backend_can_be_taken_down_from_outside() {
    let mut model = BackendModel::new(&spec(2, Discipline::Fcfs, 1.0), FaultTimeline::default());
    let mut finished = Vec::new();
    model.arrive(job(1, Span::from_millis(10)), Time::ZERO);
    model.arrive(job(2, Span::from_millis(20)), Time::ZERO);
    model.set_up(false, ms(5.0), &mut finished);
    assert_eq!(ends(&finished), [(1, 5.0), (2, 5.0)], "both break at once");
    assert_eq!(model.arrive(job(3, Span::from_millis(1)), ms(6.0)), Arrival::Down);
    model.set_up(true, ms(7.0), &mut finished);
    assert!(model.is_up());
    assert_eq!(model.busy(), Span::from_millis(10), "two workers for five milliseconds");
}

#[test]
fn faults_can_begin_with_the_measured_phase() {
    let mut model = BackendModel::new(&spec(1, Discipline::Fcfs, 1.0), FaultTimeline::default());
    let mut finished = Vec::new();
    let crash = fault(FaultKind::Crash { slow_start_s: 0.0 }, 1.0, 1.0);
    model.start_faults(timeline(&[crash]), ms(5_000.0), &mut finished);
    assert_eq!(model.next_event(), Some(ms(6_000.0)), "offsets count from the start of the faults");
    model.advance(ms(6_500.0), &mut finished);
    assert!(!model.is_up());
    model.advance(ms(7_000.0), &mut finished);
    assert!(model.is_up());
}

#[test]
fn requests_beyond_the_queue_are_refused() {
    for discipline in [Discipline::Fcfs, Discipline::ProcessorSharing] {
        let small = BackendSpec { queue_cap: 3, ..spec(2, discipline, 1.0) };
        let mut model = BackendModel::new(&small, FaultTimeline::default());
        let met: Vec<_> = (0..6).map(|id| model.arrive(job(id, Span::from_millis(5)), Time::ZERO)).collect();
        assert_eq!(met[..5], [Arrival::Accepted; 5], "{discipline:?}: 2 in service, 3 waiting");
        assert_eq!(met[5], Arrival::QueueFull, "{discipline:?}: the sixth finds the queue full");
    }
}

#[test]
fn a_cancelled_request_leaves_the_queue_but_keeps_its_worker() {
    let mut model = BackendModel::new(&spec(1, Discipline::Fcfs, 1.0), FaultTimeline::default());
    let mut finished = Vec::new();
    for id in 1..=3 {
        model.arrive(job(id, Span::from_millis(10)), Time::ZERO);
    }
    model.cancel(JobId(1), ms(1.0));
    model.cancel(JobId(2), ms(1.0));
    assert_eq!(model.in_system(), 2, "the first works on, the second is gone");
    model.advance(ms(100.0), &mut finished);
    assert_eq!(ends(&finished), [(3, 20.0)], "the third waits for the worker of the cancelled first");
}

/// One thing that a driver does, after some time.
#[derive(Clone, Debug)]
enum Act {
    Arrive { demand_us: u64, service: usize },
    Cancel { nth: usize },
    Speed(f64),
    Up(bool),
}

fn acts() -> impl Strategy<Value = Vec<(u64, Act)>> {
    let act = prop_oneof![
        8 => (0_u64..20_000, 0_usize..2).prop_map(|(demand_us, service)| Act::Arrive { demand_us, service }),
        2 => (0_usize..40).prop_map(|nth| Act::Cancel { nth }),
        1 => prop_oneof![Just(0.0), 0.1_f64..4.0].prop_map(Act::Speed),
        1 => any::<bool>().prop_map(Act::Up),
    ];
    prop::collection::vec((0_u64..5_000, act), 1..120)
}

proptest! {
    /// Every accepted request ends exactly once: finished or broken, or its client cancelled it.
    #[test]
    fn nothing_is_lost_and_nothing_ends_twice(
        acts in acts(),
        workers in 1_u32..5,
        queue_cap in 0_u32..10,
        sharing in any::<bool>(),
    ) {
        let discipline = if sharing { Discipline::ProcessorSharing } else { Discipline::Fcfs };
        let spec = BackendSpec { queue_cap, ..spec(workers, discipline, 1.5) };
        let faults = [
            fault(FaultKind::Crash { slow_start_s: 0.02 }, 0.05, 0.02),
            fault(FaultKind::LatencyFactor { factor: 7.0 }, 0.02, 0.05),
            fault(FaultKind::TimeoutRate { rate: 0.2 }, 0.0, 0.1),
            fault(FaultKind::ErrorRate { rate: 0.3 }, 0.0, 0.2),
            fault(FaultKind::LatencyAdd { add_ms: 2.0 }, 0.1, 0.1),
        ];
        let mut model = BackendModel::new(&spec, timeline(&faults));
        let mut finished = Vec::new();
        let (mut accepted, mut cancelled) = (Vec::new(), BTreeSet::new());
        let mut now = Time::ZERO;
        for (id, (wait_us, act)) in acts.iter().enumerate() {
            now += Span::from_micros(*wait_us);
            model.advance(now, &mut finished);
            match *act {
                Act::Arrive { demand_us, service } => {
                    let job = Job { service, ..job(id as u64, Span::from_micros(demand_us)) };
                    if matches!(model.arrive(job, now), Arrival::Accepted | Arrival::Hangs) {
                        accepted.push(id as u64);
                    }
                }
                Act::Cancel { nth } => {
                    if let Some(id) = accepted.get(nth) {
                        model.cancel(JobId(*id), now);
                        if !finished.iter().any(|done: &Finished| done.id.0 == *id) {
                            cancelled.insert(*id);
                        }
                    }
                }
                Act::Speed(factor) => model.set_speed_factor(factor, now),
                Act::Up(up) => model.set_up(up, now, &mut finished),
            }
            if let Some(next) = model.next_event() {
                prop_assert!(next >= now, "the next event may not lie in the past");
            }
        }
        // Let all end: full speed, then down, which breaks what still hangs.
        model.set_speed_factor(1.0, now);
        now += Span::from_secs(100);
        model.advance(now, &mut finished);
        prop_assert_eq!(model.in_system(), 0, "a running backend works everything off");
        model.set_up(false, now, &mut finished);
        prop_assert_eq!(model.hanging(), 0, "no request hangs in a backend that is gone");

        let ended: BTreeSet<u64> = finished.iter().map(|done| done.id.0).collect();
        prop_assert_eq!(ended.len(), finished.len(), "no request ends twice");
        let all: BTreeSet<u64> = accepted.iter().copied().collect();
        let expected: BTreeSet<u64> = all.difference(&cancelled).copied().collect();
        prop_assert_eq!(ended, expected, "each accepted request ends, unless it was cancelled");
        prop_assert!(finished.iter().all(|done| done.started <= done.at), "service ends after its start");
        prop_assert!(finished.is_sorted_by_key(|done| done.at), "ends are reported in their order");
    }

    /// Work is conserved: however speed changes, the worker time spent is that of the demands.
    #[test]
    fn worker_time_adds_up_to_the_demands(
        demands_us in prop::collection::vec(1_u64..50_000, 1..60),
        workers in 1_u32..5,
        sharing in any::<bool>(),
    ) {
        let discipline = if sharing { Discipline::ProcessorSharing } else { Discipline::Fcfs };
        let mut model = BackendModel::new(&spec(workers, discipline, 2.0), FaultTimeline::default());
        let mut finished = Vec::new();
        for (id, demand_us) in demands_us.iter().enumerate() {
            let now = Time::ZERO + Span::from_millis(id as u64);
            model.advance(now, &mut finished);
            model.arrive(job(id as u64, Span::from_micros(*demand_us)), now);
        }
        model.advance(Time::ZERO + Span::from_secs(100), &mut finished);
        let expected = demands_us.iter().sum::<u64>() as f64 * 1e-6 / 2.0;
        let spent = model.busy().as_secs_f64();
        prop_assert!((spent - expected).abs() < 1e-6, "{spent} s spent on {expected} s of work");
    }
}

#[test]
fn a_freeze_holds_all_work_and_goes_on_where_it_stopped() {
    for discipline in [Discipline::Fcfs, Discipline::ProcessorSharing] {
        let faults = timeline(&[
            fault(FaultKind::Freeze {}, 0.004, 1.0),
            fault(FaultKind::LatencyAdd { add_ms: 3.0 }, 0.5, 0.1),
        ]);
        let mut model = BackendModel::new(&spec(2, discipline, 1.0), faults);
        let mut finished = Vec::new();
        assert_eq!(model.arrive(job(1, Span::from_millis(10)), ms(0.0)), Arrival::Accepted);
        model.advance(ms(500.0), &mut finished);
        assert!(model.is_up() && model.speed() == 0.0, "it stands still, but it is there");
        assert_eq!(model.next_event(), Some(ms(600.0)), "the next thing to happen is another fault's end");
        assert_eq!(model.arrive(job(2, Span::from_millis(1)), ms(500.0)), Arrival::Accepted, "requests wait");
        model.advance(Time::MAX, &mut finished);
        let expected = [(2, 1_004.0 + 1.0 + 3.0), (1, 10.0 + 1_000.0)];
        assert_eq!(
            ends(&finished),
            expected,
            "{discipline:?}: 4 ms were done before it, 6 are left after it"
        );
    }
}

#[test]
fn a_speed_that_is_nearly_none_is_an_end_that_never_comes() {
    for factor in [1e-300, f64::MIN_POSITIVE, 1e-12] {
        let mut model = BackendModel::new(&spec(1, Discipline::Fcfs, 1.0), FaultTimeline::default());
        let mut finished = Vec::new();
        model.set_speed_factor(factor, Time::ZERO);
        assert_eq!(model.arrive(job(1, Span::from_secs(1)), Time::ZERO), Arrival::Accepted);
        model.advance(ms(1e6), &mut finished);
        assert!(finished.is_empty(), "at a speed of {factor} nothing ends within the hour");
        model.set_speed_factor(1.0, ms(1e6));
        model.advance(Time::MAX, &mut finished);
        let late = finished[0].at.as_secs_f64() - 1_001.0;
        assert!(late.abs() < 1e-6, "and all of it is still to do when the speed comes back, off by {late}");
    }
}
