//! A declaration as written: a load balancer as data, with the commands and calls that switch it.
//!
//! The doc comments are the published schema. Rules that span several keys are in [`super::check`].

use lb_core::BackendFrom;
use lb_core::ordered::Ordered;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A load balancer that is switched by commands or calls, so that it needs no adapter of its own.
///
/// In the steps of `switch`, `ready` and `verify`, `{algorithm}` stands for the name of the algorithm, and
/// `{key}` for the value of that key of the algorithm. In headers and bodies, `{env:NAME}` stands for an
/// environment variable. `{{name}}` is the text `{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// The address of this schema, for editors; it has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// A description for readers; it has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Name of the load balancer in messages and results.
    #[schemars(length(min = 1))]
    pub name: String,
    /// URL to which requests are sent; `--url` takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub url: Option<String>,
    /// The algorithms by name, each with the values of its placeholders. An algorithm that `bench algorithms`
    /// lists under this name counts as that one, so that its behaviour can be verified.
    pub algorithms: Ordered<Ordered<String>>,
    /// Steps that make the load balancer use an algorithm, in this order.
    #[schemars(length(min = 1))]
    pub switch: Vec<Step>,
    /// A step that is repeated after each switch until it succeeds, for up to its `timeout`, by default `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Step>,
    /// Pause after each switch, such as `500ms` or `5s`: the time that the new algorithm takes to be in use
    /// everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<String>,
    /// Steps that show which algorithm is in use: one that fails ends the run. Without them, nothing but
    /// replies shows whether a switch took place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verify: Vec<Step>,
    /// Steps that wait until no request is in flight, before each switch and each measured phase.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drain: Vec<Step>,
    /// Steps that reset the counters of the load balancer before each measured phase.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reset: Vec<Step>,
    /// The algorithm that is set at the end of a run. Without it, the algorithm of the last trial stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub restore: Option<String>,
    /// Whether `GET /api/hold?ms=N` exists behind the load balancer: it answers after N milliseconds and names
    /// the backend, so that choices can be verified. Otherwise nothing but the requests of the config is sent.
    #[serde(default)]
    pub probe: bool,
    /// How replies name the backend; by default in the header `X-Backend`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_from: Option<BackendFrom>,
    /// Names of the backends, as replies or metrics give them. One that gets no request then has a share of 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(min = 1)))]
    pub backends: Vec<String>,
    /// Counters of the load balancer for each backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
}

/// A step: a command (`run`) or a request (`http`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// Program and arguments of a command. It runs without a shell and succeeds with status 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub run: Option<Vec<String>>,
    /// A request, which succeeds with a status from 200 to 299.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Call>,
    /// The longest time that the step may take, such as `500ms`, `10s` or `2m`; by default `10s`. A command and
    /// the processes that it started are ended then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// What a command has to print.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Printed>,
    /// A name for what the command prints or the request is answered with, without the white space around it:
    /// later steps of the same list write `{name}` for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub capture: Option<String>,
}

/// What a command has to print.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Printed {
    /// Text that standard output has to contain.
    #[schemars(length(min = 1))]
    pub stdout: String,
}

/// A request over plain HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Method; by default `GET`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub method: Option<String>,
    /// URL, which begins with `http://` and may have a query.
    #[schemars(length(min = 1))]
    pub url: String,
    /// Headers. Secrets come from the environment: `{env:TOKEN}`.
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub headers: Ordered<String>,
    /// Body: text as it is sent, or any other value, which is sent as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The answer that is a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Answered>,
}

/// The answer to a request that is a success.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Answered {
    /// Statuses; by default those from 200 to 299.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(range(min = 100, max = 599)))]
    pub status: Vec<u16>,
    /// Text that the body has to contain.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub body: Option<String>,
}

/// Counters for each backend, from a page in the text format of Prometheus.
///
/// A selector is the name of a metric, with labels or without: `haproxy_server_http_responses_total{proxy="shop"}`.
/// All its series with the same value of `backend_label` are added up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// URL of the page, which begins with `http://`.
    #[schemars(length(min = 1))]
    pub prometheus: String,
    /// The label whose value names the backend, as replies name it.
    #[schemars(length(min = 1))]
    pub backend_label: String,
    /// Selector of the requests that were sent to a backend: a counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub requests: Option<String>,
    /// Selector of the requests that failed: a counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub errors: Option<String>,
    /// Selector of the requests in flight: a gauge. With it, the load balancer is drained before each switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub in_flight: Option<String>,
}
