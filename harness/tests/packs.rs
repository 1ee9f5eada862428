//! Scenario packs on the command line: lists, runs, suites in which one fails, and files to copy.

mod common;

use common::{Bench, refused, signal, text};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::process::Output;
use std::time::Duration;

/// Variables that packs read; a test sets those that it needs.
const VARIABLES: [&str; 6] =
    ["FRONTEND_ADDR", "USERS", "LOCUST_HOST", "LOCUST_USERS", "LOCUST_SPAWN_RATE", "LOCUST_RUN_TIME"];

/// Runs `bench` with these variables and no others that packs read.
fn run_with(bench: &Bench, variables: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = bench.command(args);
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).output().expect("bench can be started")
}

fn succeeds(bench: &Bench, args: &[&str]) -> String {
    let output = run_with(bench, &[], args);
    assert!(output.status.success(), "{args:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// The flags of a quick run in virtual time.
const SIMULATED: [&str; 6] = ["--engine", "sim", "--no-oracles", "--accept-invalid", "--seed", "3"];

/// Adds the flags of a quick run in virtual time.
fn simulated<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [args, &SIMULATED[..]].concat()
}

fn states(suite: &Value) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let runs = suite["runs"].as_array().expect("runs");
    runs.iter().map(|run| (word(&run["name"]), word(&run["state"]))).collect()
}

#[test]
fn packs_are_listed_with_what_they_answer_and_their_modes() {
    let list = succeeds(&Bench::new(), &["packs"]);
    let list = list.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "boutique: ",
        "fastapi-scaling: ",
        "model-api: ",
        "api: ",
        "shop: ",
        "steady (default)",
        "checkout-heavy",
        "spike",
        "health, models, light, medium, heavy, spike, mixed, 30 s apart",
        "FRONTEND_ADDR, USERS",
    ] {
        assert!(list.contains(part), "`{part}` is in the list: {list}");
    }
}

#[test]
fn every_pack_plays_in_virtual_time() {
    let bench = Bench::new();
    for (pack, mode, scenario) in [
        ("boutique", "smoke", "Online Boutique"),
        ("fastapi-scaling", "stress", "Scaled API"),
        ("fastapi-scaling", "spike", "Spike"),
        ("model-api", "light", "Model API"),
        ("api", "load", "Three endpoints"),
        ("shop", "load", "Read-Heavy Traffic"),
    ] {
        let out = format!("{pack}-{mode}");
        let args = simulated(&["pack", pack, mode, "--quiet", "--out", &out]);
        succeeds(&bench, &args);
        let summary = bench.json(&format!("{out}/summary.json"));
        assert_eq!(summary["scenarios"][0]["name"], scenario);
        let requests = &summary["scenarios"][0]["algorithms"][0]["total_requests"];
        assert!(requests.as_u64().is_some_and(|requests| requests > 0), "{pack} {mode}: {requests}");
    }
}

#[test]
fn a_pack_plays_live_on_mocks_behind_the_reference_load_balancer() {
    let bench = Bench::new();
    let args = [
        "pack",
        "boutique",
        "smoke",
        "--profile",
        "high-traffic",
        "--duration",
        "3s",
        "--accept-invalid",
        "--no-oracles",
        "--quiet",
        "--out",
        "out",
    ];
    succeeds(&bench, &args);
    let summary = bench.json("out/summary.json");
    let result = &summary["scenarios"][0]["algorithms"][0];
    assert_eq!(result["error_rate"], json!(0.0), "pages, forms, cookies and redirects all work");
    assert!(
        result["total_requests"].as_u64().is_some_and(|requests| requests > 30),
        "{}",
        result["total_requests"]
    );
}

