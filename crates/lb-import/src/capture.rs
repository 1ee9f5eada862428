//! Finds values of replies that later requests send: they become captures and variables, since another run gets other
//! ones.
//!
//! A value counts if a reply gave it before any request sent it, and if its name or its form says that the server made
//! it: a token, or an identifier. The first reply that gave it is its source. Short values, such as the number 3, must
//! also be sent in a place with a fitting name.

use crate::names::{Names, is_id, word};
use crate::reply::{Reply, Source, escape, id_name, is_random};
use crate::request::{Replacement, Request, Spot};
use lb_core::workload::{Extract, ExtractFrom};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A request with its reply.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchange {
    pub(crate) request: Request,
    pub(crate) reply: Reply,
    /// Name for a reader, such as `POST /login`.
    pub(crate) label: String,
}

/// The longest value that counts as short, in bytes.
const SHORT: usize = 5;
/// The most values that are searched for in the texts of replies.
const MOST_SEARCHED: usize = 200;
/// The longest text in which a value is searched, in bytes.
const LONGEST_SEARCHED: usize = 1 << 20;
/// The length of the text before a value by which it is found again, in characters.
const CONTEXT: usize = 24;

/// Where values come from, and where they go.
#[derive(Debug, Default)]
pub(crate) struct Captures {
    /// What each reply gives, by the number of the exchange.
    pub(crate) extract: Vec<BTreeMap<String, Extract>>,
    /// The variables of each request, by place and value.
    replace: Vec<HashMap<(String, String), Replacement>>,
    /// One line for each variable.
    pub(crate) lines: Vec<String>,
}

impl Captures {
    /// Returns the variable in place of a value of request `number`.
    pub(crate) fn variable(&self, number: usize, spot: Spot<'_>, value: &str) -> Option<Replacement> {
        self.replace.get(number)?.get(&(spot.describe(), value.to_owned())).cloned()
    }
}

/// A value that a reply gave.
struct Known {
    exchange: usize,
    source: Source,
    /// Name of its variable, once a request sends it.
    variable: Option<String>,
}

/// A variable that is sent: for the report.
struct Use {
    variable: String,
    from: String,
    to: Vec<String>,
    requests: HashSet<usize>,
}

/// Finds the values. The exchanges are in the order in which they were recorded.
pub(crate) fn correlate(exchanges: &[Exchange]) -> Captures {
    let mut finder = Finder {
        exchanges,
        known: HashMap::new(),
        sent: HashSet::new(),
        names: Names::without(&["user", "uuid", "int", "env", "secret", "account", "braces"]),
        out: Captures::default(),
        uses: Vec::new(),
        searched: 0,
    };
    finder.out.extract.resize(exchanges.len(), BTreeMap::new());
    finder.out.replace.resize(exchanges.len(), HashMap::new());
    for number in 0..exchanges.len() {
        finder.look_at_request(number);
        finder.look_at_reply(number);
    }
    finder.finish()
}

struct Finder<'a> {
    exchanges: &'a [Exchange],
    known: HashMap<String, Known>,
    /// Values that requests sent so far.
    sent: HashSet<String>,
    names: Names,
    out: Captures,
    uses: Vec<Use>,
    searched: usize,
}

impl Finder<'_> {
    fn look_at_request(&mut self, number: usize) {
        let exchanges = self.exchanges;
        let mut values: Vec<(String, String, bool)> = Vec::new();
        exchanges[number].request.values(&mut |spot, value| {
            let fits = self.known.get(value).is_some_and(|known| fits(spot, value, &known.source));
            values.push((spot.describe(), value.to_owned(), fits));
        });
        for (place, value, fits) in values {
            let is_found =
                fits || (is_random(&value) && !self.sent.contains(&value) && self.search(number, &value));
            if is_found {
                self.replace(number, place, &value);
            }
            self.sent.insert(value);
        }
    }

    /// Puts the variable of a known value into a request.
    fn replace(&mut self, number: usize, place: String, value: &str) {
        let Some(known) = self.known.get_mut(value) else { return };
        let from = &self.exchanges[known.exchange];
        let variable = match &known.variable {
            Some(variable) => variable.clone(),
            None => {
                let variable = self.names.unique(&word(&variable_name(&known.source, &from.request)), "_");
                self.out.extract[known.exchange].insert(variable.clone(), known.source.from.clone());
                let from = format!("{} in the reply to {}", known.source.place, from.label);
                self.uses.push(Use {
                    variable: variable.clone(),
                    from,
                    to: Vec::new(),
                    requests: HashSet::new(),
                });
                known.variable = Some(variable.clone());
                variable
            }
        };
        if let Some(one) = self.uses.iter_mut().find(|one| one.variable == variable) {
            if !one.to.contains(&place) {
                one.to.push(place.clone());
            }
            one.requests.insert(number);
        }
        let is_text = known.source.is_text;
        self.out.replace[number].insert((place, value.to_owned()), Replacement { variable, is_text });
    }

    fn look_at_reply(&mut self, number: usize) {
        for source in self.exchanges[number].reply.sources() {
            if !self.sent.contains(&source.value) {
                let known = |source| Known { exchange: number, source, variable: None };
                self.known.entry(source.value.clone()).or_insert_with(|| known(source));
            }
        }
    }

    /// Searches the texts of earlier replies for a random value, and makes it known with the text before it.
    fn search(&mut self, number: usize, value: &str) -> bool {
        if self.known.contains_key(value) || self.searched >= MOST_SEARCHED {
            return false;
        }
        self.searched += 1;
        for (exchange, earlier) in self.exchanges[..number].iter().enumerate() {
            let body = earlier.reply.body.as_deref().filter(|body| body.len() <= LONGEST_SEARCHED);
            let Some(pattern) = body.and_then(|body| pattern_of(body, value)) else { continue };
            let source = Source {
                value: value.to_owned(),
                is_text: true,
                name: "token".to_owned(),
                from: Extract::From(ExtractFrom::Matches(pattern)),
                place: "a text".to_owned(),
            };
            self.known.insert(value.to_owned(), Known { exchange, source, variable: None });
            return true;
        }
        false
    }

    fn finish(mut self) -> Captures {
        let line = |one: &Use| {
            let count = match one.requests.len() {
                1 => "1 request".to_owned(),
                count => format!("{count} requests"),
            };
            format!("{}: {} -> {} ({count})", one.variable, one.from, one.to.join(", "))
        };
        self.out.lines = self.uses.iter().map(line).collect();
        self.out
    }
}

