//! Percent escapes and query parameters.

use std::borrow::Cow;

/// Decodes the percent escapes of a path segment; invalid escapes are kept.
pub(crate) fn decode(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let bytes = segment.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let hex = escape.and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// Returns a parameter of a query, as it was sent.
pub(crate) fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(key, value)| (decode(key) == name).then_some(value))
}

/// Returns a decoded parameter of a query; a plus sign stands for a space.
pub(crate) fn decode_parameter(query: &str, name: &str) -> Option<String> {
    parameter(query, name).map(|value| decode(&value.replace('+', " ")).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_escapes_are_undone_and_broken_ones_kept() {
        for (escaped, plain) in [("a%20b", "a b"), ("caf%C3%A9", "café"), ("50%", "50%"), ("%zz", "%zz")] {
            assert_eq!(decode(escaped), plain, "the text behind {escaped}");
        }
    }

    #[test]
    fn parameters_are_found_by_name() {
        let query = "ms=5&delayMs=7&flag";
        assert_eq!(parameter(query, "delayMs"), Some("7"));
        assert_eq!(parameter(query, "flag"), None, "a name without a value is not a parameter");
        assert_eq!(parameter("", "ms"), None);
        assert_eq!(decode_parameter("query=wireless+caf%C3%A9", "query").as_deref(), Some("wireless café"));
    }
}
