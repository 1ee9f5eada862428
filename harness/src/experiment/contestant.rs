//! Who runs in a block: algorithms, or one algorithm under two labels.

use lb_core::Algorithm;

/// An algorithm and what results call it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Contestant {
    pub(super) algorithm: Algorithm,
    pub(super) label: String,
    /// Mixed into a simulation's luck. 0: the luck that all algorithms share.
    pub(super) luck: u64,
}

impl Contestant {
    /// Each algorithm under its own name, all with the same luck.
    pub(super) fn each(algorithms: &[Algorithm]) -> Vec<Self> {
        let contestant =
            |algorithm: &Algorithm| Self { algorithm: *algorithm, label: algorithm.to_string(), luck: 0 };
        algorithms.iter().map(contestant).collect()
    }

    /// One algorithm under two labels. A simulation gives each its own luck: with the same one, two
    /// simulated trials would be equal to the last bit.
    pub(super) fn twice(algorithm: Algorithm) -> Vec<Self> {
        let contestant =
            |(name, luck): (&str, u64)| Self { algorithm, label: format!("{algorithm} ({name})"), luck };
        [("A", 1), ("B", 2)].into_iter().map(contestant).collect()
    }
}
