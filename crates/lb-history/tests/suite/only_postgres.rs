//! What only a server can do: ask for a password, refuse, go away, and speak TLS.

use crate::program::{Said, program};
use crate::runs::Night;
use crate::server::{PASSWORD, free_port};
use crate::{PATIENT, Place, Test};
use lb_history::{Access, Given, History, HistoryError, Recorded, RunFilter, Trouble};
use rustix::process::{Pid, Signal, kill_process};
use std::time::Duration;

pub(crate) const TESTS: [Test; 6] = [
    ("a_server_that_refuses_is_named_without_its_password", refused),
    ("a_server_that_cannot_be_reached_is_given_up", unreachable),
    ("a_server_that_goes_away_loses_nothing", gone),
    ("a_statement_that_takes_too_long_is_ended_and_named", slow),
    ("a_server_that_falls_silent_is_given_up", silent),
    ("tls_needs_an_authority_that_is_trusted", tls),
];

/// Returns a URL of the test's database through its port.
fn by_port(place: &Place, password: &str, database: Option<&str>, query: &str) -> String {
    let port = place.server.as_ref().expect("a server").port;
    let own = place.url.split_once("/d").and_then(|(_, rest)| rest.split('?').next()).expect("a database");
    let database = database.map_or_else(|| format!("d{own}"), str::to_owned);
    format!("postgres://bench:{password}@127.0.0.1:{port}/{database}?{query}")
}

fn failure(url: &str) -> (Trouble, String) {
    let wait = Duration::from_secs(20);
    match History::open(&url.parse().expect("a URL"), Access::Create, wait) {
        Err(error @ HistoryError::Database { .. }) => {
            let message = error.to_string();
            let HistoryError::Database { trouble, .. } = error else { unreachable!("it was matched") };
            (trouble, message)
        }
        other => panic!("{url} is no such history: {other:?}"),
    }
}

fn refused(place: &Place) {
    let (trouble, message) = failure(&by_port(place, "wrong-word", None, "sslmode=disable"));
    assert!(matches!(trouble, Trouble::Refused(_)), "{trouble:?}");
    assert!(
        message.contains("bench:***@127.0.0.1") && message.contains("password authentication failed"),
        "{message}"
    );
    assert!(!message.contains("wrong-word"), "{message}");
    let (trouble, message) = failure(&by_port(place, PASSWORD, Some("nothing"), "sslmode=disable"));
    assert!(matches!(trouble, Trouble::Refused(_)), "{trouble:?}");
    assert!(message.contains("database \"nothing\" does not exist"), "{message}");
    let (_, message) = failure(&by_port(place, PASSWORD, None, "sslrootcert=x"));
    assert!(
        message.contains("sslrootcert") && message.contains("use `postgres://USER@HOST/DATABASE`"),
        "{message}"
    );
}

fn unreachable(_: &Place) {
    let (trouble, message) = failure(&format!("postgres://bench@127.0.0.1:{}/bench", free_port()));
    assert!(matches!(trouble, Trouble::Unreachable(_)), "{trouble:?}");
    assert!(message.contains("cannot be reached") && message.contains("refused"), "{message}");
    // It accepts and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = silent.local_addr().expect("an address").port();
    let url = format!("postgres://bench@127.0.0.1:{port}/bench").parse().expect("a URL");
    let error = History::open(&url, Access::Create, Duration::from_millis(200)).expect_err("nobody answers");
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}

fn gone(place: &Place) {
    let mut history = place.open();
    place.record(&mut history, &Night::new(1));
    let run = place.run(&Night::new(2));
    place.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name = 'bench-history' AND datname = current_database()",
    );
    let error = history.record(&run, &Given::default()).expect_err("its connection is gone");
    assert!(matches!(&error, HistoryError::Database { trouble: Trouble::Gone(_), .. }), "{error}");
    assert!(
        error.to_string().contains("went away: ") && error.to_string().contains("repeat the command"),
        "{error}"
    );
    assert_eq!(
        place.open().record(&run, &Given::default()).ok(),
        Some(Recorded::New),
        "later it is recorded"
    );
}

