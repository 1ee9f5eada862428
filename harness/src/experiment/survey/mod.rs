//! What `bench doctor` finds out about an address that is already running, in words: what was found, and what it means for
//! a run. Nothing here decides whether a run may begin.

mod backends;

use super::error::RunError;
use super::preflight::{LIMIT, page, tls_options};
use backends::{Named, backends};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use lb_config::Plan;
use lb_core::plain;
use lb_core::secret::mask_passwords;
use lb_load::{Survey, SurveyedReply, TlsFacts, survey};
use std::collections::BTreeMap;
use std::fmt;

/// The number of requests: enough to see two backends that take turns several times, too few to disturb anybody.
const REQUESTS: usize = 8;
/// The number of days before the end of a certificate from which a warning is given.
const SOON_DAYS: i64 = 14;
/// The difference between two clocks, in seconds, from which it is worth a note: `Date` has whole seconds.
const CLOCK_OFF_S: i64 = 2;

/// What was found, with its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It is as a run needs it.
    Fine(String),
    /// It is worth knowing.
    Note(String),
    /// It spoils a run, or part of one.
    Warning(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fine(text) => write!(f, "  ok    {}", plain::line(text)),
            Self::Note(text) => write!(f, "  note  {}", plain::line(text)),
            Self::Warning(text) => write!(f, "  warning  {}", plain::line(text)),
        }
    }
}

/// Looks at an address without an admin API of a known kind. Empty for others, which are not sent requests that the user
/// did not ask for.
///
/// # Errors
/// The address cannot be used.
pub(super) async fn survey_target(plan: &Plan) -> Result<Vec<Finding>, RunError> {
    let target = plan.target();
    if !target.started().is_empty() || (target.as_is().is_none() && target.declared().is_none()) {
        return Ok(Vec::new());
    }
    let url = target.full_url().reveal();
    match survey(url, page(plan).as_deref(), &tls_options(plan), LIMIT, REQUESTS).await {
        Ok(found) => Ok(findings(&found, Timestamp::now())),
        Err(source) => {
            Err(RunError::Unreachable { url: target.base_url().to_owned(), source: Box::new(source) })
        }
    }
}

/// Describes what was found. `now` is compared with the end of the certificate.
fn findings(survey: &Survey, now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    addresses(survey, &mut found);
    if let Some(tls) = &survey.tls {
        secured(tls, now, &mut found);
    }
    found.push(protocols(survey));
    replies(survey, &mut found);
    if survey.replies.is_empty() {
        return found;
    }
    found.extend(server(survey));
    found.push(connections(survey));
    found.extend(clock(&survey.replies));
    let Named { place, cookies } = backends(&survey.replies);
    found.push(place);
    found.extend(cookies);
    found
}

fn addresses(survey: &Survey, found: &mut Vec<Finding>) {
    let listed: Vec<String> = survey.addresses.iter().map(|(address, _)| address.to_string()).collect();
    let is_v6 = survey.addresses.iter().filter(|(address, _)| address.is_ipv6()).count();
    let families = format!("{} of IPv4, {is_v6} of IPv6", survey.addresses.len() - is_v6);
    found.push(Finding::Fine(match listed.as_slice() {
        [only] => format!("address: {only}"),
        _ => format!("addresses: {} ({families}); new connections use them in turn", listed.join(", ")),
    }));
    for (address, fault) in &survey.addresses {
        if let Some(fault) = fault {
            found.push(Finding::Warning(format!(
                "{address} does not accept connections ({fault}): connections that begin there lose time; correct the \
                 name, or use an address in the URL"
            )));
        }
    }
}

