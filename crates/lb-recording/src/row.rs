//! A row of a recording: what any format comes to, before rows are put in order.

use crate::entry::{Attempt, Entry};
use crate::stamp::Stamp;
use crate::target::{METHODS, host_of, is_field, is_of_connection, request_target, split_line, unescape};
use lb_core::Span;
use std::borrow::Cow;
use std::net::IpAddr;

/// A row that holds a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Row {
    pub(crate) entry: Entry,
    /// The time as written, which may be that of the end. `None` if the row has none.
    pub(crate) stamp: Option<Stamp>,
    /// Whether the host is that of a header among those to send.
    pub(crate) names_host: bool,
    /// Statuses that the recording says to expect; empty if it says nothing.
    pub(crate) expected: Vec<u16>,
    /// What the row has that is not sent, in words that name its kind.
    pub(crate) unsent: Vec<Cow<'static, str>>,
}

/// Why a record gives no row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Skip {
    /// The record belongs to the format and is not about a request, such as a header or a point of another metric.
    Quiet,
    /// The record is a line of a log, but what the client sent was not a request that has a path.
    NoRequest(String),
    /// The record has a request that a replay cannot send.
    Method(String),
    /// The record is not of the format, or a part of it cannot be read.
    Unreadable(String),
}

pub(crate) type Parsed = Result<Row, Skip>;

/// The reasons that an object of a log is about something else than a request.
pub(crate) const NO_METHOD: &str = "the method is missing";
pub(crate) const NO_PATH: &str = "the path is missing";

/// Returns the excuse for a record that cannot be read.
pub(crate) fn unreadable(reason: impl Into<String>) -> Skip {
    Skip::Unreadable(reason.into())
}

