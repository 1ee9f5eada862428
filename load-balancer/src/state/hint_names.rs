//! The texts of the names of hints, such as `query.limit`, which are hashes everywhere else. Only a trace needs them, so
//! they are kept only while one is recorded.
//!
//! Values are never kept. Names come from clients, who may invent any number of them, so there is room for some only;
//! a trace has the hash of any other name.

use super::route_class::Ready;
use lb_core::hints::Hints;
use lb_core::rng::mix;
use parking_lot::Mutex;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Most names of one pool.
const MOST: usize = 256;
/// Longest name in bytes.
const LONGEST: usize = 128;

/// The names of one pool.
#[derive(Default)]
pub(crate) struct HintNames {
    texts: Mutex<HashMap<u32, Arc<str>>>,
    full: AtomicBool,
}

impl HintNames {
    /// Returns the text of a name, if it is known.
    pub(super) fn text(&self, name: u32) -> Option<String> {
        self.texts.lock().get(&name).map(|text| text.as_ref().to_owned())
    }

    /// Keeps the text of a name. Returns whether there was room for it.
    fn keep(&self, name: u32, text: &str) -> bool {
        let mut texts = self.texts.lock();
        if texts.len() < MOST && text.len() <= LONGEST {
            texts.entry(name).or_insert_with(|| text.into());
        }
        self.full.store(texts.len() >= MOST, Relaxed);
        texts.contains_key(&name)
    }
}

/// The names that one thread has met, over all pools, so that a known one costs a look-up and no lock.
#[derive(Default)]
pub(crate) struct MetHints(RefCell<HashSet<u64, BuildHasherDefault<Ready>>>);

impl MetHints {
    /// Keeps the names of a request's hints in the names of its pool, `names`. `describe` passes the names that the
    /// request could have, with their texts, to a function.
    pub(crate) fn note(
        &self,
        names: &HintNames,
        hints: &Hints,
        describe: impl FnOnce(&mut dyn FnMut(u32, &str)),
    ) {
        // A pool stays where it is, so that its address tells it from the others.
        let pool = mix(std::ptr::from_ref(names).addr() as u64);
        let key = |name: u32| mix(pool ^ u64::from(name));
        let mut met = self.0.borrow_mut();
        let all_met = hints.as_slice().iter().all(|hint| met.contains(&key(hint.name)));
        if all_met || names.full.load(Relaxed) {
            return;
        }
        describe(&mut |name, text| {
            if hints.as_slice().iter().any(|hint| hint.name == name) && names.keep(name, text) {
                met.insert(key(name));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::hints::{Hint, Said};

    fn hints(names: &[u32]) -> Hints {
        let mut hints = Hints::default();
        names.iter().for_each(|name| hints.push(Hint { name: *name, said: Said::Number(1.0) }));
        hints
    }

    /// Notes one name, and returns whether its text was asked for.
    fn note(met: &MetHints, names: &HintNames, name: u32, text: &str) -> bool {
        let mut asked = false;
        met.note(names, &hints(&[name]), |each| {
            asked = true;
            each(name, text);
        });
        asked
    }

    #[test]
    fn a_name_is_described_once_for_each_thread_and_pool() {
        let (names, met) = (HintNames::default(), MetHints::default());
        assert!(note(&met, &names, 7, "query.limit"));
        assert!(!note(&met, &names, 7, "query.limit"), "it is known");
        assert!(note(&MetHints::default(), &names, 7, "query.limit"), "another thread has to look");
        assert!(note(&met, &HintNames::default(), 7, "query.limit"), "another pool has its own names");
        assert_eq!(names.text(7).as_deref(), Some("query.limit"));
        assert_eq!(names.text(8), None);
    }

    #[test]
    fn invented_names_do_not_fill_the_memory() {
        let (names, met) = (HintNames::default(), MetHints::default());
        note(&met, &names, 0, &"x".repeat(LONGEST + 1));
        assert_eq!(names.text(0), None, "it is too long");
        for name in 1..=10_000 {
            note(&met, &names, name, "query.invented");
        }
        assert_eq!(names.texts.lock().len(), MOST);
        assert_eq!(met.0.borrow().len(), MOST, "the thread does not remember the rest either");
        assert!(names.text(MOST as u32).is_some() && names.text(MOST as u32 + 1).is_none());
    }
}
