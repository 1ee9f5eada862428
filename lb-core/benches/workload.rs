//! What a request costs on the users' side: deciding on it ([`VirtualUser::next`]) and writing it.

use criterion::{Criterion, criterion_group, criterion_main};
use lb_core::rng::Seed;
use lb_core::workload::{
    ClassMix, Journey, Next, Rendered, Schedule, Stage, StepReply, UserClass, VirtualUser, Workload,
};
use lb_core::{Outcome, Span, Time};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

fn schedule(journey: &str, think_time_s: [f64; 2], users: u32) -> Schedule {
    let journey: Journey = serde_json::from_str(journey).expect("a journey");
    let class = UserClass {
        name: "shopper".to_owned(),
        think_time_s,
        actions_per_session: [5, 15],
        abandonment: 0.3,
        ..UserClass::default()
    };
    let stage = Stage {
        name: "stage".to_owned(),
        start: Span::ZERO,
        duration: Span::from_secs(1_000_000_000),
        ramp_up: Span::ZERO,
        users,
        classes: vec![ClassMix { class: 0, share: 1.0, actions: BTreeMap::new() }],
        user_variance: 0.0,
        think_time_variance: 0.2,
        action_randomness: 0.1,
        max_users: users,
        background: false,
        arrivals: None,
    };
    let workload = Workload::new(&journey, vec![class], vec![stage], &BTreeMap::new(), 10_000);
    Schedule::new(Arc::new(workload.expect("a valid workload")), Seed(1))
}

/// The user's next request, in virtual time.
fn step(user: &mut VirtualUser, now: &mut Time, out: Option<&mut Rendered>) {
    let mut reply = Some(StepReply { outcome: Outcome::Ok, seen: None });
    loop {
        match user.next(reply.take(), *now) {
            Next::Wait(until) => *now = until,
            Next::Send(request) => {
                if let Some(out) = out {
                    user.render(&request, out);
                    black_box(&out.path);
                }
                return;
            }
            Next::Done => unreachable!("the stage outlasts the benchmark"),
        }
    }
}

fn workload(c: &mut Criterion) {
    let journeys = [
        ("ecommerce", include_str!("../../configs/journeys/ecommerce.json"), [1.0, 3.0]),
        ("single_get", include_str!("../../configs/journeys/single_get.json"), [0.0, 0.0]),
    ];
    for (name, journey, think_time_s) in journeys {
        let schedule = schedule(journey, think_time_s, 1);
        let id = schedule.users()[0].id;
        let (mut user, mut now) = (schedule.virtual_user(id), Time::ZERO);
        c.bench_function(&format!("{name}/next"), |b| b.iter(|| step(&mut user, &mut now, None)));
        let (mut user, mut now) = (schedule.virtual_user(id), Time::ZERO);
        let mut out = Rendered::default();
        c.bench_function(&format!("{name}/next_and_render"), |b| {
            b.iter(|| step(&mut user, &mut now, Some(&mut out)));
        });
    }
    let mut group = c.benchmark_group("schedule");
    group.sample_size(10);
    group.bench_function("sha256_of_600_users", |b| {
        b.iter(|| {
            let schedule = schedule(journeys[0].1, [1.0, 3.0], 600);
            black_box(schedule.sha256().len())
        });
    });
    group.finish();
}

criterion_group!(benches, workload);
criterion_main!(benches);
