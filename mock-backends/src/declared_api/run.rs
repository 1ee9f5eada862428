//! Answers requests to a mock API, without sockets or a clock.
//!
//! A request is looked at twice. When it arrives, [`RunningApi::arrive`] finds its route and says how long it is served:
//! what the cost depends on, above all whether the cache holds the reply, is decided before the request waits for a
//! worker. Once it was served, [`RunningApi::answer`] works on the state and makes the reply.

use super::api::{Cost, DeclaredApi, Found, Invalidation, Route, Session};
use super::cache::Lookup;
use super::caches::Caches;
use super::inputs::{Incoming, read};
use super::reply::{Rendered, fill_headers};
use super::rows::Rows;
use super::steps::World;
use super::template::{Fault, Formula, Variables};
use crate::cookies;
use crate::store::Ids;
use http::header::{ALLOW, HeaderValue};
use lb_core::service_time::ServiceTime;
use lb_core::{Seed, Time};
use minijinja::Value;
use rand::RngExt as _;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// Label of the random stream that decides whether a request fails.
const FAILURE: u64 = 0x6661_696c_7572_6531;
/// The highest cost: a thousand times the service time.
pub(super) const MOST_COST: f64 = 1_000.0;

/// A mock API with what it keeps. All backends share it.
#[derive(Debug)]
pub(crate) struct RunningApi {
    pub(super) api: Arc<DeclaredApi>,
    pub(super) state: RefCell<State>,
}

/// What an API keeps.
#[derive(Debug)]
pub(super) struct State {
    pub(super) rows: Vec<Rows>,
    pub(super) caches: Caches,
    ids: Ids,
}

/// A request that has arrived.
#[derive(Debug)]
pub(crate) struct Visit {
    /// The number of its route; `None` if there is none.
    route: Option<usize>,
    /// The path by which its route was found: as clients know it, also if a load balancer took off the service.
    pub(crate) path: String,
    /// The factor of its service time.
    pub(crate) cost: f64,
    unit: usize,
    variables: Arc<Variables>,
    /// The id of its session; empty if there is none.
    session: String,
    /// Whether its session begins with this request, so that the reply sets the cookie.
    is_new_session: bool,
    cached: Option<Cached>,
    /// The reply, where it is known already.
    reply: Option<Rc<Rendered>>,
}

/// What a cache says about a request.
#[derive(Debug)]
struct Cached {
    cache: usize,
    key: String,
    lookup: Lookup,
}

impl RunningApi {
    pub(crate) fn new(api: Arc<DeclaredApi>, seed: Seed) -> Self {
        let rows = api.collections.iter().map(|collection| Rows::new(&collection.shape)).collect();
        let caches = Caches::new(api.caches.len());
        Self { state: RefCell::new(State { rows, caches, ids: Ids::new(seed) }), api }
    }

    /// Forgets everything that clients did.
    pub(crate) fn reset(&self) {
        let state = &mut *self.state.borrow_mut();
        state.rows = self.api.collections.iter().map(|collection| Rows::new(&collection.shape)).collect();
        state.caches = Caches::new(self.api.caches.len());
        state.ids.reset();
    }

    /// Returns the route of a visit.
    fn route(&self, visit: &Visit) -> Option<&Route> {
        Some(&self.api.routes[visit.route?])
    }

    /// Returns the service time that the file gives for a visit; `None` for that of the topology.
    pub(crate) fn service_time(&self, visit: &Visit) -> Option<&ServiceTime> {
        self.route(visit)?.service_time.as_ref()
    }

    /// Returns whether a visit is answered without a worker.
    pub(crate) fn is_at_once(&self, visit: &Visit) -> bool {
        self.route(visit).is_some_and(|route| route.at_once)
    }

