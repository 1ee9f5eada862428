//! The programs to pack: built for this, so that their bytes do not depend on the folders of the machine, or given.

use super::packages::PACKAGES;
use super::release::PROGRAMS;
use anyhow::{Context, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The largest program that is packed, in bytes.
const MOST_BYTES: u64 = 1 << 30;

/// Separates flags in `CARGO_ENCODED_RUSTFLAGS`; no path holds it.
const SEPARATOR: &str = "\x1f";

/// Reads a program that the user names.
///
/// # Errors
/// It cannot be read, is not a regular file, or is larger than one GiB.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    lb_io::read(path, MOST_BYTES).with_context(|| format!("failed to read the program `{}`", path.display()))
}

/// Builds the programs in release mode in the folder `target`, and returns their paths.
///
/// The names of the folders in which the sources lie are replaced in what the compilers write (file names in messages of
/// panics), so that two machines make the same program of the same sources. `RUSTFLAGS` of the user have no effect, since
/// they might change it. The folder is another than that of ordinary builds, which have other flags and would be built
/// again each time.
///
/// # Errors
/// One cannot be built.
pub(crate) fn build(root: &Path, target: &Path) -> anyhow::Result<[PathBuf; 2]> {
    let folders = list_folders(root, target)?;
    let flags = folders.iter().map(|(from, to)| {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(from);
        flag.push("=");
        flag.push(to);
        flag
    });
    let flags: Vec<OsString> = flags.collect();
    let c_flags = folders.iter().map(|(from, to)| format!("-ffile-prefix-map={}={to}", from.display()));
    let c_flags: Vec<String> = c_flags.collect();
    // Each by itself: what the other one asks of a dependency would change its bytes.
    for (package, name) in PACKAGES.into_iter().zip(PROGRAMS) {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["build", "--release", "--locked", "-p", package, "--bin", name, "--target-dir"]);
        command.arg(target).current_dir(root);
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join(SEPARATOR.as_ref())).env_remove("RUSTFLAGS");
        // The flags of C are words: a folder with a blank in its name would be two.
        if !c_flags.iter().any(|flag| flag.contains(char::is_whitespace)) {
            command.env("CFLAGS", c_flags.join(" "));
        }
        lb_io::complain(format_args!(
            "$ cargo build --release --locked -p {package} --bin {name} --target-dir {} (with `--remap-path-prefix`)",
            target.display()
        ));
        if !command.status().context("failed to start cargo")?.success() {
            bail!("the program `{name}` cannot be built");
        }
    }
    Ok(PROGRAMS.map(|name| target.join("release").join(name)))
}

/// Returns the folders of sources, each with what stands for it in the program. Of two that match, the last counts.
fn list_folders(root: &Path, target: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let home = home.context("the folder of cargo is unknown; set CARGO_HOME")?;
    let ask = |args: &[&str]| {
        let output = Command::new("rustc").args(args).current_dir(root).output();
        anyhow::Ok(String::from_utf8_lossy(&output.context("failed to start rustc")?.stdout).into_owned())
    };
    let mut folders = Vec::new();
    let mut add = |folder: PathBuf, name: &str| {
        // Compilers see the folder as cargo names it, or with its links followed.
        if let Ok(real) = folder.canonicalize()
            && real != folder
        {
            folders.push((real, name.to_owned()));
        }
        folders.push((folder, name.to_owned()));
    };
    add(root.to_owned(), "/source");
    add(target.to_owned(), "/target");
    add(home, "/cargo");
    // Where the sources of the standard library are installed, their folder takes the place of this name.
    let version = ask(&["--version", "--verbose"])?;
    if let Some(commit) = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")) {
        let library = Path::new(ask(&["--print", "sysroot"])?.trim()).join("lib/rustlib/src/rust");
        add(library, &format!("/rustc/{commit}"));
    }
    Ok(folders)
}
