//! Determines which libtorch this process has loaded. Neither the `tch` bindings nor the file name reveal the
//! version, so it is read from files next to the library that the system's loader mapped into the process
//! (`/proc/self/maps`, see proc_pid_maps(5)).
//!
//! The build script checks the folder that is linked, but `LD_PRELOAD` or a replaced folder can load another
//! library at run time, which then fails with obscure errors.

use super::version;
use std::path::{Path, PathBuf};

/// The library that contains all CPU code.
const LIBRARY: &str = "libtorch_cpu.so";

/// A libtorch of the required version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Path of the shared library.
    pub library: PathBuf,
    /// Version, such as `2.13.0`.
    pub version: String,
}

/// Reasons why the loaded libtorch is unknown or has the wrong version.
#[derive(Debug, thiserror::Error)]
pub enum WrongLibtorch {
    /// The loader's table cannot be read.
    #[error("failed to read `/proc/self/maps`, which says which libtorch was loaded: {0}")]
    Unreadable(#[from] std::io::Error),
    /// The loader's table does not list libtorch.
    #[error("`/proc/self/maps` names no `{LIBRARY}`: this program was linked without libtorch")]
    Missing,
    /// A libtorch is loaded, but its version is unknown.
    #[error(
        "`{library}` was loaded, but nothing beside it gives its version; {required} is needed: run \
         `cargo xtask libtorch`, or set LIBTORCH to a folder that has it, and build again",
        library = library.display(),
        required = version::REQUIRED
    )]
    Unversioned {
        /// Path of the shared library.
        library: PathBuf,
    },
    /// The libtorch that is loaded has another version.
    #[error(
        "libtorch {required} is needed and `{library}` is {found}: run `cargo xtask libtorch`, or set \
         LIBTORCH to a folder that has it, and build again",
        library = library.display(),
        required = version::REQUIRED
    )]
    Version {
        /// Path of the shared library.
        library: PathBuf,
        /// Version of the loaded library.
        found: String,
    },
}

/// Returns the libtorch that this process has loaded.
///
/// # Errors
/// Fails if it cannot be found or is not the [required version](version::REQUIRED).
pub fn loaded() -> Result<Loaded, WrongLibtorch> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    checked(mapped(&maps).ok_or(WrongLibtorch::Missing)?)
}

/// Returns the path of the library in a table of mappings, which is the rest of the line after five columns.
fn mapped(maps: &str) -> Option<PathBuf> {
    maps.lines().find_map(|line| {
        let path = Path::new(line.get(line.find('/')?..)?);
        (path.file_name()? == LIBRARY).then(|| path.to_owned())
    })
}

/// Checks the version of a library in the `lib/` folder of a libtorch installation.
fn checked(library: PathBuf) -> Result<Loaded, WrongLibtorch> {
    let folder = library.parent().and_then(Path::parent);
    match folder.and_then(version::of) {
        None => Err(WrongLibtorch::Unversioned { library }),
        Some(found) if found != version::REQUIRED => Err(WrongLibtorch::Version { library, found }),
        Some(version) => Ok(Loaded { library, version }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_process_runs_with_the_libtorch_that_is_pinned() {
        // Calls the library so that the linker keeps it.
        assert_eq!(tch::Tensor::from_slice(&[1.5, 2.0]).sum(tch::Kind::Double).double_value(&[]), 3.5);
        let loaded = loaded().expect("the libtorch that the build script linked is the one that is needed");
        assert_eq!(loaded.version, version::REQUIRED, "the version of {}", loaded.library.display());
    }

    #[test]
    fn a_library_of_another_version_is_refused_with_the_way_to_the_right_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let library = folder.path().join("lib").join(LIBRARY);
        let fault = || checked(library.clone()).expect_err("this is not the version needed").to_string();
        assert!(
            fault().contains("nothing beside it gives its version"),
            "a version is not guessed: {}",
            fault()
        );

        fs::write(folder.path().join("build-version"), "1.9.1+cu111\n").expect("a file");
        for part in ["2.13.0 is needed", "is 1.9.1:", "cargo xtask libtorch", "LIBTORCH"] {
            assert!(fault().contains(part), "the message says `{part}`: {}", fault());
        }
    }

    #[test]
    fn a_header_says_the_version_where_no_build_version_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let headers = folder.path().join("include/torch/headeronly");
        fs::create_dir_all(&headers).expect("a folder");
        let text = "#define TORCH_VERSION_MAJOR 2\n\n#define TORCH_VERSION \\\n  \"2.13.0\"\n";
        fs::write(headers.join("version.h"), text).expect("a file");
        assert_eq!(version::of(folder.path()).as_deref(), Some("2.13.0"), "the header of that folder");
    }

    #[test]
    fn paths_with_spaces_are_found_among_the_mappings() {
        let maps = "7f00-7f01 r--p 00000000 fe:00 17 /usr/lib/libc.so.6\n\
                    7f02-7f03 r-xp 00000000 fe:00 18                  /home/a b/lib/libtorch_cpu.so\n\
                    7ffc-7ffd rw-p 00000000 00:00 0 [stack]\n";
        assert_eq!(
            mapped(maps),
            Some(PathBuf::from("/home/a b/lib/libtorch_cpu.so")),
            "the rest of the line"
        );
        assert_eq!(mapped("7ffc-7ffd rw-p 00000000 00:00 0 [stack]\n"), None, "a program without libtorch");
    }
}
