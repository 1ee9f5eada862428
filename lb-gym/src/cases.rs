//! Cases by name: `situation-a`, `random`, `training-17`.

use lb_cases::scenarios::{Case, Family, about_situation, routed_situation, situations, sized_situations};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Name of the source that draws another training case for each episode.
const RANDOM: &str = "random";

/// Most backends of a random case.
const MOST_BACKENDS: usize = 8;

/// Where the cases of an environment come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// One case, with other draws of arrivals, sizes and failures in each episode.
    One(Box<Case>),
    /// A training case of its own for each episode.
    Random,
}

impl Source {
    /// Finds a source by its name.
    pub(crate) fn find(name: &str) -> PyResult<Self> {
        if name == RANDOM {
            return Ok(Self::Random);
        }
        if let Some(case) = named().into_iter().find(|case| case.name == name) {
            return Ok(Self::One(Box::new(case)));
        }
        for (prefix, family) in families() {
            let number = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
            if let Some(number) = number.and_then(|number| number.parse().ok()) {
                return Ok(Self::One(Box::new(family.case(number))));
            }
        }
        Err(PyValueError::new_err(format!(
            "there is no case `{name}`; use {}, or a number such as `training-17`, `validation-3` or `test-5`",
            names().join(", ")
        )))
    }

    /// Returns the largest number of backends of a case.
    pub(crate) fn most_backends(&self) -> usize {
        match self {
            Self::One(case) => case.topology.pools[0].backends.len(),
            Self::Random => MOST_BACKENDS,
        }
    }

    /// Returns the case of an episode, whose draws are determined by `key`.
    pub(crate) fn case(&self, key: u64) -> Case {
        match self {
            Self::One(case) => case.as_ref().clone().with_luck(key),
            Self::Random => Family::Training.case(key),
        }
    }
}

fn families() -> [(&'static str, Family); 5] {
    [
        ("training", Family::Training),
        ("validation", Family::Validation),
        ("test", Family::Test),
        ("telling-validation", Family::TellingValidation),
        ("telling-test", Family::TellingTest),
    ]
}

/// Returns all cases that have names of their own.
fn named() -> Vec<Case> {
    let mut all = situations();
    all.push(routed_situation());
    all.extend(sized_situations());
    all
}

/// Returns the names of all cases that have one.
#[pyfunction]
pub(crate) fn names() -> Vec<String> {
    let own = named().into_iter().map(|case| case.name);
    own.chain([RANDOM.to_owned()]).collect()
}

/// Returns what a case is: `name`, `about`, `backends` with id, speed, workers and weight, `rate` in requests per second,
/// `balancers`, `service_ms` and `timeout_ms`.
#[pyfunction]
pub(crate) fn describe<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyDict>> {
    let Source::One(case) = Source::find(name)? else {
        return Err(PyValueError::new_err(
            "`random` is another case in each episode; name one, such as `training-17`",
        ));
    };
    let said = PyDict::new(py);
    said.set_item("name", &case.name)?;
    let about = about_situation(&case.name).unwrap_or(case.topology.description.as_str());
    said.set_item("about", about)?;
    let mut backends = Vec::new();
    for spec in &case.topology.pools[0].backends {
        let backend = PyDict::new(py);
        backend.set_item("id", &spec.id)?;
        backend.set_item("speed", spec.speed)?;
        backend.set_item("workers", spec.workers)?;
        backend.set_item("weight", spec.weight)?;
        backends.push(backend);
    }
    said.set_item("backends", backends)?;
    said.set_item("rate", case.load.rate)?;
    said.set_item("balancers", case.options.balancers)?;
    said.set_item("service_ms", case.service_ms)?;
    said.set_item("timeout_ms", case.timeout_ms())?;
    Ok(said)
}
