//! A child process that never outlives `bench`, however that ends. Our own programs watch their standard
//! input, which closes when the parent goes. Others are started by way of a hidden subcommand, which asks the
//! system for a signal at the parent's end and then becomes the program.

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::CommandExt;
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
    /// Become another program that ends with its parent.
    #[command(name = "__become", hide = true)]
    Become(BecomeArgs),
}

/// A program and what it is given.
#[derive(Debug, clap::Args)]
pub struct BecomeArgs {
    /// The program, then its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

impl BecomeArgs {
    /// Returns only when the program cannot be started.
    fn main(&self) -> std::process::ExitCode {
        let [program, args @ ..] = self.command.as_slice() else { return std::process::ExitCode::FAILURE };
        // SIGTERM, so that a program with processes of its own can end them. The setting outlives exec.
        #[cfg(target_os = "linux")]
        if let Err(error) =
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
        {
            eprintln!("failed to be told of the parent's end: {error}");
        }
        let error = std::process::Command::new(program).args(args).exec();
        eprintln!("failed to start `{}`: {error}", program.to_string_lossy());
        std::process::ExitCode::FAILURE
    }
}

impl ChildCommand {
    /// Serves until it is told to end. Children bring their own runtimes and logs.
    pub fn main(&self) -> std::process::ExitCode {
        match self {
            Self::LoadBalancer(args) => load_balancer::cli::main(args),
            Self::MockBackends(args) => mock_backends::cli::main(args),
            Self::Become(args) => args.main(),
        }
    }
}

/// A running child.
#[derive(Debug)]
pub struct Child {
    name: &'static str,
    process: tokio::process::Child,
    // Held open: its end tells a child of ours to end.
    stdin: Option<ChildStdin>,
    log: PathBuf,
    /// The group of a program that is told to end by a signal, until that is done. Kept apart from the process,
    /// since what it has started may outlive it (workers whose master was killed).
    group: Option<Pid>,
}

impl Child {
    /// Starts this very program with a hidden subcommand, waits for the JSON line that says where it
    /// listens, and gives that back. What it logs goes to `log`.
    pub async fn start(name: &'static str, args: &[&str], log: &Path) -> Result<(Self, serde_json::Value)> {
        let mut command = command(log)?;
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().with_context(|| format!("failed to start {name}"))?;
        let stdin = process.stdin.take();
        let stdout = process.stdout.take().context("the child has no standard output")?;
        let mut child = Self { name, process, stdin, log: log.to_owned(), group: None };

        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        let read = tokio::time::timeout(START_TIMEOUT, reader.read_line(&mut line)).await;
        match read {
            Err(_) => bail!(
                "{name} did not start within {} s; its log is `{}`",
                START_TIMEOUT.as_secs(),
                log.display()
            ),
            Ok(Err(error)) => return Err(error).context(format!("failed to read from {name}")),
            Ok(Ok(0)) => {
                let status = tokio::time::timeout(STOP_TIMEOUT, child.process.wait()).await;
                let how = status
                    .ok()
                    .and_then(Result::ok)
                    .map_or_else(String::new, |status| format!(" ({status})"));
                bail!("{name} ended before it listened{how}: {}", child.last_log_lines());
            }
            Ok(Ok(_)) => {}
        }
        let ready = serde_json::from_str(&line)
            .with_context(|| format!("failed to read where {name} listens from `{}`", line.trim()))?;
        Ok((child, ready))
    }

    /// Starts another program, in the folder `dir`. All that it prints goes to `log`. When it is ready is for
    /// the caller to find out.
    pub fn start_program(
        name: &'static str,
        program: &Path,
        args: &[OsString],
        environment: &[(&str, OsString)],
        dir: &Path,
        log: &Path,
    ) -> Result<Self> {
        let mut command = command(log)?;
        let log_file = File::options().append(true).open(log);
        command.arg("__become").arg(program).args(args).current_dir(dir);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::from(log_file.context("failed to open its log")?));
        let process = command.spawn().with_context(|| format!("failed to start {name}"))?;
        let group = process.id().and_then(|pid| Pid::from_raw(pid as i32));
        Ok(Self { name, process, stdin: None, log: log.to_owned(), group })
    }

    /// Its process, while it runs.
    pub(super) fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// User and system CPU seconds that it and its processes have used.
    pub fn cpu_seconds(&self) -> Option<f64> {
        let pid = self.process.id()?;
        let of_children = children(pid).into_iter().filter_map(cpu_seconds).sum::<f64>();
        Some(cpu_seconds(pid)? + of_children)
    }

    /// An error if the child has ended, with what it logged last.
    pub fn check(&mut self) -> Result<()> {
        match self.process.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                self.end_group();
                bail!("{} has ended ({status}): {}", self.name, self.last_log_lines())
            }
            Err(error) => Err(error).context(format!("failed to look after {}", self.name)),
        }
    }

    /// Ends it: closes its standard input or sends it SIGTERM, and kills it if it does not follow.
    pub async fn stop(mut self) {
        drop(self.stdin.take());
        // No more when it has ended: its number may be another's by now.
        if let (Some(process), Some(_)) = (self.group, self.process.id()) {
            let _ = rustix::process::kill_process(process, Signal::TERM);
        }
        if tokio::time::timeout(STOP_TIMEOUT, self.process.wait()).await.is_err() {
            tracing::warn!(child = self.name, "did not end by itself, killing it");
            let _ = self.process.kill().await;
        }
        self.end_group();
    }

    /// Ends what a program has started and left.
    fn end_group(&mut self) {
        if let Some(group) = self.group.take() {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }

    /// Whether its log says this.
    pub(super) fn logged(&self, text: &str) -> bool {
        std::fs::read_to_string(&self.log).is_ok_and(|log| log.contains(text))
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

/// What is dropped while it runs, after an error, is killed by tokio; the processes that it started are not.
impl Drop for Child {
    fn drop(&mut self) {
        self.end_group();
    }
}

/// A command that runs this very program: it ends when it is dropped, and what it says of itself goes to `log`.
fn command(log: &Path) -> Result<Command> {
    let program = std::env::current_exe().context("failed to find the path of this program")?;
    let log_file =
        File::create(log).with_context(|| format!("failed to create the log `{}`", log.display()))?;
    let mut command = Command::new(program);
    command.stderr(Stdio::from(log_file)).kill_on_drop(true);
    // Out of the terminal's process group: Ctrl-C is for `bench`, which then ends its children in order.
    #[cfg(unix)]
    command.process_group(0);
    Ok(command)
}

/// The processes that a process has started and that still run; none where the system does not tell.
fn children(pid: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
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
