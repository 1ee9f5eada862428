//! The configs, journeys and topologies that are embedded in the binary, by name.
//!
//! Embedded, so that `bench --config default_benchmark_config.json` works from any folder.

/// A bundled file: its name and its text.
pub(crate) type Bundled = (&'static str, &'static str);

macro_rules! bundled {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../configs/", $folder, $name, ".json")))),+]
    };
}

/// Configs.
pub(crate) const CONFIGS: &[Bundled] = bundled!("":
    "default_benchmark_config",
    "quick_test_config",
    "comprehensive_rl_training_config",
    "stress_test_rl_config",
    "steady_requests_config",
);

/// Journeys.
pub(crate) const JOURNEYS: &[Bundled] = bundled!("journeys/": "ecommerce", "single_get");

/// Topologies.
pub(crate) const TOPOLOGIES: &[Bundled] = bundled!("topologies/":
    "default",
    "situation-a",
    "situation-b",
    "situation-c",
    "situation-d",
    "situation-e",
    "situation-f",
    "situation-g",
    "situation-h",
    "situation-i",
);

/// The text of a bundled file; `.json` at the end of the name is optional.
pub(crate) fn find(files: &[Bundled], name: &str) -> Option<&'static str> {
    let stem = name.strip_suffix(".json").unwrap_or(name);
    files.iter().find(|(known, _)| *known == stem).map(|(_, text)| *text)
}

/// The names of the bundled configs.
pub fn configs() -> impl Iterator<Item = &'static str> {
    names(CONFIGS)
}

/// The names of bundled files.
pub(crate) fn names(files: &[Bundled]) -> impl Iterator<Item = &'static str> {
    files.iter().map(|(name, _)| *name)
}
