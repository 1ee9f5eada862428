//! Cases for training, selecting and evaluating policies. A case consists of a pool, its faults and its load.
//!
//! There are four families that never mix: *training* (unlimited random cases), *validation* (for selecting
//! checkpoints), *test* (a frozen list identified by a hash, used only in reports) and the *situations* A to
//! I, which are defined by hand. Each family has its own range of seeds. In a third of the training cases, requests tell
//! something about their size; in validation, test and the plain situations they tell nothing, and in *telling validation*,
//! *telling test* and the sized situations they always do.

mod frozen;
mod random;
mod situations;

pub use random::{mixed_case, random_case, telling_case};
pub use situations::{
    about_situation, routed_situation, situation, situations, sized_situation, sized_situations,
};

use lb_core::rng::hash_name;
use lb_core::topology::Topology;
use lb_core::{Seed, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use simulator::{OpenLoad, Options};

/// A case: a pool, its faults and its load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Cases for selecting checkpoints, whose requests tell something about their size.
    TellingValidation,
    /// Cases that are used only for reports, whose requests tell something about their size.
    TellingTest,
}

impl Family {
    const fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Validation => "validation",
            Self::Test => "test",
            Self::TellingValidation => "telling-validation",
            Self::TellingTest => "telling-test",
        }
    }

    /// Returns how the cases of the family are drawn from a seed.
    const fn draw(self) -> fn(Seed) -> Case {
        match self {
            Self::Training => mixed_case,
            Self::Validation | Self::Test => random_case,
            Self::TellingValidation | Self::TellingTest => telling_case,
        }
    }

    /// Returns the case with this number.
    pub fn case(self, number: u64) -> Case {
        let seed = Seed(hash_name(self.name().as_bytes())).key(&[number]);
        let mut case = self.draw()(Seed(seed));
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

/// Number of cases in the validation set with requests that tell something.
pub const TELLING_VALIDATION_CASES: u64 = 24;

/// Number of cases in the test set with requests that tell something.
pub const TELLING_TEST_CASES: u64 = 50;

/// Returns the SHA-256 of these cases in hex, which identifies a frozen list of cases.
pub fn hash(cases: &[Case]) -> String {
    let mut hash = Sha256::new();
    for case in cases {
        let topology = serde_json::to_string(&case.topology).expect("a topology has string keys only");
        hash.update(format!("{} {topology} {} {}\n", case.name, frozen::load(case), frozen::options(case)));
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::service_time::ServiceTime;
    use simulator::Telling;

    #[test]
    fn a_third_of_the_training_cases_tell_and_are_otherwise_as_if_they_did_not() {
        let mut telling = Vec::new();
        for number in 0..300 {
            let case = Family::Training.case(number);
            let mut silent = case.clone();
            silent.load.telling = None;
            let seed = Seed(hash_name(b"training")).key(&[number]);
            let mut plain = random_case(Seed(seed));
            plain.name.clone_from(&case.name);
            assert_eq!(silent, plain.with_luck(0), "{}: only what requests tell differs", case.name);
            telling.extend(case.load.telling);
        }
        assert!((80..=120).contains(&telling.len()), "{} of 300 tell", telling.len());
        for Telling { share, sigma, noise, word } in &telling {
            assert!((0.3..0.95).contains(share) && (0.4..1.3).contains(sigma) && *noise <= 3);
            assert!(word.is_none_or(|word| (0.1..0.7).contains(&word)));
        }
        assert!(
            (15..=50).contains(&telling.iter().filter(|one| one.word.is_some()).count()),
            "some say a word"
        );
        assert!((0..=3).all(|noise| telling.iter().any(|one| one.noise == noise)), "any amount of noise");
    }

    #[test]
    fn families_tell_always_or_never() {
        let tell = |family: Family| -> Vec<bool> {
            family.cases(20).iter().map(|case| case.load.telling.is_some()).collect()
        };
        for family in [Family::Validation, Family::Test] {
            assert_eq!(tell(family), [false; 20], "{family:?}");
        }
        for family in [Family::TellingValidation, Family::TellingTest] {
            assert_eq!(tell(family), [true; 20], "{family:?}");
        }
        let first = |family: Family| (family.case(0).name, family.case(0).topology);
        let (validation, test) = (first(Family::TellingValidation), first(Family::TellingTest));
        assert_eq!((validation.0.as_str(), test.0.as_str()), ("telling-validation-0", "telling-test-0"));
        assert_ne!(validation.1, test.1, "nobody selects on the test set");
        assert_ne!(test.1, first(Family::Test).1, "its pools are its own");
    }

    #[test]
    fn sized_situations_are_the_plain_ones_with_requests_that_tell_most_of_their_size() {
        let sized = sized_situations();
        let names: Vec<&str> = sized.iter().map(|case| case.name.as_str()).collect();
        let expected = ["b", "d", "f", "g", "h"].map(|letter| format!("situation-{letter}-sized"));
        assert_eq!(names, expected);
        for case in sized {
            let letter = case.name.chars().nth("situation-".len()).expect("a letter");
            let plain = situation(letter).expect("the plain situation");
            assert_eq!(sized_situation(letter).as_ref(), Some(&case));
            assert_eq!(about_situation(&case.name), about_situation(&plain.name), "{}", case.name);
            let telling = case.load.telling.expect("its requests tell");
            assert!(telling.share >= 0.8, "{telling:?}");
            let (mean_ms, sigma) = log_normal(&case.topology.service_time);
            assert_eq!(
                (mean_ms, telling.sigma),
                log_normal(&plain.topology.service_time),
                "mean and spread stay"
            );
            let untold = (1.0 - telling.share) * telling.sigma.powi(2);
            assert!((sigma * sigma - untold).abs() < 1e-9, "{letter}: as with the bundled topology");
            assert_eq!(case.topology.pools, plain.topology.pools);
            assert_eq!(case.topology.faults, plain.topology.faults);
            assert_eq!((case.load.rate, case.load.bursts), (plain.load.rate, plain.load.bursts));
            assert_eq!(case.options.balancers, plain.options.balancers);
        }
    }

    fn log_normal(time: &ServiceTime) -> (f64, f64) {
        match time {
            ServiceTime::LogNormal { mean_ms, sigma } => (*mean_ms, *sigma),
            other => panic!("{other:?} is not log-normal"),
        }
    }

    #[test]
    fn what_requests_tell_is_part_of_the_hash_of_a_list_and_what_nobody_sets_is_not() {
        let plain = vec![Family::Test.case(0)];
        let mut telling = plain.clone();
        telling[0].load.telling = Some(Telling { share: 0.5, sigma: 1.0, noise: 0, word: None });
        assert_ne!(hash(&telling), hash(&plain));
        assert!(!frozen::load(&plain[0]).contains("telling"), "{}", frozen::load(&plain[0]));
        assert!(frozen::load(&plain[0]).starts_with("OpenLoad { rate: "), "{}", frozen::load(&plain[0]));
        assert!(
            frozen::options(&plain[0]).starts_with("Options { balancers: "),
            "{}",
            frozen::options(&plain[0])
        );
    }
}
