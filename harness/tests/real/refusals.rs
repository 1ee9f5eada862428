//! What cannot be driven is refused before anything is measured, with what is wrong and the way out.

use crate::common::{Bench, text};
use lb_admin_client::Kind;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

/// Tests for which no load balancer has to be there.
pub(crate) const WITHOUT_PROGRAMS: [(&str, fn()); 4] = [
    ("a_program_that_is_not_there_is_named_with_the_command_that_installs_it", nowhere),
    ("a_program_that_is_too_old_is_refused_with_both_versions", too_old),
    ("a_program_that_is_another_one_is_refused_with_what_it_says", another),
    ("a_configuration_that_the_program_rejects_is_shown_with_its_message", rejected),
];

/// Runs `bench` and expects it to refuse: exit code, and every part in its message. Nothing is left.
fn refused(bench: &Bench, args: &[&str], code: i32, parts: &[&str]) {
    let output = bench.run(args);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
    for part in parts {
        assert!(message.contains(part), "{args:?}: the message holds `{part}`: {message}");
    }
    assert!(!message.contains("panicked"), "{args:?}: {message}");
    crate::processes::assert_none_left(bench.dir.path());
}

/// A shell script in the place of a program.
fn script(bench: &Bench, lines: &str) -> String {
    let path = bench.path("program");
    std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).expect("a script");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
    path.to_string_lossy().into_owned()
}

fn haproxy<'a>(program: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let start = ["--config", "quick_test_config.json", "--load-balancer", "haproxy", "--program", program];
    [&start, more, &["--out", "out"]].concat()
}

fn nowhere() {
    for kind in Kind::ALL.iter().copied() {
        let bench = Bench::new();
        let args =
            ["--load-balancer", kind.name(), "--program", "/nonexistent", "--algorithms", "round-robin"];
        let command = kind.source.to_string();
        refused(
            &bench,
            &[&args[..], &["--out", "out"]].concat(),
            3,
            &["/nonexistent", &command, "--program"],
        );
    }
}

fn too_old() {
    let bench = Bench::new();
    let program = script(&bench, "echo 'HAProxy version 1.8.0 2017/11/26'");
    refused(&bench, &haproxy(&program, &[]), 3, &["1.8.0", "2.4.0", "too old", "apt-get install haproxy"]);
}

fn another() {
    let bench = Bench::new();
    let program = script(&bench, "echo 'usage: program FILE'");
    refused(&bench, &haproxy(&program, &[]), 3, &["usage: program FILE", "is this the right program?"]);
}

fn rejected() {
    let bench = Bench::new();
    let answers = "case \"$1\" in\n-v) echo 'HAProxy version 2.8.0' ;;\n\
                   *) echo \"[ALERT] parsing [haproxy.cfg:7] : unknown keyword 'hard-stop-after'\" >&2; exit 1 ;;\nesac";
    let program = script(&bench, answers);
    refused(
        &bench,
        &haproxy(&program, &[]),
        3,
        &["rejects the configuration", "haproxy.cfg", "unknown keyword 'hard-stop-after'"],
    );
}

/// Who chooses the port has to be told that it is taken.
pub(crate) fn taken_port(kind: Kind) {
    let bench = Bench::new();
    let held = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = held.local_addr().expect("an address").to_string();
    let args = ["--config", "quick_test_config.json", "--load-balancer", kind.name(), "--listen", &address];
    refused(&bench, &[&args[..], &["--out", "out"]].concat(), 3, &[&address, "is taken", "--listen"]);
}

/// What is lacking is known beforehand.
pub(crate) fn lacking(kind: Kind) {
    let bench = Bench::new();
    let args = ["--load-balancer", kind.name(), "--algorithms", "least-connections", "--out", "out"];
    refused(&bench, &args, 2, &["has no least-connections", "p2c comes nearest"]);
    let left = std::fs::read_dir(bench.dir.path()).expect("the folder").count();
    assert_eq!(left, 0, "nothing is written before the plan stands");
}
