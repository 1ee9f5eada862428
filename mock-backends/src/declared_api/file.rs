//! A mock API as written in its file. The doc comments are the published schema; what spans several keys is checked in
//! `compile`.

use super::reply_file::ReplyFile;
use super::step_file::StepFile;
use lb_core::ordered::Ordered;
use lb_core::service_time::ServiceTime;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A mock API: the routes that mock backends answer, what they keep, and what they cache.
///
/// Texts in replies are templates in the language of Jinja. What stands between `{{` and `}}` is an expression, and a JSON
/// text that is nothing but `{{ an expression }}` becomes its value, whatever type that has.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiFile {
    /// The address of this schema, for editors; it has no effect.
    #[serde(rename = "$schema", default)]
    #[allow(dead_code, reason = "only editors read it")]
    pub(super) schema: Option<String>,
    /// What the API is for, for readers; it has no effect.
    #[serde(default)]
    #[allow(dead_code, reason = "only people read it")]
    pub(super) description: Option<String>,
    /// Short name, such as `model-api`.
    #[schemars(length(min = 1))]
    pub(super) name: String,
    /// An API that is part of the program, in place of routes.
    #[serde(default)]
    pub(super) builtin: Option<BuiltIn>,
    /// Service time of routes that give none; by default that of the topology.
    #[serde(default)]
    pub(super) service_time: Option<ServiceTime>,
    /// How visitors are told apart, for `session` in expressions and for collections with `per_session`.
    #[serde(default)]
    pub(super) session: Option<SessionFile>,
    /// What the API keeps, by name. A reset of the backends returns it to its initial rows.
    #[serde(default)]
    pub(super) state: Ordered<CollectionFile>,
    /// Headers of every reply, such as `{"X-Instance": "{{ backend }}"}`.
    #[serde(default)]
    pub(super) headers: Ordered<String>,
    /// The routes. Where several fit, a fixed part of a path is preferred to a parameter, from left to right.
    #[serde(default)]
    pub(super) routes: Vec<RouteFile>,
    /// The reply to requests that no route fits; by default 404 with an `error`.
    #[serde(default)]
    pub(super) not_found: Option<ReplyFile>,
}

/// An API that is part of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum BuiltIn {
    /// The shop of six services that speaks JSON.
    Shop,
    /// The shop for browsers, with pages, forms and cookies, at the root of every pool.
    Boutique,
}

/// How visitors are told apart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionFile {
    /// Name of the cookie with the id of the session. A visitor without a valid one gets a new id with the reply.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(super) cookie: Option<String>,
    /// Name of the header with the id of the session, in place of a cookie. Requests without it share one session.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(super) header: Option<String>,
}

/// A collection of rows, each a JSON object with an `id`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CollectionFile {
    /// The ids of rows that are created without one.
    #[serde(default)]
    pub(super) ids: IdKind,
    /// The most rows that are kept, by default 10000; all rows together also take at most 64 MiB.
    #[serde(default = "default_rows")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) max_rows: usize,
    /// What happens to a new row when the collection is full.
    #[serde(default)]
    pub(super) when_full: WhenFull,
    /// Whether each session has rows of its own, as for a cart.
    #[serde(default)]
    pub(super) per_session: bool,
    /// Rows at the start and after a reset.
    #[serde(default)]
    pub(super) rows: Vec<Map<String, Value>>,
}

/// The ids of rows that are created without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum IdKind {
    /// Whole numbers from 1.
    #[default]
    Number,
    /// UUIDs, which the seed of the backends determines.
    Uuid,
}

/// What happens to a new row when its collection is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum WhenFull {
    /// The oldest row is removed.
    #[default]
    DropOldest,
    /// The new row is refused, with the reply `full` of the step.
    Refuse,
}

