//! What users send, in which order, and when.

use crate::support::*;
use lb_core::workload::{Next, UserId, VirtualUser};
use lb_core::{Outcome, Span, Time};
use proptest::prelude::*;

#[test]
fn the_same_seed_gives_the_same_requests_and_another_seed_others() {
    let setup = Setup::ecommerce().with_errors(0.05);
    let other = Setup { seed: lb_core::Seed(8), ..setup.clone() };
    let [first, again, other] = [&setup, &setup, &other].map(|setup| setup.schedule());
    for user in 0..4 {
        let requests = planned(&first, user, 200);
        assert_eq!(requests, planned(&again, user, 200), "user {user} must be the same each time");
        assert_ne!(requests, planned(&other, user, 200), "user {user} must follow the seed");
    }
}

#[test]
fn a_users_choices_do_not_depend_on_how_many_others_there_are() {
    let few = Setup::ecommerce();
    let mut many = few.clone();
    many.stages[0].users = 9;
    let (few, many) = (few.schedule(), many.schedule());
    assert_eq!(names(&planned(&few, 2, 150)), names(&planned(&many, 2, 150)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn replies_and_latencies_only_decide_how_far_a_user_gets(
        seed: u64,
        slowest_ms in 0_u64..3_000,
        failing in 0.0..1.0,
    ) {
        let schedule = Setup::ecommerce().with_errors(0.02).schedule();
        let required: Vec<bool> = schedule.workload().steps().iter().map(|step| step.required).collect();
        let all = whats(planned(&schedule, 1, usize::MAX));
        let some = whats(drive(&schedule, UserId(1), usize::MAX, |request| {
            let luck = luck(seed, request);
            let fails = luck < failing && !required[usize::from(request.step.0)];
            let Answer(fine, ..) = well(request);
            let outcome = if fails { Outcome::Timeout } else { fine };
            Answer(outcome, Span::from_millis(slowest_ms).mul_f64(luck), None)
        }));
        prop_assert!(some.len() <= all.len(), "slower replies never give more requests");
        prop_assert_eq!(&some[..], &all[..some.len()], "the sequence is a beginning of the full one");
    }

    #[test]
    fn failed_logins_and_caps_cut_sessions_short_but_never_change_them(
        seed: u64,
        slowest_ms in 0_u64..3_000,
        failing in 0.0..0.6,
    ) {
        let mut setup = Setup::ecommerce();
        setup.classes[0].session_duration_s = Some([5.0, 20.0]);
        let schedule = setup.schedule();
        let full = planned(&schedule, 3, usize::MAX);
        let cut = drive(&schedule, UserId(3), usize::MAX, |request| {
            let luck = luck(seed, request);
            let outcome = if luck < failing { Outcome::BackendError } else { Outcome::Ok };
            Answer(outcome, Span::from_millis(slowest_ms).mul_f64(luck), None)
        });
        for (number, (full, cut)) in sessions(full).iter().zip(&sessions(cut)).enumerate() {
            let shorter = full.len().min(cut.len());
            prop_assert_eq!(&full[..shorter], &cut[..shorter], "session {} changed", number);
        }
    }

    #[test]
    fn nothing_is_sent_outside_a_users_windows(latency_ms in 0_u64..90_000, users in 1_u32..12) {
        let mut setup = Setup::ecommerce();
        setup.stages = vec![stage("first", users, 400), stage("second", users, 300)];
        setup.stages[1].start = Span::from_secs(250);
        for stage in &mut setup.stages {
            stage.user_variance = 0.6;
            stage.ramp_up = Span::from_secs(100);
        }
        let schedule = setup.schedule();
        for plan in schedule.users() {
            let sent = drive(&schedule, plan.id, usize::MAX, |request| {
                let Answer(outcome, ..) = well(request);
                Answer(outcome, Span::from_millis(latency_ms), None)
            });
            for sent in sent {
                prop_assert!(
                    plan.windows.iter().any(|(begin, end)| (*begin..*end).contains(&sent.at)),
                    "sent at {:?}, windows {:?}", sent.at, plan.windows
                );
            }
        }
    }
}

/// Splits requests where sessions begin: the ecommerce journey opens with `register`.
fn sessions(sent: Vec<Sent>) -> Vec<Vec<What>> {
    let mut sessions: Vec<Vec<What>> = Vec::new();
    for what in whats(sent) {
        if what.step == "register" {
            sessions.push(Vec::new());
        }
        sessions.last_mut().expect("the first request registers").push(what);
    }
    sessions
}

#[test]
fn sessions_open_then_act_then_close() {
    let mut setup = Setup::new(
        r#"{ "name": "visit", "session": { "open": ["enter", "greet"], "close": ["leave"] },
             "actions": {
               "enter": { "steps": [{ "name": "enter", "path": "/in" }] },
               "greet": { "steps": [{ "name": "greet", "path": "/hi" }] },
               "look": { "weight": 1, "steps": [{ "name": "look", "path": "/look" }] },
               "leave": { "steps": [{ "name": "leave", "path": "/out" }] } } }"#,
    );
    setup.classes[0].actions_per_session = [2, 2];
    let schedule = setup.schedule();
    let sent = planned(&schedule, 0, 10);
    let session = ["enter", "greet", "look", "look", "leave"];
    assert_eq!(names(&sent), [session, session].concat());
    let gap = |number: usize| sent[number].at.since(sent[number - 1].done);
    assert_eq!(gap(1), Span::ZERO, "opening actions follow at once");
    assert_eq!(gap(4), Span::ZERO, "closing actions follow at once");
    for number in [2, 3, 5] {
        let seconds = gap(number).as_secs_f64();
        assert!((1.0..=3.0).contains(&seconds), "a think time goes before request {number}: {seconds}");
    }
    let workload = schedule.workload();
    let set_up = sent.iter().filter(|sent| workload.is_set_up(sent.what.request.step));
    assert!(set_up.eq(sent.iter().filter(|sent| ["enter", "greet"].contains(&&*sent.what.step))));
}

#[test]
fn thinking_follows_the_action_then_the_class_and_varies_as_the_stage_says() {
    let mut setup = Setup::new(
        r#"{ "name": "j", "actions": {
               "slow": { "weight": 1, "think_time_s": [10, 10], "steps": [{ "name": "slow", "path": "/" }] },
               "fast": { "weight": 1, "steps": [{ "name": "fast", "path": "/" }] } } }"#,
    );
    setup.classes[0].think_time_s = [2.0, 2.0];
    setup.classes[0].actions_per_session = [1_000, 1_000];
    setup.stages[0].duration = Span::from_secs(5_000);
    let gaps = |setup: &Setup, step: &str| -> Vec<f64> {
        let sent = planned(&setup.schedule(), 0, 400);
        let pairs = sent.windows(2).filter(|pair| pair[1].what.step == step);
        pairs.map(|pair| pair[1].at.since(pair[0].done).as_secs_f64()).collect()
    };
    assert!(gaps(&setup, "slow").iter().all(|gap| *gap == 10.0), "the action's own think time counts");
    assert!(gaps(&setup, "fast").iter().all(|gap| *gap == 2.0), "or else the class's");
    setup.stages[0].think_time_variance = 0.5;
    let varied = gaps(&setup, "fast");
    assert!(varied.iter().all(|gap| (1.0..=3.0).contains(gap)), "within 50 % of 2 s: {varied:?}");
    assert!(varied.iter().any(|gap| *gap < 1.2) && varied.iter().any(|gap| *gap > 2.8), "evenly");
}

