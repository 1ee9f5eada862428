//! Reads the entries of a HAR file. What the format calls required is often missing, so everything is optional but the
//! address.

use crate::address::{Address, decode, pairs};
use crate::capture::Exchange;
use crate::error::Problem;
use crate::reply::Reply;
use crate::report::Report;
use crate::request::{Body, FORM, Request, is_header_name, json_or_text};
use base64::Engine as _;
use jiff::Timestamp;
use serde_json::Value;

/// Headers that belong to a connection, to a cache or to the cookies, or that browsers add by themselves.
const DROPPED: [&str; 27] = [
    "accept-encoding",
    "connection",
    "content-length",
    "cookie",
    "dnt",
    "expect",
    "host",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "priority",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "save-data",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "postman-token",
];
/// Endings of the names of static assets.
const ASSETS: [&str; 22] = [
    "avif", "bmp", "css", "eot", "gif", "ico", "jpeg", "jpg", "js", "map", "mjs", "mp3", "mp4", "otf", "png",
    "svg", "ttf", "wasm", "webm", "webp", "woff", "woff2",
];

/// A recorded exchange.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) exchange: Exchange,
    pub(super) address: Address,
    /// Beginning of the request in seconds, from any fixed moment.
    pub(super) at_s: f64,
    /// Time until the end of the reply, in seconds.
    pub(super) took_s: f64,
    /// The page that the request belongs to, as the file calls it.
    pub(super) page: Option<String>,
    /// Whether the reply is an HTML document.
    pub(super) is_document: bool,
    /// Content type of the reply.
    mime: String,
    /// Names of the cookies that were sent.
    pub(super) cookies: Vec<String>,
}

impl Recorded {
    /// Returns whether this is a static asset: an image, a font, a script or a style sheet.
    pub(super) fn is_asset(&self) -> bool {
        let is_read = ["GET", "HEAD"].contains(&self.exchange.request.method.as_str());
        let file = self.address.path.rsplit('/').next().unwrap_or_default();
        let ending = file.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
        let is_of = |kinds: &[&str]| kinds.iter().any(|kind| self.mime.starts_with(kind));
        is_read
            && (ASSETS.contains(&ending.as_str())
                || is_of(&[
                    "image/",
                    "font/",
                    "audio/",
                    "video/",
                    "text/css",
                    "text/javascript",
                    "application/javascript",
                ]))
    }
}

/// Reads the exchanges, in order of time. What cannot be sent again is left out.
pub(super) fn exchanges(document: &Value, report: &mut Report) -> Result<Vec<Recorded>, Problem> {
    let Some(entries) = document.pointer("/log/entries").and_then(Value::as_array) else {
        return Err("is a HAR file without `log.entries`; export it again".to_owned());
    };
    if entries.is_empty() {
        return Err(
            "has no entries; record with the developer tools open, and export after the visit".to_owned()
        );
    }
    let mut all: Vec<Recorded> = entries.iter().filter_map(|entry| exchange(entry, report)).collect();
    if all.is_empty() {
        let why = report.left_out().join("; ");
        return Err(format!("has no request that can be imported; left out: {why}"));
    }
    // An entry without a time came right after the one before it.
    let mut last = all.iter().map(|one| one.at_s).find(|at| at.is_finite()).unwrap_or(0.0);
    for one in &mut all {
        last = if one.at_s.is_finite() { one.at_s } else { last };
        one.at_s = last;
    }
    all.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
    Ok(all)
}

