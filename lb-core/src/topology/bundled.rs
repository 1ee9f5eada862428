//! The topologies that are bundled with every program, by name.
//!
//! They are embedded so that `bench --topology situation-b` and `mock-backends --topology situation-b` mean
//! the same topology in any folder.

macro_rules! bundled {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../configs/topologies/", $name, ".json")))),+]
    };
}

/// The bundled topologies: the name and the JSON text of each.
pub const BUNDLED: &[(&str, &str)] = bundled!(
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
    "situation-b-sized",
    "situation-d-sized",
    "situation-f-sized",
    "situation-g-sized",
    "situation-h-sized",
    "online-boutique",
);
