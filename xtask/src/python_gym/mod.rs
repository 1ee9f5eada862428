//! Builds the Python package `lb_gym` as a wheel and tests it: `cargo xtask python`.
//!
//! The wheel is built by maturin, installed into an environment that was made for it alone, and tested there. With
//! `--learners`, it is also tested with learning libraries (Stable-Baselines3 on PyTorch), and the example that trains a
//! policy runs. These libraries are large (630 MB fetched, 2 GB of disk), so their environment is made once. All of it lies
//! in `gym/` of the target folder.

mod stand_ins;

use crate::python::{Pip, Variables, made_from, succeeds, target};
use anyhow::{Context, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The environment variable that names the interpreter with the learning libraries, for tests.
const LEARNERS: &str = "BENCH_GYM_PYTHON";

/// Number of decisions that the example learns from in a check. More make the policy better, not the check.
const STEPS: &str = "65536";

/// What to build and to check.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PythonArgs {
    /// Folder to put the wheel into [default: `dist` in the target folder].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also test it with Stable-Baselines3, and run the example that trains a policy. This fetches PyTorch (630 MB) once.
    #[arg(long)]
    learners: bool,
}

/// Builds the wheel, tests it, and prints its path.
///
/// # Errors
/// A tool cannot be fetched, the wheel cannot be built, or a test fails.
pub(crate) fn run(root: &Path, args: &PythonArgs) -> anyhow::Result<()> {
    let home = target(root).join("gym");
    let built = build(root, &home)?;
    test_alone(root, &home, &built)?;
    if args.learners {
        test_with_learners(root, &home, &built)?;
    }
    // The last step, so that a wheel in the folder has passed.
    let out = args.out.clone().unwrap_or_else(|| target(root).join("dist"));
    let name = built.file_name().context("the wheel has a name")?;
    fs::create_dir_all(&out).with_context(|| format!("failed to create `{}`", out.display()))?;
    let wheel = out.join(name);
    fs::copy(&built, &wheel).with_context(|| format!("failed to write `{}`", wheel.display()))?;
    lb_io::print(format_args!("{}", wheel.display()));
    Ok(())
}

/// Makes sure that the learning libraries are installed, and returns the environment variables for tests.
///
/// # Errors
/// The libraries cannot be fetched or installed.
pub(crate) fn set_up(root: &Path) -> anyhow::Result<Variables> {
    let python = learners(root, &target(root).join("gym"))?;
    Ok(vec![(LEARNERS, python.into())])
}

/// Builds the wheel of this state of the repository, with maturin.
fn build(root: &Path, home: &Path) -> anyhow::Result<PathBuf> {
    let tools = home.join("tools");
    let list = root.join("xtask/python-gym/package.txt");
    made_from(&tools, &[&list], || venv(&tools)?.install_alone(&list))
        .context("failed to install maturin")?;
    let folder = home.join("wheel");
    empty(&folder)?;
    let mut maturin = Command::new(tools.join("venv/bin/maturin"));
    maturin.args(["build", "--release", "--locked", "--manifest-path"]).arg(root.join("lb-gym/Cargo.toml"));
    maturin.arg("--interpreter").arg(interpreter(&tools)).arg("--out").arg(&folder);
    // A folder of its own: other profiles and features would rebuild what the workspace shares.
    maturin.env("CARGO_TARGET_DIR", home.join("build")).current_dir(root);
    ensure!(succeeds(&mut maturin)?, "the Python package cannot be built");
    let wheels: Vec<PathBuf> =
        fs::read_dir(&folder)?.map(|file| Ok(file?.path())).collect::<anyhow::Result<_>>()?;
    match wheels.as_slice() {
        [wheel] => Ok(wheel.clone()),
        wheels => bail!("maturin made {} wheels in `{}`, not one", wheels.len(), folder.display()),
    }
}

