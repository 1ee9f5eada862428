//! The text of a case's load and options that hashes of frozen lists are made of.
//!
//! It has the fields that existed when the first list was frozen, in the form in which they were written then. A field that
//! was added later joins the text only if it is set, so that lists which do not use it keep their hashes.

use super::Case;
use lb_core::{Seed, Span};
use simulator::{Bursts, HealthChecks};

/// Returns the text of the load.
pub(super) fn load(case: &Case) -> String {
    #[derive(Debug)]
    #[allow(dead_code, reason = "its debug format is the text")]
    struct OpenLoad<'a> {
        rate: f64,
        bursts: Option<Bursts>,
        routes: &'a [f64],
        requests: u64,
        request_timeout: Span,
        seed: Seed,
    }
    let simulator::OpenLoad { rate, bursts, routes, requests, request_timeout, seed, telling } = &case.load;
    let load = OpenLoad {
        rate: *rate,
        bursts: *bursts,
        routes,
        requests: *requests,
        request_timeout: *request_timeout,
        seed: *seed,
    };
    match telling {
        Some(telling) => format!("{load:?} {telling:?}"),
        None => format!("{load:?}"),
    }
}

/// Returns the text of the options.
pub(super) fn options(case: &Case) -> String {
    #[derive(Debug)]
    #[allow(dead_code, reason = "its debug format is the text")]
    struct Options {
        balancers: u16,
        network_delay: Span,
        health: HealthChecks,
        seed: Seed,
        luck: u64,
    }
    let simulator::Options { balancers, network_delay, health, seed, luck, reports } = case.options;
    let options = Options { balancers, network_delay, health, seed, luck };
    match reports {
        simulator::Reports::None => format!("{options:?}"),
        reports => format!("{options:?} {reports:?}"),
    }
}
