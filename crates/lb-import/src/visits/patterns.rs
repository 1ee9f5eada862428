//! Groups recorded requests by method, pattern of the path, and names in the query.

use crate::address::{decode, pairs};
use crate::names::is_id;
use crate::report::Report;
use lb_recording::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The most patterns that become actions; rarer ones are left out.
const MOST_PATTERNS: usize = 200;
/// Different segments after the same path from which on they are values, not names.
const MANY_SEGMENTS: usize = 30;
/// The deepest path that is looked into.
const DEEPEST: usize = 24;

/// Requests with the same pattern.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) method: String,
    /// Segments of the path; `None` stands for a value.
    pub(super) segments: Vec<Option<String>>,
    /// Names in the query, in order, as written; `false` for a name without a value.
    pub(super) query: Vec<(String, bool)>,
    pub(super) entries: Vec<&'a Entry>,
}

/// Returns whether a target names a static asset.
pub(super) fn is_asset(target: &str) -> bool {
    const ENDINGS: [&str; 19] = [
        "avif", "bmp", "css", "eot", "gif", "ico", "jpeg", "jpg", "js", "map", "mjs", "mp4", "otf", "png",
        "svg", "ttf", "webp", "woff", "woff2",
    ];
    let file = target.split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    file.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}

impl Group<'_> {
    /// Returns the values of a request: those in the path, then those in the query.
    pub(super) fn values(&self, entry: &Entry) -> Vec<String> {
        let (path, query) = split(&entry.target);
        let segments = path.split('/').skip(1).zip(&self.segments);
        let mut values: Vec<String> = segments
            .filter(|(_, known)| known.is_none())
            .map(|(segment, _)| decode(segment, false))
            .collect();
        values.extend(pairs(query).filter_map(|(_, value)| value).map(|value| decode(value, true)));
        values
    }
}

fn split(target: &str) -> (&str, &str) {
    target.split_once('?').unwrap_or((target, ""))
}

/// Groups the requests; those with the most requests come first. What cannot be sent again is left out.
pub(super) fn group<'a>(entries: &[&'a Entry], report: &mut Report) -> Vec<Group<'a>> {
    let entries: Vec<&Entry> = entries.iter().copied().filter(|entry| can_be_sent(entry, report)).collect();
    let patterns = patterns(&entries);
    let mut groups: BTreeMap<String, Group<'a>> = BTreeMap::new();
    for (entry, segments) in entries.into_iter().zip(patterns) {
        let query: Vec<(String, bool)> =
            pairs(split(&entry.target).1).map(|(name, value)| (name.to_owned(), value.is_some())).collect();
        let key = format!("{} {segments:?} {query:?}", entry.method);
        let method = entry.method.clone();
        let fresh = || Group { method, segments, query, entries: Vec::new() };
        groups.entry(key).or_insert_with(fresh).entries.push(entry);
    }
    let mut groups: Vec<Group<'a>> = groups.into_values().collect();
    // Sorting is stable, so that equally frequent ones keep the order of their names.
    groups.sort_by_key(|group| std::cmp::Reverse(group.entries.len()));
    for group in groups.iter().skip(MOST_PATTERNS) {
        for _ in &group.entries {
            report.leave_out(format!(
                "requests with rare patterns, beyond the {MOST_PATTERNS} most frequent ones"
            ));
        }
    }
    groups.truncate(MOST_PATTERNS);
    groups
}

fn can_be_sent(entry: &Entry, report: &mut Report) -> bool {
    let reason = match entry.method.as_str() {
        "" | "CONNECT" => "requests with a method that cannot be sent, such as CONNECT",
        method if !method.bytes().all(|byte| byte.is_ascii_uppercase()) => "requests with an invalid method",
        "POST" | "PUT" | "PATCH" if entry.body.is_empty() => {
            "requests that change something, whose bodies are not in the log (POST, PUT, PATCH)"
        }
        _ if std::str::from_utf8(&entry.body).is_err() => "requests with a binary body",
        _ if !entry.target.starts_with('/') => "requests for something that is not a path",
        _ => return true,
    };
    report.leave_out(reason);
    false
}

/// Returns the segments of each path; `None` stands for a value: an identifier, or one of many segments that follow the
/// same path.
fn patterns(entries: &[&Entry]) -> Vec<Vec<Option<String>>> {
    let paths: Vec<Vec<&str>> =
        entries.iter().map(|entry| split(&entry.target).0.split('/').skip(1).collect()).collect();
    let mut found: Vec<Vec<Option<String>>> = vec![Vec::new(); paths.len()];
    let mut prefixes: Vec<String> = entries.iter().map(|entry| entry.method.clone()).collect();
    for depth in 0..DEEPEST {
        let mut after: HashMap<&str, HashSet<&str>> = HashMap::new();
        for (path, prefix) in paths.iter().zip(&prefixes) {
            if let Some(segment) = path.get(depth) {
                after.entry(prefix).or_default().insert(segment);
            }
        }
        let many: HashSet<String> = after
            .iter()
            .filter(|(_, segments)| segments.len() > MANY_SEGMENTS)
            .map(|(prefix, _)| (*prefix).to_owned())
            .collect();
        for ((path, prefix), found) in paths.iter().zip(&mut prefixes).zip(&mut found) {
            let Some(segment) = path.get(depth) else { continue };
            let is_value = is_id(segment) || (many.contains(prefix.as_str()) && !segment.is_empty());
            prefix.push('/');
            prefix.push_str(if is_value { "{}" } else { segment });
            found.push((!is_value).then(|| (*segment).to_owned()));
        }
    }
    // What lies deeper stays as it is.
    for (path, found) in paths.iter().zip(&mut found) {
        found.extend(path.iter().skip(DEEPEST).map(|segment| Some((*segment).to_owned())));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(method: &str, target: &str) -> Entry {
        Entry { method: method.to_owned(), target: target.to_owned(), ..Entry::default() }
    }

    #[test]
    fn requests_are_grouped_by_what_they_have_in_common() {
        let mut all =
            vec![entry("GET", "/items/1?page=1"), entry("GET", "/items/2?page=7"), entry("GET", "/about")];
        all.push(entry("POST", "/orders"));
        let mut report = Report::default();
        let groups = group(&all.iter().collect::<Vec<_>>(), &mut report);
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].segments, [Some("items".to_owned()), None]);
        assert_eq!(groups[0].values(&all[1]), ["2", "7"]);
        assert_eq!(
            report.left_out(),
            ["requests that change something, whose bodies are not in the log (POST, PUT, PATCH): 1"]
        );
    }

    #[test]
    fn many_names_after_the_same_path_are_values() {
        let all: Vec<Entry> =
            (0..40).map(|number| entry("GET", &format!("/shoes/model-{number}-red/size"))).collect();
        let groups = group(&all.iter().collect::<Vec<_>>(), &mut Report::default());
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].segments, [Some("shoes".to_owned()), None, Some("size".to_owned())]);
        assert_eq!(groups[0].values(&all[3]), ["model-3-red"]);
    }
}
