//! Open stages: when something arrives, what it does, and what is refused.

use crate::support::*;
use lb_core::workload::{
    Arrival, ArrivalProcess, ArrivalStart, Arrivals, Journey, Next, RateSegment, Rendered, Replay,
    ReplayRequest, Schedule, Spacing, Stage, StepIndex, StepReply, UserId,
};
use lb_core::{Outcome, Seed, Span, Time};
use proptest::prelude::*;
use std::sync::Arc;

fn segment(seconds: f64, from: f64, to: f64) -> RateSegment {
    RateSegment { duration: Span::from_secs_f64(seconds), from, to }
}

fn rates(segments: &[RateSegment], spacing: Spacing) -> ArrivalProcess {
    ArrivalProcess::Rates { segments: segments.to_vec(), spacing }
}

fn steady(rate: f64, spacing: Spacing) -> ArrivalProcess {
    rates(&[segment(1.0, rate, rate)], spacing)
}

/// A stage of arrivals.
fn open(process: ArrivalProcess, start: ArrivalStart, seconds: u64) -> Stage {
    Stage { users: 0, max_users: 0, arrivals: Some(Arrivals { process, start }), ..stage("open", 0, seconds) }
}

/// Two actions without any opening.
fn plain() -> Setup {
    Setup::new(
        r#"{ "name": "plain", "actions": {
             "read": { "weight": 3, "steps": [{ "name": "read", "path": "/read" }] },
             "write": { "weight": 1, "steps": [
               { "name": "check", "path": "/check" },
               { "name": "write", "method": "POST", "path": "/write/{{uuid}}" }] } } }"#,
    )
}

fn with(process: ArrivalProcess, start: ArrivalStart, seconds: u64) -> Setup {
    Setup { stages: vec![open(process, start, seconds)], ..plain() }
}

/// Offsets of all arrivals in seconds.
fn times(setup: &Setup) -> Vec<f64> {
    setup.schedule().arrivals().iter().map(|arrival| arrival.at.as_secs_f64()).collect()
}

fn gaps(times: &[f64]) -> Vec<f64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// The statistic of Kolmogorov and Smirnov: the greatest distance between the empirical distribution
/// and `cdf`.
fn kolmogorov_smirnov(values: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let distance = |(place, value): (usize, &f64)| {
        let (below, expected) = (place as f64 / count, cdf(*value));
        (expected - below).abs().max((below + 1.0 / count - expected).abs())
    };
    sorted.iter().enumerate().map(distance).fold(0.0, f64::max)
}

#[test]
fn even_arrivals_stand_exactly_where_the_rate_says() {
    let times = with(steady(500.0, Spacing::Even), ArrivalStart::Action, 10).schedule();
    let nanos: Vec<u64> = times.arrivals().iter().map(|arrival| arrival.at.as_nanos()).collect();
    let expected: Vec<u64> = (0..5_000).map(|number| 1_000_000 + 2_000_000 * number).collect();
    assert_eq!(nanos, expected, "500/s for 10 s are 5,000 arrivals 2 ms apart, centred in their shares");
}

#[test]
fn ramps_integrate() {
    // 100 s from 0 to 50/s: L(t) = t²/4, so arrival k stands at sqrt(4 (k + 1/2)).
    let ramp = times(&with(rates(&[segment(100.0, 0.0, 50.0)], Spacing::Even), ArrivalStart::Action, 100));
    assert_eq!(ramp.len(), 2_500, "the area below the ramp");
    for (number, at) in ramp.iter().enumerate() {
        let expected = (4.0 * (number as f64 + 0.5)).sqrt();
        assert!((at - expected).abs() < 2e-9, "arrival {number} at {at}, the integral says {expected}");
    }
    let down = times(&with(rates(&[segment(100.0, 50.0, 0.0)], Spacing::Even), ArrivalStart::Action, 100));
    let mirrored: Vec<f64> = ramp.iter().rev().map(|at| 100.0 - at).collect();
    assert_eq!(down.len(), mirrored.len());
    let worst = down.iter().zip(&mirrored).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-6, "a ramp down is a ramp up backwards, but for {worst} s");
}

