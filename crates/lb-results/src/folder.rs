//! The results folder of one run, and atomic writing of its files.

use anyhow::{Context, Result};
use lb_core::slug::slug;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The lock file of a run. The operating system releases the lock when the process ends, however it ends.
const LOCK: &str = ".lock";

/// Files that show that a folder holds a run.
const SIGNS: [&str; 4] = ["run.json", "summary.json", "records", "continuous.json"];

/// The results folder of one run.
#[derive(Clone, Debug)]
pub struct ResultsFolder {
    path: PathBuf,
}

/// The exclusive right to write a run into a folder, until this is dropped.
#[derive(Debug)]
pub struct Claim {
    _lock: fs::File,
}

/// Why a run may not write into a folder.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another process is writing a run there.
    #[error("another run is writing into `{}`; wait for its end, or give another folder with --out", .path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The folder already holds a run, and a new one must not be mixed with it.
    #[error(
        "`{}` already holds a run; choose another folder with --out, or resume that run with --resume {}",
        .path.display(), .path.display()
    )]
    Taken {
        /// The folder.
        path: PathBuf,
    },
    /// The folder cannot be used.
    #[error(transparent)]
    Unusable(anyhow::Error),
}

impl ResultsFolder {
    /// The longest file of a run that is read back, in bytes. A record of a long trial with all its actions may be large.
    pub const LONGEST: u64 = 4 << 30;

    /// Creates the folder and checks that files can be written to it.
    pub fn create(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| {
            format!("failed to create the results folder `{}`; give another with --out", path.display())
        })?;
        let folder = Self { path: path.to_owned() };
        folder.write("trials/.probe", b"probe")?;
        fs::remove_file(folder.path.join("trials/.probe")).context("failed to remove the probe file")?;
        Ok(folder)
    }

    /// Creates the folder of a new run and locks it against other runs.
    ///
    /// # Errors
    /// The folder cannot be written or already holds a run, or another process is writing one there.
    pub fn claim_new(path: &Path) -> Result<(Self, Claim), ClaimError> {
        let (folder, claim) = Self::claim(path)?;
        let trials = fs::read_dir(path.join("trials")).is_ok_and(|mut files| files.next().is_some());
        if trials || SIGNS.iter().any(|name| path.join(name).exists()) {
            return Err(ClaimError::Taken { path: path.to_owned() });
        }
        Ok((folder, claim))
    }

    /// Creates the folder of a run, or opens an existing one to resume its run, and locks it against other
    /// runs.
    ///
    /// # Errors
    /// The folder cannot be written, or another process is writing a run there.
    pub fn claim(path: &Path) -> Result<(Self, Claim), ClaimError> {
        let folder = Self::create(path).map_err(ClaimError::Unusable)?;
        let lock = folder.create_log(LOCK).map_err(ClaimError::Unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok((folder, Claim { _lock: lock })),
            Err(fs::TryLockError::WouldBlock) => Err(ClaimError::InUse { path: path.to_owned() }),
            // Some network file systems do not support locks; the user must then run one process at a time.
            Err(fs::TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
                Ok((folder, Claim { _lock: lock }))
            }
            Err(fs::TryLockError::Error(error)) => Err(ClaimError::Unusable(
                anyhow::Error::new(error).context(format!("failed to lock `{}`", path.join(LOCK).display())),
            )),
        }
    }

    /// Refers to an existing folder in which single files are written.
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a log file in the folder for appending.
    pub fn create_log(&self, name: &str) -> Result<fs::File> {
        let path = self.path.join(name);
        fs::File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("failed to create the log `{}`", path.display()))
    }

    /// Writes a whole file: a temporary file in the same folder, sync, rename. `name` may contain folders.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<()> {
        self.write_with(name, |file| file.write_all(contents).map_err(Into::into))
    }

    /// Writes a whole file like [`Self::write`], but with a writer instead of bytes.
    pub fn write_with(
        &self,
        name: &str,
        fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
    ) -> Result<()> {
        let target = self.path.join(name);
        write_whole(&target, fill).map_err(|error| {
            let why = shortage(&error).map_or_else(
                || "; check its permissions, or give another folder with --out".to_owned(),
                |shortage| format!(": {shortage}; what was written before is kept"),
            );
            error.context(format!("failed to write `{}`{why}", target.display()))
        })
    }
}

