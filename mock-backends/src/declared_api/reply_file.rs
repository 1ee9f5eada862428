//! A reply as written in the file.

use lb_core::ordered::Ordered;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// A reply. At most one of `json`, `text`, `html` and `metrics` is its body.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReplyFile {
    /// Status; by default that of the place (200, 422 where a request is refused, 404 where a row is missing, 409 where it
    /// exists, 507 where there is no room, 500 for a failure), or 302 with `redirect`.
    #[schemars(range(min = 200, max = 599))]
    pub(super) status: Option<u16>,
    /// Headers, whose values are templates. One whose value is empty or not possible in a header is left out.
    pub(super) headers: Ordered<String>,
    /// Cookies, whose values are templates. They are kept for two days; one with an empty value is deleted.
    pub(super) cookies: Ordered<String>,
    /// Where a redirect leads, a template.
    pub(super) redirect: Option<String>,
    /// Body in JSON, with templates as texts at any depth.
    pub(super) json: Option<Value>,
    /// Body as plain text, a template.
    pub(super) text: Option<String>,
    /// Body in HTML, a template. Values are escaped.
    pub(super) html: Option<String>,
    /// Whether the body is the metrics of this backend for Prometheus.
    pub(super) metrics: bool,
}
