//! Splits a recording into records: lines, elements of a JSON list, paragraphs, or the messages of GoReplay.

use crate::input::Input;
use std::io::{self, BufRead, Read};

/// The longest record in bytes. Longer ones are skipped.
pub(crate) const LONGEST: usize = 4 << 20;
/// The longest element of a JSON list; those of a HAR hold the replies.
const LONGEST_ELEMENT: usize = 64 << 20;
/// The longest run of bytes without a line break. A file with a longer one has no lines.
const ENDLESS: u64 = 64 << 20;
/// What separates two messages in the files of GoReplay.
pub(crate) const GOREPLAY: &[u8] = "🐵🙈🙉".as_bytes();

/// How records are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    /// At line breaks.
    Lines,
    /// Elements of the outermost JSON list.
    List,
    /// Elements of the list `entries` of the object `log` of a HAR.
    Har,
    /// At blank lines.
    Paragraphs,
    /// At the separators of GoReplay.
    Goreplay,
}

/// What was found at the end of [`Records::next`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The line on which the record begins, from 1.
    pub(crate) line: usize,
    /// Whether the record is too long, and was left out.
    pub(crate) too_long: bool,
    /// Whether the file ends with this record, without its usual end.
    pub(crate) is_cut: bool,
}

/// Reads records one by one.
pub(crate) struct Records {
    input: Input,
    split: Split,
    line: usize,
    /// Whether the list was entered, and whether it has ended.
    inside: bool,
    ended: bool,
}

impl Records {
    pub(crate) fn new(input: Input, split: Split) -> Self {
        Self { input, split, line: 0, inside: false, ended: false }
    }

    /// Reads the next record that is not blank into `record`. `None` at the end of the file.
    pub(crate) fn next(&mut self, record: &mut Vec<u8>) -> io::Result<Option<Found>> {
        record.clear();
        match self.split {
            Split::Lines => self.line_of(record),
            Split::List | Split::Har => self.element(record),
            Split::Paragraphs => self.several(record, |line| line.trim_ascii().is_empty()),
            Split::Goreplay => self.several(record, |line| line.trim_ascii() == GOREPLAY),
        }
    }

    /// Returns whether nothing follows but line breaks and spaces, as far as the buffer shows.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.input.fill_buf().is_ok_and(|rest| rest.is_empty())
    }

    fn line_of(&mut self, record: &mut Vec<u8>) -> io::Result<Option<Found>> {
        loop {
            record.clear();
            let Some(found) = self.any_line(record)? else { return Ok(None) };
            if found.too_long || !record.trim_ascii().is_empty() {
                return Ok(Some(found));
            }
        }
    }

    /// Reads a line, without its break, even if it is blank.
    fn any_line(&mut self, record: &mut Vec<u8>) -> io::Result<Option<Found>> {
        let length = (&mut self.input).take(LONGEST as u64).read_until(b'\n', record)?;
        if length == 0 {
            return Ok(None);
        }
        self.line += 1;
        let mut found = Found { line: self.line, too_long: false, is_cut: false };
        if record.last() == Some(&b'\n') {
            record.pop();
            return Ok(Some(found));
        }
        found.is_cut = length < LONGEST;
        if !found.is_cut {
            found.too_long = true;
            self.skip_line(record)?;
        }
        Ok(Some(found))
    }

    /// Skips the rest of a line.
    fn skip_line(&mut self, scratch: &mut Vec<u8>) -> io::Result<()> {
        let mut skipped = 0;
        loop {
            scratch.clear();
            let length = (&mut self.input).take(LONGEST as u64).read_until(b'\n', scratch)?;
            skipped += length as u64;
            if skipped > ENDLESS {
                let message = format!(
                    "its line {} is longer than {} MiB, so it is not a list of requests",
                    self.line,
                    ENDLESS >> 20
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            if length == 0 || scratch.last() == Some(&b'\n') {
                scratch.clear();
                return Ok(());
            }
        }
    }

    /// Reads lines up to one that separates records.
    fn several(&mut self, record: &mut Vec<u8>, ends: impl Fn(&[u8]) -> bool) -> io::Result<Option<Found>> {
        let mut line = Vec::new();
        let mut begin = None;
        let mut too_long = false;
        loop {
            line.clear();
            let Some(found) = self.any_line(&mut line)? else {
                return Ok(begin.map(|line| Found { line, too_long, is_cut: false }));
            };
            if ends(&line) {
                match begin {
                    Some(line) => return Ok(Some(Found { line, too_long, is_cut: false })),
                    None => continue,
                }
            }
            begin.get_or_insert(found.line);
            too_long |= found.too_long || record.len() + line.len() > LONGEST;
            if !too_long {
                record.extend_from_slice(&line);
                record.push(b'\n');
            }
        }
    }

    /// Reads the next element of the list.
    fn element(&mut self, record: &mut Vec<u8>) -> io::Result<Option<Found>> {
        self.line = self.line.max(1);
        if self.ended || !self.inside && !self.enter()? {
            return Ok(None);
        }
        let mut scan = Scan::default();
        let mut begin = None;
        let mut too_long = false;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                self.ended = true;
                return Ok(begin.map(|line| Found { line, too_long, is_cut: true }));
            }
            let (mut used, mut done) = (0, None);
            for byte in buffer {
                let outside = scan.depth == 0 && !scan.quoted;
                if outside && matches!(byte, b',' | b']') {
                    done = Some(*byte);
                    used += 1;
                    break;
                }
                used += 1;
                self.line += usize::from(*byte == b'\n');
                if begin.is_none() {
                    if byte.is_ascii_whitespace() {
                        continue;
                    }
                    begin = Some(self.line);
                }
                scan.take(*byte);
                if record.len() < LONGEST_ELEMENT {
                    record.push(*byte);
                } else {
                    too_long = true;
                }
            }
            self.input.consume(used);
            if let Some(byte) = done {
                self.ended = byte == b']';
                match begin {
                    Some(line) => return Ok(Some(Found { line, too_long, is_cut: false })),
                    None if self.ended => return Ok(None),
                    // Two commas in a row: the parser will say so.
                    None => return Ok(Some(Found { line: self.line, too_long, is_cut: false })),
                }
            }
        }
    }

    /// Reads up to the beginning of the list. Returns whether there is one.
    fn enter(&mut self) -> io::Result<bool> {
        self.inside = true;
        let (mut scan, mut text, mut key) = (Scan::default(), Vec::new(), Vec::new());
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                self.ended = true;
                return Ok(false);
            }
            let (mut used, mut found) = (0, false);
            for byte in buffer {
                used += 1;
                self.line += usize::from(*byte == b'\n');
                let depth = scan.depth;
                match (scan.quoted, byte) {
                    (false, b'"') => text.clear(),
                    (true, b'"') if !scan.escaped => {}
                    (true, _) if text.len() < 16 => text.push(*byte),
                    (false, b':') => key.clone_from(&text),
                    (false, b'[') => {
                        found = match self.split {
                            Split::Har => depth == 2 && key == b"entries",
                            _ => depth == 0,
                        };
                    }
                    _ => {}
                }
                scan.take(*byte);
                if found {
                    break;
                }
            }
            self.input.consume(used);
            if found {
                return Ok(true);
            }
        }
    }
}