#[test]
fn no_action_starts_after_the_longest_session() {
    let mut setup = Setup::ecommerce();
    setup.classes[0].session_duration_s = Some([30.0, 30.0]);
    setup.classes[0].actions_per_session = [1_000, 1_000];
    let sent = planned(&setup.schedule(), 0, usize::MAX);
    let mut begun = Time::ZERO;
    let mut sessions = 0;
    for sent in &sent {
        if sent.what.step == "register" {
            begun = sent.at;
            sessions += 1;
        }
        assert!(sent.at.since(begun) < Span::from_secs(30), "{} s", sent.at.since(begun).as_secs_f64());
    }
    assert!(sessions > 15, "sessions of 30 s follow one another for 600 s, got {sessions}");
}

#[test]
fn a_failed_required_step_ends_the_session_and_the_next_begins_after_a_pause() {
    let schedule = Setup::ecommerce().schedule();
    let login = |name: &str| name == "login";
    let steps = schedule.workload().steps().to_vec();
    let sent = drive(&schedule, UserId(0), 10, |request| {
        let failed = login(&steps[usize::from(request.step.0)].name);
        Answer(if failed { Outcome::UnexpectedStatus } else { Outcome::Ok }, Span::ZERO, None)
    });
    assert_eq!(names(&sent), ["register", "login"].repeat(5), "nobody shops without a login");
    let pause = sent[2].at.since(sent[1].done).as_secs_f64();
    assert!((1.0..=3.0).contains(&pause), "a think time between sessions, got {pause}");
}

