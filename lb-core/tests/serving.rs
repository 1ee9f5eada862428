//! Estimates of how backends serve: whatever happens, they stay finite and bounded.

use lb_core::policy::serving::{Look, Prior, Serving};
use lb_core::policy::{BackendIndex, PredictedCost, ReplyKind, RequestInfo};
use lb_core::topology::Discipline;
use lb_core::{Span, Time};
use proptest::prelude::*;

const ORDINARY: PredictedCost = PredictedCost { log_cost: 0.0, cost: 1.0, deviation: 1.0 };
const BACKEND: BackendIndex = BackendIndex(0);

/// What may happen at a load balancer.
#[derive(Clone, Debug)]
enum Event {
    Send {
        backend: u32,
        predicted: [f32; 3],
    },
    End {
        place: usize,
        kind: Option<ReplyKind>,
    },
    /// The end of a request that was never sent.
    Stray {
        backend: u32,
        sent: u64,
    },
    Believe {
        backend: u32,
        log_service: f32,
        log_error: f32,
        workers: u32,
    },
    Wait {
        nanos: u64,
    },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let any_float = prop_oneof![
        8 => -3.0f32..3.0,
        1 => prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(0.0), Just(1e30)],
    ];
    let kind = prop_oneof![
        6 => Just(Some(ReplyKind::Success)),
        1 => Just(Some(ReplyKind::ServerError)),
        1 => Just(Some(ReplyKind::Timeout)),
        1 => Just(Some(ReplyKind::ConnectionError)),
        1 => Just(None),
    ];
    let wait = prop_oneof![Just(0u64), 1u64..10_000_000, Just(u64::MAX / 4)];
    let event = prop_oneof![
        10 => (0u32..5, prop::array::uniform3(any_float.clone()))
            .prop_map(|(backend, predicted)| Event::Send { backend, predicted }),
        10 => (0usize..400, kind).prop_map(|(place, kind)| Event::End { place, kind }),
        1 => (0u32..5, any::<u64>()).prop_map(|(backend, sent)| Event::Stray { backend, sent }),
        1 => (0u32..4, any_float.clone(), any_float, 0u32..2_000).prop_map(
            |(backend, log_service, log_error, workers)| {
                Event::Believe { backend, log_service, log_error, workers }
            }
        ),
        10 => wait.prop_map(|nanos| Event::Wait { nanos }),
    ];
    prop::collection::vec(event, 0..400)
}

fn is_finite(look: &Look) -> bool {
    [
        look.log_service,
        look.log_error,
        look.workers,
        look.work_left,
        look.utilisation,
        look.surprise,
        look.crowding,
    ]
    .iter()
    .all(|number| number.is_finite())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn whatever_happens_estimates_are_finite(events in events()) {
        let mut serving = Serving::default();
        serving.grow(4, Time::ZERO);
        let mut now = Time::ZERO;
        let mut sent = Vec::new();
        for event in events {
            match event {
                Event::Send { backend, predicted: [log_cost, cost, deviation] } => {
                    let predicted = PredictedCost { log_cost, cost, deviation };
                    serving.on_sent(BackendIndex(backend), &RequestInfo::default(), predicted, now);
                    sent.push((BackendIndex(backend), now));
                }
                Event::End { place, kind } => {
                    if !sent.is_empty() {
                        let (backend, at) = sent.swap_remove(place % sent.len());
                        let ended = serving.on_end(backend, at, kind, now);
                        if let Some(ended) = ended {
                            prop_assert!(ended.log_service.is_finite() && ended.log_relative.is_finite());
                            prop_assert!((0.0..=1.0).contains(&ended.certainty), "{ended:?}");
                        }
                    }
                }
                Event::Stray { backend, sent } => {
                    serving.on_end(BackendIndex(backend), Time::from_nanos(sent), None, now);
                }
                Event::Believe { backend, log_service, log_error, workers } => {
                    let discipline = Some(Discipline::ProcessorSharing);
                    let prior = Prior { log_service, log_error, workers: Some(workers), discipline };
                    serving.believe(BackendIndex(backend), prior);
                }
                Event::Wait { nanos } => now += Span::from_nanos(nanos),
            }
            for backend in (0..4).map(BackendIndex) {
                let look = serving.look(backend);
                prop_assert!(is_finite(&look), "{look:?}");
                let index = serving.index(backend, &ORDINARY, now);
                prop_assert!(index.log_completion.is_finite() && index.log_improvement.is_finite(), "{index:?}");
            }
        }
    }
}

