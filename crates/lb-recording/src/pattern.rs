//! Groups request targets, so that reports have a row for each kind of request and not for each address.
//!
//! 1. A pattern that the user gave.
//! 2. Segments that identify something become `{id}`: numbers, UUIDs, long hexadecimal numbers and other long words
//!    that mix letters and digits. Dates become `{date}`.
//! 3. Where more than [`MOST_NAMES`] different segments without an extension follow the same beginning, such as names of
//!    users or titles of articles, they become `{name}`; but those with a hundredth of the requests there keep theirs.
//! 4. Of more than [`MOST_KINDS`] kinds, the rarest of each method share a row, `other`.

use crate::options::PathPattern;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Minimum length of a hexadecimal number that counts as an identifier. Words made of the letters a to f are
/// shorter.
const LONG_HEX: usize = 12;
/// Minimum length of a hexadecimal number in the name of a file, as in `main.9f86d081.js`.
const FILE_HEX: usize = 8;
/// Minimum length of a word that mixes letters and digits and counts as an identifier.
const LONG_MIX: usize = 20;
/// Upper limit for different names at one place, from which on they are names of things and not of parts of an API.
const MOST_NAMES: usize = 100;
/// Share of the requests at one place with which a name keeps a row of its own.
const FREQUENT: f64 = 0.01;
/// Upper limit for kinds of requests, because results have a row for each.
pub(crate) const MOST_KINDS: usize = 1000;
/// Name of the row for the rarest requests.
const OTHER: &str = "other";

/// The names of kinds of requests.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The distinct names.
    pub(crate) names: Vec<String>,
    /// The name of each kind, as a position in `names`.
    pub(crate) numbers: Vec<u32>,
    /// The number of kinds that share a row `other`, and of their requests.
    pub(crate) folded: (usize, u64),
    /// The places where names became `{name}`, and how many there were.
    pub(crate) slugs: Vec<(String, usize)>,
}

/// Requests of one method and one pattern.
struct Group<'a> {
    method: &'a str,
    path: String,
    count: u64,
}

impl Names {
    /// Groups requests: pairs of a method and a target, with the number of their requests.
    pub(crate) fn of<'a>(
        kinds: impl Iterator<Item = (&'a str, &'a str, u64)>,
        patterns: &[PathPattern],
    ) -> Self {
        let (patterned, groups) = by_pattern(kinds, patterns);
        let slugs = slugs(&groups);
        // In the order of their names, so that equal recordings have equal numbers.
        let mut named: BTreeMap<(&str, String), (u64, u32)> = BTreeMap::new();
        for group in &groups {
            named.entry((group.method, slugged(&group.path, &slugs))).or_default().0 += group.count;
        }
        let methods: BTreeSet<&str> = named.keys().map(|(method, _)| *method).collect();
        let mut names = Vec::new();
        let mut folded = (0, 0);
        let most = MOST_KINDS.saturating_sub(methods.len());
        let mut ranked: Vec<u64> = named.values().map(|(count, _)| *count).collect();
        ranked.sort_unstable_by(|one, other| other.cmp(one));
        let folds = named.len() > MOST_KINDS;
        // Of those that are as frequent as the last one that stays, the first in the alphabet stay.
        let least = if folds { ranked[most - 1] } else { 0 };
        let mut equals =
            if folds { ranked[..most].iter().filter(|count| **count == least).count() } else { usize::MAX };
        let mut others: BTreeMap<&str, u32> = BTreeMap::new();
        for ((method, path), (count, number)) in &mut named {
            let stays = *count > least || *count == least && equals > 0;
            equals -= usize::from(*count == least && equals > 0);
            *number = match stays {
                true => {
                    names.push(format!("{method} {path}"));
                    names.len() as u32 - 1
                }
                false => {
                    folded = (folded.0 + 1, folded.1 + *count);
                    *others.entry(method).or_insert_with(|| {
                        names.push(format!("{method} {OTHER}"));
                        names.len() as u32 - 1
                    })
                }
            };
        }
        let number_of = |group: &Group<'_>| {
            named.get(&(group.method, slugged(&group.path, &slugs))).map_or(0, |(_, number)| *number)
        };
        let of_groups: Vec<u32> = groups.iter().map(number_of).collect();
        let numbers = patterned.into_iter().map(|group| of_groups[group as usize]).collect();
        let mut collapsed: Vec<(String, usize)> =
            slugs.into_iter().map(|(place, slugs)| (format!("{place}/{{name}}"), slugs.count)).collect();
        collapsed.sort_unstable();
        Self { names, numbers, folded, slugs: collapsed }
    }
}

