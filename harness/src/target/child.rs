//! A child process that never outlives `bench`: it watches its standard input, which closes when the
//! parent goes, however it goes.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{ChildStdin, Command};

/// How long a child may take until it listens. Generous: a loaded machine starts slowly, and a child
/// that cannot start says so at once.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a child may take to end once its standard input is closed.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The hidden subcommands by which a program that drives the embedded target is its own load balancer and
/// backends: whoever calls [`Child::start`] must take them.
#[derive(Debug, clap::Subcommand)]
pub enum ChildCommand {
    /// Run the reference load balancer.
    #[command(name = "__load-balancer", hide = true)]
    LoadBalancer(load_balancer::cli::Args),
    /// Run the mock backends.
    #[command(name = "__mock-backends", hide = true)]
    MockBackends(mock_backends::cli::Args),
}

impl ChildCommand {
    /// Serves until it is told to end. Children bring their own runtimes and logs.
    pub fn main(&self) -> std::process::ExitCode {
        match self {
            Self::LoadBalancer(args) => load_balancer::cli::main(args),
            Self::MockBackends(args) => mock_backends::cli::main(args),
        }
    }
}

/// A running child.
#[derive(Debug)]
pub struct Child {
    name: &'static str,
    process: tokio::process::Child,
    // Held open: its end tells the child to end.
    stdin: Option<ChildStdin>,
    log: PathBuf,
}

impl Child {
    /// Starts this very program with a hidden subcommand, waits for the JSON line that says where it
    /// listens, and gives that back. What it logs goes to `log`.
    pub async fn start(name: &'static str, args: &[&str], log: &Path) -> Result<(Self, serde_json::Value)> {
        let program = std::env::current_exe().context("failed to find the path of this program")?;
        let log_file =
            File::create(log).with_context(|| format!("failed to create the log `{}`", log.display()))?;
        let mut command = Command::new(program);
        command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log_file))
            .kill_on_drop(true);
        // Out of the terminal's process group: Ctrl-C is for `bench`, which then ends its children in order.
        #[cfg(unix)]
        command.process_group(0);
        let mut process = command.spawn().with_context(|| format!("failed to start the {name}"))?;
        let stdin = process.stdin.take();
        let stdout = process.stdout.take().context("the child has no standard output")?;
        let mut child = Self { name, process, stdin, log: log.to_owned() };

        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        let read = tokio::time::timeout(START_TIMEOUT, reader.read_line(&mut line)).await;
        match read {
            Err(_) => bail!(
                "the {name} did not start within {} s; its log is `{}`",
                START_TIMEOUT.as_secs(),
                log.display()
            ),
            Ok(Err(error)) => return Err(error).context(format!("failed to read from the {name}")),
            Ok(Ok(0)) => {
                let status = tokio::time::timeout(STOP_TIMEOUT, child.process.wait()).await;
                let how = status
                    .ok()
                    .and_then(Result::ok)
                    .map_or_else(String::new, |status| format!(" ({status})"));
                bail!("the {name} ended before it listened{how}: {}", child.last_log_lines());
            }
            Ok(Ok(_)) => {}
        }
        let ready = serde_json::from_str(&line)
            .with_context(|| format!("failed to read where the {name} listens from `{}`", line.trim()))?;
        Ok((child, ready))
    }

    /// The process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// An error if the child has ended, with what it logged last.
    pub fn check(&mut self) -> Result<()> {
        match self.process.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                bail!("the {} ended in the run ({status}): {}", self.name, self.last_log_lines())
            }
            Err(error) => Err(error).context(format!("failed to look after the {}", self.name)),
        }
    }

    /// Ends it: closes its standard input, and kills it if it does not follow.
    pub async fn stop(mut self) {
        drop(self.stdin.take());
        if tokio::time::timeout(STOP_TIMEOUT, self.process.wait()).await.is_err() {
            tracing::warn!(child = self.name, "did not end by itself, killing it");
            let _ = self.process.kill().await;
        }
    }

    fn last_log_lines(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        match lines.is_empty() {
            true => format!("it logged nothing (`{}`)", self.log.display()),
            false => lines.into_iter().rev().collect::<Vec<_>>().join("; "),
        }
    }
}

/// User and system CPU seconds that a process has used; none where the system does not tell.
pub fn cpu_seconds(pid: u32) -> Option<f64> {
    // proc(5): fields 14 and 15 are utime and stime in clock ticks; the command name in parentheses
    // may hold spaces, so counting starts behind it.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let ticks = rustix::param::clock_ticks_per_second();
    Some((user + system) as f64 / ticks as f64)
}
