//! The keys that a config may have. Unknown keys are rejected, with the closest known key as a suggestion.

use serde_json::Value;

/// The keys that an object and the objects in it may have.
struct Shape {
    keys: &'static [&'static str],
    inner: &'static [(&'static str, &'static Shape)],
}

const BACKEND: Shape = Shape { keys: &["id", "url", "weight"], inner: &[] };
const POOL: Shape = Shape { keys: &["name", "services", "at", "backends"], inner: &[("backends", &BACKEND)] };
const TIMEOUTS: Shape = Shape {
    keys: &["connect_ms", "response_ms", "head_ms", "client_ms", "idle_ms", "tunnel_ms"],
    inner: &[],
};
const HEALTH: Shape = Shape {
    keys: &["enabled", "path", "interval_ms", "timeout_ms", "unhealthy_after", "healthy_after"],
    inner: &[],
};
const PROBES: Shape = Shape { keys: &["path", "per_request", "per_second", "timeout_ms"], inner: &[] };
const LOAD_REPORTS: Shape =
    Shape { keys: &["orca", "strip", "max_age_ms", "probes"], inner: &[("probes", &PROBES)] };
const TLS: Shape = Shape { keys: &["certificate", "key"], inner: &[] };
const HINTS: Shape = Shape { keys: &["headers", "off"], inner: &[] };
const TRACES: Shape = Shape { keys: &["folder", "exploration", "at_start"], inner: &[] };
const ROOT: Shape = Shape {
    keys: &[
        "$schema",
        "listen",
        "admin_listen",
        "admin_token",
        "admin_hosts",
        "threads",
        "algorithm",
        "test_algorithms",
        "pools",
        "host",
        "tls",
        "timeouts",
        "health",
        "trust_forwarded_for",
        "policy_file",
        "views",
        "hints",
        "load_reports",
        "traces",
    ],
    inner: &[
        ("pools", &POOL),
        ("tls", &TLS),
        ("timeouts", &TIMEOUTS),
        ("health", &HEALTH),
        ("hints", &HINTS),
        ("load_reports", &LOAD_REPORTS),
        ("traces", &TRACES),
    ],
};

/// Reports each unknown key of a config.
pub(super) fn unknown(config: &Value, faults: &mut Vec<String>) {
    unknown_below(config, "", &ROOT, faults);
}

/// Reports each key of `value` that is not in `shape`, with the closest known key.
fn unknown_below(value: &Value, path: &str, shape: &Shape, faults: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                if !shape.keys.contains(&key.as_str()) {
                    faults.push(format!("`{here}` is not a known key{}", suggestion(key, shape.keys)));
                } else if let Some((_, below)) = shape.inner.iter().find(|(name, _)| name == key) {
                    unknown_below(inner, &here, below, faults);
                }
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                unknown_below(item, &format!("{path}[{i}]"), shape, faults);
            }
        }
        _ => {}
    }
}

fn suggestion(key: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(key, name), name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().max(3) / 3);
    match near {
        Some((_, name)) => format!(" (did you mean `{name}`?)"),
        None => format!(
            "; known: {}",
            known.iter().filter(|name| !name.starts_with('$')).copied().collect::<Vec<_>>().join(", ")
        ),
    }
}
