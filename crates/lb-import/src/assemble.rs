//! Makes the config of what an import found: a journey, its load, and where requests go.

use crate::options::Options;
use crate::report::Report;
use crate::secret::Vault;
use lb_core::workload::{Action, Journey, Session, Step};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Variables that steps bind because a template names them, and the feeds that hold their rows.
const BOUND: [(&str, &str); 3] = [("secret", "secrets"), ("account", "accounts"), ("braces", "braces")];

/// Seconds until a request counts as a timeout.
const REQUEST_TIMEOUT_S: u32 = 30;

/// What an import found, not yet a config.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// Name of the journey and of the scenario.
    pub(crate) name: String,
    /// What the journey imitates.
    pub(crate) description: String,
    /// Where requests went, such as `https://shop.example`.
    pub(crate) origin: Option<String>,
    /// Actions in order.
    pub(crate) actions: Vec<(String, Action)>,
    /// Names of the opening actions.
    pub(crate) open: Vec<String>,
    /// Names of the actions that sessions perform in order; empty if they are drawn.
    pub(crate) sequence: Vec<String>,
    pub(crate) feeds: BTreeMap<String, Vec<Value>>,
    pub(crate) load: Load,
    /// Backends for a run without an address; `None` if the journey needs real ones.
    pub(crate) topology: Option<Value>,
    pub(crate) report: Report,
}

/// How much load a config asks for.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) users: u32,
    pub(crate) duration_s: f64,
    /// Time over which the users arrive, so that they do not act in step.
    pub(crate) ramp_up_s: f64,
    /// Think time of actions that have none of their own, and between sessions.
    pub(crate) think_time_s: [f64; 2],
    pub(crate) actions_per_session: Option<[u32; 2]>,
    /// The arrivals that replace users; `None` for users.
    pub(crate) arrivals: Option<Value>,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            users: 10,
            duration_s: 60.0,
            ramp_up_s: 10.0,
            think_time_s: [1.0, 3.0],
            actions_per_session: None,
            arrivals: None,
        }
    }
}

/// A config that an import made.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The config, as it is written.
    pub config: Value,
    /// What was made, found and left out.
    pub report: Report,
    /// The values of the environment variables that the config names, as the file had them.
    pub environment: BTreeMap<String, String>,
}

/// Makes the config.
pub(crate) fn assemble(mut draft: Draft, vault: &Vault, options: &Options) -> Imported {
    draft.feeds.extend(vault.feeds());
    let origin = options.url.clone().or_else(|| draft.origin.take());
    let mut report = draft.report;
    report.actions = draft.actions.len();
    report.steps = draft.actions.iter().map(|(_, action)| action.steps.len()).sum();
    report.address.clone_from(&origin);
    match &origin {
        None if draft.topology.is_some() => report.note(
            "the file names no address; without --url, a run uses the embedded load balancer with three made-up backends",
        ),
        None => report.note("the file names no address; give --url, here or when you run the config"),
        Some(origin) if options.url.is_none() && !is_loopback(origin) => {
            report.note(format!("a run sends load to {origin}; give --url to send it elsewhere"));
        }
        Some(_) => {}
    }
    let mut journey = Journey {
        name: draft.name.clone(),
        description: draft.description,
        feeds: draft.feeds,
        session: Session { open: draft.open, sequence: draft.sequence, ..Session::default() },
        actions: draft.actions.into_iter().collect(),
    };
    bind(&mut journey);
    let mut bench = Map::new();
    if let Some(origin) = origin {
        bench.insert("load_balancer".to_owned(), json!({ "url": origin }));
    }
    if let Some(topology) = draft.topology {
        bench.insert("topology".to_owned(), topology);
    }
    if let Some(arrivals) = draft.load.arrivals {
        bench.insert("arrivals".to_owned(), arrivals);
    }
    bench.insert("think_time_s".to_owned(), json!(draft.load.think_time_s));
    if let Some(count) = draft.load.actions_per_session {
        bench.insert("actions_per_session".to_owned(), json!(count));
    }
    let journey = tidy(serde_json::to_value(&journey).unwrap_or_default());
    bench.insert("journey".to_owned(), journey);
    let scenario = json!({
        "name": draft.name,
        "duration_minutes": round(draft.load.duration_s / 60.0),
        "concurrent_users": draft.load.users,
        "ramp_up_time_seconds": draft.load.ramp_up_s,
    });
    let config = json!({ "request_timeout": REQUEST_TIMEOUT_S, "scenarios": [scenario], "bench": bench });
    Imported { config, report, environment: vault.environment.clone() }
}

