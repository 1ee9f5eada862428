//! Assigns numbers to the values of the header by which replies are told apart.
//!
//! A worker looks up a value in a short list of its own, without a lock or an allocation; only a value that is new to
//! the worker is looked up in the list of all workers.

use lb_core::{Observation, plain};
use lb_record::{FIRST_VALUE, FURTHER, MOST_VALUES, ValueNumber, WITHOUT};
use std::sync::{Arc, Mutex, PoisonError};

/// The number of characters of a value that are kept.
const LONGEST_VALUE: usize = 64;
/// The most different spellings that a worker keeps. With more, each reply of a further one is looked up in full.
const MOST_KNOWN: usize = 64;

/// Values that any worker has seen, in the order of their numbers.
#[derive(Debug, Default)]
pub(crate) struct SeenValues(Mutex<Vec<String>>);

impl SeenValues {
    /// Returns the values in the order of their numbers.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the number of a value, which gets one if there is room.
    fn number(&self, value: &[u8]) -> ValueNumber {
        let text = String::from_utf8_lossy(value);
        // It is shown wherever results are.
        let text: String = plain::line(text.trim()).chars().take(LONGEST_VALUE).collect();
        if text.is_empty() {
            return WITHOUT;
        }
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match values.iter().position(|known| *known == text) {
            Some(place) => place,
            None if values.len() == MOST_VALUES => return FURTHER,
            None => {
                values.push(text);
                values.len() - 1
            }
        };
        FIRST_VALUE + place as ValueNumber
    }
}

/// The observed header and its values, as one worker knows them.
#[derive(Debug)]
pub(crate) struct ObservedHeader {
    name: Box<[u8]>,
    known: Vec<(Box<[u8]>, ValueNumber)>,
    seen: Arc<SeenValues>,
}

impl ObservedHeader {
    pub(crate) fn new(observation: &Observation, seen: Arc<SeenValues>) -> Self {
        Self { name: observation.header.as_bytes().into(), known: Vec::new(), seen }
    }

    /// Returns the number of the value in these headers of a reply. If there are several, the last one counts, as with
    /// the header that names the backend.
    #[inline]
    pub(crate) fn find<'a>(&mut self, headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> ValueNumber {
        let mut found = None;
        for (name, value) in headers {
            if name.len() == self.name.len() && name.eq_ignore_ascii_case(&self.name) {
                found = Some(value);
            }
        }
        found.map_or(WITHOUT, |value| self.number(value))
    }

    #[inline]
    fn number(&mut self, value: &[u8]) -> ValueNumber {
        match self.known.iter().find(|(known, _)| **known == *value) {
            Some((_, number)) => *number,
            None => self.first_seen(value),
        }
    }

    #[cold]
    fn first_seen(&mut self, value: &[u8]) -> ValueNumber {
        let number = self.seen.number(value);
        if self.known.len() < MOST_KNOWN {
            self.known.push((value.into(), number));
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(seen: &Arc<SeenValues>) -> ObservedHeader {
        ObservedHeader::new(&Observation::of("X-Cache-Status"), Arc::clone(seen))
    }

    fn find(header: &mut ObservedHeader, headers: &[(&str, &str)]) -> ValueNumber {
        header.find(headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
    }

    #[test]
    fn values_have_the_same_number_in_all_workers() {
        let seen = Arc::default();
        let (mut one, mut two) = (header(&seen), header(&seen));
        assert_eq!(find(&mut one, &[("x-cache-status", "HIT")]), FIRST_VALUE);
        assert_eq!(find(&mut two, &[("X-CACHE-STATUS", "MISS")]), FIRST_VALUE + 1);
        assert_eq!(find(&mut two, &[("age", "1"), ("x-cache-status", "HIT")]), FIRST_VALUE);
        assert_eq!(find(&mut one, &[("x-cache-status", " HIT ")]), FIRST_VALUE, "spaces mean nothing");
        assert_eq!(find(&mut one, &[("x-cache", "HIT")]), WITHOUT);
        assert_eq!(find(&mut one, &[("x-cache-status", "")]), WITHOUT);
        assert_eq!(seen.names(), ["HIT", "MISS"]);
    }

    #[test]
    fn a_target_that_invents_values_fills_no_memory() {
        let seen = Arc::default();
        let mut observed = header(&seen);
        let further = (0..1000)
            .filter(|number| {
                let value = format!("{number}{}", "x".repeat(100));
                find(&mut observed, &[("x-cache-status", &value)]) == FURTHER
            })
            .count();
        assert_eq!(further, 1000 - MOST_VALUES);
        assert_eq!(observed.known.len(), MOST_KNOWN);
        assert!(seen.names().iter().all(|name| name.chars().count() <= LONGEST_VALUE));
        assert_eq!(find(&mut observed, &[("x-cache-status", &format!("0{}", "x".repeat(100)))]), FIRST_VALUE);
    }

    #[test]
    fn a_terminal_must_not_obey_what_a_server_sends() {
        let seen = Arc::default();
        find(&mut header(&seen), &[("x-cache-status", "\u{1b}[2JHIT")]);
        assert_eq!(seen.names(), ["\\u{1b}[2JHIT"]);
    }
}
