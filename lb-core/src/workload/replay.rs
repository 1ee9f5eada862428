//! Recorded requests: the journey for replaying them, and the actions of their rows.

use super::arrivals::ArrivalProcess;
use super::classes::Stage;
use super::journey::{Action, Journey, Session, Step};
use super::look::Check;
use super::plan::{Compiled, RequestText};
use super::recorded::{Recorded, Replay};
use super::request::{ActionIndex, Rendered};
use super::template::{Segment, Text};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

/// Statuses that count as a success in a replay: recordings contain requests, but rarely the expected
/// status.
const NO_ERROR: std::ops::Range<u16> = 200..400;

impl Journey {
    /// Creates the journey that replays a recording. It has one action with one request for each
    /// distinct action of its requests, of the same name. The first word of the name is the method,
    /// and the rest is the name of the request and, if it begins with `/`, its path. Every status from 200 to 399 is a success.
    pub fn for_replay(replay: &Replay) -> Self {
        let names: BTreeSet<&str> = replay.iter().map(|request| request.action).collect();
        Self {
            name: "replay".to_owned(),
            description: "Recorded requests.".to_owned(),
            feeds: BTreeMap::new(),
            session: Session::default(),
            actions: names.into_iter().map(|name| (name.to_owned(), action(name))).collect(),
        }
    }
}

fn action(name: &str) -> Action {
    let (method, path) = name.split_once(' ').unwrap_or((name, "/"));
    let step = Step {
        // Reports show the method separately.
        name: path.to_owned(),
        method: method.to_ascii_uppercase(),
        service: None,
        path: literal_path(path),
        headers: BTreeMap::new(),
        body: None,
        bind: BTreeMap::new(),
        expect: NO_ERROR.collect(),
        extract: BTreeMap::new(),
        check: Check::default(),
        follow: 0,
        repeat: [1, 1],
        probability: 1.0,
        required: false,
        errors: BTreeMap::new(),
    };
    Action { steps: vec![step], weight: 1.0, think_time_s: None, can_be_abandoned: false, tags: Vec::new() }
}

/// Converts the pattern of a path to a template without placeholders: characters that are not allowed
/// in a path are percent-encoded.
fn literal_path(pattern: &str) -> String {
    // The row for all other requests has a name that is not a path.
    let mut path = if pattern.trim().starts_with('/') { String::new() } else { "/".to_owned() };
    for byte in pattern.trim().bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

/// Returns the action of each row of a stage's recording, empty for stages without one. A row with an
/// unknown action, which the checks have reported, gets the first action.
pub(super) fn rows(compiled: &Compiled, stage: &Stage) -> Vec<ActionIndex> {
    let Some(ArrivalProcess::Replay(replay)) = stage.arrivals.as_ref().map(|arrivals| &arrivals.process)
    else {
        return Vec::new();
    };
    let names = compiled.action_names.iter().enumerate();
    let numbers: HashMap<&str, u16> = names.map(|(number, name)| (name.as_str(), number as u16)).collect();
    let of_recording: Vec<u16> =
        replay.actions().map(|name| numbers.get(name).copied().unwrap_or_default()).collect();
    replay.action_numbers().map(|number| ActionIndex(of_recording[usize::from(number)])).collect()
}

/// Writes a recorded request.
pub(super) fn render(request: &Recorded<'_>, out: &mut Rendered) {
    out.path.clear();
    out.path.push_str(request.path);
    out.set_headers(request.headers.len());
    for ((name, value), (out_name, out_value)) in request.headers.iter().zip(&mut out.headers) {
        out_name.push_str(name);
        out_value.push_str(value);
    }
    out.body.clear();
    out.body.extend_from_slice(request.body);
    for (text, out) in [(request.client, &mut out.forwarded_for), (request.host, &mut out.host)] {
        out.clear();
        out.push_str(text.unwrap_or_default());
    }
}

/// Converts a recorded request to a fixed text, for users who do not replay, as in a rehearsal.
pub(super) fn fixed(request: &Recorded<'_>) -> RequestText {
    let literal = |text: &str| Text(vec![Segment::Literal(text.into())]);
    let headers = request.headers.iter().map(|(name, value)| (name.as_str().into(), literal(value)));
    RequestText {
        path: literal(request.path),
        headers: headers.collect(),
        body: (!request.body.is_empty()).then(|| literal(&String::from_utf8_lossy(request.body))),
        expect: match request.expected {
            [] => NO_ERROR.collect(),
            statuses => statuses.to_vec(),
        },
    }
}
