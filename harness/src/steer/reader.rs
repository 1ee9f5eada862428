//! The thread that reads commands from standard input.

use super::command::{Command, Misread};
use std::io::{self, BufRead, Read};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// The longest command in bytes.
const LONGEST: u64 = 64 * 1024;

/// The number of commands that may wait.
const BACKLOG: usize = 64;

/// A command, or what is wrong with a line that is none.
pub type Received = Result<Command, Misread>;

/// Starts a thread that reads commands from `input`, and calls `at_end` once there are no more.
///
/// # Errors
/// When the system has no thread left.
pub fn read_commands(
    input: impl Read + Send + 'static,
    at_end: impl FnOnce() + Send + 'static,
) -> io::Result<Receiver<Received>> {
    let (sender, commands) = channel(BACKLOG);
    std::thread::Builder::new().name("commands".to_owned()).spawn(move || {
        read_all(io::BufReader::new(input), &sender);
        at_end();
    })?;
    Ok(commands)
}

fn read_all(mut input: impl BufRead, sender: &Sender<Received>) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match input.by_ref().take(LONGEST + 1).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let is_whole = line.ends_with(b"\n") || line.len() as u64 <= LONGEST;
        let received = match is_whole {
            true if line.trim_ascii().is_empty() => continue,
            true => Command::parse(&String::from_utf8_lossy(&line)),
            false => {
                if skip_line(&mut input).is_err() {
                    return;
                }
                let text = format!("a command is a line of at most {LONGEST} bytes; write a shorter one");
                Err(Misread { id: None, text })
            }
        };
        // A run that is over takes no more commands, but the end of the input still counts.
        let _ = sender.blocking_send(received);
    }
}

/// Skips the rest of a line.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let (length, found) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(length);
        if found {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steer::Wish;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn lines_are_commands_and_long_ones_are_refused_without_being_kept() {
        let long = "x".repeat(3 * LONGEST as usize);
        let text = format!("{{\"do\":\"pause\"}}\n\n  \n{long}\n{{\"do\":\"resume\"}}");
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ended);
        let input = io::Cursor::new(text.into_bytes());
        let mut commands =
            read_commands(input, move || flag.store(true, Ordering::SeqCst)).expect("a thread");
        let mut received = Vec::new();
        while let Some(one) = commands.blocking_recv() {
            received.push(one);
        }
        assert_eq!(received.len(), 3, "{received:?}");
        assert_eq!(received[0].as_ref().map(|command| &command.wish), Ok(&Wish::Pause));
        assert!(received[1].as_ref().is_err_and(|error| error.text.contains("at most 65536 bytes")));
        assert_eq!(
            received[2].as_ref().map(|command| &command.wish),
            Ok(&Wish::Resume),
            "the last needs no end"
        );
        for _ in 0..1_000 {
            if ended.load(Ordering::SeqCst) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        panic!("the end of the input is told");
    }
}
