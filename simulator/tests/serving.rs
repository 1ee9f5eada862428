//! What a load balancer finds out about its backends, against what is true of them.

mod common;
#[path = "common/lowest.rs"]
mod lowest;

use common::{Recorder, open, topology};
use lb_core::policy::Policy;
use lb_core::policy::serving::Look;
use lb_core::service_time::ServiceTime;
use lb_core::topology::{BackendSpec, Discipline, Pool, Topology};
use lb_core::{Seed, Span};
use lowest::{Looks, Lowest};
use simulator::{OpenLoad, Options, Telling, simulate_open};

/// Plays an open load with a policy per load balancer that picks by cost. Returns the samples and what each knew.
fn play(topology: &Topology, load: &OpenLoad, balancers: u16, told: bool) -> (Recorder, Vec<Vec<Look>>) {
    let looks = Looks::default();
    let told = told.then(|| topology.service_time.clone());
    let mut policy = || -> Box<dyn Policy> { Box::new(Lowest::new(told.clone(), Looks::clone(&looks))) };
    let mut recorder = Recorder::default();
    let options = Options { balancers, network_delay: Span::from_micros(250), ..Options::default() };
    simulate_open(topology, load, &mut policy, &options, &mut recorder).expect("a valid case");
    let found = looks.lock().expect("nobody panicked").clone();
    (recorder, found)
}

fn poisson(rate: f64, requests: u64) -> OpenLoad {
    OpenLoad::poisson(rate, requests, Span::from_secs(2), Seed(5))
}

/// Four backends of speeds 1, 1, 2 and 2 with 20 ms per request at speed 1.
fn pool(workers: u32, discipline: Discipline) -> Topology {
    let backend = |number: u32| BackendSpec {
        id: format!("b{number}"),
        workers,
        discipline,
        queue_cap: 512,
        speed: f64::from(1 + number / 2),
        weight: 1.0,
    };
    Topology {
        name: "four".to_owned(),
        pools: vec![Pool {
            name: "main".to_owned(),
            services: Vec::new(),
            backends: (0..4).map(backend).collect(),
        }],
        service_time: ServiceTime::LogNormal { mean_ms: 20.0, sigma: 1.0 },
        ..topology("situation-a")
    }
}

#[test]
fn workers_and_discipline_are_found_out() {
    for workers in [1, 2, 4, 8] {
        for discipline in [Discipline::Fcfs, Discipline::ProcessorSharing] {
            let load = poisson(0.8 * f64::from(workers) * 300.0, 12_000);
            let (_, looks) = play(&pool(workers, discipline), &load, 1, false);
            let is_right = |look: &&Look| {
                look.workers == workers as f32
                    && look.is_shared == (discipline == Discipline::ProcessorSharing)
            };
            let right = looks[0].iter().filter(is_right).count();
            assert!(right >= 3, "{workers} workers, {discipline:?}: {:#?}", looks[0]);
        }
    }
}

#[test]
fn speeds_are_found_out_although_requests_wait() {
    let (case, load) = (topology("situation-b"), |requests| poisson(0.8 * 3_200.0, requests));
    let (_, looks) = play(&case, &load(30_000), 1, false);
    // ln of the median service time: 37.5 ms at speed 1 is the mean, whose logarithm is half a variance more.
    let median = |speed: f32| (37.5e6 / speed).ln() - 0.5;
    for (look, speed) in looks[0].iter().zip([1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0]) {
        let off = look.log_service - median(speed);
        assert!(off.abs() < 0.35, "speed {speed}: off by {off}, {look:?}");
        assert!(look.log_error < 0.8, "and it knows: {look:?}");
    }
    let utilisation = |requests| play(&case, &load(requests), 1, false).1[0][0].utilisation;
    let mut utilisations = [6_000, 8_000, 10_000, 12_000, 14_000].map(utilisation);
    utilisations.sort_by(f32::total_cmp);
    assert!((0.7..1.0).contains(&utilisations[2]), "the median of {utilisations:?} is 0.8");
}

#[test]
fn it_beats_least_connections_where_backends_differ_and_more_so_if_requests_tell_their_sizes() {
    let case = topology("situation-b");
    let (least, least_p99) = open("situation-b", "least-connections", 0.8, 30_000, 5).0.mean_and_p99(2_000.0);
    let figures = |told| play(&case, &poisson(0.8 * 3_200.0, 30_000), 1, told).0.mean_and_p99(2_000.0);
    let (mean, p99) = figures(false);
    assert!(mean < 0.9 * least && p99 < 0.75 * least_p99, "{mean}/{p99} against {least}/{least_p99}");
    let (told_mean, told_p99) = figures(true);
    assert!(told_mean < mean && told_p99 < 0.9 * p99, "{told_mean}/{told_p99} against {mean}/{p99}");
}

#[test]
fn what_requests_say_is_learnt_while_they_wait_in_queues_and_pays() {
    let case = topology("situation-b-sized");
    let figures = |share| {
        let telling = Some(Telling { share, sigma: 1.0, noise: 2, word: None });
        let load = OpenLoad { telling, ..poisson(0.8 * 3_200.0, 30_000) };
        play(&case, &load, 1, false).0.mean_and_p99(2_000.0)
    };
    let ((mean, p99), (told_mean, told_p99)) = (figures(0.0), figures(0.8));
    assert!(told_mean < mean && told_p99 < 0.8 * p99, "{told_mean}/{told_p99} against {mean}/{p99}");
}

#[test]
fn behind_four_load_balancers_it_still_beats_least_connections() {
    let case = topology("situation-g");
    let load = poisson(0.8 * 3_200.0, 40_000);
    let (recorder, looks) = play(&case, &load, 4, false);
    let (mean, p99) = recorder.mean_and_p99(2_000.0);
    let mut least = Recorder::default();
    let options = Options { balancers: 4, network_delay: Span::from_micros(250), ..Options::default() };
    simulate_open(&case, &load, &mut common::policies("least-connections"), &options, &mut least)
        .expect("a bundled topology");
    let (least_mean, least_p99) = least.mean_and_p99(2_000.0);
    assert!(mean < 0.9 * least_mean, "mean {mean} against {least_mean}");
    assert!(p99 < 0.8 * least_p99, "p99 {p99} against {least_p99}");
    for looks in looks {
        let log = |place: usize| looks[place].log_service;
        let ratio = (log(0) + log(1) - log(6) - log(7)) / 2.0;
        assert!((0.8..3.0).contains(&ratio), "of ln 8 = 2.08 between the slow and the fast: {ratio}");
    }
}

#[test]
fn a_slow_down_and_its_end_are_noticed() {
    // One of eight is ten times slower from 10 s to 20 s.
    let slow = |requests: u64| {
        let looks = play(&topology("situation-c"), &poisson(0.7 * 3_200.0, requests), 1, false).1;
        looks[0][0].log_service - looks[0][1].log_service
    };
    let during = slow(2_240 * 12);
    assert!((during - 10f32.ln()).abs() < 0.7, "2.3 slower: {during}");
    let after = slow(2_240 * 24);
    assert!(after.abs() < 0.7, "as fast as before: {after}");
}
