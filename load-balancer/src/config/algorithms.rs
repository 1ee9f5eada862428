//! The algorithms in a config: the initial one, and those that a benchmark compares.

use super::trained::{Trained, TrainedError};
use lb_core::Algorithm;
use lb_core::algorithm::{AlgorithmError, Rule};

/// The algorithms that a benchmark compares by default. Clients of the dialect test each of them.
const TESTED: [Rule; 3] = [Rule::Rl, Rule::RoundRobin, Rule::LeastConnections];

/// Parses the algorithm that `key` names, if it can run. An unreadable policy file is reported separately.
pub(super) fn parse(
    key: &str,
    name: &str,
    trained: Option<&Result<Trained, TrainedError>>,
    faults: &mut Vec<String>,
) -> Option<Algorithm> {
    let file = trained.map(|read| read.as_ref().map(|trained| &trained.file));
    let can_run = |algorithm: Algorithm| match file {
        Some(Err(_)) => Ok(algorithm),
        Some(Ok(file)) => algorithm.policy_with(Some(file)).map(|_| algorithm),
        None => algorithm.policy().map(|_| algorithm),
    };
    let way_out = |error: &AlgorithmError| match error {
        AlgorithmError::NoPolicyFile => " (the key is `policy_file`)",
        AlgorithmError::Unknown { .. } | AlgorithmError::Foreign { .. } => "",
    };
    name.parse::<Algorithm>()
        .and_then(can_run)
        .map_err(|error| faults.push(format!("`{key}` is `{name}`: {error}{}", way_out(&error))))
        .ok()
}

/// Returns the algorithms that a benchmark compares. The defaults need not be able to run yet: `rl` can once
/// a policy file is loaded.
pub(super) fn tested(
    names: Option<&[String]>,
    trained: Option<&Result<Trained, TrainedError>>,
    faults: &mut Vec<String>,
) -> Vec<Algorithm> {
    let Some(names) = names else { return TESTED.map(Algorithm::plain).to_vec() };
    if names.is_empty() {
        faults
            .push("`test_algorithms` is empty: list at least one algorithm, or leave out the key".to_owned());
    }
    let mut tested = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let Some(algorithm) = parse(&format!("test_algorithms[{i}]"), name, trained, faults) else {
            continue;
        };
        if tested.contains(&algorithm) {
            faults.push(format!("`test_algorithms[{i}]` is `{name}`, which is already listed: remove it"));
        }
        tested.push(algorithm);
    }
    tested
}
