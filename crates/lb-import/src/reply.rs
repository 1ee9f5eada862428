//! A recorded reply, and the values in it that a later request may send.

use crate::address::{Address, decode, pairs};
use crate::names::{is_id, is_uuid};
use crate::request::{escape_pointer, last_name};
use lb_core::workload::{Extract, ExtractFrom};
use serde_json::Value;

/// The longest body that is looked into, in bytes.
const LONGEST_BODY: usize = 4 << 20;
/// The most values of a body that are looked at.
const MOST_VALUES: usize = 20_000;
/// The longest value that is captured, in bytes.
const LONGEST_VALUE: usize = 8 << 10;
/// The deepest nesting of a body that is looked into.
const DEEPEST: usize = 32;

/// A recorded reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// The body, if it was recorded and is text.
    pub(crate) body: Option<String>,
}

/// A value in a reply that a later request may send.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source {
    pub(crate) value: String,
    /// Whether it is a text; otherwise it is a JSON number.
    pub(crate) is_text: bool,
    /// Name that fits a variable, such as `token`.
    pub(crate) name: String,
    pub(crate) from: Extract,
    /// Where it is, for a reader.
    pub(crate) place: String,
}

impl Reply {
    /// Returns the names and values of the cookies that the reply sets.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        let set = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        // Some recorders join several of these headers by line breaks.
        let each = set.flat_map(|(_, value)| value.split('\n'));
        each.filter_map(|header| header.split(';').next()?.trim().split_once('='))
    }

    /// Returns the values made by the server that a later request may send, those that are surest to be found again first.
    pub(crate) fn sources(&self) -> Vec<Source> {
        let mut found = Vec::new();
        let body = self.body.as_deref().filter(|body| body.len() <= LONGEST_BODY).unwrap_or_default();
        match serde_json::from_str::<Value>(body) {
            Ok(json) if json.is_object() || json.is_array() => json_sources(&json, &mut found),
            _ => html_sources(body, &mut found),
        }
        self.header_sources(&mut found);
        for (name, value) in self.cookies() {
            found.push(Source {
                value: value.to_owned(),
                is_text: true,
                name: name.to_owned(),
                from: Extract::From(ExtractFrom::Cookie(name.to_owned())),
                place: format!("the cookie `{name}`"),
            });
        }
        found.retain(|source| !source.value.is_empty() && source.value.len() <= LONGEST_VALUE);
        found
    }

    fn header_sources(&self, found: &mut Vec<Source>) {
        for (name, value) in &self.headers {
            let lower = name.to_ascii_lowercase();
            if lower == "location" || lower == "content-location" {
                location_sources(name, value, found);
            } else if lower.starts_with("x-") || lower == "etag" || lower == "authorization" {
                let header = |value: &str, from| Source {
                    value: value.to_owned(),
                    is_text: true,
                    name: name.clone(),
                    from,
                    place: format!("the header `{name}`"),
                };
                match value.strip_prefix("Bearer ") {
                    Some(token) => found.push(header(token, header_part(name, "Bearer (.+)"))),
                    None => found.push(header(value, Extract::From(ExtractFrom::Header(name.clone())))),
                }
            }
        }
    }
}

fn header_part(header: &str, pattern: &str) -> Extract {
    Extract::From(ExtractFrom::HeaderMatches { header: header.to_owned(), pattern: pattern.to_owned() })
}

/// Finds the identifiers in an address: segments of the path, and values of the query.
fn location_sources(header: &str, value: &str, found: &mut Vec<Source>) {
    let address = Address::parse(value);
    let place = format!("the header `{header}`");
    let mut before = "";
    for segment in address.path.split('/').skip(1) {
        // A captured part is encoded again when it is sent.
        if is_dynamic(before, segment) && !segment.contains('%') {
            found.push(Source {
                value: segment.to_owned(),
                is_text: true,
                name: id_name(before),
                from: header_part(header, &format!("/{}/([^/?#]+)", escape(before))),
                place: place.clone(),
            });
        }
        before = segment;
    }
    for (name, value) in address.query.iter().flat_map(|query| pairs(query)) {
        // A redirect of OAuth brings a code and a state.
        let is_made = |value: &str| ["code", "state"].contains(&name) || is_dynamic(name, value);
        let Some(value) = value.filter(|value| !value.contains(['%', '+']) && is_made(value)) else {
            continue;
        };
        found.push(Source {
            value: value.to_owned(),
            is_text: true,
            name: decode(name, true),
            from: header_part(header, &format!("[?&]{}=([^&#]*)", escape(name))),
            place: place.clone(),
        });
    }
}

