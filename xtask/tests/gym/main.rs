//! `cargo xtask python`: the wheel of lb_gym is built, installed and tested, with and without learning libraries, and the
//! example that trains a policy runs as it is written, on fewer decisions.
//!
//! `cargo xtask test` installs the learning libraries and says so in an environment variable; without it, the test is
//! reported as ignored, which the standard test harness could not decide at run time.

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::Command;

/// Names the interpreter with the learning libraries.
const LEARNERS: &str = "BENCH_GYM_PYTHON";

fn main() {
    let present = std::env::var_os(LEARNERS).is_some();
    if !present {
        eprintln!(
            "the test of lb_gym is ignored: {LEARNERS} is not set; `cargo xtask test` sets up what it needs"
        );
    }
    let test = || -> Result<(), Failed> {
        package();
        Ok(())
    };
    let trial =
        Trial::test("the_wheel_passes_its_tests_and_its_example_trains_a_policy_that_is_served", test);
    let trials = vec![trial.with_kind("python").with_ignored_flag(!present)];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn package() {
    let out = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["python", "--learners", "--out"]).arg(out.path());
    let output = command.output().expect("xtask runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "`cargo xtask python --learners` failed: {stderr}");
    assert!(stdout.trim_end().ends_with(".whl"), "it names the wheel: {stdout}");
    let wheels = std::fs::read_dir(out.path()).expect("the folder").count();
    assert_eq!(wheels, 1, "the wheel is where it was asked for");
    // What the tests and the example printed; `succeeds` hands it to standard error.
    for said in ["OK", "policy: ", "ratio to least-connections: mean 0."] {
        assert!(stderr.contains(said), "`{said}` is in what they said: {stderr}");
    }
}
