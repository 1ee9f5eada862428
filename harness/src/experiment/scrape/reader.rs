//! Reads the answers of a target into series, whether they are pages or results of a query.

use super::endpoint::{Endpoint, Take};
use lb_scrape::{PageReader, QueryReader, Scraped};

/// Reads the answers of one target.
#[derive(Debug)]
pub(super) enum Reader {
    /// Pages of metrics.
    Page(PageReader),
    /// Results of a query.
    Query(QueryReader),
}

impl Reader {
    /// Makes the reader of a target.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        match &endpoint.take {
            Take::Page(wanted) => Self::Page(PageReader::new(wanted.clone())),
            Take::Query(_) => Self::Query(QueryReader::new(&endpoint.name)),
        }
    }

    /// Reads an answer that was received at `at_s`. Fails with the end of a sentence about readings.
    pub(super) fn read(&mut self, at_s: f64, answer: &str) -> Result<(), String> {
        match self {
            Self::Page(reader) => reader.read(at_s, answer).map_err(|error| format!("failed: {error}")),
            Self::Query(reader) => reader.read(at_s, answer).map_err(|error| format!("failed: {error}")),
        }
    }

    /// Returns the number of series that were found.
    pub(super) fn found(&self) -> usize {
        match self {
            Self::Page(reader) => reader.found(),
            Self::Query(reader) => reader.found(),
        }
    }

    /// Returns everything that was read.
    pub(super) fn finish(self) -> Scraped {
        match self {
            Self::Page(reader) => reader.finish(),
            Self::Query(reader) => reader.finish(),
        }
    }
}
