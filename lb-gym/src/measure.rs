//! Measures an algorithm or a policy file in a case, as `rl-train eval` does.

use crate::cases::Source;
use lb_cases::measure as simulate;
use lb_core::Algorithm;
use lb_core::policy::{Policy, PolicyFile};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::path::Path;
use std::sync::Arc;

/// Mean, median, p99 and p99.9 in milliseconds, error rate, largest share of a backend.
type Row = (f64, f64, f64, f64, f64, f64);

/// Simulates `replications` replications of `case` under `policy` (the name of an algorithm, or the path of a policy file),
/// on all cores, and returns one row of figures for each. Replication `i` has the same arrivals, sizes and failures for
/// every policy.
#[pyfunction]
#[pyo3(signature = (case, policy, *, replications, requests=None, seed=0))]
pub(crate) fn measure(
    py: Python<'_>,
    case: &str,
    policy: &str,
    replications: u64,
    requests: Option<u64>,
    seed: u64,
) -> PyResult<Vec<Row>> {
    let source = Source::find(case)?;
    let maker = maker(policy)?;
    let rounds: Vec<u64> = (0..replications).map(|number| seed.wrapping_add(number)).collect();
    let figures = py.detach(|| {
        simulate::in_parallel(&rounds, |luck| {
            let mut case = source.case(*luck);
            if let Some(requests) = requests {
                case = case.with_requests(requests);
            }
            simulate::measure(&case, &mut || maker())
        })
    });
    let row = |one: &simulate::Figures| {
        (one.mean_ms, one.p50_ms, one.p99_ms, one.p999_ms, one.error_rate, one.max_share)
    };
    Ok(figures.iter().map(row).collect())
}

/// Returns what makes policies of this name or file.
fn maker(policy: &str) -> PyResult<impl Fn() -> Box<dyn Policy> + Sync + use<>> {
    let is_file = Path::new(policy).extension().is_some_and(|ending| ending == "safetensors");
    let (name, file) = if is_file {
        let bytes = std::fs::read(policy)
            .map_err(|error| PyValueError::new_err(format!("failed to read `{policy}`: {error}")))?;
        let file = PolicyFile::from_bytes(&bytes)
            .map_err(|error| PyValueError::new_err(format!("`{policy}`: {error}")))?;
        ("rl", Some(Arc::new(file)))
    } else {
        (policy, None)
    };
    let algorithm: Algorithm = name.parse().map_err(|error| PyValueError::new_err(format!("{error}")))?;
    let make = move || algorithm.policy_with(file.as_ref());
    // A name that needs a file has none.
    make().map_err(|error| PyValueError::new_err(format!("policy `{policy}`: {error}")))?;
    Ok(move || make().expect("it could be made before"))
}
