//! What a mock API tells of itself: counts of its caches and the size of its collections.

use super::caches::Tally;
use super::run::RunningApi;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

impl RunningApi {
    /// Returns the state for the control API; `backends` lists the ids of the backends.
    pub(crate) fn show(&self, backends: &[&str]) -> Value {
        let state = self.state.borrow();
        let caches = self.api.caches.iter().enumerate().map(|(number, rule)| {
            let tallies = state.caches.tallies(number);
            let mut sum = Tally::default();
            let mut by_backend = Map::new();
            for (unit, tally) in tallies {
                sum.hits += tally.hits;
                sum.misses += tally.misses;
                if let Some(id) = backends.get(*unit) {
                    by_backend
                        .insert((*id).to_owned(), json!({ "hits": tally.hits, "misses": tally.misses }));
                }
            }
            json!({
                "name": rule.name,
                "hits": sum.hits,
                "misses": sum.misses,
                "entries": state.caches.entries(number),
                "backends": by_backend,
            })
        });
        let rows = self.api.collections.iter().zip(&state.rows);
        let collections: Map<String, Value> =
            rows.map(|(collection, rows)| (collection.name.clone(), rows.len().into())).collect();
        json!({ "name": self.api.name, "caches": caches.collect::<Vec<_>>(), "rows": collections })
    }

    /// Appends the series of backend number `unit` for Prometheus, with the names that Micrometer gives to caches.
    pub(crate) fn expose(&self, unit: usize, page: &mut String) {
        let state = self.state.borrow();
        if self.api.caches.is_empty() {
            return;
        }
        page.push_str("# HELP cache_gets_total Replies of this backend by whether the cache held them.\n");
        page.push_str("# TYPE cache_gets_total counter\n");
        for (number, rule) in self.api.caches.iter().enumerate() {
            let Tally { hits, misses } = state.caches.tallies(number).get(&unit).copied().unwrap_or_default();
            let name = label(&rule.name);
            // Writing to a string cannot fail.
            let _ = writeln!(page, "cache_gets_total{{cache=\"{name}\",result=\"hit\"}} {hits}");
            let _ = writeln!(page, "cache_gets_total{{cache=\"{name}\",result=\"miss\"}} {misses}");
        }
    }
}

/// Escapes the value of a label.
fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