#[test]
fn a_pack_with_a_mock_api_of_its_own_plays_live_and_tells_hits_from_misses() {
    let bench = Bench::new();
    let args = [
        "pack",
        "fastapi-scaling",
        "cache",
        "--duration",
        "3s",
        "--accept-invalid",
        "--no-oracles",
        "--quiet",
        "--out",
        "out",
    ];
    succeeds(&bench, &args);
    let summary = bench.json("out/summary.json");
    let result = &summary["scenarios"][0]["algorithms"][0];
    assert_eq!(result["error_rate"], json!(0.0), "the mocks answer as the journey expects");
    let values = result["observed"]["values"].as_array().expect("values of the header");
    let replies = |class: &str| -> u64 {
        let of_class = values.iter().filter(|value| value["class"] == class);
        of_class.filter_map(|value| value["replies"].as_u64()).sum()
    };
    assert!(replies("hit") > replies("miss"), "ten users are read again and again: {values:?}");
}

#[test]
fn a_mode_without_an_end_runs_with_what_the_environment_says_until_it_is_stopped() {
    let bench = Bench::new();
    let mocks =
        ["__mock-backends", "--topology", "online-boutique", "--base-port", "0", "--control-port", "0"];
    let (_mocks, ready) = common::Process::start(&bench, &[&mocks[..], &["--exit-with-parent"]].concat());
    let address = ready["backends"][0]["url"].as_str().expect("a url").trim_start_matches("http://");
    let mut command =
        bench.command(&["pack", "boutique", "--profile", "high-traffic", "--quiet", "--out", "out"]);
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.envs([("FRONTEND_ADDR", address), ("USERS", "3"), ("LOCUST_SPAWN_RATE", "10")]);
    let mut child = command.stdout(std::process::Stdio::null()).spawn().expect("bench can be started");
    let listens = (0..600).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        bench.path("out/listener.json").exists()
    });
    std::thread::sleep(Duration::from_secs(2));
    signal(&child, Signal::TERM);
    let status = child.wait().expect("bench ends");
    assert!(listens, "the load begins within half a minute");
    assert_eq!(status.code(), Some(0), "being stopped is its ordinary end");
    let document = bench.json("out/continuous.json");
    assert_eq!(document["totals"]["errors"], 0);
    assert!(document["totals"]["requests"].as_u64().is_some_and(|requests| requests > 3), "{document}");
}

#[test]
fn names_that_do_not_exist_are_refused_with_suggestions() {
    let bench = Bench::new();
    let cases: [(&[&str], &[&str]); 9] = [
        (&["pack", "boutiqe"], &["no pack `boutiqe`", "did you mean `boutique`?", "`fastapi-scaling`"]),
        (&["pack", "boutique", "smok"], &["has no mode `smok`", "did you mean `smoke`?"]),
        (&["pack", "model-api", "al"], &["has no mode `al`", "suites: `all`"]),
        (
            &["pack", "boutique", "smoke", "--profile", "chekout-heavy"],
            &["no such profile", "`checkout-heavy`"],
        ),
        (
            &["pack", "model-api", "custom", "--tags", "inferense"],
            &["--tags inferense", "did you mean `inference`?"],
        ),
        (
            &["pack", "model-api", "light", "--user-class", "ligth"],
            &["--user-class ligth", "did you mean `light`?"],
        ),
        (
            &["pack", "boutique", "smoke", "--config", "c.json"],
            &["--config c.json", "bring their own configs"],
        ),
        (&["pack", "boutique", "smoke", "--cool-down", "5s"], &["--cool-down", "`smoke` is a single mode"]),
        (&["suite", "nowhere.json"], &["failed to read `nowhere.json`"]),
    ];
    for (args, parts) in cases {
        refused(&bench, args, 2, parts);
    }
    let left = std::fs::read_dir(bench.dir.path()).expect("the folder").count();
    assert_eq!(left, 0, "nothing is written before the plan stands");
}

