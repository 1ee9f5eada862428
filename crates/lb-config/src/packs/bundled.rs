//! The packs that are embedded in the binary, with all of their files.

use crate::bundled::Bundled;

/// Name of the file that describes a pack, in its folder.
pub(super) const PACK_FILE: &str = "pack.json";
/// Name of the file with the mock API of a bundled pack, if it has one.
const MOCK_API: &str = "api.json";

macro_rules! pack {
    ($name:literal: $($file:literal),+ $(,)?) => {
        ($name, &[$(($file, include_str!(concat!("../../../../configs/packs/", $name, "/", $file)))),+])
    };
}

/// The bundled packs: their names, and the names and texts of their files.
const PACKS: &[(&str, &[Bundled])] = &[
    pack!("boutique": "pack.json", "config.json", "api.json"),
    pack!("fastapi-scaling": "pack.json", "config.json", "spike.json", "journey.json", "topology.json", "api.json"),
    pack!("model-api": "pack.json", "config.json", "spike.json", "journey.json", "topology.json", "api.json"),
    pack!("api": "pack.json", "config.json", "journey.json", "topology.json", "api.json"),
    pack!("shop": "pack.json", "api.json"),
];

/// Returns the names of the bundled packs.
pub fn names() -> impl Iterator<Item = &'static str> {
    PACKS.iter().map(|(name, _)| *name)
}

/// Returns the files of a bundled pack.
pub(super) fn files(name: &str) -> Option<&'static [Bundled]> {
    PACKS.iter().find(|(known, _)| *known == name).map(|(_, files)| *files)
}

/// Returns the mock APIs of bundled packs, by the name of the pack.
pub(crate) fn mock_apis() -> impl Iterator<Item = (&'static str, &'static str)> {
    let api = |(pack, files): &(&'static str, &'static [Bundled])| {
        let (_, text) = files.iter().find(|(file, _)| *file == MOCK_API)?;
        Some((*pack, *text))
    };
    PACKS.iter().filter_map(api)
}
