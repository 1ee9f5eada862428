//! Values that a session keeps from replies, such as the token of a login.

use super::look::{Place, Seen, input_value};
use regex_lite::Regex;
use serde_json::Value;

/// Replaces a value that no reply has given: always in the simulator, whose replies have no bodies, and
/// after a failed request.
const STAND_IN: &str = "stand-in";

/// Values from replies, by slot. Allocates nothing until there is one.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept(Vec<Option<Entry>>);

/// A value: the text of a JSON string, or JSON otherwise.
#[derive(Clone, Debug)]
struct Entry {
    text: Box<str>,
    is_string: bool,
}

impl Kept {
    /// Removes all values.
    pub(super) fn forget(&mut self) {
        self.0.fill(None);
    }

    /// Returns the text of the value in `slot`, and whether it was a JSON string.
    pub(super) fn get(&self, slot: usize) -> (&str, bool) {
        match self.0.get(slot) {
            Some(Some(entry)) => (&entry.text, entry.is_string),
            _ => (STAND_IN, true),
        }
    }

    /// Keeps the values of a reply, given the slots and places in `wanted`. Returns false if one of them is
    /// missing.
    pub(super) fn keep(&mut self, wanted: &[(usize, Place)], seen: &Seen<'_>) -> bool {
        let Some(slots) = wanted.iter().map(|(slot, _)| slot + 1).max() else {
            return true;
        };
        if self.0.len() < slots {
            self.0.resize(slots, None);
        }
        let mut json = None;
        let mut complete = true;
        for (slot, place) in wanted {
            let text = |text: &str| Some(Entry { text: text.into(), is_string: true });
            let body = || String::from_utf8_lossy(seen.body);
            let found = match place {
                Place::Pointer(pointer) => {
                    let json = json.get_or_insert_with(|| serde_json::from_slice::<Value>(seen.body).ok());
                    match json.as_ref().and_then(|json| json.pointer(pointer)) {
                        None | Some(Value::Null) => None,
                        Some(Value::String(string)) => text(string),
                        Some(other) => Some(Entry { text: other.to_string().into(), is_string: false }),
                    }
                }
                Place::Header(place) => {
                    let value = seen.headers.get(*place).and_then(Option::as_ref);
                    value.and_then(|value| text(&String::from_utf8_lossy(value)))
                }
                Place::HeaderMatches(place, regex) => {
                    let value = seen.headers.get(*place).and_then(Option::as_ref);
                    value.and_then(|value| first_group(regex, &String::from_utf8_lossy(value)))
                }
                Place::Cookie(name) => {
                    let set = seen.cookies.iter().rev().filter_map(|header| std::str::from_utf8(header).ok());
                    let mut pairs = set.filter_map(|header| header.split(';').next()?.split_once('='));
                    pairs.find(|(known, _)| known.trim() == name).and_then(|(_, value)| text(value.trim()))
                }
                Place::Input(name) => input_value(&body(), name).and_then(|value| text(&value)),
                Place::Matches(regex) => first_group(regex, &body()),
            };
            match found {
                Some(entry) => self.0[*slot] = Some(entry),
                None => complete = false,
            }
        }
        complete
    }
}

/// Returns the first group of a regular expression in a text, or the whole match if it has no group.
fn first_group(regex: &Regex, text: &str) -> Option<Entry> {
    let found = regex.captures(text)?;
    let part = found.get(1).or_else(|| found.get(0))?;
    Some(Entry { text: part.as_str().into(), is_string: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_from_headers_cookies_forms_and_text_too() {
        let mut kept = Kept::default();
        let regex = |text| Place::Matches(regex_lite::Regex::new(text).expect("a regular expression"));
        let wanted = vec![
            (0, Place::Header(0)),
            (1, Place::Cookie("sid".to_owned())),
            (2, Place::Input("csrf".to_owned())),
            (3, regex("order (\\d+)")),
            (4, regex("or..r")),
            (5, Place::HeaderMatches(0, regex_lite::Regex::new("/n(.*)t").expect("a regular expression"))),
        ];
        let seen = Seen {
            body: br#"<input name="csrf" value="t0"> order 17"#,
            bytes: 0,
            headers: &[Some(b"/next".to_vec())],
            cookies: &[b"sid=old; Path=/".to_vec(), b"other=1".to_vec(), b"sid=new".to_vec()],
        };
        assert!(kept.keep(&wanted, &seen));
        let values: Vec<&str> = (0..6).map(|slot| kept.get(slot).0).collect();
        assert_eq!(values, ["/next", "new", "t0", "17", "order", "ex"]);
        assert!(!kept.keep(&wanted, &Seen::default()), "none of them is there");
    }

    #[test]
    fn values_keep_their_type_and_missing_ones_are_told() {
        let mut kept = Kept::default();
        let pointer = |text: &str| Place::Pointer(text.to_owned());
        let wanted = vec![(0, pointer("/token")), (2, pointer("/user/id"))];
        let of = |body: &'static [u8]| Seen { body, ..Seen::default() };
        assert_eq!(kept.get(0), ("stand-in", true), "before any reply there is a stand-in");
        assert!(kept.keep(&wanted, &of(br#"{"token": "a\"b", "user": {"id": 7}}"#)));
        assert_eq!(kept.get(0), ("a\"b", true));
        assert_eq!(kept.get(2), ("7", false));
        for body in [&b"no JSON"[..], b"{}", br#"{"token": null, "user": {"id": 1}}"#] {
            assert!(!kept.keep(&wanted, &of(body)), "a value is missing in {body:?}");
        }
        assert_eq!(kept.get(0), ("a\"b", true), "a missing value leaves the last one");
        kept.forget();
        assert_eq!(kept.get(0), ("stand-in", true), "a new session knows nothing");
        assert!(kept.keep(&[], &of(b"no JSON")), "no wanted value is missing");
    }
}