/// Returns a regular expression that finds a value in a text by what is before it, and no other one earlier.
fn pattern_of(body: &str, value: &str) -> Option<String> {
    let at = body.find(value)?;
    let line = &body[body[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1)..at];
    let skip = line.chars().count().saturating_sub(CONTEXT);
    let before: String = line.chars().skip(skip).collect();
    if before.trim().is_empty() {
        return None;
    }
    let pattern = format!("{}([A-Za-z0-9_.+/=~-]+)", escape(&before));
    let regex = regex_lite::Regex::new(&pattern).ok()?;
    (regex.captures(body)?.get(1)?.as_str() == value).then_some(pattern)
}

/// Returns whether a value that is sent is likely to be the one that a reply gave. A long one always is.
fn fits(spot: Spot<'_>, value: &str, source: &Source) -> bool {
    if value.len() > SHORT {
        return true;
    }
    let plain = |name: &str| name.to_ascii_lowercase().replace(['_', '-'], "");
    let (sent, given) = (plain(spot.name()), plain(&source.name));
    let same = sent == given
        || (given.len() > 2 && sent.ends_with(&given))
        || (sent.len() > 2 && given.ends_with(&sent));
    match spot {
        Spot::Segment(_) => is_id(value) || same,
        Spot::Header(name) => same || name.eq_ignore_ascii_case("authorization"),
        Spot::Query(_) | Spot::Field(_) => same || (given == "id" && sent.ends_with("id")),
    }
}

/// Returns the name of the variable for a value: that in the reply, or for a plain `id` that of what was asked for.
fn variable_name(source: &Source, request: &Request) -> String {
    if !["id", "_id", "uuid"].contains(&source.name.as_str()) {
        return source.name.clone();
    }
    let mut words = request.path.split('/').filter(|segment| !segment.is_empty() && !is_id(segment));
    id_name(words.next_back().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Body;
    use serde_json::{Value, json};

    fn exchange(method: &str, path: &str, headers: &[(&str, &str)], body: Body, reply: Value) -> Exchange {
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: None,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body,
        };
        let reply = Reply { status: 200, headers: Vec::new(), body: Some(reply.to_string()) };
        Exchange { request, reply, label: format!("{method} {path}") }
    }

    #[test]
    fn a_value_of_a_reply_that_is_sent_later_is_captured_once() {
        let bearer = [("Authorization", "Bearer abc")];
        let exchanges = [
            exchange(
                "POST",
                "/login",
                &[],
                Body::Json(json!({ "user": "ann" })),
                json!({ "token": "abc", "user": { "id": 3 } }),
            ),
            exchange("POST", "/orders", &bearer, Body::Json(json!({ "amount": 3 })), json!({ "id": 17 })),
            exchange("GET", "/orders/17", &bearer, Body::None, json!({ "id": 17 })),
            exchange("POST", "/pay", &bearer, Body::Json(json!({ "orderId": 17 })), json!({})),
        ];
        let captures = correlate(&exchanges);
        assert_eq!(
            captures.lines,
            [
                "token: `/token` in the reply to POST /login -> the header `Authorization` (3 requests)",
                "order_id: `/id` in the reply to POST /orders -> the path after `orders`, the body field `orderId` (2 requests)",
            ]
        );
        assert_eq!(captures.extract[0]["token"], Extract::Pointer("/token".to_owned()));
        assert_eq!(captures.extract[1]["order_id"], Extract::Pointer("/id".to_owned()));
        assert_eq!(
            captures.variable(1, Spot::Field("amount"), "3"),
            None,
            "an amount of 3 is not the user 3"
        );
    }

    #[test]
    fn a_value_that_was_sent_first_is_not_captured() {
        let exchanges = [
            exchange(
                "GET",
                "/items/A1234567890123456",
                &[],
                Body::None,
                json!({ "id": "A1234567890123456" }),
            ),
            exchange("GET", "/items/A1234567890123456", &[], Body::None, json!({})),
        ];
        assert_eq!(correlate(&exchanges).lines, [] as [String; 0]);
    }

    #[test]
    fn a_random_value_in_a_script_is_found_by_the_text_before_it() {
        let mut page = exchange("GET", "/", &[], Body::None, json!(null));
        page.reply.body = Some("<script>window.key = \"k3y-9f8e7d6c5b4a\";</script>".to_owned());
        let save = exchange("POST", "/save", &[("X-Key", "k3y-9f8e7d6c5b4a")], Body::None, json!(null));
        let captures = correlate(&[page, save]);
        let pattern = "<script>window\\.key = \"([A-Za-z0-9_.+/=~-]+)";
        assert_eq!(captures.extract[0]["token"], Extract::From(ExtractFrom::Matches(pattern.to_owned())));
        assert_eq!(captures.lines, ["token: a text in the reply to GET / -> the header `X-Key` (1 request)"]);
    }
}
