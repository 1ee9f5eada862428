//! Set-up and test commands of this repository: `cargo xtask test`, `cargo xtask ci`.
//!
//! One place for what people and the continuous integration type, so that both run the same thing.
//! Every command is printed before it runs and can be copied from the log.

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, ExitCode};

/// Set-up and test commands of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs all tests: `cargo test --workspace --locked`, with further arguments handed on.
    Test {
        /// Handed to `cargo test` as typed, such as `-p lb-core` or `-- --nocapture`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Runs what the continuous integration runs: formatting, lints, tests.
    Ci,
}

impl Task {
    /// The cargo commands of this task, in order.
    fn steps(&self) -> Vec<Vec<OsString>> {
        match self {
            Self::Test { args } => vec![test(args)],
            Self::Ci => vec![
                words("fmt --all --check"),
                words("clippy --workspace --all-targets --locked -- -D warnings"),
                test(&[]),
            ],
        }
    }
}

/// `cargo test` over the workspace, or over the packages that `args` name.
fn test(args: &[OsString]) -> Vec<OsString> {
    // Arguments behind `--` belong to the test binaries: a `-p` there selects no package.
    let selects_packages = args.iter().take_while(|arg| *arg != "--").any(|arg| {
        let arg = arg.to_string_lossy();
        arg.starts_with("-p") || arg == "--package" || arg.starts_with("--package=")
    });
    let mut command = words(if selects_packages { "test --locked" } else { "test --workspace --locked" });
    command.extend_from_slice(args);
    command
}

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn main() -> ExitCode {
    match Cli::parse().task.steps().iter().try_for_each(|step| cargo(step)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Prints and runs one cargo command at the root of the repository.
fn cargo(args: &[OsString]) -> anyhow::Result<()> {
    let line = args.join(OsStr::new(" "));
    eprintln!("$ cargo {}", line.to_string_lossy());
    // Cargo sets CARGO for what it runs: the same toolchain builds the tests that built this.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("find the root of the repository above xtask/")?;
    let status = Command::new(&cargo)
        .args(args)
        .current_dir(root)
        .status()
        .with_context(|| format!("start `{}`", cargo.to_string_lossy()))?;
    if !status.success() {
        bail!("`cargo {}` failed ({status})", line.to_string_lossy());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(typed: &[&str]) -> Vec<String> {
        let typed = ["xtask"].iter().chain(typed);
        Cli::try_parse_from(typed)
            .expect("the command line is valid")
            .task
            .steps()
            .iter()
            .map(|step| step.join(OsStr::new(" ")).to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn test_hands_further_arguments_to_cargo_test() {
        let table: &[(&[&str], &str)] = &[
            (&["test"], "test --workspace --locked"),
            (&["test", "-p", "lb-core"], "test --locked -p lb-core"),
            (&["test", "--package=lb-core"], "test --locked --package=lb-core"),
            (
                &["test", "--release", "--", "--nocapture"],
                "test --workspace --locked --release -- --nocapture",
            ),
            (&["test", "p2c", "--", "-p"], "test --workspace --locked p2c -- -p"),
        ];
        for (typed, runs) in table {
            assert_eq!(lines(typed), [*runs], "`cargo xtask {}` runs this", typed.join(" "));
        }
    }

    #[test]
    fn ci_checks_formatting_then_lints_then_tests() {
        assert_eq!(
            lines(&["ci"]),
            [
                "fmt --all --check",
                "clippy --workspace --all-targets --locked -- -D warnings",
                "test --workspace --locked",
            ],
            "the tests come last, so that their closing lines end the log"
        );
    }
}
