//! The folder of one run, and atomic writing of its files.

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
    /// Creates the folder, and checks early that files can be written to it.
    pub fn create(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| {
            format!("failed to create the results folder `{}`; give another with --out", path.display())
        })?;
        let folder = Self { path: path.to_owned() };
        folder.write("trials/.probe", b"probe")?;
        fs::remove_file(folder.path.join("trials/.probe")).context("failed to remove the probe file")?;
        Ok(folder)
    }

    /// Refers to an existing folder, to write single files into it.
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Creates a log file in the folder, to be written while the run goes on.
    pub fn create_log(&self, name: &str) -> Result<fs::File> {
        let path = self.path.join(name);
        fs::File::create(&path).with_context(|| format!("failed to create the log `{}`", path.display()))
    }

    /// Writes a whole file: a temporary file in the same folder, sync, rename. `name` may contain folders.
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

/// Writes a whole file, so that it is complete or not there at all: a temporary file beside its place, sync, rename.
/// Missing folders are created. When this fails, an earlier file of the same name stays as it was.
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

/// Returns the name of a run: time, config, and six digits that tell apart runs of the same second.
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
        let error = ResultsFolder::create(file.path()).expect_err("a file is not a folder");
        assert!(format!("{error:#}").contains("--out"), "{error:#}");
    }

    #[test]
    fn names_become_safe_file_names() {
        assert_eq!(slug("Read-Heavy Traffic/1"), "read-heavy-traffic-1");
    }
}
