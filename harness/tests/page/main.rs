//! The page of `bench ui` in a real browser, on runs that it starts.
//!
//! A Chromium, driven by [`devtools`], opens the page that the program serves on loopback, under names that it is told to
//! resolve to this machine; no other name leads anywhere. Without Chromium the tests are reported as ignored, which the
//! standard test harness could not decide at run time; where `BENCH_REQUIRE_LOAD_BALANCERS` is set, they run and fail.
//! `cargo xtask test --install` installs it, and `cargo xtask test` fetches axe-core, by which [`accessible`] judges.
//!
//! `BENCH_PICTURES=docs cargo test -p harness --test page pictures` writes the pictures of the page in docs/.

mod accessible;
mod bad_input;
#[path = "../common/chromium.rs"]
mod chromium;
#[path = "../common/mod.rs"]
mod common;
mod devtools;
mod fake;
mod hostile;
mod journey;
mod pictures;
mod security;
mod stage;

use devtools::Browser;
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// A site that may do nothing.
pub(crate) const FOREIGN: &str = "evil.example";

/// A name that states the rule, and what tests it.
type Test = (&'static str, fn(&Browser));

/// One browser for all tests, which is started by the first.
struct Shared {
    program: PathBuf,
    browser: Mutex<Option<Arc<Browser>>>,
}

impl Shared {
    fn get(&self) -> Arc<Browser> {
        let mut browser = self.browser.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(browser.get_or_insert_with(|| Arc::new(Browser::start(&self.program, &[FOREIGN]))))
    }
}

fn main() {
    // The server of `hostile` starts this program in place of `bench`.
    if fake::is_meant() {
        return fake::play();
    }
    let (program, ignored) = chromium::found_or_ignored();
    let shared = Arc::new(Shared { program, browser: Mutex::new(None) });
    let axe = accessible::has_axe();
    if !axe {
        eprintln!("axe-core is missing; `cargo xtask test` fetches it");
    }
    let pictures = pictures::folder().is_some();
    let trials = TESTS
        .iter()
        .map(|test| (*test, ignored))
        .chain(accessible::TESTS.iter().map(|test| (*test, ignored || !axe)))
        .chain(pictures.then_some((pictures::TEST, ignored)));
    let trials = trials.map(|((name, test), ignored)| {
        let shared = Arc::clone(&shared);
        let run = move || -> Result<(), Failed> {
            test(&shared.get());
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    });
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials.collect());
    // The browser ends before this process does.
    drop(shared);
    conclusion.exit();
}

const TESTS: [Test; 14] = [
    ("a_load_is_started_watched_steered_stopped_and_compared", journey::whole),
    ("the_start_form_needs_no_mouse", journey::keyboard),
    ("a_page_of_another_origin_changes_nothing", security::foreign),
    ("a_page_whose_host_is_rebound_reads_and_changes_nothing", security::rebound),
    ("a_wrong_password_is_refused_ever_more_slowly_and_the_right_one_lets_in", security::password),
    ("a_token_lets_in_and_is_in_no_address_and_no_log", security::token),
    ("hostile_names_are_text_in_every_view_and_run_nothing", hostile::everywhere),
    ("hostile_names_of_a_real_run_are_text", hostile::real),
    ("users_beyond_the_limit_of_open_files_are_refused_with_the_way_out", bad_input::too_many_users),
    ("of_two_pages_that_steer_at_once_the_second_is_told", bad_input::two_pages),
    ("a_form_that_is_sent_while_another_run_goes_on_is_refused", bad_input::late_form),
    ("a_run_that_ends_while_a_page_steers_it_is_said_to_be_over", bad_input::ended),
    ("a_page_that_was_away_shows_the_whole_run_again", bad_input::away),
    ("with_nothing_running_the_page_says_so", bad_input::nothing),
];