/// Returns a name for the identifier after a segment: `order_id` after `orders`.
pub(crate) fn id_name(before: &str) -> String {
    let one = before.strip_suffix("ies").map(|stem| format!("{stem}y"));
    let one = one.or_else(|| before.strip_suffix('s').filter(|stem| !stem.ends_with('s')).map(str::to_owned));
    match one.unwrap_or_else(|| before.to_owned()).as_str() {
        "" => "id".to_owned(),
        one => format!("{one}_id"),
    }
}

/// Finds the values of a JSON body, those that are least deep first.
fn json_sources(json: &Value, found: &mut Vec<Source>) {
    let mut level = vec![(String::new(), json)];
    let mut count = 0;
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for (pointer, value) in level {
            count += 1;
            if count > MOST_VALUES {
                return;
            }
            let (text, is_text) = match value {
                Value::Array(items) => {
                    next.extend(items.iter().enumerate().map(|(at, item)| (format!("{pointer}/{at}"), item)));
                    continue;
                }
                Value::Object(map) => {
                    let deeper =
                        map.iter().map(|(key, item)| (format!("{pointer}/{}", escape_pointer(key)), item));
                    next.extend(deeper);
                    continue;
                }
                Value::String(text) => (text.clone(), true),
                Value::Number(number) => (number.to_string(), false),
                _ => continue,
            };
            let name = last_name(&pointer);
            if !is_dynamic(&name, &text) {
                continue;
            }
            let place = format!("`{pointer}`");
            found.push(Source { value: text, is_text, name, from: Extract::Pointer(pointer), place });
        }
        level = next;
    }
}

/// Finds the form fields and the `meta` tags of an HTML body.
fn html_sources(body: &str, found: &mut Vec<Source>) {
    for tag in tags(body, "<input").take(MOST_VALUES) {
        let (Some(name), Some(value)) = (attribute(tag, "name"), attribute(tag, "value")) else { continue };
        if !is_dynamic(&name, &value) {
            continue;
        }
        found.push(Source {
            place: format!("the form field `{name}`"),
            from: Extract::From(ExtractFrom::Input(name.clone())),
            is_text: true,
            value,
            name,
        });
    }
    for tag in tags(body, "<meta").take(MOST_VALUES) {
        let (Some(name), Some(value)) = (attribute(tag, "name"), attribute(tag, "content")) else { continue };
        if !is_dynamic(&name, &value) {
            continue;
        }
        let (Some(at), Some(after)) = (tag.find(name.as_str()), tag.find("content=")) else { continue };
        let name_part = escape(&name);
        let pattern = match at < after {
            true => format!("<meta[^>]*name=.{name_part}[^>]*content=.([^\"'>]*)"),
            false => format!("<meta[^>]*content=.([^\"'>]*)[^>]*name=.{name_part}"),
        };
        found.push(Source {
            place: format!("the meta tag `{name}`"),
            from: Extract::From(ExtractFrom::Matches(pattern)),
            is_text: true,
            value,
            name,
        });
    }
}

/// Returns the insides of all tags that begin so.
fn tags<'a>(html: &'a str, begin: &'a str) -> impl Iterator<Item = &'a str> {
    let starts = html.match_indices('<').map(|(at, _)| &html[at..]);
    let tags = starts
        .filter(move |rest| rest.get(..begin.len()).is_some_and(|found| found.eq_ignore_ascii_case(begin)));
    tags.map(|rest| &rest[..rest.find('>').unwrap_or(rest.len())])
}