/// The texts that a format found, by meaning. [`Draft::row`] makes a row of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft<'a> {
    pub(crate) stamp: Option<Stamp>,
    /// Whether the time is that of the end of the request.
    pub(crate) at_end: bool,
    /// A whole request line. It comes before method and target.
    pub(crate) request: Option<Cow<'a, str>>,
    pub(crate) method: Option<Cow<'a, str>>,
    /// Path with query, or a whole URL.
    pub(crate) url: Option<Cow<'a, str>>,
    /// The query, if `url` does not have it.
    pub(crate) query: Option<Cow<'a, str>>,
    /// Whether backslashes in texts are escapes of a log.
    pub(crate) escaped: bool,
    pub(crate) host: Option<Cow<'a, str>>,
    pub(crate) client: Option<Cow<'a, str>>,
    pub(crate) forwarded: Option<Cow<'a, str>>,
    pub(crate) user: Option<Cow<'a, str>>,
    pub(crate) agent: Option<Cow<'a, str>>,
    pub(crate) status: Option<u16>,
    pub(crate) bytes: Option<u64>,
    pub(crate) duration: Option<Span>,
    /// nginx's lists of addresses, statuses and times (in seconds), one for each attempt.
    pub(crate) upstream: [Option<Cow<'a, str>>; 5],
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The places in [`Draft::upstream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upstream {
    Address,
    Status,
    Response,
    Connect,
    Header,
}

impl Draft<'_> {
    /// Makes a row. What is missing or a dash stays `None`.
    pub(crate) fn row(self, line: usize) -> Parsed {
        let escaped = self.escaped;
        let plain = |text: &str| -> Option<String> {
            let text = text.trim();
            if matches!(text, "" | "-" | "\"-\"") {
                return None;
            }
            Some(match escaped && text.contains('\\') {
                true => String::from_utf8_lossy(&unescape(text)).into_owned(),
                false => text.to_owned(),
            })
        };
        let (method, url) = self.method_and_url()?;
        let host = self.host.as_deref().and_then(plain).or_else(|| host_of(url).map(str::to_owned));
        let bytes = if escaped { unescape(url) } else { Cow::Borrowed(url.as_bytes()) };
        let refused = |reason: String| match escaped || method == "OPTIONS" {
            true => Skip::NoRequest(format!("{method} {}", excerpt(url))),
            false => unreadable(reason),
        };
        let mut target = request_target(&bytes).map_err(refused)?;
        if let Some(query) = self.query.as_deref().and_then(plain)
            && !target.contains('?')
        {
            let query = request_target(format!("/?{}", query.trim_start_matches('?')).as_bytes());
            target.push_str(&query.unwrap_or_default()[1..]);
        }
        let forwarded = self.forwarded.as_deref().and_then(plain);
        let first = forwarded.as_deref().and_then(|list| list.split(',').next()).and_then(&plain);
        let attempts =
            if self.attempts.is_empty() { upstream_attempts(&self.upstream) } else { self.attempts };
        let mut row = Row { stamp: self.stamp, ..Row::default() };
        row.entry = Entry {
            line,
            at: self.stamp.map(|stamp| begin(stamp, self.duration.filter(|_| self.at_end))),
            method,
            target,
            host,
            client: first
                .or_else(|| self.client.as_deref().and_then(plain))
                .map(|client| without_port(&client).to_owned()),
            user: self.user.as_deref().and_then(plain),
            user_agent: self.agent.as_deref().and_then(plain),
            status: self.status.filter(|status| (100..600).contains(status)),
            bytes: self.bytes,
            duration: self.duration,
            headers: Vec::new(),
            body: self.body,
            attempts,
        };
        for (name, value) in self.headers {
            row.take_header(name, value);
        }
        Ok(row)
    }

    fn method_and_url(&self) -> Result<(String, &str), Skip> {
        let (method, url) = match (&self.request, &self.method, &self.url) {
            (Some(request), _, _) => split_line(request).ok_or_else(|| Skip::NoRequest(excerpt(request)))?,
            (None, Some(method), Some(url)) => (method.trim(), url.trim()),
            (None, None, _) => return Err(unreadable(NO_METHOD)),
            (None, _, None) => return Err(unreadable(NO_PATH)),
        };
        if matches!((method, url), ("" | "-", "" | "-")) {
            return Err(Skip::NoRequest("-".to_owned()));
        }
        let upper = method.to_ascii_uppercase();
        match METHODS.contains(&upper.as_str()) {
            true => Ok((upper, url)),
            false => Err(Skip::Method(excerpt(method))),
        }
    }
}

impl Row {
    /// Takes a header of the request: the host, the client and the user agent go to their fields.
    pub(crate) fn take_header(&mut self, name: String, value: String) {
        let entry = &mut self.entry;
        match name.to_ascii_lowercase().as_str() {
            "host" => {
                self.names_host = true;
                entry.host = Some(value);
            }
            "x-forwarded-for" => {
                let first = value.split(',').next().unwrap_or_default().trim();
                if !first.is_empty() {
                    entry.client = Some(without_port(first).to_owned());
                }
            }
            "user-agent" => {
                entry.user_agent = Some(value.clone());
                entry.headers.push((name, value));
            }
            _ if is_of_connection(&name) || !is_field(&name, &value) => {}
            _ => entry.headers.push((name, value)),
        }
    }
}

/// Returns when a request began that ended at `stamp`. If the log knows whole seconds only, so is the result.
fn begin(stamp: Stamp, duration: Option<Span>) -> i128 {
    let Some(duration) = duration else { return stamp.nanos };
    let nanos = i128::from(duration.as_nanos());
    match stamp.is_whole() {
        // Rounded, because the end lies anywhere in its second.
        true => stamp.nanos - (nanos + 500_000_000) / 1_000_000_000 * 1_000_000_000,
        false => stamp.nanos - nanos,
    }
}

/// Returns an address without its port and brackets: `[2001:db8::7]:52114` is `2001:db8::7`.
pub(crate) fn without_port(address: &str) -> &str {
    let address = address.trim();
    if let Some(inner) = address.strip_prefix('[')
        && let Some((inner, _)) = inner.split_once(']')
    {
        return inner;
    }
    match address.split_once(':') {
        // More than one colon is IPv6 without a port.
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => address,
    }
}

/// Returns whether a text is an IP address, perhaps with a port.
pub(crate) fn is_address(text: &str) -> bool {
    without_port(text).parse::<IpAddr>().is_ok()
}

/// Returns the beginning of a text for a message.
pub(crate) fn excerpt(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(48) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Parses seconds, such as `0.012`; `-` and negative numbers mean that there is none.
pub(crate) fn seconds(text: &str) -> Option<Span> {
    in_units(text, 1.0)
}

/// Parses milliseconds.
pub(crate) fn millis(text: &str) -> Option<Span> {
    in_units(text, 1e-3)
}

/// Parses a number of units of `unit` seconds.
pub(crate) fn in_units(text: &str, unit: f64) -> Option<Span> {
    let number: f64 = text.trim().parse().ok()?;
    // A year is longer than any request.
    let fits = number >= 0.0 && number * unit < 31_536_000.0;
    fits.then(|| Span::from_nanos((number * unit * 1e9).round() as u64))
}

/// Parses a time with its unit, such as `12ms`, `0.1s` or `250µs`; a bare number is in units of `bare` seconds.
pub(crate) fn with_unit(text: &str, bare: f64) -> Option<Span> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic() || c == 'µ');
    let unit = match &text[digits.len()..] {
        "" => bare,
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" | "μs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    };
    in_units(digits, unit)
}

/// Returns the attempts of nginx's lists: `,` separates attempts, and ` : ` groups of servers.
fn upstream_attempts(lists: &[Option<Cow<'_, str>>; 5]) -> Vec<Attempt> {
    let split = |at: Upstream| -> Vec<&str> {
        let text = lists[at as usize].as_deref().unwrap_or_default();
        let pieces = text.split(',').flat_map(|piece| piece.split(" : ")).map(str::trim);
        pieces.filter(|piece| !piece.is_empty()).collect()
    };
    let [addresses, statuses, whole, connect, head] =
        [Upstream::Address, Upstream::Status, Upstream::Response, Upstream::Connect, Upstream::Header]
            .map(split);
    if matches!(addresses[..], [] | ["-"]) {
        return Vec::new();
    }
    let attempt = |(at, backend): (usize, &&str)| Attempt {
        backend: (*backend).to_owned(),
        group: None,
        status: statuses.get(at).and_then(|text| text.parse().ok()).filter(|status| *status > 0),
        queued: None,
        connect: connect.get(at).and_then(|text| seconds(text)),
        head: head.get(at).and_then(|text| seconds(text)),
        whole: whole.get(at).and_then(|text| seconds(text)),
    };
    addresses.iter().enumerate().map(attempt).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_nginx_give_an_attempt_each() {
        let mut lists: [Option<Cow<'_, str>>; 5] = Default::default();
        lists[Upstream::Address as usize] = Some("10.0.0.1:80, 10.0.0.2:80 : 10.0.1.1:80".into());
        lists[Upstream::Status as usize] = Some("502, 504 : 200".into());
        lists[Upstream::Response as usize] = Some("0.001, - : 0.25".into());
        let attempts = upstream_attempts(&lists);
        let read: Vec<_> = attempts.iter().map(|one| (one.backend.as_str(), one.status, one.whole)).collect();
        assert_eq!(
            read,
            [
                ("10.0.0.1:80", Some(502), Some(Span::from_millis(1))),
                ("10.0.0.2:80", Some(504), None),
                ("10.0.1.1:80", Some(200), Some(Span::from_millis(250))),
            ]
        );
        lists[Upstream::Address as usize] = Some("-".into());
        assert_eq!(upstream_attempts(&lists), []);
    }

    #[test]
    fn a_request_began_its_duration_before_its_end() {
        let stamp = |nanos| Stamp { nanos, style: crate::stamp::Style::Zoned };
        let ms = |ms| Some(Span::from_millis(ms));
        assert_eq!(begin(stamp(10_500_000_000), ms(200)), 10_300_000_000);
        assert_eq!(begin(stamp(10_000_000_000), ms(200)), 10_000_000_000, "whole seconds stay whole");
        assert_eq!(begin(stamp(10_000_000_000), ms(2_700)), 7_000_000_000);
        assert_eq!(begin(stamp(10_500_000_000), None), 10_500_000_000);
    }

    #[test]
    fn addresses_lose_their_ports() {
        for (text, address) in [
            ("10.0.0.1:80", "10.0.0.1"),
            ("[2001:db8::7]:52114", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("h", "h"),
        ] {
            assert_eq!(without_port(text), address);
        }
    }
}
