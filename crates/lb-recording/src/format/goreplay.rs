//! The files of GoReplay (`gor --output-file`): a line `type id time`, then the message as it was on the wire.

use crate::records::GOREPLAY;
use crate::row::{Draft, Parsed, Skip, unreadable};
use crate::stamp::{Stamp, Style};
use std::borrow::Cow;

/// The number of a request among the types of messages; replies have others.
const REQUEST: &str = "1";

pub(crate) fn row(line: usize, record: &[u8]) -> Parsed {
    let mut parts = record.splitn(2, |byte| *byte == b'\n');
    let (first, message) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let first = String::from_utf8_lossy(first);
    if !is_meta(&first) {
        return Err(unreadable(format!(
            "is not a message of GoReplay, which begins with a type, an id and a time and ends with `{}`",
            String::from_utf8_lossy(GOREPLAY)
        )));
    }
    let mut words = first.split_ascii_whitespace();
    if words.next() != Some(REQUEST) {
        return Err(Skip::Quiet);
    }
    let nanos = words.nth(1).and_then(|text| text.parse::<i64>().ok());
    let end = message.windows(4).position(|window| window == b"\r\n\r\n").map(|at| (at, at + 4));
    let end = end.or_else(|| message.windows(2).position(|window| window == b"\n\n").map(|at| (at, at + 2)));
    let (head, body) = end.map_or((message, &[][..]), |(head, body)| (&message[..head], &message[body..]));
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let request = lines.next().unwrap_or_default().trim();
    let fields = lines.filter_map(|line| line.split_once(':'));
    let headers: Vec<(String, String)> =
        fields.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|(_, value)| value.parse::<usize>().ok()).unwrap_or(0);
    let draft = Draft {
        stamp: nanos.map(|nanos| Stamp { nanos: i128::from(nanos), style: Style::Milliseconds }),
        request: Some(Cow::Borrowed(request)),
        headers,
        // The line break before the separator is not part of the body.
        body: body[..length.min(body.len())].to_vec(),
        ..Draft::default()
    };
    let mut row = draft.row(line)?;
    row.names_host = false;
    Ok(row)
}

/// Returns whether a line begins a message.
pub(crate) fn is_meta(line: &str) -> bool {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    matches!(&words[..], [kind, id, time, ..]
        if matches!(*kind, "1" | "2" | "3")
            && id.len() >= 8
            && id.bytes().all(|byte| byte.is_ascii_hexdigit())
            && time.len() >= 16
            && time.bytes().all(|byte| byte.is_ascii_digit()))
}
