//! The table of requests since the phase began, of which only changed rows are told.

use crate::event::Statistics;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// The most rows of the table.
const MOST_ROWS: usize = 5000;
/// The most kinds of failures.
const MOST_FAILURES: usize = 200;

/// The table of requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// Each row with the moment at which it changed, by name and method.
    rows: Vec<(u64, Value)>,
    total: (u64, Value),
    failures: (u64, Vec<Value>),
    of: (u64, Value),
}

/// What identifies a row, in the order of the table.
fn key(row: &Value) -> (&str, &str) {
    let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
    (text("name"), text("method"))
}

impl Table {
    /// Replaces the table at the moment `clock`. Returns whether rows disappeared, so that the table must be told anew.
    pub(super) fn replace(&mut self, clock: u64, new: &Statistics) -> bool {
        let mut rows: Vec<(u64, Value)> = new
            .endpoints
            .iter()
            .filter(|row| row.is_object())
            .take(MOST_ROWS)
            .map(|row| (clock, row.clone()))
            .collect();
        rows.sort_by(|(_, one), (_, other)| key(one).cmp(&key(other)));
        rows.dedup_by(|(_, one), (_, other)| key(one) == key(other));
        let known: HashMap<(&str, &str), &(u64, Value)> =
            self.rows.iter().map(|row| (key(&row.1), row)).collect();
        let mut kept = 0;
        for (changed, row) in &mut rows {
            if let Some((before, old)) = known.get(&key(row)) {
                kept += 1;
                if old == row {
                    *changed = *before;
                }
            }
        }
        let lost = kept < self.rows.len();
        drop(known);
        self.rows = rows;
        if self.total.1 != new.total {
            self.total = (clock, new.total.clone());
        }
        if self.failures.1 != new.failures {
            self.failures = (clock, new.failures.iter().take(MOST_FAILURES).cloned().collect());
        }
        self.of = (clock, json!({ "trial": new.trial, "phase": new.phase, "seconds": new.seconds }));
        lost
    }

    /// Returns what changed after the moment `seen`: `rows`, `total`, `failures` and `of`.
    pub(super) fn since(&self, seen: u64, whole: bool) -> Map<String, Value> {
        let mut told = Map::new();
        let rows: Vec<&Value> =
            self.rows.iter().filter(|(clock, _)| *clock > seen).map(|(_, row)| row).collect();
        if whole || !rows.is_empty() {
            told.insert("rows".to_owned(), json!(rows));
        }
        if whole || self.total.0 > seen {
            told.insert("total".to_owned(), self.total.1.clone());
        }
        if whole || self.failures.0 > seen {
            told.insert("failures".to_owned(), json!(self.failures.1));
        }
        if whole || self.of.0 > seen {
            told.insert("of".to_owned(), self.of.1.clone());
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(rows: &[(&str, u32)], failures: &[Value]) -> Statistics {
        let row =
            |(name, requests): &(&str, u32)| json!({ "method": "GET", "name": name, "requests": requests });
        Statistics {
            endpoints: rows.iter().map(row).collect(),
            total: json!({ "requests": rows.iter().map(|(_, count)| count).sum::<u32>() }),
            failures: failures.to_vec(),
            ..Statistics::default()
        }
    }

    #[test]
    fn only_rows_that_changed_are_told_and_lost_rows_are_noticed() {
        let mut table = Table::default();
        assert!(!table.replace(1, &statistics(&[("b", 1), ("a", 1)], &[])));
        assert_eq!(table.since(0, true)["rows"][0]["name"], "a", "by name");
        assert!(
            !table.replace(2, &statistics(&[("b", 2), ("a", 1), ("c", 1)], &[json!({ "text": "HTTP 503" })]))
        );
        let change = table.since(1, false);
        let names: Vec<&Value> =
            change["rows"].as_array().expect("a list").iter().map(|row| &row["name"]).collect();
        assert_eq!(names, ["b", "c"], "{change:?}");
        assert_eq!(
            (&change["total"]["requests"], &change["failures"][0]["text"]),
            (&json!(4), &json!("HTTP 503"))
        );
        assert!(table.since(2, false).is_empty());
        assert!(table.replace(3, &statistics(&[("a", 1)], &[])), "another phase begins");
    }
}
