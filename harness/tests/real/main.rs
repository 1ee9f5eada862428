//! The harness against the real programs: HAProxy, nginx, Envoy, Caddy, Traefik.
//!
//! Assertions are on counts, orders, exit codes and messages; none on how fast anything was, and time limits
//! are generous. Every process that a test starts is ended by it. A test whose program is missing is reported
//! as ignored, which the standard test harness could not decide at run time; where `BENCH_REQUIRE_LOAD_BALANCERS`
//! is set, it runs, and fails for want of the program. `cargo xtask load-balancers` sets all of them up.

#[path = "../common/mod.rs"]
mod common;

mod attached;
mod boutique;
mod client;
mod declared;
mod endings;
mod logs;
mod processes;
mod refusals;
mod retries;
mod runs;
mod stage;
mod steering;
mod switches;
mod users;

use clap::Parser;
use harness::children::ChildCommand;
use harness::testbed::Installed;
use lb_admin_client::{Kind, Switching};
use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

/// Set where no load balancer may be missing.
const REQUIRED: &str = "BENCH_REQUIRE_LOAD_BALANCERS";

/// Tests at once. Each has several processes of its own, and what they are asked depends on the clock.
const AT_ONCE: usize = 2;

/// What the harness starts for itself, it starts as the running program: here this one.
#[derive(Parser)]
struct Helper {
    #[command(subcommand)]
    command: ChildCommand,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|first| first.starts_with("__")) {
        return Helper::parse().command.main();
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    libtest_mimic::run(&arguments, trials()).exit_code()
}

fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for kind in Kind::ALL.iter().copied() {
        let missing = Installed::find(kind, None).err();
        if let Some(missing) = &missing {
            eprintln!("{missing:#}; `cargo xtask load-balancers` does that for tests");
        }
        let required = std::env::var_os(REQUIRED).is_some();
        let ignored = missing.is_some() && !required;
        for (name, test) in tests(kind) {
            let run = move || -> Result<(), Failed> {
                test(kind);
                Ok(())
            };
            let ignored = ignored || (name == STEERED && !steering::can(kind) && !required);
            trials.push(Trial::test(name, run).with_kind(kind.name()).with_ignored_flag(ignored));
        }
    }
    trials.extend(refusals::WITHOUT_PROGRAMS.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    }));
    trials
}

/// A name that states the rule, and what tests it.
type Test = (&'static str, fn(Kind));

/// Of those that take weights.
const STEERED: &str = "weights_follow_speeds_and_those_of_the_control_stay";

/// What is asked of all, then of those that the table says it of, then of some by their names.
fn tests(kind: Kind) -> Vec<Test> {
    const ALL: [Test; 4] = [
        ("a_run_switches_verifies_measures_and_leaves_no_process", runs::run),
        ("no_request_is_lost_by_switches_and_the_next_one_is_under_the_new_algorithm", switches::by_selector),
        ("nothing_outlives_bench_when_it_is_killed", endings::bench_is_killed),
        ("each_trial_gets_an_access_log_of_its_own_requests", logs::access_log),
    ];
    const BY_CONFIGURATION: Test = ("switches_by_configuration_are_verified", switches::by_configuration);
    // One without processes of its own, and one with workers.
    const ENDINGS: [Test; 2] = [
        ("a_load_balancer_that_dies_in_a_run_ends_it_and_results_are_kept", endings::dies),
        ("an_interrupt_leaves_no_process", endings::interrupted),
    ];
    const WEIGHTED: &str = "least_connections_considers_weights_as_everywhere_else";
    const THEIRS: &str = "one_that_users_run_is_driven_where_it_runs";
    const LYING: &str = "one_that_balances_otherwise_than_it_is_named_is_found_out";
    const DECLARED: &str = "one_that_is_declared_is_switched_by_its_own_commands_and_verified";
    const BOUTIQUE: &str = "a_shop_with_cookies_and_redirects_at_the_root_keeps_carts_with_their_users";
    const STICKY: &str = "users_that_a_sticky_cookie_keeps_at_one_backend_are_told";
    const REPEATS: &str = "attempts_that_it_repeats_are_counted_at_the_backend_that_failed";
    const REPEATS_SOMEWHERE: &str = "attempts_that_it_repeats_are_counted";
    const NOT_SWITCHED: &str = "one_whose_commands_claim_to_switch_and_do_not_is_found_out";
    let some: &[Test] = match kind.name() {
        "haproxy" => &[
            ENDINGS[0],
            ENDINGS[1],
            (WEIGHTED, runs::weighted),
            ("a_port_that_is_taken_is_named", refusals::taken_port),
            ("a_results_folder_with_a_long_path_can_be_used", runs::long_path),
            (THEIRS, attached::haproxy),
            (REPEATS, retries::haproxy),
            ("one_that_speaks_tls_is_driven_over_tls", attached::secured_haproxy),
            (LYING, attached::lying_haproxy),
            (DECLARED, declared::reloaded_haproxy),
            (NOT_SWITCHED, declared::lying_haproxy),
            (BOUTIQUE, boutique::haproxy),
            (STICKY, boutique::sticky_haproxy),
            ("a_socket_that_is_not_there_or_may_not_be_used_is_named", attached::no_socket),
        ],
        "nginx" => &[
            ENDINGS[0],
            ENDINGS[1],
            (WEIGHTED, runs::weighted),
            (REPEATS, retries::nginx_lists),
            ("the_documented_configuration_keeps_connections_and_repeats_nothing", retries::documented_nginx),
            (DECLARED, declared::reloaded_nginx),
            (NOT_SWITCHED, declared::lying_nginx),
            (BOUTIQUE, boutique::nginx),
        ],
        "envoy" => &[
            ("no_request_is_lost_by_switches_of_clusters", switches::of_clusters),
            (THEIRS, attached::envoy),
            (LYING, attached::lying_envoy),
            (REPEATS_SOMEWHERE, retries::envoy),
        ],
        "traefik" => &[
            ("an_algorithm_that_it_lacks_is_refused_before_the_run_with_the_nearest", refusals::lacking),
            (REPEATS_SOMEWHERE, retries::traefik),
        ],
        _ => &[],
    };
    let by_configuration = kind.offers(Switching::Config).then_some(BY_CONFIGURATION);
    const STEERING: Test = (STEERED, steering::weights_follow_speeds);
    let steering = kind.native(Algorithm::plain(Rule::Rl)).map(|_| STEERING);
    ALL.into_iter().chain(some.iter().copied()).chain(by_configuration).chain(steering).collect()
}

/// The algorithm that looks at load: of two, or of all.
fn least_loaded(kind: Kind) -> &'static str {
    match kind.native(Algorithm::plain(Rule::LeastConnections)) {
        Some(_) => "least-connections",
        None => "p2c",
    }
}
