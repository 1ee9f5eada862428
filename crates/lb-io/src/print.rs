//! Prints to standard output and standard error without ever panicking.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The first error of standard output that is not a closed pipe.
static UNPRINTED: OnceLock<String> = OnceLock::new();

/// Whether standard output carries something for programs, so that texts for people go to standard error.
static DIVERTED: AtomicBool = AtomicBool::new(false);

/// From now on, prints all texts for people to standard error, because standard output carries something for programs
/// ([`print_raw`]).
pub fn divert() {
    DIVERTED.store(true, Ordering::Relaxed);
}

/// Writes bytes for programs to standard output, whether or not texts are diverted. Errors are as those of [`print()`].
pub fn print_raw(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    remember(out.write_all(bytes).and_then(|()| out.flush()));
}

/// Prints a text and a line break to standard output, or to standard error after [`divert`].
///
/// A closed pipe (`bench plan | head`) is no error: the reader has seen what it wanted. Any other error is
/// remembered for [`unprinted`].
pub fn print(text: impl Display) {
    if DIVERTED.load(Ordering::Relaxed) {
        return complain(text);
    }
    let mut out = io::stdout().lock();
    remember(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// Remembers the first error of standard output, unless it is a closed pipe.
fn remember(printed: io::Result<()>) {
    match printed {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => drop(UNPRINTED.set(error.to_string())),
        _ => {}
    }
}

/// Returns the first error with which standard output refused a text; `None` if everything was printed, or the
/// reader of a pipe closed it.
pub fn unprinted() -> Option<&'static str> {
    UNPRINTED.get().map(String::as_str)
}

/// Prints a text and a line break to standard error. All errors are ignored: there is nowhere left to report them.
pub fn complain(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A writer that ignores all errors, for logs. A log that cannot be written must not end what it describes.
#[derive(Debug)]
pub struct Lossy<W>(pub W);

impl<W: Write> Write for Lossy<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lossy_writer_takes_everything_from_a_full_disk() {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("the device exists");
        assert!((&full).write_all(b"line\n").is_err(), "the device is full");
        let mut log = Lossy(full);
        assert!(writeln!(log, "a line").and_then(|()| log.flush()).is_ok(), "and the log does not notice");
    }
}
