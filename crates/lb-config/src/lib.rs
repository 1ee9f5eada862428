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
mod document;
mod draft;
mod engine;
mod error;
mod estimate;
mod flags;
mod frame;
mod load_balancer;
mod named;
mod ordered;
mod overrides;
mod plan;
mod policy;
mod raw;
pub mod recording;
mod replay;
mod scenario;
mod show;
mod source;
mod target;
mod thresholds;
mod timeline;
mod url;

pub use algorithms::{Skipped, lacks};
pub use build::plan;
pub use bundled::configs as bundled_configs;
pub use draft::limits::ServiceLimit;
pub use engine::{Dialect, Engine};
pub use error::{ConfigError, Note, Problem};
pub use load_balancer::LoadBalancer;
pub use overrides::Overrides;
pub use plan::{PatternSummary, Plan, PlannedScenario, Target};
pub use policy::TrainedPolicy;
pub use raw::schema;
pub use source::{Loaded, from_text, load};
