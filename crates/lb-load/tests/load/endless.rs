//! Load without end: it goes on until it is stopped, and hands over what it recorded second by second.

use super::only;
use super::scenario::{Users, gets, plan_load};
use super::server::{Answer, Server, reply};
use lb_core::workload::{ArrivalStart, Schedule};
use lb_core::{Outcome, Seed, Span};
use lb_load::{Hooks, LoadPlan};
use lb_record::{PieceSink, Progress, TrialRecord};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The phase without end.
fn endless(plan: LoadPlan) -> LoadPlan {
    let workload = Arc::new(plan.schedule.workload().endless(plan.max_in_flight));
    let schedule = Schedule::new(workload, Seed(7));
    assert_eq!(plan.duration < Span::MAX, !plan.schedule.is_endless());
    LoadPlan { schedule, duration: Span::MAX, keep_actions: false, ..plan }
}

/// Plays a phase without end until `seconds` seconds of each worker were handed over. Returns the sum of what was
/// handed over, the record at the end, and the users seen.
fn play(plan: LoadPlan, seconds: u32) -> (TrialRecord, TrialRecord, u32) {
    let plan = endless(plan);
    let workers = plan.workers.get();
    let (sink, pieces) = PieceSink::new();
    let (stop, progress) = (Arc::new(AtomicBool::new(false)), Arc::new(Progress::default()));
    let hooks = Hooks {
        pieces: Some(sink),
        stop: Arc::clone(&stop),
        progress: Some(Arc::clone(&progress)),
        ..Hooks::default()
    };
    let load = std::thread::spawn(move || lb_load::run(plan, hooks));
    let mut sum = TrialRecord::default();
    let (mut complete, mut users) = (0, 0);
    for piece in &pieces {
        if piece.second == seconds {
            complete += 1;
        }
        users = users.max(progress.snapshot().users);
        if complete == workers {
            stop.store(true, Ordering::Relaxed);
        }
        sum.absorb(piece.record);
    }
    let rest = load.join().expect("it does not panic").expect("the phase runs");
    (sum, rest, users)
}

#[test]
fn users_without_end_go_on_after_the_end_of_their_stage_until_they_are_stopped() {
    let server = Server::start(|_| Answer::Reply(reply(200, "")));
    let users = Users { think_s: 0.02, ..Users::busy(4, 100, "get") };
    let mut plan = plan_load(&server.url(), gets(&["get"]), &[users]);
    plan.workers = NonZeroUsize::new(2).expect("not zero");
    let (sum, rest, users) = play(plan, 1);
    only(&sum, Outcome::Ok);
    assert!(rest.interrupted && rest.requests() == 0, "all was handed over");
    assert_eq!(users, 4, "all users are there");
    let seen = server.seen().len() as u64;
    assert!(sum.requests() <= seen && sum.requests() + 4 >= seen, "{} of {seen}", sum.requests());
}

#[test]
fn arrivals_without_end_keep_their_rate_and_come_to_all_workers() {
    let server = Server::start(|_| Answer::Reply(reply(200, "")));
    let mut plan =
        plan_load(&server.url(), gets(&["get"]), &[Users::arriving(40.0, 200, ArrivalStart::Action)]);
    plan.workers = NonZeroUsize::new(2).expect("not zero");
    let (sum, ..) = play(plan, 1);
    only(&sum, Outcome::Ok);
    // At least the two whole seconds that were waited for, of which the last request may be in flight.
    assert!(sum.requests() >= 78, "{} requests", sum.requests());
    assert_eq!(sum.arrivals.due, sum.arrivals.begun + sum.arrivals.dropped);
    assert_eq!(sum.arrivals.dropped, 0);
    assert_eq!(sum.service.count(), sum.requests(), "the time from the sending is known for each");
}