#[test]
fn the_environment_sets_what_the_pack_names_and_flags_go_before_it() {
    let bench = Bench::new();
    let plan = ["pack", "boutique", "smoke", "--plan", "--engine", "sim"];
    let output = run_with(&bench, &[("USERS", "33"), ("LOCUST_RUN_TIME", "90")], &plan);
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for part in [
        "USERS = \"33\": taken from the environment",
        "LOCUST_RUN_TIME = \"90s\": taken from the environment",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    let flagged = [&plan[..], &["--users", "4"]].concat();
    let shown = text(&run_with(&bench, &[("USERS", "33")], &flagged).stdout);
    assert!(!shown.contains("USERS = "), "the flag goes before it: {shown}");
    let nonsense = run_with(&bench, &[("USERS", "abc")], &plan);
    assert_eq!(nonsense.status.code(), Some(2));
    let said = text(&nonsense.stderr);
    assert!(said.contains("the environment variable USERS is `abc`"), "{said}");
    let elsewhere = run_with(&bench, &[("USERS", "abc")], &["pack", "shop", "load", "--plan"]);
    assert!(elsewhere.status.success(), "a pack that does not name it does not read it");
}

#[test]
fn a_target_is_waited_for_before_anything_is_measured() {
    let bench = Bench::new();
    let address = format!("127.0.0.1:{}", common::free_port());
    let args = ["pack", "boutique", "smoke", "--out", "out", "--wait-timeout", "1s"];
    let output = run_with(&bench, &[("FRONTEND_ADDR", &address)], &args);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(&format!("`http://{address}/_healthz` was not ready within 1 s")), "{said}");
    assert!(!bench.path("out/run.json").exists(), "nothing is measured");
}

#[test]
fn a_mode_without_an_end_cannot_be_part_of_a_suite() {
    let bench = Bench::new();
    let suite =
        json!({ "name": "x", "suite": [{ "pack": "boutique", "mode": "steady" }, { "pack": "api" }] });
    let file = bench.config("endless.json", &suite);
    refused(&bench, &["suite", &file], 2, &["`boutique steady` has no end", "--duration"]);
    succeeds(&bench, &["suite", &file, "--plan", "--duration", "5s"]);
}

