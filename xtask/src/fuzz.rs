//! Runs the fuzz targets: builds their programs with coverage instrumentation, and lets libFuzzer look for inputs that
//! break a rule.
//!
//! Neither a nightly toolchain nor `cargo-fuzz` is needed: the flags below are those that `cargo fuzz` passes, without
//! those of the sanitizers, which need nightly. The code under test is safe Rust, so what a sanitizer would find is rare;
//! panics, overflows, endless loops and memory without bounds are found without one.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What instruments the code: each branch is counted, and comparisons are reported, so that libFuzzer can guess values.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// The most memory that an input may take, in MiB. It includes libFuzzer's own and that of all inputs it keeps.
const MEMORY: u32 = 2_048;

/// The most memory that an input may ask for at once, in MiB.
const ALLOCATION: u32 = 256;

/// The longest time for one input in seconds. Instrumented code is several times slower than usual.
const SECONDS: u32 = 10;

/// A target of `lb-fuzz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Target {
    /// Its name there.
    name: &'static str,
    /// A folder with examples of this kind of file, besides the stored inputs.
    examples: Option<&'static str>,
    /// The longest input in bytes; what is stored is cut off there. The time for an input grows with its length, while a
    /// rule that is broken is broken by a short input, too: there are short stored inputs of every kind of file.
    longest: u32,
}

const fn target(name: &'static str, examples: Option<&'static str>, longest: u32) -> Target {
    Target { name, examples, longest }
}

/// The targets, in the order of those in `lb-fuzz`.
const TARGETS: [Target; 13] = [
    target("config", Some("configs"), 2_048),
    target("topology", Some("configs/topologies"), 2_048),
    target("journey", Some("configs/journeys"), 2_048),
    target("recording", Some("configs/recordings"), 512),
    target("thresholds", None, 192),
    target("policy", Some("configs/policies"), 16_384),
    target("analyze", None, 2_048),
    target("traces", None, 8_192),
    target("balancer", Some("configs/load-balancers"), 2_048),
    target("framing", None, 512),
    target("import", None, 2_048),
    target("model", None, 2_048),
    target("scrape", None, 1_024),
];

/// What to run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FuzzArgs {
    /// The targets to run, such as `config`; all of them if none is named.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Number of inputs to try for each target.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    executions: u64,
    /// Seed of the mutations: the same seed, code and inputs try the same inputs again.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    seed: u32,
}

/// Builds the programs and runs the targets, one after the other.
///
/// What libFuzzer finds new is kept in `target/fuzz/corpus/`, and an input that breaks a rule is written to
/// `target/fuzz/findings/`; copy it to `fuzz/corpus/TARGET/` together with its repair.
pub(crate) fn run(root: &Path, args: &FuzzArgs) -> anyhow::Result<()> {
    let chosen = choose(&args.targets)?;
    let target_dir = root.join("target/fuzz");
    build(root, &target_dir)?;
    let mut failed = Vec::new();
    for target in chosen {
        let mut command = program(root, &target_dir, target, args)?;
        let name = target.name;
        lb_io::complain(format_args!("fuzzing {name}: {} executions", args.executions));
        let status = command.status().with_context(|| format!("failed to start the program of {name}"))?;
        if !status.success() {
            failed.push(name);
        }
    }
    match failed.as_slice() {
        [] => Ok(()),
        failed => bail!(
            "these targets broke a rule: {}; the inputs are in `{}`",
            failed.join(", "),
            target_dir.join("findings").display()
        ),
    }
}

/// Returns the targets with these names; all of them if there are none.
fn choose(names: &[String]) -> anyhow::Result<Vec<Target>> {
    if names.is_empty() {
        return Ok(TARGETS.to_vec());
    }
    let find = |name: &String| {
        let found = TARGETS.iter().find(|target| target.name == name).copied();
        let known = || TARGETS.map(|target| target.name).join(", ");
        found.with_context(|| format!("there is no fuzz target `{name}`; there are {}", known()))
    };
    names.iter().map(find).collect()
}

fn build(root: &Path, target_dir: &Path) -> anyhow::Result<()> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--release", "--locked", "--bins", "--manifest-path"])
        .arg(root.join("fuzz/Cargo.toml"));
    // A target triple keeps the flags away from build scripts and procedural macros.
    let host = host()?;
    cargo.arg("--target").arg(&host).arg("--target-dir").arg(target_dir).env("RUSTFLAGS", FLAGS);
    lb_io::complain(format_args!(
        "$ RUSTFLAGS='{FLAGS}' cargo build --release --locked --bins --manifest-path fuzz/Cargo.toml --target {host} --target-dir target/fuzz"
    ));
    match cargo.current_dir(root).status().context("failed to start cargo")?.success() {
        true => Ok(()),
        false => bail!("the fuzz programs cannot be built"),
    }
}

/// Returns the triple of this machine.
fn host() -> anyhow::Result<String> {
    let rustc = Command::new("rustc").arg("-vV").output().context("failed to start rustc")?;
    let said = String::from_utf8_lossy(&rustc.stdout).into_owned();
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` does not name the host")
}

/// Returns the command that runs a target.
fn program(root: &Path, target_dir: &Path, target: Target, args: &FuzzArgs) -> anyhow::Result<Command> {
    let Target { name, examples, longest } = target;
    let folder = |name: PathBuf| -> anyhow::Result<PathBuf> {
        std::fs::create_dir_all(&name).with_context(|| format!("failed to create `{}`", name.display()))?;
        Ok(name)
    };
    let found = folder(target_dir.join("corpus").join(name))?;
    let findings = folder(target_dir.join("findings"))?;
    let mut command = Command::new(target_dir.join(host()?).join("release").join(name));
    // New inputs go to the first folder; the others are only read.
    command
        .arg(found)
        .arg(root.join("fuzz/corpus").join(name))
        .args(examples.map(|folder| root.join(folder)));
    command.arg(format!("-runs={}", args.executions)).arg(format!("-seed={}", args.seed));
    command.arg(format!("-timeout={SECONDS}")).arg(format!("-rss_limit_mb={MEMORY}"));
    command.arg(format!("-malloc_limit_mb={ALLOCATION}")).arg(format!("-max_len={longest}"));
    command.arg(format!("-artifact_prefix={}/{name}-", findings.display()));
    command.arg("-print_final_stats=1").arg("-verbosity=1");
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_are_those_of_the_library() {
        let library: Vec<(&str, Option<&str>)> =
            lb_fuzz::TARGETS.iter().map(|target| (target.name, target.examples)).collect();
        assert_eq!(library, TARGETS.map(|target| (target.name, target.examples)));
    }

    #[test]
    fn no_stored_input_is_cut_off() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
        for target in TARGETS {
            for file in std::fs::read_dir(corpus.join(target.name)).expect("stored inputs") {
                let file = file.expect("a file");
                let length = file.metadata().expect("its length").len();
                assert!(
                    length <= u64::from(target.longest),
                    "{} is {length} bytes long",
                    file.path().display()
                );
            }
        }
    }

    #[test]
    fn unknown_targets_are_refused_with_those_that_there_are() {
        let error = choose(&["confg".to_owned()]).expect_err("there is no such target");
        assert!(
            error.to_string().contains("there is no fuzz target `confg`; there are config, topology"),
            "{error}"
        );
        assert_eq!(choose(&["traces".to_owned()]).expect("there is"), [target("traces", None, 8_192)]);
        assert_eq!(choose(&[]).expect("all").len(), TARGETS.len());
    }
}
