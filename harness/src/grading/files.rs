//! Reads the files to be graded: their text, their age, and the error for a file of another kind.

use super::error::{ACCEPTED, AnalyzeError};
use std::io;
use std::path::Path;

/// The longest file to be graded, in bytes: a history of days with every kind of request.
const LONGEST: u64 = 64 << 20;

/// Reads a file as UTF-8 text, without its byte order mark.
pub(super) fn read_text(path: &Path) -> Result<String, AnalyzeError> {
    let bytes = lb_io::read(path, LONGEST).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => AnalyzeError::NotFound { path: path.to_owned() },
        _ => AnalyzeError::Unreadable { path: path.to_owned(), source },
    })?;
    let text = String::from_utf8(bytes).map_err(|_| other(path, "not text (not UTF-8)"))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Returns when a file was written (RFC 3339), or `None` if the file system does not report it.
pub(super) fn written_at(path: &Path) -> Option<String> {
    let modified = std::fs::metadata(path).and_then(|data| data.modified()).ok()?;
    let time = jiff::Timestamp::try_from(modified).ok()?;
    // Fractions of a second are of no use here.
    jiff::Timestamp::from_second(time.as_second()).ok().map(|time| time.to_string())
}

/// Returns the error for a file that holds something other than the results of a load test; `found` says
/// what.
pub(super) fn other(path: &Path, found: impl Into<String>) -> AnalyzeError {
    AnalyzeError::OtherKind { path: path.to_owned(), found: found.into(), advice: ACCEPTED.to_owned() }
}
