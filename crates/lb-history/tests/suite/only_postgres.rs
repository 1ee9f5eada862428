//! What only a server can do: ask for a password, refuse, go away, and speak TLS.

use crate::program::{Said, program};
use crate::runs::Night;
use crate::server::{PASSWORD, free_port};
use crate::{Place, Test};
use lb_history::{Access, Given, History, HistoryError, Recorded, Trouble};
use std::time::Duration;

pub(crate) const TESTS: [Test; 4] = [
    ("a_server_that_refuses_is_named_without_its_password", refused),
    ("a_server_that_cannot_be_reached_is_given_up", unreachable),
    ("a_server_that_goes_away_loses_nothing", gone),
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
