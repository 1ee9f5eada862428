//! Access logs in the common log format, `host ident user [time] "request" status bytes`, in the combined format, which
//! adds the referrer and the user agent (Apache HTTP Server, "Log Files"), and in their relatives: with the virtual host
//! first, with further fields at the end, with other times in the brackets, or with the fields of ingress-nginx, Traefik
//! or Amazon S3.

use super::tokens::{Kind, Token, split, without_prefix};
use crate::entry::Attempt;
use crate::row::{Draft, Parsed, Skip, Upstream, is_address, unreadable, with_unit};
use crate::stamp::{self, Stamp};
use crate::target::{host_of, split_line};
use std::borrow::Cow;

/// What a line is not.
pub(crate) const SHAPE: &str =
    "is not a line of an access log, such as `host - user [time] \"GET /path HTTP/1.1\" 200 512`";

pub(crate) fn row(line: usize, text: &str) -> Parsed {
    let tokens = split(without_prefix(text));
    let (time, stamp) = find_time(&tokens)?;
    let after = time.map_or(0, |(_, last)| last + 1);
    let quoted = |token: &Token<'_>| token.kind == Kind::Quoted;
    let is_request = |token: &Token<'_>| quoted(token) && split_line(token.text).is_some();
    let rest = tokens.get(after..).unwrap_or_default();
    let place = rest.iter().position(is_request).or_else(|| rest.iter().position(quoted));
    let Some(place) = place.map(|place| place + after) else { return Err(unreadable(SHAPE)) };
    // What is in quotes counts as a request only with a time before it or a status after it.
    let status = tokens.get(place + 1).filter(|token| token.kind == Kind::Bare);
    let status: Option<u16> = status.and_then(|token| token.text.parse().ok());
    if stamp.is_none() && (status.is_none() || !is_request(&tokens[place])) {
        return Err(unreadable(SHAPE));
    }
    let mut draft = Draft {
        stamp,
        escaped: true,
        request: Some(Cow::Borrowed(tokens[place].text)),
        status,
        bytes: tokens.get(place + 2).and_then(|token| token.text.parse().ok()),
        ..Draft::default()
    };
    let first = time.map_or(place, |(first, _)| first);
    match (first, tokens.get(after)) {
        // Amazon S3: owner, bucket, time, address.
        (2, Some(client)) if client.kind == Kind::Bare && is_address(client.text) && place == after + 5 => {
            s3(&tokens, place, &mut draft);
        }
        _ => {
            before(&tokens[..first.min(place)], &mut draft);
            behind(tokens.get(place + 1..).unwrap_or_default(), &mut draft);
        }
    }
    draft.row(line)
}

/// The positions of the first and the last token of a time; `None` if there is none.
type Place = Option<(usize, usize)>;

/// Returns where the time is, and the time.
fn find_time(tokens: &[Token<'_>]) -> Result<(Place, Option<Stamp>), Skip> {
    let mut reason = None;
    for (at, token) in tokens.iter().enumerate() {
        if token.kind == Kind::Bracketed && token.text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
            match stamp::of_text(token.text) {
                Ok(stamp) => return Ok((Some((at, at)), Some(stamp))),
                Err(_) if is_address(token.text) => {}
                Err(error) => reason = reason.or(Some(error)),
            }
        }
    }
    if let Some(reason) = reason {
        return Err(unreadable(reason));
    }
    // Without brackets: the first word, or the first two.
    let looks_like = |text: &str| text.len() >= 10 && text.bytes().take(4).all(|byte| byte.is_ascii_digit());
    match tokens {
        [one, two, ..] if one.kind == Kind::Bare && looks_like(one.text) && !is_address(one.text) => {
            if let Ok(stamp) = stamp::of_text(&format!("{} {}", one.text, two.text.replace(',', "."))) {
                return Ok((Some((0, 1)), Some(stamp)));
            }
            Ok(stamp::of_text(one.text).map_or((None, None), |stamp| (Some((0, 0)), Some(stamp))))
        }
        _ => Ok((None, None)),
    }
}