/// Runs the tests of the package in a new environment that has nothing but what it needs.
fn test_alone(root: &Path, home: &Path, wheel: &Path) -> anyhow::Result<()> {
    let fresh = home.join("fresh");
    empty(&fresh)?;
    venv(&fresh)?.install_alone(&root.join("xtask/python-gym/package.txt"))?;
    let python = interpreter(&fresh);
    install(&python, wheel)?;
    test(root, home, &python, "lb-gym/tests")
}

/// Runs the tests with learning libraries, and the example.
fn test_with_learners(root: &Path, home: &Path, wheel: &Path) -> anyhow::Result<()> {
    let python = learners(root, home)?;
    install(&python, wheel)?;
    test(root, home, &python, "lb-gym/tests/sb3")?;
    let mut example = Command::new(&python);
    example.arg(root.join("lb-gym/examples/train_sb3.py")).args(["--steps", STEPS]);
    example.arg("--out").arg(home.join("example.safetensors")).current_dir(home);
    ensure!(succeeds(&mut example)?, "the example fails");
    Ok(())
}

/// Installs the learning libraries once, and returns the interpreter that has them.
fn learners(root: &Path, home: &Path) -> anyhow::Result<PathBuf> {
    let home = home.join("learners");
    let list = root.join("xtask/python-gym/learners.txt");
    made_from(&home, &[&list], || {
        venv(&home)?.install_alone(&list)?;
        stand_ins::make(&interpreter(&home), &home)
    })
    .context("failed to install the learning libraries that the tests of lb_gym use")?;
    Ok(interpreter(&home))
}

/// Makes a virtual environment in `home`.
fn venv(home: &Path) -> anyhow::Result<Pip> {
    let pip = Pip::installs_into(home)?;
    ensure!(
        interpreter(home).exists(),
        "Python cannot make a virtual environment; install its module `venv` (on Debian the package python3-venv)"
    );
    Ok(pip)
}

/// Returns the interpreter of the virtual environment in `home`.
fn interpreter(home: &Path) -> PathBuf {
    home.join("venv/bin/python")
}

/// Installs a wheel, in place of any that is there.
fn install(python: &Path, wheel: &Path) -> anyhow::Result<()> {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip.args(["--force-reinstall", "--no-index", "--no-deps"]).arg(wheel);
    ensure!(succeeds(&mut pip)?, "the wheel cannot be installed");
    Ok(())
}

/// Runs the tests in a folder of the repository. They are run from elsewhere, so that the installed package is tested.
fn test(root: &Path, home: &Path, python: &Path, folder: &str) -> anyhow::Result<()> {
    let mut tests = Command::new(python);
    tests.args(["-m", "unittest", "discover", "--start-directory"]).arg(root.join(folder));
    ensure!(succeeds(tests.current_dir(home))?, "tests in `{folder}` fail");
    Ok(())
}

/// Makes a folder, or empties it.
fn empty(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("failed to empty `{}`", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("failed to create `{}`", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned_with_a_hash_and_torch_is_the_version_of_libtorch() {
        let lists = Path::new(env!("CARGO_MANIFEST_DIR"));
        for list in ["python-gym/package.txt", "python-gym/learners.txt"] {
            let text = fs::read_to_string(lists.join(list)).expect("the list is there").replace("\\\n", "");
            let packages: Vec<&str> =
                text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
            assert!(packages.len() > 4, "{list} names packages");
            for package in packages {
                assert!(
                    package.contains("==") && package.contains("--hash=sha256:"),
                    "{list}: a version alone does not identify a package: {package}"
                );
            }
        }
        let version = |list: &str| {
            let text = fs::read_to_string(lists.join(list)).expect("the list is there");
            let line =
                text.lines().find_map(|line| line.strip_prefix("torch==")).expect("torch is in the list");
            line.split_whitespace().next().expect("a version").to_owned()
        };
        assert_eq!(version("python-gym/learners.txt"), version("libtorch/cpu.txt"));
    }
}
