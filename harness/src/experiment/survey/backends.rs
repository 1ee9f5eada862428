//! Looks for the header or the cookie that names the backend: one that has few values, which repeat.

use super::Finding;
use lb_core::headers;
use lb_load::SurveyedReply;
use std::collections::BTreeMap;

/// Headers that load balancers and sites use for the name of a backend, in lower case.
const KNOWN: [&str; 14] = [
    headers::BACKEND,
    "x-served-by",
    "x-upstream",
    "x-upstream-addr",
    "x-backend-server",
    "x-server",
    "x-server-name",
    "x-instance",
    "x-instance-id",
    "x-pod",
    "x-pod-name",
    "x-node",
    "x-hostname",
    "x-container",
];
/// Headers that say something else, although their values may repeat.
const OTHERS: [&str; 26] = [
    headers::ALGORITHM,
    "accept-ranges",
    "age",
    "allow",
    "alt-svc",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "date",
    "etag",
    "expires",
    "keep-alive",
    "last-modified",
    "link",
    "location",
    "pragma",
    "server",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "vary",
    "via",
    "x-powered-by",
];
/// Cookies that load balancers set for sticky sessions, in lower case, as they begin.
const STICKY: [&str; 10] = [
    "serverid",
    "route",
    "awsalb",
    "ingresscookie",
    "arraffinity",
    "bigipserver",
    "lb",
    "sticky",
    "srv",
    "gclb",
];
/// The longest value that is shown; longer ones are keys rather than names.
const LONGEST_SHOWN: usize = 48;

/// What names the backends, and what the cookies mean for a run.
pub(super) struct Named {
    pub(super) place: Finding,
    pub(super) cookies: Option<Finding>,
}

/// A header or a cookie with its values and how often each occurs.
struct Candidate<'a> {
    /// The place as the flag takes it, such as `header:x-served-by`.
    flag: String,
    /// The place in words.
    place: String,
    values: BTreeMap<&'a str, usize>,
    /// Whether names of backends are expected there.
    is_known: bool,
    /// Whether that is where a run looks anyway.
    is_default: bool,
}

impl Candidate<'_> {
    fn replies(&self) -> usize {
        self.values.values().sum()
    }

    /// Returns whether several values occur, and some of them repeatedly.
    fn tells_apart(&self) -> bool {
        self.values.len() > 1 && self.values.len() * 2 <= self.replies()
    }
}

/// Finds out what names the backends.
pub(super) fn backends(replies: &[SurveyedReply]) -> Named {
    let headers = headers_of(replies);
    let cookies = cookies_of(replies);
    let sticky = cookies.iter().find(|cookie| cookie.is_known || cookie.tells_apart());
    let telling = |known: bool| {
        let all = headers.iter().chain(&cookies);
        all.filter(move |one| one.is_known == known && one.tells_apart()).min_by_key(|one| !one.is_default)
    };
    let place = match telling(true).or_else(|| telling(false)) {
        Some(one) => found(one, replies.len()),
        None => unclear(&headers, replies.len()),
    };
    let cookies = sticky.map(|one| stickiness(one)).or_else(|| plain_cookies(&cookies));
    Named { place, cookies }
}

fn found(one: &Candidate<'_>, replies: usize) -> Finding {
    let values: Vec<String> =
        one.values.iter().map(|(value, count)| format!("{}: {count}", shortened(value))).collect();
    let way = match one.is_default {
        true => "shares are counted by it".to_owned(),
        false => format!("to count shares by it, give --backend-from {}", one.flag),
    };
    let sure = if one.is_known { "names" } else { "seems to name" };
    Finding::Fine(format!(
        "{} {sure} {} backends in {replies} replies ({}); {way}",
        one.place,
        one.values.len(),
        values.join(", ")
    ))
}

/// Describes replies in which nothing tells backends apart.
fn unclear(headers: &[Candidate<'_>], replies: usize) -> Finding {
    match headers.iter().find(|one| one.is_known && one.values.len() == 1) {
        Some(one) => {
            let value = one.values.keys().next().copied().unwrap_or_default();
            let flag = match one.is_default {
                true => String::new(),
                false => format!(" --backend-from {} counts by it;", one.flag),
            };
            Finding::Note(format!(
                "{} names `{}` in all {} replies:{flag} either it is the only backend, or the others got nothing; list \
                 all in `bench.backends`",
                one.place,
                shortened(value),
                one.replies()
            ))
        }
        None => Finding::Note(format!(
            "nothing in {replies} replies seems to name the backend, so shares are not known; let the load balancer add a \
             header, such as `X-Backend`"
        )),
    }
}

fn stickiness(one: &Candidate<'_>) -> Finding {
    let name = &one.place;
    let way = if one.tells_apart() {
        format!(" (--backend-from {} counts by it)", one.flag)
    } else {
        String::new()
    };
    Finding::Note(format!(
        "{name} looks like a sticky session{way}: users that keep cookies stay with one backend, so shares are those of \
         users rather than of the algorithm; `session.cookies: false` in the journey sends each request without"
    ))
}

/// Describes cookies that have nothing to do with backends.
fn plain_cookies(cookies: &[Candidate<'_>]) -> Option<Finding> {
    let names: Vec<&str> = cookies.iter().map(|one| one.place.as_str()).collect();
    (!names.is_empty()).then(|| {
        Finding::Note(format!(
            "replies set {}; users keep cookies for a session, as browsers do",
            names.join(", ")
        ))
    })
}

/// Returns the beginning of a value.
fn shortened(value: &str) -> String {
    match value.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

fn headers_of(replies: &[SurveyedReply]) -> Vec<Candidate<'_>> {
    let mut found: Vec<(&str, BTreeMap<&str, usize>)> = Vec::new();
    for (name, value) in replies.iter().flat_map(|reply| &reply.headers) {
        if OTHERS.contains(&name.as_str()) || value.is_empty() {
            continue;
        }
        let place = found.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            found.push((name, BTreeMap::new()));
            found.len() - 1
        });
        *found[place].1.entry(value).or_default() += 1;
    }
    let candidate = |(name, values): (&str, BTreeMap<_, _>)| Candidate {
        flag: format!("header:{name}"),
        place: format!("the header `{name}`"),
        values,
        is_known: KNOWN.contains(&name),
        is_default: name == headers::BACKEND,
    };
    found.into_iter().map(|(name, values)| candidate((name, values))).collect()
}

fn cookies_of(replies: &[SurveyedReply]) -> Vec<Candidate<'_>> {
    let mut found: Vec<(&str, BTreeMap<&str, usize>)> = Vec::new();
    for cookie in replies.iter().flat_map(|reply| reply.all("set-cookie")) {
        let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) else {
            continue;
        };
        let place = found.iter().position(|(known, _)| *known == name.trim()).unwrap_or_else(|| {
            found.push((name.trim(), BTreeMap::new()));
            found.len() - 1
        });
        *found[place].1.entry(value.trim()).or_default() += 1;
    }
    let candidate = |(name, values): (&str, BTreeMap<_, _>)| Candidate {
        flag: format!("cookie:{name}"),
        place: format!("the cookie `{name}`"),
        values,
        is_known: STICKY.iter().any(|sticky| name.to_ascii_lowercase().starts_with(sticky)),
        is_default: false,
    };
    found.into_iter().map(|(name, values)| candidate((name, values))).collect()
}
