//! The Rust half of the Python package `lb_gym`: the stepped simulator as environments of Gymnasium.
//!
//! Reading order: [`cases`] finds a case by its name, [`seat`] is one environment, [`fleet`] steps many of them on several
//! threads, [`class`] is what Python sees of them. [`policy`] writes policy files, and [`measure`] measures policies.
//! The Python half (`python/lb_gym/`) adds spaces, seeds and the interfaces of Gymnasium and Stable-Baselines3.

mod cases;
mod class;
mod fleet;
mod measure;
mod policy;
mod seat;

use lb_core::policy::learned::network::{HIDDEN, LEAK};
use lb_core::policy::learned::{FEATURE_SET, FEATURES, WIDTH};
use pyo3::prelude::*;
use simulator::NOT_ELIGIBLE;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("FEATURES", FEATURES.to_vec())?;
    module.add("FEATURE_SET", FEATURE_SET)?;
    module.add("WIDTH", WIDTH)?;
    module.add("HIDDEN", HIDDEN)?;
    module.add("LEAK", LEAK)?;
    module.add("NOT_ELIGIBLE", NOT_ELIGIBLE)?;
    module.add_class::<class::Fleet>()?;
    module.add_function(wrap_pyfunction!(cases::names, module)?)?;
    module.add_function(wrap_pyfunction!(cases::describe, module)?)?;
    module.add_function(wrap_pyfunction!(measure::measure, module)?)?;
    module.add_function(wrap_pyfunction!(policy::export_policy, module)?)?;
    Ok(())
}
