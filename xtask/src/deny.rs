//! Checks the dependencies with `cargo deny`, where it is installed: licences, sources and bans, as `deny.toml` says.

use anyhow::{Context, bail};
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

/// Runs the check, or says that it is left out because `cargo-deny` is not installed.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    // Offline: the result depends on this repository alone, not on the day.
    let args = ["--offline", "--locked", "check", "bans", "licenses", "sources"];
    lb_io::complain(format_args!("$ cargo deny {}", args.join(" ")));
    match Command::new("cargo-deny").args(args).current_dir(root).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("`cargo deny` failed ({status})"),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            lb_io::complain("skipped, since it is not installed: `cargo install cargo-deny --locked`");
            Ok(())
        }
        Err(error) => Err(error).context("failed to start `cargo deny`"),
    }
}