fn exchange(entry: &Value, report: &mut Report) -> Option<Recorded> {
    let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
    let Some(url) = text("/request/url") else {
        report.leave_out("entries without `request.url`");
        return None;
    };
    let address = Address::parse(url);
    let status = entry.pointer("/response/status").and_then(Value::as_u64).unwrap_or(0);
    let is_socket = ["ws", "wss"].contains(&address.scheme.as_str())
        || status == 101
        || entry.get("_webSocketMessages").is_some()
        || text("/_resourceType") == Some("websocket");
    let reason = match address.scheme.as_str() {
        _ if is_socket => Some("WebSocket connections, which are not HTTP requests"),
        "http" | "https" if address.host.is_empty() => Some("requests without a host"),
        "http" | "https" => None,
        _ => Some("requests that no server gets, such as data: and blob: URLs"),
    };
    let reason = reason.or(match status {
        100..=599 => None,
        _ => Some("requests without a reply: blocked, aborted, or from a cache of the browser"),
    });
    let method = text("/request/method").unwrap_or("GET").trim().to_ascii_uppercase();
    let odd =
        method.is_empty() || method == "CONNECT" || !method.bytes().all(|byte| byte.is_ascii_uppercase());
    let reason = reason.or(odd.then_some("requests with a method that cannot be sent, such as CONNECT"));
    let body = match reason {
        Some(reason) => Err(reason),
        None => body_of(entry),
    };
    let body = match body {
        Ok(body) => body,
        Err(reason) => {
            report.leave_out(reason);
            return None;
        }
    };
    let headers = pairs_of(entry.pointer("/request/headers"));
    let cookies = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
    let cookies = cookies.flat_map(|(_, value)| value.split(';'));
    let cookies = cookies.filter_map(|pair| Some(pair.split_once('=')?.0.trim().to_owned())).collect();
    let mime = text("/response/content/mimeType").unwrap_or_default().to_ascii_lowercase();
    let mut headers: Vec<(String, String)> = headers.into_iter().filter(is_kept).collect();
    let is_typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if let Some(kind) = text("/request/postData/mimeType").filter(|_| !is_typed && body != Body::None) {
        headers.extend(Some(("Content-Type".to_owned(), kind.to_owned())).filter(is_kept));
    }
    let (path, query) = (address.path.clone(), address.query.clone());
    let request = Request { method, path, query, headers, body };
    let label = format!("{} {}", request.method, request.path);
    let headers = pairs_of(entry.pointer("/response/headers"));
    let reply = Reply { status: status as u16, headers, body: reply_body(entry) };
    let took = entry.get("time").and_then(Value::as_f64).filter(|time| time.is_finite() && *time > 0.0);
    Some(Recorded {
        at_s: text("/startedDateTime").and_then(seconds).unwrap_or(f64::NAN),
        took_s: took.unwrap_or(0.0) / 1000.0,
        page: text("/pageref").map(str::to_owned),
        is_document: text("/_resourceType").map_or(mime.starts_with("text/html"), |kind| kind == "document"),
        exchange: Exchange { request, reply, label },
        address,
        mime,
        cookies,
    })
}

fn seconds(text: &str) -> Option<f64> {
    let moment: Timestamp = text.trim().parse().ok()?;
    Some(moment.as_nanosecond() as f64 / 1e9)
}

/// Returns whether a header of a request can be sent again.
fn is_kept((name, value): &(String, String)) -> bool {
    let lower = name.to_ascii_lowercase();
    is_header_name(name)
        && !lower.starts_with("sec-")
        && !DROPPED.contains(&lower.as_str())
        && !value.is_empty()
        && value.chars().all(|c| c.is_ascii() && !c.is_control())
}

/// Returns the names and values of a list of `{name, value}`.
fn pairs_of(list: Option<&Value>) -> Vec<(String, String)> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    let text = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
    items.filter_map(|item| Some((text(item, "name")?, text(item, "value").unwrap_or_default()))).collect()
}

/// Returns the body of a request, or the reason why it cannot be sent again.
fn body_of(entry: &Value) -> Result<Body, &'static str> {
    let Some(data) = entry.pointer("/request/postData").filter(|data| !data.is_null()) else {
        return Ok(Body::None);
    };
    let mime = data.get("mimeType").and_then(Value::as_str).unwrap_or_default();
    let kind = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let written = data.get("text").and_then(Value::as_str).unwrap_or_default();
    let is_coded = data.get("encoding").and_then(Value::as_str) == Some("base64");
    let decoded = if is_coded { from_base64(written) } else { Some(written.to_owned()) };
    let Some(written) = decoded else { return Err("requests with a binary body") };
    if kind == FORM {
        let of_text = || {
            let each = pairs(&written)
                .map(|(name, value)| (decode(name, true), decode(value.unwrap_or_default(), true)));
            each.collect()
        };
        let fields: Vec<(String, String)> = match written.is_empty() {
            // Lists of parameters are written decoded by some browsers and encoded by others.
            true => pairs_of(data.get("params"))
                .into_iter()
                .map(|(name, value)| (decode(&name, true), decode(&value, true)))
                .collect(),
            false => of_text(),
        };
        return Ok(Body::Form(fields));
    }
    if written.is_empty() {
        return match data.get("params").and_then(Value::as_array).is_some_and(|params| !params.is_empty()) {
            true => Err("requests that upload files, whose content is not in the recording"),
            false => Ok(Body::None),
        };
    }
    let is_json = kind.ends_with("json") || kind.is_empty();
    match json_or_text(written.clone()) {
        json @ Body::Json(_) if is_json => Ok(json),
        _ if written.contains('\u{fffd}') || written.contains('\0') => Err("requests with a binary body"),
        _ => Ok(Body::Text(written)),
    }
}

/// Returns the body of a reply, if it was recorded and is text.
fn reply_body(entry: &Value) -> Option<String> {
    let content = entry.pointer("/response/content")?;
    let text = content.get("text").and_then(Value::as_str)?;
    match content.get("encoding").and_then(Value::as_str) {
        Some("base64") => from_base64(text),
        _ => Some(text.to_owned()),
    }
}

fn from_base64(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    String::from_utf8(bytes).ok()
}
