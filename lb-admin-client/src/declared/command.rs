//! Runs a command without a shell, within a time limit, and keeps what it prints.
//!
//! A command may start a process that goes on, such as a reloaded load balancer, so its end is that of its own
//! process, not of everything that holds its output open. Only at the limit is the whole group ended.

use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The bytes of output that are kept: the last ones.
const KEPT: usize = 1 << 20;
/// The longest wait for the rest of the output after the command has ended: another process may hold it open.
const GRACE: Duration = Duration::from_millis(250);

/// A command that ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// A command that did not end by itself.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It could not be started.
    Start(io::Error),
    /// It was ended at the limit; what it had printed by then.
    TooSlow(Vec<u8>),
}

/// Runs a program with its arguments.
pub(super) async fn run(words: &[String], limit: Duration) -> Result<Ran, Trouble> {
    let [program, arguments @ ..] = words else {
        return Err(Trouble::Start(io::Error::new(io::ErrorKind::InvalidInput, "no program is named")));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Out of the terminal's process group: Ctrl-C is for `bench`, which then restores the load balancer.
    let mut child = command.process_group(0).kill_on_drop(true).spawn().map_err(Trouble::Start)?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let stdout = Reader::start(child.stdout.take());
    let stderr = Reader::start(child.stderr.take());
    match timeout(limit, child.wait()).await {
        Ok(status) => {
            group.let_go();
            let status = status.map_err(Trouble::Start)?;
            Ok(Ran { status, stdout: stdout.rest().await, stderr: stderr.rest().await })
        }
        Err(_) => {
            drop(group);
            // It was killed, so this ends.
            let _ = child.wait().await;
            let (stdout, stderr) = (stdout.rest().await, stderr.rest().await);
            Err(Trouble::TooSlow([stdout, stderr].concat()))
        }
    }
}

/// A process group that is ended when it is dropped, unless its command has ended.
struct Group(Option<Pid>);

impl Group {
    fn let_go(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.take() {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Reads a stream to its end and keeps its last bytes.
struct Reader {
    kept: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Reader {
    fn start(stream: Option<impl AsyncRead + Unpin + Send + 'static>) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&kept);
        let task = tokio::spawn(async move {
            let Some(mut stream) = stream else { return };
            let mut buffer = vec![0; 8192];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&buffer[..count]);
                if kept.len() > 2 * KEPT {
                    let surplus = kept.len() - KEPT;
                    kept.drain(..surplus);
                }
            }
        });
        Self { kept, task }
    }

    /// Waits for the end of the stream, but not long, and returns what came.
    async fn rest(mut self) -> Vec<u8> {
        if timeout(GRACE, &mut self.task).await.is_err() {
            self.task.abort();
        }
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const LIMIT: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn status_and_output_of_a_command_are_told() {
        let ran = run(&shell("echo out; echo err >&2; exit 3"), LIMIT).await.expect("it ends");
        assert_eq!(ran.status.code(), Some(3));
        assert_eq!((ran.stdout.as_slice(), ran.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_an_error() {
        let missing = run(&["/nonexistent/program".to_owned()], LIMIT).await;
        assert!(matches!(missing, Err(Trouble::Start(error)) if error.kind() == io::ErrorKind::NotFound));
    }

    #[tokio::test]
    async fn at_the_limit_the_command_and_its_children_are_ended() {
        // The inner sleep holds the output open as long as it lives.
        let hangs = run(&shell("sleep 600 & echo $!; wait"), Duration::from_millis(300)).await;
        let Err(Trouble::TooSlow(said)) = hangs else { panic!("it does not end by itself: {hangs:?}") };
        let id: i32 = String::from_utf8_lossy(&said).trim().parse().expect("the id of the child");
        let child = Pid::from_raw(id).expect("a process");
        let gone = || {
            // A killed child without a parent is a zombie until init reaps it.
            let status = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            rustix::process::test_kill_process(child).is_err() || status.contains(") Z ")
        };
        let begun = Instant::now();
        while !gone() && begun.elapsed() < LIMIT {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(gone(), "process {id} is ended with its group");
    }

    #[tokio::test]
    async fn a_process_that_goes_on_is_not_waited_for() {
        let ran = run(&shell("sleep 600 & echo $!"), LIMIT).await.expect("the command itself ends");
        let id: i32 = String::from_utf8_lossy(&ran.stdout).trim().parse().expect("the id of the child");
        let child = Pid::from_raw(id).expect("a process");
        rustix::process::kill_process(child, Signal::KILL).expect("it still runs");
    }
}
