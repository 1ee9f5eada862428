//! Prints to standard output and standard error without ever panicking.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

/// The first error of standard output that is not a closed pipe.
static UNPRINTED: OnceLock<String> = OnceLock::new();

/// Prints a text and a line break to standard output.
///
/// A closed pipe (`bench plan | head`) is no error: the reader has seen what it wanted. Any other error is
/// remembered for [`unprinted`].
pub fn print(text: impl Display) {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
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
