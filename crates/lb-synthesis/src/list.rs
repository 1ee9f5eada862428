//! A list of synthetic requests: `[{endpoint, method, timestamp}, …]`, which `bench --replay` and the exported scripts
//! read.

use crate::traffic::moment;
use std::fmt::Write;

/// One synthetic request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Unix time in nanoseconds, in whole milliseconds.
    pub at: i64,
    /// Method.
    pub method: String,
    /// Path with query.
    pub endpoint: String,
    /// The number of the visit that the request belongs to; 0 without sessions.
    pub visit: u32,
}

/// Synthetic requests in order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The requests.
    pub requests: Vec<Request>,
    /// Remarks, such as hours whose rates come from other days.
    pub notes: Vec<String>,
}

impl List {
    /// Renders the list as JSON, one request per line.
    pub fn to_json(&self) -> String {
        let mut text = String::from("[");
        for (number, request) in self.requests.iter().enumerate() {
            let quoted = |text: &str| serde_json::Value::from(text).to_string();
            let comma = if number > 0 { "," } else { "" };
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "{comma}\n  {{\"endpoint\": {}, \"method\": {}, \"timestamp\": \"{}\"}}",
                quoted(&request.endpoint),
                quoted(&request.method),
                moment(request.at)
            );
        }
        text.push_str("\n]\n");
        text
    }
}
