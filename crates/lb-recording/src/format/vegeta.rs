//! Vegeta's targets, as JSON and as text, and its results (`vegeta encode`).

use super::json::Object;
use super::lists::add_headers;
use crate::row::{Draft, Parsed, excerpt, unreadable};
use crate::stamp;
use crate::target::is_field;
use base64::Engine;
use lb_core::Span;
use serde_json::Value;
use std::borrow::Cow;
use std::path::Path;

/// The longest body that a text target may name, in bytes.
const LONGEST_BODY: u64 = 1 << 20;

/// Reads a JSON target, `{method, url, body, header}` with the body in base64, or a result.
pub(crate) fn row(line: usize, map: &Object) -> Parsed {
    let time = map.get("timestamp").filter(|value| !value.is_null());
    let stamp = time.map(stamp::of_json).transpose().map_err(unreadable)?;
    let text = |key: &str| match map.get(key) {
        Some(Value::String(text)) => Ok(Some(Cow::Borrowed(text.as_str()))),
        Some(other) => {
            Err(unreadable(format!("`{key}` must be text, not `{}`", excerpt(&other.to_string()))))
        }
        None => Err(unreadable(format!("`{key}` is missing"))),
    };
    let draft = Draft { stamp, method: text("method")?, url: text("url")?, ..Draft::default() };
    let number = |key: &str| map.get(key).and_then(Value::as_u64);
    if is_result(map) {
        let mut row = draft.row(line)?;
        row.entry.status = number("code").and_then(|code| u16::try_from(code).ok()).filter(|code| *code > 0);
        row.entry.duration = number("latency").map(Span::from_nanos);
        row.entry.bytes = number("bytes_in");
        row.unsent.push(Cow::Borrowed("the body and the headers of the reply"));
        return Ok(row);
    }
    let body = match map.get("body") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_err(|error| unreadable(format!("`body` is not base64 ({error})")))?,
        Some(other) => {
            return Err(unreadable(format!(
                "`body` must be base64 text, not `{}`",
                excerpt(&other.to_string())
            )));
        }
    };
    let mut row = draft.row(line)?;
    row.entry.body = body;
    if let Some(headers) = map.get("header").or_else(|| map.get("headers")) {
        add_headers(&mut row, headers).map_err(unreadable)?;
    }
    Ok(row)
}

/// Returns whether an object is a result: what was measured stands beside the request.
pub(crate) fn is_result(map: &Object) -> bool {
    map.contains_key("latency") && map.contains_key("code")
}

/// Reads a text target: `METHOD URL`, then headers, then perhaps `@` and the file with the body.
pub(crate) fn text(line: usize, record: &str, folder: Option<&Path>) -> Parsed {
    let mut lines = record.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let Some(first) = lines.next() else { return Err(crate::row::Skip::Quiet) };
    let Some((method, url)) = first.split_once(' ') else {
        return Err(unreadable(format!(
            "`{}` is not a target, such as `GET http://host/path`",
            excerpt(first)
        )));
    };
    let draft = Draft {
        method: Some(Cow::Borrowed(method)),
        url: Some(Cow::Borrowed(url.trim())),
        ..Draft::default()
    };
    let mut row = draft.row(line)?;
    for text in lines {
        if let Some(file) = text.strip_prefix('@') {
            let beside = folder.map(|folder| folder.join(file));
            let read = lb_io::read(Path::new(file), LONGEST_BODY);
            let read =
                read.or_else(|error| beside.map_or(Err(error), |path| lb_io::read(&path, LONGEST_BODY)));
            match read {
                Ok(body) => row.entry.body = body,
                Err(error) => {
                    row.unsent.push(Cow::Owned(format!("the body in `{}` ({error})", excerpt(file))));
                }
            }
            continue;
        }
        match text.split_once(':') {
            Some((name, value)) if is_field(name.trim(), value.trim()) => {
                row.take_header(name.trim().to_owned(), value.trim().to_owned());
            }
            _ => {
                return Err(unreadable(format!(
                    "`{}` is neither a header (`Name: value`) nor a body (`@file`); targets are separated by blank lines",
                    excerpt(text)
                )));
            }
        }
    }
    Ok(row)
}

/// Returns whether a line is the first one of a text target.
pub(crate) fn is_target(line: &str) -> bool {
    let methods = crate::target::METHODS;
    line.split_once(' ').is_some_and(|(method, url)| {
        let url = url.trim();
        methods.contains(&method)
            && (url.starts_with("http://") || url.starts_with("https://"))
            && !url.contains(' ')
    })
}
