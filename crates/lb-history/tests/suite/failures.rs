//! What a history refuses, on either database: nothing is lost, and the message says what to do.

use crate::runs::Night;
use crate::{Place, Test};
use lb_history::{Given, HistoryError, Recorded, RunFilter, Trouble};
use lb_results::{ResultsFolder, write_summary};
use std::time::Duration;

pub(crate) const TESTS: [Test; 5] = [
    ("a_history_of_a_newer_schema_is_refused_and_left_alone", newer),
    ("a_history_of_an_older_schema_is_brought_up_to_date_and_keeps_its_runs", older),
    ("a_locked_history_is_waited_for_and_then_named", locked),
    ("a_run_that_cannot_be_recorded_whole_is_not_recorded_at_all", whole),
    ("a_folder_without_a_run_is_refused", folders),
];

fn newer(place: &Place) {
    drop(place.open());
    place.sql("INSERT INTO bench_schema (version, applied_at) VALUES (99, 'tomorrow')");
    let error = place.try_open(Duration::from_secs(10)).expect_err("it is newer");
    assert!(matches!(error, HistoryError::Newer { found: 99, known: 2, .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.contains("has schema version 99") && message.contains("use the version that wrote it"),
        "{message}"
    );
    place.sql("DELETE FROM bench_schema WHERE version = 99");
    assert_eq!(place.open().runs(&RunFilter::default()).ok(), Some(Vec::new()), "nothing was changed");
}

fn older(place: &Place) {
    let night = Night::new(1);
    let run = place.run(&night);
    place.record(&mut place.open(), &night);
    place.sql(
        "ALTER TABLE bench_runs DROP COLUMN verdict; ALTER TABLE bench_runs DROP COLUMN findings; \
         DELETE FROM bench_schema WHERE version > 1",
    );
    let mut history = place.open();
    let runs = history.runs(&RunFilter::default()).expect("runs");
    assert_eq!((runs.len(), runs[0].verdict.as_str(), runs[0].findings.as_str()), (1, "", "[]"));
    assert_eq!(history.record(&run, &Given::default()).ok(), Some(Recorded::Unchanged), "nothing was lost");
}

fn locked(place: &Place) {
    drop(place.open());
    let run = place.run(&Night::new(1));
    let wait = Duration::from_millis(100);
    let mut history = place.try_open(wait).expect("reading is allowed");
    let refused = {
        let _writer = Writer::begin(place);
        history.record(&run, &Given::default()).expect_err("another program writes")
    };
    assert!(matches!(&refused, HistoryError::Database { trouble: Trouble::Locked(_), .. }), "{refused}");
    let message = refused.to_string();
    assert!(message.contains("is locked by another program, and was for 0.1 s"), "{message}");
    assert_eq!(history.record(&run, &Given::default()).ok(), Some(Recorded::New), "and then it is free");
}

/// Another program in the middle of a transaction, until it is dropped.
enum Writer {
    Sqlite { _connection: rusqlite::Connection },
    Postgres { _client: Box<postgres::Client> },
}

impl Writer {
    fn begin(place: &Place) -> Self {
        match place.url.strip_prefix("sqlite:") {
            Some(path) => {
                let connection = rusqlite::Connection::open(path).expect("a file");
                connection.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
                Self::Sqlite { _connection: connection }
            }
            None => {
                let mut client = postgres::Client::connect(&place.url, postgres::NoTls).expect("it listens");
                client.batch_execute("BEGIN; LOCK TABLE bench_runs").expect("nobody else writes");
                Self::Postgres { _client: Box::new(client) }
            }
        }
    }
}

fn whole(place: &Place) {
    let mut history = place.open();
    place.record(&mut history, &Night::new(1));
    // Two trials of the same name, which no `bench` writes, break the run after its first rows were written.
    let mut summary = Night { level: 90.0, ..Night::new(1) }.summary();
    let trial = summary.scenarios[0].trials[3].clone();
    summary.scenarios[0].trials.push(trial);
    let folder = ResultsFolder::create(&place.path("broken")).expect("a folder");
    write_summary(&folder, &summary).expect("a summary");
    let run = crate::read(folder.path());
    let error = history.record(&run, &Given::default()).expect_err("it has a trial twice");
    assert!(matches!(&error, HistoryError::Database { trouble: Trouble::Other(_), .. }), "{error}");
    let runs = history.runs(&RunFilter::default()).expect("the connection still works");
    assert_eq!(runs.len(), 1, "the run of before is still there");
    let details = history.details("night-0001").expect("the run");
    assert_eq!(details.trials.len(), 14, "with all that it had");
}

fn folders(place: &Place) {
    let missing = lb_history::Run::read(&place.path("nowhere")).expect_err("there is none").to_string();
    assert!(
        missing.contains("no results in") && missing.contains("give the folder of a finished run"),
        "{missing}"
    );
    let night = Night::new(1);
    let folder = night.write(&place.path("results"));
    std::fs::write(folder.join("hlog/peak-load-p2c.hlog"), "nonsense\n").expect("a file");
    let broken = lb_history::Run::read(&folder).expect_err("its log is broken").to_string();
    assert!(broken.contains("peak-load-p2c.hlog` is broken: row 1"), "{broken}");
    let mut summary = night.summary();
    summary.started_at = "yesterday".to_owned();
    let folder = ResultsFolder::create(&place.path("odd")).expect("a folder");
    write_summary(&folder, &summary).expect("a summary");
    let odd = lb_history::Run::read(folder.path()).expect_err("it began at no time").to_string();
    assert!(odd.contains("says that it began at `yesterday`, which is no time"), "{odd}");
}