#[test]
fn curves_are_cut_or_kept_to_fill_the_stage() {
    let curve = [segment(10.0, 10.0, 10.0), segment(5.0, 0.0, 0.0), segment(10.0, 0.0, 40.0)];
    let count = |seconds| {
        let all = times(&with(rates(&curve, Spacing::Even), ArrivalStart::Action, seconds));
        assert!(!all.iter().any(|at| (10.0..15.0).contains(at)), "nothing arrives at a rate of zero");
        assert!(all.iter().all(|at| *at < seconds as f64), "nor after the end");
        all.len()
    };
    assert_eq!(count(5), 50, "a longer curve is cut");
    assert_eq!(count(20), 100 + 50, "in mid-ramp too: 5 s from 0 to 20/s");
    assert_eq!(count(25), 100 + 200);
    assert_eq!(count(35), 100 + 200 + 400, "the end rate of the last segment goes on");
}

#[test]
fn poisson_arrivals_have_exponential_gaps_at_their_rate() {
    for seed in [1, 2, 3] {
        let mut setup = with(steady(200.0, Spacing::Poisson), ArrivalStart::Action, 100);
        setup.seed = Seed(seed);
        let times = times(&setup);
        // The count has mean and variance 20,000.
        let off = (times.len() as f64 - 20_000.0) / 20_000_f64.sqrt();
        assert!(off.abs() < 4.0, "seed {seed}: {} arrivals are {off} deviations off", times.len());
        let gaps = gaps(&times);
        let distance = kolmogorov_smirnov(&gaps, |gap| 1.0 - (-200.0 * gap).exp());
        // Passed by chance once in a thousand: 1.95 / sqrt(n).
        let limit = 1.95 / (gaps.len() as f64).sqrt();
        assert!(distance < limit, "seed {seed}: the gaps are exponential, D = {distance} above {limit}");
    }
}

#[test]
fn a_poisson_ramp_is_uniform_after_its_integral() {
    let process = rates(&[segment(50.0, 20.0, 380.0)], Spacing::Poisson);
    let times = times(&with(process, ArrivalStart::Action, 50));
    let area = |t: f64| 20.0 * t + 3.6 * t * t;
    let distance = kolmogorov_smirnov(&times, |at| area(at) / area(50.0));
    let limit = 1.95 / (times.len() as f64).sqrt();
    assert!(distance < limit, "arrivals follow the ramp, D = {distance} above {limit}");
}

#[test]
fn bursts_have_their_mean_rate_and_are_overdispersed() {
    let bursts = ArrivalProcess::Bursts { rates: [50.0, 450.0], mean_stay_s: [0.9, 0.3] };
    let all = times(&with(bursts, ArrivalStart::Action, 2_000));
    let (mean, seconds) = (150.0, 2_000.0);
    let seen = all.len() as f64 / seconds;
    // Index of dispersion of counts of a two-state MMPP in the limit (Fischer and Meier-Hellstern, 1993):
    // 1 + 2 p q (r1 - r2)² / ((s1 + s2) mean), with leave rates s and shares p, q of the states.
    let leave = [1.0 / 0.9, 1.0 / 0.3];
    let limit = 1.0 + 2.0 * 0.75 * 0.25 * 400.0_f64.powi(2) / ((leave[0] + leave[1]) * mean);
    let deviation = (limit * mean / seconds).sqrt();
    assert!((seen - mean).abs() < 4.0 * deviation, "{seen}/s are more than {} off", 4.0 * deviation);

    let mut counts = vec![0.0; 200];
    for at in &all {
        counts[(at / 10.0) as usize] += 1.0;
    }
    let average = counts.iter().sum::<f64>() / 200.0;
    let variance = counts.iter().map(|count| (count - average).powi(2)).sum::<f64>() / 199.0;
    let dispersion = variance / average;
    // 200 windows of 10 s leave a tenth of noise, and 10 s is 44 relaxation times.
    assert!((dispersion / limit - 1.0).abs() < 0.35, "dispersion {dispersion}, theory says {limit}");
}

#[test]
fn bursts_at_equal_rates_are_a_poisson_process() {
    let bursts = ArrivalProcess::Bursts { rates: [100.0, 100.0], mean_stay_s: [0.05, 0.02] };
    let gaps = gaps(&times(&with(bursts, ArrivalStart::Action, 100)));
    let distance = kolmogorov_smirnov(&gaps, |gap| 1.0 - (-100.0 * gap).exp());
    let limit = 1.95 / (gaps.len() as f64).sqrt();
    assert!(distance < limit, "changing between equal states changes nothing, D = {distance}");
}

