//! The workload through its public interface.

use lb_core::rng::Seed;
use lb_core::time::Span;
use lb_core::workload::{
    ClassMix, Journey, Next, Rendered, Schedule, Stage, StepReply, UserClass, Workload,
};
use lb_core::{Outcome, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

#[test]
fn smoke() {
    let journey: Journey =
        serde_json::from_str(include_str!("../../configs/journeys/ecommerce.json")).unwrap();
    let class = UserClass {
        name: "c".into(),
        actions: BTreeMap::new(),
        think_time_s: [1.0, 3.0],
        actions_per_session: [3, 8],
        session_duration_s: None,
        abandonment: 0.3,
        repeat: BTreeMap::new(),
        probability: BTreeMap::new(),
    };
    let stage = Stage {
        name: "s".into(),
        start: Span::ZERO,
        duration: Span::from_secs(120),
        ramp_up: Span::from_secs(10),
        users: 5,
        classes: vec![ClassMix {
            class: 0,
            share: 1.0,
            actions: BTreeMap::new(),
        }],
        user_variance: 0.0,
        think_time_variance: 0.0,
        action_randomness: 0.0,
        max_users: 5,
        background: false,
    };
    let errors: BTreeMap<String, f64> = journey
        .error_names()
        .into_iter()
        .map(|n| (n.to_owned(), 0.1))
        .collect();
    let workload =
        Arc::new(Workload::new(&journey, vec![class], vec![stage], &errors, 100).unwrap());
    println!("{:?}", workload.expected_rate(0));
    let schedule = Schedule::new(workload.clone(), Seed(1));
    println!("{} peak {}", schedule.sha256(), schedule.peak_users());
    let mut user = schedule.virtual_user(schedule.users()[2].id);
    println!(
        "{} {:?}",
        std::mem::size_of_val(&user),
        schedule.planned_actions(schedule.users()[2].id, 40)
    );
    let mut out = Rendered::default();
    let mut now = Time::ZERO;
    let mut reply = None;
    loop {
        match user.next(reply.take(), now) {
            Next::Wait(t) => now = t,
            Next::Done => break,
            Next::Send(r) => {
                user.render(&r, &mut out);
                println!(
                    "{:.2} {:?} {} {:?} {} -> {:?}",
                    now.as_secs_f64(),
                    r.injected,
                    out.path,
                    out.headers,
                    String::from_utf8_lossy(&out.body),
                    user.expected(&r)
                );
                reply = Some(StepReply {
                    outcome: Outcome::Ok,
                    body: None,
                });
            }
        }
    }
}
