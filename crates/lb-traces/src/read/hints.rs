//! What the requests of traces say about their cost. The hints of all requests are in one list, so that a request
//! without any takes no memory for them.

use crate::format::{hint_hash, nameless_hint};
use lb_core::hints::{Hint, Hints, MOST, Said};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Most names of hints whose texts are kept, so that a trace of invented names cannot fill the memory.
const MOST_NAMES: usize = 4096;

/// Where the hints of one request are in [`RecordedHints`]; by default, nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HintPlace {
    first: u32,
    count: u8,
}

/// The hints of all requests of traces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordedHints {
    list: Vec<Hint>,
    names: BTreeMap<u32, String>,
    /// Whether somebody listened to what requests say. If not, the traces come from a version that did not, or from a
    /// reader that was not asked to.
    pub were_read: bool,
}

impl RecordedHints {
    /// Adds the hints of a request, and returns where they are. There is room for those of a thousand million requests;
    /// later ones say nothing.
    pub fn push(&mut self, hints: &Hints) -> HintPlace {
        let hints = hints.as_slice();
        match u32::try_from(self.list.len()) {
            Ok(first) if !hints.is_empty() => {
                self.list.extend_from_slice(hints);
                HintPlace { first, count: hints.len() as u8 }
            }
            _ => HintPlace::default(),
        }
    }

    /// Keeps the text of a name, unless there are too many.
    pub fn name(&mut self, text: &str) -> u32 {
        let hash = hint_hash(text);
        if self.names.len() < MOST_NAMES && !self.names.contains_key(&hash) {
            self.names.insert(hash, text.to_owned());
        }
        hash
    }

    /// Returns the hints at a place.
    pub fn at(&self, place: HintPlace) -> &[Hint] {
        let first = place.first as usize;
        self.list.get(first..first + usize::from(place.count)).unwrap_or_default()
    }

    /// Returns the hints at a place as a policy gets them.
    pub fn hints_at(&self, place: HintPlace) -> Hints {
        let mut hints = Hints::default();
        self.at(place).iter().for_each(|hint| hints.push(*hint));
        hints
    }

    /// Returns the text of a name, such as `query.limit`, or its hash.
    pub fn text(&self, name: u32) -> Cow<'_, str> {
        self.names.get(&name).map_or_else(|| nameless_hint(name).into(), |text| text.as_str().into())
    }

    /// Returns whether the text of a name is known.
    pub fn has_text(&self, name: u32) -> bool {
        self.names.contains_key(&name)
    }

    /// Returns whether no request says anything.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Reads the hints of a row from its three lists, as far as they agree.
    pub(super) fn row<T: AsRef<str>>(&mut self, names: &[T], numbers: &[f64], words: &[f64]) -> HintPlace {
        let mut hints = Hints::default();
        for ((name, number), word) in names.iter().zip(numbers).zip(words).take(MOST) {
            let said = match number.is_nan() {
                true => Said::Word(*word as u32),
                false => Said::Number(*number as f32),
            };
            hints.push(Hint { name: self.name(name.as_ref()), said });
        }
        self.push(&hints)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::hints::hash;

    #[test]
    fn hints_are_found_where_they_were_put() {
        let mut recorded = RecordedHints::default();
        let none = recorded.push(&Hints::default());
        let limit = recorded.row(&["query.limit"], &[500.0], &[0.0]);
        let both = recorded.row(&["path.2", "query.sort"], &[7.0, f64::NAN], &[0.0, 4e9]);
        assert_eq!(recorded.at(none), []);
        let number = |name: &str, number| Hint { name: hash(name.as_bytes()), said: Said::Number(number) };
        assert_eq!(recorded.at(limit), [number("query.limit", 500.0)]);
        let sort = Hint { name: hash(b"query.sort"), said: Said::Word(4_000_000_000) };
        assert_eq!(recorded.at(both), [number("path.2", 7.0), sort]);
        assert_eq!(recorded.hints_at(both).as_slice(), recorded.at(both));
        assert_eq!(recorded.text(hash(b"query.sort")), "query.sort");
        assert_eq!(recorded.text(1), "#00000001", "a name without a text is its hash");
    }

    #[test]
    fn lists_that_disagree_and_numbers_without_end_are_left_out() {
        let mut recorded = RecordedHints::default();
        let short = recorded.row(&["a", "b"], &[1.0, 2.0], &[0.0]);
        assert_eq!(recorded.at(short).len(), 1, "the second has no word");
        let endless = recorded.row(&["a"], &[f64::INFINITY], &[0.0]);
        assert_eq!(recorded.at(endless), [], "a number is finite");
        let many = vec!["a"; MOST + 1];
        let many = recorded.row(&many, &[1.0; MOST + 1], &[0.0; MOST + 1]);
        assert_eq!(recorded.at(many).len(), MOST);
        assert_eq!(recorded.at(HintPlace { first: u32::MAX, count: 9 }), [], "a place of other traces");
    }
}
