//! JSON objects: what nginx, Caddy, Traefik, Envoy, Google Cloud and programs of one's own write, one per line.

use super::FieldMap;
use crate::entry::Attempt;
use crate::names::{Field, field_of, put};
use crate::row::{Draft, Parsed, Skip, Upstream, in_units, unreadable, with_unit};
use crate::stamp;
use crate::target::host_of;
use lb_core::Span;
use serde_json::{Map, Value};
use std::borrow::Cow;

pub(crate) type Object = Map<String, Value>;

/// Parses an object.
pub(crate) fn object(text: &str) -> Result<Object, Skip> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(unreadable("must be a JSON object")),
        Err(error) => Err(unreadable(format!(
            "is not JSON (column {}); each line must be one complete object",
            error.column()
        ))),
    }
}

/// Returns the text within the log of a container engine, and the time at which it was written.
pub(crate) fn container_line(map: &Object) -> Option<(&str, Option<stamp::Stamp>)> {
    let line = map.get("log")?.as_str()?;
    let time = map.get("time").or_else(|| map.get("timestamp"))?;
    Some((line, stamp::of_json(time).ok()))
}

/// Reads an object.
pub(crate) fn row(line: usize, map: &Object, fields: Option<&FieldMap>) -> Parsed {
    if let Some(request) =
        map.get("request").and_then(Value::as_object).filter(|inner| inner.contains_key("uri"))
    {
        return caddy(line, map, request);
    }
    if map.contains_key("RequestMethod") && map.contains_key("RequestPath") {
        return traefik(line, map);
    }
    if let Some(request) = map.get("httpRequest").and_then(Value::as_object) {
        return google(line, map, request);
    }
    let mut draft = Draft::default();
    if let Some(fields) = fields {
        for (field, place) in fields.iter() {
            if let Some(value) = at(map, place) {
                take(&mut draft, field, value).map_err(unreadable)?;
            }
        }
    }
    // Times of nginx are those of the end; others stamp the beginning or do not say.
    draft.at_end = ["time_local", "time_iso8601", "msec"].iter().any(|key| map.contains_key(*key));
    draft.escaped = draft.at_end;
    let own = |field: Field| fields.is_some_and(|fields| fields.iter().any(|(known, _)| known == field));
    generic(&mut draft, map, &own)?;
    envoy(map, &mut draft);
    draft.row(line)
}

/// Takes every key whose name says what it is, in the object and in the objects `request` and `req` in it.
fn generic<'a>(draft: &mut Draft<'a>, map: &'a Object, own: &impl Fn(Field) -> bool) -> Result<(), Skip> {
    let mut path_only = None;
    for (key, value) in map {
        if let (Value::Object(inner), "request" | "req" | "http" | "response" | "res") = (value, key.as_str())
        {
            generic(draft, inner, own)?;
            continue;
        }
        let Some(field) = field_of(key).filter(|field| !own(*field)) else { continue };
        match field {
            // A path without its query gives way to one with it.
            Field::Path => path_only = Some(value),
            Field::Request if !value.is_string() => {}
            field => take(draft, field, value).map_err(unreadable)?,
        }
    }
    if let (None, Some(path)) = (&draft.url, path_only) {
        take(draft, Field::Path, path).map_err(unreadable)?;
    }
    Ok(())
}

fn take<'a>(draft: &mut Draft<'a>, field: Field, value: &'a Value) -> Result<(), String> {
    match (field, value) {
        (_, Value::Null) => Ok(()),
        (Field::Time, value) => {
            let stamp = stamp::of_json(value)?;
            if draft.stamp.is_none_or(|known| known.is_whole() && !stamp.is_whole()) {
                draft.stamp = Some(stamp);
            }
            Ok(())
        }
        (field, Value::String(text)) => put(draft, field, Cow::Borrowed(text)),
        (Field::Duration(0), Value::Number(number)) => {
            // Programs that write fractions write seconds; `5.0` is a fraction, too.
            let unit = if number.is_f64() { 1.0 } else { 1e-3 };
            draft.duration = in_units(&number.to_string(), unit).or(draft.duration);
            Ok(())
        }
        (field, Value::Number(number)) => put(draft, field, Cow::Owned(number.to_string())),
        _ => Ok(()),
    }
}

/// Returns a value by keys joined by dots.
fn at<'a>(map: &'a Object, place: &str) -> Option<&'a Value> {
    if let Some(value) = map.get(place) {
        return Some(value);
    }
    let mut keys = place.split('.');
    let first = map.get(keys.next()?)?;
    keys.try_fold(first, |value, key| value.get(key))
}

pub(super) fn text<'a>(map: &'a Object, key: &str) -> Option<Cow<'a, str>> {
    map.get(key)?.as_str().map(Cow::Borrowed)
}

