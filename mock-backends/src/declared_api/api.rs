//! A mock API as compiled from its file: what does not change while it is served.

use super::file::Scope;
use super::inputs::Reads;
use super::path::Pattern;
use super::reply::Reply;
use super::rows::Collection;
use super::steps::Step;
use super::template::{Formula, Templates, Text};
use http::header::HeaderName;
use lb_core::Span;
use lb_core::service_time::ServiceTime;

/// A mock API with routes.
#[derive(Debug)]
pub(crate) struct DeclaredApi {
    pub(super) name: String,
    pub(super) templates: Templates,
    pub(super) session: Option<Session>,
    pub(super) collections: Vec<Collection>,
    pub(super) caches: Vec<CacheRule>,
    /// Headers of every reply.
    pub(super) headers: Vec<(HeaderName, Text)>,
    /// In the order in which they are tried.
    pub(super) routes: Vec<Route>,
    pub(super) not_found: Reply,
}

/// Where the id of a session stands in requests.
#[derive(Debug)]
pub(super) enum Session {
    Cookie(String),
    Header(HeaderName),
}

/// A cache of replies.
#[derive(Debug)]
pub(super) struct CacheRule {
    pub(super) name: String,
    /// Expressions whose values identify a reply; empty for path and query.
    pub(super) key: Vec<Formula>,
    pub(super) ttl: Span,
    pub(super) header: HeaderName,
    pub(super) hit_cost: f64,
    pub(super) scope: Scope,
    pub(super) most: usize,
}

/// A route.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) pattern: Pattern,
    /// The path as in the file, for metrics.
    pub(super) label: &'static str,
    pub(super) reads: Reads,
    pub(super) at_once: bool,
    /// `None` for the service time of the topology.
    pub(super) service_time: Option<ServiceTime>,
    pub(super) cost: Cost,
    pub(super) inputs: Vec<Input>,
    pub(super) conditions: Vec<Condition>,
    /// The reply when inputs are missing.
    pub(super) invalid: Reply,
    /// The share of each failure, and its reply.
    pub(super) failures: Vec<(f64, Reply)>,
    /// Number of the cache of its replies.
    pub(super) cache: Option<usize>,
    pub(super) steps: Vec<Step>,
    pub(super) invalidations: Vec<Invalidation>,
    pub(super) reply: Reply,
}

/// The factor of a service time.
#[derive(Debug)]
pub(super) enum Cost {
    Fixed(f64),
    Formula(Formula),
}

/// A value that a request must have.
#[derive(Debug)]
pub(super) struct Input {
    /// The expression as written, for `missing`.
    pub(super) name: String,
    pub(super) formula: Formula,
}

/// A condition that a request must meet, and the reply when it does not.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) that: Formula,
    /// `None` for `invalid` of the route.
    pub(super) reply: Option<Reply>,
}

/// What a request removes from a cache.
#[derive(Debug)]
pub(super) struct Invalidation {
    pub(super) cache: usize,
    /// Expressions whose values identify the reply; empty for all replies.
    pub(super) key: Vec<Formula>,
}

impl DeclaredApi {
    /// Finds the route of a request. HEAD fits the routes of GET.
    pub(super) fn find<'a>(&'a self, method: &str, path: &str) -> Found<'a> {
        let mut allowed = Vec::new();
        for (number, route) in self.routes.iter().enumerate() {
            let Some(arguments) = route.pattern.arguments(path) else { continue };
            if route.method == method || route.method == "GET" && method == "HEAD" {
                return Found::Route(number, arguments);
            }
            allowed.push(route.method);
        }
        if allowed.is_empty() { Found::Nothing } else { Found::OtherMethods(allowed) }
    }
}

/// Which route a request fits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// The number of the route, with the parameters of the path.
    Route(usize, Vec<(&'a str, String)>),
    /// Routes with the same path, but with these methods.
    OtherMethods(Vec<&'static str>),
    Nothing,
}