fn secured(tls: &TlsFacts, now: Timestamp, found: &mut Vec<Finding>) {
    let hosts = match tls.certificate.hosts.as_slice() {
        [] => String::new(),
        hosts => format!(" for {}", hosts.join(", ")),
    };
    let names = &tls.certificate.names;
    found.push(Finding::Fine(format!("{}, {}; certificate{hosts} ({names})", tls.version, tls.cipher)));
    let Some(expires) = tls.certificate.expires else { return };
    let days = (expires.as_second() - now.as_second()).div_euclid(24 * 60 * 60);
    let day = expires.strftime("%Y-%m-%d %H:%M UTC");
    found.push(match days {
        ..0 => {
            Finding::Warning(format!("the certificate expired at {day}; clients that verify it refuse it"))
        }
        0..SOON_DAYS => Finding::Warning(format!(
            "the certificate expires in {days} days, at {day}; renew it before a long series of runs"
        )),
        _ => Finding::Fine(format!("the certificate expires in {days} days, at {day}")),
    });
    if tls.http1_by_alpn == Some(false) {
        found.push(Finding::Warning(
            "the server does not agree on http/1.1 by ALPN; requests of HTTP/1.1 may fail there".to_owned(),
        ));
    }
}

fn protocols(survey: &Survey) -> Finding {
    let how = if survey.tls.is_some() { "by ALPN" } else { "by prior knowledge" };
    Finding::Fine(match survey.http2 {
        true => format!("protocols: HTTP/1.1, and HTTP/2 {how}"),
        false => format!("protocols: HTTP/1.1; no HTTP/2 {how}"),
    })
}

fn replies(survey: &Survey, found: &mut Vec<Finding>) {
    let missing = survey.requests - survey.replies.len();
    if missing > 0 {
        found.push(Finding::Warning(format!(
            "{missing} of {} requests for {} got no reply in HTTP/1.1; a run counts such requests as errors",
            survey.requests, survey.path
        )));
    }
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for reply in &survey.replies {
        *statuses.entry(reply.status).or_default() += 1;
    }
    let path = &survey.path;
    for (status, count) in statuses {
        let all =
            format!("GET {path}: {status} for {count} of {} requests on new connections", survey.requests);
        let reply = survey.replies.iter().find(|reply| reply.status == status);
        found.push(match status {
            300..=399 => {
                let location = reply.and_then(|reply| reply.first("location"));
                let location =
                    location.map_or_else(String::new, |to| format!(" to {}", mask_passwords(to)));
                Finding::Warning(format!(
                    "{all}, a redirect{location}; name that address, or let the step `follow` redirects or `expect` this \
                     status, or else each is an error"
                ))
            }
            401 => Finding::Warning(format!(
                "{all}; credentials are asked for: write them as `https://user:password@host/`, or let the steps send them"
            )),
            400.. => Finding::Warning(format!("{all}; a run counts it as an error unless the step expects it")),
            _ => Finding::Fine(all),
        });
    }
}

fn server(survey: &Survey) -> Option<Finding> {
    let mut names: Vec<&str> = Vec::new();
    for name in survey.replies.iter().filter_map(|reply| reply.first("server")) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let text = match names.as_slice() {
        [] => return None,
        [only] => format!("server: {only}"),
        many => format!("servers: {}; replies come from programs that differ", many.join(", ")),
    };
    Some(Finding::Fine(text))
}

fn connections(survey: &Survey) -> Finding {
    let closed = survey.replies.iter().filter(|reply| !reply.keeps_open).count();
    match closed {
        0 => Finding::Fine("connections are kept open after a reply".to_owned()),
        _ => Finding::Note(format!(
            "the server closes the connection after {closed} of {} replies, so requests pay for connections; turn on \
             keep-alive there to measure without that",
            survey.replies.len()
        )),
    }
}

/// Compares the clock of the server with this machine's.
fn clock(replies: &[SurveyedReply]) -> Option<Finding> {
    let offset = |reply: &SurveyedReply| {
        let date = rfc2822::DateTimeParser::new().parse_timestamp(reply.first("date")?).ok()?;
        Some(date.as_second() - reply.arrived.as_second())
    };
    let mut offsets: Vec<i64> = replies.iter().filter_map(offset).collect();
    offsets.sort_unstable();
    // A cached reply brings an old date, so the latest clock is that of a server.
    let offset = *offsets.last()?;
    Some(match offset.abs() {
        0..=CLOCK_OFF_S => Finding::Fine("clock: agrees with this machine's to a second or two".to_owned()),
        seconds => Finding::Note(format!(
            "clock: the server's is {seconds} s {}; times in its logs differ from those in results by that",
            if offset > 0 { "ahead" } else { "behind" }
        )),
    })
}

#[cfg(test)]
mod tests;
