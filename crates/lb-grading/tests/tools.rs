//! Results as the real tools wrote them, of short runs against an nginx that replies at once: ab 2.3, hey 0.1.4, wrk
//! 4.1.0, autocannon 9.0.0 and Artillery 2.0.34.

use flate2::{Compression, write::GzEncoder};
use lb_grading::{Kind, Stats, Test, analyze};
use std::io::Write as _;
use std::path::{Path, PathBuf};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools").join(name)
}

fn test(path: &Path) -> Test {
    let mut analysis = analyze(path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(analysis.tests.len(), 1, "{} is one test", path.display());
    analysis.tests.remove(0)
}

/// Requests, failures, p50, p95, p99 and requests per second.
type Figures = (Option<u64>, Option<u64>, [Option<f64>; 3], Option<f64>);

fn figures(stats: &Stats) -> Figures {
    (stats.total_requests, stats.total_failures, [stats.p50, stats.p95, stats.p99], stats.rps)
}

/// The same where requests, failures and the rate are known.
type Expected = (u64, u64, [Option<f64>; 3], f64);

#[test]
fn each_tool_s_own_output_is_read() {
    let table: [(&str, Kind, Expected); 7] = [
        ("ab.txt", Kind::Ab, (500, 0, [Some(0.0), Some(1.0), Some(4.0)], 10_337.63)),
        ("ab-404.txt", Kind::Ab, (100, 100, [None; 3], 8_246.74)),
        ("hey.txt", Kind::Hey, (300, 0, [Some(0.1), Some(0.8), Some(3.6)], 17_483.503_7)),
        ("hey-404.txt", Kind::Hey, (100, 100, [None; 3], 16_576.526_3)),
        ("wrk.txt", Kind::Wrk, (61_217, 0, [Some(0.091), None, Some(8.9)], 30_594.30)),
        ("autocannon.json", Kind::Autocannon, (68_315, 0, [Some(0.0), None, Some(5.0)], 34_164.0)),
        ("artillery.json", Kind::Artillery, (60, 30, [Some(0.0), Some(1.0), Some(1.0)], 21.0)),
    ];
    for (name, kind, (requests, failures, percentiles, rps)) in table {
        let test = test(&file(name));
        assert_eq!(test.kind, kind, "{name}");
        let rounded = |value: Option<f64>| value.map(|value| (value * 1e4).round() / 1e4);
        let (found_requests, found_failures, found_percentiles, found_rps) = figures(&test.summary);
        assert_eq!((found_requests, found_failures), (Some(requests), Some(failures)), "{name}");
        assert_eq!(found_percentiles.map(rounded), percentiles, "{name}");
        assert_eq!(rounded(found_rps), Some(rps), "{name}");
    }
}

#[test]
fn a_list_of_requests_of_hey_gives_every_percentile() {
    let stats = test(&file("hey.csv")).summary;
    assert_eq!((stats.total_requests, stats.total_failures), (Some(39), Some(0)));
    let found = stats.avg_response_time.expect("a mean");
    assert!((found - 0.325_641).abs() < 1e-5, "39 requests took {found} ms on average");
}

#[test]
fn autocannon_s_least_time_above_zero_is_not_the_minimum() {
    let stats = test(&file("autocannon.json")).summary;
    assert_eq!((stats.min_response_time, stats.p50, stats.max_response_time), (None, Some(0.0), Some(16.0)));
}

#[test]
fn results_that_gzip_compressed_are_read_like_others_and_damaged_ones_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("hey.csv.gz");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&std::fs::read(file("hey.csv")).expect("the results")).expect("compressed");
    let compressed = encoder.finish().expect("compressed");
    std::fs::write(&path, &compressed).expect("a file");
    assert_eq!(figures(&test(&path).summary), figures(&test(&file("hey.csv")).summary));

    let mut damaged = compressed;
    damaged[20..40].fill(0xff);
    std::fs::write(&path, damaged).expect("a file");
    let error = analyze(&path).expect_err("damaged").to_string();
    assert!(error.contains("hey.csv.gz") && error.contains("damaged"), "{error}");
}
