//! The courses of the busiest endpoints.

use super::series::{Merge, Series};
use crate::event::EndpointFigures;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The most endpoints with a course.
const MOST_SHOWN: usize = 12;
/// The most endpoints whose requests are counted.
const MOST_COUNTED: usize = 5000;
/// An endpoint takes the place of another when it has had twice as many requests, and this many more.
const HEAD_START: f64 = 100.0;

/// Time, requests, failures, p50, p95 and p99.
const RULES: &[Merge] =
    &[Merge::Later, Merge::Mean, Merge::Mean, Merge::Greater, Merge::Greater, Merge::Greater];

/// A method and a name.
type Key = (String, String);

/// The courses of the busiest endpoints.
#[derive(Clone, Debug, Default)]
pub(super) struct Endpoints {
    requests: HashMap<Key, f64>,
    shown: Vec<Shown>,
}

#[derive(Clone, Debug)]
struct Shown {
    label: String,
    key: Key,
    series: Series,
}

impl Endpoints {
    /// Adds the figures of one second. Returns whether what was told before is no longer so.
    pub(super) fn add(&mut self, clock: u64, t: f64, figures: &[EndpointFigures]) -> bool {
        let mut changed = false;
        for one in figures {
            let key = (one.method.clone(), one.name.clone());
            if self.requests.len() >= MOST_COUNTED && !self.requests.contains_key(&key) {
                continue;
            }
            let count = self.requests.entry(key.clone()).or_default();
            *count += one.requests;
            let count = *count;
            let Some(place) = self.place(&key, count, &mut changed) else { continue };
            let point = [Some(t), Some(one.requests), Some(one.failures), one.p50_ms, one.p95_ms, one.p99_ms];
            changed |= self.shown[place].series.add(clock, point.to_vec());
        }
        changed
    }

    /// Returns the place of an endpoint among those that are shown, and makes one if it has had enough requests.
    fn place(&mut self, key: &Key, count: f64, changed: &mut bool) -> Option<usize> {
        if let Some(place) = self.shown.iter().position(|shown| shown.key == *key) {
            return Some(place);
        }
        if self.shown.len() >= MOST_SHOWN {
            let counts =
                self.shown.iter().map(|shown| self.requests.get(&shown.key).copied().unwrap_or_default());
            let (least, fewest) = counts.enumerate().min_by(|one, other| one.1.total_cmp(&other.1))?;
            if count < 2.0 * fewest + HEAD_START {
                return None;
            }
            self.shown.remove(least);
            *changed = true;
        }
        let (method, name) = key;
        let label = if method.is_empty() { name.clone() } else { format!("{method} {name}") };
        self.shown.push(Shown { label, key: key.clone(), series: Series::new(RULES) });
        Some(self.shown.len() - 1)
    }

    /// Returns the points of each endpoint that were added after the moment `seen`.
    pub(super) fn since(&self, seen: u64) -> Map<String, Value> {
        let points = |shown: &Shown| (shown.label.clone(), Value::from(shown.series.since(seen)));
        self.shown
            .iter()
            .map(points)
            .filter(|(_, points)| points.as_array().is_some_and(|list| !list.is_empty()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(method: &str, name: &str, requests: f64) -> EndpointFigures {
        EndpointFigures {
            method: method.to_owned(),
            name: name.to_owned(),
            requests,
            ..EndpointFigures::default()
        }
    }

    #[test]
    fn twelve_endpoints_are_shown_and_a_much_busier_one_takes_a_place() {
        let mut endpoints = Endpoints::default();
        let twelve: Vec<_> = (0..12).map(|n| figures("GET", &format!("e{n}"), 10.0 + f64::from(n))).collect();
        assert!(!endpoints.add(1, 1.0, &twelve));
        assert!(
            !endpoints.add(2, 2.0, &[figures("GET", "new", 119.0)]),
            "not yet twice as busy, and a hundred more"
        );
        assert!(!endpoints.since(0).contains_key("GET new"));
        assert!(endpoints.add(3, 3.0, &[figures("GET", "new", 1.0)]));
        let shown = endpoints.since(0);
        assert!(shown.contains_key("GET new") && !shown.contains_key("GET e0"), "{shown:?}");
        assert_eq!((shown.len(), endpoints.since(2).len()), (12, 1));
    }

    #[test]
    fn two_methods_of_one_name_have_courses_of_their_own() {
        let mut endpoints = Endpoints::default();
        endpoints.add(1, 1.0, &[figures("GET", "cart", 1.0), figures("POST", "cart", 2.0)]);
        let shown = endpoints.since(0);
        assert_eq!(shown["GET cart"][0][1], 1);
        assert_eq!(shown["POST cart"][0][1], 2);
    }
}