#[test]
fn a_reply_that_lacks_what_the_step_extracts_counts_as_failed() {
    let schedule = Setup::ecommerce().schedule();
    for (body, next) in [
        (r#"{"token": "abc"}"#, None),
        (r#"{"message": "no token"}"#, Some("register")),
        ("not JSON", Some("register")),
    ] {
        let sent = drive(&schedule, UserId(0), 40, |_| Answer(Outcome::Ok, Span::ZERO, Some(body)));
        let after = sent[2].what.step.as_str();
        match next {
            Some(next) => assert_eq!(after, next, "the session ends after {body}"),
            None => {
                assert_ne!(after, "register", "the session goes on");
                let bearer = ("Authorization".to_owned(), "Bearer abc".to_owned());
                let with_token = sent.iter().filter(|sent| sent.what.headers.contains(&bearer));
                assert!(with_token.count() > 0, "the token of the reply is used");
            }
        }
    }
}

#[test]
fn a_lost_reply_counts_as_failed() {
    let schedule = Setup::ecommerce().schedule();
    let mut user = schedule.virtual_user(UserId(0));
    let step = |user: &mut VirtualUser, now| match user.next(None, now) {
        Next::Send(request) => schedule.workload().steps()[usize::from(request.step.0)].name.clone(),
        other => format!("{other:?}"),
    };
    assert_eq!(step(&mut user, Time::ZERO), "register");
    assert_eq!(step(&mut user, Time::ZERO), "login", "a failed registration may mean a known account");
    assert!(step(&mut user, Time::ZERO).starts_with("Wait"), "without a login the session is over");
}

#[test]
fn an_abandoned_action_sends_nothing_and_the_user_goes_on() {
    let mut setup = Setup::ecommerce();
    setup.classes[0].actions = weights(&[("place_order", 1.0), ("view_cart", 1.0)]);
    let orders = |setup: &Setup| {
        let sent = planned(&setup.schedule(), 0, 600);
        let orders = sent.iter().filter(|sent| sent.what.step == "create_order").count();
        let carts = sent.iter().filter(|sent| sent.what.step == "view_cart").count();
        orders as f64 / carts as f64
    };
    setup.stages[0].duration = Span::from_secs(100_000);
    assert!((orders(&setup) - 1.0).abs() < 0.3, "both actions weigh the same");
    setup.classes[0].abandonment = 0.75;
    assert!((orders(&setup) - 0.25).abs() < 0.12, "three of four orders are abandoned");
    setup.classes[0].abandonment = 1.0;
    assert_eq!(orders(&setup), 0.0, "all orders are abandoned");
}

#[test]
fn a_user_that_never_sends_anything_does_not_block_its_driver() {
    let mut setup = Setup::new(
        r#"{ "name": "idle", "actions": { "nothing": { "weight": 1, "steps": [
               { "name": "nothing", "path": "/", "probability": 0 }] } } }"#,
    );
    setup.classes[0].think_time_s = [0.0, 0.0];
    setup.stages[0].duration = Span::from_secs(1);
    let sent = planned(&setup.schedule(), 0, usize::MAX);
    assert!(sent.is_empty(), "there is nothing to send, and the plan still ends");
}

