//! Answers of the shop, the degradation API and the control API, before conversion to HTTP.

use bytes::Bytes;
use lb_listen::Refusal;
use serde_json::{Value, json};

/// A status and a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Creates an answer with a JSON value.
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self { status, body: value.to_string().into() }
    }

    /// Answers 204, without a body.
    pub(crate) fn empty() -> Self {
        Self { status: 204, body: Bytes::new() }
    }

    /// Creates an answer of the form `{"error": message}`.
    pub(crate) fn error(status: u16, message: &str) -> Self {
        Self::json(status, &json!({ "error": message }))
    }

    /// Answers a call that the gate refused.
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        Self::error(refusal.status.as_u16(), &refusal.reason)
    }
}
