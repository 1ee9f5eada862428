//! Counts the lines that give no request, and says so.

use crate::row::{Skip, excerpt};
use std::collections::BTreeMap;

/// The lines of one file.
#[derive(Debug, Default)]
pub(crate) struct Skipped {
    /// Records that were read as requests.
    pub(crate) rows: usize,
    /// Records that belong to the format, but are about something else.
    quiet: usize,
    no_request: Kind,
    method: Kind,
    pub(crate) unreadable: Kind,
    /// The cut-off end of the file.
    cut: Option<(usize, String)>,
    /// What is not sent, by what it is.
    unsent: BTreeMap<String, Kind>,
    /// Records with bytes that are not UTF-8.
    pub(crate) not_utf8: Kind,
}

/// Lines that are skipped for the same reason.
#[derive(Debug, Default)]
pub(crate) struct Kind {
    pub(crate) count: usize,
    first: Option<(usize, String)>,
}

/// The most kinds of what is not sent that are told apart.
const MOST_UNSENT: usize = 20;

impl Kind {
    pub(crate) fn add(&mut self, line: usize, what: &str) {
        self.count += 1;
        self.first.get_or_insert_with(|| (line, excerpt(what)));
    }

    /// Writes a sentence: `what` has the verb for one line and for several.
    fn note(&self, all: usize, [one, several]: [&str; 2]) -> Option<String> {
        let (line, text) = self.first.as_ref()?;
        let verb = if self.count == 1 { one } else { several };
        let shown = if text.is_empty() { "\"\"" } else { text };
        Some(format!("{} of {all} lines {verb} (first: line {line}, `{shown}`)", self.count))
    }
}

impl Skipped {
    pub(crate) fn add(&mut self, line: usize, skip: &Skip, text: &[u8]) {
        match skip {
            Skip::Quiet => self.quiet += 1,
            Skip::NoRequest(what) => self.no_request.add(line, what),
            Skip::Method(what) => self.method.add(line, what),
            Skip::Unreadable(_) => {
                self.unreadable.add(line, &String::from_utf8_lossy(&text[..text.len().min(400)]))
            }
        }
    }

    pub(crate) fn cut(&mut self, line: usize, text: &[u8]) {
        self.cut = Some((line, excerpt(&String::from_utf8_lossy(&text[..text.len().min(400)]))));
    }

    pub(crate) fn unsent(&mut self, line: usize, what: &str) {
        if self.unsent.len() < MOST_UNSENT || self.unsent.contains_key(what) {
            self.unsent.entry(what.to_owned()).or_default().add(line, "");
        }
    }

    /// Returns whether most of the file is not of the format.
    pub(crate) fn is_hopeless(&self) -> bool {
        let read = self.rows + self.quiet + self.no_request.count + self.method.count;
        self.unreadable.count > read
    }

    /// Returns the number of lines that are about requests, whether or not they hold one.
    fn all(&self) -> usize {
        self.rows + self.no_request.count + self.method.count + self.unreadable.count
    }

    /// Returns the sentences for the user.
    pub(crate) fn notes(&self) -> Vec<String> {
        let all = self.all();
        let kinds = [
            self.no_request.note(all, ["holds no request", "hold no request"]),
            self.method
                .note(all, ["has a method that cannot be replayed", "have methods that cannot be replayed"]),
            self.unreadable.note(all, ["cannot be read and is left out", "cannot be read and are left out"]),
        ];
        let mut notes: Vec<String> = kinds.into_iter().flatten().collect();
        if let Some((line, text)) = &self.cut {
            notes.push(format!("the last line is cut off and left out (line {line}, `{text}`)"));
        }
        if let Some((line, _)) = &self.not_utf8.first {
            let (count, verb) =
                (self.not_utf8.count, if self.not_utf8.count == 1 { "holds" } else { "hold" });
            notes.push(format!(
                "{count} of {all} lines {verb} bytes that are not UTF-8, which are sent percent-encoded (first: line {line})"
            ));
        }
        for (what, kind) in &self.unsent {
            let line = kind.first.as_ref().map_or(0, |(line, _)| *line);
            notes.push(format!("not sent: {what} ({} of {all} rows, first: line {line})", kind.count));
        }
        notes
    }
}