#[test]
fn the_same_seed_gives_the_same_arrivals_and_stages_are_independent() {
    let process = || steady(30.0, Spacing::Poisson);
    let mut setup = with(process(), ArrivalStart::Action, 60);
    setup.classes.push(class("other"));
    setup.stages[0].classes = vec![mix_of(0, 3.0), mix_of(1, 1.0)];
    setup.stages.push(Stage { start: Span::from_secs(20), ..open(process(), ArrivalStart::Session, 30) });
    setup.stages.push(stage("closed", 7, 60));
    let schedule = setup.schedule();
    assert_eq!(schedule.arrivals(), setup.schedule().arrivals(), "one seed, one list");
    assert_eq!(schedule.users().len(), 7, "an open stage has no users");
    assert!(schedule.arrivals().is_sorted_by_key(|arrival| arrival.at), "in order of time over all stages");
    for (number, arrival) in schedule.arrivals().iter().enumerate() {
        assert_eq!(arrival.id, UserId(7 + number as u32), "numbered after the users");
        assert_eq!(arrival.row, Arrival::NO_ROW);
    }
    let of = |schedule: &Schedule, stage: u16| -> Vec<(Time, u16)> {
        let all = schedule.arrivals().iter().filter(|arrival| arrival.stage == stage);
        all.map(|arrival| (arrival.at, arrival.class)).collect()
    };
    let (first, second) = (of(&schedule, 0), of(&schedule, 1));
    assert!(second.iter().all(|(at, _)| (20..50).contains(&(at.as_nanos() / 1_000_000_000))));
    let rare = first.iter().filter(|(_, class)| *class == 1).count() as f64 / first.len() as f64;
    assert!((rare - 0.25).abs() < 0.05, "classes come by their shares, a quarter, not {rare}");

    let gaps_of = |all: &[(Time, u16)]| -> Vec<u64> {
        all.windows(2).take(50).map(|pair| pair[1].0.since(pair[0].0).as_nanos()).collect()
    };
    assert_ne!(gaps_of(&first), gaps_of(&second), "each stage draws from a stream of its own");
    let mut alone = setup.clone();
    alone.stages.truncate(1);
    assert_eq!(of(&alone.schedule(), 0), first, "other stages do not change when a stage's arrivals come");
    setup.seed = Seed(8);
    assert_ne!(of(&setup.schedule(), 0), first, "another seed, other arrivals");
}

#[test]
fn an_arrival_does_one_session_and_is_gone() {
    let mut setup = Setup::ecommerce();
    setup.stages =
        vec![stage("closed", 3, 5), open(steady(2.0, Spacing::Poisson), ArrivalStart::Session, 20)];
    let schedule = setup.schedule();
    let open = setup.journey.session.open.len();
    assert!(open > 0, "the shop's sessions open with something");
    for arrival in schedule.arrivals() {
        let sent = drive(&schedule, arrival.id, usize::MAX, well);
        assert_eq!(sent[0].at, arrival.at, "the opening begins at the arrival, without thinking");
        assert_eq!(names(&sent)[..2], ["register", "login"], "it opens");
        let last = sent.last().expect("requests").what.request.action;
        let close = &setup.journey.session.close;
        if let Some(name) = close.last() {
            assert_eq!(&schedule.workload().action_names()[usize::from(last.0)], name, "and closes");
        }
        let opened = names(&sent).iter().filter(|name| **name == "login").count();
        assert_eq!(opened, 1, "one session only, then it is done");
        assert!(sent.last().expect("requests").at > Time::ZERO + Span::from_secs(1), "it thinks in between");
    }
    let last = schedule.arrivals().last().expect("arrivals");
    let sent = drive(&schedule, last.id, usize::MAX, well);
    assert!(sent.last().expect("requests").at > schedule.end(), "the end of the stage does not cut it");
}

#[test]
fn a_session_without_opening_thinks_first_from_its_arrival() {
    let setup = with(steady(5.0, Spacing::Even), ArrivalStart::Session, 10);
    let schedule = setup.schedule();
    let arrival = schedule.arrivals()[7];
    let mut user = schedule.virtual_user(arrival.id);
    let Next::Wait(first) = user.next(None, arrival.at) else {
        panic!("the class thinks for 1 to 3 s before each action");
    };
    let think = first.since(arrival.at).as_secs_f64();
    assert!((1.0..=3.0).contains(&think), "thinks {think} s");
    let mut late = schedule.virtual_user(arrival.id);
    assert_eq!(
        late.next(None, arrival.at + Span::from_millis(80)),
        Next::Wait(first),
        "a late driver shifts nothing"
    );
    assert_eq!(schedule.virtual_user(arrival.id).next(None, Time::ZERO), Next::Wait(arrival.at));
}

