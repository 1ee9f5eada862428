//! What calibration reads of Parquet traces.

mod trace_files;

use lb_core::policy::learned::{FEATURES, WIDTH};
use lb_core::{Span, Time};
use rl_trainer::traces::{End, Traces};
use std::path::Path;
use trace_files::{Row, write};

fn read(folder: &Path) -> Traces {
    Traces::read(folder, None).expect("traces")
}

#[test]
fn a_row_is_an_exchange_by_ids_of_backends_and_names_of_routes() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut rows: Vec<Row> = (0..6).map(Row::usual).collect();
    rows[1].route = "POST /shop/api/cart".to_owned();
    rows[1].balancer = 7;
    for (row, error) in [(2, "5xx"), (3, "timeout"), (4, "connection")] {
        rows[row].error = Some(error);
    }
    rows[5].censored = true;
    rows[5].error = None;
    rows[5].latency_us = None;
    rows.reverse();
    write(&folder.path().join("trial.parquet"), &rows, 4, &[]);
    let traces = read(folder.path());
    assert_eq!(traces.backends, ["b1", "b2", "b3"]);
    assert_eq!(traces.routes, ["POST /shop/api/cart", "GET /shop/api/item/{}"], "fixed paths come first");
    let [episode] = traces.episodes.as_slice() else { panic!("one recording is one episode") };
    assert_eq!((episode.run.as_str(), episode.policy.as_str()), ("run", "least-connections"));
    assert_eq!(episode.balancers, 2);
    let first = &episode.exchanges[0];
    assert_eq!((first.sent, first.latency), (Time::ZERO, Some(Span::from_millis(1))), "sorted by time");
    let ends: Vec<End> = episode.exchanges.iter().map(|exchange| exchange.end).collect();
    let all = [End::Served, End::Served, End::Failed, End::TimedOut, End::Disconnected, End::Censored];
    assert_eq!(ends, all);
    let backends: Vec<u16> = episode.exchanges.iter().map(|exchange| exchange.backend).collect();
    assert_eq!(backends, [0, 1, 2, 0, 1, 2]);
    assert_eq!(episode.exchanges[1].route, 0);
    assert_eq!(episode.exchanges[5].latency, None, "nobody knows");
}

#[test]
fn each_recording_is_an_episode_and_its_parts_are_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: Vec<Row> = (0..30).map(Row::usual).collect();
    write(&folder.path().join("one.parquet"), &rows, 100, &[]);
    write(&folder.path().join("two.partial-000.parquet"), &rows[..20], 100, &[]);
    write(&folder.path().join("two.partial-001.parquet"), &rows[20..], 100, &[]);
    let traces = read(folder.path());
    let lengths: Vec<usize> = traces.episodes.iter().map(|episode| episode.exchanges.len()).collect();
    assert_eq!(lengths, [30, 30], "what a crash left in two parts is one recording");
}

#[test]
fn weights_come_from_the_features_of_backends_that_could_be_picked() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = FEATURES.iter().position(|name| *name == "log_weight_vs_pool").expect("a feature");
    let mut rows: Vec<Row> = (0..9).map(Row::usual).collect();
    for row in &mut rows {
        for (backend, weight) in [1.0f32, 2.0, 99.0].into_iter().enumerate() {
            row.features[backend * WIDTH + place] = weight.ln();
        }
        row.mask[2] = false;
        row.action %= 2;
    }
    write(&folder.path().join("trial.parquet"), &rows, 100, &[]);
    assert_eq!(read(folder.path()).weights, [1.0, 2.0, 1.0], "of the third nothing is known");
}

#[test]
fn of_several_pools_one_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut rows: Vec<Row> = (0..40).map(Row::usual).collect();
    for row in rows.iter_mut().skip(20) {
        row.balancer = 1;
        row.backends = 2;
        row.first_backend = 11;
        row.features.truncate(2 * 21);
        row.mask.truncate(2);
        row.action %= 2;
        row.route = "GET /depot/api".to_owned();
    }
    write(&folder.path().join("trial.parquet"), &rows, 100, &[]);
    let error = Traces::read(folder.path(), None).expect_err("which pool?").to_string();
    assert!(error.contains("2 pools that have no backend in common (b1 b2 b3; b11 b12)"), "{error}");
    let traces = Traces::read(folder.path(), Some("b12")).expect("the second pool");
    assert_eq!((traces.len(), traces.backends), (20, vec!["b11".to_owned(), "b12".to_owned()]));
    assert_eq!(traces.routes, ["GET /depot/api"], "routes of other pools are left out");
}
