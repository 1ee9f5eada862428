//! What a session keeps of replies, such as the token that a login gave.

use serde_json::Value;

/// What is written for a value that no reply gave: always in the simulator, whose replies have no
/// bodies, and after a failed request.
const STAND_IN: &str = "stand-in";

/// Values of replies by slot. Empty, and without memory, until there is one.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept(Vec<Option<Entry>>);

/// A value: the text of a JSON string, or else JSON.
#[derive(Clone, Debug)]
struct Entry {
    text: Box<str>,
    is_string: bool,
}

impl Kept {
    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        self.0.fill(None);
    }

    /// The text of the value in `slot`, and whether it was a JSON string.
    pub(super) fn get(&self, slot: usize) -> (&str, bool) {
        match self.0.get(slot) {
            Some(Some(entry)) => (&entry.text, entry.is_string),
            _ => (STAND_IN, true),
        }
    }

    /// Keeps the values at the `wanted` slots and JSON pointers of a reply; false when one is
    /// missing.
    pub(super) fn keep(&mut self, wanted: &[(usize, String)], body: &[u8]) -> bool {
        let Some(slots) = wanted.iter().map(|(slot, _)| slot + 1).max() else {
            return true;
        };
        let Ok(reply) = serde_json::from_slice::<Value>(body) else {
            return false;
        };
        if self.0.len() < slots {
            self.0.resize(slots, None);
        }
        let mut complete = true;
        for (slot, pointer) in wanted {
            match reply.pointer(pointer) {
                None | Some(Value::Null) => complete = false,
                Some(Value::String(text)) => {
                    let text = text.as_str().into();
                    self.0[*slot] = Some(Entry { text, is_string: true });
                }
                Some(other) => {
                    let text = other.to_string().into();
                    self.0[*slot] = Some(Entry { text, is_string: false });
                }
            }
        }
        complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_type_and_missing_ones_are_told() {
        let mut kept = Kept::default();
        let wanted = vec![(0, "/token".to_owned()), (2, "/user/id".to_owned())];
        assert_eq!(kept.get(0), ("stand-in", true), "before any reply there is a stand-in");
        assert!(kept.keep(&wanted, br#"{"token": "a\"b", "user": {"id": 7}}"#));
        assert_eq!(kept.get(0), ("a\"b", true));
        assert_eq!(kept.get(2), ("7", false));
        for body in [&b"no JSON"[..], b"{}", br#"{"token": null, "user": {"id": 1}}"#] {
            assert!(!kept.keep(&wanted, body), "a value is missing in {body:?}");
        }
        assert_eq!(kept.get(0), ("a\"b", true), "an incomplete reply takes nothing away");
        kept.forget();
        assert_eq!(kept.get(0), ("stand-in", true), "a new session knows nothing");
        assert!(kept.keep(&[], b"no JSON"), "who wants nothing misses nothing");
    }
}
