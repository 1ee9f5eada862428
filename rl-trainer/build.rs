//! Tells the linker where libtorch lies, so that what is built here finds it without `LD_LIBRARY_PATH`,
//! and says how to get it where it is missing.

// Public for those who use the crate.
#[allow(unreachable_pub)]
#[path = "src/torch/version.rs"]
mod version;

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/torch/version.rs");
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    // Set in .cargo/config.toml, unless the user set another.
    let folder = std::env::var_os("LIBTORCH").map(PathBuf::from).unwrap_or_default();
    println!("cargo::rerun-if-changed={}", folder.join("build-version").display());
    match library(&folder) {
        Ok(lib) => link(&lib),
        Err(reason) => println!("cargo::error={reason}"),
    }
}

/// The folder of shared libraries in `folder`, with links resolved: what is built keeps working when the
/// link in the work tree is set anew.
fn library(folder: &Path) -> Result<PathBuf, String> {
    let required = version::REQUIRED;
    let shown = folder.display();
    let way_out = "run `cargo xtask libtorch`, which fetches it, or set LIBTORCH to a folder that has it";
    match version::of(folder) {
        None => Err(format!("no libtorch in `{shown}`: {way_out} ({required} is needed)")),
        Some(found) if found != required => {
            Err(format!("libtorch {required} is needed and `{shown}` has {found}: {way_out}"))
        }
        Some(_) => {
            let lib = folder.join("lib");
            lib.canonicalize()
                .map_err(|error| format!("failed to find `{}`: {error}; {way_out}", lib.display()))
        }
    }
}

fn link(lib: &Path) {
    // The older kind of entry (DT_RPATH) goes before LD_LIBRARY_PATH: a shell that is set up for some other
    // PyTorch must not swap the library.
    println!("cargo::rustc-link-arg=-Wl,--disable-new-dtags,-rpath,{}", lib.display());
    if lib.join("libtorch_cuda.so").exists() {
        // Nothing refers to a symbol of it: it registers itself when it is loaded.
        println!("cargo::rustc-link-arg=-Wl,--push-state,--no-as-needed");
        println!("cargo::rustc-link-arg=-ltorch_cuda");
        println!("cargo::rustc-link-arg=-Wl,--pop-state");
    }
}
