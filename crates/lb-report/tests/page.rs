//! Tests the page and the console of a run that exercises every feature.

#[path = "../../../harness/tests/formats/sample.rs"]
#[allow(dead_code, reason = "the tests of formats use more of it")]
mod sample;

use lb_report::{Detail, render_html, render_summary};
use lb_results::{Metric, ScenarioSummary, SeriesPoint, Summary};

/// The maximum size of a page, in bytes.
const LARGEST: usize = 1_500_000;

/// Returns a large run: eight algorithms, ten backends, the longest series. Replies are not told apart by a header, as a run
/// about a cache does, which compares few algorithms.
fn large() -> Summary {
    let mut summary = sample::summary();
    let scenario = &mut summary.scenarios[0];
    let first = scenario.algorithms[0].clone();
    scenario.algorithms = (0..8)
        .map(|number| {
            let mut algorithm = first.clone();
            algorithm.name = format!("algorithm-{number}");
            algorithm.observed = None;
            let backend = algorithm.backends[0].clone();
            algorithm.backends = (0..10)
                .map(|place| lb_results::BackendSummary { id: format!("backend-{place}"), ..backend.clone() })
                .collect();
            let point = algorithm.series[3].clone();
            algorithm.series = (0..300)
                .map(|second| SeriesPoint {
                    at_s: 0.4 * f64::from(second),
                    length_s: 0.4,
                    p95_ms: Some(100.0 + f64::from((second * 37 + number) % 91)),
                    shares: vec![0.1; 10],
                    ..point.clone()
                })
                .collect();
            algorithm
        })
        .collect();
    summary.scenarios = vec![summary.scenarios[0].clone(); 3];
    summary
}

/// Returns the values of an attribute.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    page.split(&start).skip(1).map(|rest| &rest[..rest.find('"').expect("a quoted value")]).collect()
}

#[test]
fn the_page_needs_no_script_and_no_network_and_is_small() {
    for summary in [sample::summary(), large()] {
        let page = render_html(&summary);
        assert!(page.len() <= LARGEST, "the page weighs {} bytes", page.len());
        for banned in ["<script", "javascript:", "url(", "@import", "http://", "https://", "NaN", "inf%"] {
            assert!(!page.contains(banned), "the page has `{banned}`");
        }
        let ids = values(&page, "id");
        for id in &ids {
            assert_eq!(ids.iter().filter(|other| other == &id).count(), 1, "the id {id} comes once");
        }
        for target in values(&page, "href") {
            let id = target.strip_prefix('#').expect("links stay on the page");
            assert!(ids.contains(&id), "the link to {id} leads somewhere");
        }
    }
}

#[test]
fn the_answer_and_its_chart_come_before_everything_else() {
    let mut summary = sample::summary();
    summary.scenarios.truncate(1);
    let page = render_html(&summary);
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("the page has `{text}`"));
    assert!(
        at("<h1 id=\"answer-title\">Take least-connections or p2c+ejection</h1>") < at("class=\"picture\"")
    );
    assert!(at("The p95 latency of least-connections is 37 % lower") < at("<nav"));
    let chart = &page[at("class=\"picture\"")..at("<nav")];
    assert!(chart.contains("178.0 [172.7, 183.3]"), "the chart shows the estimate: {chart}");
    let best = chart.find("best</span>").expect("the best is marked");
    assert!(best < chart.find("round-robin").expect("others follow"), "the best comes first");
    assert!(!page[at("<h1")..at("</h1>")].contains(&summary.run_id), "the name of the run is small print");
}

#[test]
fn table_chart_and_sentences_tell_the_same_number() {
    let mut summary = sample::summary();
    summary.scenarios.truncate(1);
    let scenario = &mut summary.scenarios[0];
    // The pooled values differ from the estimates.
    for algorithm in &mut scenario.algorithms {
        if let Some(latency) = &mut algorithm.latency_ms {
            latency.p95 = 7_777.7;
        }
    }
    let estimate = |scenario: &ScenarioSummary| {
        let estimates = &scenario.algorithms[1].estimates;
        estimates.iter().find(|one| one.metric == Metric::P95).expect("p95 is estimated").estimate
    };
    let shown = format!("{:.1} [", estimate(scenario));
    let page = render_html(&summary);
    assert!(!page.contains("7777.7"), "the pooled percentile stands nowhere beside the estimate");
    assert!(page.matches(&shown).count() >= 3, "chart and table show {shown}");
}

#[test]
fn what_is_folded_is_counted_and_code_is_code() {
    let mut summary = sample::summary();
    summary.scenarios.truncate(1);
    let page = render_html(&summary);
    assert!(page.contains("3 pairs of algorithms: 2 in which one is better; 1 undecided"), "{page}");
    assert!(page.contains("<code>request_jitter</code> has no effect here"), "backticks are code");
    assert!(!page.contains("0 test"), "nothing is said of no tests");
    assert!(page.contains("Exploratory metrics"), "other metrics are set apart");
    let rows = page.matches("best possible (simulated)</th>").count();
    assert_eq!(rows, 1, "bounds are one row");
}

#[test]
fn a_run_with_too_few_blocks_says_so_at_the_top() {
    let mut summary = sample::summary();
    summary.scenarios.truncate(1);
    let answer = summary.scenarios[0].answer.as_mut().expect("an answer");
    answer.beaten.clear();
    answer.title = "No answer yet".to_owned();
    answer.sentences = vec![
        "1 block cannot tell a difference from noise; a verdict needs at least 6 blocks (--repetitions 6)."
            .to_owned(),
    ];
    let page = render_html(&summary);
    let top = &page[..page.find("<nav").expect("contents")];
    assert!(top.contains("<h1 id=\"answer-title\">No answer yet</h1>"), "{top}");
    assert!(top.contains("<code>--repetitions</code> 6") && !top.contains("badge good"), "{top}");
}

#[test]
fn the_brief_console_fits_80_columns_and_the_full_one_has_every_table() {
    for summary in [sample::summary(), large()] {
        let brief = render_summary(&summary, Detail::Brief);
        for line in brief.lines() {
            assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
        }
        assert!(!brief.contains("Slowest requests by") && brief.contains("--verbose"), "{brief}");
        let full = render_summary(&summary, Detail::Full);
        for part in ["Throughput (req/s)", "P95 Latency (ms)", "Jain's index", "Slowest requests", "Verdicts"]
        {
            assert!(full.contains(part), "the full report has `{part}`: {full}");
        }
    }
    let brief = render_summary(&sample::summary(), Detail::Brief);
    let at = |text: &str| brief.find(text).unwrap_or_else(|| panic!("`{text}` is in {brief}"));
    assert!(at("Take least-connections") < at("> least-connections"), "the answer comes first: {brief}");
    assert!(at("> least-connections") < at("  round-robin  "), "the best comes first: {brief}");
}
