//! Which libtorch this repository needs, and which one lies in a folder.
//!
//! One file for three readers: the crate, its build script, and `cargo xtask libtorch`. So it names
//! nothing but the standard library.

use std::fs;
use std::path::Path;

/// The version of libtorch that the crate `tch` is written for. It takes no other.
pub const REQUIRED: &str = "2.13.0";

/// The version of the libtorch in `folder`, such as `2.13.0`, without what is built into it (`+cpu`).
///
/// The file `build-version` says it in the archives of the project PyTorch; installations without one
/// say it in a header. `None` if neither does.
pub fn of(folder: &Path) -> Option<String> {
    let built = fs::read_to_string(folder.join("build-version")).ok();
    let found = built.or_else(|| header(folder))?;
    Some(found.trim().split('+').next().unwrap_or_default().to_owned())
}

/// What the headers in `folder` define as `TORCH_VERSION`. The file moved within the releases 2.x.
fn header(folder: &Path) -> Option<String> {
    ["include/torch/headeronly/version.h", "include/torch/csrc/api/include/torch/version.h"]
        .iter()
        .filter_map(|file| fs::read_to_string(folder.join(file)).ok())
        .find_map(|text| {
            let (_, definition) = text.split_once("define TORCH_VERSION \\\n")?;
            Some(definition.split('"').nth(1)?.to_owned())
        })
}
