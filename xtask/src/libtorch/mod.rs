//! Sets up libtorch for the crate rl-trainer: fetches it once per user, and links it into the work tree as
//! `libtorch`.
//!
//! `.cargo/config.toml` points `LIBTORCH` at that link, and the build script of rl-trainer tells the linker
//! where it leads, so nothing has to be set by hand. The first of these that exists is used: the folder that
//! the user sets in `LIBTORCH`, `libtorch` in the work tree, a system installation, the user's cache. Only
//! the last one is fetched.

mod cache;
mod wheel;

// The items are public because rl-trainer exports them.
#[allow(unreachable_pub)]
#[path = "../../../rl-trainer/src/torch/version.rs"]
mod version;

use anyhow::{Context, bail};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// The environment variable that names libtorch. `.cargo/config.toml` sets it unless the user did.
pub(crate) const VARIABLE: &str = "LIBTORCH";

/// System folders that may hold libtorch, each with `include/` and `lib/`.
const SYSTEM: [&str; 4] = ["/usr/local/libtorch", "/opt/libtorch", "/usr/local", "/usr"];

/// The device that libtorch is set up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Device {
    /// Only the libraries that run on a CPU.
    Cpu,
    /// All libraries, including those for CUDA.
    Cuda,
}

impl Device {
    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }

    /// Returns whether the libtorch in `folder` works for this device.
    fn served_by(self, folder: &Path) -> bool {
        self == Self::Cpu || folder.join("lib/libtorch_cuda.so").exists()
    }
}

/// A libtorch that is ready for use.
#[derive(Debug)]
pub(crate) struct Ready {
    /// The folder of libtorch.
    pub(crate) folder: PathBuf,
    /// Whether the link in the work tree was changed. Crates that were built with another libtorch must then
    /// be rebuilt.
    pub(crate) linked: bool,
}

/// Makes sure that there is a libtorch for `device` where builds in the work tree `root` look for it.
///
/// # Errors
/// `LIBTORCH` or the work tree names a libtorch that cannot be used, or libtorch cannot be fetched.
pub(crate) fn set_up(root: &Path, device: Device) -> anyhow::Result<Ready> {
    let link = root.join("libtorch");
    if let Some(folder) = chosen(std::env::var_os(VARIABLE), &link) {
        fit(&folder, device)
            .with_context(|| format!("{VARIABLE}={}", folder.display()))
            .context("the libtorch in LIBTORCH cannot be used; unset LIBTORCH to fetch another one")?;
        return Ok(Ready { folder, linked: false });
    }
    if fit(&link, device).is_ok() {
        let folder = link.canonicalize().with_context(|| format!("failed to follow `{}`", link.display()))?;
        return Ok(Ready { folder, linked: false });
    }
    if link.is_dir() && !link.is_symlink() {
        fit(&link, device).with_context(|| {
            format!("the libtorch in `{}` cannot be used; move it away to have one fetched", link.display())
        })?;
    }
    let folder = match SYSTEM.map(Path::new).into_iter().find(|folder| fit(folder, device).is_ok()) {
        Some(folder) => folder.to_owned(),
        None => cache::provide(root, device).context("failed to set up libtorch")?,
    };
    relink(&link, &folder)?;
    Ok(Ready { folder, linked: true })
}

/// Returns the folder that the user set in the variable; `None` for the link in the work tree, which cargo
/// sets.
fn chosen(variable: Option<OsString>, link: &Path) -> Option<PathBuf> {
    let folder = PathBuf::from(variable.filter(|value| !value.is_empty())?);
    let place = |path: &Path| path.parent().and_then(|parent| parent.canonicalize().ok());
    let ours = folder.file_name() == link.file_name() && place(&folder) == place(link);
    (!ours).then_some(folder)
}

/// Checks that builds can use the libtorch in `folder`; the error says what is wrong with it.
fn fit(folder: &Path, device: Device) -> anyhow::Result<()> {
    let shown = folder.display();
    let required = version::REQUIRED;
    // Build scripts run in other folders.
    if folder.is_relative() {
        bail!("`{shown}` is a relative path; give the absolute path of libtorch");
    }
    match version::of(folder) {
        None => bail!("`{shown}` has neither `build-version` nor headers of libtorch; {required} is needed"),
        Some(found) if found != required => bail!("`{shown}` is libtorch {found}; {required} is needed"),
        Some(_) => {}
    }
    for part in ["include/torch", "lib/libtorch.so", "lib/libtorch_cpu.so", "lib/libc10.so"] {
        if !folder.join(part).exists() {
            bail!("`{shown}` lacks `{part}`");
        }
    }
    if !device.served_by(folder) {
        bail!("`{shown}` has no CUDA support (it lacks `lib/libtorch_cuda.so`)");
    }
    Ok(())
}

/// Points `link` to `folder`, and replaces an old link in one step.
fn relink(link: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut new = link.as_os_str().to_owned();
    new.push(format!(".{}", std::process::id()));
    let linked = std::os::unix::fs::symlink(folder, &new).and_then(|()| fs::rename(&new, link));
    linked.with_context(|| format!("failed to link `{}` to `{}`", link.display(), folder.display()))
}

