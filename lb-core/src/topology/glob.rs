//! Path patterns: `*` matches any sequence of characters, every other character only itself.

/// Returns whether `pattern` matches all of `text`.
///
/// The match is greedy with one point of backtracking: on a mismatch, the last `*` takes one more
/// character. This finds a match if there is one, in at most `pattern x text` steps.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            last_star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star, swallowed)) = last_star {
            last_star = Some((star, swallowed + 1));
            p = star + 1;
            t = swallowed + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        let cases = [
            ("/api/cart", "/api/cart", true),
            ("/api/cart", "/api/cart/items", false),
            ("/api/inventory/product/*", "/api/inventory/product/SKU-1", true),
            ("/api/inventory/product/*", "/api/inventory/product/", true),
            ("/api/inventory/product/*", "/api/inventory/products", false),
            ("*", "", true),
            ("*", "/anything", true),
            ("/a*b*c", "/a-b-b-c", true),
            ("/a*b*c", "/a-b-b-", false),
            ("*/health", "/x/actuator/health", true),
            ("", "/", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "`{pattern}` on `{text}`");
        }
    }
}
