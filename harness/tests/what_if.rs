//! `bench what-if` as users meet it: what it refuses, and what it says then.

mod common;

use common::{Bench, text};

/// Runs `bench what-if` and expects a refusal that holds every part.
fn refused(bench: &Bench, args: &[&str], parts: &[&str]) {
    let output = bench.run(&[&["what-if"], args].concat());
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {message}");
    assert_eq!(text(&output.stdout), "", "{args:?}: nothing is predicted");
    for part in parts {
        assert!(message.contains(part), "{args:?}: the message holds `{part}`: {message}");
    }
}

#[test]
fn a_log_without_backends_is_refused_with_the_format_to_use() {
    let bench = Bench::new();
    let line = |second: u32| {
        format!(
            "192.0.2.7 - - [10/Oct/2026:13:55:{second:02} +0000] \"GET /cart/{second} HTTP/1.1\" 200 512\n"
        )
    };
    std::fs::write(bench.path("access.log"), (0..60).map(line).collect::<String>()).expect("a log");
    refused(
        &bench,
        &["access.log"],
        &[
            "`access.log`",
            "none of 60 requests names the backend",
            "log_format bench escape=json",
            "option httplog",
        ],
    );
}

#[test]
fn mistakes_on_the_command_line_are_refused() {
    let bench = Bench::new();
    for (args, parts) in [
        (&["nothing.log"][..], &["nothing.log"][..]),
        (&[], &["<FILE>"]),
        (&["a.log", "--kill", "b3"], &["`b3` is not a crash; use `b3@10m`"]),
        (&["a.log", "--scale", "much"], &["`much` is not a number"]),
        (&["a.log", "--server-weight", "0"], &["`0` is not a weight of HAProxy"]),
        (&["a.log", "--routing", "least-con"], &["unknown algorithm `least-con`"]),
        (&["a.log", "--algorithms", "p2c,fastest"], &["unknown algorithm `fastest`"]),
        (&["a.log", "--primary-metric", "p42"], &["p99"]),
    ] {
        refused(&bench, args, parts);
    }
}
