//! Reads formats with one JSON object per line: Vegeta's targets and k6's output.

use super::{Faults, Row, lines, stamp};
use base64::Engine;
use serde_json::{Map, Value};

/// Header fields that belong to a connection, not to a request. They are not replayed.
const OF_CONNECTION: [&str; 8] = [
    "host",
    "content-length",
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Reads Vegeta's JSON targets: `{method, url, body, header}`, with the body in base64.
pub(super) fn vegeta(text: &str, faults: &mut Faults) -> Vec<Row> {
    each_line(text, faults, |line, map| {
        let stamp = match map.get("timestamp") {
            None | Some(Value::Null) => None,
            Some(value) => Some(stamp::of_json(value)?),
        };
        let body = match map.get("body") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) => base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|error| format!("`body` is not base64 ({error})"))?,
            Some(other) => return Err(format!("`body` must be base64 text, not `{other}`")),
        };
        let headers = headers(map.get("header").or_else(|| map.get("headers")))?;
        Ok(Some(Row {
            line,
            stamp,
            method: text_of(map, "method")?,
            url: text_of(map, "url")?,
            headers,
            body,
        }))
    })
}

/// Reads k6's JSON output, in which each request is a point of the metric `http_reqs`.
pub(super) fn k6(text: &str, faults: &mut Faults) -> Vec<Row> {
    each_line(text, faults, |line, map| {
        let is = |key: &str, value: &str| map.get(key).and_then(Value::as_str) == Some(value);
        if !map.contains_key("type") || !map.contains_key("metric") {
            return Err("`type` or `metric` is missing; every line of k6's output has both".to_owned());
        }
        if !is("type", "Point") || !is("metric", "http_reqs") {
            return Ok(None);
        }
        let data = map.get("data").and_then(Value::as_object).ok_or("`data` is missing")?;
        let tags = data.get("tags").and_then(Value::as_object).ok_or("`data.tags` is missing")?;
        let stamp = stamp::of_json(data.get("time").ok_or("`data.time` is missing")?)?;
        // Uses `url`, because `name` groups URLs and need not be one.
        Ok(Some(Row {
            line,
            stamp: Some(stamp),
            method: text_of(tags, "method")?,
            url: text_of(tags, "url")?,
            ..Row::default()
        }))
    })
}

fn each_line(
    text: &str,
    faults: &mut Faults,
    mut row: impl FnMut(usize, &Map<String, Value>) -> Result<Option<Row>, String>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, line) in lines(text) {
        let read = match serde_json::from_str::<Value>(line) {
            Ok(Value::Object(map)) => row(number, &map),
            Ok(_) => Err("must be a JSON object".to_owned()),
            Err(error) => {
                Err(format!("is not JSON (column {}); each line must be one complete object", error.column()))
            }
        };
        match read {
            Ok(row) => rows.extend(row),
            Err(reason) => faults.add(Some(number), reason),
        }
    }
    rows
}

fn text_of(map: &Map<String, Value>, key: &str) -> Result<String, String> {
    match map.get(key) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(format!("`{key}` must be text, not `{other}`")),
        None => Err(format!("`{key}` is missing")),
    }
}

fn headers(value: Option<&Value>) -> Result<Vec<(String, String)>, String> {
    let map = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(map)) => map,
        Some(_) => return Err("`header` must be an object with lists of strings".to_owned()),
    };
    let mut headers = Vec::new();
    for (name, values) in map {
        if OF_CONNECTION.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            continue;
        }
        let values = match values {
            Value::Array(values) => values.as_slice(),
            single => std::slice::from_ref(single),
        };
        for value in values {
            let Some(value) = value.as_str() else {
                return Err(format!("`header.{name}` must be a list of strings"));
            };
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(token) || value.chars().any(char::is_control) {
                return Err(format!(
                    "`header.{name}` cannot be sent: use names without spaces and values without line breaks"
                ));
            }
            headers.push((name.clone(), value.to_owned()));
        }
    }
    Ok(headers)
}
