//! What a config may hold at most, and how its keys are named.

use super::error::Problem;
pub(super) use lb_document::join;
use serde_json::Value;

/// The most scenarios, and the most algorithms: more would take days to run.
const MOST_TO_RUN: usize = 1_000;

/// The most entries in any other list or object, except in the rows of a feed and in a list of recorded requests.
const MOST_ENTRIES: usize = 10_000;

/// Returns a problem for each list or object that has too many entries, before anything is done with them.
pub(super) fn too_long(document: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Value::Object(map) = document else { return problems };
    for (key, value) in map {
        measure(key, key, value, &mut problems);
    }
    problems
}

fn measure(path: &str, key: &str, value: &Value, problems: &mut Vec<Problem>) {
    let most = match key {
        _ if key.ends_with("scenarios") || key == "algorithms" => MOST_TO_RUN,
        _ if path.contains("feeds.") => usize::MAX,
        _ => MOST_ENTRIES,
    };
    let count = match value {
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        _ => return,
    };
    if count > most {
        problems.push(Problem::of_key(path, format!("has {count} entries; at most {most} are allowed")));
        return;
    }
    match value {
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                measure(&format!("{path}[{number}]"), "", item, problems);
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                measure(&join(path, key), key, value, problems);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_are_too_long_are_named_and_rows_of_feeds_are_not() {
        let many = |count: usize| Value::Array(vec![Value::Null; count]);
        let config = |key: &str, count| serde_json::json!({ "bench": { key: many(count) } });
        let said = |key: &str, count| too_long(&config(key, count)).first().map(ToString::to_string);
        let at_most = |key: &str, count: usize, most: usize| {
            Some(format!("bench.{key}: has {count} entries; at most {most} are allowed"))
        };
        assert_eq!(said("algorithms", MOST_TO_RUN), None);
        assert_eq!(said("algorithms", 100_000), at_most("algorithms", 100_000, MOST_TO_RUN));
        assert_eq!(said("thresholds", MOST_ENTRIES), None);
        assert_eq!(said("thresholds", 10_001), at_most("thresholds", 10_001, MOST_ENTRIES));
        let rows = serde_json::json!({ "bench": { "journey": { "feeds": { "products": many(50_000) } } } });
        assert_eq!(too_long(&rows), [], "a feed may have many rows");
        assert_eq!(too_long(&many(50_000)), [], "and so may a recording");
    }
}
