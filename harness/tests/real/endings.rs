//! Runs that do not end as they should: whatever happens, nothing that was started is left.

use crate::common::{Bench, text};
use crate::processes::{Process, assert_none_left, processes_of, wait_for, wait_until_none_is_left};
use lb_admin_client::Kind;
use rustix::process::{Pid, Signal, kill_process};
use std::io::Read;
use std::process::{Child, Stdio};
use std::time::Duration;

/// A run of `bench` that has begun.
struct Run {
    bench: Bench,
    child: Child,
    kind: Kind,
}

/// A test that fails leaves nothing behind either: what `bench` has started ends with it.
impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    /// Starts it, with no warm-up: what follows the verification of a switch is the measured phase.
    fn start(kind: Kind, duration: &str) -> Self {
        let bench = Bench::new();
        let config = ["--config", "quick_test_config.json", "--load-balancer", kind.name()];
        let plan = ["--algorithms", "round-robin", "--duration", duration, "--warm-up", "0s"];
        let mut command = bench.command(&[&config[..], &plan, &["--no-oracles", "--out", "out"]].concat());
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("bench starts");
        let mut run = Self { bench, child, kind };
        wait_for("the first switch", || {
            let ended = run.child.try_wait().expect("bench can be looked at");
            assert_eq!(ended, None, "{kind}: it ended before it measured: {}", run.said());
            let log = std::fs::read_to_string(run.bench.path("out/bench.log")).unwrap_or_default();
            log.contains("switch verified").then_some(())
        });
        // Enough for requests to be under way; nothing depends on how many.
        std::thread::sleep(Duration::from_millis(500));
        run
    }

    /// The process of the load balancer that was started first, the master where there are several.
    fn load_balancer(&self) -> Process {
        let folder = self.bench.path(&format!("out/target/0/{}", self.kind));
        let mut found = processes_of(&folder);
        found.sort_by_key(|process| process.id);
        let first = found.into_iter().next();
        first.unwrap_or_else(|| panic!("{} runs in {}", self.kind, folder.display()))
    }

    /// Waits for the end: the exit code and what was said.
    fn end(mut self) -> (Option<i32>, String, Bench) {
        let said = self.said();
        let status = self.child.wait().expect("bench ends");
        (status.code(), said, std::mem::replace(&mut self.bench, Bench::new()))
    }

    /// All that it says until it ends.
    fn said(&mut self) -> String {
        let mut said = Vec::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_end(&mut said).expect("what bench says");
        }
        text(&said)
    }
}

/// A trial in which the load balancer died is none, and those before it are kept.
pub(crate) fn dies(kind: Kind) {
    let run = Run::start(kind, "4s");
    run.load_balancer().kill();
    let (code, said, bench) = run.end();
    assert_eq!(code, Some(5), "{kind}: its trial is not valid: {said}");
    assert!(
        said.contains(kind.name()) && said.contains("ended during the run"),
        "the message says who died: {said}"
    );
    let summary = bench.json("out/summary.json");
    assert!(summary["scenarios"].is_array(), "{kind}: results are kept as far as they got");
    wait_until_none_is_left(bench.dir.path());
}

/// Ctrl-C ends a run in order.
pub(crate) fn interrupted(kind: Kind) {
    let run = Run::start(kind, "60s");
    let id = Pid::from_raw(i32::try_from(run.child.id()).expect("a process")).expect("a process");
    kill_process(id, Signal::INT).expect("a signal can be sent");
    let (code, said, bench) = run.end();
    assert_eq!(code, Some(130), "{kind}: interrupted, partial results kept: {said}");
    assert_eq!(bench.json("out/summary.json")["interrupted"], true, "{kind}: the results say so");
    assert_none_left(bench.dir.path());
}

/// Nobody is left to end what was started, and it ends all the same.
pub(crate) fn bench_is_killed(kind: Kind) {
    let mut run = Run::start(kind, "60s");
    run.load_balancer();
    run.child.kill().expect("bench can be killed");
    run.child.wait().expect("bench ends");
    wait_until_none_is_left(run.bench.dir.path());
}