/// Groups requests by method and pattern. Returns the group of each kind, and the groups.
fn by_pattern<'a>(
    kinds: impl Iterator<Item = (&'a str, &'a str, u64)>,
    patterns: &[PathPattern],
) -> (Vec<u32>, Vec<Group<'a>>) {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut known: HashMap<&str, HashMap<String, u32>> = HashMap::new();
    let mut pattern = String::new();
    let number_of = |(method, target, count): (&'a str, &'a str, u64)| {
        pattern.clear();
        write_pattern(target, patterns, &mut pattern);
        let known = known.entry(method).or_default();
        let number = known.get(pattern.as_str()).copied().unwrap_or_else(|| {
            let number = groups.len() as u32;
            known.insert(pattern.clone(), number);
            groups.push(Group { method, path: pattern.clone(), count: 0 });
            number
        });
        groups[number as usize].count += count;
        number
    };
    (kinds.map(number_of).collect(), groups)
}

/// Returns the pattern of a request target: the path without the query, with `{id}` and `{date}` in place of
/// identifiers. The first of `patterns` that matches wins.
pub(crate) fn of(target: &str, patterns: &[PathPattern]) -> String {
    let mut pattern = String::with_capacity(target.len());
    write_pattern(target, patterns, &mut pattern);
    pattern
}

/// Appends the pattern of a request target, as [`of`] returns it.
fn write_pattern(target: &str, patterns: &[PathPattern], out: &mut String) {
    let path = target.split('?').next().unwrap_or_default();
    if let Some(pattern) = patterns.iter().find(|pattern| pattern.matches(path)) {
        return out.push_str(pattern.text());
    }
    for (number, segment) in path.split('/').enumerate() {
        if number > 0 {
            out.push('/');
        }
        generalise(segment, out);
    }
}