/// Returns the value of an attribute that is written in quotes.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let lower = tag.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = lower[from..].find(name).map(|at| at + from) {
        from = at + name.len();
        let separate = tag[..at].ends_with(|c: char| c.is_whitespace() || c == '"' || c == '\'');
        let rest = tag[from..].trim_start();
        if let (true, Some(rest)) = (separate, rest.strip_prefix('=')) {
            let rest = rest.trim_start();
            let quote = rest.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
            let value = rest[1..].split(quote).next()?;
            return Some(
                value
                    .replace("&quot;", "\"")
                    .replace("&#39;", "'")
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&amp;", "&"),
            );
        }
    }
    None
}

/// Escapes a text for a regular expression.
pub(crate) fn escape(text: &str) -> String {
    regex_lite::escape(text)
}

/// Words in names of values that a server makes.
const MADE: [&str; 12] =
    ["token", "csrf", "xsrf", "nonce", "jwt", "session", "uuid", "guid", "sid", "ticket", "cursor", "etag"];

/// Returns whether a value is made by a server, as its name or its form says: a token, or an identifier.
fn is_dynamic(name: &str, value: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_id_name = lower == "id"
        || lower == "_id"
        || lower.ends_with("_id")
        || lower.ends_with("-id")
        || name.ends_with("Id")
        || name.ends_with("ID");
    let named = is_id_name || MADE.iter().any(|word| lower.contains(word));
    (named && !value.is_empty()) || is_id(value) || is_uuid(value) || is_random(value)
}

/// Returns whether a text looks random: long, without spaces, with letters and digits.
pub(crate) fn is_random(text: &str) -> bool {
    text.len() >= 16
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+/=~".contains(&byte))
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !text.contains("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(reply: &Reply) -> Vec<(String, String, String)> {
        let sources = reply.sources().into_iter();
        sources.map(|source| (source.name, source.value, source.place)).collect()
    }

    fn owned(list: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
        list.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned())).collect()
    }

    #[test]
    fn tokens_and_identifiers_are_found_in_json_and_plain_values_are_not() {
        let body =
            r#"{"user": {"id": 7, "name": "Ann"}, "token": "abc", "total": 12.5, "list": [{"itemId": "x"}]}"#;
        let reply = Reply { status: 200, body: Some(body.to_owned()), ..Reply::default() };
        let expected =
            [("token", "abc", "`/token`"), ("id", "7", "`/user/id`"), ("itemId", "x", "`/list/0/itemId`")];
        assert_eq!(found(&reply), owned(&expected));
    }

    #[test]
    fn forms_meta_tags_headers_and_cookies_are_looked_into() {
        let body = r#"<meta content="m-1" name="csrf-token"><INPUT type=hidden value="f&amp;1" name="_csrf"><input name="q" value="shoes">"#;
        let headers =
            [("Location", "/orders/17?state=s1&x=y"), ("Set-Cookie", "sid=c1; Path=/"), ("Server", "x")];
        let reply = Reply {
            status: 302,
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            body: Some(body.to_owned()),
        };
        let expected = [
            ("_csrf", "f&1", "the form field `_csrf`"),
            ("csrf-token", "m-1", "the meta tag `csrf-token`"),
            ("order_id", "17", "the header `Location`"),
            ("state", "s1", "the header `Location`"),
            ("sid", "c1", "the cookie `sid`"),
        ];
        assert_eq!(found(&reply), owned(&expected));
        let Extract::From(ExtractFrom::Matches(pattern)) = &reply.sources()[1].from else {
            panic!("a pattern")
        };
        let regex = regex_lite::Regex::new(pattern).expect("it is a regular expression");
        assert_eq!(&regex.captures(body).expect("it matches")[1], "m-1");
    }

    #[test]
    fn the_identifier_after_a_segment_has_its_name_in_the_singular() {
        let names = ["orders", "categories", "address", ""].map(id_name);
        assert_eq!(names, ["order_id", "category_id", "address_id", "id"]);
    }
}