pub(super) fn number(map: &Object, key: &str) -> Option<u64> {
    match map.get(key)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

pub(super) fn stamp_of(map: &Object, keys: &[&str]) -> Result<Option<stamp::Stamp>, Skip> {
    keys.iter().find_map(|key| map.get(*key)).map(stamp::of_json).transpose().map_err(unreadable)
}

/// Reads an entry of Caddy's access log, which is written at the end of a request.
fn caddy(line: usize, map: &Object, request: &Object) -> Parsed {
    let header = |name: &str| {
        let values = request.get("headers")?.get(name)?;
        values.get(0).and_then(Value::as_str).map(Cow::Borrowed)
    };
    let duration = match map.get("duration") {
        Some(Value::Number(number)) => in_units(&number.to_string(), 1.0),
        Some(Value::String(text)) => with_unit(text, 1.0),
        _ => None,
    };
    let status =
        number(map, "status").and_then(|status| u16::try_from(status).ok()).filter(|status| *status > 0);
    // With `log_append`, or in the log of `reverse_proxy`.
    let upstream =
        ["upstream", "upstream_hostport", "reverse_proxy_upstream"].iter().find_map(|key| text(map, key));
    let latency = ["upstream_latency", "upstream_duration"].iter().find_map(|key| match map.get(*key)? {
        Value::Number(number) => in_units(&number.to_string(), 1.0),
        Value::String(text) => with_unit(text, 1.0),
        _ => None,
    });
    let attempt = |backend: Cow<'_, str>| Attempt {
        backend: backend.into_owned(),
        status,
        head: latency,
        whole: duration,
        ..Attempt::default()
    };
    let draft = Draft {
        stamp: stamp_of(map, &["ts", "timestamp"])?,
        at_end: true,
        method: text(request, "method"),
        url: text(request, "uri"),
        host: text(request, "host"),
        client: text(request, "client_ip").or_else(|| text(request, "remote_ip")),
        forwarded: header("X-Forwarded-For"),
        user: text(map, "user_id"),
        agent: header("User-Agent"),
        status,
        bytes: number(map, "size"),
        duration,
        attempts: upstream.map(attempt).into_iter().collect(),
        ..Draft::default()
    };
    draft.row(line)
}

/// Reads an entry of Traefik's access log. Durations are in nanoseconds.
fn traefik(line: usize, map: &Object) -> Parsed {
    let nanos = |key: &str| number(map, key).map(Span::from_nanos);
    let status = |key: &str| number(map, key).and_then(|status| u16::try_from(status).ok());
    let address = text(map, "ServiceAddr").or_else(|| {
        let url = match map.get("ServiceURL")? {
            Value::String(url) => url.as_str(),
            // Older versions wrote the parts of the URL.
            Value::Object(parts) => parts.get("Host")?.as_str()?,
            _ => return None,
        };
        Some(Cow::Borrowed(host_of(url).unwrap_or(url)))
    });
    let retries = number(map, "RetryAttempts").unwrap_or(0).min(100);
    let last = address.filter(|address| !address.is_empty()).map(|backend| Attempt {
        backend: backend.into_owned(),
        status: status("OriginStatus").filter(|status| *status > 0),
        whole: nanos("OriginDuration"),
        ..Attempt::default()
    });
    // The log names the last server only.
    let failed = (0..retries).filter(|_| last.is_some()).map(|_| Attempt::default());
    let start = ["StartUTC", "StartLocal"].iter().any(|key| map.contains_key(*key));
    let draft = Draft {
        stamp: stamp_of(map, &["StartUTC", "StartLocal", "time"])?,
        at_end: !start,
        method: text(map, "RequestMethod"),
        url: text(map, "RequestPath"),
        host: text(map, "RequestHost").or_else(|| text(map, "RequestAddr")),
        client: text(map, "ClientHost").or_else(|| text(map, "ClientAddr")),
        forwarded: text(map, "request_X-Forwarded-For"),
        user: text(map, "ClientUsername"),
        agent: text(map, "request_User-Agent"),
        status: status("DownstreamStatus"),
        bytes: number(map, "DownstreamContentSize"),
        duration: nanos("Duration"),
        attempts: failed.chain(last.clone()).collect(),
        ..Draft::default()
    };
    draft.row(line)
}

/// Reads an entry of Google Cloud's load balancers.
fn google(line: usize, map: &Object, request: &Object) -> Parsed {
    let draft = Draft {
        stamp: stamp_of(map, &["timestamp"])?,
        method: text(request, "requestMethod"),
        url: text(request, "requestUrl"),
        client: text(request, "remoteIp"),
        agent: text(request, "userAgent"),
        status: number(request, "status").and_then(|status| u16::try_from(status).ok()),
        bytes: number(request, "responseSize"),
        duration: text(request, "latency").and_then(|text| with_unit(&text, 1.0)),
        ..Draft::default()
    };
    draft.row(line)
}

/// Adds what Envoy's JSON format says about the upstream. Its durations are in milliseconds.
fn envoy(map: &Object, draft: &mut Draft<'_>) {
    let Some(backend) = map.get("upstream_host").and_then(Value::as_str) else { return };
    let millis = |key: &str| number(map, key).map(Span::from_millis);
    draft.duration = millis("duration").or(draft.duration);
    if matches!(backend, "" | "-") || draft.upstream[Upstream::Address as usize].is_some() {
        return;
    }
    let attempt = Attempt {
        backend: backend.to_owned(),
        status: draft.status,
        head: millis("upstream_service_time").or_else(|| millis("x_envoy_upstream_service_time")),
        whole: draft.duration,
        ..Attempt::default()
    };
    draft.attempts = vec![attempt];
}
