//! One line of `rl_experiences.jsonl`, the format of experiences as JSON lines.
//!
//! `{"state": {"timestamp", "metrics": {pod: {…}}}, "action": pod, "reward": number, "next_state": {…},
//! "metadata": {"path", "status", "timestamp"}}`

use lb_traces::read::TraceError;
use serde_json::{Map, Value};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// The fields of an experience, in the order in which they are checked.
pub(crate) const FIELDS: [&str; 5] = ["state", "action", "reward", "next_state", "metadata"];

/// The key of a pod's latency in milliseconds.
pub(crate) const LATENCY: &str = "avgResponseTimeMs";
/// The key of a pod's error rate in per cent.
pub(crate) const ERRORS: &str = "errorRatePercent";

/// Fields of a line, each `None` if it is missing or invalid.
pub(crate) struct Line {
    object: Map<String, Value>,
}

impl Line {
    /// # Errors
    /// Fails with a description of the problem if the line is not a JSON object.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(object)) => Ok(Self { object }),
            Ok(_) => Err("it is JSON, but not an object".to_owned()),
            Err(problem) => Err(problem.to_string()),
        }
    }

    /// Returns the metrics of all pods at the time of the decision.
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

    /// Returns which of [`FIELDS`] are present and valid.
    pub(crate) fn present(&self) -> [bool; 5] {
        [
            self.state().is_some(),
            self.action().is_some(),
            self.reward().is_some(),
            self.next_state().is_some() || self.object.get("next_state").is_some_and(Value::is_object),
            self.metadata().is_some(),
        ]
    }

    /// Returns a metric of the chosen pod, after the request if known, or else before it.
    pub(crate) fn of_chosen(&self, key: &str) -> Option<f64> {
        let action = self.action()?;
        let of = |pods: Option<&Map<String, Value>>| pods?.get(action)?.get(key)?.as_f64();
        of(self.next_state()).or_else(|| of(self.state()))
    }
}

/// Returns the metrics by pod, or `None` if the map is empty.
fn metrics(state: &Value) -> Option<&Map<String, Value>> {
    state.get("metrics")?.as_object().filter(|pods| !pods.is_empty())
}

/// The longest line in bytes: the metrics of tens of thousands of pods.
const LONGEST_LINE: u64 = 16 << 20;

/// Passes each non-blank line to `each`, with its number from 1.
pub(crate) fn lines(path: &Path, mut each: impl FnMut(u64, &[u8])) -> Result<(), TraceError> {
    let unreadable = |source| TraceError::Unreadable { path: path.to_owned(), source };
    let mut reader = BufReader::new(lb_io::open(path).map_err(unreadable)?);
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        if (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            return Ok(());
        }
        number += 1;
        if line.len() as u64 == LONGEST_LINE {
            let problem =
                format!("line {number} is longer than {} MiB, the most that is read", LONGEST_LINE >> 20);
            return Err(unreadable(std::io::Error::new(std::io::ErrorKind::FileTooLarge, problem)));
        }
        let text = line.trim_ascii();
        if !text.is_empty() {
            each(number, text);
        }
    }
}
