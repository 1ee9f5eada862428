//! Switching by a new configuration: the included file is replaced, the master is told by SIGHUP, and the switch
//! is over when every worker of before is gone.

use crate::error::AdminError;
use lb_core::Algorithm;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The included file: `default round-robin;`.
const INCLUDED: &str = "algorithm.map";
/// Between two looks at the workers.
const POLL: Duration = Duration::from_millis(10);

/// What it takes to load a configuration anew.
#[derive(Debug)]
pub(super) struct Reload {
    included: PathBuf,
    pid_file: PathBuf,
}

impl Reload {
    /// The included file is in `folder`, and a relative `pid` is, too.
    pub(super) fn new(folder: &Path, pid: Option<&Path>) -> Result<Self, AdminError> {
        let Some(pid) = pid else {
            return Err(AdminError::BadValue {
                what: "switch by a new configuration",
                reason: format!(
                    "{}: `pid` does not name the file with the master's process id",
                    folder.display()
                ),
            });
        };
        Ok(Self { included: folder.join(INCLUDED), pid_file: folder.join(pid) })
    }

    /// What the included file says.
    pub(super) fn selected(&self) -> Result<String, AdminError> {
        let text = std::fs::read_to_string(&self.included).map_err(|error| bad(&self.included, error))?;
        let name = text.trim().strip_prefix("default ").and_then(|rest| rest.strip_suffix(';'));
        name.map(|name| name.trim().to_owned()).ok_or_else(|| {
            bad(&self.included, format!("holds `{}`, not `default <algorithm>;`", text.trim()))
        })
    }

    pub(super) async fn switch(&self, algorithm: &Algorithm, limit: Duration) -> Result<(), AdminError> {
        let master = self.master()?;
        let before = workers(master);
        // Whole or not at all: nginx may be loading it at this moment.
        let fresh = self.included.with_extension("new");
        std::fs::write(&fresh, format!("default {algorithm};\n")).map_err(|error| bad(&fresh, error))?;
        std::fs::rename(&fresh, &self.included).map_err(|error| bad(&self.included, error))?;
        self.hang_up(master)?;
        let deadline = Instant::now() + limit;
        loop {
            let now = workers(master);
            let left: Vec<u32> = before.intersection(&now).copied().collect();
            let renewed = now.difference(&before).next().is_some();
            if renewed && left.is_empty() {
                return Ok(());
            }
            if Instant::now() < deadline {
                sleep(POLL).await;
                continue;
            }
            return Err(if renewed {
                AdminError::OldGeneration { native: algorithm.to_string(), waited: limit, left }
            } else {
                AdminError::NotSwitched {
                    url: format!(
                        "the list of its processes (no new workers within {limit:?}; its error log says why)"
                    ),
                    wanted: algorithm.to_string(),
                    routes: "the configuration of before".to_owned(),
                }
            });
        }
    }

    fn master(&self) -> Result<u32, AdminError> {
        let text = std::fs::read_to_string(&self.pid_file).map_err(|error| bad(&self.pid_file, error))?;
        text.trim()
            .parse()
            .map_err(|_| bad(&self.pid_file, format!("holds `{}`, no process id", text.trim())))
    }

    fn hang_up(&self, master: u32) -> Result<(), AdminError> {
        let told =
            Pid::from_raw(master as i32).map_or(Err(Errno::SRCH), |pid| kill_process(pid, Signal::HUP));
        told.map_err(|error| match error {
            Errno::PERM => AdminError::Denied {
                place: format!("the nginx master (pid {master})"),
                way_out: "run `bench` as the user who started nginx, or switch by the selector",
            },
            error => bad(&self.pid_file, format!("names process {master}, which cannot be told: {error}")),
        })
    }
}

/// The processes that a master has started.
fn workers(master: u32) -> BTreeSet<u32> {
    let listed =
        std::fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn bad(path: &Path, reason: impl std::fmt::Display) -> AdminError {
    AdminError::BadValue {
        what: "switch by a new configuration",
        reason: format!("{}: {reason}", path.display()),
    }
}
