//! Groups the requests of a recording into pages: what a browser fetches for one page belongs together, and the user
//! pauses between two pages.
//!
//! A page begins where the file names another page, where a document is fetched and the file names no pages, and where
//! nothing was sent or received for a while, since applications of a single page act on clicks, too.

use super::read::Recorded;

/// The pause within a page from which on something new begins, in seconds: longer than a script takes between two
/// requests, and shorter than people take.
const PAUSE_S: f64 = 1.0;

/// The longest pause that is kept, in seconds. A browser that was left open for longer says nothing about its user.
const LONGEST_S: f64 = 3600.0;

/// Requests that belong together.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    /// Numbers of the requests.
    pub(super) numbers: Vec<usize>,
    /// Time from the end of the page before to the beginning of this one, in seconds.
    pub(super) think_s: f64,
}

/// Groups the requests, which are in order of time.
pub(super) fn group(all: &[Recorded]) -> Vec<Page> {
    let named = all.iter().any(|one| one.page.is_some());
    let mut pages: Vec<Page> = Vec::new();
    // The end of the last reply.
    let mut end_s = f64::NEG_INFINITY;
    for (number, one) in all.iter().enumerate() {
        let before = number.checked_sub(1).map(|before| &all[before]);
        let other_page = named && before.is_some_and(|before| before.page != one.page);
        let new_document = !named && one.is_document && before.is_some_and(|before| !is_redirect(before));
        let gap_s = one.at_s - end_s;
        match pages.last_mut() {
            Some(page) if !other_page && !new_document && gap_s < PAUSE_S => page.numbers.push(number),
            first => {
                let think_s = if first.is_some() { gap_s.clamp(0.0, LONGEST_S) } else { 0.0 };
                pages.push(Page { numbers: vec![number], think_s });
            }
        }
        end_s = end_s.max(one.at_s + one.took_s);
    }
    pages
}

fn is_redirect(one: &Recorded) -> bool {
    (300..400).contains(&one.exchange.reply.status)
}

#[cfg(test)]
mod tests {
    use super::super::read::exchanges;
    use super::*;
    use crate::report::Report;
    use serde_json::{Value, json};

    /// Entries of a page, a moment in milliseconds, and a length in milliseconds.
    fn pages(list: &[(&str, i64, i64)], with_pages: bool) -> Vec<(Vec<usize>, f64)> {
        let entries: Vec<Value> = list
            .iter()
            .map(|(page, at, took)| {
                let started = jiff::Timestamp::from_millisecond(1_700_000_000_000 + at).expect("a time").to_string();
                let mut entry = json!({
                    "startedDateTime": started, "time": took,
                    "request": { "method": "GET", "url": format!("http://h/{at}") },
                    "response": { "status": 200, "content": { "mimeType": if *page == "doc" { "text/html" } else { "text/css" } } }
                });
                if with_pages {
                    entry["pageref"] = json!(page);
                }
                entry
            })
            .collect();
        let document = json!({ "log": { "entries": entries } });
        let all = exchanges(&document, &mut Report::default()).expect("a recording");
        let pages = group(&all).into_iter();
        pages.map(|page| (page.numbers, (page.think_s * 1000.0).round() / 1000.0)).collect()
    }

    #[test]
    fn a_page_and_its_assets_are_one_and_the_pause_counts_from_the_last_reply() {
        let list = [("a", 0, 100), ("a", 50, 400), ("a", 200, 10), ("b", 3_450, 20), ("b", 3_480, 5)];
        assert_eq!(pages(&list, true), [(vec![0, 1, 2], 0.0), (vec![3, 4], 3.0)]);
    }

    #[test]
    fn a_pause_within_a_page_begins_something_new() {
        let list = [("a", 0, 100), ("a", 900, 100), ("a", 2_500, 10)];
        assert_eq!(pages(&list, true), [(vec![0, 1], 0.0), (vec![2], 1.5)]);
    }

    #[test]
    fn a_document_begins_a_page_where_the_file_names_none() {
        let list = [("doc", 0, 100), ("css", 50, 100), ("doc", 400, 10)];
        assert_eq!(pages(&list, false), [(vec![0, 1], 0.0), (vec![2], 0.25)]);
    }
}