#[test]
fn classes_change_how_often_a_step_is_sent() {
    let mut setup = Setup::ecommerce();
    setup.classes[0].actions = weights(&[("add_to_cart", 1.0), ("browse_products", 1.0)]);
    setup.classes[0].repeat = [("add_item".to_owned(), [5, 6])].into();
    setup.classes[0].probability =
        [("list_products".to_owned(), 0.0), ("browse_product".to_owned(), 1.0)].into();
    let sent = planned(&setup.schedule(), 0, 500);
    let names = names(&sent).join(" ");
    assert!(!names.contains("list_products"), "a step with probability 0 is never sent");
    for action in names.split("check_product").skip(1) {
        let items = action.split(' ').filter(|name| *name == "add_item").count();
        let is_whole = action.contains("list_category") || action.contains("register");
        assert!(items <= 6 && (items >= 5 || !is_whole), "5 to 6 items, got {items} in `{action}`");
    }
    let categories = names.matches("list_category").count();
    let details = names.matches("browse_product").count();
    assert!(categories.abs_diff(details) <= 1, "each look at a category shows a product");
}

#[test]
fn errors_are_injected_at_the_rate_that_is_asked_for() {
    let mut setup = Setup::ecommerce();
    setup.errors = weights(&[("negative_quantity", 0.10), ("invalid_quantity", 0.05)]);
    setup.classes[0].actions = weights(&[("add_to_cart", 1.0)]);
    setup.stages[0].duration = Span::from_secs(1_000_000);
    let sent = planned(&setup.schedule(), 0, 20_000);
    let items: Vec<&What> =
        sent.iter().map(|sent| &sent.what).filter(|what| what.step == "add_item").collect();
    let share = |part: &str| {
        let found = items.iter().filter(|what| what.request.injected.is_some() && what.body.contains(part));
        found.count() as f64 / items.len() as f64
    };
    assert!((share("\"quantity\":-") - 0.10).abs() < 0.01, "{}", share("\"quantity\":-"));
    assert!((share("\"quantity\":\"many\"") - 0.05).abs() < 0.01, "{}", share("many"));
    for what in items {
        let expected: &[u16] = match what.request.injected {
            Some(_) => &[400, 422],
            None => &[200, 201, 409],
        };
        assert_eq!(what.expected, expected, "a request expects what it deserves");
    }
}

#[test]
fn a_wrong_login_is_put_right_at_once() {
    let mut setup = Setup::ecommerce();
    setup.errors = weights(&[("malformed_credentials", 1.0)]);
    let schedule = setup.schedule();
    let sent = planned(&schedule, 0, 20);
    assert_eq!(names(&sent)[..3], ["register", "login", "login"]);
    let (wrong, right) = (&sent[1].what, &sent[2].what);
    assert!(wrong.request.injected.is_some() && wrong.body.contains("not-an-address"));
    assert!(right.request.injected.is_none() && right.body.contains("@example.com"));
    assert_ne!(wrong.request.key, right.request.key, "each request has luck of its own");
    assert_eq!(sent[2].at, sent[1].done, "without thinking");
    assert_ne!(sent[3].what.step, "login", "and once is enough");
}

#[test]
fn nobody_logs_in_after_a_wrong_registration_only() {
    let mut setup = Setup::ecommerce();
    setup.errors = weights(&[("malformed_request", 1.0)]);
    setup.classes[0].actions = weights(&[("add_to_cart", 1.0)]);
    let sent = planned(&setup.schedule(), 0, 40);
    assert_eq!(names(&sent)[..5], ["register", "register", "login", "login", "check_product"]);
    assert!(sent[1].what.request.injected.is_none(), "opening actions are put right");
    let items: Vec<&Sent> = sent.iter().filter(|sent| sent.what.step == "add_item").collect();
    assert!(items.iter().all(|sent| sent.what.request.injected.is_some()), "a wrong item stays wrong");
}

