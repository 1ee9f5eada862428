//! Load balancers that somebody else runs are driven where they run, believed only for what their replies and
//! choices show, and let alone afterwards.

use crate::common::{Bench, algorithm, number, text};
use crate::users::{self, ALGORITHMS, Users};
use lb_admin_client::Kind;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

/// Both algorithms ran, and replies as well as behaviour say that they did.
fn assert_both_verified(kind: Kind, bench: &Bench, output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{kind}: {}", text(&output.stderr));
    let summary = bench.json("out/summary.json");
    for name in ALGORITHMS {
        let result = algorithm(&summary, name);
        assert_eq!(number(result, "/error_rate"), 0.0, "{kind}: {name}: nothing fails");
        let evidence = &result["switch_evidence"][0];
        for layer in ["control_plane", "header"] {
            assert_eq!(evidence[layer]["verdict"], "confirmed", "{kind}: {name}: {layer}: {evidence}");
        }
        // A busy machine may leave it open.
        let behaviour = evidence["behaviour"]["verdict"].as_str();
        assert!(matches!(behaviour, Some("confirmed" | "not_tested")), "{kind}: {name}: {evidence}");
    }
}

/// The switch is refused for what requests did, not only for what was said.
fn assert_found_out(kind: Kind, output: &Output) {
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{kind}: a switch that is none ends the run: {message}");
    for part in ["claims to run `least-connections` but does not", "behaviour: "] {
        assert!(message.contains(part), "{kind}: the message holds `{part}`: {message}");
    }
}

pub(crate) fn haproxy(kind: Kind) {
    let (users, bench) = (users::haproxy("leastconn"), Bench::new());
    assert_both_verified(kind, &bench, &users.drive(&bench, kind));
    users.end();
}

/// Over TLS, load and probes are sent as without it.
pub(crate) fn secured_haproxy(kind: Kind) {
    let (users, bench) = (users::secured_haproxy(), Bench::new());
    let ca = users.stage.dir.path().join("ca.pem").to_string_lossy().into_owned();
    let output = users.drive_with(&bench, kind, &["--ca", &ca]);
    assert_eq!(output.status.code(), Some(0), "{kind}: {}", text(&output.stderr));
    let summary = bench.json("out/summary.json");
    for name in ALGORITHMS {
        let result = algorithm(&summary, name);
        assert_eq!(number(result, "/error_rate"), 0.0, "{kind}: {name}: nothing fails");
        let opened = number(result, "/connections/opened");
        assert!(opened > 0.0, "{kind}: {name}: users connect");
        assert_eq!(number(result, "/connections/handshakes"), opened, "{kind}: {name}: each over TLS");
        let evidence = &result["switch_evidence"][0];
        for layer in ["control_plane", "header"] {
            assert_eq!(evidence[layer]["verdict"], "confirmed", "{kind}: {name}: {layer}: {evidence}");
        }
        // A busy machine may leave it open.
        let behaviour = evidence["behaviour"]["verdict"].as_str();
        assert!(matches!(behaviour, Some("confirmed" | "not_tested")), "{kind}: {name}: {evidence}");
    }
    std::fs::remove_dir_all(bench.path("out")).expect("a folder");
    let mut wrong = users;
    wrong.url = wrong.url.replace("https://", "http://");
    let output = wrong.drive(&bench, kind);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{kind}: {message}");
    assert!(
        message.contains("the server speaks TLS there, not plain HTTP; use `https://"),
        "{kind}: {message}"
    );
    wrong.end();
}

pub(crate) fn lying_haproxy(kind: Kind) {
    for does in ["roundrobin", "random(1)"] {
        let (users, bench) = (users::haproxy(does), Bench::new());
        assert_found_out(kind, &users.drive(&bench, kind));
        users.end();
    }
}

pub(crate) fn no_socket(kind: Kind) {
    let (mut users, bench) = (users::haproxy("leastconn"), Bench::new());
    let refused = |users: &Users, parts: &[&str]| {
        let output = users.drive(&bench, kind);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{message}");
        for part in parts {
            assert!(message.contains(part), "the message holds `{part}`: {message}");
        }
    };
    // Root may use any socket.
    if !rustix::process::geteuid().is_root() {
        let mode = |mode| std::fs::set_permissions(&users.admin, std::fs::Permissions::from_mode(mode));
        mode(0o000).expect("a socket of ours");
        refused(&users, &[&users.admin, "may write to the socket"]);
        mode(0o600).expect("a socket of ours");
    }
    users.admin = users.stage.dir.path().join("another.sock").to_string_lossy().into_owned();
    refused(&users, &[&users.admin, "No such file", "--admin"]);
    users.admin = "admin.sock".to_owned();
    refused(&users, &["admin.sock", "absolute path"]);
    users.end();
}

pub(crate) fn envoy(kind: Kind) {
    let (users, bench) = (users::envoy(None), Bench::new());
    assert_both_verified(kind, &bench, &users.drive(&bench, kind));
    users.end();
}

pub(crate) fn lying_envoy(kind: Kind) {
    let (users, bench) = (users::envoy(Some("LEAST_REQUESTS")), Bench::new());
    assert_found_out(kind, &users.drive(&bench, kind));
    users.end();
}
