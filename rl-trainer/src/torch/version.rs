//! The libtorch version that this repository needs, and detection of the version in a folder.
//!
//! This file is shared by the crate, its build script and `cargo xtask libtorch`, so it uses only the
//! standard library.

use std::fs;
use std::path::Path;

/// The only version of libtorch that the crate `tch` supports.
pub const REQUIRED: &str = "2.13.0";

/// Returns the version of the libtorch in `folder`, such as `2.13.0`, without a build suffix such as `+cpu`.
///
/// Archives of the PyTorch project have the version in the file `build-version`; other installations have it
/// in a header. Returns `None` if neither is found.
pub fn of(folder: &Path) -> Option<String> {
    let built = fs::read_to_string(folder.join("build-version")).ok();
    let found = built.or_else(|| header(folder))?;
    Some(found.trim().split('+').next().unwrap_or_default().to_owned())
}

/// Returns the value of `TORCH_VERSION` in the headers in `folder`. The location of the header changed during
/// 2.x.
fn header(folder: &Path) -> Option<String> {
    ["include/torch/headeronly/version.h", "include/torch/csrc/api/include/torch/version.h"]
        .iter()
        .filter_map(|file| fs::read_to_string(folder.join(file)).ok())
        .find_map(|text| {
            let (_, definition) = text.split_once("define TORCH_VERSION \\\n")?;
            Some(definition.split('"').nth(1)?.to_owned())
        })
}
