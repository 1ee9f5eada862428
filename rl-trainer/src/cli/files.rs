//! Files that are whole or not there.

use anyhow::{Context, Result};
use std::fs;
use std::io::Write;
use std::path::Path;

/// Writes a file beside its place, syncs it, and renames it; folders on the way are made.
///
/// # Errors
/// The file cannot be written, as on a full disk. What had the name before keeps it.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |file| Ok(file.write_all(bytes)?))
}

/// As [`write_whole`], with a writer in place of bytes.
///
/// # Errors
/// As [`write_whole`], and what `fill` fails with.
pub fn write_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let written = || -> Result<()> {
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
    };
    written().with_context(|| {
        format!("failed to write `{}`; check space and permissions, or give another place", path.display())
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_what_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/policy.safetensors");
        write_whole(&path, b"good").expect("it can be written");
        let failed = write_with(&path, |file| {
            file.write_all(b"half")?;
            anyhow::bail!("the disk is full")
        });
        let message = format!("{:#}", failed.expect_err("the failure is reported"));
        assert!(message.contains("policy.safetensors") && message.contains("the disk is full"), "{message}");
        assert_eq!(fs::read(&path).expect("the file"), b"good", "the last good one stays");
        let left = fs::read_dir(folder.path().join("deep")).expect("the folder").count();
        assert_eq!(left, 1, "nothing half-written remains");
    }
}
