//! Lists in one JSON document: the requests that scripts export, and the entries of a HAR.

use super::FieldMap;
use super::json::{self, number, object, stamp_of, text};
use crate::names::{Field, field_of};
use crate::row::{Draft, Parsed, Row, Skip, excerpt, in_units, unreadable};
use crate::stamp;
use crate::target::{host_of, is_field};
use serde_json::Value;
use std::borrow::Cow;

/// Reads an element of a list of requests: `{endpoint, method, timestamp}`, with more if the list has it.
pub(crate) fn listed(line: usize, text: &str, fields: Option<&FieldMap>) -> Parsed {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| unreadable(format!("the file is not a JSON list: {}", short(&error))))?;
    let Value::Object(mut map) = value else {
        return Err(unreadable("the row must be an object {endpoint, method, timestamp}"));
    };
    let body = map.remove("body");
    let headers = map.remove("headers").or_else(|| map.remove("header"));
    let expected = map.remove("expected_status");
    // Exports of Locust call them so.
    for (known, usual) in [
        ("name", "endpoint"),
        ("url", "endpoint"),
        ("path", "endpoint"),
        ("request_type", "method"),
        ("start_time", "timestamp"),
    ] {
        if !map.contains_key(usual)
            && let Some(value) = map.remove(known)
        {
            map.insert(usual.to_owned(), value);
        }
    }
    if fields.is_none() {
        for key in ["endpoint", "method"] {
            match map.get(key) {
                Some(Value::String(_)) => {}
                Some(other) => {
                    return Err(unreadable(format!(
                        "`{key}` must be text, not `{}`",
                        excerpt(&other.to_string())
                    )));
                }
                None => return Err(unreadable(format!("`{key}` is missing"))),
            }
        }
    }
    if let Some(time) = map.get("timestamp").filter(|time| !time.is_null()) {
        stamp::of_json(time).map_err(unreadable)?;
    }
    let mut row = json::row(line, &map, fields)?;
    let known =
        |key: &str| field_of(key).is_some() || fields.is_some_and(|fields| fields.field(key).is_some());
    let ignored =
        map.keys().filter(|key| !known(key)).map(|key| Cow::Owned(format!("the key `{}`", excerpt(key))));
    row.unsent.extend(ignored);
    if row.entry.user.is_some() {
        let key = map.keys().find(|key| field_of(key) == Some(Field::User)).map_or("user", String::as_str);
        row.unsent.push(Cow::Owned(format!("the key `{key}`, which names the user")));
    }
    if let Some(headers) = headers {
        add_headers(&mut row, &headers).map_err(unreadable)?;
    }
    if let Some(expected) = expected.filter(|value| !value.is_null()) {
        row.expected = statuses(&expected).map_err(unreadable)?;
    }
    add_body(&mut row, body);
    Ok(row)
}

fn short(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line").next().unwrap_or_default().to_owned()
}

/// Adds a body: text as it is, and anything else as JSON, with the header that says so.
fn add_body(row: &mut Row, body: Option<Value>) {
    match body {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => row.entry.body = text.into_bytes(),
        Some(value) => {
            row.entry.body = value.to_string().into_bytes();
            let named = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
            if !row.entry.headers.iter().any(named) {
                row.entry.headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
            }
        }
    }
}

/// Adds headers: an object whose values are texts or lists of texts.
pub(crate) fn add_headers(row: &mut Row, value: &Value) -> Result<(), String> {
    let map = match value {
        Value::Null => return Ok(()),
        Value::Object(map) => map,
        _ => return Err("`header` must be an object with lists of strings".to_owned()),
    };
    for (name, values) in map {
        let values = match values {
            Value::Array(values) => values.as_slice(),
            single => std::slice::from_ref(single),
        };
        for value in values {
            let Some(value) = value.as_str() else {
                return Err(format!("`header.{name}` must be a list of strings"));
            };
            if !is_field(name, value) {
                return Err(format!(
                    "`header.{name}` cannot be sent: use names without spaces and values without line breaks"
                ));
            }
            row.take_header(name.clone(), value.to_owned());
        }
    }
    Ok(())
}

fn statuses(value: &Value) -> Result<Vec<u16>, String> {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    let status = |value: &Value| {
        let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        number.and_then(|number| u16::try_from(number).ok()).filter(|status| (100..600).contains(status))
    };
    list.iter()
        .map(|value| {
            status(value)
                .ok_or_else(|| format!("`expected_status` must be a status such as 201, not `{value}`"))
        })
        .collect()
}

/// Reads an entry of a HAR.
pub(crate) fn har(line: usize, content: &str) -> Parsed {
    let map = object(content)?;
    let Some(request) = map.get("request").and_then(Value::as_object) else {
        return Err(unreadable("the entry has no `request`"));
    };
    let url = text(request, "url").ok_or_else(|| unreadable("`request.url` is missing"))?;
    if !url.starts_with("http") {
        return Err(Skip::NoRequest(excerpt(&url)));
    }
    let response = map.get("response").and_then(Value::as_object);
    let status = response
        .and_then(|response| number(response, "status"))
        .and_then(|status| u16::try_from(status).ok());
    let body = match request.get("postData").and_then(Value::as_object) {
        Some(data) => text(data, "text").map(|text| text.into_owned().into_bytes()).unwrap_or_default(),
        None => Vec::new(),
    };
    let headers = request.get("headers").and_then(Value::as_array).into_iter().flatten();
    let headers: Vec<(String, String)> = headers
        .filter_map(|header| {
            Some((header.get("name")?.as_str()?.to_owned(), header.get("value")?.as_str()?.to_owned()))
        })
        .collect();
    let draft = Draft {
        stamp: stamp_of(&map, &["startedDateTime"])?,
        method: text(request, "method"),
        host: host_of(&url).map(|host| Cow::Owned(host.to_owned())),
        url: Some(url),
        status,
        bytes: response.and_then(|response| number(response, "bodySize")),
        duration: map.get("time").and_then(|time| in_units(&time.to_string(), 1e-3)),
        headers,
        body,
        ..Draft::default()
    };
    let mut row = draft.row(line)?;
    // Browsers always export it; that it is to be asked for again is for the user to say.
    row.names_host = false;
    Ok(row)
}
