//! Reads the REST provider's configuration from Traefik's API, and builds the document that would produce it.
//! `PUT /api/providers/rest` replaces all of it, so a change of one key sends every other key again.

use crate::group::Group;
use lb_core::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Suffix of the names of everything from this provider.
const PROVIDER: &str = "@rest";

/// Keys that the API adds to the configured ones.
const ADDED: [&str; 8] =
    ["status", "using", "usedBy", "error", "name", "provider", "priorityStr", "serverStatus"];

/// Prefix of the middlewares that tell the client which algorithm is active; the name of the algorithm
/// follows.
const TAG: &str = "tag-";

/// The reply to `GET /api/rawdata`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Raw {
    #[serde(default)]
    routers: Map<String, Value>,
    #[serde(default)]
    services: Map<String, Value>,
    #[serde(default)]
    middlewares: Map<String, Value>,
}

/// The reply to `GET /api/version`.
#[derive(Debug, Deserialize)]
pub(super) struct Version {
    #[serde(rename = "startDate")]
    pub(super) start: String,
}

/// A router whose service is named after an algorithm.
#[derive(Debug)]
pub(super) struct Router<'a> {
    pub(super) name: &'a str,
    pub(super) group: Group,
    /// The name of its service.
    pub(super) service: &'a str,
    /// What Traefik says is wrong with it or its service.
    pub(super) error: Option<String>,
    /// Name of the strategy by which its service picks a server.
    pub(super) strategy: &'a str,
    pub(super) servers: Vec<Server>,
}

/// A server of a service.
#[derive(Debug)]
pub(super) struct Server {
    /// Address as `host:port`.
    pub(super) address: String,
    pub(super) weight: f64,
    /// Whether health checks, if there are any, let it take requests.
    pub(super) healthy: bool,
}

impl Raw {
    /// Lists the routers, each with its service.
    pub(super) fn routers(&self) -> impl Iterator<Item = Router<'_>> {
        own(&self.routers).filter_map(|(name, router)| {
            let service = local(router["service"].as_str()?);
            let routes = self.services.get(&format!("{service}{PROVIDER}")).unwrap_or(&Value::Null);
            Some(Router {
                name,
                group: Group::parse(service)?,
                service,
                error: error(router).or_else(|| error(routes)),
                strategy: strategy(routes),
                servers: servers(routes).filter_map(|one| server(routes, one)).collect(),
            })
        })
    }

    /// Lists the groups of backends, used or not.
    pub(super) fn groups(&self) -> impl Iterator<Item = Group> {
        own(&self.services).filter_map(|(name, _)| Group::parse(name))
    }

    /// Builds the document that produces the provider's current configuration.
    pub(super) fn document(&self) -> Value {
        let section = |all: &Map<String, Value>| -> Map<String, Value> {
            let mut kept: Map<String, Value> =
                own(all).map(|(name, value)| (name.to_owned(), value.clone())).collect();
            for value in kept.values_mut().filter_map(Value::as_object_mut) {
                value.retain(|key, _| !ADDED.contains(&key.as_str()));
            }
            kept
        };
        json!({"http": {
            "routers": section(&self.routers),
            "services": section(&self.services),
            "middlewares": section(&self.middlewares),
        }})
    }

    /// Returns whether the configuration matches a document, as far as the API shows it.
    pub(super) fn shows(&self, document: &Value) -> bool {
        let here = self.document();
        ["routers", "services", "middlewares"].iter().all(|section| {
            let wanted = &document["http"][section];
            wanted.is_null() || contains(&here["http"][section], wanted)
        })
    }
}

/// Points each router at its pool's group for `algorithm`, with the middleware that names the algorithm.
pub(super) fn select(document: &mut Value, algorithm: &Algorithm) {
    let tag = format!("{TAG}{algorithm}");
    let tagged = !document["http"]["middlewares"][&tag].is_null();
    for (_, router) in document["http"]["routers"].as_object_mut().into_iter().flatten() {
        let service = local(router["service"].as_str().unwrap_or_default());
        if Group::parse(service).is_none() {
            continue;
        }
        let pool = service.rsplit_once('.').map(|(pool, _)| format!("{pool}."));
        router["service"] = json!(format!("{}{algorithm}", pool.unwrap_or_default()));
        for one in router["middlewares"].as_array_mut().into_iter().flatten() {
            if tagged && one.as_str().is_some_and(|name| name.starts_with(TAG)) {
                *one = json!(tag);
            }
        }
    }
}

/// Sets the weights of servers in all groups of `algorithm`. `weight` returns the new weight of an address,
/// or `None` to keep it.
pub(super) fn weigh(document: &mut Value, algorithm: &Algorithm, weight: impl Fn(&str) -> Option<u32>) {
    for (name, service) in document["http"]["services"].as_object_mut().into_iter().flatten() {
        if Group::parse(name).is_none_or(|group| group.algorithm != *algorithm) {
            continue;
        }
        for one in service["loadBalancer"]["servers"].as_array_mut().into_iter().flatten() {
            if let Some(weight) = address(one).and_then(&weight) {
                one["weight"] = json!(weight);
            }
        }
    }
}

/// Returns whether `there` contains everything in `wanted`. Traefik adds keys, and adds the provider to
/// names.
fn contains(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| there.get(key).is_some_and(|there| contains(there, value)))
        }
        (Value::Array(there), Value::Array(wanted)) => {
            there.len() == wanted.len()
                && there.iter().zip(wanted).all(|(there, wanted)| contains(there, wanted))
        }
        (Value::String(there), Value::String(wanted)) => local(there) == local(wanted),
        _ => there == wanted,
    }
}

/// Lists the objects that come from the REST provider, by their names there.
fn own(all: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    all.iter().filter_map(|(name, value)| Some((name.strip_suffix(PROVIDER)?, value)))
}

/// Strips the provider from a name, if it is this one.
fn local(name: &str) -> &str {
    name.strip_suffix(PROVIDER).unwrap_or(name)
}

fn error(of: &Value) -> Option<String> {
    let said: Vec<&str> = of["error"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let disabled = of["status"].as_str().is_some_and(|status| status != "enabled");
    match (said.is_empty(), disabled) {
        (false, _) => Some(said.join(", ")),
        (true, true) => Some("it is disabled".to_owned()),
        (true, false) => None,
    }
}

fn strategy(service: &Value) -> &str {
    let named = service["loadBalancer"]["strategy"].as_str();
    named.filter(|name| !name.is_empty()).unwrap_or("wrr")
}

fn servers(service: &Value) -> impl Iterator<Item = &Value> {
    service["loadBalancer"]["servers"].as_array().into_iter().flatten()
}

fn server(service: &Value, one: &Value) -> Option<Server> {
    let healthy = service["serverStatus"][one["url"].as_str()?] != "DOWN";
    let weight = one["weight"].as_f64().unwrap_or(1.0);
    Some(Server { address: address(one)?.to_owned(), weight, healthy })
}

fn address(one: &Value) -> Option<&str> {
    let (_, address) = one["url"].as_str()?.split_once("://")?;
    address.split('/').next()
}
