//! The program that measures, as a child process with `--steer`: events come from its standard output, its log from its
//! standard error, and commands go to its standard input.
//!
//! It has a process group of its own, so that Ctrl-C on the terminal of the server reaches the server alone. When the server
//! ends, however it ends, the pipe of commands is closed, which the child takes as its ordinary end.

use crate::lines::{Line, Lines};
use rustix::process::{Pid, Signal, kill_process_group};
use std::cell::Cell;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::process::{Child as Process, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

/// The longest event. The last one of an experiment holds its whole summary.
const LONGEST_EVENT: usize = 64 << 20;
/// The longest line of the log.
const LONGEST_LINE: usize = 8 << 10;
/// The most commands that wait for the child to read them.
const MOST_WAITING: usize = 16;
/// How long the pipes are still read after the child has ended. A process that it left behind may hold them open.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Variables with secrets of the server, which no child needs.
pub(crate) const SECRETS: [&str; 2] = ["BENCH_WEB_AUTH", "BENCH_WEB_TOKEN"];

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    /// Its exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
}

impl From<std::process::ExitStatus> for Exit {
    fn from(status: std::process::ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        Self { code: status.code(), signal: status.signal() }
    }
}

/// What a child says.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    /// A line of the event stream.
    Event(Line),
    /// A line of the log.
    Log(Line),
    /// It has ended. Nothing follows.
    Ended(Exit),
}

/// A child that was started.
#[derive(Debug)]
pub(crate) struct Child {
    commands: mpsc::Sender<String>,
    group: Option<Pid>,
    /// Whether the process has not been waited for, so that its number is not given to another process.
    lives: Rc<Cell<bool>>,
}

impl Child {
    /// Starts a program. `hear` is called for everything that it says, in order for each of its pipes.
    ///
    /// # Errors
    /// The program cannot be started.
    pub(crate) fn start(exe: &Path, arguments: &[String], hear: Rc<dyn Fn(Said)>) -> io::Result<Self> {
        let mut command = Command::new(exe);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        for secret in SECRETS {
            command.env_remove(secret);
        }
        let mut process = command.spawn()?;
        let group = process.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let (commands, waiting) = mpsc::channel(MOST_WAITING);
        let writer = process.stdin.take().map(|stdin| spawn_local(write(stdin, waiting)));
        let said = Rc::clone(&hear);
        let events = process.stdout.take().map(|pipe| {
            spawn_local(async move {
                let mut lines = Lines::new(BufReader::with_capacity(64 << 10, pipe), LONGEST_EVENT);
                while let Ok(Some(line)) = lines.next().await {
                    said(Said::Event(line));
                }
            })
        });
        let said = Rc::clone(&hear);
        let log = process.stderr.take().map(|pipe| {
            spawn_local(async move {
                let mut lines = Lines::new(BufReader::new(pipe), LONGEST_LINE);
                while let Ok(Some(line)) = lines.next().await {
                    said(Said::Log(line));
                }
            })
        });
        let lives = Rc::new(Cell::new(true));
        spawn_local(outlive(process, Rc::clone(&lives), [events, log], writer, hear));
        Ok(Self { commands, group, lives })
    }

    /// Sends a command, which is one line of JSON.
    ///
    /// # Errors
    /// The child does not read its commands, or has ended.
    pub(crate) fn send(&self, line: String) -> Result<(), &'static str> {
        self.commands.try_send(line).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                "the run does not read its commands at the moment; try again"
            }
            mpsc::error::TrySendError::Closed(_) => "the run takes no more commands: it is about to end",
        })
    }

    /// Kills the process with everything that it started.
    pub(crate) fn kill(&self) {
        if let Some(group) = self.group.filter(|_| self.lives.get()) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Writes commands until the child reads no more, or no sender is left.
async fn write(mut stdin: ChildStdin, mut waiting: mpsc::Receiver<String>) {
    while let Some(mut line) = waiting.recv().await {
        line.push('\n');
        if stdin.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Waits for the end of a process, and for the rest of what it said.
async fn outlive(
    mut process: Process,
    lives: Rc<Cell<bool>>,
    pipes: [Option<JoinHandle<()>>; 2],
    writer: Option<JoinHandle<()>>,
    hear: Rc<dyn Fn(Said)>,
) {
    let ended = process.wait().await;
    lives.set(false);
    for pipe in pipes.into_iter().flatten() {
        let reader = pipe.abort_handle();
        if timeout(LAST_WORDS, pipe).await.is_err() {
            reader.abort();
        }
    }
    if let Some(writer) = writer {
        writer.abort();
    }
    hear(Said::Ended(ended.map_or(Exit { code: None, signal: None }, Exit::from)));
}
