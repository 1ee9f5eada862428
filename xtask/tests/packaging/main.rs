//! `cargo xtask dist`: each package is installed into an empty prefix, and the main job runs from there.
//!
//! What is packed is the `bench` that lies beside `xtask` in the target folder, without its debug information: `cargo test
//! --workspace` builds it for the tests of the harness, so nothing is built a second time. `check.py` beside this file
//! reads the packages with Python. Tests whose tools are missing are reported as ignored, unless `cargo xtask ci` asks for
//! all of them.

use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use tempfile::TempDir;

/// Names the interpreter with the packages that `cargo xtask test` installs.
const PYTHON: &str = "BENCH_PYTHON";

/// Set by `cargo xtask ci`, in which no tool may be missing.
const REQUIRED: &str = "BENCH_REQUIRE_LOAD_BALANCERS";

/// The time of the packages: 2023-11-14, 22:13:20 UTC.
const EPOCH: &str = "1700000000";

fn main() {
    let required = std::env::var_os(REQUIRED).is_some();
    let bench = beside("bench").is_file() && beside("bench-history").is_file();
    let venv = succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"]));
    let dpkg = succeeds(Command::new("dpkg").arg("--version"));
    let tests = [
        ("a_wheel_that_pip_installed_runs_the_main_job", "venv", bench && venv, wheel as fn()),
        ("a_debian_package_that_dpkg_unpacked_runs_the_main_job", "dpkg", bench && dpkg, debian_package),
        ("an_unpacked_tarball_runs_the_main_job", "bench", bench, tarball),
        ("the_same_program_gives_the_same_bytes_elsewhere_and_at_another_time", "bench", bench, reproducible),
        ("the_checksums_are_those_of_the_files", "bench", bench, checksums),
        (
            "each_package_has_the_licences_and_the_bill_of_what_it_contains",
            "dpkg",
            bench && venv && dpkg,
            notices,
        ),
        (
            "cyclonedx_accepts_the_bill_of_materials",
            "python",
            bench && std::env::var_os(PYTHON).is_some(),
            bill_of_materials,
        ),
        ("what_is_no_program_is_refused_with_its_name", "", true, no_program),
    ];
    let trials = tests.map(|(name, kind, present, test)| {
        let run = move || -> Result<(), Failed> {
            test();
            Ok(())
        };
        Trial::test(name, run).with_kind(kind).with_ignored_flag(!present && !required)
    });
    if !bench {
        eprintln!(
            "tests of packages are ignored: there is no `bench` or no `bench-history` to pack; `cargo build --workspace` makes both"
        );
    }
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit();
}

/// The programs and the packages that were made of them.
struct Dist {
    _home: TempDir,
    programs: [PathBuf; 2],
    packages: PathBuf,
}

static DIST: LazyLock<Dist> = LazyLock::new(|| {
    let home = tempfile::tempdir().expect("a folder");
    let programs = ["bench", "bench-history"].map(|name| {
        let program = home.path().join(name);
        ran(Command::new("strip").arg("-o").arg(&program).arg(beside(name)), "strip");
        program
    });
    let packages = home.path().join("packages");
    ran(dist(&programs, &packages), "cargo xtask dist");
    Dist { _home: home, programs, packages }
});

/// Returns the path of a program in the folder of `xtask`.
fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name(name)
}

