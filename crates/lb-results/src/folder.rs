//! The folder of one run, and how files get into it whole.

use anyhow::{Context, Result};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct ResultsFolder {
    path: PathBuf,
}

impl ResultsFolder {
    /// Makes the folder, and proves that files can be written there before anything is measured.
    pub fn create(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| {
            format!("failed to make the results folder `{}`; give another with --out", path.display())
        })?;
        let folder = Self { path: path.to_owned() };
        folder.write("trials/.probe", b"probe")?;
        fs::remove_file(folder.path.join("trials/.probe")).context("failed to remove the probe file")?;
        Ok(folder)
    }

    /// An existing folder, to write single files into.
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a log in the folder, to be written to while the run goes on.
    pub fn create_log(&self, name: &str) -> Result<fs::File> {
        let path = self.path.join(name);
        fs::File::create(&path).with_context(|| format!("failed to create the log `{}`", path.display()))
    }

    /// Writes a file whole: temporary file in the same folder, sync, rename. `name` may hold folders.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<()> {
        self.write_with(name, |file| file.write_all(contents).map_err(Into::into))
    }

    /// Like [`Self::write`], with a writer instead of bytes.
    pub fn write_with(
        &self,
        name: &str,
        fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
    ) -> Result<()> {
        let target = self.path.join(name);
        write_whole(&target, fill).with_context(|| {
            format!(
                "failed to write `{}`; check space and permissions, or give another folder with --out",
                target.display()
            )
        })
    }
}

/// Writes a file whole, so that it is there as it should be or not at all: a temporary file beside its place,
/// sync, rename. Folders on the way are made; what had the name before keeps it when this fails.
///
/// # Errors
/// The file cannot be written, as on a full disk, or `fill` fails.
pub fn write_whole(path: &Path, fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>) -> Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent)?;
    let mut file = tempfile::Builder::new().prefix(".partial-").tempfile_in(parent)?;
    {
        let mut buffered = std::io::BufWriter::new(&mut file);
        fill(&mut buffered)?;
        buffered.flush()?;
    }
    file.as_file().sync_all()?;
    readable_by_others(file.as_file())?;
    file.persist(path)?;
    Ok(())
}

/// Temporary files are private by default; results are not.
#[cfg(unix)]
fn readable_by_others(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_others(_file: &fs::File) -> std::io::Result<()> {
    Ok(())
}

/// The name of a run: when, which config, and six digits that tell apart runs of the same second.
pub fn run_id(config_name: &str) -> String {
    let now = jiff::Zoned::now();
    let stem = Path::new(config_name).file_stem().map_or_else(|| "run".into(), |stem| stem.to_string_lossy());
    let salt = lb_core::rng::mix(now.timestamp().as_nanosecond() as u64 ^ u64::from(std::process::id()));
    format!("{}-{}-{:06x}", now.strftime("%Y%m%d-%H%M%S"), slug(&stem), salt & 0xff_ffff)
}

/// A name that is safe in file names: lower-case letters, digits, `-`, `_`, `+`.
pub(crate) fn slug(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_+".contains(c) { c.to_ascii_lowercase() } else { '-' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_write_leaves_nothing_behind() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = ResultsFolder::create(dir.path()).expect("a writable folder");
        let result = folder.write_with("deep/summary.json", |file| {
            file.write_all(b"{\"half\":")?;
            anyhow::bail!("the disk is full")
        });
        let message = format!("{:#}", result.expect_err("the failure must be reported"));
        assert!(message.contains("summary.json") && message.contains("the disk is full"), "{message}");
        let left = fs::read_dir(dir.path().join("deep")).expect("the folder").count();
        assert_eq!(left, 0, "neither the file nor a temporary one may remain");
    }

    #[test]
    fn a_path_that_is_a_file_is_refused_with_the_way_out() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let error = ResultsFolder::create(file.path()).expect_err("a file is no folder");
        assert!(format!("{error:#}").contains("--out"), "{error:#}");
    }

    #[test]
    fn names_become_safe_file_names() {
        assert_eq!(slug("Read-Heavy Traffic/1"), "read-heavy-traffic-1");
    }
}
