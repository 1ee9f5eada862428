//! Splits a line of a log at spaces, except within quotes and brackets.

/// A part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bare,
    /// In quotes, which are left out. Escapes stay.
    Quoted,
    /// In brackets, which are left out.
    Bracketed,
}

/// The most parts of a line that are looked at.
const MOST: usize = 96;

/// Splits a line.
pub(crate) fn split(line: &str) -> Vec<Token<'_>> {
    let bytes = line.as_bytes();
    let mut tokens = Vec::with_capacity(16);
    let mut at = 0;
    while tokens.len() < MOST {
        while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\r')) {
            at += 1;
        }
        let (kind, begin, end, next) = match bytes.get(at) {
            None => break,
            Some(b'"') => match end_of_quote(bytes, at + 1) {
                Some(end) => (Kind::Quoted, at + 1, end, end + 1),
                None => (Kind::Bare, at, bytes.len(), bytes.len()),
            },
            Some(b'[') => match bytes[at..].iter().position(|byte| *byte == b']').map(|length| at + length) {
                Some(end) if matches!(bytes.get(end + 1), None | Some(b' ' | b'\t' | b'\r')) => {
                    (Kind::Bracketed, at + 1, end, end + 1)
                }
                _ => bare(bytes, at),
            },
            Some(_) => bare(bytes, at),
        };
        tokens.push(Token { text: &line[begin..end], kind });
        at = next;
    }
    tokens
}

fn bare(bytes: &[u8], at: usize) -> (Kind, usize, usize, usize) {
    let length = bytes[at..].iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
    let end = length.map_or(bytes.len(), |length| at + length);
    (Kind::Bare, at, end, end)
}

/// Returns the position of the quote that ends a text; quotes within it are escaped by backslashes.
fn end_of_quote(bytes: &[u8], begin: usize) -> Option<usize> {
    let mut escaped = false;
    bytes[begin..]
        .iter()
        .position(|byte| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        })
        .map(|length| begin + length)
}

/// Removes what syslog, journald or `docker compose logs` put before a line: `<134>`, a date, a host and
/// `program[123]: `, or `web_1  | `. CRI's `2024-10-10T13:55:36Z stdout F ` goes, too.
pub(crate) fn without_prefix(line: &str) -> &str {
    let line = line.trim_end_matches(['\r', '\n']);
    let unmarked = match line.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((priority, rest)) if priority.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => line,
    };
    // The dash of an unknown identity stands near the beginning of a line without a prefix, which is the usual one.
    if unmarked.split(' ').take(3).any(|word| word == "-") {
        return unmarked;
    }
    for stream in [" stdout F ", " stderr F "] {
        if let Some((before, rest)) = unmarked.split_once(stream)
            && before.len() < 40
            && !before.contains(' ')
        {
            return rest;
        }
    }
    if let Some((service, rest)) = unmarked.split_once(" | ")
        && service.len() < 64
        && !service.trim_end().contains([' ', '"', '['])
    {
        return rest;
    }
    // The program's name ends the prefix; the time may be in one word or in three.
    let mut end = 0;
    for (number, word) in unmarked.split(' ').enumerate().take(8) {
        end += word.len() + 1;
        let is_tag = word.ends_with("]:") && word.contains('[') || number >= 2 && word.ends_with(':');
        if is_tag && !word.starts_with('[') && !word.starts_with('"') && number >= 2 {
            return unmarked.get(end..).unwrap_or_default();
        }
        if word.contains('"') {
            break;
        }
    }
    unmarked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_brackets_hold_parts_together() {
        let line = r#"[::1]:80 - [a b] "GET /\"x\" y" "" 200 "open"#;
        let parts: Vec<(&str, Kind)> = split(line).iter().map(|token| (token.text, token.kind)).collect();
        assert_eq!(
            parts,
            [
                ("[::1]:80", Kind::Bare),
                ("-", Kind::Bare),
                ("a b", Kind::Bracketed),
                (r#"GET /\"x\" y"#, Kind::Quoted),
                ("", Kind::Quoted),
                ("200", Kind::Bare),
                ("\"open", Kind::Bare),
            ]
        );
    }

    #[test]
    fn what_collectors_put_before_a_line_is_removed() {
        for (line, rest) in [
            ("Oct 10 13:55:36 edge haproxy[680]: 198.51.100.7:55008 [x]", "198.51.100.7:55008 [x]"),
            ("<134>Oct 10 13:55:36 edge haproxy[680]: 1.2.3.4:5", "1.2.3.4:5"),
            ("<190>Oct 10 13:55:36 edge nginx: 1.2.3.4 - -", "1.2.3.4 - -"),
            ("2024-10-10T13:55:36Z edge nginx[1]: 1.2.3.4 - -", "1.2.3.4 - -"),
            ("2024-10-10T13:55:36.125Z stdout F 1.2.3.4 - -", "1.2.3.4 - -"),
            ("web_1  | 1.2.3.4 - -", "1.2.3.4 - -"),
            (
                "1.2.3.4 - - [10/Oct/2024:13:55:36 +0000] \"GET /a: HTTP/1.1\"",
                "1.2.3.4 - - [10/Oct/2024:13:55:36 +0000] \"GET /a: HTTP/1.1\"",
            ),
            ("2001:db8:: - - [10/Oct/2024:13:55:36 +0000]", "2001:db8:: - - [10/Oct/2024:13:55:36 +0000]"),
        ] {
            assert_eq!(without_prefix(line), rest);
        }
    }
}
