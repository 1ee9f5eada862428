//! Names of actions, steps and variables: readable, made from what is imported, and unique.

use std::collections::BTreeSet;

/// Longest name of an action or a variable, in bytes.
const LONGEST: usize = 48;

/// Hands out each name once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(BTreeSet<String>);

impl Names {
    /// Returns names of which none is one of `taken`.
    pub(crate) fn without(taken: &[&str]) -> Self {
        Self(taken.iter().map(|name| (*name).to_owned()).collect())
    }

    /// Returns `wanted`, with a number if it is taken.
    pub(crate) fn unique(&mut self, wanted: &str, separator: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 1;
        while !self.0.insert(name.clone()) {
            number += 1;
            name = format!("{wanted}{separator}{number}");
        }
        name
    }
}

/// Returns a text as a name of letters, digits and `_`, such as `get_cart_items` for `GET /cart/items`. Words in
/// camel case are split.
pub(crate) fn word(text: &str) -> String {
    let mut out = String::new();
    let mut after_small = false;
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && after_small {
                out.push('_');
            }
            after_small = !c.is_ascii_uppercase();
            out.push(c.to_ascii_lowercase());
        } else {
            after_small = false;
            if !out.is_empty() && !out.ends_with('_') {
                out.push('_');
            }
        }
        if out.len() >= LONGEST {
            break;
        }
    }
    let out = out.trim_end_matches('_');
    match out.chars().next() {
        None => "value".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("n{out}"),
        Some(_) => out.to_owned(),
    }
}

/// The shortest hexadecimal number that counts as an identifier. Words of the letters a to f are shorter.
const LONG_HEX: usize = 12;

/// Returns whether a segment of a path is an identifier: a number, a UUID, or a long hexadecimal number.
pub(crate) fn is_id(segment: &str) -> bool {
    let number = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    number || is_uuid(segment) || (segment.len() >= LONG_HEX && hex(segment))
}

/// Returns whether a text is a UUID.
pub(crate) fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let hex = |text: &&str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(hex)
}

/// Returns a path in which identifiers and placeholders are `{id}`, for names of steps.
pub(crate) fn pattern(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let short = |segment: &str| {
        if segment.contains("{{") || is_id(segment) { "{id}".to_owned() } else { segment.to_owned() }
    };
    path.split('/').map(short).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_and_each_is_given_once() {
        for (text, name) in [
            ("GET /cart/items", "get_cart_items"),
            ("accessToken", "access_token"),
            ("X-CSRF-Token", "x_csrf_token"),
            ("HTTPServer", "httpserver"),
            ("3 boxes", "n3_boxes"),
            ("***", "value"),
            ("é", "value"),
        ] {
            assert_eq!(word(text), name, "{text}");
        }
        let mut names = Names::without(&["user"]);
        assert_eq!(["user", "a", "a"].map(|name| names.unique(name, "_")), ["user_2", "a", "a_2"]);
    }

    #[test]
    fn identifiers_are_one_pattern() {
        for (path, expected) in [
            ("/api/user/42?x=1", "/api/user/{id}"),
            ("/o/123e4567-e89b-12d3-a456-426614174000", "/o/{id}"),
            ("/o/{{order_id}}/lines", "/o/{id}/lines"),
            ("/v1/facade", "/v1/facade"),
            ("/", "/"),
        ] {
            assert_eq!(pattern(path), expected, "{path}");
        }
    }
}
