//! A child process that never outlives `bench`, however `bench` ends. Our own programs watch their standard
//! input, which closes when the parent ends. Other programs are started through a hidden subcommand, which
//! asks the system for a signal at the parent's end and then replaces itself with the program
//! ([`ChildCommand`](crate::children::ChildCommand)).

use super::error::TestbedError;
use lb_core::plain;
use rustix::process::{Pid, Signal};
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{ChildStdin, Command};

/// The longest time to wait until a child listens. It is generous because a loaded machine starts slowly, and
/// a child that cannot start fails at once.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a child may take to end once its standard input is closed.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The subcommand that runs the reference load balancer as a child.
pub(crate) const LOAD_BALANCER: &str = "__load-balancer";
/// The subcommand that runs the mock backends as a child.
pub(crate) const MOCK_BACKENDS: &str = "__mock-backends";
/// The hidden subcommand that replaces itself with another program.
pub(crate) const BECOME: &str = "__become";

/// A running child process.
#[derive(Debug)]
pub struct Child {
    name: &'static str,
    process: tokio::process::Child,
    // Held open: closing it tells one of our own programs to end.
    stdin: Option<ChildStdin>,
    log: PathBuf,
    /// The process group of another program, until it is killed; `None` for our own programs. Kept separately
    /// from the process, which its workers may outlive.
    group: Option<Pid>,
}

impl Child {
    /// Starts this program again with a hidden subcommand, waits for the JSON line that reports the addresses
    /// at which the child listens, and returns that line. The child's log goes to `log`.
    ///
    /// # Errors
    /// When the child cannot be started, ends before it listens, or takes too long. The error names its log
    /// or contains its last lines.
    pub async fn start(
        name: &'static str,
        args: &[&str],
        log: &Path,
    ) -> Result<(Self, serde_json::Value), TestbedError> {
        let mut command = command(log)?;
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|source| system(format!("start {name}"), source))?;
        let stdin = process.stdin.take();
        let no_stdout = || system(format!("read from {name}"), std::io::ErrorKind::BrokenPipe.into());
        let stdout = process.stdout.take().ok_or_else(no_stdout)?;
        let mut child = Self { name, process, stdin, log: log.to_owned(), group: None };

        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        match tokio::time::timeout(START_TIMEOUT, reader.read_line(&mut line)).await {
            Err(_) => {
                let seconds = START_TIMEOUT.as_secs();
                return Err(TestbedError::Slow { name, seconds, log: log.to_owned() });
            }
            Ok(Err(source)) => return Err(system(format!("read from {name}"), source)),
            Ok(Ok(0)) => {
                let ended = tokio::time::timeout(STOP_TIMEOUT, child.process.wait()).await;
                let status = ended.ok().and_then(Result::ok);
                return Err(TestbedError::Stillborn { name, status, said: child.last_log_lines() });
            }
            Ok(Ok(_)) => {}
        }
        let ready = serde_json::from_str(&line).map_err(|source| TestbedError::Reply {
            what: format!("the address that {name} reported: `{}`", line.trim()),
            source,
        })?;
        Ok((child, ready))
    }

    /// Starts another program in the folder `dir`. Its output and its errors go to these files, which may be the same.
    /// The caller has to wait until the program is ready.
    ///
    /// # Errors
    /// When this program cannot be started again, or the log cannot be written. If the other program cannot
    /// be started, [`check`](Self::check) reports it.
    pub fn start_program(
        name: &'static str,
        program: &Path,
        args: &[OsString],
        environment: &[(&str, OsString)],
        dir: &Path,
        [output, log]: [&Path; 2],
    ) -> Result<Self, TestbedError> {
        let mut command = command(log)?;
        let output = File::options().create(true).append(true).open(output);
        let output = output.map_err(|source| system("open its log".to_owned(), source))?;
        command.arg(BECOME).arg(program).args(args).current_dir(dir);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::from(output));
        let process = command.spawn().map_err(|source| system(format!("start {name}"), source))?;
        let group = process.id().and_then(|pid| Pid::from_raw(pid as i32));
        Ok(Self { name, process, stdin: None, log: log.to_owned(), group })
    }

    /// Returns the process id; `None` if the child has ended.
    pub(super) fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Returns the user and system CPU seconds that the child and its own children have used; `None` if the
    /// system does not report them.
    pub fn cpu_seconds(&self) -> Option<f64> {
        let pid = self.process.id()?;
        let of_children = children(pid).into_iter().filter_map(cpu_seconds).sum::<f64>();
        Some(cpu_seconds(pid)? + of_children)
    }

    /// Checks that the child is still running.
    ///
    /// # Errors
    /// When the child has ended; the error contains the last lines of its log.
    pub fn check(&mut self) -> Result<(), TestbedError> {
        match self.process.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                self.end_group();
                Err(TestbedError::Ended { name: self.name, status, said: self.last_log_lines() })
            }
            Err(source) => Err(system(format!("check on {}", self.name), source)),
        }
    }

    /// Ends the child: closes its standard input or sends it SIGTERM, and kills it if it does not end in
    /// time.
    pub async fn stop(mut self) {
        drop(self.stdin.take());
        // Only while it runs: afterwards its process id may belong to another process.
        if let (Some(process), Some(_)) = (self.group, self.process.id()) {
            let _ = rustix::process::kill_process(process, Signal::TERM);
        }
        if tokio::time::timeout(STOP_TIMEOUT, self.process.wait()).await.is_err() {
            tracing::warn!(child = self.name, "did not end in time; killing it");
            let _ = self.process.kill().await;
        }
        self.end_group();
    }

    /// Kills the remaining processes of the group.
    fn end_group(&mut self) {
        if let Some(group) = self.group.take() {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }

    /// Returns whether the log contains `text`.
    pub(super) fn logged(&self, text: &str) -> bool {
        std::fs::read_to_string(&self.log).is_ok_and(|log| log.contains(text))
    }

    fn last_log_lines(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        match lines.is_empty() {
            true => format!("its log `{}` is empty", self.log.display()),
            false => plain::line(&lines.into_iter().rev().collect::<Vec<_>>().join("; ")).into_owned(),
        }
    }
}

/// A child that is dropped while it runs, as after an error, is killed by tokio; its own children are not.
impl Drop for Child {
    fn drop(&mut self) {
        self.end_group();
    }
}

/// Makes a command that runs this program. The process is killed on drop, and its standard error goes to
/// `log`.
fn command(log: &Path) -> Result<Command, TestbedError> {
    let program = std::env::current_exe()
        .map_err(|source| system("find the path of this program".to_owned(), source))?;
    let log_file = File::create(log).map_err(|source| TestbedError::File {
        what: "create the log",
        path: log.to_owned(),
        source,
    })?;
    let mut command = Command::new(program);
    command.stderr(Stdio::from(log_file)).kill_on_drop(true);
    // Out of the terminal's process group: Ctrl-C is for `bench`, which then ends its children in order.
    #[cfg(unix)]
    command.process_group(0);
    Ok(command)
}

fn system(what: String, source: std::io::Error) -> TestbedError {
    TestbedError::System { what, source }
}

/// Lists the running child processes of a process; empty if the system does not report them.
fn children(pid: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Returns the user and system CPU seconds that a process has used; `None` if the system does not report
/// them.
pub fn cpu_seconds(pid: u32) -> Option<f64> {
    // proc(5): fields 14 and 15 are utime and stime in clock ticks; the command name in parentheses may hold
    // spaces, so counting starts after it.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let ticks = rustix::param::clock_ticks_per_second();
    Some((user + system) as f64 / ticks as f64)
}
