//! The configs, journeys and topologies that are embedded in the binary, by name.
//!
//! They are embedded so that `bench --config default_benchmark_config.json` works from any folder.

/// A bundled file: its name and its text.
pub(crate) type Bundled = (&'static str, &'static str);

macro_rules! bundled {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../configs/", $folder, $name, ".json")))),+]
    };
}

/// The bundled configs.
pub(crate) const CONFIGS: &[Bundled] = bundled!("":
    "default_benchmark_config",
    "quick_test_config",
    "comprehensive_rl_training_config",
    "stress_test_rl_config",
    "steady_requests_config",
    "telling_requests_config",
    "situation_b_config",
    "situation_d_config",
    "situation_f_config",
    "situation_g_config",
    "situation_h_config",
    "online_boutique_config",
);

/// The bundled journeys.
pub(crate) const JOURNEYS: &[Bundled] =
    bundled!("journeys/": "ecommerce", "single_get", "telling_get", "online_boutique");

/// The bundled topologies. The mock backends know them by the same names.
pub(crate) const TOPOLOGIES: &[Bundled] = lb_core::topology::BUNDLED;

/// Examples of load balancers as data: the reference's config, and declarations of others.
const LOAD_BALANCERS: &[Bundled] = bundled!("load-balancers/":
    "reference.example",
    "aws-alb",
    "envoy-file",
    "haproxy-dataplane-api",
    "haproxy-reload",
    "ingress-nginx",
    "istio-destination-rule",
    "nginx-symlink",
);

/// A file that is embedded in the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundledFile {
    /// The folder of the repository's `configs` in which it lies; empty for a config.
    pub folder: &'static str,
    /// The name of the file, without `.json`.
    pub name: &'static str,
    /// The text of the file.
    pub text: &'static str,
}

/// Returns all embedded configs, journeys, topologies and examples of load balancers.
pub fn bundled_files() -> impl Iterator<Item = BundledFile> {
    let folders = [
        ("", CONFIGS),
        ("journeys", JOURNEYS),
        ("topologies", TOPOLOGIES),
        ("load-balancers", LOAD_BALANCERS),
    ];
    folders
        .into_iter()
        .flat_map(|(folder, files)| files.iter().map(move |&(name, text)| BundledFile { folder, name, text }))
}

/// Returns the text of a bundled file. `.json` at the end of the name is optional.
pub(crate) fn find(files: &[Bundled], name: &str) -> Option<&'static str> {
    let stem = name.strip_suffix(".json").unwrap_or(name);
    files.iter().find(|(known, _)| *known == stem).map(|(_, text)| *text)
}

/// Returns the names of the bundled configs.
pub fn configs() -> impl Iterator<Item = &'static str> {
    names(CONFIGS)
}

/// Returns the names of bundled files.
pub(crate) fn names(files: &[Bundled]) -> impl Iterator<Item = &'static str> {
    files.iter().map(|(name, _)| *name)
}
