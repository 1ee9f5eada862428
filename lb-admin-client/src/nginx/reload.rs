//! Switches with a new configuration: replaces the included file, sends SIGHUP to the master, and waits until
//! every old worker has exited.

use crate::error::AdminError;
use lb_core::Algorithm;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The included file, which contains a line such as `default round-robin;`.
const INCLUDED: &str = "algorithm.map";
/// Time between two checks of the workers.
const POLL: Duration = Duration::from_millis(10);

/// The files that are needed to reload the configuration.
#[derive(Debug)]
pub(super) struct Reload {
    included: PathBuf,
    pid_file: PathBuf,
}

impl Reload {
    /// Creates a value for the included file in `folder`; a relative `pid` is also in `folder`.
    pub(super) fn new(folder: &Path, pid: Option<&Path>) -> Result<Self, AdminError> {
        let Some(pid) = pid else {
            return Err(AdminError::BadValue {
                what: "switch with a new configuration",
                reason: format!(
                    "{}: `pid` does not name the file with the master's process id",
                    folder.display()
                ),
            });
        };
        Ok(Self { included: folder.join(INCLUDED), pid_file: folder.join(pid) })
    }

    /// Returns the algorithm that the included file names.
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
        // Replace the file atomically: nginx may be loading it at this moment.
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
                    routes: "the previous configuration".to_owned(),
                }
            });
        }
    }

    fn master(&self) -> Result<u32, AdminError> {
        let text = std::fs::read_to_string(&self.pid_file).map_err(|error| bad(&self.pid_file, error))?;
        text.trim()
            .parse()
            .map_err(|_| bad(&self.pid_file, format!("holds `{}`, which is not a process id", text.trim())))
    }

    fn hang_up(&self, master: u32) -> Result<(), AdminError> {
        let told =
            Pid::from_raw(master as i32).map_or(Err(Errno::SRCH), |pid| kill_process(pid, Signal::HUP));
        told.map_err(|error| match error {
            Errno::PERM => AdminError::Denied {
                place: format!("the nginx master (pid {master})"),
                way_out: "run `bench` as the user who started nginx, or switch with the selector",
            },
            error => bad(&self.pid_file, format!("failed to signal process {master}: {error}")),
        })
    }
}

/// Lists the processes that a master has started.
fn workers(master: u32) -> BTreeSet<u32> {
    let listed =
        std::fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn bad(path: &Path, reason: impl std::fmt::Display) -> AdminError {
    AdminError::BadValue {
        what: "switch with a new configuration",
        reason: format!("{}: {reason}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};

    /// A process that plays the role of nginx's master, its child processes, and its folder.
    struct Master {
        process: Child,
        folder: PathBuf,
    }

    impl Master {
        /// Starts the process. `on_hang_up` is the command that the shell runs on SIGHUP.
        fn start(test: &str, on_hang_up: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("reload-{}-{test}", std::process::id()));
            std::fs::create_dir_all(&folder).expect("a folder for temporary files");
            std::fs::write(folder.join(INCLUDED), "default round-robin;\n").expect("the folder is ours");
            let script = format!("trap '{on_hang_up}' HUP; sleep 60 & : > ready; while :; do wait; done");
            // A shell cannot trap what was ignored when it began, as SIGHUP is under nohup.
            let mut command = Command::new("env");
            command
                .args(["--default-signal=HUP", "sh", "-c", &script])
                .current_dir(&folder)
                .stdin(Stdio::null())
                .process_group(0);
            let process = command.spawn().expect("there is a shell");
            std::fs::write(folder.join("pid"), process.id().to_string()).expect("the folder is ours");
            // This limit is generous, since the script only has to start.
            let deadline = std::time::Instant::now() + Duration::from_secs(20);
            while !folder.join("ready").exists() && std::time::Instant::now() < deadline {
                std::thread::sleep(POLL);
            }
            Self { process, folder }
        }

        async fn switch(&self) -> AdminError {
            let reload = Reload::new(&self.folder, Some(Path::new("pid"))).expect("it names the file");
            let p2c = "p2c".parse().expect("p2c is known");
            let error = reload.switch(&p2c, Duration::from_millis(300)).await.expect_err("it must not pass");
            assert_eq!(reload.selected().expect("the file is there"), "p2c", "the file was replaced whole");
            error
        }
    }

    impl Drop for Master {
        fn drop(&mut self) {
            if let Some(group) = Pid::from_raw(self.process.id() as i32) {
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
            }
            let _ = self.process.wait();
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    #[tokio::test]
    async fn old_workers_that_do_not_end_are_named() {
        let master = Master::start("old", "sleep 60 &");
        // A shell that gets the signal just before it waits acts on the next one.
        for _ in 0..10 {
            let old: Vec<u32> = workers(master.process.id()).into_iter().collect();
            match master.switch().await {
                AdminError::OldGeneration { native, left, .. } => {
                    assert_eq!((native.as_str(), left), ("p2c", old), "every old one is named");
                    return;
                }
                AdminError::NotSwitched { .. } => {}
                other => panic!("a new worker came and the old one stayed, and it says: {other}"),
            }
        }
        panic!("no new worker came");
    }

    #[tokio::test]
    async fn a_configuration_that_is_not_taken_is_no_switch() {
        let master = Master::start("refused", ":");
        let error = master.switch().await;
        assert!(matches!(error, AdminError::NotSwitched { .. }), "no new worker came: {error}");
        assert!(error.to_string().contains("error log"), "and it says where to look: {error}");
    }
}
