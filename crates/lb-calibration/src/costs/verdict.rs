//! What follows from the shares: a sentence that sums up, and what to do.

use super::{CostReport, MOST_HINTS, ROUTE, Source, TimeSource};
use std::fmt::Write;

/// Share above which what is left hardly matters.
const NEARLY_ALL: f64 = 0.8;
/// Part of what can be told that the predictor should reach.
const REACHED: f64 = 0.8;
/// Most headers that a load balancer reads.
const MOST_HEADERS: usize = lb_core::hints::MOST_HEADERS;

/// Returns what the recording does not tell.
pub(super) fn notes(report: &CostReport, were_read: bool, left_out: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if report.times == TimeSource::Idle {
        notes.push(
            "too few services can be separated from waiting, so latencies of requests that found their backend idle are \
             used"
                .to_owned(),
        );
    }
    if report.sources.len() == 1 {
        notes.push(match were_read {
            true => "no request says anything besides its route".to_owned(),
            false => {
                "the traces come from a version that did not listen to requests, so only routes can be compared".to_owned()
            }
        });
    }
    if report.sources.iter().any(|source| source.name == ROUTE && source.values < 2) {
        notes.push("there is one route only, so the route tells nothing".to_owned());
    }
    if left_out > 0 {
        notes.push(format!(
            "{left_out} further hints are left out: few requests say them, or they are not among the {MOST_HINTS} most \
             frequent"
        ));
    }
    if report.told.matters() && report.predictor < REACHED * report.told.share {
        notes.push(format!(
            "the predictor, which learns as it goes, tells {} so far, so a longer recording would show more of what it can \
             do",
            percent(report.predictor.max(0.0))
        ));
    }
    notes
}

/// Returns the sentence that sums up.
pub(super) fn verdict(report: &CostReport) -> String {
    if !report.told.matters() {
        return "Nothing is told: what is read of these requests does not say what they cost, and policies that predict \
                costs will not gain from it."
            .to_owned();
    }
    let mut text = format!(
        "{} (± {}) of the variance of log service times is told",
        percent(report.told.share),
        percent(report.told.error)
    );
    let mut by: Vec<&Source> = report.sources.iter().filter(|source| source.beyond.matters()).collect();
    by.sort_by(|one, other| other.beyond.share.total_cmp(&one.beyond.share));
    for (place, source) in by.iter().enumerate() {
        let name = if source.name == ROUTE { "the route".to_owned() } else { format!("`{}`", source.name) };
        let before = match place {
            0 => ": by ",
            _ if place + 1 == by.len() => " and ",
            _ => ", ",
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "{before}{name} ({} beyond the rest)", percent(source.beyond.share));
    }
    if by.is_empty() {
        text.push_str(", by several sources of which each can take the place of another");
    }
    text.push('.');
    text
}

/// Returns what to do.
pub(super) fn advice(report: &CostReport) -> Vec<String> {
    let mut advice = Vec::new();
    let useful = |source: &&Source| source.alone.matters() || source.beyond.matters();
    let headers = || report.sources.iter().filter(|source| source.header().is_some());
    if report.told.matters() {
        advice.push(
            "Use `least-predicted-work` or `rl`, which predict costs from routes, parameters, variable segments of the path \
             and lengths of bodies without being told to."
                .to_owned(),
        );
    }
    let kept: Vec<String> =
        headers().filter(useful).filter_map(Source::header).map(|name| format!("\"{name}\"")).collect();
    if !kept.is_empty() {
        let some = &kept[..kept.len().min(MOST_HEADERS)];
        advice.push(format!(
            "Have headers read, which is not done unasked: `\"hints\": {{ \"headers\": [{}] }}` in the load balancer's \
             config.",
            some.join(", ")
        ));
    }
    let useless: Vec<String> = headers()
        .filter(|source| !useful(source))
        .filter_map(Source::header)
        .map(|name| format!("`{name}`"))
        .collect();
    if !useless.is_empty() {
        let verb = if useless.len() == 1 { "it tells" } else { "they tell" };
        advice.push(format!("Leave {} out of `hints.headers`: {verb} nothing.", useless.join(", ")));
    }
    if report.told.share < NEARLY_ALL && headers().next().is_none() {
        advice.push(
            "If a header says how large a request is, list it as `\"hints\": { \"headers\": [\"x-batch-size\"] }` in the \
             load balancer's config, record again, and compare."
                .to_owned(),
        );
    }
    advice
}

/// Writes a share as a percentage.
fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent.abs() < 9.95 => format!("{percent:.1} %"),
        percent => format!("{percent:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Share;
    use super::*;

    fn source(name: &str, share: f64) -> Source {
        let share = Share { share, error: 0.005 };
        Source { name: name.to_owned(), requests: 900, values: 40, alone: share, beyond: share, law: None }
    }

    fn report_of(told: f64, sources: Vec<Source>) -> CostReport {
        CostReport {
            requests: 1_000,
            timed: 900,
            times: TimeSource::Replay,
            deviation: 1.0,
            told: Share { share: told, error: 0.005 },
            predictor: told,
            sources,
            routes: Vec::new(),
            notes: Vec::new(),
            verdict: String::new(),
            advice: Vec::new(),
        }
    }

    #[test]
    fn what_tells_is_named_in_order_and_the_rest_is_not() {
        let sources = vec![source("route", 0.1), source("query.limit", 0.62), source("query.id", -0.01)];
        let report = report_of(0.734, sources);
        assert_eq!(
            verdict(&report),
            "73 % (± 0.5 %) of the variance of log service times is told: by `query.limit` (62 % beyond the rest) and the \
             route (10 % beyond the rest)."
        );
        let said = advice(&report).join(" ");
        assert!(said.contains("least-predicted-work") && said.contains("x-batch-size"), "{said}");
        assert_eq!(notes(&report, true, 0), Vec::<String>::new());
    }

    #[test]
    fn headers_that_tell_are_listed_and_others_left_out() {
        let sources = vec![source("route", 0.0), source("header.x-batch", 0.5), source("header.x-id", 0.0)];
        let said = advice(&report_of(0.5, sources)).join(" ");
        assert!(said.contains(r#"`"hints": { "headers": ["x-batch"] }`"#), "{said}");
        assert!(said.contains("Leave `x-id` out of `hints.headers`: it tells nothing."), "{said}");
    }

    #[test]
    fn where_nothing_is_told_nothing_is_promised() {
        let report = report_of(0.001, vec![source("route", 0.001), source("query.id", -0.02)]);
        assert!(verdict(&report).starts_with("Nothing is told"));
        let said = advice(&report).join(" ");
        assert!(!said.contains("least-predicted-work") && said.contains("If a header says"), "{said}");
        let several = verdict(&report_of(0.5, vec![source("a", 0.0), source("b", 0.0)]));
        assert!(several.contains("each can take the place of another"), "{several}");
    }

    #[test]
    fn notes_say_what_is_missing() {
        let mut report = report_of(0.5, vec![Source { values: 1, ..source("route", 0.0) }]);
        report.times = TimeSource::Idle;
        report.predictor = 0.1;
        let said = notes(&report, false, 3).join("; ");
        for part in
            ["found their backend idle", "did not listen", "one route only", "3 further hints", "tells 10 %"]
        {
            assert!(said.contains(part), "`{part}` in {said}");
        }
    }
}
