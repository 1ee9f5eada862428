//! Reads what a load without end left in its results folder.

use super::DOCUMENT_FILE;
use anyhow::{Context as _, Result};
use lb_continuous::ContinuousDocument;
use std::io::ErrorKind;
use std::path::Path;

/// Reads the document of a load without end. `None` if the folder holds none.
///
/// # Errors
/// The file cannot be read, or is no such document.
pub fn read_document(folder: &Path) -> Result<Option<ContinuousDocument>> {
    let path = folder.join(DOCUMENT_FILE);
    let text = match lb_io::read(&path, lb_io::MOST_BYTES) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.with_context(|| format!("failed to read `{}`", path.display()))?,
    };
    let document = serde_json::from_slice(&text);
    document.map(Some).with_context(|| format!("`{}` is not what `bench serve-load` writes", path.display()))
}
