//! k6's JSON output, in which each request is a point of the metric `http_reqs`.

use super::json::Object;
use crate::row::{Draft, Parsed, Skip, unreadable};
use crate::stamp;
use serde_json::Value;
use std::borrow::Cow;

pub(crate) fn row(line: usize, map: &Object) -> Parsed {
    let is = |key: &str, value: &str| map.get(key).and_then(Value::as_str) == Some(value);
    if !map.contains_key("type") || !map.contains_key("metric") {
        return Err(unreadable("`type` or `metric` is missing; every line of k6's output has both"));
    }
    if !is("type", "Point") || !is("metric", "http_reqs") {
        return Err(Skip::Quiet);
    }
    let data = map.get("data").and_then(Value::as_object).ok_or_else(|| unreadable("`data` is missing"))?;
    let tags =
        data.get("tags").and_then(Value::as_object).ok_or_else(|| unreadable("`data.tags` is missing"))?;
    let time = data.get("time").ok_or_else(|| unreadable("`data.time` is missing"))?;
    let tag = |key: &str| tags.get(key).and_then(Value::as_str);
    let needed =
        |key: &str| tag(key).map(Cow::Borrowed).ok_or_else(|| unreadable(format!("`{key}` is missing")));
    let draft = Draft {
        stamp: Some(stamp::of_json(time).map_err(unreadable)?),
        method: Some(needed("method")?),
        // Not `name`, which groups addresses and need not be one.
        url: Some(needed("url")?),
        status: tag("status").and_then(|status| status.parse().ok()),
        ..Draft::default()
    };
    draft.row(line)
}
