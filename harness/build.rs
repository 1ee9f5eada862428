//! Tells the binary which commit it was built from, so that results can name it, and keeps release builds small.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    name_commit();
    fold_identical_code();
}

fn name_commit() {
    let git = |args: &[&str]| said("git", args);
    // Where there is no repository, as in the build of the container image, the environment names the commit.
    println!("cargo:rerun-if-env-changed=BENCH_COMMIT");
    let given = std::env::var("BENCH_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = given.or_else(|| git(&["rev-parse", "--short=12", "HEAD"]));
    println!("cargo:rustc-env=BENCH_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    // HEAD names the branch; its log changes with every commit.
    if let Some(dir) = git(&["rev-parse", "--git-dir"]) {
        println!("cargo:rerun-if-changed={dir}/HEAD");
        println!("cargo:rerun-if-changed={dir}/logs/HEAD");
    }
}

/// Asks the linker of release builds to keep one copy of functions with equal machine code (generic code that was
/// compiled for several types). Only lld knows this option, so it is used where the toolchain brings lld, which is
/// then its default.
fn fold_identical_code() {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let target = variable("TARGET");
    if variable("PROFILE") != "release" || target != "x86_64-unknown-linux-gnu" {
        return;
    }
    // Whoever chooses a linker may have chosen another one. Names of folders choose none.
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    let mut flags = flags.split('\u{1f}').filter(|flag| !flag.starts_with("--remap-path-prefix"));
    if flags.any(|flag| flag.contains("link")) {
        return;
    }
    let Some(root) = said(&variable("RUSTC"), &["--print", "sysroot"]) else { return };
    if PathBuf::from(root).join("lib/rustlib").join(target).join("bin/gcc-ld/ld.lld").exists() {
        println!("cargo:rustc-link-arg-bins=-Wl,--icf=all");
    }
}

/// Returns what a command prints; `None` if it fails.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