/// Rounds to a thousandth.
pub(crate) fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

fn is_loopback(origin: &str) -> bool {
    let host = origin.split("://").nth(1).unwrap_or_default();
    ["localhost", "127.", "[::1]"].iter().any(|known| host.starts_with(known))
}

/// Lets each step bind the variables of feeds that its templates name, and adds the feed of two braces where it is
/// needed.
fn bind(journey: &mut Journey) {
    let mut braces = false;
    for step in journey.actions.values_mut().flat_map(|action| &mut action.steps) {
        let texts = texts_of(step);
        for (variable, feed) in BOUND {
            if texts.contains(&format!("{{{{{variable}.")) {
                step.bind.insert(variable.to_owned(), feed.to_owned());
                braces |= variable == "braces";
            }
        }
    }
    if braces {
        journey.feeds.insert("braces".to_owned(), vec![json!({ "open": "{{" })]);
    }
}

/// Returns all templates of a step as one text.
pub(crate) fn texts_of(step: &Step) -> String {
    let mut all = step.path.clone();
    for value in step.headers.values() {
        all.push('\n');
        all.push_str(value);
    }
    if let Some(body) = &step.body {
        all.push('\n');
        all.push_str(&body.to_string());
    }
    all
}

/// Removes the values of a journey that are the defaults, so that it is short enough to read.
fn tidy(mut journey: Value) -> Value {
    let drop_if = |map: &mut Map<String, Value>, key: &str, default: Value| {
        if map.get(key) == Some(&default) {
            map.shift_remove(key);
        }
    };
    if let Some(map) = journey.as_object_mut() {
        drop_if(map, "description", json!(""));
        drop_if(map, "feeds", json!({}));
        drop_if(map, "session", json!({ "open": [], "close": [] }));
    }
    if let Some(session) = journey.pointer_mut("/session").and_then(Value::as_object_mut) {
        drop_if(session, "open", json!([]));
        drop_if(session, "close", json!([]));
    }
    let actions = journey.pointer_mut("/actions").and_then(Value::as_object_mut);
    for action in actions.into_iter().flat_map(|actions| actions.values_mut()) {
        let Some(action) = action.as_object_mut() else { continue };
        drop_if(action, "can_be_abandoned", json!(false));
        drop_if(action, "weight", json!(0.0));
        // The steps come last: they are long.
        let steps = action.shift_remove("steps").unwrap_or_default();
        action.insert("steps".to_owned(), steps);
        for step in action.get_mut("steps").and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(step) = step.as_object_mut() else { continue };
            drop_if(step, "method", json!("GET"));
            drop_if(step, "expect", json!([200]));
            drop_if(step, "repeat", json!([1, 1]));
            drop_if(step, "probability", json!(1.0));
            drop_if(step, "required", json!(false));
        }
    }
    journey
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::blank_step;

    #[test]
    fn a_config_holds_what_differs_from_the_defaults() {
        let step = blank_step("/", "GET", "/".to_owned());
        let action = Action {
            steps: vec![step],
            weight: 1.0,
            think_time_s: None,
            can_be_abandoned: false,
            tags: Vec::new(),
        };
        let draft = Draft {
            name: "shop".to_owned(),
            origin: Some("http://127.0.0.1:1".to_owned()),
            actions: vec![("look".to_owned(), action)],
            ..Draft::default()
        };
        let made = assemble(draft, &Vault::default(), &Options::default());
        assert_eq!(
            made.config,
            json!({
                "request_timeout": 30,
                "scenarios": [{ "name": "shop", "duration_minutes": 1.0, "concurrent_users": 10, "ramp_up_time_seconds": 10.0 }],
                "bench": {
                    "load_balancer": { "url": "http://127.0.0.1:1" },
                    "think_time_s": [1.0, 3.0],
                    "journey": {
                        "name": "shop",
                        "actions": { "look": { "weight": 1.0, "steps": [{ "name": "/", "path": "/" }] } }
                    }
                }
            })
        );
        assert_eq!(made.report.notes, [] as [String; 0], "load on this machine needs no warning");
    }
}