/// Sends a request and ends it after `millis`.
fn serve(serving: &mut Serving, now: &mut Time, millis: u64) -> Option<f32> {
    let sent = *now;
    serving.on_sent(BACKEND, &RequestInfo::default(), ORDINARY, sent);
    *now += Span::from_millis(millis);
    serving.on_end(BACKEND, sent, Some(ReplyKind::Success), *now).map(|ended| ended.log_relative)
}

#[test]
fn requests_that_never_end_do_not_fill_the_memory() {
    let mut serving = Serving::default();
    serving.grow(1, Time::ZERO);
    for nanos in 0..20_000 {
        serving.on_sent(BACKEND, &RequestInfo::default(), ORDINARY, Time::from_nanos(nanos * 1_000));
    }
    let left = serving.look(BACKEND).work_left;
    assert!((1_000.0..10_000.0).contains(&left), "of 20,000, the oldest are forgotten: {left}");
}

#[test]
fn a_request_that_ends_says_how_it_compares() {
    let (mut serving, mut now) = (Serving::default(), Time::ZERO);
    serving.grow(1, now);
    for _ in 0..200 {
        serve(&mut serving, &mut now, 10);
    }
    let log_service = serving.look(BACKEND).log_service;
    assert!((log_service - 10e6f32.ln()).abs() < 0.05, "10 ms, not {log_service}");
    let twice = serve(&mut serving, &mut now, 20).expect("it succeeded");
    assert!((twice - 2f32.ln()).abs() < 0.05, "ln 2, not {twice}");
}

#[test]
fn failures_and_cancelled_requests_teach_nothing_of_their_service() {
    let (mut serving, mut now) = (Serving::default(), Time::ZERO);
    serving.grow(1, now);
    for _ in 0..50 {
        serve(&mut serving, &mut now, 10);
    }
    let before = serving.look(BACKEND).log_service;
    for kind in [Some(ReplyKind::ServerError), Some(ReplyKind::ConnectionError), None] {
        for _ in 0..20 {
            let sent = now;
            serving.on_sent(BACKEND, &RequestInfo::default(), ORDINARY, sent);
            now += Span::from_micros(100);
            assert!(serving.on_end(BACKEND, sent, kind, now).is_none());
        }
    }
    let after = serving.look(BACKEND);
    assert!((after.log_service - before).abs() < 0.05, "a backend that fails fast is not fast: {after:?}");
    assert_eq!(after.work_left, 0.0, "and nothing is left there");
}

#[test]
fn a_profile_is_believed_until_replies_say_otherwise() {
    let (mut serving, mut now) = (Serving::default(), Time::ZERO);
    let told = Prior {
        log_service: 100e6f32.ln(),
        log_error: 0.1,
        workers: Some(16),
        discipline: Some(Discipline::ProcessorSharing),
    };
    serving.believe(BACKEND, told);
    serving.grow(1, now);
    serve(&mut serving, &mut now, 100);
    let look = serving.look(BACKEND);
    assert!((look.log_service - told.log_service).abs() < 0.3, "{look:?}");
    assert_eq!((look.workers, look.is_shared), (16.0, true), "{look:?}");
    for _ in 0..30 {
        serve(&mut serving, &mut now, 2);
    }
    let look = serving.look(BACKEND);
    assert!((look.log_service - 2e6f32.ln()).abs() < 0.3, "it is fifty times as fast: {look:?}");
}

#[test]
fn more_work_costs_more() {
    let (mut serving, mut now) = (Serving::default(), Time::ZERO);
    serving.grow(2, now);
    for _ in 0..200 {
        serve(&mut serving, &mut now, 10);
    }
    let mut before = f32::NEG_INFINITY;
    for _ in 0..40 {
        let index = serving.index(BACKEND, &ORDINARY, now);
        assert!(index.log_improvement >= index.log_completion - 1e-4, "others bear a part: {index:?}");
        assert!(index.log_improvement >= before - 1e-4, "one more request: {index:?} after {before}");
        before = index.log_improvement;
        serving.on_sent(BACKEND, &RequestInfo::default(), ORDINARY, now);
        now += Span::from_nanos(1);
    }
    let small = PredictedCost { log_cost: -2.0, cost: 0.14, deviation: 0.1 };
    let large = PredictedCost { log_cost: 2.0, cost: 7.4, deviation: 0.1 };
    let cost = |predicted| serving.index(BACKEND, predicted, now).log_improvement;
    assert!(cost(&small) < cost(&ORDINARY) && cost(&ORDINARY) < cost(&large));
}
