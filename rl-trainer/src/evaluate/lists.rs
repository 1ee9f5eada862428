//! The lists of cases that policies are judged on, each named by the hash of what makes it up.

use crate::scenarios::{Case, Family, TEST_CASES, hash, routed_situation, situations};

/// SHA-256 of the test list: it is frozen. A change of how cases are drawn makes another list, and figures
/// from before cannot be compared with figures from after.
pub const TEST_SHA256: &str = "ae29effcd098c92119baeda0c56bc849dd45e5fa166c5f554e2e6ccf4a43ab2b";

/// A list of cases.
#[derive(Clone, Debug)]
pub struct List {
    /// Its name in results.
    pub name: &'static str,
    /// [`hash`] of the list as it is specified; how many requests each case is given does not change it.
    pub sha256: String,
    /// The cases.
    pub cases: Vec<Case>,
    /// Cases of the whole list.
    pub whole: usize,
    /// Whether each case has at least as many requests as the list specifies.
    pub full: bool,
    /// Whether trained policies also play without seeing the route of requests.
    pub unrouted: bool,
}

impl List {
    /// The situations A to I.
    pub fn situations() -> Self {
        Self::new("situations", situations())
    }

    /// The held-out random cases.
    pub fn test() -> Self {
        Self::new("test", Family::Test.cases(TEST_CASES))
    }

    /// Situation B where routes tell most of the size of a request.
    pub fn routes() -> Self {
        Self { unrouted: true, ..Self::new("routes", vec![routed_situation()]) }
    }

    fn new(name: &'static str, cases: Vec<Case>) -> Self {
        Self { name, sha256: hash(&cases), whole: cases.len(), full: true, cases, unrouted: false }
    }

    /// The same list with `requests` requests per case and replication.
    #[must_use]
    pub fn with_requests(mut self, requests: u64) -> Self {
        self.full &= self.cases.iter().all(|case| case.load.requests <= requests);
        self.cases = self.cases.into_iter().map(|case| case.with_requests(requests)).collect();
        self
    }

    /// Keeps only the first cases of the list: enough for a quick check, not for a proof.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        self.cases.truncate(count);
        self
    }
}
