//! What is read beside the load: which targets, and what is taken from each (`--scrape`, `bench.scrape`).
//!
//! As text, `[NAME=]URL` takes well-known metrics of a page, `[NAME=]URL#SERIES` a series of it, and
//! `[NAME=]URL?query=PROMQL` the result of a query. A browser keeps what follows `#` to itself, too: it is the part of a
//! page that the reader wants.

use super::error::Findings;
use super::raw::{Scrape as Raw, ScrapeSettings};
use super::said::Said;
use super::url::check_metrics;
use lb_core::secret::{Secret, mask_passwords};
use lb_core::suggest::did_you_mean;
use lb_scrape::Selector;
use serde_json::{Value, json};

/// The word for the load balancer under test.
const LOAD_BALANCER: &str = "load-balancer";
/// The word for the backends that `bench` starts.
const BACKENDS: &str = "backends";

/// The most targets of a config.
const MOST_TARGETS: usize = 32;

/// Where metrics of a server are unless the address has a path.
const PAGE: &str = "/metrics";
/// Where a Prometheus server answers queries, below the path of its address.
const QUERIES: &str = "/api/v1/query";

/// A target that is read beside the load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrape {
    /// The name of what is taken, in reports. `None` if the user gave none.
    pub name: Option<String>,
    /// Where it is read.
    pub place: ScrapePlace,
    /// What is taken from there.
    pub what: ScrapeWhat,
}

/// Where metrics are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScrapePlace {
    /// The metrics page of the load balancer under test.
    LoadBalancer,
    /// The metrics page of each backend that `bench` starts.
    Backends,
    /// An address. That of a query has no query yet.
    Url(Secret),
}

/// What is taken from a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScrapeWhat {
    /// The well-known metrics of a page.
    WellKnown,
    /// A series of a page.
    Series {
        /// The series that are added up.
        of: Selector,
        /// The labels whose values tell series apart.
        by: Vec<String>,
        /// Whether they are counters. `None` if the page decides.
        rate: Option<bool>,
    },
    /// The result of a query in PromQL.
    Query(String),
}

