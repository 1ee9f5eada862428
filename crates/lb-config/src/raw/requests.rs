//! Recorded requests. [`lb_recording`] reads them; this module only defines their published schema.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A list of recorded requests with their times, to be replayed.
#[derive(Clone, Debug)]
pub(crate) struct RequestsFile {
    /// The list as written. It is read again when it is known how to replay it.
    pub(crate) text: Arc<str>,
    /// The number of requests.
    pub(crate) count: usize,
}

/// One recorded request.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct RecordedRequest {
    /// Path, with or without scheme and host.
    #[schemars(length(min = 1))]
    endpoint: String,
    /// HTTP method.
    #[schemars(length(min = 1))]
    method: String,
    /// Time of the request: RFC 3339, `YYYY-MM-DD HH:MM:SS`, or Unix seconds or milliseconds.
    timestamp: Timestamp,
    /// Headers to send: texts or lists of texts.
    headers: Option<BTreeMap<String, serde_json::Value>>,
    /// Body to send. Anything but text is sent as JSON.
    body: Option<serde_json::Value>,
    /// Status that counts as a success, or a list of them.
    expected_status: Option<serde_json::Value>,
}

/// A time as text or as a number.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
enum Timestamp {
    /// RFC 3339 or `YYYY-MM-DD HH:MM:SS`.
    Text(String),
    /// Unix seconds or milliseconds.
    Unix(f64),
}

impl JsonSchema for RequestsFile {
    fn schema_name() -> Cow<'static, str> {
        "RequestsFile".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<RecordedRequest>();
        schemars::json_schema!({
            "description": "A list of recorded requests with their times, to be replayed.",
            "type": "array",
            "minItems": 1,
            "items": item,
        })
    }
}
