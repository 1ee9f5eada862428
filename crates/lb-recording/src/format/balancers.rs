//! Access logs of load balancers: HAProxy's `option httplog`, Envoy's default, AWS's, and squid's native one.

use super::tokens::{Kind, Token, split, without_prefix};
use crate::entry::Attempt;
use crate::row::{Draft, Parsed, Skip, excerpt, is_address, millis, seconds, unreadable};
use crate::stamp;
use crate::target::host_of;
use lb_core::Span;
use std::borrow::Cow;

/// Reads a line of HAProxy: `client:port [time] frontend backend/server TR/Tw/Tc/Tr/Ta status bytes cookies state
/// conns queues {captures} "request"` (HAProxy Configuration Manual, 8.2.3). The time is that at which the request was
/// accepted.
pub(crate) fn haproxy(line: usize, text: &str) -> Parsed {
    const SHAPE: &str = "is not a line of `option httplog`";
    let tokens = split(without_prefix(text));
    let time = tokens.iter().position(|token| token.kind == Kind::Bracketed);
    let Some(time) = time.filter(|time| *time > 0) else { return Err(unreadable(SHAPE)) };
    let [client, stamp, _, server, timers, status, bytes, _, _, _, conns, ..] = &tokens[time - 1..] else {
        return Err(unreadable(SHAPE));
    };
    let parts: Vec<&str> = timers.text.split('/').collect();
    let ([tr, tw, tc, head, all], Some((backend, name))) = (&parts[..], server.text.split_once('/')) else {
        return Err(unreadable(SHAPE));
    };
    let stamp = stamp::of_text(stamp.text).map_err(unreadable)?;
    let request =
        tokens.iter().rev().find(|token| token.kind == Kind::Quoted).ok_or_else(|| unreadable(SHAPE))?;
    let whole = |text: &str| millis(text.trim_start_matches('+'));
    let status: Option<u16> = status.text.parse().ok();
    let retries = conns.text.rsplit('/').next().unwrap_or_default();
    let others = match retries.strip_prefix('+') {
        // It went to another server at last, and the log does not say where it had failed.
        Some(count) => (String::new(), count.parse().unwrap_or(0)),
        None => (name.to_owned(), retries.parse().unwrap_or(0)),
    };
    let before = whole(tr).unwrap_or_default() + whole(tw).unwrap_or_default();
    let last = Attempt {
        backend: name.to_owned(),
        group: Some(backend.to_owned()),
        status: status.filter(|_| whole(head).is_some()),
        queued: whole(tw),
        connect: whole(tc),
        head: whole(head),
        whole: whole(all).map(|all| all.saturating_sub(before)),
    };
    let failed = |_: u16| Attempt { backend: others.0.clone(), ..Attempt::default() };
    let is_served = !name.starts_with('<') && !backend.starts_with('<');
    let attempts =
        if is_served { (0..others.1.min(100)).map(failed).chain([last]).collect() } else { Vec::new() };
    let draft = Draft {
        stamp: Some(stamp),
        escaped: false,
        request: Some(undone(request.text)),
        client: Some(Cow::Borrowed(client.text)),
        status,
        bytes: bytes.text.trim_start_matches('+').parse().ok(),
        duration: whole(all),
        attempts,
        ..Draft::default()
    };
    draft.row(line)
}

/// Undoes HAProxy's escapes, `#` and two hexadecimal digits, and leaves the rest.
fn undone(request: &str) -> Cow<'_, str> {
    match request.contains("#") {
        false => Cow::Borrowed(request),
        true => {
            let mut pieces = request.split('#');
            let mut out = pieces.next().unwrap_or_default().to_owned();
            for piece in pieces {
                let is_escape =
                    piece.len() >= 2 && piece.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
                out.push(if is_escape { '%' } else { '#' });
                out.push_str(piece);
            }
            Cow::Owned(out)
        }
    }
}

