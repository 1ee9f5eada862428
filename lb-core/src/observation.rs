//! What is read from a header of each reply, such as whether a cache answered, and which of its values are hits and
//! which are misses.

use crate::backend_from::is_token;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Values of nginx's `$upstream_cache_status` and of similar headers for replies that came from the cache.
const HITS: [&str; 4] = ["HIT", "STALE", "UPDATING", "REVALIDATED"];
/// Values of such headers for replies that the cache had to fetch.
const MISSES: [&str; 3] = ["MISS", "EXPIRED", "BYPASS"];
/// Headers that hold secrets, which must not get into results.
const SECRET: [&str; 2] = ["set-cookie", "www-authenticate"];

/// A header of replies whose values are told apart, and what they mean.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// The header, such as `X-Cache-Status`.
    pub header: String,
    /// Values that mean that a cache answered; by default `HIT`, `STALE`, `UPDATING` and `REVALIDATED`. A value of the
    /// header counts if it, or its first word, is one of them in any case.
    #[serde(default = "hits")]
    pub hit: Vec<String>,
    /// Values that mean that no cache answered; by default `MISS`, `EXPIRED` and `BYPASS`.
    #[serde(default = "misses")]
    pub miss: Vec<String>,
}

/// What a value of the observed header means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ObservedClass {
    /// A cache answered.
    Hit,
    /// No cache answered.
    Miss,
    /// Neither is known.
    Other,
}

impl Observation {
    /// Observes a header with the values that caches commonly write.
    pub fn of(header: impl Into<String>) -> Self {
        Self { header: header.into(), hit: hits(), miss: misses() }
    }

    /// Returns what a value of the header means.
    pub fn class(&self, value: &str) -> ObservedClass {
        let value = value.trim();
        let first = value.split([' ', ',', ';']).next().unwrap_or(value);
        let is_in = |names: &[String]| {
            names.iter().any(|name| name.eq_ignore_ascii_case(value) || name.eq_ignore_ascii_case(first))
        };
        match (is_in(&self.hit), is_in(&self.miss)) {
            (true, _) => ObservedClass::Hit,
            (false, true) => ObservedClass::Miss,
            (false, false) => ObservedClass::Other,
        }
    }

    /// Returns why replies cannot be told apart like this, with the way out. `None` if they can.
    pub fn fault(&self) -> Option<String> {
        if !is_token(&self.header) {
            return Some("is not the name of a header; use one such as `X-Cache-Status`".to_owned());
        }
        if SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(&self.header)) {
            return Some("holds secrets, which must not get into results; use another header".to_owned());
        }
        let both = self.hit.iter().find(|name| self.miss.iter().any(|miss| miss.eq_ignore_ascii_case(name)));
        both.map(|name| format!("counts `{name}` both as a hit and as a miss; leave it out of one of them"))
    }
}

impl ObservedClass {
    /// Returns the name of the class in results: `hit`, `miss` or `other`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Other => "other",
        }
    }
}

fn hits() -> Vec<String> {
    HITS.map(str::to_owned).to_vec()
}

fn misses() -> Vec<String> {
    MISSES.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_common_caches_are_understood() {
        let observation = Observation::of("X-Cache");
        for (value, class) in [
            ("HIT", ObservedClass::Hit),
            ("hit", ObservedClass::Hit),
            (" Hit from cloudfront", ObservedClass::Hit),
            ("HIT, MISS", ObservedClass::Hit),
            ("STALE", ObservedClass::Hit),
            ("Miss from cloudfront", ObservedClass::Miss),
            ("EXPIRED", ObservedClass::Miss),
            ("hitchhiker", ObservedClass::Other),
            ("", ObservedClass::Other),
        ] {
            assert_eq!(observation.class(value), class, "`{value}`");
        }
    }

    #[test]
    fn headers_that_cannot_be_observed_are_refused_with_the_way_out() {
        let fault = |header: &str| Observation::of(header).fault();
        assert_eq!(fault("X-Cache-Status"), None);
        for (header, words) in [
            ("", "is not the name of a header"),
            ("X Cache", "is not the name of a header"),
            ("Set-Cookie", "holds secrets"),
        ] {
            let fault = fault(header).unwrap_or_default();
            assert!(fault.contains(words), "`{header}`: {fault}");
        }
        let torn = Observation { miss: vec!["hit".to_owned()], ..Observation::of("X-Cache") };
        assert!(torn.fault().is_some_and(|fault| fault.contains("`HIT` both as a hit and as a miss")));
    }

    #[test]
    fn a_header_alone_means_what_caches_commonly_write() {
        let read: Observation = serde_json::from_str(r#"{"header": "X-Cache"}"#).expect("valid");
        assert_eq!(read, Observation::of("X-Cache"));
    }
}
