//! Turns configs (JSON of six shapes), flags and recordings into one validated plan.
//!
//! This crate defines what users may write and what it means. A plan names algorithms, load balancers and
//! thresholds, so it uses `lb-core` (rules), `lb-admin-client` (load balancers) and `lb-analysis`
//! (thresholds); it does not start processes, open sockets or print.
//!
//! ```
//! use lb_config::{Overrides, from_text, plan};
//!
//! let text = r#"{"scenarios": [
//!     {"name": "Reads", "duration_minutes": 2, "concurrent_users": 20, "traffic_mix": {"browse_and_search": 1}}
//! ]}"#;
//! let loaded = from_text("reads.json", text)?;
//! let flags = Overrides { users: Some(5), ..Overrides::default() };
//! let plan = plan(&loaded, &flags)?;
//! for scenario in plan.scenarios() {
//!     let name = &scenario.scenario().name;
//!     println!("{name}: {} users, {} algorithms", scenario.peak_users(), scenario.algorithms().len());
//! }
//! assert_eq!(plan.scenarios()[0].peak_users(), 5);
//! # Ok::<(), lb_config::ConfigError>(())
//! ```
//!
//! A config passes through the modules in this order:
//!
//! 1. `source`: [`load`] finds a config as a path, then among the bundled ones (`bundled`), and detects its
//!    shape; [`lb_document`] parses JSON and finds duplicate keys.
//! 2. `raw` has one type for each shape, whose doc comments are the published JSON Schema; [`lb_document`] validates
//!    the document against it and reports unknown keys and wrong types with a key path and a suggestion.
//! 3. `settings` resolves every setting once: a flag (`overrides`), else the `bench` block, else a default
//!    (`defaults`).
//! 4. `draft` interprets every key, with times in seconds and the names of the journey. `content` decides
//!    between users, arrivals (`arrivals`) and a recording (`replay`, [`lb_recording`]).
//! 5. `scenario` lays patterns and faults on one `timeline`, scaled (`adjust`), and compiles the workload;
//!    `runnable` finds what backends and load balancers would refuse on startup; `target` selects the load
//!    balancer, `algorithms` the algorithms, `thresholds` the thresholds.
//! 6. `build` makes the [`Plan`] of all that, and `show` renders it.
//!
//! `select` keeps the classes, actions and scenarios that flags select. `packs` makes a config and overrides of a
//! scenario pack ([`Pack`]), which then take the same way.
//!
//! All problems are reported at once, each with its location, its value and a fix. A setting that is not
//! applied as written becomes a [`Note`].

// `show.rs` writes a plan as one JSON document with many keys.
#![recursion_limit = "256"]

mod address;
mod adjust;
mod algorithms;
mod arrivals;
mod build;
mod bundled;
mod content;
mod declaration_file;
mod declared;
mod defaults;
mod document;
mod draft;
mod endless;
mod engine;
mod environment;
mod error;
mod estimate;
mod frame;
mod inputs;
mod length;
mod length_setting;
mod library;
mod load_balancer;
mod mock_api;
mod overrides;
mod packs;
mod passes;
mod plan;
mod planned;
mod policy;
mod raw;
mod replay;
mod replay_flags;
mod runnable;
mod said;
mod scenario;
mod scrape;
mod select;
mod settings;
mod show;
mod source;
mod target;
mod thresholds;
mod timeline;
mod tls;
mod unsaid;
mod url;
pub mod values;

pub use address::one_address;
pub use algorithms::{Skipped, lacks};
pub use bundled::{BundledFile, bundled_files, configs as bundled_configs};
pub use declaration_file::is_declaration;
pub use declared::declared_url;
pub use draft::limits::ServiceLimit;
pub use engine::{Dialect, Engine, LoadReports};
pub use error::{ConfigError, Note, Problem};
pub use length::Length;
pub use load_balancer::{LoadBalancer, Target};
pub use mock_api::MockApi;
pub use overrides::Overrides;
pub use packs::{
    Pack, PackError, PackMode, PackSuite, Played, Selected, SuiteFile, SuiteRun, pack_names, pack_schema,
    suite_schema,
};
pub use plan::Plan;
pub use planned::{PatternSummary, PlannedScenario};
pub use policy::TrainedPolicy;
pub use raw::{load_balancer_schema, schema};
pub use replay_flags::ReplayFlags;
pub use scrape::{Scrape, ScrapePlace, ScrapeWhat};
pub use source::{Loaded, from_text, load};
pub use tls::Tls;
pub use values::WarmUp;

use build::build_plan;
use defaults::DEFAULTS;
use error::Findings;
use settings::Settings;

/// Builds a plan from a config and the flags that override it.
///
/// # Errors
/// Returns all problems of the config and the flags at once.
pub fn plan(loaded: &Loaded, overrides: &Overrides) -> Result<Plan, ConfigError> {
    plan_with(loaded, overrides, &|name| std::env::var(name).ok())
}

/// Builds a plan as [`plan()`] does, with the values of environment variables that `variable` gives; `None` means that
/// a variable is not set.
///
/// # Errors
/// Returns all problems of the config and the flags at once.
pub fn plan_with(
    loaded: &Loaded,
    overrides: &Overrides,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Plan, ConfigError> {
    let mut findings = Findings::default();
    let settings = Settings::settle(loaded.file.bench(), overrides, &DEFAULTS, &mut findings);
    build_plan(loaded, &settings, variable, findings)
}
