//! Runs the program to its end and keeps what it printed: for checks of forms and for comparisons.

use crate::child::{Exit, SECRETS};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::time::timeout;

/// The most that is kept of each output, in bytes.
const MOST_OUTPUT: u64 = 1 << 20;

/// What a program printed, and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    /// How it ended; `None` if it took too long and was killed.
    pub(crate) exit: Option<Exit>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// Runs a program for `limit` at most, with nothing on its standard input.
///
/// # Errors
/// The program cannot be started.
pub(crate) async fn run(exe: &Path, arguments: &[String], limit: Duration) -> io::Result<Captured> {
    let mut command = Command::new(exe);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    for secret in SECRETS {
        command.env_remove(secret);
    }
    let mut process = command.spawn()?;
    let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let ended = timeout(limit, async {
        tokio::join!(keep(stdout, &mut out), keep(stderr, &mut err));
        process.wait().await
    })
    .await;
    let exit = match ended {
        Ok(ended) => Some(Exit::from(ended?)),
        Err(_) => {
            let _ = process.kill().await;
            None
        }
    };
    let text =
        |bytes: Vec<u8>| lb_core::plain::lines(String::from_utf8_lossy(&bytes).trim_end()).into_owned();
    Ok(Captured { exit, out: text(out), err: text(err) })
}

/// Reads to the end, and keeps the beginning.
async fn keep(pipe: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut pipe) = pipe else { return };
    if (&mut pipe).take(MOST_OUTPUT).read_to_end(kept).await.is_ok() {
        let mut rest = [0; 8192];
        while pipe.read(&mut rest).await.is_ok_and(|count| count > 0) {}
    }
}
