//! One reading of each target before the run: what cannot be read then is a mistake, and the user is told at once.

use super::endpoint::{Endpoint, Take};
use super::fetch::Fetcher;
use super::limit;
use super::reader::Reader;
use crate::experiment::error::RunError;
use lb_core::suggest::{did_you_mean, listing};
use lb_core::{Span, plain};
use lb_scrape::{Measure, metric_names};
use std::collections::BTreeSet;

/// The most names of metrics that a message lists.
const LISTED: usize = 5;

/// Reads each target once. Returns notes on what was chosen and is not there yet: many series appear with the first
/// request only.
///
/// # Errors
/// A target cannot be read, or has none of the well-known metrics.
pub(in crate::experiment) async fn check(
    endpoints: &[Endpoint],
    interval: Span,
) -> Result<Vec<String>, RunError> {
    let fetcher = Fetcher::new(limit(interval));
    let mut notes = Vec::new();
    for endpoint in endpoints {
        let fail = |why: String| RunError::Scrape {
            target: endpoint.name.clone(),
            url: endpoint.shown(),
            why: plain::line(&why).into_owned(),
        };
        let answer = fetcher.fetch(endpoint).await.map_err(|error| fail(format!("readings {error}")))?;
        let mut reader = Reader::of(endpoint);
        reader.read(0.0, &answer).map_err(|why| fail(format!("readings {why}")))?;
        if reader.found() > 0 {
            continue;
        }
        let names = metric_names(&answer);
        match &endpoint.take {
            Take::Page(wanted) if wanted.iter().any(|one| !one.is_expected) => {
                return Err(fail(format!(
                    "it has none of the well-known metrics but {}; choose one, as in `--scrape 'ADDRESS#METRIC'`",
                    listed(&names)
                )));
            }
            Take::Page(wanted) => {
                let metric = wanted.first().and_then(|one| match &one.measure {
                    Measure::Sum { of, .. } => Some(of),
                    Measure::Quotient { .. } => None,
                });
                let known = names.iter().map(String::as_str);
                let near = metric.map(|of| did_you_mean(of.name(), known)).unwrap_or_default();
                // A name that is there is not a suggestion: its labels differ.
                let near = if metric.is_some_and(|of| names.contains(of.name())) {
                    " with other labels only"
                } else {
                    near.as_str()
                };
                notes.push(format!("scrape: `{}` is not at {} yet{near}", endpoint.name, endpoint.shown()));
            }
            Take::Query(query) => {
                notes.push(format!("scrape: `{query}` has no result at {} yet", endpoint.shown()))
            }
        }
    }
    Ok(notes)
}

fn listed(names: &BTreeSet<String>) -> String {
    let some = listing(names.iter().take(LISTED).map(String::as_str));
    match names.len().saturating_sub(LISTED) {
        0 => some,
        more => format!("{some} and {more} more"),
    }
}
