//! Episodes of a training run: whoever plays them, their outcomes are the same.

use crate::place::Place;
use harness::cli::MusterArgs;
use lb_cases::episode::{Episode, Here, Players as _};
use lb_cases::objective::Objective;
use lb_cases::scenarios::Family;
use lb_core::policy::PolicyFile;
use lb_core::policy::learned::{Action, Network};
use lb_workers::{EpisodePlayers, NoPlayers};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("however_many_workers_play_episodes_their_outcomes_are_the_same", many),
    ("the_episodes_of_a_worker_that_is_killed_are_played_by_others", killed),
    ("workers_for_episodes_that_are_not_there_are_told", nobody),
];

fn episodes(count: u64, requests: u64) -> Vec<Episode> {
    let policy = Arc::new(PolicyFile::new(Network::zero(), Action::default()));
    let episode = |number| Episode {
        case: Family::Training.case(number).with_requests(requests),
        policy: Arc::clone(&policy),
        objective: Objective::Blend,
    };
    (0..count).map(episode).collect()
}

fn muster(place: &Place, expect: u32) -> Result<EpisodePlayers, NoPlayers> {
    let workers_wait = Duration::from_secs(if expect > 8 { 1 } else { 30 });
    let muster = MusterArgs { expect_workers: expect, workers_wait };
    EpisodePlayers::muster(&place.server.url, &muster, &AtomicBool::new(false), &|_| ())
}

fn many() {
    let place = Place::new();
    let mut workers = place.workers(4);
    let episodes = episodes(40, 500);
    let here = Here.play(&episodes).expect("this machine is here");
    for count in [4, 2, 1] {
        workers.truncate(count);
        let players = muster(&place, count as u32).expect("they wait");
        for _ in 0..2 {
            assert_eq!(players.play(&episodes).expect("they play"), here, "{count} workers");
        }
    }
    let players = muster(&place, 1).expect("it waits");
    assert_eq!(players.play(&[]).expect("there is nothing to play"), []);
}

fn killed() {
    let place = Place::new();
    let mut workers = place.workers(2);
    let episodes = episodes(60, 20_000);
    let here = Here.play(&episodes).expect("this machine is here");
    let players = muster(&place, 2).expect("they wait");
    let mut second = workers.pop().expect("there are two");
    let killing = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        second.kill();
    });
    assert_eq!(players.play(&episodes).expect("one is left"), here);
    killing.join().expect("it only kills");
    drop(workers);
    let lost = players.play(&episodes).expect_err("nobody is left").to_string();
    assert!(lost.contains("no worker is left at nats://") && lost.contains("bench worker --join"), "{lost}");
}

fn nobody() {
    let place = Place::new();
    let _worker = place.worker("w1");
    let Err(NoPlayers::Unready(text)) = muster(&place, 9) else { panic!("there is only one") };
    for part in ["1 of 9 workers are at", "(w1)", "--expect-workers"] {
        assert!(text.contains(part), "`{part}` in {text}");
    }
    let stop = AtomicBool::new(false);
    let muster = MusterArgs { expect_workers: 1, workers_wait: Duration::ZERO };
    let bad = EpisodePlayers::muster("http://x", &muster, &stop, &|_| ());
    assert!(
        matches!(&bad, Err(NoPlayers::Address(text)) if text.contains("only `nats://` and `tls://`")),
        "{bad:?}"
    );
}