    /// Returns the path of the route of a visit as in the file, for metrics.
    pub(crate) fn label(&self, visit: &Visit) -> Option<&'static str> {
        Some(self.route(visit)?.label)
    }

    /// Takes a request in: finds its route, reads its inputs, checks them, and asks the cache.
    pub(crate) fn arrive(&self, request: &Incoming<'_>, now: Time) -> Visit {
        let (path, found) = self.locate(request);
        let mut visit = Visit {
            route: None,
            path,
            cost: 1.0,
            unit: request.unit,
            variables: Arc::default(),
            session: String::new(),
            is_new_session: false,
            cached: None,
            reply: None,
        };
        match found {
            Found::Nothing => read(request, Default::default(), &[], &visit.variables),
            Found::OtherMethods(methods) => {
                let mut reply = Rendered::error(405, "method is not allowed here");
                let methods = HeaderValue::try_from(methods.join(", "));
                reply.headers.extend(methods.ok().map(|methods| (ALLOW, methods)));
                visit.reply = Some(Rc::new(reply));
            }
            Found::Route(number, arguments) => {
                let route = &self.api.routes[number];
                visit.route = Some(number);
                read(request, route.reads, &arguments, &visit.variables);
                self.begin_session(request, route, &mut visit);
                if let Err(fault) = self.weigh(request, route, &mut visit, now) {
                    visit.reply = Some(Rc::new(broken(route, &fault)));
                }
            }
        }
        visit
    }

    /// Finds the route, and the path below which it lies: as it was sent, or with the service in front that a load
    /// balancer took off and named in a header, or without the service in front.
    fn locate(&self, request: &Incoming<'_>) -> (String, Found<'_>) {
        let sent = self.api.find(request.method, request.path);
        let Some(service) = request.service.filter(|_| sent == Found::Nothing) else {
            return (request.path.to_owned(), sent);
        };
        let rest = if request.path == "/" { "" } else { request.path };
        let whole = format!("/{service}{rest}");
        let without = request.path.strip_prefix('/').and_then(|rest| rest.strip_prefix(service));
        for path in [Some(whole.as_str()), without].into_iter().flatten() {
            match self.api.find(request.method, path) {
                Found::Nothing => {}
                found => return (path.to_owned(), found),
            }
        }
        (request.path.to_owned(), Found::Nothing)
    }

    fn begin_session(&self, request: &Incoming<'_>, route: &Route, visit: &mut Visit) {
        let known = match &self.api.session {
            Some(Session::Header(name)) => {
                request.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
            }
            Some(Session::Cookie(name)) => {
                cookies::cookie(&cookies::sent(request.headers), name).map(str::to_owned)
            }
            None => return,
        };
        let known = known.filter(|id| cookies::is_session(id));
        visit.is_new_session =
            known.is_none() && !route.at_once && matches!(self.api.session, Some(Session::Cookie(_)));
        visit.session = match visit.is_new_session {
            true => self.state.borrow_mut().ids.fresh(),
            false => known.unwrap_or_default(),
        };
        visit.variables.set("session", visit.session.as_str().into());
    }

    /// Decides what a request costs, and answers what needs no look at the state: a request that is refused, and one
    /// whose reply is cached.
    fn weigh(
        &self,
        request: &Incoming<'_>,
        route: &Route,
        visit: &mut Visit,
        now: Time,
    ) -> Result<(), Fault> {
        let context = visit.variables.context();
        if let Some(refusal) = self.refuse(route, visit)? {
            visit.reply = Some(Rc::new(refusal));
            return Ok(());
        }
        visit.cost = evaluate_cost(&route.cost, &context)?;
        let Some(number) = route.cache else { return Ok(()) };
        let rule = &self.api.caches[number];
        let key = match rule.key.is_empty() {
            true => format!("{}?{}", visit.path, request.query),
            false => cache_key(&rule.key, &context)?,
        };
        let caches = &mut self.state.borrow_mut().caches;
        let held = caches.of(number, rule.scope, visit.unit).get(&key, now);
        let lookup = if held.is_some() { Lookup::Hit } else { Lookup::Miss };
        if held.is_some() {
            visit.cost *= rule.hit_cost;
            visit.reply = held;
        }
        visit.cached = Some(Cached { cache: number, key, lookup });
        Ok(())
    }

    /// Returns the reply to a request that lacks something; `None` if it lacks nothing.
    fn refuse(&self, route: &Route, visit: &Visit) -> Result<Option<Rendered>, Fault> {
        let context = visit.variables.context();
        let mut missing = Vec::new();
        for input in &route.inputs {
            if !input.formula.is_given(&context)? {
                missing.push(input.name.as_str());
            }
        }
        visit.variables.set("missing", Value::from_serialize(&missing));
        if !missing.is_empty() {
            return Ok(Some(route.invalid.fill(&self.api.templates, &context)?));
        }
        for condition in &route.conditions {
            if !condition.that.is_true(&context)? {
                let reply = condition.reply.as_ref().unwrap_or(&route.invalid);
                return Ok(Some(reply.fill(&self.api.templates, &context)?));
            }
        }
        Ok(None)
    }

    /// Answers a request that was served. `key` is the one that its random draws come from.
    pub(crate) fn answer(&self, visit: Visit, key: u64, now: Time) -> Rendered {
        let route = self.route(&visit);
        let reply = match (&visit.reply, route) {
            (Some(reply), _) => Rendered::clone(reply),
            (None, Some(route)) => {
                self.serve(route, &visit, key, now).unwrap_or_else(|fault| broken(route, &fault))
            }
            (None, None) => {
                let filled = self.api.not_found.fill(&self.api.templates, &visit.variables.context());
                filled.unwrap_or_else(|fault| Rendered::error(500, &fault.to_string()))
            }
        };
        self.finish(reply, &visit)
    }

    /// Works on the state and makes the reply.
    fn serve(&self, route: &Route, visit: &Visit, key: u64, now: Time) -> Result<Rendered, Fault> {
        let (templates, context) = (&self.api.templates, visit.variables.context());
        if let Some(failure) = draw_failure(route, key) {
            return route.failures[failure].1.fill(templates, &context);
        }
        let state = &mut *self.state.borrow_mut();
        let mut world = World {
            collections: &self.api.collections,
            rows: &mut state.rows,
            ids: &mut state.ids,
            templates,
            session: &visit.session,
            variables: &visit.variables,
        };
        let given = world.take(&route.steps)?;
        let reply = given.unwrap_or(&route.reply).fill(templates, &context)?;
        if (200..400).contains(&reply.status) {
            for invalidation in &route.invalidations {
                self.invalidate(invalidation, visit, &context, &mut state.caches)?;
            }
        }
        if let Some(Cached { cache, key, lookup: Lookup::Miss }) = &visit.cached
            && reply.is_cacheable()
        {
            let rule = &self.api.caches[*cache];
            let held = state.caches.of(*cache, rule.scope, visit.unit);
            held.put(key.clone(), Rc::new(reply.clone()), now, rule.ttl, rule.most);
        }
        Ok(reply)
    }

    fn invalidate(
        &self,
        invalidation: &Invalidation,
        visit: &Visit,
        context: &Value,
        caches: &mut Caches,
    ) -> Result<(), Fault> {
        let Invalidation { cache, key } = invalidation;
        let scope = self.api.caches[*cache].scope;
        match key.is_empty() {
            true => caches.clear(*cache, scope, visit.unit),
            false => caches.of(*cache, scope, visit.unit).remove(&cache_key(key, context)?),
        }
        Ok(())
    }

    /// Adds what belongs to the request rather than to the reply: headers of every reply, what the cache said, and the
    /// cookie of a new session.
    fn finish(&self, mut reply: Rendered, visit: &Visit) -> Rendered {
        match fill_headers(&self.api.headers, &self.api.templates, &visit.variables.context()) {
            // Headers of the reply itself come later, and so take the place of these.
            Ok(headers) => drop(reply.headers.splice(..0, headers)),
            Err(fault) => tracing::warn!(%fault, "failed to fill the headers of every reply"),
        }
        if let Some(Cached { cache, lookup, .. }) = visit.cached {
            let word = match lookup {
                Lookup::Hit => "HIT",
                Lookup::Miss => "MISS",
            };
            reply.headers.push((self.api.caches[cache].header.clone(), HeaderValue::from_static(word)));
            self.state.borrow_mut().caches.count(cache, visit.unit, lookup);
        }
        if let Some(Session::Cookie(name)) = self.api.session.as_ref().filter(|_| visit.is_new_session) {
            reply.cookies.push(cookies::lasting(name, &visit.session));
        }
        reply
    }
}