#[test]
fn a_run_of_a_pack_is_summed_up_from_its_trials_without_the_environment() {
    let bench = Bench::new();
    let args = simulated(&["pack", "api", "smoke", "--quiet", "--out", "out"]);
    let output = run_with(&bench, &[("LOCUST_USERS", "7")], &args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let complete = bench.json("out/summary.json");
    std::fs::remove_file(bench.path("out/summary.json")).expect("a summary");
    succeeds(&bench, &["report", "out"]);
    let recovered = bench.json("out/summary.json");
    assert_eq!(recovered["schedule_sha256"], complete["schedule_sha256"], "the same seven users");
    assert_eq!(recovered["scenarios"][0]["algorithms"], complete["scenarios"][0]["algorithms"]);
}

/// Copies a pack into the folder `mine`, and makes the light load fail its targets.
fn failing_copy(bench: &Bench) {
    succeeds(bench, &["show", "model-api", "--out", "mine"]);
    let mut pack = bench.json("mine/pack.json");
    pack["modes"]["light"]["targets"] = json!({ "http_req_duration": ["p(95)<0.001"] });
    std::fs::write(bench.path("mine/pack.json"), pack.to_string()).expect("a file");
}

#[test]
fn a_run_of_a_suite_that_fails_does_not_end_the_others() {
    let bench = Bench::new();
    failing_copy(&bench);
    let args = simulated(&["pack", "mine", "all", "--out", "out", "--quiet"]);
    let output = run_with(&bench, &[], &args);
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{printed}{}", text(&output.stderr));
    assert!(printed.contains("6 of 7 runs passed, 1 failed: light"), "{printed}");
    assert!(printed.contains("light: http_req_duration: p(95)<0.001"), "the reason is told: {printed}");
    let suite = bench.json("out/suite.json");
    assert_eq!(suite["state"], "complete");
    let expected = [
        ("health", "passed"),
        ("models", "passed"),
        ("light", "failed"),
        ("medium", "passed"),
        ("heavy", "passed"),
        ("spike", "passed"),
        ("mixed", "passed"),
    ];
    assert_eq!(states(&suite), expected.map(|(name, state)| (name.to_owned(), state.to_owned())));
    assert_eq!(suite["runs"][2]["exit_code"], 99);
    for run in suite["runs"].as_array().expect("runs") {
        let folder = run["folder"].as_str().expect("a folder");
        assert!(bench.path(&format!("out/{folder}/summary.json")).exists(), "{folder} has its results");
    }
    let page = std::fs::read_to_string(bench.path("out/suite.md")).expect("a page");
    assert!(page.contains("| light | FAILED |"), "{page}");
    refused(&bench, &args, 3, &["already holds results", "--out"]);
}

#[test]
fn a_suite_file_mixes_packs_and_configs() {
    let bench = Bench::new();
    let suite = json!({ "name": "nightly", "suite": [
        { "pack": "api", "mode": "smoke" },
        { "config": "quick_test_config", "name": "quick" },
        { "pack": "boutique", "mode": "smoke", "profile": "slow", "name": "slow visitors" }
    ]});
    let file = bench.config("nightly.json", &suite);
    let printed = succeeds(&bench, &simulated(&["suite", &file, "--out", "out"]));
    assert!(printed.contains("== quick (2 of 3) =="), "{printed}");
    assert!(printed.contains("3 of 3 runs passed, none failed"), "{printed}");
    std::fs::remove_file(bench.path("out/slow-visitors/summary.json")).expect("a summary");
    succeeds(&bench, &["report", "out/slow-visitors"]);
    let broken =
        bench.config("broken.json", &json!({ "name": "x", "suite": [{ "pack": "api", "mode": "smoek" }] }));
    refused(&bench, &["suite", &broken], 2, &["no mode `smoek`", "did you mean `smoke`?"]);
}

#[test]
fn a_suite_that_is_interrupted_keeps_what_is_done() {
    let bench = Bench::new();
    let args = simulated(&["pack", "api", "all", "--out", "out", "--cool-down", "10m"]);
    let mut command = bench.command(&args);
    VARIABLES.iter().for_each(|name| {
        command.env_remove(name);
    });
    let mut child = command.stdout(std::process::Stdio::null()).spawn().expect("bench can be started");
    let first_is = |state: &str| {
        let text = std::fs::read(bench.path("out/suite.json")).unwrap_or_default();
        serde_json::from_slice::<Value>(&text).is_ok_and(|suite| suite["runs"][0]["state"] == state)
    };
    let rests = (0..1200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        first_is("passed")
    });
    if !rests {
        child.kill().expect("it can be killed");
    }
    assert!(rests, "the first run passes within a minute");
    signal(&child, Signal::TERM);
    let status = child.wait().expect("bench ends");
    assert_eq!(status.code(), Some(130));
    let suite = bench.json("out/suite.json");
    assert_eq!(suite["state"], "interrupted");
    let states: Vec<String> = states(&suite).into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["passed", "not_run", "not_run"]);
    assert!(bench.path("out/smoke/summary.json").exists());
}

#[test]
fn files_are_shown_to_be_copied_and_edited() {
    let bench = Bench::new();
    let journey = succeeds(&bench, &["show", "online_boutique"]);
    assert_eq!(serde_json::from_str::<Value>(&journey).expect("JSON")["name"], "online_boutique");
    assert!(succeeds(&bench, &["show", "haproxy"]).contains("{{"), "a template");
    let both = succeeds(&bench, &["show", "boutique"]);
    assert!(both.contains("==> pack.json <==") && both.contains("==> config.json <=="), "{both}");
    let list = succeeds(&bench, &["show"]);
    for part in ["boutique", "journeys/ecommerce", "topologies/situation-b", "load-balancers/nginx"] {
        assert!(list.contains(part), "{part}: {list}");
    }
    refused(
        &bench,
        &["show", "boutik"],
        2,
        &["`boutik`", "did you mean `boutique`?", "`bench show` lists everything"],
    );

    let whole = succeeds(&bench, &["show", "api", "smoke"]);
    std::fs::write(bench.path("whole.json"), whole).expect("a file");
    bench
        .summary("whole", &["--config", "whole.json", "--engine", "sim", "--duration", "2s", "--no-oracles"]);

    succeeds(&bench, &["show", "api", "--out", "mine"]);
    refused(&bench, &["show", "api", "--out", "mine"], 2, &["exists already", "--out"]);
    let plan = succeeds(&bench, &["pack", "mine", "smoke", "--plan"]);
    assert!(plan.contains("config: api-smoke (mine)"), "{plan}");
}
