//! Runs that are started, watched and steered through the page's calls, with a program that speaks their protocol.

mod common;

use common::{Site, Stream};
use serde_json::{Value, json};

fn texts(board: &Value, key: &str) -> Vec<String> {
    let list = board[key].as_array().expect("a list");
    list.iter()
        .map(|entry| entry["text"].as_str().or(entry.as_str()).unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn a_form_is_checked_by_the_command_line_itself() {
    let site = Site::new();
    let check = |form: Value| site.post("/api/check", &form).json();
    let fine = check(json!({ "kind": "pack", "pack": "boutique", "users": 20 }));
    assert_eq!(
        (&fine["command"], &fine["ok"], &fine["field"]),
        (&json!("bench pack boutique --users=20"), &json!(true), &Value::Null)
    );
    assert_eq!(fine["text"], "config: pack boutique --plan --users=20");
    let wrong = check(json!({ "kind": "config", "config": "quick.json", "users": 0 }));
    assert_eq!((&wrong["ok"], &wrong["field"]), (&json!(false), &json!("users")));
    assert_eq!(wrong["text"], "--users 0: must be from 1 to 1000");
    let unknown = check(json!({ "kind": "pack", "pack": "../x" }));
    assert_eq!(
        (&unknown["ok"], &unknown["field"], &unknown["command"]),
        (&json!(false), &json!("pack"), &json!(""))
    );
    let refused = site.post("/api/runs", &json!({ "kind": "pack", "pack": "boutique", "users": 0 }));
    assert_eq!((refused.status, &refused.json()["field"]), (422, &json!("users")));
    assert_eq!(site.board()["run"], Value::Null, "nothing was started");
}

#[test]
fn a_run_is_started_steered_stopped_and_listed() {
    let site = Site::new();
    assert_eq!(site.board()["run"], Value::Null, "a page with nothing running has a board all the same");
    let started = site.start("plain");
    assert_eq!((started.status, &started.json()["run"]), (201, &json!("r1")));
    let board = site.until("figures", |board| {
        board["series"]["points"].as_array().is_some_and(|points| !points.is_empty())
    });
    assert_eq!(
        (&board["run"]["state"], &board["steerable"]["most_users"]),
        (&json!("running"), &json!(1000))
    );
    let second = site.start("second");
    assert_eq!(second.status, 409);
    assert!(second.json()["error"].as_str().is_some_and(|text| text.contains("r1")), "{}", second.text());
    let waiting = site.post("/api/check", &json!({ "kind": "pack", "pack": "boutique" })).json();
    assert!(waiting["text"].as_str().is_some_and(|text| text.contains("under way")), "{waiting}");

    let users = site.post("/api/steer", &json!({ "do": "users", "users": 50, "from": 10 })).json();
    assert_eq!(users, json!({ "ok": true, "text": "50 users from now on" }));
    site.post("/api/steer", &json!({ "do": "fault", "backend": "b-1", "fault": { "slow_down": 3 } }));
    site.post("/api/steer", &json!({ "do": "mark", "name": "v2" }));
    let stopped = site.post("/api/steer", &json!({ "do": "stop" })).json();
    assert_eq!(stopped, json!({ "ok": true, "text": "the load ends" }));
    let board = site.until_state("over");
    assert_eq!(
        (&board["run"]["ended"], &board["run"]["exit"], &board["run"]["error"]),
        (&json!("complete"), &json!(0), &Value::Null)
    );
    assert_eq!(texts(&board, "marks"), ["50 users from now on", "b-1: 3 times slower"]);
    assert_eq!(texts(&board, "log"), ["a line of the log"]);
    let id = board["run"]["results"].as_str().expect("its results").to_owned();
    let runs = site.get("/api/results").json();
    assert_eq!((&runs["runs"][0]["id"], runs["runs"].as_array().map(Vec::len)), (&json!(id), Some(1)));

    let late = site.post("/api/steer", &json!({ "do": "stop" }));
    assert_eq!(late.status, 409);
    assert!(
        late.json()["error"].as_str().is_some_and(|text| text.contains("nothing runs")),
        "{}",
        late.text()
    );
    assert_eq!(site.start("again").json()["run"], "r2", "the next run can begin");
}

#[test]
fn two_pages_that_steer_at_once_do_not_overrule_each_other() {
    let site = Site::new();
    site.start("plain");
    site.until_state("running");
    let users = |users: u32, from: u32| {
        site.post("/api/steer", &json!({ "do": "users", "users": users, "from": from })).json()
    };
    assert_eq!(users(30, 10)["ok"], true);
    let stale = users(50, 10);
    assert_eq!(
        stale,
        json!({ "ok": false, "text": "another page has set 30 users since; look and try again" })
    );
    let many = users(5000, 30);
    assert!(many["text"].as_str().is_some_and(|text| text.contains("ulimit -n")), "{many}");
    assert_eq!(site.post("/api/steer", &json!({ "do": "pause" })).json()["ok"], false);
    let board = site.board();
    assert_eq!(texts(&board, "answers").len(), 4, "all pages see all answers");
    for (command, part) in [
        (json!({ "do": "explode" }), "use one of stop, pause"),
        (json!({ "users": 5 }), "`do` is ``"),
        (json!([1]), "a command is an object"),
    ] {
        let reply = site.post("/api/steer", &command);
        assert_eq!(reply.status, 400, "{command}");
        assert!(reply.text().contains(part), "{command}: {}", reply.text());
    }
}

#[test]
fn a_program_that_fails_is_killed_or_prints_garbage_is_told_and_does_no_harm() {
    let site = Site::new();
    site.start("crash");
    let board = site.until_state("over");
    assert_eq!((&board["run"]["ended"], &board["run"]["exit"]), (&json!("failed"), &json!(3)));
    assert_eq!(board["run"]["error"], "failed to write: no space left on device");

    site.start("killed");
    let board = site
        .until("the next run is over", |board| board["run"]["id"] == "r2" && board["run"]["state"] == "over");
    assert_eq!((&board["run"]["ended"], &board["run"]["exit"]), (&json!("failed"), &Value::Null));
    assert!(board["run"]["error"].as_str().is_some_and(|text| text.contains("signal 9")), "{}", board["run"]);

    site.start("garbage");
    let board =
        site.until("it runs", |board| board["run"]["id"] == "r3" && board["run"]["state"] == "running");
    let warnings = texts(&board, "warnings");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("not an event") && warnings[0].ends_with("hello"), "{warnings:?}");

    let killed = site.post("/api/steer", &json!({ "do": "stop", "now": true })).json();
    assert_eq!(killed["ok"], true, "{killed}");
    assert_eq!(site.until_state("over")["run"]["ended"], "failed");
}

#[test]
fn ten_readers_get_the_board_and_then_changes_that_add_up_to_the_same() {
    let site = Site::new();
    site.start("plain");
    site.until_state("running");
    let mut streams: Vec<Stream> = (0..10).map(|_| Stream::open(&site, "")).collect();
    assert!(streams[0].head.contains("content-type: text/event-stream"), "{}", streams[0].head);
    let mut points = [0; 10];
    for (stream, points) in streams.iter_mut().zip(&mut points) {
        let (name, board) = stream.next().expect("the board");
        assert_eq!(name, "board");
        *points = board["series"]["points"].as_array().map_or(0, Vec::len);
    }
    // One reader goes away in the middle.
    streams.pop();
    for users in 1..=5 {
        site.post("/api/steer", &json!({ "do": "users", "users": users * 7 }));
    }
    site.post("/api/steer", &json!({ "do": "stop" }));
    let whole = site.until_state("over");
    let expected = whole["series"]["points"].as_array().map_or(0, Vec::len);
    for (stream, points) in streams.iter_mut().zip(&mut points) {
        let mut state = Value::Null;
        while state != "over" {
            let (name, change) = stream.next().expect("a change");
            assert_eq!(name, "change");
            *points += change["series"]["points"].as_array().map_or(0, Vec::len);
            state = change["run"]["state"].clone();
        }
        assert_eq!(*points, expected, "nothing is told twice or left out");
    }
}

#[test]
fn a_reader_that_was_slow_gets_few_messages_with_everything() {
    let site = Site::new();
    site.start("plain");
    site.until_state("running");
    let mut slow = Stream::open(&site, "");
    let (name, board) = slow.next().expect("the board");
    assert_eq!(name, "board");
    let mut points = board["series"]["points"].as_array().map_or(0, Vec::len);
    // Two hundred seconds of figures come while the reader does not read.
    site.post("/api/steer", &json!({ "do": "mark", "name": "flood" }));
    site.post("/api/steer", &json!({ "do": "stop" }));
    let whole = site.until_state("over");
    let all = whole["series"]["points"].as_array().expect("a list").len();
    assert!(all > 200, "{all}");
    let mut messages = 0;
    loop {
        let (_, change) = slow.next().expect("a change");
        messages += 1;
        points += change["series"]["points"].as_array().map_or(0, Vec::len);
        if change["run"]["state"] == "over" {
            break;
        }
    }
    assert_eq!(points, all);
    assert!(messages < all / 2, "{messages} messages for {all} events");
}

#[test]
fn the_end_of_the_server_ends_the_run_in_order_and_leaves_its_results() {
    let mut site = Site::new();
    site.start("plain");
    site.until_state("running");
    site.end(1);
    let told = site.told.lock().expect("no panic").join("\n");
    assert!(told.contains("waiting for its report"), "{told}");
    let folders: Vec<_> = std::fs::read_dir(site.results()).expect("results").flatten().collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    assert!(folders[0].path().join("summary.json").is_file());
}

#[test]
fn a_run_that_does_not_end_is_killed_when_ctrl_c_is_pressed_again() {
    let mut site = Site::new();
    site.start("deaf");
    site.until_state("running");
    site.end(2);
    let told = site.told.lock().expect("no panic").join("\n");
    assert!(told.contains("the run is killed"), "{told}");
}
