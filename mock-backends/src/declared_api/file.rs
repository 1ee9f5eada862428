//! A mock API as written in its file. The doc comments are the published schema; what spans several keys is checked in
//! `compile`.

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

/// What is done with the state.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum StepFile {
    /// Adds a row and calls it `item`.
    Create {
        /// Name of the collection.
        #[serde(rename = "in")]
        collection: String,
        /// Expression for the id; by default the collection gives one.
        #[serde(default)]
        id: Option<String>,
        /// The row: an object with templates, or an expression for one, such as `{{ body }}`.
        with: Value,
        /// The name of the row in the expressions that follow, in place of `item`.
        #[serde(default, rename = "as")]
        name: Option<String>,
        /// The reply when there is a row with this id; by default 409 with an `error`.
        #[serde(default)]
        exists: Option<ReplyFile>,
        /// The reply when the collection is full; by default 507 with an `error`.
        #[serde(default)]
        full: Option<ReplyFile>,
    },
    /// Looks a row up and calls it `item`.
    Read {
        /// Name of the collection.
        #[serde(rename = "in")]
        collection: String,
        /// Expression for the id.
        id: String,
        /// Whether the request goes on without such a row; `item` is undefined then.
        #[serde(default)]
        optional: bool,
        /// The name of the row in the expressions that follow, in place of `item`.
        #[serde(default, rename = "as")]
        name: Option<String>,
        /// The reply when there is no such row; by default 404 with an `error`.
        #[serde(default)]
        missing: Option<ReplyFile>,
    },
    /// Changes fields of a row and calls it `item`, also in `with`.
    Update {
        /// Name of the collection.
        #[serde(rename = "in")]
        collection: String,
        /// Expression for the id.
        id: String,
        /// The fields that change: an object with templates, or an expression for one.
        with: Value,
        /// The name of the row in `with` and in the expressions that follow, in place of `item`.
        #[serde(default, rename = "as")]
        name: Option<String>,
        /// The reply when there is no such row; by default 404 with an `error`.
        #[serde(default)]
        missing: Option<ReplyFile>,
    },
    /// Changes fields of a row, or adds the row if there is none, and calls it `item`, also in `with`.
    Put {
        /// Name of the collection.
        #[serde(rename = "in")]
        collection: String,
        /// Expression for the id.
        id: String,
        /// The fields: an object with templates, or an expression for one.
        with: Value,
        /// The name of the row in `with` and in the expressions that follow, in place of `item`.
        #[serde(default, rename = "as")]
        name: Option<String>,
        /// The reply when the collection is full; by default 507 with an `error`.
        #[serde(default)]
        full: Option<ReplyFile>,
    },
    /// Removes a row and calls it `item`.
    Delete {
        /// Name of the collection.
        #[serde(rename = "in")]
        collection: String,
        /// Expression for the id.
        id: String,
        /// The name of the row in the expressions that follow, in place of `item`.
        #[serde(default, rename = "as")]
        name: Option<String>,
        /// The reply when there is no such row; by default 404 with an `error`.
        #[serde(default)]
        missing: Option<ReplyFile>,
    },
    /// Lists rows, the oldest first, and calls them `items`; `total` is the number of all that fit.
    List {
        /// Name of the collection.
        #[serde(rename = "in")]
        collection: String,
        /// Condition for a row to be listed, with the row as `row`; by default all are. It is evaluated for every row.
        #[serde(default, rename = "where")]
        condition: Option<String>,
        /// Expression for the number of rows that are left out at the beginning; by default 0.
        #[serde(default)]
        skip: Option<String>,
        /// Expression for the most rows that are listed; by default 100, and never more than 10000.
        #[serde(default)]
        limit: Option<String>,
        /// The name of the list in the expressions that follow, in place of `items`.
        #[serde(default, rename = "as")]
        name: Option<String>,
    },
    /// Removes all rows (of the session, if rows belong to sessions) and calls them `items`.
    Clear {
        /// Name of the collection.
        #[serde(rename = "in")]
        collection: String,
        /// The name of the list in the expressions that follow, in place of `items`.
        #[serde(default, rename = "as")]
        name: Option<String>,
    },
    /// Answers at once when a condition is met; no further step is taken.
    Answer {
        /// The condition, an expression such as `item.loaded`.
        when: String,
        /// The reply.
        reply: ReplyFile,
    },
}

impl StepFile {
    /// Returns the collection on which the step works, and the name that its result is given. `None` for a step that
    /// answers.
    pub(super) fn target(&self) -> Option<(&str, Option<&str>)> {
        match self {
            Self::Create { collection, name, .. }
            | Self::Read { collection, name, .. }
            | Self::Update { collection, name, .. }
            | Self::Put { collection, name, .. }
            | Self::Delete { collection, name, .. }
            | Self::List { collection, name, .. }
            | Self::Clear { collection, name } => Some((collection, name.as_deref())),
            Self::Answer { .. } => None,
        }
    }
}

/// A reply. At most one of `json`, `text`, `html` and `metrics` is its body.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReplyFile {
    /// Status; by default 200, or 302 with `redirect`.
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
