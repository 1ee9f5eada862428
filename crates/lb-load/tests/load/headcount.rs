//! The number of users is changed while a phase without end runs.

use super::only;
use super::scenario::{Users, gets, plan_load};
use super::server::{Answer, Seen, Server, reply};
use lb_core::workload::Schedule;
use lb_core::{Outcome, Seed, Span};
use lb_load::{Headcount, Hooks, LoadPlan};
use lb_record::{PieceSink, Progress, TrialRecord};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The most users that the phases of these tests have room for.
const MOST: u32 = 40;

/// The phase without end, with room for more users.
fn with_room(plan: LoadPlan) -> LoadPlan {
    let workload = Arc::new(plan.schedule.workload().endless(plan.max_in_flight));
    let schedule = Schedule::with_room(workload, Seed(7), MOST);
    LoadPlan { schedule, duration: Span::MAX, keep_actions: false, ..plan }
}

/// A phase that runs until it is stopped.
struct Running {
    begun: Instant,
    headcount: Arc<Headcount>,
    progress: Arc<Progress>,
    stop: Arc<AtomicBool>,
    load: std::thread::JoinHandle<TrialRecord>,
}

impl Running {
    fn start(plan: LoadPlan, headcount: Arc<Headcount>) -> Self {
        let (sink, pieces) = PieceSink::new();
        let (stop, progress) = (Arc::new(AtomicBool::new(false)), Arc::new(Progress::default()));
        let hooks = Hooks {
            pieces: Some(sink),
            stop: Arc::clone(&stop),
            progress: Some(Arc::clone(&progress)),
            headcount: Some(Arc::clone(&headcount)),
            ..Hooks::default()
        };
        let load = std::thread::spawn(move || {
            let engine = std::thread::spawn(move || lb_load::run(plan, hooks));
            let mut sum = TrialRecord::default();
            pieces.iter().for_each(|piece| sum.absorb(piece.record));
            engine.join().expect("it does not panic").expect("the phase runs");
            sum
        });
        Self { begun: Instant::now(), headcount, progress, stop, load }
    }

    fn aim_at(&self, users: u32, rate: Option<f64>) {
        let now = Span::from_secs_f64(self.begun.elapsed().as_secs_f64());
        self.headcount.aim_at(users, rate, now);
    }

    /// Waits until exactly this many users are there.
    fn wait_for(&self, users: u32) {
        for _ in 0..6_000 {
            if self.progress.snapshot().users == users {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{users} users within a minute, not {}", self.progress.snapshot().users);
    }

    fn end(self) -> TrialRecord {
        self.stop.store(true, Ordering::Relaxed);
        self.load.join().expect("it does not panic")
    }
}

/// Waits until `users` users have sent a request since the first `past` requests.
fn wait_for_senders(server: &Server, past: usize, users: usize) {
    for _ in 0..6_000 {
        if keys_of(&server.seen()[past..]).len() == users {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{users} users send within a minute");
}

/// The request keys of each user, in order.
fn keys_of(seen: &[Seen]) -> BTreeMap<String, Vec<String>> {
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in seen {
        keys.entry(one.user.clone()).or_default().push(one.key.clone());
    }
    keys
}

fn thinking(users: u32) -> Users {
    Users { think_s: 0.02, ..Users::busy(users, 100, "get") }
}

#[test]
fn users_come_and_leave_as_asked_in_exact_numbers_over_all_workers() {
    let server = Server::start(|_| Answer::Reply(reply(200, "")));
    let mut plan = with_room(plan_load(&server.url(), gets(&["get"]), &[thinking(4)]));
    plan.workers = NonZeroUsize::new(3).expect("not zero");
    let running = Running::start(plan, Headcount::new(4, None));
    for (users, rate) in [(4, None), (21, Some(50.0)), (2, Some(100.0)), (0, None), (7, None), (1_000, None)]
    {
        running.aim_at(users, rate);
        running.wait_for(users.min(MOST));
        assert_eq!(running.headcount.aim(), users);
    }
    wait_for_senders(&server, server.seen().len(), MOST as usize);
    running.aim_at(2, None);
    running.wait_for(2);
    let (past, first) = (server.seen().len(), keys_of(&server.seen()));
    wait_for_senders(&server, past, 2);
    let still: Vec<String> = keys_of(&server.seen()[past..]).into_keys().collect();
    assert_eq!(still, ["10.0.0.0", "10.0.0.1"], "the first users are those that stay");
    assert_eq!(first.len(), MOST as usize, "there is no room for more");
    only(&running.end(), Outcome::Ok);
}

#[test]
fn what_a_user_does_depends_neither_on_the_others_nor_on_its_absence() {
    let play = |changes: &[u32]| {
        let server = Server::start(|_| Answer::Reply(reply(200, "")));
        let users = Users { actions: vec![("a", 3.0), ("b", 1.0)], ..thinking(6) };
        let plan = with_room(plan_load(&server.url(), gets(&["a", "b"]), &[users]));
        let running = Running::start(plan, Headcount::new(6, None));
        running.wait_for(6);
        for users in changes {
            wait_for_senders(&server, server.seen().len(), running.headcount.aim() as usize);
            running.aim_at(*users, None);
            running.wait_for(*users);
        }
        wait_for_senders(&server, server.seen().len(), running.headcount.aim() as usize);
        running.end();
        keys_of(&server.seen())
    };
    let (steady, changed) = (play(&[]), play(&[3, 9, 6]));
    for (user, keys) in &steady {
        let other = &changed[user];
        let common = keys.len().min(other.len());
        assert!(common > 0, "user {user} acts in both");
        assert_eq!(keys[..common], other[..common], "user {user} does the same");
    }
    assert_eq!((steady.len(), changed.len()), (6, 9));
}

#[test]
fn a_user_that_is_sent_away_ends_its_action_and_closes_its_connection() {
    let server = Server::start(|_| Answer::After(Duration::from_millis(30), reply(200, "")));
    let journey = serde_json::json!({"name": "pairs", "actions": {"visit": {"steps": [
        {"name": "one", "path": "/one"}, {"name": "two", "path": "/two"}
    ]}}});
    let plan = with_room(plan_load(&server.url(), journey, &[Users::busy(3, 100, "visit")]));
    let running = Running::start(plan, Headcount::new(3, None));
    wait_for_senders(&server, 0, 3);
    running.aim_at(0, None);
    running.wait_for(0);
    let seen = server.seen();
    for user in ["10.0.0.0", "10.0.0.1", "10.0.0.2"] {
        let last = seen.iter().rfind(|one| one.user == user).expect("it sent something");
        assert!(last.path.ends_with("/two"), "user {user} ended with {}", last.path);
    }
    let connections = seen.iter().map(|one| one.connection).max();
    running.aim_at(3, None);
    running.wait_for(3);
    wait_for_senders(&server, seen.len(), 3);
    let back = &server.seen()[seen.len()..];
    assert!(back.iter().all(|one| Some(one.connection) > connections), "they come back on new connections");
    only(&running.end(), Outcome::Ok);
}