/// Writes a whole file atomically: a temporary file in the same folder, sync, rename. Missing folders are
/// created. On failure, an earlier file of the same name is left unchanged.
///
/// # Errors
/// When the file cannot be written, for instance because the disk is full, or when `fill` fails.
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

/// Says which room for a file was missing; `None` for any other error.
fn shortage(error: &anyhow::Error) -> Option<&'static str> {
    let kind = error.chain().find_map(|cause| {
        let of_json = || cause.downcast_ref::<serde_json::Error>()?.io_error_kind();
        cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or_else(of_json)
    });
    match kind? {
        ErrorKind::StorageFull => {
            Some("the disk is full: free some space, or give another folder with --out")
        }
        ErrorKind::QuotaExceeded => {
            Some("the quota of the user is used up: free some space, or give another folder with --out")
        }
        ErrorKind::FileTooLarge => Some("it exceeds the largest allowed file: raise the limit (`ulimit -f`)"),
        _ => None,
    }
}

/// Makes a file readable by others; temporary files are private by default.
#[cfg(unix)]
fn readable_by_others(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_others(_file: &fs::File) -> std::io::Result<()> {
    Ok(())
}

/// Returns the name of a run: time, config, and six hex digits that distinguish runs of the same second.
pub fn run_id(config_name: &str) -> String {
    let now = jiff::Zoned::now();
    let stem = Path::new(config_name).file_stem().map_or_else(|| "run".into(), |stem| stem.to_string_lossy());
    let salt = lb_core::rng::mix(now.timestamp().as_nanosecond() as u64 ^ u64::from(std::process::id()));
    format!("{}-{}-{:06x}", now.strftime("%Y%m%d-%H%M%S"), slug(&stem), salt & 0xff_ffff)
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
    fn a_full_disk_is_reported_as_that() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = ResultsFolder::create(dir.path()).expect("a writable folder");
        let said = |kind: ErrorKind| {
            let write = |file: &mut (dyn Write + Send)| -> Result<()> {
                serde_json::to_writer(Full(file, kind), "a record")?;
                Ok(())
            };
            format!("{:#}", folder.write_with("trial.json", write).expect_err("it must be reported"))
        };
        for (kind, expected) in [
            (ErrorKind::StorageFull, "trial.json`: the disk is full: free some space"),
            (ErrorKind::QuotaExceeded, "trial.json`: the quota of the user is used up"),
            (ErrorKind::FileTooLarge, "trial.json`: it exceeds the largest allowed file"),
            (ErrorKind::PermissionDenied, "trial.json`; check its permissions"),
        ] {
            let message = said(kind);
            assert!(message.contains(expected), "{kind:?}: {message}");
        }
    }

    /// A writer on a disk that refuses everything.
    struct Full<'a>(&'a mut (dyn Write + Send), ErrorKind);

    impl Write for Full<'_> {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            self.0.flush().and(Err(self.1.into()))
        }

        fn flush(&mut self) -> std::io::Result<()> {
            self.0.flush()
        }
    }

    #[test]
    fn a_path_that_is_a_file_is_refused_with_the_way_out() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let error = ResultsFolder::create(file.path()).expect_err("a file is not a folder");
        assert!(format!("{error:#}").contains("--out"), "{error:#}");
    }

    #[test]
    fn a_folder_takes_one_new_run_and_one_process_at_a_time() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("out");
        let (folder, claim) = ResultsFolder::claim_new(&path).expect("nobody was here before");
        let second = ResultsFolder::claim_new(&path).expect_err("two runs would mix");
        assert!(matches!(second, ClaimError::InUse { .. }), "{second}");
        folder.write("run.json", b"{}").expect("it can be written");
        drop(claim);
        let later = ResultsFolder::claim_new(&path).expect_err("a run lies there");
        assert!(matches!(later, ClaimError::Taken { .. }), "{later}");
        assert!(later.to_string().contains("--resume") && later.to_string().contains("--out"), "{later}");
        ResultsFolder::claim(&path).expect("the same run may go on");
    }
}
