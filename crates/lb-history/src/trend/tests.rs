//! What the page shows, and that it is one page of a size that loads.

use super::*;
use crate::changes::{ChangeOptions, changes};
use crate::metric::MetricName;
use crate::series::Point;
use lb_results::Metric;

fn series(algorithm: &str, metric: Metric, runs: usize, value: impl Fn(usize) -> f64) -> Series {
    let began = jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * 20_000);
    let point = |run: usize| Point {
        run_id: format!("run-{run:04}"),
        started_at: (began + jiff::SignedDuration::from_hours(24 * run as i64)).to_string(),
        subject: format!("<b>{run}"),
        config: "shop.json".to_owned(),
        engine: "live".to_owned(),
        load_balancer: "haproxy".to_owned(),
        trials: 10,
        value: value(run),
        interval: Some([value(run) * 0.98, value(run) * 1.02]),
    };
    Series {
        fingerprint: "0123456789abcdef".to_owned(),
        host: "h".to_owned(),
        scenario: "Check & out".to_owned(),
        algorithm: algorithm.to_owned(),
        metric: MetricName(metric),
        noise_floor: None,
        points: (0..runs).map(point).collect(),
    }
}

fn wave(run: usize) -> f64 {
    80.0 * (1.0 + 0.004 * (run % 3) as f64)
}

fn page_of(series: &[Series]) -> String {
    render_trend("sqlite:h.db", series, &changes(series, &ChangeOptions::default()))
}

#[test]
fn a_change_is_marked_in_the_list_the_chart_and_the_table() {
    let slower = |run: usize| wave(run) * if run < 18 { 1.0 } else { 1.2 };
    let page = page_of(&[
        series("p2c", Metric::P99, 28, slower),
        series("rl", Metric::P99, 28, wave),
        series("p2c", Metric::Goodput, 28, wave),
    ]);
    let parts = [
        "3 series of 28 runs, 1 marked change in sqlite:h.db",
        "<strong>C1</strong> <span class=\"badge bad\">worse</span> p99 of p2c in Check &amp; out: 20.0 % more",
        "shop.json on h",
        "haproxy, 28 runs from 2024-10-04 to 2024-10-31, experiment 01234567",
        "aria-label=\"p99 of p2c, rl over 28 runs: C1 worse. The values are in the table below.\"",
        ">C1</span>",
        "C1 worse</span>",
        "96.00 (94.08 to 97.92)",
        "&lt;b&gt;27",
        "default-src 'none'",
        "prefers-color-scheme: dark",
    ];
    for part in parts {
        assert!(page.contains(part), "`{part}` in {page}");
    }
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
}

#[test]
fn nothing_and_a_single_run_have_a_page_too() {
    assert!(page_of(&[]).contains("Nothing changed"));
    let one = page_of(&[series("p2c", Metric::P99, 1, wave)]);
    assert!(
        one.contains("1 series of 1 run, 0 marked changes") && one.contains("80.00 (78.40 to 81.60)"),
        "{one}"
    );
}

#[test]
fn a_thousand_runs_are_drawn_whole_and_listed_in_part() {
    let all: Vec<Series> = ["a", "b", "c"].map(|name| series(name, Metric::P95, 1_000, wave)).into();
    let page = page_of(&all);
    assert_eq!(page.matches("<tr class=\"plain\">").count(), MOST_ROWS);
    assert!(page.contains("900 earlier runs are in <code>bench history export</code>"), "the rest is named");
    assert!(page.len() < 200_000, "{} bytes", page.len());
}
