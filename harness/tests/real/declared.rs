//! HAProxy and nginx that somebody else started and that are switched by a reload, as the published examples
//! declare it: believed for what the running process tells and for what its choices show.

use crate::common::standin::{command, program};
use crate::common::{Bench, algorithm, free_port, number, text};
use crate::processes::wait_for;
use crate::stage::{Stage, installed};
use harness::testbed::Child;
use lb_admin_client::Kind;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::net::TcpStream;
use std::process::Output;

const ALGORITHMS: [&str; 2] = ["round-robin", "least-connections"];

/// A load balancer that is not `bench`'s, and its declaration.
struct Theirs {
    bench: Bench,
    stage: Stage,
    process: Child,
    spec: Value,
}

impl Theirs {
    fn start(kind: Kind, stage: Stage, args: &[&str], listen: &str, spec: Value) -> Self {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        let dir = stage.dir.path();
        let log = dir.join("program.log");
        let process = {
            let _inside = stage.runtime.enter();
            Child::start_program(kind.name(), &installed(kind).program, &args, &[], dir, [&log; 2])
        };
        let process = process.expect("the program starts");
        wait_for("it to listen", || TcpStream::connect(listen).ok());
        Self { bench: Bench::new(), stage, process, spec }
    }

    fn drive(&self) -> Output {
        let file = self.bench.config("theirs.json", &self.spec);
        let algorithms = ALGORITHMS.join(",");
        let flags =
            ["--config", "quick_test_config.json", "--load-balancer", &file, "--algorithms", &algorithms];
        let args = [&flags[..], &["--duration", "1s", "--out", "out"]].concat();
        command(&self.bench, &args).output().expect("bench can be started")
    }

    /// It is the user's and still runs; now the test ends it.
    fn end(mut self) {
        self.process.check().expect("a load balancer of the user is let alone");
        let Self { stage, process, .. } = self;
        stage.runtime.block_on(process.stop());
        stage.end(None);
    }
}

/// A published example with these addresses, paths and settings.
fn example(name: &str, replacements: &[(&str, &str)], more: Value) -> Value {
    let path = format!("{}/../configs/load-balancers/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let mut text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    for (old, new) in replacements {
        assert!(text.contains(old), "{name} holds `{old}`");
        text = text.replace(old, new);
    }
    let mut spec: Value = serde_json::from_str(&text).expect("an example is JSON");
    let more = more.as_object().expect("settings").clone();
    spec.as_object_mut().expect("an object").extend(more);
    spec
}

fn free() -> String {
    format!("127.0.0.1:{}", free_port())
}

fn haproxy(kind: Kind) -> Theirs {
    let stage = Stage::new();
    let dir = stage.dir.path();
    let (listen, stats) = (free(), free());
    let servers =
        ["b1", "b2", "b3"].map(|id| format!("    server {id} {} check\n", stage.address(id))).concat();
    let config = format!(
        "global
    hard-stop-after 5s
defaults
    mode http
    timeout connect 3s
    timeout client 20s
    timeout server 20s
frontend statistics
    bind {stats}
    http-request use-service prometheus-exporter if {{ path /metrics }}
    stats enable
    stats uri /stats
    stats show-legends
frontend www
    bind {listen}
    http-response set-header X-Served-By %s
    default_backend shop
backend shop
    balance roundrobin # bench
{servers}"
    );
    std::fs::write(dir.join("haproxy.cfg"), config).expect("a file can be written");
    let folder = dir.to_string_lossy().into_owned();
    let replacements =
        [("/etc/haproxy", folder.as_str()), ("127.0.0.1:8404", &stats), ("127.0.0.1:8080", &listen)];
    let spec = example("haproxy-reload", &replacements, json!({ "probe": true }));
    let args = ["-W", "-db", "-p", "haproxy.pid", "-f", "haproxy.cfg"];
    let theirs = Theirs::start(kind, stage, &args, &listen, spec);
    let reload = format!("[ \"$*\" = 'reload haproxy' ] && kill -USR2 \"$(cat '{folder}/haproxy.pid')\"");
    program(&theirs.bench, "systemctl", &reload);
    theirs
}

