//! The files that grow while load is sent: one line for each window, and one for each hour. Each kind has at most two
//! files: when the current one is full, it takes the place of the one before it.

use anyhow::{Context as _, Result};
use lb_continuous::{Closed, HOURS_KEPT, Window};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Seconds whose windows fill a file: two hours.
const SECONDS_IN_FILE: u32 = 2 * 3600;

/// Writes windows and hours.
#[derive(Debug)]
pub(super) struct WindowFiles {
    windows: Rotated,
    hours: Rotated,
}

/// A file of JSON lines that makes room for itself.
#[derive(Debug)]
struct Rotated {
    path: PathBuf,
    /// Where the file goes when it is full.
    before: PathBuf,
    file: Option<File>,
    lines: usize,
    /// The most lines in a file.
    most: usize,
}

impl WindowFiles {
    /// Prepares the files in the results folder; `window_s` is the length of a window in seconds.
    pub(super) fn new(folder: &Path, window_s: u32) -> Self {
        Self {
            windows: Rotated::new(folder, "windows", (SECONDS_IN_FILE / window_s.max(1)) as usize),
            hours: Rotated::new(folder, "hours", HOURS_KEPT),
        }
    }

    /// Writes a window that became complete.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn write(&mut self, closed: &Closed) -> Result<()> {
        self.windows.write(&closed.window)?;
        closed.hour.as_ref().map_or(Ok(()), |hour| self.hours.write(hour))
    }
}

impl Rotated {
    fn new(folder: &Path, name: &str, most: usize) -> Self {
        Self {
            path: folder.join(format!("{name}.jsonl")),
            before: folder.join(format!("{name}.1.jsonl")),
            file: None,
            lines: 0,
            most: most.max(1),
        }
    }

    fn write(&mut self, window: &Window) -> Result<()> {
        let failed = || format!("failed to write `{}`", self.path.display());
        if self.lines >= self.most {
            self.file = None;
            fs::rename(&self.path, &self.before).with_context(failed)?;
            self.lines = 0;
        }
        let mut line = serde_json::to_vec(window).with_context(failed)?;
        line.push(b'\n');
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                none.insert(File::options().create(true).append(true).open(&self.path).with_context(failed)?)
            }
        };
        file.write_all(&line).with_context(failed)?;
        self.lines += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_continuous::WindowFigures;
    use lb_record::{Cell, PackedCell};

    #[test]
    fn however_many_windows_are_written_two_files_hold_the_last_ones() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut files = WindowFiles::new(dir.path(), 720);
        let window = |number: u32| Window {
            figures: WindowFigures { start_s: f64::from(720 * number), ..WindowFigures::default() },
            latency: PackedCell::of(&Cell::default()),
        };
        for number in 0..47 {
            let hour = (number % 5 == 4).then(|| window(number / 5));
            files.write(&Closed { window: window(number), hour }).expect("the folder can be written");
        }
        let starts = |name: &str| -> Vec<u32> {
            let text = fs::read_to_string(dir.path().join(name)).expect("the file is there");
            let windows = text.lines().map(|line| serde_json::from_str::<Window>(line).expect("a window"));
            windows.map(|window| (window.figures.start_s / 720.0) as u32).collect()
        };
        assert_eq!(starts("windows.1.jsonl"), (30..40).collect::<Vec<_>>(), "ten windows are two hours");
        assert_eq!(starts("windows.jsonl"), (40..47).collect::<Vec<_>>());
        assert_eq!(starts("hours.jsonl").len(), 9);
        assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 3);
    }
}