/// Opens the history with a short limit for statements.
fn hasty(place: &Place) -> History {
    drop(place.open());
    let url = format!("{}&options=-c%20statement_timeout%3D300", place.url);
    History::open(&url.parse().expect("a URL"), Access::Create, PATIENT).expect("it answers")
}

fn trouble(history: &mut History, place: &Place) -> (Trouble, String) {
    let run = place.run(&Night::new(1));
    let error = history.record(&run, &Given::default()).expect_err("it cannot be recorded");
    let message = error.to_string();
    match error {
        HistoryError::Database { trouble, .. } => (trouble, message),
        other => panic!("{other}"),
    }
}

fn slow(place: &Place) {
    let mut history = hasty(place);
    let mut other = postgres::Client::connect(&place.url, postgres::NoTls).expect("it listens");
    other.batch_execute("BEGIN; LOCK TABLE bench_runs").expect("nobody else writes");
    let (trouble, message) = trouble(&mut history, place);
    assert_eq!(trouble, Trouble::Slow(Duration::from_millis(300)));
    assert!(
        message.contains("took longer than 0.3 s over a statement") && message.contains("repeat the command"),
        "{message}"
    );
    other.batch_execute("ROLLBACK").expect("it is free again");
    let run = place.run(&Night::new(1));
    assert_eq!(history.record(&run, &Given::default()).ok(), Some(Recorded::New), "and then it works");
}

/// A process that is stopped until this is dropped.
struct Stopped(Pid);

impl Stopped {
    fn now(process: Pid) -> Self {
        kill_process(process, Signal::STOP).expect("it is ours");
        Self(process)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::CONT);
    }
}

fn silent(place: &Place) {
    let mut history = hasty(place);
    let mut other = postgres::Client::connect(&place.url, postgres::NoTls).expect("it listens");
    let backend = "SELECT pid FROM pg_stat_activity WHERE application_name = 'bench-history' \
                   AND datname = current_database() ORDER BY backend_start DESC LIMIT 1";
    let pids: Vec<i32> = other.query(backend, &[]).expect("rows").iter().map(|row| row.get(0)).collect();
    let process = pids.first().copied().and_then(Pid::from_raw).expect("its backend");
    let stopped = Stopped::now(process);
    let (trouble, message) = trouble(&mut history, place);
    // A second question does not wait again.
    let again = history.runs(&RunFilter::default()).expect_err("nobody is asked").to_string();
    drop(stopped);
    assert!(matches!(trouble, Trouble::Silent(_)), "{trouble:?}");
    for message in [&message, &again] {
        assert!(message.contains("did not answer for 5.3 s, although the connection stands"), "{message}");
    }
    // Its transaction ends with the connection.
    drop(history);
    let run = place.run(&Night::new(1));
    assert_eq!(
        place.open().record(&run, &Given::default()).ok(),
        Some(Recorded::New),
        "later it is recorded"
    );
}

fn tls(place: &Place) {
    let url = by_port(place, PASSWORD, None, "sslmode=require");
    let folder = Night::new(1).write(&place.path("results"));
    let import = |authority: &std::path::Path| -> Said {
        let mut command = program(place);
        command.env("SSL_CERT_FILE", authority).args(["import", "--history", &url]).arg(&folder);
        Said::of(command)
    };
    let server = place.server.as_ref().expect("a server");
    let trusted = import(&server.authority());
    assert_eq!(trusted.code, Some(0), "{trusted:?}");
    assert!(trusted.out.contains("1 recorded") && !trusted.out.contains(PASSWORD), "{trusted:?}");

    let key = rcgen::KeyPair::generate().expect("a key");
    let other = rcgen::CertificateParams::default().self_signed(&key).expect("a certificate");
    std::fs::write(place.path("other.pem"), other.pem()).expect("a file");
    let doubted = import(&place.path("other.pem"));
    assert_eq!(doubted.code, Some(3), "{doubted:?}");
    assert!(
        doubted.err.contains("TLS failed: ") && doubted.err.contains("with SSL_CERT_FILE"),
        "{doubted:?}"
    );
}