#[test]
fn a_single_action_goes_out_at_once_and_whole() {
    let schedule = with(steady(20.0, Spacing::Poisson), ArrivalStart::Action, 100).schedule();
    let mut writes = 0.0;
    for arrival in schedule.arrivals() {
        let sent = drive(&schedule, arrival.id, usize::MAX, well);
        assert!(sent.iter().all(|sent| sent.at == arrival.at), "without thinking");
        match names(&sent)[..] {
            ["read"] => {}
            ["check", "write"] => writes += 1.0,
            ref other => panic!("{other:?} is not one whole action"),
        }
    }
    let share = writes / schedule.arrivals().len() as f64;
    assert!((share - 0.25).abs() < 0.04, "actions come by their weights, a quarter, not {share}");
}

#[test]
fn arrivals_take_accounts_in_turn() {
    let mut setup = Setup::ecommerce();
    setup.identities = 10;
    setup.stages = vec![open(steady(5.0, Spacing::Even), ArrivalStart::Session, 6)];
    let schedule = setup.schedule();
    let account = |arrival: &Arrival| drive(&schedule, arrival.id, 1, well)[0].what.body.clone();
    let accounts: Vec<String> = schedule.arrivals().iter().map(account).collect();
    let distinct: std::collections::BTreeSet<&String> = accounts.iter().collect();
    assert_eq!(distinct.len(), 10, "all accounts are used");
    assert_eq!(accounts[..10], accounts[10..20], "one after the other, then from the first again");
}

fn recorded(at_ms: u64, action: &str, path: &str) -> ReplayRequest {
    ReplayRequest {
        at: Span::from_millis(at_ms),
        action: action.to_owned(),
        path: path.to_owned(),
        ..ReplayRequest::default()
    }
}

fn recording() -> Vec<ReplayRequest> {
    let mut order = recorded(900, "POST /api/order", "/api/order");
    order.headers = vec![("x-trace".to_owned(), "{{7}}".to_owned())];
    order.body = vec![0, 159, 146, 150];
    vec![
        recorded(0, "GET /api/user/{id}", "/api/user/17?full=1"),
        recorded(3, "GET /api/user/{id}", "/api/user/4"),
        order,
        recorded(900, "GET /", "/"),
    ]
}

fn replaying(requests: Vec<ReplayRequest>) -> Setup {
    let replay: Replay = requests.into_iter().collect();
    let journey = Journey::for_replay(&replay);
    let process = ArrivalProcess::Replay(Arc::new(replay));
    Setup { journey, stages: vec![open(process, ArrivalStart::Action, 1)], ..plain() }
}

