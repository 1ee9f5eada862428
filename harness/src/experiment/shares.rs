//! What is said at the end of the workers that played the load of a scenario.

use lb_results::{Trial, WorkerShare};
use std::collections::BTreeSet;

/// The most workers that are named.
const NAMED: usize = 8;

/// Says who played the load, and how far apart their starts and clocks were. `None` if this process did.
pub(super) fn workers_note(trials: &[Trial]) -> Option<String> {
    let shares = || trials.iter().flat_map(|trial| &trial.workers);
    let names: BTreeSet<&str> = shares().map(|share| share.name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    let most =
        |of: fn(&WorkerShare) -> Option<f64>| shares().filter_map(of).map(f64::abs).fold(0.0, f64::max);
    let mut listed = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        listed += ", …";
    }
    Some(format!(
        "{} worker{} played the load ({listed}): each began at most {:.2} ms from the common start; clocks were known to \
         ±{:.2} ms and drifted by at most {:.2} ms in a trial",
        names.len(),
        if names.len() == 1 { "" } else { "s" },
        most(|share| share.start_skew_ms),
        most(|share| share.clock_error_ms),
        most(|share| share.clock_drift_ms),
    ))
}
