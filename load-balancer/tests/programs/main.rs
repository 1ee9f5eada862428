//! Clients as people have them: curl, h2load, and a WebSocket client in Python. Each is run through the load balancer
//! and through HAProxy, and must see the same.
//!
//! A test whose program is missing is reported as ignored, which the standard test harness could not decide at run
//! time; where `BENCH_REQUIRE_LOAD_BALANCERS` is set, it runs, and fails for want of the program. `cargo xtask
//! load-balancers --install` installs them.

#[path = "../common/mod.rs"]
mod common;

mod clients;
mod front;

use front::Front;
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::PathBuf;
use std::process::ExitCode;

/// Set where no program may be missing.
const REQUIRED: &str = "BENCH_REQUIRE_LOAD_BALANCERS";

/// A name that states the rule, the program, and what tests it.
type Test = (&'static str, &'static str, fn(&Front));

const TESTS: [Test; 7] = [
    ("curl_speaks_http_2_by_prior_knowledge", "curl", clients::prior_knowledge),
    ("curl_agrees_on_http_2_over_tls", "curl", clients::over_tls),
    ("curl_that_offers_h2c_gets_http_1_1", "curl", clients::upgrade_to_h2c),
    ("h2load_has_every_request_answered", "h2load", clients::many_streams),
    ("a_websocket_client_talks_to_its_backend", "python3", clients::websocket),
    ("a_long_upload_is_not_cut_off", "curl", clients::long_upload),
    ("server_sent_events_arrive_when_they_are_sent", "curl", clients::events),
];

fn main() -> ExitCode {
    libtest_mimic::run(&Arguments::from_args(), trials()).exit_code()
}

fn trials() -> Vec<Trial> {
    let required = std::env::var_os(REQUIRED).is_some();
    let mut trials = Vec::new();
    for (name, program, test) in TESTS {
        for (front, start, needs) in front::ALL {
            let missing: Vec<_> = [program, needs].into_iter().filter(|it| find(it).is_none()).collect();
            if !missing.is_empty() {
                eprintln!(
                    "`{}` is missing; `cargo xtask load-balancers --install` installs it",
                    missing.join("`, `")
                );
            }
            let run = move || -> Result<(), Failed> {
                test(&start());
                Ok(())
            };
            let ignored = !missing.is_empty() && !required;
            trials.push(Trial::test(name, run).with_kind(front).with_ignored_flag(ignored));
        }
    }
    trials
}

/// Finds a program on PATH, or where system programs lie.
fn find(program: &str) -> Option<PathBuf> {
    if program.is_empty() {
        return Some(PathBuf::new());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}
