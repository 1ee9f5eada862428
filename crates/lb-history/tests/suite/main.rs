//! One suite for both databases: every test runs on a file of SQLite, and again on a PostgreSQL server that the tests start.
//!
//! Where PostgreSQL is not installed, its half is reported as ignored, which the standard test harness could not decide at run
//! time; where `BENCH_REQUIRE_LOAD_BALANCERS` is set, it runs, and fails for want of the program. `cargo xtask test --install`
//! installs it.

mod both;
mod failures;
mod only_postgres;
mod only_sqlite;
mod program;
mod runs;
mod server;

use lb_history::{Access, Given, History, HistoryError, Recorded, Run};
use libtest_mimic::{Arguments, Failed, Trial};
use runs::Night;
use server::Server;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Set where no program may be missing.
const REQUIRED: &str = "BENCH_REQUIRE_LOAD_BALANCERS";

/// A test with its name.
type Test = (&'static str, fn(&Place));

/// Longer than anything takes unless it hangs.
const PATIENT: Duration = Duration::from_secs(60);

/// An empty history for one test, and a folder for its runs.
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) dir: tempfile::TempDir,
    /// The server, where it is one.
    pub(crate) server: Option<Arc<Server>>,
}

impl Place {
    fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        Self { url: format!("sqlite:{}", dir.path().join("history.db").display()), dir, server: None }
    }

    fn postgres(server: Arc<Server>) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        Self { url: server.database(), dir, server: Some(server) }
    }

    /// Opens the history, or makes it.
    pub(crate) fn open(&self) -> History {
        self.try_open(PATIENT).expect("it can be opened")
    }

    pub(crate) fn try_open(&self, wait: Duration) -> Result<History, HistoryError> {
        History::open(&self.url.parse().expect("a URL"), Access::Create, wait)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes the run of a night.
    pub(crate) fn run(&self, night: &Night) -> Run {
        read(&night.write(&self.path("results")))
    }

    /// Writes and records the run of a night, tested as its number.
    pub(crate) fn record(&self, history: &mut History, night: &Night) -> Recorded {
        let given = Given { subject: Some(format!("c{}", night.number)), ..Given::default() };
        history.record(&self.run(night), &given).expect("it can be recorded")
    }

    /// Runs statements on the database, past the library.
    pub(crate) fn sql(&self, statements: &str) {
        match self.url.strip_prefix("sqlite:") {
            Some(path) => rusqlite::Connection::open(path)
                .and_then(|connection| connection.execute_batch(statements))
                .expect("SQLite takes it"),
            None => postgres::Client::connect(&self.url, postgres::NoTls)
                .and_then(|mut client| client.batch_execute(statements))
                .expect("PostgreSQL takes it"),
        }
    }
}

pub(crate) fn read(folder: &Path) -> Run {
    Run::read(folder).expect("a run")
}

fn main() -> ExitCode {
    let is_there = server::programs().is_some();
    if !is_there {
        eprintln!("there is no PostgreSQL here; `cargo xtask test --install` installs it");
    }
    let ignored = !is_there && std::env::var_os(REQUIRED).is_none();
    // One server for all tests, started by the first that needs it, and ended after the last one.
    let server: Arc<Mutex<Option<Arc<Server>>>> = Arc::default();
    let mut trials = Vec::new();
    let on_sqlite =
        both::TESTS.iter().chain(&failures::TESTS).chain(&program::TESTS).chain(&only_sqlite::TESTS);
    for (name, test) in on_sqlite.copied() {
        trials.push(trial(&format!("sqlite::{name}"), move || test(&Place::sqlite())));
    }
    let on_postgres =
        both::TESTS.iter().chain(&failures::TESTS).chain(&program::TESTS).chain(&only_postgres::TESTS);
    for (name, test) in on_postgres.copied() {
        let server = Arc::clone(&server);
        let started = move || {
            let mut server = server.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            Arc::clone(server.get_or_insert_with(|| Arc::new(Server::start())))
        };
        let one = trial(&format!("postgres::{name}"), move || test(&Place::postgres(started())));
        trials.push(one.with_ignored_flag(ignored));
    }
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    drop(server);
    conclusion.exit_code()
}

fn trial(name: &str, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || -> Result<(), Failed> {
        test();
        Ok(())
    })
}
