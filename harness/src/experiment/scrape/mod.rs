//! Reads metrics of others beside the load (`--scrape`): checks each target before anything runs, and samples them all
//! during the measured phase of each trial.
//!
//! - `endpoint`: which addresses a plan means, and what is taken from each;
//! - `fetch`: one reading over HTTP, bounded in time and bytes;
//! - `check`: one reading of each before the run, in which a target that cannot be read is an error;
//! - `sampler`: a task for each target, in which nothing that a target does can end or invalidate a trial.
//!
//! `lb-scrape` knows the formats.

mod check;
mod endpoint;
mod fetch;
mod reader;
mod sampler;
#[cfg(test)]
mod tests;

pub(super) use check::check;
pub(super) use endpoint::{Endpoint, MetricsPage, Started, endpoints_of_started, endpoints_of_urls};
pub(super) use sampler::Sampler;

use lb_core::Span;
use std::time::Duration;

/// The longest time for a reading, whatever the interval.
const LONGEST: Duration = Duration::from_secs(5);

/// Returns the time that a reading may take: less than the interval, so that readings of a target never overlap.
fn limit(interval: Span) -> Duration {
    (Duration::from(interval) * 4 / 5).min(LONGEST)
}
