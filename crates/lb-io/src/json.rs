//! Bounds the memory that a JSON document takes once it is parsed, before it is.

/// Checks that a JSON document has at most `most` values.
///
/// A value takes up to a hundred bytes in memory even if it is a single digit in the file, so the length of the
/// file alone does not bound the memory. The count is of values, keys included, and exact for a valid document; an
/// invalid one is left to the parser.
///
/// # Errors
/// The document has more values. The error continues a sentence whose subject is the file.
pub fn check_json(text: &[u8], most: usize) -> Result<(), String> {
    // Each value but the first follows `[`, `{`, `,` or `:`. An empty list or object counts one too many.
    let (mut count, mut in_text, mut escaped) = (1_usize, false, false);
    for byte in text {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'[' | b'{' | b',' | b':') => count += 1,
            _ => {}
        }
    }
    match count > most {
        true => {
            Err(format!("has about {count} JSON values; the limit is {most}, so split it or generate less"))
        }
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_texts_are_not_looked_into() {
        for (text, count) in
            [("1", 1), ("[1,2,3]", 4), (r#"{"a": 1, "b": [2]}"#, 6), (r#"["[,,,{:\",,,", 1]"#, 3), ("", 1)]
        {
            assert_eq!(check_json(text.as_bytes(), count), Ok(()), "{text}");
            assert!(check_json(text.as_bytes(), count - 1).is_err(), "{text} has {count} values");
        }
    }
}