/// Returns the values of expressions as one text.
fn cache_key(formulas: &[Formula], context: &Value) -> Result<String, Fault> {
    let parts = formulas.iter().map(|formula| formula.text(context));
    Ok(parts.collect::<Result<Vec<_>, Fault>>()?.join("\0"))
}

fn evaluate_cost(cost: &Cost, context: &Value) -> Result<f64, Fault> {
    let formula = match cost {
        Cost::Fixed(cost) => return Ok(*cost),
        Cost::Formula(formula) => formula,
    };
    let value = formula.value(context)?;
    let number = f64::try_from(value.clone()).ok().filter(|cost| (0.0..=MOST_COST).contains(cost));
    number.ok_or_else(|| {
        Fault(format!(
            "`cost` comes to `{value}`, but it must be a number from 0 to {MOST_COST}; check `require`"
        ))
    })
}

/// Draws whether a request fails, and how.
fn draw_failure(route: &Route, key: u64) -> Option<usize> {
    if route.failures.is_empty() {
        return None;
    }
    let mut left = Seed(key).stream(&[FAILURE]).random::<f64>();
    route.failures.iter().position(|(share, _)| {
        left -= share;
        left < 0.0
    })
}

/// Answers a request for which the file of the API gives no reply. It is the file that is wrong, and its author reads
/// what failed.
fn broken(route: &Route, fault: &Fault) -> Rendered {
    tracing::warn!(method = route.method, path = route.label, %fault, "a mock API cannot answer");
    Rendered::error(500, &format!("{} {} of the mock API failed: {fault}", route.method, route.label))
}
