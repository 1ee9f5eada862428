//! Percent-encoded texts, as in the user and the password of a URL.

/// Replaces each `%` and the two hex digits that follow it by the byte that they stand for.
pub fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|_| first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_and_the_rest_stays() {
        for (text, plain) in [
            ("", ""),
            ("ann", "ann"),
            ("a%40b%3a%25", "a@b:%"),
            ("50%", "50%"),
            ("%4", "%4"),
            ("%zz+", "%zz+"),
        ] {
            assert_eq!(decoded(text), plain.as_bytes(), "{text}");
        }
    }
}
