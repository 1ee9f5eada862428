//! Tests of records that are serialised and read back.

use super::*;
use serde_json::json;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_record_reads_back_as_it_was(
        mut samples in prop::collection::vec(any_sample(), 0..100),
        cpu_wait_share in prop::option::of(0.0..1.0f64),
    ) {
        samples.sort_by_key(|sample| sample.done);
        let mut record = record(&[samples], Span::from_millis(3_300));
        record.cpu_wait_share = cpu_wait_share;
        record.unlisted_backends = vec!["x".to_owned()];
        let text = serde_json::to_string(&record).expect("a record is plain data");
        let mut read: TrialRecord = serde_json::from_str(&text).expect("it was just written");
        prop_assert_eq!(&read, &record);
        // A record that was read can be added to, even with latencies beyond those it contains.
        let more = super::record(&[vec![sample(3_999, 3_900_000)]], Span::from_millis(3_300));
        read.absorb(more.clone());
        record.absorb(more);
        prop_assert_eq!(read, record);
    }
}

#[test]
fn times_are_nanoseconds_outcomes_are_names_and_histograms_are_readable_elsewhere() {
    let late = Sample { outcome: Outcome::Timeout, backend: None, ..sample(500, 40) };
    let record = record(&[vec![sample(250, 40), late]], Span::from_secs(1));
    let written = serde_json::to_value(&record).expect("a record is plain data");
    assert_eq!(written["wall"], json!(1_000_000_000));
    assert_eq!(written["last_done"], json!(500_000_000));
    assert_eq!(written["actions"], json!([[0, 0], [], []]));
    let outcomes = written["steps"][0]["outcomes"].as_object().expect("a map");
    assert_eq!(outcomes.keys().collect::<Vec<_>>(), ["ok", "timeout"]);
    let cell = &outcomes["ok"];
    assert_eq!([&cell["count"], &cell["sum_ns"], &cell["bytes"]], [&json!(1), &json!(40_000), &json!(10)]);
    for histogram in [&cell["histogram"], &written["intervals"][0]["histogram"]] {
        let text = histogram.as_str().expect("a string");
        assert!(text.starts_with("HISTE"), "the V2 encoding begins with its cookie: {text}");
    }
}

#[test]
fn a_histogram_that_does_not_fit_is_refused() {
    let record = record(&[vec![sample(250, 40)]], Span::from_secs(1));
    let written = serde_json::to_value(&record).expect("a record is plain data");
    let cases = [
        ("/backends/0/latency/histogram", json!("not base64"), "in V2 encoding"),
        ("/backends/0/latency/histogram", json!("AAAA"), "in V2 encoding"),
        ("/backends/0/latency/count", json!(2), "`count` is 2, but `histogram` counts 1 requests"),
        ("/intervals/0/histogram", json!("AAAA"), "in V2 encoding"),
    ];
    for (place, value, expected) in cases {
        let mut changed = written.clone();
        *changed.pointer_mut(place).expect(place) = value;
        let error = serde_json::from_value::<TrialRecord>(changed).expect_err(place).to_string();
        assert!(error.contains(expected), "{place}: `{error}` should say `{expected}`");
    }
}
