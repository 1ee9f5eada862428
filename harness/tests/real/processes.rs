//! Which processes a test has left, and waiting for what takes its time.

use rustix::process::{Pid, Signal, kill_process};
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long anything may take that is waited for. Nothing is asserted on how soon it comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process of the machine.
pub(crate) struct Process {
    pub(crate) id: i32,
    command: String,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.id, self.command)
    }
}

impl Process {
    /// Ends it at once.
    pub(crate) fn kill(&self) {
        let id = Pid::from_raw(self.id).expect("a process");
        kill_process(id, Signal::KILL).expect("a process of ours can be killed");
    }
}

/// Processes that run in `folder`, or whose command line names it.
pub(crate) fn processes_of(folder: &Path) -> Vec<Process> {
    let folder = folder.canonicalize().expect("the folder is there");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("processes").flatten() {
        let Ok(id) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        // A process may end while it is looked at; one that has ended has neither.
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned();
        let inside = std::fs::read_link(entry.path().join("cwd")).is_ok_and(|dir| dir.starts_with(&folder));
        if inside || command.contains(&*folder.to_string_lossy()) {
            found.push(Process { id, command });
        }
    }
    found
}

/// Fails when a process is left that runs in `folder`.
pub(crate) fn assert_none_left(folder: &Path) {
    let left = processes_of(folder);
    assert!(left.is_empty(), "no process is left: {left:?}");
}

/// Waits until `happened` gives something.
pub(crate) fn wait_for<T>(what: &str, mut happened: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = happened() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until no process is left that runs in `folder`.
pub(crate) fn wait_until_none_is_left(folder: &Path) {
    let mut left = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        left = processes_of(folder);
        if left.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("no process is left after {PATIENCE:?}: {left:?}");
}