fn nginx(kind: Kind) -> Theirs {
    let stage = Stage::new();
    let dir = stage.dir.path();
    let (listen, status) = (free(), free());
    let servers = ["b1", "b2", "b3"].map(|id| format!("server {};", stage.address(id))).concat();
    std::fs::create_dir(dir.join("algorithms")).expect("a folder");
    for (name, directive) in
        [("round-robin", ""), ("least-connections", "least_conn;"), ("random", "random;")]
    {
        let upstream = format!(
            "map $host $algorithm {{ default {name}; }}\nupstream shop {{ zone shop 64k; {directive} {servers} keepalive 16; }}\n"
        );
        std::fs::write(dir.join(format!("algorithms/{name}.conf")), upstream).expect("a file can be written");
    }
    std::os::unix::fs::symlink(dir.join("algorithms/round-robin.conf"), dir.join("algorithm.conf"))
        .expect("a link");
    let config = format!(
        "daemon off; pid nginx.pid; error_log error.log; worker_processes 1;
events {{ }}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    include algorithm.conf;
    server {{
        listen {listen};
        location / {{
            proxy_pass http://shop;
            proxy_http_version 1.1;
            proxy_set_header Connection '';
            add_header X-Served-By $upstream_addr always;
        }}
    }}
    server {{
        listen {status};
        location = /algorithm {{ return 200 $algorithm; }}
    }}
}}
"
    );
    std::fs::write(dir.join("nginx.conf"), config).expect("a file can be written");
    let folder = dir.to_string_lossy().into_owned();
    let replacements =
        [("/etc/nginx", folder.as_str()), ("127.0.0.1:8081", &status), ("127.0.0.1:8080", &listen)];
    let spec = example("nginx-symlink", &replacements, json!({ "probe": true }));
    let args = ["-p", &folder, "-c", "nginx.conf", "-e", "error.log"];
    let theirs = Theirs::start(kind, stage, &args, &listen, spec);
    let nginx = installed(kind).program.display().to_string();
    program(
        &theirs.bench,
        "nginx",
        &format!("exec '{nginx}' -p '{folder}' -c nginx.conf -e error.log \"$@\""),
    );
    theirs
}

/// Both algorithms ran, and the running process as well as its choices show it.
fn assert_switched(theirs: &Theirs, output: &Output) {
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{message}");
    assert!(message.contains("runs `round-robin` at the end"), "{message}");
    let summary = theirs.bench.json("out/summary.json");
    for name in ALGORITHMS {
        let result = algorithm(&summary, name);
        assert_eq!(number(result, "/error_rate"), 0.0, "{name}: nothing fails: {}", result["outcomes"]);
        let evidence = &result["switch_evidence"][0];
        assert_eq!(evidence["control_plane"]["verdict"], "confirmed", "{name}: {evidence}");
        // A busy machine may leave it open.
        let behaviour = evidence["behaviour"]["verdict"].as_str();
        assert!(matches!(behaviour, Some("confirmed" | "consistent" | "not_tested")), "{name}: {evidence}");
        let backends = result["backends"].as_array().expect("backends");
        let served = backends.iter().filter(|backend| number(backend, "/share") > 0.0).count();
        assert_eq!(served, 3, "{name}: the header tells the backends apart: {backends:?}");
    }
}

/// A reload that succeeds and does nothing is found out by what is declared as proof.
fn assert_found_out(mut theirs: Theirs, reloader: &str) {
    program(&theirs.bench, reloader, "exit 0");
    theirs.spec["ready"]["timeout"] = json!("1s");
    let output = theirs.drive();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{message}");
    assert!(message.contains("take step `ready`") && message.contains("was answered without"), "{message}");
    theirs.spec.as_object_mut().expect("an object").remove("ready");
    std::fs::remove_dir_all(theirs.bench.path("out")).expect("results");
    let output = theirs.drive();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{message}");
    assert!(message.contains("claims to run `least-connections` but does not"), "{message}");
    assert!(message.contains("control plane: verify[0]"), "{message}");
    theirs.end();
}

pub(crate) fn reloaded_haproxy(kind: Kind) {
    let theirs = haproxy(kind);
    let output = theirs.drive();
    assert_switched(&theirs, &output);
    let summary = theirs.bench.json("out/summary.json");
    assert_eq!(algorithm(&summary, "round-robin")["counted_by"], "haproxy", "its metrics count requests");
    theirs.end();
}

pub(crate) fn lying_haproxy(kind: Kind) {
    assert_found_out(haproxy(kind), "systemctl");
}

pub(crate) fn reloaded_nginx(kind: Kind) {
    let theirs = nginx(kind);
    let output = theirs.drive();
    assert_switched(&theirs, &output);
    theirs.end();
}

pub(crate) fn lying_nginx(kind: Kind) {
    assert_found_out(nginx(kind), "nginx");
}
