//! One line of `rl_experiences.jsonl`, the format of experiences as JSON lines.
//!
//! `{"state": {"timestamp", "metrics": {pod: {…}}}, "action": pod, "reward": number, "next_state": {…},
//! "metadata": {"path", "status", "timestamp"}}`

use lb_traces::read::TraceError;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The fields of an experience, in the order in which they are checked.
pub(crate) const FIELDS: [&str; 5] = ["state", "action", "reward", "next_state", "metadata"];

/// The key of a pod's latency in milliseconds.
pub(crate) const LATENCY: &str = "avgResponseTimeMs";
/// The key of a pod's errors in per cent.
pub(crate) const ERRORS: &str = "errorRatePercent";

/// What a line holds of each field; none when it is missing or invalid.
pub(crate) struct Line {
    object: Map<String, Value>,
}

impl Line {
    /// # Errors
    /// What is wrong with a line that is not a JSON object.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(object)) => Ok(Self { object }),
            Ok(_) => Err("it is JSON, but not an object".to_owned()),
            Err(problem) => Err(problem.to_string()),
        }
    }

    /// The metrics of all pods when the load balancer decided.
    pub(crate) fn state(&self) -> Option<&Map<String, Value>> {
        metrics(self.object.get("state")?)
    }

    pub(crate) fn next_state(&self) -> Option<&Map<String, Value>> {
        metrics(self.object.get("next_state")?)
    }

    pub(crate) fn action(&self) -> Option<&str> {
        self.object.get("action")?.as_str().filter(|action| !action.is_empty())
    }

    pub(crate) fn reward(&self) -> Option<f64> {
        self.object.get("reward")?.as_f64().filter(|reward| reward.is_finite())
    }

    pub(crate) fn metadata(&self) -> Option<&Map<String, Value>> {
        self.object.get("metadata")?.as_object()
    }

    /// Which of [`FIELDS`] are there and valid.
    pub(crate) fn present(&self) -> [bool; 5] {
        [
            self.state().is_some(),
            self.action().is_some(),
            self.reward().is_some(),
            self.next_state().is_some() || self.object.get("next_state").is_some_and(Value::is_object),
            self.metadata().is_some(),
        ]
    }

    /// A metric of the chosen pod: after the request where that is known, else before it.
    pub(crate) fn of_chosen(&self, key: &str) -> Option<f64> {
        let action = self.action()?;
        let of = |pods: Option<&Map<String, Value>>| pods?.get(action)?.get(key)?.as_f64();
        of(self.next_state()).or_else(|| of(self.state()))
    }
}

/// Metrics by pod; an empty map is none.
fn metrics(state: &Value) -> Option<&Map<String, Value>> {
    state.get("metrics")?.as_object().filter(|pods| !pods.is_empty())
}

/// Hands each line that is not blank to `each`, with its number from 1.
pub(crate) fn lines(path: &Path, mut each: impl FnMut(u64, &[u8])) -> Result<(), TraceError> {
    let unreadable = |source| TraceError::Unreadable { path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            return Ok(());
        }
        number += 1;
        let text = line.trim_ascii();
        if !text.is_empty() {
            each(number, text);
        }
    }
}