/// Returns the command that packs both programs.
fn dist([program, history]: &[PathBuf; 2], out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("dist").arg("--program").arg(program).arg("--history").arg(history).arg("--out").arg(out);
    command.env("SOURCE_DATE_EPOCH", EPOCH);
    command
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Runs a command that must succeed, and returns its output.
fn ran(mut command: impl std::borrow::BorrowMut<Command>, what: &str) -> Output {
    let output = command.borrow_mut().output().unwrap_or_else(|error| panic!("{what} cannot start: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what} failed ({}): {stderr}", output.status);
    output
}

/// Returns the only package whose name ends like this.
fn package(ending: &str) -> PathBuf {
    let files = fs::read_dir(&DIST.packages).expect("packages were made");
    let paths = files.map(|file| file.expect("a file").path());
    let mut found: Vec<PathBuf> = paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    assert_eq!(found.len(), 1, "one package ends with {ending}: {found:?}");
    found.remove(0)
}

/// Checks that an installed program is the one that was packed, and that it does the main job, shortened, without the
/// environment and files of this repository.
fn runs_the_main_job(program: &Path) {
    let same = fs::read(program).expect("the program was installed")
        == fs::read(&DIST.programs[0]).expect("it is there");
    assert!(same, "{} is what was packed", program.display());
    let home = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(program);
    command.args(["--config", "quick_test_config.json", "--duration", "1s", "--repetitions", "1"]);
    command.args(["--no-oracles", "--accept-invalid", "--out", "results"]);
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir(home.path());
    let output = ran(command, "the installed program");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let rows = |algorithm: &str| {
        stdout.lines().any(|line| {
            let line = line.trim_start_matches(['>', ' ']);
            line.starts_with(algorithm) && line.ends_with('%')
        })
    };
    assert!(stdout.contains("P95 ms"), "there is a table: {stdout}");
    for algorithm in ["round-robin", "least-connections"] {
        assert!(rows(algorithm), "the table has a row of {algorithm}: {stdout}");
    }
    assert!(home.path().join("results/report.html").is_file(), "the results are on disk");
}

fn wheel() {
    let wheel = package(".whl");
    ran(Command::new("python3").arg(check_py()).arg("wheel").arg(&wheel), "the check of the wheel");
    let home = tempfile::tempdir().expect("a folder");
    let venv = home.path().join("venv");
    ran(Command::new("python3").args(["-m", "venv"]).arg(&venv), "venv");
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-index"]).arg(&wheel);
    ran(pip, "pip install");
    runs_the_main_job(&venv.join("bin/bench"));
}

fn debian_package() {
    let package = package(".deb");
    let home = tempfile::tempdir().expect("a folder");
    let root = home.path().join("root");
    ran(Command::new("dpkg").arg("--extract").arg(&package).arg(&root), "dpkg");
    let control = home.path().join("control");
    ran(Command::new("dpkg").arg("--control").arg(&package).arg(&control), "dpkg");
    let sums = control.join("md5sums");
    ran(
        Command::new("md5sum").args(["--check", "--quiet", "--strict"]).arg(&sums).current_dir(&root),
        "md5sum",
    );
    let listed = fs::read_to_string(&sums).expect("there are sums").lines().count();
    assert_eq!(listed, files_below(&root).len(), "each installed file has its sum");
    let field = |name: &str| {
        let output = ran(Command::new("dpkg").arg("--field").arg(&package).arg(name), "dpkg");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_eq!(field("Architecture"), "amd64");
    assert!(field("Depends").starts_with("libc6 (>= 2."), "{}", field("Depends"));
    runs_the_main_job(&root.join("usr/bin/bench"));
}

fn tarball() {
    let tarball = package(".tar.gz");
    let home = tempfile::tempdir().expect("a folder");
    ran(Command::new("tar").arg("-xzf").arg(&tarball).current_dir(home.path()), "tar");
    let stem = tarball.file_name().expect("a name").to_string_lossy().replace(".tar.gz", "");
    let folder = home.path().join(stem);
    for page in ["README.md", "docs/configs.md", "docs/schema/summary.schema.json"] {
        assert!(folder.join(page).is_file(), "{page} comes with the program");
    }
    runs_the_main_job(&folder.join("bench"));
    let history = ran(Command::new(folder.join("bench")).args(["history", "--version"]), "bench history");
    assert!(String::from_utf8_lossy(&history.stdout).starts_with("bench-history "), "it lies beside `bench`");
}

fn reproducible() {
    let home = tempfile::tempdir().expect("a folder");
    let renamed = ["one", "other"].map(|name| home.path().join(name));
    for (from, to) in DIST.programs.iter().zip(&renamed) {
        fs::copy(from, to).expect("it can be copied");
    }
    let packages = home.path().join("another/place");
    let mut again = dist(&renamed, &packages);
    again.env("TZ", "Pacific/Chatham").env("LC_ALL", "C").current_dir(home.path());
    ran(again, "cargo xtask dist");
    let names = |folder: &Path| -> BTreeSet<PathBuf> { files_below(folder).into_iter().collect() };
    assert_eq!(names(&packages), names(&DIST.packages), "the same packages are made");
    assert_eq!(names(&packages).len(), 5, "three packages, the bill of materials and the checksums");
    for name in names(&packages) {
        let same = fs::read(packages.join(&name)).expect("a file")
            == fs::read(DIST.packages.join(&name)).expect("a file");
        assert!(same, "{} has the same bytes", name.display());
    }
}

fn checksums() {
    let sums = DIST.packages.join("SHA256SUMS");
    let mut check = Command::new("sha256sum");
    check.args(["--check", "--quiet", "--strict"]).arg(&sums).current_dir(&DIST.packages);
    ran(check, "sha256sum");
    let listed = fs::read_to_string(&sums).expect("there are sums").lines().count();
    assert_eq!(listed, files_below(&DIST.packages).len() - 1, "every file but the list itself has its sum");
}

fn notices() {
    let home = tempfile::tempdir().expect("a folder");
    ran(Command::new("tar").arg("-xzf").arg(package(".tar.gz")).current_dir(home.path()), "tar");
    let files = files_below(home.path());
    let read = |name: &str| {
        let file = files.iter().find(|file| file.ends_with(name));
        let file = file.unwrap_or_else(|| panic!("the tarball has {name}"));
        fs::read_to_string(home.path().join(file)).expect("it is text")
    };
    let (notices, bill) = (read("THIRD-PARTY.txt"), read("bench.cdx.json"));
    let bill: serde_json::Value = serde_json::from_str(&bill).expect("it is JSON");
    let components = bill["components"].as_array().expect("it lists components");
    let bought = components.iter().filter(|component| component.get("purl").is_some());
    let bought: Vec<String> = bought
        .map(|component| {
            let part = |name: &str| component[name].as_str().expect("it is text");
            format!("\n{} {}\n    licence: ", part("name"), part("version"))
        })
        .collect();
    assert!(bought.len() > 100, "the program contains packages of others: {}", bought.len());
    for package in bought {
        assert!(notices.contains(&package), "THIRD-PARTY.txt has a notice of{package}");
    }
    assert!(notices.contains("\ntokio "), "tokio is linked");
    assert!(!notices.contains("\nproptest "), "and what tests use is not");
    assert!(read("RUST-STANDARD-LIBRARY.html").contains("Apache"), "the standard library has its notices");
    for package in [".whl", ".deb"] {
        let listed = match package {
            ".whl" => ran(
                Command::new("python3").args(["-m", "zipfile", "-l"]).arg(self::package(package)),
                "zipfile",
            ),
            _ => ran(Command::new("dpkg").arg("--contents").arg(self::package(package)), "dpkg"),
        };
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        for file in ["THIRD-PARTY.txt", "RUST-STANDARD-LIBRARY.html", "bench.cdx.json"] {
            assert!(listed.contains(file), "{package} has {file}: {listed}");
        }
    }
}

fn bill_of_materials() {
    let python = std::env::var_os(PYTHON).unwrap_or_else(|| panic!("`cargo xtask test` sets {PYTHON}"));
    let check = |bill: &Path| {
        let output = Command::new(&python).arg(check_py()).arg("bill").arg(bill).output();
        output.expect("Python starts")
    };
    let bill = package(".cdx.json");
    let output = check(&bill);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let home = tempfile::tempdir().expect("a folder");
    let broken = home.path().join("broken.cdx.json");
    let text = fs::read_to_string(&bill).expect("it is text");
    fs::write(&broken, text.replacen("\"type\": \"library\"", "\"type\": \"book\"", 1)).expect("a file");
    let output = check(&broken);
    assert!(!output.status.success(), "a bill that is wrong is not accepted");
    assert!(String::from_utf8_lossy(&output.stderr).contains("'book' is not one of"), "and this is why");
}

fn no_program() {
    let home = tempfile::tempdir().expect("a folder");
    let script = home.path().join("bench");
    fs::write(&script, "#!/bin/sh\n").expect("a file");
    let refused = |program: &Path, reason: &str| {
        let programs = [program.to_owned(), home.path().join("none")];
        let output = dist(&programs, &home.path().join("out")).output().expect("xtask starts");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(&program.display().to_string()) && stderr.contains(reason), "{stderr}");
    };
    refused(&script, "it is not a 64-bit ELF file");
    refused(&home.path().join("missing"), "No such file");
    refused(Path::new("/dev/zero"), "it is a pipe, a device or a socket");
    assert!(!home.path().join("out").exists(), "nothing was written");
}

fn check_py() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packaging/check.py")
}

/// Returns the files below a folder, relative to it.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(&next).expect("the folder can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                files.push(path.strip_prefix(folder).expect("it lies below").to_owned());
            }
        }
    }
    files
}
