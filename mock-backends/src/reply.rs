//! What the shop, the degradation API and the control API answer with, before it becomes HTTP.

use bytes::Bytes;
use serde_json::{Value, json};

/// A status and a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Answers with a value.
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self { status, body: value.to_string().into() }
    }

    /// Answers with `{"error": message}`.
    pub(crate) fn error(status: u16, message: &str) -> Self {
        Self::json(status, &json!({ "error": message }))
    }
}
