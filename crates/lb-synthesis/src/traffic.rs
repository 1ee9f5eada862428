//! What a recording says, as numbers: each request's time, kind, target and visitor.

use crate::error::SynthesisError;
use crate::slots::{Piece, SECOND, Zone, cut};
use lb_recording::{Entries, Entry, ReadOptions, endpoint_of};
use std::collections::HashMap;
use std::path::PathBuf;

/// The longest time that a recording may span, in days. Times further apart are mistakes, such as 1970.
const MOST_DAYS: i64 = 366 * 2;
/// A silence this many times as long as the mean gap is noted, if it also lasts an hour.
const LONG_SILENCE: f64 = 50.0;

/// The requests of a recording, in order of time.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    pub(crate) events: Vec<Event>,
    /// Method and endpoint of each kind of request.
    pub(crate) kinds: Vec<(String, String)>,
    /// Kind and request target of each distinct request.
    pub(crate) targets: Vec<(u32, String)>,
    /// The precision of the times in nanoseconds: a second, a millisecond or a microsecond.
    pub(crate) resolution: i64,
    /// Share of the requests whose client is known.
    pub(crate) with_client: f64,
    /// Remarks on the recording.
    pub(crate) notes: Vec<String>,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Event {
    /// Unix time in nanoseconds.
    pub(crate) at: i64,
    pub(crate) kind: u32,
    pub(crate) target: u32,
    /// The number of the client and its user agent.
    pub(crate) visitor: u32,
    /// Size of the reply in bytes.
    pub(crate) bytes: Option<u64>,
    /// Size of the request's body in bytes.
    pub(crate) body: u64,
}

/// Numbers for texts, in order of their first use.
#[derive(Default)]
struct Numbers<K>(HashMap<K, u32>);

impl<K: std::hash::Hash + Eq> Numbers<K> {
    fn of(&mut self, key: K) -> (u32, bool) {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        let number = *self.0.entry(key).or_insert(next);
        (number, number == next)
    }
}

impl Traffic {
    /// Reads recordings of any format.
    ///
    /// # Errors
    /// A file cannot be read, or does not hold requests with times.
    pub fn open(paths: &[PathBuf]) -> Result<Self, SynthesisError> {
        let mut entries = Entries::open(paths, ReadOptions::default())?;
        let traffic = Self::collect(&mut entries);
        entries.finish()?;
        let mut traffic = traffic?;
        traffic.notes.splice(0..0, entries.notes().iter().cloned());
        Ok(traffic)
    }

    /// Takes the requests from entries in any order.
    ///
    /// # Errors
    /// There are none with a time, or their times are too far apart.
    pub fn collect(entries: impl IntoIterator<Item = Entry>) -> Result<Self, SynthesisError> {
        let mut traffic = Self::default();
        let (mut kinds, mut targets, mut visitors) = <(Numbers<_>, Numbers<_>, Numbers<_>)>::default();
        let (mut all, mut clients) = (0_usize, 0_usize);
        for entry in entries {
            all += 1;
            let Some(at) = entry.at.and_then(|at| i64::try_from(at).ok()).filter(|at| *at >= 0) else {
                continue;
            };
            let name = (entry.method.clone(), endpoint_of(&entry));
            let (kind, is_new) = kinds.of(name.clone());
            if is_new {
                traffic.kinds.push(name);
            }
            let (target, is_new) = targets.of((kind, entry.target.clone()));
            if is_new {
                traffic.targets.push((kind, entry.target.clone()));
            }
            let client = client_of(&entry);
            clients += usize::from(client.is_some());
            let (visitor, _) = visitors.of((client, user_agent_of(&entry)));
            let body = entry.body.len() as u64;
            traffic.events.push(Event { at, kind, target, visitor, bytes: entry.bytes, body });
        }
        traffic.with_client = clients as f64 / all.max(1) as f64;
        traffic.settle(all)?;
        Ok(traffic)
    }

    /// Sorts the requests, and checks that their times say something.
    fn settle(&mut self, all: usize) -> Result<(), SynthesisError> {
        let too_little = |text: String| Err(SynthesisError::TooLittle(text));
        let untimed = all - self.events.len();
        if all == 0 {
            return too_little("the recording has no requests".to_owned());
        }
        if self.events.is_empty() {
            return too_little(format!(
                "none of the {all} requests has a time; a traffic model needs the time of each request"
            ));
        }
        if untimed > 0 {
            self.notes.push(format!("{untimed} of {all} requests have no usable time and are left out"));
        }
        let back = self.events.windows(2).filter(|pair| pair[1].at < pair[0].at).count();
        if back > 0 {
            self.notes
                .push(format!("{back} requests were recorded after a later one; all are sorted by time"));
        }
        self.events.sort_by_key(|event| event.at);
        let [first, last] = self.ends();
        if last - first > MOST_DAYS * 86_400 * SECOND {
            let days = (last - first) / (86_400 * SECOND);
            return too_little(format!(
                "the times span {days} days, from {} to {}; the limit is {MOST_DAYS} days, so check for wrong times",
                moment(first),
                moment(last)
            ));
        }
        self.resolution = [SECOND, SECOND / 1000]
            .into_iter()
            .find(|unit| self.events.iter().all(|event| event.at % unit == 0))
            .unwrap_or(SECOND / 1_000_000);
        let mean = (last - first) as f64 / self.events.len() as f64;
        let longest = self.events.windows(2).max_by_key(|pair| pair[1].at - pair[0].at);
        if let Some([before, after]) = longest
            && (after.at - before.at) as f64 > LONG_SILENCE * mean
            && after.at - before.at > 3600 * SECOND
        {
            self.notes.push(format!(
                "there are no requests from {} to {}, which counts as observed silence; if a file is missing, add it",
                moment(before.at),
                moment(after.at)
            ));
        }
        Ok(())
    }

