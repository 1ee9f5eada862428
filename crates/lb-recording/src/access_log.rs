//! Access logs in the common log format, `host ident user [time] "request" status bytes`, and in the combined
//! format, which adds the referrer and the user agent (Apache HTTP Server, "Log Files").

use super::{Faults, Row, lines, stamp};

pub(super) fn rows(text: &str, faults: &mut Faults) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, line) in lines(text) {
        match row(number, line) {
            Ok(row) => rows.push(row),
            Err(reason) => faults.add(Some(number), reason),
        }
    }
    rows
}

/// Returns whether a line has a time in brackets and a request in quotes after it.
pub(super) fn looks_like(line: &str) -> bool {
    parts(line).is_some_and(|(time, _)| stamp::of_log(time).is_ok())
}

/// Returns the time and the request of a line.
fn parts(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.split_once(" [")?;
    let (time, rest) = rest.split_once("] \"")?;
    // Quotes within a request are escaped with a backslash.
    let mut escaped = false;
    let end = rest.char_indices().find_map(|(at, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })?;
    Some((time, &rest[..end]))
}

fn row(line: usize, text: &str) -> Result<Row, String> {
    let (time, request) = parts(text).ok_or(
        "is not a line of an access log, such as `host - user [time] \"GET /path HTTP/1.1\" 200 512`",
    )?;
    let stamp = Some(stamp::of_log(time)?);
    let mut words = request.split(' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        // HTTP/0.9 requests do not have a version.
        (Some(method), Some(url), version, None) if version.is_none_or(|text| text.starts_with("HTTP/")) => {
            Ok(Row { line, stamp, method: method.to_owned(), url: url.to_owned(), ..Row::default() })
        }
        _ => Err(format!(
            "`{}` is not a request; remove the line, or use `METHOD /path HTTP/1.1`",
            request.chars().take(60).collect::<String>()
        )),
    }
}