/// Returns whether a cargo command builds the crate that links libtorch, with the workspace or by name.
pub(crate) fn needed_by(step: &[OsString]) -> bool {
    let typed = || step.iter().take_while(|arg| *arg != "--").map(OsString::as_os_str);
    let named = |flags: [&str; 2]| {
        typed()
            .zip(typed().skip(1))
            .any(|(flag, name)| flags.contains(&&*flag.to_string_lossy()) && name == CRATE)
            || typed().any(|arg| flags.iter().any(|flag| joined(arg, flag)))
    };
    let builds = typed().next().is_some_and(|command| command != "fmt");
    let everything = typed().any(|arg| arg == "--workspace") && !named(["--exclude", "--exclude"]);
    builds && (everything || named(["-p", "--package"]))
}

/// The crate that links libtorch.
const CRATE: &str = "rl-trainer";

/// Whether `arg` is a flag and the crate in one word: `-prl-trainer`, `--package=rl-trainer`.
fn joined(arg: &OsStr, flag: &str) -> bool {
    let arg = arg.to_string_lossy();
    arg.strip_prefix(flag).is_some_and(|rest| rest.strip_prefix('=').unwrap_or(rest) == CRATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills a folder with the files that `fit` checks.
    fn fake(folder: &Path, version: &str) {
        fs::create_dir_all(folder.join("include/torch")).expect("a folder");
        fs::create_dir_all(folder.join("lib")).expect("a folder");
        for library in ["libtorch.so", "libtorch_cpu.so", "libc10.so"] {
            fs::write(folder.join("lib").join(library), "").expect("a file");
        }
        fs::write(folder.join("build-version"), version).expect("a file");
    }

    #[test]
    fn what_does_not_fit_is_named_with_what_is_needed() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("torch");
        let fault = |device| fit(&folder, device).expect_err("this libtorch does not fit").to_string();

        assert!(fault(Device::Cpu).contains("neither `build-version` nor headers"), "{}", fault(Device::Cpu));
        fake(&folder, "2.7.1+cpu");
        assert!(
            fault(Device::Cpu).contains(&format!("is libtorch 2.7.1; {} is needed", version::REQUIRED)),
            "both versions are named: {}",
            fault(Device::Cpu)
        );
        fake(&folder, &format!("{}+cpu\n", version::REQUIRED));
        fit(&folder, Device::Cpu).expect("the version that is needed fits");
        assert!(fault(Device::Cuda).contains("no CUDA support"), "a GPU needs more: {}", fault(Device::Cuda));
        fs::remove_file(folder.join("lib/libc10.so")).expect("a file");
        assert!(fault(Device::Cpu).contains("lacks `lib/libc10.so`"), "{}", fault(Device::Cpu));
        let relative = fit(Path::new("libtorch"), Device::Cpu).expect_err("a relative path").to_string();
        assert!(relative.contains("absolute"), "build scripts run elsewhere: {relative}");
    }

    #[test]
    fn the_value_that_cargo_sets_is_no_choice_of_the_user() {
        let root = tempfile::tempdir().expect("a folder");
        let link = root.path().join("libtorch");
        assert_eq!(chosen(None, &link), None, "not set");
        assert_eq!(chosen(Some(OsString::new()), &link), None, "set to nothing");
        assert_eq!(chosen(Some(link.clone().into()), &link), None, "set by .cargo/config.toml");
        let own = root.path().join("elsewhere/libtorch");
        assert_eq!(chosen(Some(own.clone().into()), &link), Some(own), "set by the user");
    }

    #[test]
    fn the_link_is_replaced_and_leaves_nothing_behind() {
        let root = tempfile::tempdir().expect("a folder");
        let link = root.path().join("libtorch");
        for name in ["old", "new"] {
            let folder = root.path().join(name);
            relink(&link, &folder).expect("the link can be set");
            assert_eq!(fs::read_link(&link).expect("a link"), folder, "the last one set counts");
        }
        assert_eq!(fs::read_dir(root.path()).expect("a folder").count(), 1, "only the link is there");
    }

    #[test]
    fn what_serves_and_what_measures_never_link_libtorch() {
        let lock = include_str!("../../../Cargo.lock");
        let users = |name: &str| -> Vec<&str> {
            let wanted = format!("\n \"{name}\",");
            let using = lock.split("[[package]]").filter(|package| package.contains(&wanted));
            using.filter_map(|package| package.split('"').nth(1)).collect()
        };
        assert_eq!(users("torch-sys"), ["tch"], "the library is bound in one place");
        assert_eq!(users("tch"), [CRATE], "one crate names tch");
        assert_eq!(users(CRATE), [""; 0], "and no other crate depends on that one");
    }

    #[test]
    fn libtorch_is_set_up_for_what_builds_the_trainer() {
        let table: &[(&str, bool)] = &[
            ("test --workspace --locked", true),
            ("clippy --workspace --all-targets --locked -- -D warnings", true),
            ("test --locked -p rl-trainer", true),
            ("test --locked -p lb-core -prl-trainer", true),
            ("test --locked --package=rl-trainer curves", true),
            ("run --release --locked -p rl-trainer --bin rl-train -- --workspace", true),
            ("test --workspace --locked --exclude rl-trainer", false),
            ("test --workspace --locked --exclude=rl-trainer", false),
            ("test --locked -p lb-core rl-trainer", false),
            ("test --locked -p lb-core -- -p rl-trainer", false),
            ("fmt --all --check", false),
        ];
        for (line, needed) in table {
            let step: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(needed_by(&step), *needed, "`cargo {line}`");
        }
    }
}
