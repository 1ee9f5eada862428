//! Leaders and workers as processes, with a real NATS server that each test starts.
//!
//! Where the server is not installed, the tests are reported as ignored, which the standard test harness could not decide
//! at run time; where `BENCH_REQUIRE_LOAD_BALANCERS` is set, they run, and fail for want of the program. `cargo xtask test
//! --install` installs it.

mod bad;
mod episodes;
mod losses;
mod place;
mod same;
mod server;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

/// Set where no program may be missing.
const REQUIRED: &str = "BENCH_REQUIRE_LOAD_BALANCERS";

fn main() -> ExitCode {
    let is_there = server::is_there();
    if !is_there {
        eprintln!("there is no NATS server here; `cargo xtask test --install` installs it");
    }
    let ignored = !is_there && std::env::var_os(REQUIRED).is_none();
    let tests = [same::TESTS, losses::TESTS, bad::TESTS, episodes::TESTS].concat();
    let trials = tests.into_iter().map(|(name, test)| {
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    });
    let mut arguments = Arguments::from_args();
    // Each test is several processes that send little load and wait for each other.
    arguments.test_threads = arguments.test_threads.or(Some(4));
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
