//! The command line as users meet it: what it prints, and how it refuses.

mod common;

use common::{Bench, refused, text};
use serde_json::Value;

#[test]
fn mistakes_on_the_command_line_are_refused_with_the_way_out() {
    let bench = Bench::new();
    let cases: [(&[&str], &[&str]); 13] = [
        (&["--config", "nowhere.json"], &["nowhere.json", "default_benchmark_config.json"]),
        (&["--algorithms", "leest-connections"], &["leest-connections", "least-connections"]),
        (&["--policy", "p.safetensors"], &["--policy", "p.safetensors", "cannot be read", "rl-train"]),
        (&["--scenario", "nothing"], &["nothing", "Read-Heavy Traffic"]),
        (&["--users", "0"], &["users", "0"]),
        (&["--duration", "soon"], &["soon", "30s"]),
        (&["--time-scale", "0"], &["time", "0"]),
        (&["--topology", "situation-z"], &["situation-z", "situation-a"]),
        (&["--engine", "dream"], &["dream", "live", "sim"]),
        (&["--load-balancer", "haproxi"], &["haproxi", "haproxy", "nginx"]),
        (&["--load-balancer", "haproxy", "--url", "http://127.0.0.1:1"], &["--admin", "stats socket"]),
        (&["--load-balancer", "traefik", "--switching", "config"], &["--switching", "`nginx`"]),
        (&["--report", "html,pdf"], &["pdf", "html", "step-summary", "go-benchmark"]),
    ];
    for (args, parts) in cases {
        refused(&bench, args, 2, parts);
    }
    let left = std::fs::read_dir(bench.dir.path()).expect("the folder").count();
    assert_eq!(left, 0, "nothing is written before the plan stands");
}

#[test]
fn a_named_load_balancer_that_does_not_answer_is_refused_before_anything_is_measured() {
    let bench = Bench::new();
    let closed = format!("http://127.0.0.1:{}/proxy", common::free_port());
    refused(
        &bench,
        &["--load-balancer", &closed, "--out", "out"],
        3,
        &[&closed, "are refused", "correct the port"],
    );
}

#[test]
fn an_output_folder_that_cannot_be_written_is_refused_before_anything_is_measured() {
    let bench = Bench::new();
    std::fs::write(bench.path("file"), "in the way").expect("a file");
    refused(&bench, &["--engine", "sim", "--out", "file"], 3, &["file", "--out"]);
}

#[test]
fn a_plan_as_json_has_the_documented_fields() {
    let bench = Bench::new();
    let output = bench.run(&["plan", "--config", "comprehensive_rl_training_config.json", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let plan: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(plan["schedule_sha256"].as_str().map(str::len), Some(64), "a SHA-256 in hex");
    let scenario = &plan["scenarios"][0];
    for key in ["name", "duration_s", "peak_users", "patterns"] {
        assert!(!scenario[key].is_null(), "a scenario has `{key}`");
    }
    for key in ["name", "start_s", "duration_s", "users"] {
        assert!(!scenario["patterns"][0][key].is_null(), "a pattern has `{key}`");
    }
    let again = bench.run(&["plan", "--config", "comprehensive_rl_training_config.json", "--json"]);
    assert_eq!(output.stdout, again.stdout, "planning twice gives the same plan");
}

#[test]
fn every_bundled_config_can_be_planned_from_any_folder() {
    let bench = Bench::new();
    for name in [
        "default_benchmark_config.json",
        "quick_test_config.json",
        "comprehensive_rl_training_config.json",
        "stress_test_rl_config.json",
        "steady_requests_config.json",
        "telling_requests_config.json",
        "online_boutique_config.json",
    ] {
        let output = bench.run(&["plan", "--config", name]);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        assert!(text(&output.stdout).contains("Expected req/s"), "{name}");
    }
}

#[test]
fn algorithms_are_listed_with_their_aliases() {
    let bench = Bench::new();
    let printed = text(&bench.run(&["algorithms"]).stdout);
    for name in ["round-robin", "least-connections", "peak-ewma", "prequal", "rl-agent", "+ejection"] {
        assert!(printed.contains(name), "{name}: {printed}");
    }
}
