//! Which headers cross the load balancer, and what it adds.
//!
//! Hop-by-hop fields end at each hop (RFC 9110, 7.6.1): a fixed list, and whatever `Connection`
//! names. How a message is framed is decided anew on the other side, by whoever writes it there.

use crate::proxy::thread::Client;
use crate::state::{Backend, Label, Route};
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, Entry, HOST, HeaderName, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderValue};
use http_body::Body;
use hyper::body::Incoming;
use lb_core::rng::hash_name;

const X_BACKEND: HeaderName = HeaderName::from_static("x-backend");
const X_LB_ALGORITHM: HeaderName = HeaderName::from_static("x-lb-algorithm");
const X_SERVICE: HeaderName = HeaderName::from_static("x-service");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
pub(crate) const X_TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// `Expect` is among them because it is answered here, by the server side, when the body is read.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    EXPECT,
];

/// Removes what is meant for this hop only.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    // Most messages have none: one pass over a few keys is cheaper than nine look-ups.
    if !headers.keys().any(|name| HOP_BY_HOP.contains(name)) {
        return;
    }
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        // `Connection: content-length` would change where the message ends, and no client may.
        if *name != CONTENT_LENGTH && *name != HOST {
            headers.remove(name);
        }
    }
}

/// The identity that policies with affinity hash: the first address of `X-Forwarded-For` if it can
/// be trusted, else the peer's.
pub(crate) fn client_key(headers: &HeaderMap, client: &Client, trusted: bool) -> u64 {
    match headers.get(X_FORWARDED_FOR) {
        Some(value) if trusted => {
            let value = value.as_bytes();
            let first = value.split(|byte| *byte == b',').next().unwrap_or(value);
            hash_name(first.trim_ascii())
        }
        _ => client.key,
    }
}

/// Makes a client's headers those of the request to a backend.
pub(crate) fn to_backend(
    headers: &mut HeaderMap,
    body: &Incoming,
    client: &Client,
    route: &Route,
    trusted: bool,
) {
    remove_hop_by_hop(headers);
    if !body.is_end_stream() && body.size_hint().exact().is_none() {
        // hyper would send no body at all for methods that seldom have one.
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    match headers.entry(X_FORWARDED_FOR) {
        Entry::Occupied(mut entry) if trusted => {
            let path: Vec<&[u8]> = entry
                .iter()
                .map(HeaderValue::as_bytes)
                .chain([client.peer.as_bytes()])
                .collect();
            if let Ok(value) = HeaderValue::from_bytes(&path.join(&b", "[..])) {
                entry.insert(value);
            }
        }
        Entry::Occupied(mut entry) => {
            entry.insert(client.peer.clone());
        }
        Entry::Vacant(entry) => {
            entry.insert(client.peer.clone());
        }
    }
    headers.insert(X_SERVICE, route.header.clone());
}

/// Makes a backend's headers those of the reply to a client.
pub(crate) fn to_client(
    headers: &mut HeaderMap,
    body: &Incoming,
    backend: &Backend,
    label: &Label,
    trace: HeaderValue,
) {
    remove_hop_by_hop(headers);
    if !body.is_end_stream() && body.size_hint().exact().is_none() {
        headers.remove(CONTENT_LENGTH);
    }
    headers
        .entry(X_BACKEND)
        .or_insert_with(|| backend.header.clone());
    headers.insert(X_LB_ALGORITHM, label.header.clone());
    headers.insert(X_TRACE_ID, trace);
}

/// The headers of a reply that the load balancer makes itself, which names no backend.
pub(crate) fn own(headers: &mut HeaderMap, label: Option<&Label>, trace: HeaderValue) {
    if let Some(label) = label {
        headers.insert(X_LB_ALGORITHM, label.header.clone());
    }
    headers.insert(X_TRACE_ID, trace);
}