    /// Returns the number of requests.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns whether there are no requests.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Returns remarks on the recording.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the times of the first and the last request.
    pub(crate) fn ends(&self) -> [i64; 2] {
        [self.events.first(), self.events.last()].map(|event| event.map_or(0, |event| event.at))
    }

    /// Returns the time that the recording covers, cut at the hours of a zone. The last instant is included.
    pub(crate) fn pieces(&self, zone: &Zone) -> Vec<Piece> {
        let [first, last] = self.ends();
        cut(zone, first, last + self.resolution.max(1))
    }

    /// Returns the number of requests of each kind.
    pub(crate) fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.kinds.len()];
        for event in &self.events {
            counts[event.kind as usize] += 1;
        }
        counts
    }
}

/// Returns the client of an entry: as recorded, or the first one that `X-Forwarded-For` names.
fn client_of(entry: &Entry) -> Option<String> {
    entry.client.clone().or_else(|| {
        let forwarded = field(entry, "x-forwarded-for")?;
        Some(forwarded.split(',').next().unwrap_or_default().trim().to_owned())
    })
}

fn user_agent_of(entry: &Entry) -> Option<String> {
    entry.user_agent.clone().or_else(|| field(entry, "user-agent").map(str::to_owned))
}

fn field<'a>(entry: &'a Entry, wanted: &str) -> Option<&'a str> {
    let found = entry.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// Formats a Unix time in nanoseconds as RFC 3339, in whole milliseconds.
pub(crate) fn moment(at: i64) -> String {
    let time =
        jiff::Timestamp::from_millisecond(at.div_euclid(1_000_000)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: i64, method: &str, target: &str) -> Entry {
        Entry { at: Some(i128::from(at)), method: method.into(), target: target.into(), ..Entry::default() }
    }

    #[test]
    fn requests_are_sorted_and_counted_by_method_and_endpoint() {
        let entries = [
            entry(3 * SECOND, "GET", "/a/1"),
            entry(SECOND, "GET", "/a/2?x"),
            entry(2 * SECOND, "POST", "/a/1"),
        ];
        let traffic = Traffic::collect(entries).expect("three requests");
        let kinds: Vec<(&str, &str)> =
            traffic.kinds.iter().map(|(method, endpoint)| (method.as_str(), endpoint.as_str())).collect();
        assert_eq!(kinds, [("GET", "/a/{id}"), ("POST", "/a/{id}")]);
        assert_eq!(traffic.counts(), [2, 1]);
        assert_eq!(traffic.targets.len(), 3);
        assert_eq!(traffic.ends(), [SECOND, 3 * SECOND]);
        assert_eq!(traffic.resolution, SECOND);
        assert_eq!(traffic.notes().len(), 1, "going back is noted: {:?}", traffic.notes());
    }

    #[test]
    fn times_that_say_nothing_are_refused() {
        let error = Traffic::collect([]).expect_err("nothing").to_string();
        assert_eq!(error, "the recording has no requests");
        let error = Traffic::collect([Entry::default()]).expect_err("no time").to_string();
        assert!(error.starts_with("none of the 1 requests has a time"), "{error}");
        let far = [entry(0, "GET", "/"), entry(i64::MAX, "GET", "/")];
        let error = Traffic::collect(far).expect_err("300 years").to_string();
        assert!(error.contains("span 106751 days, from 1970-01-01T00:00:00.000Z to 2262"), "{error}");
    }

    #[test]
    fn the_visitor_is_the_client_with_its_browser_wherever_it_is_recorded() {
        let with = |client: Option<&str>, forwarded: Option<&str>, agent: &str| Entry {
            client: client.map(str::to_owned),
            headers: forwarded
                .map(|text| ("X-Forwarded-For".to_owned(), text.to_owned()))
                .into_iter()
                .collect(),
            user_agent: Some(agent.to_owned()),
            ..entry(SECOND, "GET", "/")
        };
        let entries = [
            with(Some("10.0.0.1"), None, "a"),
            with(None, Some("10.0.0.1, 10.9.9.9"), "a"),
            with(Some("10.0.0.1"), None, "b"),
        ];
        let traffic = Traffic::collect(entries).expect("three requests");
        let visitors: Vec<u32> = traffic.events.iter().map(|event| event.visitor).collect();
        assert_eq!(visitors, [0, 0, 1]);
        assert_eq!(traffic.with_client, 1.0);
    }
}