#[test]
fn a_replay_sends_each_recorded_request_at_its_time_as_it_was() {
    let mut setup = replaying(recording());
    setup.stages[0].start = Span::from_secs(60);
    let schedule = setup.schedule();
    let workload = schedule.workload();
    assert_eq!(workload.action_names(), ["GET /", "GET /api/user/{id}", "POST /api/order"]);
    assert!(
        (0..3).all(|step| !workload.is_static(StepIndex(step))),
        "no driver may prepare a recorded request"
    );
    assert_eq!(workload.expected_rate(0), Some(4.0), "four requests in a second");
    let offset = Time::ZERO + Span::from_secs(60);
    for (arrival, row) in schedule.arrivals().iter().zip(recording()) {
        assert_eq!(arrival.at, offset + row.at, "recorded times are exact");
        let mut user = schedule.virtual_user(arrival.id);
        let Next::Send(request) = user.next(None, arrival.at) else {
            panic!("a recorded request goes out at once");
        };
        let step = &workload.steps()[usize::from(request.step.0)];
        let named = format!("{} {}", step.method, step.name);
        assert_eq!(named, row.action, "a request is named by its path, beside its method");
        let mut out = Rendered::default();
        out.headers = vec![("old".into(), "old".into()); 3];
        out.path.push_str("/old");
        user.render(&request, &mut out);
        assert_eq!((out.path, out.headers, out.body), (row.path, row.headers, row.body), "byte for byte");
        assert!([200, 201, 304].iter().all(|status| user.expected(&request).contains(status)));
        let reply = StepReply { outcome: Outcome::Ok, seen: None };
        assert_eq!(user.next(Some(reply), arrival.at), Next::Done, "one row, one request");
    }
    assert_eq!(schedule.arrivals().iter().map(|arrival| arrival.row).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[test]
fn a_rehearsal_sends_the_first_recorded_request_of_each_action() {
    let workload = replaying(recording()).workload().expect("a valid workload");
    let schedule = Schedule::new(Arc::new(workload.rehearsal(Span::from_secs(5))), Seed(1));
    assert!(schedule.arrivals().is_empty(), "closed users rehearse");
    let paths: Vec<String> = (0..3).map(|user| planned(&schedule, user, 1)[0].what.path.clone()).collect();
    assert_eq!(paths, ["/", "/api/user/17?full=1", "/api/order"]);
}

#[test]
fn a_warm_up_is_the_beginning_of_the_same_process() {
    let warm_up = |setup: &Setup, seconds| {
        let workload = setup.workload().expect("a valid workload").warm_up(Span::from_secs(seconds));
        Schedule::new(Arc::new(workload), setup.seed)
    };
    let mut setup = with(rates(&[segment(60.0, 5.0, 50.0)], Spacing::Poisson), ArrivalStart::Action, 60);
    setup.stages[0].start = Span::from_secs(30);
    let (whole, start) = (setup.schedule(), warm_up(&setup, 10));
    assert!(start.arrivals().len() > 50);
    for (warm, own) in start.arrivals().iter().zip(whole.arrivals()) {
        assert_eq!(warm.at + Span::from_secs(30), own.at, "from its start, the same process");
    }
    assert!(start.arrivals().iter().all(|arrival| arrival.at < Time::ZERO + Span::from_secs(10)), "cut");
    let mut replay = recording();
    replay[3].at = Span::from_millis(1_500);
    let mut setup = replaying(replay);
    setup.stages[0].duration = Span::from_secs(2);
    assert_eq!(warm_up(&setup, 1).arrivals().len(), 3, "a replay warms up with its first rows");

    let mut mixed = with(steady(100.0, Spacing::Even), ArrivalStart::Action, 60);
    mixed.stages.push(Stage { start: Span::from_secs(60), ..stage("closed", 20, 60) });
    let busiest = warm_up(&mixed, 5);
    assert_eq!((busiest.users().len(), busiest.arrivals().len()), (0, 500), "100/s are more than 20 users");
}

#[test]
fn the_expected_rate_of_an_open_stage_is_what_it_offers() {
    let check = |setup: &Setup, rule: &str| {
        let schedule = setup.schedule();
        let requests = |arrival: &Arrival| drive(&schedule, arrival.id, usize::MAX, well).len();
        let sent: usize = schedule.arrivals().iter().map(requests).sum();
        let seen = sent as f64 / setup.stages[0].duration.as_secs_f64();
        let expected = schedule.workload().expected_rate(0).expect("a rate");
        assert!((seen / expected - 1.0).abs() < 0.04, "{rule}: expected {expected}, saw {seen}");
        assert_eq!(schedule.peak_users(), 0, "arrivals are no users");
    };
    let ramp = || rates(&[segment(50.0, 0.0, 40.0)], Spacing::Even);
    check(&with(ramp(), ArrivalStart::Action, 100), "single actions");
    check(&with(ramp(), ArrivalStart::Session, 100), "sessions");
    let mut shop = Setup::ecommerce().with_errors(0.02);
    shop.stages = vec![open(ramp(), ArrivalStart::Session, 100)];
    check(&shop, "sessions that open and close");
}

#[test]
fn the_hash_covers_arrivals() {
    let base = with(steady(10.0, Spacing::Poisson), ArrivalStart::Action, 20);
    let hash = |setup: &Setup| setup.schedule().sha256().to_owned();
    assert_eq!(hash(&base), hash(&base), "the same inputs, the same hash");
    let process = |process| with(process, ArrivalStart::Action, 20);
    let mut others = vec![
        ("the rate", process(steady(10.1, Spacing::Poisson))),
        ("the spacing", process(steady(10.0, Spacing::Even))),
        ("what arrives", with(steady(10.0, Spacing::Poisson), ArrivalStart::Session, 20)),
        ("the seed", Setup { seed: Seed(8), ..base.clone() }),
        ("a process", process(ArrivalProcess::Bursts { rates: [10.0, 10.0], mean_stay_s: [1.0, 1.0] })),
    ];
    type Change = (&'static str, fn(&mut ReplayRequest));
    let changes: [Change; 7] = [
        ("a recorded client", |row| row.client = Some("203.0.113.9".to_owned())),
        ("a recorded host", |row| row.host = Some("203.0.113.9".to_owned())),
        ("a recorded status", |row| row.expected = vec![404]),
        ("a recorded path", |row| row.path.push('1')),
        ("a recorded body", |row| row.body.push(1)),
        ("a recorded header", |row| row.headers.push(("a".to_owned(), "b".to_owned()))),
        ("a recorded time", |row| row.at += Span::from_nanos(1)),
    ];
    others.push(("a recording", replaying(recording())));
    for (what, change) in changes {
        let mut replay = recording();
        change(&mut replay[3]);
        others.push((what, replaying(replay)));
    }
    let mut seen = vec![("nothing", hash(&base))];
    for (what, setup) in &others {
        let other = hash(setup);
        let same = seen.iter().find(|(_, known)| *known == other);
        assert!(same.is_none(), "{what} changes what is sent, but the hash is that of {same:?}");
        seen.push((what, other));
    }
}

#[test]
fn known_arrivals_keep_their_hash() {
    let bursts = ArrivalProcess::Bursts { rates: [2.0, 20.0], mean_stay_s: [1.0, 0.5] };
    let schedule = with(bursts, ArrivalStart::Session, 10).schedule();
    let first: Vec<u64> = schedule.arrivals().iter().take(3).map(|arrival| arrival.at.as_nanos()).collect();
    assert_eq!(
        (first, schedule.sha256()),
        (
            vec![9_522_796, 39_108_393, 77_704_325],
            "2ab8cafc6549b6f1dde51ea5ca6962e3c8a1555f88982732643e6655e61e78a9"
        ),
        "a change here makes results of different versions incomparable: count the generator's version up"
    );
}

#[test]
fn bad_arrivals_are_refused_with_value_and_way_out() {
    let action = ArrivalStart::Action;
    let single = |process| with(process, action, 10);
    let bursts = |rates, mean_stay_s| single(ArrivalProcess::Bursts { rates, mean_stay_s });
    let replayed = |change: fn(&mut Vec<ReplayRequest>)| {
        let setup = replaying(recording());
        let mut replay = recording();
        change(&mut replay);
        let process = ArrivalProcess::Replay(Arc::new(replay.into_iter().collect()));
        Setup { stages: vec![open(process, action, 1)], ..setup }
    };
    let mut shop = Setup::ecommerce();
    shop.stages = vec![open(steady(1.0, Spacing::Even), action, 10)];
    let mut long = plain();
    long.stages = replayed(|replay| replay[2].action = "write".to_owned()).stages;
    long.journey.actions.extend(replaying(recording()).journey.actions);
    let cases: Vec<(Setup, &str)> = vec![
        (single(rates(&[], Spacing::Even)), "stages.open.arrivals.segments: is empty"),
        (
            single(rates(&[segment(1.0, 1.0, -3.0)], Spacing::Even)),
            "stages.open.arrivals.segments[0].to: -3 must be a rate of arrivals per second, 0 or above",
        ),
        (
            single(rates(&[segment(1.0, f64::NAN, 1.0)], Spacing::Poisson)),
            "segments[0].from: NaN must be a rate",
        ),
        (single(steady(0.0, Spacing::Even)), "segments: all rates are zero, so nothing would ever arrive"),
        (single(steady(1e9, Spacing::Even)), "stages: 10000000000 arrivals in total is too many"),
        (bursts([0.0, 0.0], [1.0, 1.0]), "stages.open.arrivals.rates: all rates are zero"),
        (bursts([1.0, -1.0], [1.0, 1.0]), "arrivals.rates[1]: -1 must be a rate"),
        (bursts([1.0, 2.0], [0.0, 1.0]), "arrivals.mean_stay_s[0]: 0 must be at least 0.001 s"),
        (
            shop,
            "stages.open.arrivals.start: single actions cannot log in; use sessions, or a journey without opening actions",
        ),
        (replayed(|replay| replay.clear()), "arrivals.requests: is empty"),
        (
            replayed(|replay| replay.swap(1, 2)),
            "requests[2]: is at 0.003 s but follows a request at 0.9 s; sort the requests by time",
        ),
        (
            replayed(|replay| replay[3].at = Span::from_secs(1)),
            "requests[3].at: 1 s is after the end of the stage at 1 s; make the stage longer",
        ),
        (
            replayed(|replay| replay[2].action = "POST /api/ordr".to_owned()),
            "requests[2].action: no action is called `POST /api/ordr` (did you mean `POST /api/order`?)",
        ),
        (long, "requests[2].action: `write` has 2 requests"),
        (
            replayed(|replay| replay[0].path = "/a b".to_owned()),
            "requests[0].path: `/a b` must start with `/` and must not contain spaces or control characters",
        ),
        (
            replayed(|replay| replay[2].headers[0].1 = "a\r\nhost: b".to_owned()),
            "requests[2].headers: \"x-trace: a\\r\\nhost: b\" is not a valid header; remove it",
        ),
    ];
    for (setup, expected) in cases {
        let problems = setup.workload().err().unwrap_or_default();
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(texts.len() == 1 && texts[0].contains(expected), "expected {expected:?}, got {texts:#?}");
    }
}

proptest! {
    #[test]
    fn counts_follow_the_integral_whatever_the_curve(
        curve in prop::collection::vec((0.0..20.0_f64, 0.0..100.0_f64, 0.0..100.0_f64), 1..6),
        seconds in 1_u64..60,
        seed: u64,
    ) {
        let segments: Vec<RateSegment> = curve.iter().map(|(s, from, to)| segment(*s, *from, *to)).collect();
        let mut setup = with(rates(&segments, Spacing::Even), ArrivalStart::Action, seconds);
        setup.seed = Seed(seed);
        prop_assume!(setup.workload().is_ok());
        let expected = setup.schedule().workload().expected_rate(0).unwrap_or(0.0) / 1.25 * seconds as f64;
        let all = times(&setup);
        prop_assert!((all.len() as f64 - expected).abs() <= 0.51, "{} of {expected}", all.len());
        prop_assert!(all.is_sorted(), "in order of time");
        setup.stages[0].arrivals = Some(Arrivals {
            process: rates(&segments, Spacing::Poisson),
            start: ArrivalStart::Action,
        });
        let off = (times(&setup).len() as f64 - expected).abs();
        prop_assert!(off <= 6.0 * expected.sqrt() + 6.0, "a Poisson count is off by {off} of {expected}");
    }
}

#[test]
fn a_visit_is_as_long_as_its_thinking_and_starts_with_its_arrival() {
    let mut setup = Setup::ecommerce();
    setup.classes[0].think_time_s = [2.0, 2.0];
    setup.classes[0].actions_per_session = [5, 5];
    setup.stages = vec![open(steady(2.0, Spacing::Even), ArrivalStart::Session, 20)];
    let schedule = setup.schedule();
    for arrival in schedule.arrivals() {
        let (length, requests) = schedule.planned_visit(arrival.id, 1_000);
        assert_eq!(length, Span::from_secs(10), "five pauses of two seconds, whenever it arrives");
        assert!(requests > 5, "opening, five actions and closing: {requests}");
        assert_eq!(
            schedule.planned_visit(arrival.id, 1),
            (Span::ZERO, 1),
            "followed no farther than asked for"
        );
    }
}

#[test]
fn a_workload_at_a_rate_has_an_account_for_each_session_at_once() {
    let setup = Setup::ecommerce();
    let workload = setup.workload().expect("a workload");
    let own = |accounts: u32| {
        let at_rate = workload.at_rate(40.0, Span::from_secs(5), accounts).expect("it has users");
        let schedule = Schedule::new(Arc::new(at_rate), Seed(1));
        let mut bodies = std::collections::BTreeSet::new();
        for arrival in schedule.arrivals() {
            let mut user = schedule.virtual_user(arrival.id);
            let mut out = Rendered::default();
            let Next::Send(request) = user.next(None, arrival.at) else { panic!("a session opens at once") };
            user.render(&request, &mut out);
            bodies.insert(out.body);
        }
        (bodies.len(), schedule.arrivals().len())
    };
    let (shared, sessions) = own(1);
    assert!(
        shared <= 50 && sessions > 100,
        "{sessions} sessions share the 50 accounts of the config: {shared}"
    );
    let (shared, sessions) = own(10_000);
    assert_eq!(shared, sessions, "none shares an account");
}

/// The first `count` arrivals of a workload that has no end, without their numbers.
fn first_without_end(setup: &Setup, count: usize) -> Vec<(f64, u16, u32)> {
    let workload = Arc::new(setup.workload().expect("a sound workload").endless(100));
    let schedule = Schedule::new(workload, setup.seed);
    assert!(schedule.is_endless() && schedule.is_open() && schedule.arrivals().is_empty());
    let all: Vec<_> = schedule.stream().take(count).collect();
    let numbers: Vec<u32> = all.iter().map(|arrival| arrival.id.0).collect();
    let first = schedule.users().len() as u32;
    assert_eq!(
        numbers,
        (first..first + count as u32).collect::<Vec<_>>(),
        "numbers follow those of the users"
    );
    all.iter().map(|arrival| (arrival.at.as_secs_f64(), arrival.class, arrival.row)).collect()
}

#[test]
fn without_end_the_same_arrivals_come_first_and_then_more_of_them() {
    let bursts = ArrivalProcess::Bursts { rates: [50.0, 450.0], mean_stay_s: [0.9, 0.3] };
    for process in [steady(200.0, Spacing::Even), steady(200.0, Spacing::Poisson), bursts] {
        let setup = with(process, ArrivalStart::Action, 10);
        let listed: Vec<f64> = times(&setup);
        let endless = first_without_end(&setup, 4 * listed.len());
        let begin: Vec<f64> = endless.iter().take(listed.len()).map(|(at, ..)| *at).collect();
        assert_eq!(begin, listed, "the random streams are the same");
        assert!(endless.windows(2).all(|pair| pair[0].0 <= pair[1].0), "in order of time");
        assert!(endless.last().is_some_and(|(at, ..)| *at > 20.0), "they go on after the end of the stage");
    }
}

#[test]
fn without_end_a_ramp_goes_on_at_its_last_rate() {
    let setup = with(rates(&[segment(10.0, 0.0, 50.0)], Spacing::Even), ArrivalStart::Action, 10);
    let endless = first_without_end(&setup, 250 + 500);
    let late: Vec<f64> = endless.iter().skip(250).map(|(at, ..)| *at).collect();
    assert!((late[0] - 10.01).abs() < 1e-6 && (late[499] - 19.99).abs() < 1e-6, "50 a second: {:?}", late[0]);
}

#[test]
fn without_end_users_stay_and_a_week_later_there_is_a_next_arrival() {
    let mut setup = Setup::ecommerce();
    setup.stages[0].ramp_up = Span::from_secs(10);
    setup.stages[0].user_variance = 0.5;
    let schedule =
        Schedule::new(Arc::new(setup.workload().expect("a sound workload").endless(1)), setup.seed);
    assert_eq!((schedule.users().len(), schedule.is_open()), (4, false), "their number does not vary");
    assert!(schedule.users().iter().all(|user| user.windows.len() == 1 && user.windows[0].1 == Time::MAX));
    assert_eq!(
        schedule.users()[2].windows[0].0,
        Time::ZERO + Span::from_secs(5),
        "they come one after the other"
    );
    assert_eq!(schedule.sha256().len(), 64, "it has a hash");

    // One arrival every hour: the 200th is more than a week away.
    let setup = with(steady(1.0 / 3600.0, Spacing::Even), ArrivalStart::Action, 100_000);
    let week = first_without_end(&setup, 200);
    assert!((week[199].0 - 199.5 * 3600.0).abs() < 1e-3, "{:?}", week[199]);
}

#[test]
fn without_end_a_recording_begins_again() {
    let endless = first_without_end(&replaying(recording()), 9);
    let rows: Vec<u32> = endless.iter().map(|(.., row)| *row).collect();
    assert_eq!(rows, [0, 1, 2, 3, 0, 1, 2, 3, 0]);
    let times: Vec<f64> = endless.iter().map(|(at, ..)| *at).collect();
    let round = times[4] - times[0];
    let mean_gap = (times[3] - times[0]) / 3.0;
    assert!((round - (times[3] + mean_gap)).abs() < 1e-6, "a mean gap lies between two rounds: {times:?}");
    assert!((times[8] - times[4] - round).abs() < 1e-9, "all rounds are alike");
}
