//! Visitors of Online Boutique through a HAProxy and an nginx at `/` that somebody else started, measured as they are:
//! pages, forms, cookies and redirects get through, and carts stay with their users.

use crate::common::{Bench, algorithm, free_port, number, text};
use crate::processes::wait_for;
use crate::stage::{Stage, installed};
use harness::testbed::Child;
use lb_admin_client::Kind;
use lb_core::topology::Topology;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::net::TcpStream;

/// The replicas of the shop.
const IDS: [&str; 3] = ["f1", "f2", "f3"];

/// Three quick replicas that share the carts.
fn topology() -> Topology {
    let topology = json!({
        "name": "boutique",
        "pools": [{ "name": "frontend", "services": ["boutique"], "backends": IDS.map(|id| json!({ "id": id })) }],
        "service_time": { "distribution": "constant", "mean_ms": 2.0 }
    });
    serde_json::from_value(topology).expect("a topology")
}

/// What `bench` said and found of the shop at `url`.
struct Measured {
    printed: String,
    summary: Value,
}

fn measure(url: &str) -> Measured {
    let bench = Bench::new();
    let config = json!({
        "scenarios": [{
            "name": "shop", "duration_minutes": 0.08, "concurrent_users": 12, "ramp_up_time_seconds": 0
        }],
        "bench": {
            "journey": "online_boutique", "think_time_s": [0.01, 0.04], "actions_per_session": [60, 90],
            "algorithms": ["round-robin"], "repetitions": 1, "warm_up_s": 0, "cool_down_s": 0
        }
    });
    let config = bench.config("boutique.json", &config);
    let output = bench.run(&["--config", &config, "--url", url, "--label", "shop", "--out", "out"]);
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{printed}{}", text(&output.stderr));
    Measured { printed, summary: bench.json("out/summary.json") }
}

impl Measured {
    fn result(&self) -> &Value {
        algorithm(&self.summary, "shop")
    }

    /// The note about users that are kept where they are.
    fn pinning(&self) -> Option<&str> {
        let notes = self.summary["notes"].as_array().expect("notes");
        notes.iter().filter_map(Value::as_str).find(|note| note.contains("users are kept where they are"))
    }

    /// All kinds of requests were sent, and each reply was as its check demands: a cart page that named another
    /// session, or not the product just added, would be an error.
    fn assert_carts_stay_with_their_users(&self) {
        let result = self.result();
        assert_eq!(number(result, "/error_rate"), 0.0, "{}", result["outcomes"]);
        let actions = result["actions"].as_array().expect("rows");
        let sent = |name: &str| {
            let row = actions.iter().find(|row| row["name"] == name);
            row.map_or(0.0, |row| number(row, "/requests"))
        };
        for name in [
            "enter",
            "set_currency (redirect)",
            "add_to_cart (redirect)",
            "view_cart",
            "check_out",
            "empty_cart (redirect)",
            "log_out (redirect)",
        ] {
            assert!(sent(name) > 0.0, "{name} was sent: {actions:?}");
        }
        assert_eq!(sent("add_to_cart"), sent("add_to_cart (redirect)"), "each form leads to the cart");
        let backends = result["backends"].as_array().expect("backends");
        let served = backends.iter().filter(|backend| number(backend, "/share") > 0.0).count();
        assert_eq!(served, IDS.len(), "the users meet all replicas: {backends:?}");
    }
}

/// Starts a program with this configuration before the replicas, measures at `http://listen`, and ends it.
fn through(kind: Kind, configuration: impl Fn(&Stage, &str) -> String, args: &[&str]) -> Measured {
    let stage = Stage::with(&topology());
    let dir = stage.dir.path();
    let listen = format!("127.0.0.1:{}", free_port());
    std::fs::write(dir.join("program.conf"), configuration(&stage, &listen)).expect("a file can be written");
    let args: Vec<OsString> = args.iter().map(OsString::from).collect();
    let process = {
        let _inside = stage.runtime.enter();
        let log = dir.join("program.log");
        Child::start_program(kind.name(), &installed(kind).program, &args, &[], dir, [&log; 2])
    };
    let mut process = process.expect("the program starts");
    wait_for("it to listen", || TcpStream::connect(&listen).ok());
    let measured = measure(&format!("http://{listen}"));
    process.check().expect("what somebody else started is let alone");
    stage.runtime.block_on(process.stop());
    stage.end(None);
    measured
}

fn through_haproxy(kind: Kind, cookie: &str) -> Measured {
    let configuration = |stage: &Stage, listen: &str| {
        let mark = |id: &str| if cookie.is_empty() { String::new() } else { format!(" cookie {id}") };
        let server = |id: &str| format!("    server {id} {}{}\n", stage.address(id), mark(id));
        let servers = IDS.map(server).concat();
        format!(
            "defaults
    mode http
    timeout connect 3s
    timeout client 20s
    timeout server 20s
frontend www
    bind {listen}
    default_backend shop
backend shop
    balance roundrobin
{cookie}{servers}"
        )
    };
    through(kind, configuration, &["-db", "-f", "program.conf"])
}

pub(crate) fn haproxy(kind: Kind) {
    let measured = through_haproxy(kind, "");
    measured.assert_carts_stay_with_their_users();
    assert_eq!(measured.pinning(), None, "each request goes to the next replica");
}

pub(crate) fn sticky_haproxy(kind: Kind) {
    let measured = through_haproxy(kind, "    cookie SRV insert indirect nocache\n");
    measured.assert_carts_stay_with_their_users();
    let note = measured.pinning().expect("the users are kept where they are");
    assert!(note.contains("shares of the 3 backends"), "{note}");
    let printed = measured.printed.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(printed.contains("users are kept where they are"), "the line is printed: {printed}");
}

pub(crate) fn nginx(kind: Kind) {
    let configuration = |stage: &Stage, listen: &str| {
        let servers = IDS.map(|id| format!("server {};", stage.address(id))).concat();
        format!(
            "daemon off; pid nginx.pid; error_log error.log; worker_processes 1;
events {{ }}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    upstream shop {{ zone shop 64k; {servers} keepalive 16; }}
    server {{
        listen {listen};
        location / {{
            proxy_pass http://shop;
            proxy_http_version 1.1;
            proxy_set_header Connection '';
            proxy_set_header Host $http_host;
        }}
    }}
}}
"
        )
    };
    let measured = through(kind, configuration, &["-p", ".", "-c", "program.conf", "-e", "error.log"]);
    measured.assert_carts_stay_with_their_users();
    assert_eq!(measured.pinning(), None, "each request goes to the next replica");
}
