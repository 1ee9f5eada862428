//! What a command printed or a server answered, made fit for a message and a log.

/// Lines that a message shows.
const LINES: usize = 8;
/// Characters of a line that a message shows.
const CHARACTERS: usize = 200;

/// Returns the last lines of an output, cut and without control characters; empty if there is none.
pub(super) fn last_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<String> =
        text.lines().rev().map(clean).filter(|line| !line.is_empty()).take(LINES).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("; ")
}

/// Returns a line without control characters, cut to a readable length.
fn clean(line: &str) -> String {
    let plain = line.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control());
    let mut kept: String = plain.take(CHARACTERS + 1).collect();
    if let Some((end, _)) = kept.char_indices().nth(CHARACTERS) {
        kept.truncate(end);
        kept.push('…');
    }
    kept.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_without_control_characters() {
        assert_eq!(last_lines(b""), "");
        assert_eq!(last_lines(b"one\r\n\n\x1b[31mtwo\x1b[0m\n"), "one; [31mtwo[0m");
        let many: String = (1..=20).map(|number| format!("line {number}\n")).collect();
        let last = last_lines(many.as_bytes());
        assert!(last.starts_with("line 13; ") && last.ends_with("line 20"), "{last}");
        assert_eq!(last_lines("x".repeat(500).as_bytes()).chars().count(), CHARACTERS + 1);
        assert_eq!(last_lines(&[b'a', 0xff, b'\n']), "a\u{fffd}", "what is no text does no harm");
    }
}
