//! Tells the file of a declared load balancer from the name of a known one.

/// The ending of a file that declares a load balancer.
const ENDING: &str = ".json";

/// Returns whether the name of a load balancer is that of a file that declares one.
pub fn is_declaration(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(ENDING) && !name.contains("://")
}
