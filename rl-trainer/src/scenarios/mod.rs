//! Cases for training, selecting and evaluating policies. A case consists of a pool, its faults and its load.
//!
//! There are four families that never mix: *training* (unlimited random cases), *validation* (for selecting
//! checkpoints), *test* (a frozen list identified by a hash, used only in reports) and the *situations* A to
//! I, which are defined by hand. Each family has its own range of seeds.

mod random;
mod situations;

pub use random::random_case;
pub use situations::{about_situation, routed_situation, situation, situations};

use lb_core::rng::hash_name;
use lb_core::topology::Topology;
use lb_core::{Seed, hex};
use sha2::{Digest, Sha256};
use simulator::{OpenLoad, Options};

/// A case: a pool, its faults and its load.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Short name, such as `test-17` or `situation-b`.
    pub name: String,
    /// Backends and faults of the pool.
    pub topology: Topology,
    /// Arrivals, with the case's own seed.
    pub load: OpenLoad,
    /// Number of load balancers, network delays and the other simulator options.
    pub options: Options,
    /// Mean service time of the pool in milliseconds, which is the unit of rewards and horizons.
    pub service_ms: f64,
}

impl Case {
    /// Returns the same case with new random draws of arrivals, sizes and failures.
    #[must_use]
    pub fn with_luck(mut self, luck: u64) -> Self {
        let seed = Seed(hash_name(self.name.as_bytes())).key(&[luck]);
        self.load.seed = Seed(seed);
        self.options.seed = Seed(seed);
        self
    }

    /// Returns the same case with `requests` requests.
    #[must_use]
    pub fn with_requests(mut self, requests: u64) -> Self {
        self.load.requests = requests;
        self
    }

    /// Returns the timeout in milliseconds, which also counts as the latency of a failed request.
    pub fn timeout_ms(&self) -> f64 {
        self.load.request_timeout.as_millis_f64()
    }
}

/// A set of random cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Cases for training policies.
    Training,
    /// Cases for selecting checkpoints.
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

    /// Returns the case with this number.
    pub fn case(self, number: u64) -> Case {
        let seed = Seed(hash_name(self.name().as_bytes())).key(&[number]);
        let mut case = random_case(Seed(seed));
        case.name = format!("{}-{number}", self.name());
        case.with_luck(0)
    }

    /// Returns the first `count` cases.
    pub fn cases(self, count: u64) -> Vec<Case> {
        (0..count).map(|number| self.case(number)).collect()
    }
}

/// Number of cases in the validation set.
pub const VALIDATION_CASES: u64 = 48;

/// Number of cases in the test set.
pub const TEST_CASES: u64 = 100;

/// Returns the SHA-256 of these cases in hex, which identifies a frozen list of cases.
pub fn hash(cases: &[Case]) -> String {
    let mut hash = Sha256::new();
    for case in cases {
        let topology = serde_json::to_string(&case.topology).expect("a topology has string keys only");
        hash.update(format!("{} {topology} {:?} {:?}\n", case.name, case.load, case.options));
    }
    hex::encode(hash.finalize())
}
