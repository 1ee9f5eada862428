//! Who is there and when, what they like, and the hash over it all.

use crate::support::*;
use lb_core::workload::{Schedule, Stage, UserId};
use lb_core::{Seed, Span, Time};
use proptest::prelude::*;
use serde_json::json;

fn secs(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

/// Users that are there at a point.
fn active(schedule: &Schedule, at: Time) -> usize {
    let is_there = |windows: &[(Time, Time)]| windows.iter().any(|(begin, end)| (*begin..*end).contains(&at));
    schedule.users().iter().filter(|user| is_there(&user.windows)).count()
}

#[test]
fn users_arrive_evenly_over_the_ramp_up_and_leave_together() {
    let mut setup = Setup::ecommerce();
    setup.stages = vec![stage("ramp", 10, 120)];
    setup.stages[0].start = Span::from_secs(30);
    setup.stages[0].ramp_up = Span::from_secs(20);
    let windows: Vec<_> = setup.schedule().users().iter().map(|user| user.windows.clone()).collect();
    let expected: Vec<_> = (0..10).map(|user| vec![(secs(30 + 2 * user), secs(150))]).collect();
    assert_eq!(windows, expected, "user i of n arrives at start + ramp-up x i / n");
}

#[test]
fn who_would_arrive_after_the_end_never_comes() {
    let mut setup = Setup::ecommerce();
    setup.stages = vec![stage("short", 10, 50)];
    setup.stages[0].ramp_up = Span::from_secs(100);
    let schedule = setup.schedule();
    assert_eq!(schedule.users().len(), 5, "half of the ramp-up fits");
    assert_eq!(schedule.peak_users(), 5);
}

#[test]
fn overlapping_stages_run_at_the_same_time() {
    let mut setup = Setup::ecommerce();
    setup.stages =
        vec![stage("steady", 52, 35 * 60), stage("lunch", 84, 20 * 60), stage("late", 42, 40 * 60)];
    setup.stages[0].start = Span::from_secs(25 * 60);
    setup.stages[1].start = Span::from_secs(30 * 60);
    setup.stages[2].start = Span::from_secs(50 * 60);
    let schedule = setup.schedule();
    assert_eq!(schedule.peak_users(), 136, "52 + 84; who leaves at 50 min makes room for who comes");
    assert_eq!(active(&schedule, secs(26 * 60)), 52);
    assert_eq!(active(&schedule, secs(55 * 60)), 94);
    assert_eq!(schedule.end(), secs(90 * 60));
    for (number, user) in schedule.users().iter().enumerate() {
        assert_eq!(user.id, UserId(number as u32), "users are found by their number");
    }
}

proptest! {
    #[test]
    fn a_wandering_number_of_users_stays_in_its_band_and_under_the_cap(
        seed: u64,
        users in 1_u32..80,
        variance in 0.0..1.0_f64,
        cap in 1_u32..100,
        minutes in 1_u64..30,
    ) {
        let mut setup = Setup::ecommerce();
        setup.seed = Seed(seed);
        setup.stages = vec![Stage { user_variance: variance, max_users: cap, ..stage("chaos", users, minutes * 60) }];
        let schedule = setup.schedule();
        let low = (f64::from(users) * (1.0 - variance)).round().max(1.0).min(f64::from(cap));
        let high = (f64::from(users) * (1.0 + variance)).round().min(f64::from(cap));
        for minute in 0..minutes {
            let there = active(&schedule, secs(minute * 60 + 30)) as f64;
            prop_assert!((low..=high).contains(&there), "{there} outside {low} to {high}");
        }
        prop_assert!(schedule.peak_users() <= cap, "never above the cap");
        for user in schedule.users() {
            prop_assert!(user.windows.windows(2).all(|pair| pair[0].1 < pair[1].0), "disjoint and ascending");
        }
    }

    #[test]
    fn every_beginning_of_the_users_has_the_mix_of_the_stage(
        shares in prop::collection::vec(0.01..1.0_f64, 1..6),
        users in 1_u32..200,
    ) {
        let mut setup = Setup::ecommerce();
        setup.classes = (0..shares.len()).map(|number| class(&number.to_string())).collect();
        setup.stages = vec![stage("mixed", users, 60)];
        setup.stages[0].classes =
            shares.iter().enumerate().map(|(class, share)| mix_of(class, *share)).collect();
        let total: f64 = shares.iter().sum();
        let mut dealt = vec![0.0; shares.len()];
        for (before, user) in setup.schedule().users().iter().enumerate() {
            dealt[user.class] += 1.0;
            for (class, share) in shares.iter().enumerate() {
                let quota = share / total * (before + 1) as f64;
                let limit = shares.len() as f64;
                prop_assert!(
                    dealt[class] < quota + 1.0 && dealt[class] > quota - limit,
                    "class {class} has {} of {} users, its share is {quota}", dealt[class], before + 1
                );
            }
        }
    }
}

#[test]
fn the_number_of_users_wanders_when_it_may() {
    let mut setup = Setup::ecommerce();
    setup.stages = vec![Stage { user_variance: 0.4, ..stage("chaos", 100, 1_200) }];
    let schedule = setup.schedule();
    let counts: Vec<usize> = (0..20).map(|minute| active(&schedule, secs(minute * 60 + 1))).collect();
    let mean = counts.iter().sum::<usize>() as f64 / 20.0;
    assert!(counts.iter().min() < Some(&80) && counts.iter().max() > Some(&120), "{counts:?}");
    assert!((mean - 100.0).abs() < 20.0, "around the number that is asked for: {mean}");
}

#[test]
fn actions_are_done_as_often_as_they_weigh() {
    let mut setup = Setup::ecommerce();
    setup.classes[0].actions =
        weights(&[("view_cart", 1.0), ("view_profile", 3.0), ("view_product_details", 0.0)]);
    setup.stages[0].duration = Span::from_secs(10_000_000);
    let share = |setup: &Setup, step: &str| {
        let sent = planned(&setup.schedule(), 0, 20_000);
        let middle: Vec<&str> =
            names(&sent).into_iter().filter(|name| !["register", "login"].contains(name)).collect();
        middle.iter().filter(|name| **name == step).count() as f64 / middle.len() as f64
    };
    assert!((share(&setup, "view_profile") - 0.75).abs() < 0.02, "the class's weights count");
    assert_eq!(share(&setup, "view_product"), 0.0, "an action without weight is never done");

    setup.stages[0].classes[0].actions = weights(&[("view_cart", 9.0), ("view_profile", 1.0)]);
    assert!((share(&setup, "view_cart") - 0.9).abs() < 0.02, "the stage's weights go before");

    setup.stages[0].action_randomness = 1.0;
    assert!((share(&setup, "view_cart") - 0.5).abs() < 0.02, "at random means evenly");

    setup.stages[0].action_randomness = 0.0;
    setup.stages[0].classes[0].actions.clear();
    setup.classes[0].actions.clear();
    let browse = share(&setup, "list_category");
    assert!(browse > 0.15, "without any, the journey's weights count, got {browse}");
}

#[test]
fn the_expected_rate_is_what_users_send_when_replies_take_no_time() {
    let mut setup = Setup::ecommerce().with_errors(0.05);
    setup.stages[0].duration = Span::from_secs(40_000);
    setup.stages[0].action_randomness = 0.3;
    setup.classes[0].abandonment = 0.5;
    let check = |setup: &Setup, rule: &str| {
        let schedule = setup.schedule();
        let sent: usize = (0..4).map(|user| planned(&schedule, user, usize::MAX).len()).sum();
        let seen = sent as f64 / 4.0 / 40_000.0;
        let expected = schedule.workload().expected_rate(0).expect("users think");
        assert!((seen / expected - 1.0).abs() < 0.03, "{rule}: expected {expected}, saw {seen}");
    };
    check(&setup, "sessions of some actions");
    setup.classes[0].session_duration_s = Some([200.0, 400.0]);
    setup.classes[0].actions_per_session = [400, 400];
    check(&setup, "sessions that last some minutes");
    setup.classes[0].think_time_s = [0.0, 0.0];
    let rate = setup.schedule().workload().expected_rate(0);
    assert_eq!(rate, None, "who never thinks is only held up by replies");
}

#[test]
fn planned_actions_are_what_a_user_sends() {
    let schedule = Setup::ecommerce().with_errors(0.1).schedule();
    let sent = planned(&schedule, 2, 60);
    assert_eq!(schedule.planned_actions(UserId(2), 60), names(&sent));
    assert!(schedule.planned_actions(UserId(2), 0).is_empty(), "none when none are asked for");
}

#[test]
fn the_hash_is_the_same_for_the_same_schedule_only() {
    let base = Setup::ecommerce().with_errors(0.01);
    let hash = |setup: &Setup| setup.schedule().sha256().to_owned();
    let first = hash(&base);
    assert_eq!(first, hash(&base), "the same inputs, the same hash");
    assert_eq!(first.len(), 64, "SHA-256 in hex");

    type Change = (&'static str, fn(&mut Setup));
    let changes: [Change; 17] = [
        ("the seed", |setup| setup.seed = Seed(8)),
        ("a think time", |setup| setup.classes[0].think_time_s[1] = 3.001),
        ("a session's length", |setup| setup.classes[0].actions_per_session[1] += 1),
        ("the longest session", |setup| setup.classes[0].session_duration_s = Some([1e6, 1e6])),
        ("abandonment", |setup| setup.classes[0].abandonment = 0.001),
        ("a class's repeat", |setup| {
            let _ = setup.classes[0].repeat.insert("add_item".to_owned(), [1, 4]);
        }),
        ("a class's probability", |setup| {
            setup.classes[0].probability.insert("list_products".to_owned(), 0.31);
        }),
        ("a weight", |setup| {
            setup.journey.actions.get_mut("view_cart").expect("the action").weight = 8.5;
        }),
        ("a row of a feed", |setup| {
            setup.journey.feeds.get_mut("products").expect("the feed")[9]["price"] = json!(39.91);
        }),
        ("a row that is added", |setup| {
            setup.journey.feeds.get_mut("invalid_skus").expect("the feed").push(json!({ "sku": "X" }));
        }),
        ("the chance of an error", |setup| {
            let _ = setup.errors.insert("empty_cart_order".to_owned(), 0.011);
        }),
        ("the number of accounts", |setup| setup.identities = 51),
        ("the number of users", |setup| setup.stages[0].users += 1),
        ("the ramp-up", |setup| setup.stages[0].ramp_up = Span::from_secs(1)),
        ("the duration", |setup| setup.stages[0].duration = Span::from_secs(601)),
        ("the start", |setup| setup.stages[0].start = Span::from_nanos(1)),
        ("a stage's variance", |setup| setup.stages[0].think_time_variance = 0.01),
    ];
    for (what, change) in changes {
        let mut changed = base.clone();
        change(&mut changed);
        assert_ne!(first, hash(&changed), "{what} changes what is sent");
    }
}

#[test]
fn a_known_schedule_keeps_its_hash() {
    let setup = Setup::new(
        r#"{ "name": "pinned", "feeds": { "rows": [{ "n": 1 }, { "n": 2, "popularity": 3 }] },
             "actions": { "get": { "weight": 1, "steps": [
               { "name": "get", "path": "/{{row.n}}/{{int:1:9}}/{{uuid}}", "bind": { "row": "rows" } }] } } }"#,
    );
    let schedule = setup.schedule();
    let paths: Vec<String> = whats(planned(&schedule, 0, 2)).into_iter().map(|what| what.path).collect();
    assert_eq!(
        (paths.join(" ").as_str(), schedule.sha256()),
        (
            "/2/7/51ceb4ff-d0a6-4987-9ab0-ef72e9cbf94d /2/1/63f5ccf7-1e2d-4352-bc38-c3c4b825a39f",
            "89e706e0acc3221900529d9e4e1201e8d628ca47745cd6479b32d33247b811f0"
        ),
        "a change here makes results of different versions incomparable: count the generator's version up"
    );
}

#[test]
fn a_schedule_with_room_has_the_users_of_the_plan_first_and_more_of_the_same_kinds() {
    let mut setup = Setup::ecommerce();
    setup.stages = vec![stage("steady", 12, 60)];
    let workload = std::sync::Arc::new(setup.workload().expect("a sound workload").endless(1));
    let plain = Schedule::new(std::sync::Arc::clone(&workload), setup.seed);
    let roomy = Schedule::with_room(std::sync::Arc::clone(&workload), setup.seed, 500);
    assert_eq!((plain.users().len(), roomy.users().len()), (12, 500));
    for (user, same) in plain.users().iter().zip(roomy.users()) {
        assert_eq!((user.class, user.stage), (same.class, same.stage));
        assert_eq!(plain.planned_actions(user.id, 30), roomy.planned_actions(user.id, 30));
    }
    let few = Schedule::with_room(workload, setup.seed, 3);
    assert_eq!(few.users().len(), 12, "those of the plan have room in any case");
}

#[test]
fn any_number_of_first_users_has_the_stages_in_their_shares() {
    let mut setup = Setup::ecommerce();
    setup.stages = vec![stage("main", 30, 60), stage("background", 10, 60)];
    let workload = std::sync::Arc::new(setup.workload().expect("a sound workload").endless(1));
    let schedule = Schedule::with_room(workload, setup.seed, 200);
    for count in [4, 40, 80, 200] {
        let main = schedule.users()[..count].iter().filter(|user| user.stage == 0).count();
        assert_eq!(main, count * 3 / 4, "of the first {count}");
    }
}