/// A route: which requests it fits, what they cost, what they do, and how they are answered.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteFile {
    /// HTTP method. HEAD is answered like GET.
    #[serde(default)]
    pub(super) method: MethodFile,
    /// Path, with parameters in braces, such as `/api/users/{id}`.
    pub(super) path: String,
    /// Whether the reply is made at once, without a worker of the backend, as for a health check.
    #[serde(default)]
    pub(super) at_once: bool,
    /// Service time; by default that of the file, or else that of the topology.
    #[serde(default)]
    pub(super) service_time: Option<ServiceTime>,
    /// The factor of the service time, from 0 to 1000: a number, or an expression over the request, such as
    /// `2 if body.size == 'large' else 1`. By default 1.
    #[serde(default)]
    pub(super) cost: Option<CostFile>,
    /// What the request must have. It is refused otherwise, after the service time itself (a cost of 1).
    #[serde(default)]
    pub(super) require: Vec<RuleFile>,
    /// The reply when `require` is not met; by default 422 with an `error`. `missing` lists what is not there.
    #[serde(default)]
    pub(super) invalid: Option<ReplyFile>,
    /// Failures that are drawn, from the key of the request alone, once it was served. They change nothing.
    #[serde(default)]
    pub(super) failures: Vec<FailureFile>,
    /// Caches the successful replies of this route.
    #[serde(default)]
    pub(super) cache: Option<CacheFile>,
    /// What is done with the state, in this order, once the request was served.
    #[serde(default)]
    pub(super) steps: Vec<StepFile>,
    /// What a successful request (2xx or 3xx) removes from caches.
    #[serde(default)]
    pub(super) invalidates: Vec<InvalidationFile>,
    /// The reply, unless a step or a rule gave another.
    pub(super) reply: ReplyFile,
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum MethodFile {
    #[default]
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl MethodFile {
    /// Returns the method as it is sent.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// The factor of a service time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum CostFile {
    /// The same for all requests.
    Number(f64),
    /// An expression over the request.
    Expression(String),
}

/// What a request must have: an expression that must have a value, such as `body.name`, or a condition.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum RuleFile {
    /// An expression whose value must be there and not be an empty text.
    Input(String),
    /// A condition with a reply of its own.
    Condition(ConditionFile),
}

/// A condition that a request must meet.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConditionFile {
    /// The condition, an expression over the request, such as `body.age is number`.
    #[schemars(length(min = 1))]
    pub(super) that: String,
    /// The reply when it is not met; by default `invalid` of the route.
    #[serde(default)]
    pub(super) reply: Option<ReplyFile>,
}

/// Failures of a share of the requests.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FailureFile {
    /// The share of the requests, a fraction from 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    pub(super) share: f64,
    /// How they are answered.
    pub(super) reply: ReplyFile,
}

/// A cache of replies.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CacheFile {
    /// Name of the cache, for `invalidates` and in metrics; by default method and path of the route.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(super) name: Option<String>,
    /// Expressions whose values together identify a reply, such as `path.id`; by default path and query.
    #[serde(default)]
    pub(super) key: Vec<String>,
    /// How long a reply is kept, in seconds.
    #[schemars(range(min = 0.001, max = 86_400))]
    pub(super) ttl_s: f64,
    /// The header that says `HIT` or `MISS`; by default `X-Cache-Status`.
    #[serde(default = "default_cache_header")]
    #[schemars(length(min = 1))]
    pub(super) header: String,
    /// The share of the service time that a hit takes, from 0 to 1; by default 0.05.
    #[serde(default = "default_hit_cost")]
    #[schemars(range(min = 0, max = 1))]
    pub(super) hit_cost: f64,
    /// Whether the backends share the cache.
    #[serde(default)]
    pub(super) scope: Scope,
    /// The most replies that are kept, by default 10000; they also take at most 64 MiB. The one that was not asked for
    /// for longest is removed first.
    #[serde(default = "default_rows")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) max_entries: usize,
}

/// Who shares a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Scope {
    /// All backends, like a cache server behind them.
    #[default]
    Shared,
    /// Nobody: each backend has a cache of its own.
    Backend,
}

/// What a request removes from a cache.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InvalidationFile {
    /// Name of the cache.
    pub(super) cache: String,
    /// Expressions whose values identify the reply, as in `key` of the cache; by default all replies are removed.
    #[serde(default)]
    pub(super) key: Vec<String>,
}

fn default_rows() -> usize {
    10_000
}

fn default_cache_header() -> String {
    "X-Cache-Status".to_owned()
}

/// Returns a twentieth: a lookup in a cache against a query of a database.
fn default_hit_cost() -> f64 {
    0.05
}