/// Reads what comes before the time: the client, perhaps after the virtual host, and the user.
fn before<'a>(tokens: &[Token<'a>], draft: &mut Draft<'a>) {
    let is_named = |token: &Token<'_>| token.text != "-";
    let text = |at: usize| tokens.get(at).map(|token| Cow::Borrowed(token.text.trim_end_matches(',')));
    match tokens {
        [] => return,
        [host, client, ..]
            if !is_address(host.text)
                && (is_address(client.text) || tokens.len() == 4 && is_named(client)) =>
        {
            draft.host = text(0);
            draft.client = text(1);
        }
        // A list from `X-Forwarded-For` in quotes or with spaces between its addresses.
        [first, ..] if first.text.contains(',') => {
            draft.forwarded = Some(Cow::Borrowed(first.text));
        }
        [first, ..] if is_named(first) => draft.client = text(0),
        [_, second, ..] if is_address(second.text) => draft.client = text(1),
        _ => {}
    }
    if tokens.len() >= 3 {
        draft.user = text(tokens.len() - 1).filter(|user| !is_address(user));
    }
}

/// Reads what follows the request: referrer and user agent in quotes, and the fields of programs that add some.
fn behind<'a>(tokens: &[Token<'a>], draft: &mut Draft<'a>) {
    let mut quoted = tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Quoted);
    let (_, agent) = (quoted.next(), quoted.next());
    let Some((place, agent)) = agent else { return };
    draft.agent = Some(Cow::Borrowed(agent.text));
    let rest = &tokens[place + 1..];
    let list = |text: &str| text.split(',').all(|piece| is_address(piece.trim())) && !text.is_empty();
    if let Some((_, forwarded)) = quoted.find(|(_, token)| list(token.text)) {
        draft.forwarded = Some(Cow::Borrowed(forwarded.text));
    }
    ingress(rest, draft);
    traefik(rest, draft);
}

/// Reads the fields of ingress-nginx: `length time [upstream] [alternative] addr length time status id`, with lists for
/// several attempts.
fn ingress<'a>(tokens: &[Token<'a>], draft: &mut Draft<'a>) {
    let [length, time, upstream, rest @ ..] = tokens else { return };
    let is_number = |token: &Token<'_>| token.kind == Kind::Bare && token.text.parse::<f64>().is_ok();
    if !is_number(length) || !is_number(time) || upstream.kind != Kind::Bracketed {
        return;
    }
    let rest = match rest {
        [alternative, rest @ ..] if alternative.kind == Kind::Bracketed => rest,
        _ => rest,
    };
    let mut lists: Vec<String> = Vec::new();
    let mut goes_on = false;
    for token in rest {
        match lists.last_mut() {
            Some(last) if goes_on || token.text == ":" => {
                last.push(' ');
                last.push_str(token.text);
            }
            _ => lists.push(token.text.to_owned()),
        }
        goes_on = token.text.ends_with(',') || token.text == ":";
    }
    let [address, _, response, status, ..] = &lists[..] else { return };
    let list = |text: &String| Some(Cow::Owned(text.clone()));
    draft.at_end = true;
    draft.duration = crate::row::seconds(time.text);
    draft.upstream[Upstream::Address as usize] = list(address);
    draft.upstream[Upstream::Response as usize] = list(response);
    draft.upstream[Upstream::Status as usize] = list(status);
}

/// Reads the fields of Traefik: `number "router" "server" duration`.
fn traefik(tokens: &[Token<'_>], draft: &mut Draft<'_>) {
    let [number, router, server, duration] = tokens else { return };
    let is_quoted = |token: &Token<'_>| token.kind == Kind::Quoted;
    if number.kind != Kind::Bare || !is_quoted(router) || !is_quoted(server) || !duration.text.ends_with("ms")
    {
        return;
    }
    draft.duration = with_unit(duration.text, 1.0);
    if let Some(backend) = host_of(server.text) {
        let attempt = Attempt {
            backend: backend.to_owned(),
            status: draft.status,
            whole: draft.duration,
            ..Attempt::default()
        };
        draft.attempts = vec![attempt];
    }
}

/// Reads the fields of Amazon S3: `address requester id operation key "request" status error bytes size time turnaround
/// "referrer" "agent"`. The time in brackets is that of the beginning.
fn s3<'a>(tokens: &[Token<'a>], place: usize, draft: &mut Draft<'a>) {
    let text = |at: usize| tokens.get(at).map(|token| Cow::Borrowed(token.text));
    draft.client = text(3);
    draft.user = text(4);
    draft.bytes = text(place + 3).and_then(|text| text.parse().ok());
    draft.duration = text(place + 5).and_then(|text| crate::row::millis(&text));
    draft.agent = text(place + 8);
}