/// Follows the nesting of JSON.
#[derive(Debug, Default)]
struct Scan {
    depth: u32,
    quoted: bool,
    escaped: bool,
}

impl Scan {
    fn take(&mut self, byte: u8) {
        if self.quoted {
            self.quoted = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return;
        }
        match byte {
            b'"' => self.quoted = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str, split: Split) -> Vec<(usize, String)> {
        let input: Input =
            Box::new(io::BufReader::with_capacity(3, io::Cursor::new(text.as_bytes().to_vec())));
        let (mut records, mut record, mut all) = (Records::new(input, split), Vec::new(), Vec::new());
        while let Some(found) = records.next(&mut record).expect("memory can be read") {
            all.push((found.line, String::from_utf8_lossy(&record).into_owned()));
        }
        all
    }

    fn own(list: &[(usize, &str)]) -> Vec<(usize, String)> {
        list.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
    }

    #[test]
    fn elements_of_a_list_know_the_line_on_which_they_begin() {
        let text = "[\n  {\"a\": \"x, [\\\"\\n\"},\n\n  7,\n [1,\n 2], {}\n]";
        let expected = own(&[(2, "{\"a\": \"x, [\\\"\\n\"}"), (4, "7"), (5, "[1,\n 2]"), (6, "{}\n")]);
        assert_eq!(records(text, Split::List), expected);
        assert_eq!(records("[]", Split::List), []);
        assert_eq!(records("[1", Split::List), own(&[(1, "1")]));
    }

    #[test]
    fn the_entries_of_a_har_are_found_among_its_other_lists() {
        let har = "{\"log\": {\"pages\": [{\"entries\": [1]}], \"creator\": {\"entries\": []},\n\"entries\": [{\"a\": 1}, {}]}}";
        assert_eq!(records(har, Split::Har), own(&[(2, "{\"a\": 1}"), (2, "{}")]));
    }

    #[test]
    fn lines_and_paragraphs_leave_out_what_is_blank() {
        assert_eq!(records("a\n\n \nb", Split::Lines), own(&[(1, "a"), (4, "b")]));
        assert_eq!(records("a\nb\n\n\nc\n", Split::Paragraphs), own(&[(1, "a\nb\n"), (5, "c\n")]));
        assert_eq!(records("1\nx\n\n🐵🙈🙉\n2\n", Split::Goreplay), own(&[(1, "1\nx\n\n"), (5, "2\n")]));
    }
}