fn generalise(segment: &str, out: &mut String) {
    if is_date(segment) {
        return out.push_str("{date}");
    }
    if is_id(segment) {
        return out.push_str("{id}");
    }
    let Some((stem, rest)) = segment.split_once('.') else { return out.push_str(segment) };
    // In names of files, the stem or a fingerprint identifies.
    out.push_str(if is_id(stem) { "{id}" } else { stem });
    for piece in rest.split('.') {
        out.push('.');
        let has_digit = piece.bytes().any(|byte| byte.is_ascii_digit());
        out.push_str(if piece.len() >= FILE_HEX && is_hex(piece) && has_digit { "{id}" } else { piece });
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_date(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

fn is_id(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    if bytes.is_empty() {
        return false;
    }
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits == bytes.len() || bytes.len() >= LONG_HEX && is_hex(segment) {
        return true;
    }
    if bytes.len() == 36 {
        let groups = segment.split('-');
        if groups.clone().map(str::len).eq([8, 4, 4, 4, 12]) && groups.clone().all(is_hex) {
            return true;
        }
    }
    // Tokens such as ULIDs and base64: letters and digits take turns, which they do not in words.
    let turns = bytes.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    bytes.len() >= LONG_MIX
        && digits >= 3
        && turns >= 5
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'='))
}

/// Names at one place.
#[derive(Debug, Default)]
struct Slugs {
    count: usize,
    frequent: HashSet<String>,
}

/// Finds the places with too many names: beginnings of patterns, with the names there that stay.
fn slugs(groups: &[Group<'_>]) -> BTreeMap<String, Slugs> {
    let mut places: HashMap<&str, HashMap<&str, u64>> = HashMap::new();
    for Group { path, count, .. } in groups {
        let mut begin = 0;
        while let Some(length) = path[begin..].find('/') {
            let at = begin + length;
            let segment = path[at + 1..].split('/').next().unwrap_or_default();
            if !segment.is_empty() && !segment.contains(['.', '{']) {
                *places.entry(&path[..at]).or_default().entry(segment).or_default() += count;
            }
            begin = at + 1;
        }
    }
    let crowded = places.into_iter().filter(|(_, names)| names.len() > MOST_NAMES);
    crowded
        .map(|(place, names)| {
            let all: u64 = names.values().sum();
            let is_frequent = |count: u64| count as f64 >= all as f64 * FREQUENT;
            let frequent: HashSet<String> = names
                .iter()
                .filter(|(_, count)| is_frequent(**count))
                .map(|(name, _)| (*name).to_owned())
                .collect();
            (place.to_owned(), Slugs { count: names.len() - frequent.len(), frequent })
        })
        .filter(|(_, slugs)| slugs.count > MOST_NAMES)
        .collect()
}

fn slugged(path: &str, slugs: &BTreeMap<String, Slugs>) -> String {
    if slugs.is_empty() {
        return path.to_owned();
    }
    let mut out = String::with_capacity(path.len());
    let mut original = 0;
    for (number, segment) in path.split('/').enumerate() {
        if number > 0 {
            let place = slugs.get(&path[..original - 1]);
            let stays = segment.is_empty()
                || segment.contains(['.', '{'])
                || place.is_none_or(|slugs| slugs.frequent.contains(segment));
            out.push('/');
            out.push_str(if stays { segment } else { "{name}" });
        } else {
            out.push_str(segment);
        }
        original += segment.len() + 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_become_one_pattern_and_queries_are_left_out() {
        for (target, pattern) in [
            ("/api/user/42", "/api/user/{id}"),
            ("/api/user/42/orders/7?page=2", "/api/user/{id}/orders/{id}"),
            ("/o/123e4567-e89b-12d3-a456-426614174000", "/o/{id}"),
            ("/blob/9f86d081884c7d65", "/blob/{id}"),
            ("/v1/facade/deadbeef", "/v1/facade/deadbeef"),
            ("/ulid/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/ulid/{id}"),
            ("/day/2024-10-10", "/day/{date}"),
            ("/js/main.9f86d081.js", "/js/main.{id}.js"),
            ("/img/4711.png", "/img/{id}.png"),
            ("/jquery-3.6.0.min.js", "/jquery-3.6.0.min.js"),
            ("/how-to-configure-http2-and-http3", "/how-to-configure-http2-and-http3"),
            ("/", "/"),
            ("/a//b/", "/a//b/"),
        ] {
            assert_eq!(of(target, &[]), pattern, "{target}");
        }
        let own: PathPattern = "/user/{name}".parse().expect("a pattern");
        assert_eq!(of("/user/42?x", &[own]), "/user/{name}", "the user's patterns come first");
    }

    #[test]
    fn many_names_at_one_place_become_one_but_frequent_ones_and_files_stay() {
        let names: Vec<String> =
            (0..150_u8).map(|n| format!("/u/{}x{}", char::from(b'a' + n % 26), n)).collect();
        let mut kinds: Vec<(&str, &str, u64)> = names.iter().map(|name| ("GET", name.as_str(), 1)).collect();
        kinds.extend([("GET", "/u/me", 50), ("GET", "/u/logo.png", 1), ("GET", "/about", 1)]);
        let grouped = Names::of(kinds.iter().copied(), &[]);
        let named: Vec<&str> =
            grouped.numbers.iter().map(|number| grouped.names[*number as usize].as_str()).collect();
        assert!(named[..150].iter().all(|name| *name == "GET /u/{name}"));
        assert_eq!(named[150..], ["GET /u/me", "GET /u/logo.png", "GET /about"]);
        assert_eq!((grouped.slugs, grouped.folded), (vec![("/u/{name}".to_owned(), 150)], (0, 0)));
    }

    #[test]
    fn the_rarest_of_too_many_kinds_share_a_row_by_method() {
        let names: Vec<String> = (0..1_100).map(|n| format!("/f{}.html", n as f64 + 0.5)).collect();
        let mut kinds: Vec<(&str, &str, u64)> = names.iter().map(|name| ("GET", name.as_str(), 2)).collect();
        kinds.push(("POST", "/rare", 1));
        let grouped = Names::of(kinds.iter().copied(), &[]);
        assert_eq!(grouped.names.len(), 1000);
        assert!(
            ["GET other", "POST other", "GET /f0.5.html"]
                .iter()
                .all(|name| grouped.names.iter().any(|known| known == name))
        );
        assert_eq!(grouped.folded, (103, 205));
    }
}