#[test]
fn every_request_has_a_key_of_its_own() {
    let schedule = Setup::ecommerce().with_errors(0.1).schedule();
    let mut keys: Vec<u64> =
        (0..4).flat_map(|user| planned(&schedule, user, 500)).map(|sent| sent.what.request.key).collect();
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count, "backends draw their luck from it");
}

#[test]
fn sessions_use_all_accounts_and_no_two_users_share_one_at_once() {
    let mut setup = Setup::ecommerce();
    setup.identities = 12;
    let schedule = setup.schedule();
    let accounts = |user: u32| -> Vec<String> {
        let sent = planned(&schedule, user, 2_000);
        sent.into_iter().filter(|sent| sent.what.step == "login").map(|sent| sent.what.body).collect()
    };
    let all: Vec<Vec<String>> = (0..4).map(accounts).collect();
    let mut distinct: Vec<&String> = all.iter().flatten().collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 12, "accounts recur and all get their turn");
    for (left, right) in [(0, 1), (1, 2), (0, 3)] {
        assert!(!all[left].iter().any(|account| all[right].contains(account)), "accounts are kept apart");
    }
}

#[test]
fn users_are_small() {
    assert!(size_of::<VirtualUser>() <= 192, "5,000 of them fit in a megabyte");
}

#[test]
fn calling_too_early_only_repeats_the_wait() {
    let schedule = Setup::ecommerce().schedule();
    let mut user = schedule.virtual_user(UserId(0));
    let mut now = Time::ZERO;
    let mut reply = None;
    let until = loop {
        match user.next(reply.take(), now) {
            Next::Wait(until) => break until,
            Next::Send(request) => {
                let Answer(outcome, ..) = well(&request);
                reply = Some(lb_core::workload::StepReply { outcome, seen: None });
                now += Span::from_millis(1);
            }
            Next::Done => unreachable!("the plan has just begun"),
        }
    };
    assert_eq!(user.next(None, now), Next::Wait(until), "asking again changes nothing");
    assert!(matches!(user.next(None, until), Next::Send(_)), "the wait is over");
}

/// A journey whose sessions log in, and then follow a sequence with think times of its own.
fn in_order() -> Setup {
    Setup::new(
        r#"{
            "name": "visit",
            "session": { "open": ["login"], "sequence": ["look", "buy", "look"] },
            "actions": {
                "login": { "steps": [{ "name": "login", "path": "/login" }] },
                "look": { "weight": 9, "think_time_s": [2, 2], "steps": [{ "name": "look", "path": "/" }] },
                "buy": { "weight": 1, "steps": [{ "name": "buy", "path": "/buy" }] }
            }
        }"#,
    )
}

#[test]
fn a_sequence_is_followed_in_order_whatever_the_weights_and_lengths_of_sessions_are() {
    let mut setup = in_order();
    setup.classes[0].think_time_s = [5.0, 5.0];
    let sent = planned(&setup.schedule(), 0, 8);
    assert_eq!(names(&sent), ["login", "look", "buy", "look", "login", "look", "buy", "look"]);
    let seconds: Vec<f64> = sent.iter().map(|sent| sent.at.as_secs_f64()).collect();
    assert_eq!(seconds, [0.0, 2.0, 7.0, 9.0, 14.0, 16.0, 21.0, 23.0], "own think times, and 5 s else");
    let workload = setup.workload().expect("a valid workload");
    assert_eq!(workload.expected_rate(0), Some(4.0 / 14.0), "4 requests in 2 + 5 + 2 + 5 seconds");
}

#[test]
fn a_rehearsal_plays_a_sequence_with_one_user_and_without_its_think_times() {
    let workload = in_order().workload().expect("a valid workload").rehearsal(Span::from_secs(5));
    let schedule = lb_core::workload::Schedule::new(std::sync::Arc::new(workload), lb_core::Seed(1));
    assert_eq!(schedule.users().len(), 1);
    let sent = planned(&schedule, 0, 4);
    assert_eq!(names(&sent), ["login", "look", "buy", "look"]);
    assert!(sent[3].at < Time::ZERO + Span::from_secs(1), "{:?}", sent[3].at);
}
