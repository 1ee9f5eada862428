//! Configs: raw JSON in any of six dialects, to one validated plan.
//!
//! Two stages. [`load`] finds a config (as a path, then among the bundled ones), tells its dialect
//! and reads it as typed ([`raw`]); its shape is held against the published JSON Schema, so unknown
//! keys and wrong types are faults with a key path and a suggestion. [`plan()`] gives every key its
//! meaning ([`draft`]), lays patterns and faults on one timeline ([`timeline`]), and compiles the
//! workload. All faults are reported at once; a knob that is not done as written becomes a [`Note`].

mod adjust;
mod algorithms;
mod arrivals;
mod build;
mod bundled;
mod check;
mod content;
mod defaults;
mod document;
mod draft;
mod engine;
mod error;
mod estimate;
mod frame;
mod inputs;
mod load_balancer;
mod ordered;
mod overrides;
mod passes;
mod plan;
mod planned;
mod policy;
mod raw;
pub mod recording;
mod replay;
mod said;
mod scenario;
mod settings;
mod show;
mod source;
mod target;
mod thresholds;
mod timeline;
mod url;
pub mod values;

pub use algorithms::{Skipped, lacks};
pub use bundled::configs as bundled_configs;
pub use draft::limits::ServiceLimit;
pub use engine::{Dialect, Engine};
pub use error::{ConfigError, Note, Problem};
pub use load_balancer::{LoadBalancer, Target};
pub use overrides::Overrides;
pub use plan::Plan;
pub use planned::{PatternSummary, PlannedScenario};
pub use policy::TrainedPolicy;
pub use raw::schema;
pub use source::{Loaded, from_text, load};
pub use values::WarmUp;

use build::build_plan;
use defaults::DEFAULTS;
use error::Findings;
use settings::Settings;

/// Makes the plan of a config with flags on top.
///
/// # Errors
/// All faults of the config and the flags at once.
pub fn plan(loaded: &Loaded, overrides: &Overrides) -> Result<Plan, ConfigError> {
    let mut findings = Findings::default();
    let settings = Settings::settle(loaded.file.bench(), overrides, &DEFAULTS, &mut findings);
    build_plan(loaded, &settings, findings)
}
