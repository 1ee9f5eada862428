//! What policies are trained, selected and judged on: cases, each a pool, its faults and its load.
//!
//! Four families that never mix: *training* (drawn without end), *validation* (chooses checkpoints), *test*
//! (drawn once, named by a hash, looked at to report) and the *situations* A to I, which are fixed by hand.
//! A family's seeds lie in a range of their own.

mod random;
mod situations;

pub use random::random_case;
pub use situations::{about_situation, routed_situation, situation, situations};

use lb_core::rng::hash_name;
use lb_core::topology::Topology;
use lb_core::{Seed, hex};
use sha2::{Digest, Sha256};
use simulator::{OpenLoad, Options};

/// A pool, its faults and its load.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Short name, such as `test-17` or `situation-b`.
    pub name: String,
    /// Backends and faults.
    pub topology: Topology,
    /// Arrivals; its seed is the case's own.
    pub load: OpenLoad,
    /// Load balancers and delays.
    pub options: Options,
    /// Mean service time of the pool in milliseconds: the unit of rewards and horizons.
    pub service_ms: f64,
}

impl Case {
    /// The same case with new random draws of arrivals, sizes and failures.
    #[must_use]
    pub fn with_luck(mut self, luck: u64) -> Self {
        let seed = Seed(hash_name(self.name.as_bytes())).key(&[luck]);
        self.load.seed = Seed(seed);
        self.options.seed = Seed(seed);
        self
    }

    /// The same case with `requests` requests.
    #[must_use]
    pub fn with_requests(mut self, requests: u64) -> Self {
        self.load.requests = requests;
        self
    }

    /// The timeout, which is what a failed request is charged with, in milliseconds.
    pub fn timeout_ms(&self) -> f64 {
        self.load.request_timeout.as_millis_f64()
    }
}

/// A set of random cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Cases that policies are trained on.
    Training,
    /// Cases that checkpoints are selected by.
    Validation,
    /// Cases that are used only for reports.
    Test,
}

impl Family {
    const fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    /// The case of this number.
    pub fn case(self, number: u64) -> Case {
        let seed = Seed(hash_name(self.name().as_bytes())).key(&[number]);
        let mut case = random_case(Seed(seed));
        case.name = format!("{}-{number}", self.name());
        case.with_luck(0)
    }

    /// The first `count` cases.
    pub fn cases(self, count: u64) -> Vec<Case> {
        (0..count).map(|number| self.case(number)).collect()
    }
}

/// Cases of the validation set.
pub const VALIDATION_CASES: u64 = 48;

/// Cases of the test set.
pub const TEST_CASES: u64 = 100;

/// SHA-256, in hex, of all that makes up these cases: it identifies a frozen list of cases.
pub fn hash(cases: &[Case]) -> String {
    let mut hash = Sha256::new();
    for case in cases {
        let topology = serde_json::to_string(&case.topology).expect("a topology has string keys only");
        hash.update(format!("{} {topology} {:?} {:?}\n", case.name, case.load, case.options));
    }
    hex::encode(hash.finalize())
}
