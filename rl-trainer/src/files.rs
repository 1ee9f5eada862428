//! Writes files atomically.

use anyhow::{Context, Result};
use std::io::Write;
use std::path::Path;

/// Writes a temporary file next to `path`, syncs it, and renames it; missing folders are created.
///
/// # Errors
/// Fails if the file cannot be written. An existing file is then kept.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |file| Ok(file.write_all(bytes)?))
}

/// Like [`write_whole`], but `fill` writes the contents.
///
/// # Errors
/// Same as [`write_whole`], and any error of `fill`.
pub fn write_with(path: &Path, fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>) -> Result<()> {
    lb_results::write_whole(path, fill).with_context(|| {
        format!("failed to write `{}`; check free space and permissions, or use another path", path.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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
