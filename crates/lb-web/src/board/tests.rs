//! Boards made from events, and what readers with different pasts are told.

use super::*;
use crate::event::parse;

fn board() -> Board {
    let mut board = Board::default();
    board.begin(Run { id: "r1".to_owned(), command: "bench pack boutique".to_owned(), ..Run::default() });
    board
}

/// Applies an event that happens `second` seconds after midnight.
fn apply(board: &mut Board, second: u32, event: &Value) {
    apply_to(board, second, event, None);
}

fn apply_to(board: &mut Board, second: u32, event: &Value, command: Option<&str>) {
    let mut event = event.clone();
    event["at"] =
        json!(format!("2026-11-30T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60));
    board.apply(&parse(&event.to_string()).expect("an event"), command);
}

fn figures(requests: u32) -> Value {
    json!({
        "event": "figures", "trial": "load", "algorithm": null, "phase": "measure", "users": 10, "aim": 10, "in_flight": 1,
        "requests": requests, "failures": 1, "latency_ms": { "mean": 1.0, "p50": 2.0, "p95": 3.0, "p99": 4.0, "max": 5.0 },
        "endpoints": [{ "method": "GET", "name": "list", "requests": requests, "failures": 0, "p50_ms": 2.0 }],
        "backends": [{ "id": "b-1", "replies": requests, "errors": 0 }],
    })
}

fn started() -> Value {
    json!({ "event": "run_started", "run_id": "x", "load_balancer": "reference", "engine": "live", "mode": "continuous",
            "results": "results/x", "scenarios": ["shop"] })
}

#[test]
fn a_reader_gets_the_board_and_then_only_what_is_new() {
    let mut board = board();
    apply(&mut board, 0, &started());
    apply(&mut board, 1, &figures(5));
    let (news, seen) = board.since(Seen::default()).expect("the board is new to everybody");
    let News::Board(whole) = news else { panic!("the whole board comes first") };
    assert_eq!(whole["run"]["state"], "running");
    assert_eq!(whole["series"]["points"], json!([[1, 10, 10, 1, 5, 1, 2, 3, 4, 0]]));
    assert_eq!(whole["backends"], json!({ "ids": ["b-1"], "points": [[1, 5]] }));
    assert_eq!(whole["endpoint_series"], json!({ "GET list": [[1, 5, 0, 2, null, null]] }));
    assert_eq!(whole["trials_seen"], json!([{ "label": "load", "algorithm": null, "from_s": 1.0 }]));
    for key in
        ["steerable", "progress", "statistics", "trials", "marks", "warnings", "slow", "log", "answers"]
    {
        assert!(whole.get(key).is_some(), "the whole board has `{key}`");
    }
    assert_eq!(board.since(seen), None, "nothing new");

    apply(&mut board, 2, &figures(6));
    board.add_line("said on standard error");
    let Some((News::Change(change), seen)) = board.since(seen) else { panic!("a change") };
    assert_eq!(change["series"]["points"], json!([[2, 10, 10, 1, 6, 1, 2, 3, 4, 0]]));
    assert_eq!(change["log"], json!(["said on standard error"]));
    assert!(change.get("run").is_none() && change.get("trials_seen").is_none(), "{change}");
    assert_eq!(board.since(seen), None);
}

#[test]
fn a_slow_reader_gets_one_change_with_everything_that_it_missed() {
    let mut board = board();
    apply(&mut board, 0, &started());
    let (_, seen) = board.since(Seen::default()).expect("the board");
    for second in 1..=30 {
        apply(&mut board, second, &figures(second));
    }
    let Some((News::Change(change), seen)) = board.since(seen) else { panic!("one change") };
    assert_eq!(change["series"]["points"].as_array().map(Vec::len), Some(30));
    assert_eq!(board.since(seen), None, "and no second one");
}

#[test]
fn points_that_are_merged_and_a_new_backend_make_a_new_edition() {
    let mut board = board();
    apply(&mut board, 0, &started());
    apply(&mut board, 1, &figures(1));
    let (_, mut seen) = board.since(Seen::default()).expect("the board");
    let mut other = figures(1);
    other["backends"] = json!([{ "id": "b-2", "replies": 7 }]);
    apply(&mut board, 2, &other);
    let Some((News::Board(whole), now)) = board.since(seen) else { panic!("a whole board") };
    assert_eq!(whole["backends"], json!({ "ids": ["b-1", "b-2"], "points": [[1, 1], [2, 0, 7]] }));
    seen = now;
    let mut editions = 0;
    for second in 0..series::MOST_POINTS as u32 {
        apply(&mut board, 3 + second, &figures(1));
        let Some((news, now)) = board.since(seen) else { panic!("each second is told") };
        seen = now;
        editions += u32::from(matches!(news, News::Board(_)));
    }
    // Three courses are thinned: of the load, of the backends and of the endpoint, at the same second or nearly so.
    assert!((1..=3).contains(&editions), "{editions}");
}

#[test]
fn a_run_begins_pauses_is_stopped_and_ends() {
    let mut board = board();
    let state = |board: &Board| board.run().map(|run| run.state);
    assert_eq!(state(&board), Some(State::Starting));
    apply(&mut board, 0, &started());
    apply(&mut board, 1, &json!({ "event": "steerable", "users": 10, "backends": ["b-1"] }));
    apply(&mut board, 2, &json!({ "event": "paused" }));
    assert_eq!(state(&board), Some(State::Paused));
    apply(&mut board, 3, &json!({ "event": "resumed" }));
    assert_eq!(state(&board), Some(State::Running));
    let answer = |ok: bool, text: &str| json!({ "event": "answered", "id": 1, "ok": ok, "text": text });
    apply_to(&mut board, 4, &answer(true, "50 users from now on"), Some("users"));
    apply_to(&mut board, 5, &answer(false, "no"), Some("stop"));
    assert_eq!(state(&board), Some(State::Running), "a refused stop changes nothing");
    apply_to(&mut board, 6, &answer(true, "the load ends"), Some("stop"));
    assert_eq!(state(&board), Some(State::Stopping));
    apply(
        &mut board,
        7,
        &json!({ "event": "run_finished", "ended": "complete", "error": null, "results": "results/x" }),
    );
    board.end(Exit { code: Some(0), signal: None });
    let whole = board.whole();
    assert_eq!(
        (&whole["run"]["state"], &whole["run"]["ended"], &whole["run"]["exit"]),
        (&json!("over"), &json!("complete"), &json!(0))
    );
    assert_eq!(whole["steerable"], Value::Null, "nothing can be steered any more");
    let marks: Vec<&str> =
        whole["marks"].as_array().expect("a list").iter().filter_map(|mark| mark["text"].as_str()).collect();
    assert_eq!(marks, ["paused", "resumed", "50 users from now on"]);
    assert_eq!(whole["answers"].as_array().map(Vec::len), Some(3));
}

#[test]
fn trials_are_listed_with_what_makes_them_invalid() {
    let mut board = board();
    apply(&mut board, 0, &started());
    apply(
        &mut board,
        0,
        &json!({ "event": "scenario_started", "scenario": "shop", "contestants": [], "trials": 2, "trial_s": 9.0 }),
    );
    apply(&mut board, 0, &json!({ "event": "block_started", "scenario": "shop", "block": 0 }));
    apply(
        &mut board,
        1,
        &json!({ "event": "phase_started", "trial": "trial 1 of 2, p2c", "phase": "measure" }),
    );
    let finished = |problems: &[&str]| {
        json!({ "event": "trial_finished", "scenario": "shop", "block": 0, "attempt": 0, "interrupted": false,
                "summary": { "name": "p2c", "throughput_rps": 9.5, "error_rate": 0.0, "latency_ms": { "p50": 1.0, "p95": 2.0, "p99": 3.0, "mean": 1.5 } },
                "problems": problems })
    };
    apply(&mut board, 2, &finished(&["the generator was late"]));
    apply(&mut board, 3, &finished(&[]));
    let whole = board.whole();
    let valid: Vec<&Value> =
        whole["trials"].as_array().expect("a list").iter().map(|trial| &trial["valid"]).collect();
    assert_eq!(valid, [false, true]);
    assert_eq!(whole["warnings"], json!(["trial 1 of 2, p2c is not valid: the generator was late"]));
    assert_eq!((&whole["progress"]["trials_done"], &whole["progress"]["trials"]), (&json!(1), &json!(2)));
    assert_eq!(whole["trials"][1]["p95"], 2.0);
}

#[test]
fn text_from_outside_is_one_line_of_bounded_length_and_garbage_is_noted() {
    let mut board = board();
    board.add_line("error: \u{1b}[2J<script>");
    board.add_line(&"x".repeat(5000));
    for _ in 0..100 {
        board.add_garbage("hello", "expected value");
    }
    let whole = board.whole();
    assert_eq!(whole["log"][0], "error: \\u{1b}[2J<script>", "markup is the page's to escape");
    assert!(whole["log"][1].as_str().is_some_and(|line| line.len() < 2010));
    assert_eq!(whole["warnings"].as_array().map(Vec::len), Some(6), "five complaints and one more");
    board.end(Exit { code: Some(3), signal: None });
    assert_eq!(board.whole()["run"]["error"], "\\u{1b}[2J<script>");
}