/// Reads a line of Envoy's default format, also with the fields that Istio adds: `[time] "request" status flags …
/// received sent duration service-time "x-forwarded-for" "agent" "id" "authority" "upstream"`.
pub(crate) fn envoy(line: usize, text: &str) -> Parsed {
    const SHAPE: &str = "is not a line of Envoy's default access log";
    let tokens = split(without_prefix(text));
    let [time, request, status, rest @ ..] = &tokens[..] else { return Err(unreadable(SHAPE)) };
    if time.kind != Kind::Bracketed || request.kind != Kind::Quoted || status.kind != Kind::Bare {
        return Err(unreadable(SHAPE));
    }
    // The quotes come last; with Istio, one comes before the numbers, and bare words follow.
    let numbers = rest.windows(5).position(|window| {
        let is_number = |token: &Token<'_>| token.kind == Kind::Bare && token.text.parse::<u64>().is_ok();
        window[..3].iter().all(is_number)
            && window[3].kind == Kind::Bare
            && (is_number(&window[3]) || window[3].text == "-")
            && window[4].kind == Kind::Quoted
    });
    let Some(numbers) = numbers else { return Err(unreadable(SHAPE)) };
    let [_, sent, duration, service, forwarded, agent, _, authority, upstream, ..] = &rest[numbers..] else {
        return Err(unreadable(SHAPE));
    };
    let stamp = stamp::of_text(time.text).map_err(unreadable)?;
    let status: Option<u16> = status.text.parse().ok().filter(|status| *status > 0);
    let duration = millis(duration.text);
    // A reply is the backend's if it says how long it took, which can be switched off, or if nothing went wrong.
    let is_flawless = rest[0].text == "-";
    let attempt = Attempt {
        backend: upstream.text.to_owned(),
        status: status.filter(|_| service.text != "-" || is_flawless),
        head: millis(service.text),
        whole: duration,
        ..Attempt::default()
    };
    let draft = Draft {
        stamp: Some(stamp),
        escaped: true,
        request: Some(Cow::Borrowed(request.text)),
        host: Some(Cow::Borrowed(authority.text)),
        forwarded: Some(Cow::Borrowed(forwarded.text)),
        agent: Some(Cow::Borrowed(agent.text)),
        status,
        bytes: sent.text.parse().ok(),
        duration,
        attempts: if matches!(upstream.text, "-" | "") { Vec::new() } else { vec![attempt] },
        ..Draft::default()
    };
    draft.row(line)
}

/// Reads a line of AWS's Application Load Balancer, `type time elb client:port target:port times… status status received
/// sent "request" "agent" …`, or of the Classic one, which has no type.
pub(crate) fn elb(line: usize, text: &str) -> Parsed {
    const SHAPE: &str = "is not a line of an AWS load balancer";
    let tokens = split(text);
    let kinds = ["http", "https", "h2", "grpcs", "ws", "wss"];
    let application = tokens.first().is_some_and(|token| kinds.contains(&token.text));
    let [time, _, client, target, waited, head, tail, status, own, _, sent, request, agent, rest @ ..] =
        &tokens[usize::from(application)..]
    else {
        return Err(unreadable(SHAPE));
    };
    if request.kind != Kind::Quoted || !is_address(client.text) {
        return Err(unreadable(SHAPE));
    }
    let stamp = stamp::of_text(time.text).map_err(unreadable)?;
    let created = rest.get(7).filter(|_| application).and_then(|token| stamp::of_text(token.text).ok());
    let (waited, head, tail) = (seconds(waited.text), seconds(head.text), seconds(tail.text));
    let sum =
        |times: &[Option<Span>]| times.iter().copied().try_fold(Span::ZERO, |sum, time| Some(sum + time?));
    let attempt = Attempt {
        backend: target.text.to_owned(),
        group: None,
        status: own.text.parse().ok(),
        queued: waited,
        connect: None,
        head,
        whole: sum(&[head, tail]),
    };
    let draft = Draft {
        // The time is that of the reply; newer lines also say when the request came.
        stamp: created.or(Some(stamp)),
        at_end: created.is_none(),
        request: Some(Cow::Borrowed(request.text)),
        client: Some(Cow::Borrowed(client.text)),
        agent: Some(Cow::Borrowed(agent.text)),
        status: status.text.parse().ok(),
        bytes: sent.text.parse().ok(),
        duration: sum(&[waited, head, tail]),
        attempts: if target.text == "-" { Vec::new() } else { vec![attempt] },
        ..Draft::default()
    };
    draft.row(line)
}

/// Reads a line of squid's native format: `time elapsed client code/status bytes method url user hierarchy/peer type`.
/// The time is that of the end.
pub(crate) fn squid(line: usize, text: &str) -> Parsed {
    const SHAPE: &str = "is not a line of squid's native access log";
    let tokens = split(without_prefix(text));
    let [time, elapsed, client, code, bytes, method, url, user, peer, ..] = &tokens[..] else {
        return Err(unreadable(SHAPE));
    };
    let (Some((_, status)), Some((how, peer))) = (code.text.split_once('/'), peer.text.split_once('/'))
    else {
        return Err(unreadable(SHAPE));
    };
    if !is_address(client.text) && client.text != "-" || elapsed.text.parse::<i64>().is_err() {
        return Err(unreadable(SHAPE));
    }
    if url.text.starts_with("error:") {
        return Err(Skip::NoRequest(excerpt(url.text)));
    }
    let stamp = stamp::of_text(time.text).map_err(unreadable)?;
    let (status, duration) = (status.parse().ok(), millis(elapsed.text));
    let attempt = Attempt { backend: peer.to_owned(), status, whole: duration, ..Attempt::default() };
    let draft = Draft {
        stamp: Some(stamp),
        at_end: true,
        method: Some(Cow::Borrowed(method.text)),
        url: Some(Cow::Borrowed(url.text)),
        host: host_of(url.text).map(Cow::Borrowed),
        client: Some(Cow::Borrowed(client.text)),
        user: Some(Cow::Borrowed(user.text)),
        status,
        bytes: bytes.text.parse().ok(),
        duration,
        attempts: if peer == "-" || how.ends_with("NONE") { Vec::new() } else { vec![attempt] },
        ..Draft::default()
    };
    draft.row(line)
}
