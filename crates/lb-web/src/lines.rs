//! Reads lines of bounded length from another process.

use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The whole line, without its end. Bytes that are not UTF-8 are replaced.
    Whole(String),
    /// The beginning of a line that was too long; the rest was skipped.
    Cut(String),
}

/// Reads lines of at most `most` bytes.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: R,
    most: usize,
    begun: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// Makes a reader of lines.
    pub(crate) fn new(reader: R, most: usize) -> Self {
        Self { reader, most, begun: Vec::new() }
    }

    /// Returns the next line; `None` at the end. Memory is bounded by the longest line that is allowed.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Line>> {
        let mut too_long = false;
        loop {
            let chunk = self.reader.fill_buf().await?;
            if chunk.is_empty() {
                return Ok((too_long || !self.begun.is_empty()).then(|| self.take(too_long)));
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            let room = self.most - self.begun.len();
            too_long |= part.len() > room;
            self.begun.extend_from_slice(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some(self.take(too_long)));
            }
        }
    }

    fn take(&mut self, too_long: bool) -> Line {
        let mut bytes = std::mem::take(&mut self.begun);
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        if too_long { Line::Cut(text) } else { Line::Whole(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_read_whole_up_to_their_limit_and_cut_beyond_it() {
        let text: &[u8] = b"one\r\n\n123456\nlonger than six\nlast \xff";
        let mut lines = Lines::new(tokio::io::BufReader::with_capacity(4, text), 6);
        let whole = |text: &str| Some(Line::Whole(text.to_owned()));
        for expected in [
            whole("one"),
            whole(""),
            whole("123456"),
            Some(Line::Cut("longer".to_owned())),
            whole("last \u{fffd}"),
            None,
        ] {
            assert_eq!(lines.next().await.expect("memory can be read"), expected);
        }
    }
}
