//! The lists of cases that policies are judged on, each identified by a hash of its contents.

use crate::scenarios::{
    Case, Family, TELLING_TEST_CASES, TEST_CASES, hash, routed_situation, situation, situations,
    sized_situations,
};
use simulator::Reports;

/// SHA-256 of the test list, which is frozen. Changing how cases are drawn produces another list, and figures
/// from different lists cannot be compared.
pub const TEST_SHA256: &str = "ae29effcd098c92119baeda0c56bc849dd45e5fa166c5f554e2e6ccf4a43ab2b";

/// A list of cases.
#[derive(Clone, Debug)]
pub struct List {
    /// Name of the list in results.
    pub name: &'static str,
    /// [`hash`] of the list as specified; the number of requests per case does not affect it.
    pub sha256: String,
    /// The cases.
    pub cases: Vec<Case>,
    /// Number of cases in the whole list.
    pub whole: usize,
    /// Whether each case has at least as many requests as the list specifies.
    pub full: bool,
}

impl List {
    /// Returns the situations A to I.
    pub fn situations() -> Self {
        Self::new("situations", situations())
    }

    /// Returns the held-out random cases.
    pub fn test() -> Self {
        Self::new("test", Family::Test.cases(TEST_CASES))
    }

    /// Returns situation B with routes that determine most of the size of a request.
    pub fn routes() -> Self {
        Self::new("routes", vec![routed_situation()])
    }

    /// Returns situations B, D, F, G and H with requests that tell most of their size.
    pub fn sized() -> Self {
        Self::new("sized", sized_situations())
    }

    /// Returns situation G with backends that report their load, with each reply and when they are asked.
    pub fn reports() -> Self {
        let case = |name: &str, reports: Reports| {
            let mut case = situation('g').expect("there is a G");
            case.name = format!("situation-g-{name}");
            case.options.reports = reports;
            case.with_luck(0)
        };
        Self::new(
            "reports",
            vec![case("orca", Reports::Orca), case("probes", Reports::Probes { per_request: 1.0 })],
        )
    }

    /// Returns held-out random cases whose requests tell something about their size.
    pub fn sized_test() -> Self {
        Self::new("sized-test", Family::TellingTest.cases(TELLING_TEST_CASES))
    }

    /// Returns all lists, in the order in which they are played.
    pub fn all() -> Vec<Self> {
        vec![
            Self::situations(),
            Self::sized(),
            Self::reports(),
            Self::routes(),
            Self::test(),
            Self::sized_test(),
        ]
    }

    fn new(name: &'static str, cases: Vec<Case>) -> Self {
        Self { name, sha256: hash(&cases), whole: cases.len(), full: true, cases }
    }

    /// Returns the same list with `requests` requests per case and replication.
    #[must_use]
    pub fn with_requests(mut self, requests: u64) -> Self {
        self.full &= self.cases.iter().all(|case| case.load.requests <= requests);
        self.cases = self.cases.into_iter().map(|case| case.with_requests(requests)).collect();
        self
    }

    /// Returns only the first cases of the list, for a quick check; goals are then not judged.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        self.cases.truncate(count);
        self
    }
}
