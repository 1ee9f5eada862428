//! Compares two loads without end by what they left on disk.

use super::DOCUMENT_FILE;
use super::read::read_document;
use super::report::changes_table;
use anyhow::{Context as _, Result, anyhow};
use lb_continuous::{Load, LoadComparison, LoadName, Window, compare_loads};
use lb_core::plain;
use lb_report::parts::on_console;
use std::fmt::Write;
use std::io::ErrorKind;
use std::path::Path;

/// The files with windows, the older one first.
const WINDOWS: [&str; 2] = ["windows.1.jsonl", "windows.jsonl"];
/// The longest of them in bytes.
const LONGEST: u64 = 256 << 20;

/// Returns whether a folder holds a load without end.
pub fn is_load(folder: &Path) -> bool {
    folder.join(DOCUMENT_FILE).is_file() && !folder.join("summary.json").exists()
}

/// Compares the load in folder `new` with the one in folder `base`. `margin` is the smallest change that matters, as a
/// fraction.
///
/// # Errors
/// A folder cannot be read, or the loads are not the same.
pub fn compare_folders(base: &Path, new: &Path, margin: f64) -> Result<LoadComparison> {
    let read = |folder: &Path| -> Result<_> {
        let document = read_document(folder)?;
        let document = document.ok_or_else(|| anyhow!("`{}` holds no load without end", folder.display()))?;
        Ok((document, read_windows(folder)?))
    };
    let ((before, earlier), (after, later)) = (read(base)?, read(new)?);
    let base = Load { document: &before, windows: &earlier };
    let new = Load { document: &after, windows: &later };
    compare_loads(base, new, margin).map_err(|problem| anyhow!(problem))
}

/// Reads the windows of a load. The last line may be cut off, if the process was killed while it wrote it.
fn read_windows(folder: &Path) -> Result<Vec<Window>> {
    let mut windows = Vec::new();
    for name in WINDOWS {
        let path = folder.join(name);
        let text = match lb_io::read_text(&path, LONGEST) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            read => read.with_context(|| format!("failed to read `{}`", path.display()))?,
        };
        windows.extend(text.lines().map_while(|line| serde_json::from_str::<Window>(line).ok()));
    }
    Ok(windows)
}

/// Renders a comparison for a terminal.
pub fn render_comparison(comparison: &LoadComparison) -> String {
    let LoadComparison { base, new, sentence, changes, notes, .. } = comparison;
    let mut out = String::new();
    let named = |name: &LoadName| {
        format!("{} ({}, {} windows)", plain::line(&name.run_id), plain::line(&name.started_at), name.windows)
    };
    // Writing to a string cannot fail.
    let _ = writeln!(out, "base {}\nnew  {}\n", named(base), named(new));
    let _ =
        writeln!(out, "{}\n", on_console(&changes_table("Before is base, after is new", changes)).trim_end());
    let _ = writeln!(out, "{}", plain::line(sentence));
    for note in notes {
        let _ = writeln!(out, "note: {}", plain::line(note));
    }
    out.trim_end().to_owned()
}
