//! Text from outside, such as a server's reply or a recorded path, made safe to show.
//!
//! Control characters move the cursor, change colours and titles, or begin a line that looks like our own;
//! marks of writing direction make text look like other text. They are shown as escapes instead.

use std::borrow::Cow;

/// Shows `text` on one line: each control character as an escape such as `\n` or `\u{1b}`.
///
/// ```
/// assert_eq!(lb_core::plain::line("ok\n\u{1b}[2J"), "ok\\n\\u{1b}[2J");
/// ```
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_unsafe)
}

/// Shows `text`, which may have several lines, like [`line`], but keeps its line ends and tabs.
///
/// ```
/// assert_eq!(lb_core::plain::lines("a\n\tb\r\u{202e}c"), "a\n\tb\\r\\u{202e}c");
/// ```
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_unsafe(c) && !matches!(c, '\n' | '\t'))
}

/// Control characters (C0, DEL and C1), separators of lines and paragraphs, and marks of direction.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn escaped(text: &str, is_unsafe: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_unsafe(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Text as a cell of a CSV file that people open in a spreadsheet, which would run what begins like a formula.
///
/// A leading `=`, `+`, `-`, `@`, tab or carriage return gets an apostrophe before it, which spreadsheets take for
/// the mark of a text. Numbers stay numbers. A cell that begins with an apostrophe gets another one if what
/// follows would need it, so that [`uncell`] gives the text back.
///
/// ```
/// use lb_core::plain::{cell, uncell};
///
/// assert_eq!(cell("=1+1"), "'=1+1");
/// assert_eq!(cell("-1.5"), "-1.5");
/// assert_eq!(uncell(&cell("'=1")), "'=1");
/// ```
pub fn cell(text: &str) -> Cow<'_, str> {
    match needs_mark(text) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// Returns the text that [`cell`] was given.
pub fn uncell(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| needs_mark(text)).unwrap_or(cell)
}

/// Returns whether a text begins like a formula, possibly behind apostrophes.
fn needs_mark(text: &str) -> bool {
    let bare = text.trim_start_matches('\'');
    bare.starts_with(['=', '+', '-', '@', '\t', '\r'])
        && (bare.len() < text.len() || text.parse::<f64>().is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_terminal_would_obey_is_shown_as_an_escape() {
        for (text, shown) in [
            ("plain – ünïcode ✓", "plain – ünïcode ✓"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{9b}2J\u{7f}", "\\u{9b}2J\\u{7f}"),
            ("b1\r\nerror: fake", "b1\\r\\nerror: fake"),
            ("a\u{202e}gpj.exe", "a\\u{202e}gpj.exe"),
            ("\u{2028}", "\\u{2028}"),
        ] {
            assert_eq!(line(text), shown, "{text:?}");
        }
        assert!(matches!(line("plain"), Cow::Borrowed(_)), "ordinary text is not copied");
    }

    #[test]
    fn cells_that_begin_like_a_formula_are_marked_and_read_back_the_same() {
        for (text, written) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1-2", "'+1-2"),
            ("-x", "'-x"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("-1.5", "-1.5"),
            ("+2", "+2"),
            ("1e3", "1e3"),
            ("GET /a", "GET /a"),
            ("'quoted'", "'quoted'"),
            ("'=1", "''=1"),
            ("''-1", "'''-1"),
            ("", ""),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
            assert_eq!(uncell(&cell(text)), text, "{text:?} is read back");
        }
    }
}