impl Scrape {
    /// Returns the address, or the word that stands for it, without passwords.
    pub fn shown_place(&self) -> String {
        match &self.place {
            ScrapePlace::LoadBalancer => LOAD_BALANCER.to_owned(),
            ScrapePlace::Backends => BACKENDS.to_owned(),
            ScrapePlace::Url(url) => mask_passwords(url.reveal()).into_owned(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let (series, by, rate, query) = match &self.what {
            ScrapeWhat::WellKnown => (None, None, None, None),
            ScrapeWhat::Series { of, by, rate } => (Some(of.to_string()), Some(by), *rate, None),
            ScrapeWhat::Query(query) => (None, None, None, Some(query)),
        };
        json!({ "name": self.name, "url": self.shown_place(), "series": series, "by": by, "rate": rate, "query": query })
    }
}

/// Reads all targets, and adds what is wrong with them to `findings`.
pub(super) fn read_scrapes(targets: &[Said<Raw>], findings: &mut Findings) -> Vec<Scrape> {
    let mut read: Vec<Scrape> = Vec::new();
    for said in targets {
        let (fault_key, value, result) = match &said.value {
            Raw::Text(text) => ("", text.clone(), read_text(text).map_err(|fault| ("", fault))),
            Raw::Settings(settings) => (".", settings.url.clone(), read_settings(settings)),
        };
        match result {
            Ok(one) if one.name.is_some() && read.iter().any(|other| other.name == one.name) => {
                let name = one.name.unwrap_or_default();
                findings.wrong(
                    &said.at,
                    value,
                    format!("has the name `{name}` of another one; choose another"),
                );
            }
            Ok(one) => read.push(one),
            Err((key, fault)) => findings.wrong(&format!("{}{fault_key}{key}", said.at), value, fault),
        }
    }
    if let Some(said) = targets.get(MOST_TARGETS) {
        let message = format!("is one of {} targets; at most {MOST_TARGETS} are read", targets.len());
        findings.wrong(&said.at, json!(targets.len()), message);
    }
    read
}

/// Reads a target as it is written in a flag.
fn read_text(text: &str) -> Result<Scrape, String> {
    let is_name = |name: &str| {
        !name.trim().is_empty()
            && name.chars().count() <= 64
            && name.chars().all(|c| c.is_alphanumeric() || "_-. ".contains(c))
    };
    let (name, target) = match text.split_once('=') {
        Some((name, target)) if is_name(name) => (Some(name.trim().to_owned()), target),
        _ => (None, text),
    };
    if let Some((url, query)) = target.split_once("?query=") {
        let place = place_of_query(url)?;
        return Ok(Scrape { name, place, what: ScrapeWhat::Query(decoded(query)) });
    }
    let (url, series) = match target.split_once('#') {
        Some((url, series)) => (url, Some(series)),
        None => (target, None),
    };
    let what = match series {
        None => ScrapeWhat::WellKnown,
        Some(series) => ScrapeWhat::Series { of: selector(series)?, by: Vec::new(), rate: None },
    };
    Ok(Scrape { name, place: place_of_page(url)?, what })
}

/// Reads a target as a config writes it. An error names the key.
fn read_settings(settings: &ScrapeSettings) -> Result<Scrape, (&'static str, String)> {
    let ScrapeSettings { name, url, query, series, by, rate } = settings;
    let at = |key| move |fault| (key, fault);
    let (place, what) = match (query, series) {
        (Some(_), Some(_)) => {
            return Err((
                "query",
                "cannot be given together with `series`; leave one of them out".to_owned(),
            ));
        }
        (Some(query), None) => (place_of_query(url).map_err(at("url"))?, ScrapeWhat::Query(query.clone())),
        (None, Some(series)) => {
            let of = selector(series).map_err(at("series"))?;
            let what = ScrapeWhat::Series { of, by: by.clone(), rate: *rate };
            (place_of_page(url).map_err(at("url"))?, what)
        }
        (None, None) => (place_of_page(url).map_err(at("url"))?, ScrapeWhat::WellKnown),
    };
    if series.is_none() && (!by.is_empty() || rate.is_some()) {
        let key = if by.is_empty() { "rate" } else { "by" };
        return Err((key, "has a meaning only together with `series`".to_owned()));
    }
    Ok(Scrape { name: name.clone(), place, what })
}

fn selector(text: &str) -> Result<Selector, String> {
    text.parse().map_err(|error| format!("`{text}` {error}"))
}

fn place_of_page(text: &str) -> Result<ScrapePlace, String> {
    match text {
        LOAD_BALANCER => return Ok(ScrapePlace::LoadBalancer),
        BACKENDS => return Ok(ScrapePlace::Backends),
        _ => {}
    }
    if !text.contains("://") {
        let near = did_you_mean(text, [LOAD_BALANCER, BACKENDS]);
        return Err(format!(
            "is neither an address nor `{LOAD_BALANCER}` or `{BACKENDS}`{near}; use `http://host:9100/metrics`"
        ));
    }
    let uri = check_metrics(text)?;
    let path = if uri.path() == "/" && !text.contains('?') { PAGE } else { "" };
    Ok(ScrapePlace::Url(Secret::new(below(text, path))))
}

fn place_of_query(url: &str) -> Result<ScrapePlace, String> {
    let uri = check_metrics(url)?;
    if url.contains('?') {
        return Err("has parameters besides the query; leave them out".to_owned());
    }
    let path = if uri.path().ends_with(QUERIES) { "" } else { QUERIES };
    Ok(ScrapePlace::Url(Secret::new(below(url, path))))
}

/// Returns the address with a path added to its own; as it is for an empty path.
fn below(url: &str, path: &str) -> String {
    if path.is_empty() { url.to_owned() } else { format!("{}{path}", url.trim_end_matches('/')) }
}

/// Returns the query of an address that was copied from a browser, in which most characters are escaped. One that has
/// characters which an address cannot have was written by hand and stays as it is.
fn decoded(query: &str) -> String {
    let by_hand = |c: char| c.is_whitespace() || "[]{}\"<>^|".contains(c);
    if query.contains(by_hand) {
        return query.to_owned();
    }
    let mut bytes = Vec::with_capacity(query.len());
    let mut rest = query.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| query.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The target as its place, what is taken, and its name.
    fn read(text: &str) -> (String, String, Option<String>) {
        let scrape = read_text(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        let what = match &scrape.what {
            ScrapeWhat::WellKnown => String::new(),
            ScrapeWhat::Series { of, .. } => of.to_string(),
            ScrapeWhat::Query(query) => query.clone(),
        };
        let place = match &scrape.place {
            ScrapePlace::Url(url) => url.reveal().to_owned(),
            _ => scrape.shown_place(),
        };
        (place, what, scrape.name)
    }

    #[test]
    fn targets_are_pages_series_and_queries() {
        for (text, place, what, name) in [
            ("load-balancer", "load-balancer", "", None),
            ("shop=backends", "backends", "", Some("shop")),
            ("in flight=backends", "backends", "", Some("in flight")),
            ("http://h:9100", "http://h:9100/metrics", "", None),
            ("http://h:9100/", "http://h:9100/metrics", "", None),
            ("node=http://h:9100/m?x=y", "http://h:9100/m?x=y", "", Some("node")),
            ("http://h:9100?x=y", "http://h:9100?x=y", "", None),
            ("q=http://h/metrics#jobs{pool=\"a=b\"}", "http://h/metrics", "jobs{pool=\"a=b\"}", Some("q")),
            ("load-balancer#lb_active_connections", "load-balancer", "lb_active_connections", None),
            (
                "cpu=http://prom:9090?query=rate(process_cpu_seconds_total{job=\"x\"}[15s])",
                "http://prom:9090/api/v1/query",
                "rate(process_cpu_seconds_total{job=\"x\"}[15s])",
                Some("cpu"),
            ),
            ("http://prom/base/?query=up", "http://prom/base/api/v1/query", "up", None),
            (
                "http://prom/api/v1/query?query=rate%28up%5B1m%5D%29",
                "http://prom/api/v1/query",
                "rate(up[1m])",
                None,
            ),
            ("http://prom?query=up % 2", "http://prom/api/v1/query", "up % 2", None),
            ("http://prom?query=a%", "http://prom/api/v1/query", "a%", None),
        ] {
            let expected = (place.to_owned(), what.to_owned(), name.map(str::to_owned));
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_way_out() {
        for (text, part) in [
            ("loadbalancer", "did you mean `load-balancer`?"),
            ("localhost:9100", "use `http://host:9100/metrics`"),
            ("", "neither an address"),
            ("https://h/metrics", "read over plain HTTP"),
            ("ftp://h/metrics", "must begin with `http://`"),
            ("http://h:99999/metrics", "port"),
            ("http:///metrics", "address"),
            ("http://h/metrics#a b", "is not a selector; write it as"),
            ("http://h/metrics#", "is not a selector"),
            ("load-balancer?query=up", "must begin with `http://`"),
            ("http://h?x=y?query=up", "leave them out"),
        ] {
            let fault = read_text(text).expect_err(text);
            assert!(fault.contains(part), "{text}: {fault}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let scrape = read_text("http://ann:secret@h/metrics").expect("a target");
        assert_eq!(scrape.shown_place(), "http://ann:***@h/metrics");
        assert!(!scrape.to_json().to_string().contains("secret"));
        assert!(!format!("{scrape:?}").contains("secret"));
    }
}
