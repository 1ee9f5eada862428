//! Load balancers that are declared as data: switched by commands and calls, verified where that is declared,
//! and never said to do what nobody has looked at.

mod common;

use common::standin::{RECORDS, calls, command, program};
use common::{Bench, algorithm, number, text};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Output;
use std::sync::{Arc, Mutex};

/// A request as a site got it.
struct Seen {
    /// Method and target.
    line: String,
    authorization: String,
    body: String,
}

type Handler = dyn Fn(&Seen) -> String + Send + Sync;

/// A site that answers everything with 200 and what its handler says, from two of its backends in turn.
struct Site {
    url: String,
    lines: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Site {
    fn start(handler: impl Fn(&Seen) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let lines = Arc::new(Mutex::new(BTreeMap::new()));
        let (kept, handler): (_, Arc<Handler>) = (Arc::clone(&lines), Arc::new(handler));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, handler) = (Arc::clone(&kept), Arc::clone(&handler));
                std::thread::spawn(move || answer(stream, &kept, &*handler));
            }
        });
        Self { url, lines }
    }

    /// The request lines that came, without repetitions.
    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no thread panics").keys().cloned().collect()
    }
}

fn answer(stream: TcpStream, kept: &Mutex<BTreeMap<String, usize>>, handler: &Handler) {
    let mut stream = BufReader::new(stream);
    while let Some(seen) = read(&mut stream) {
        let count = {
            let mut kept = kept.lock().expect("no thread panics");
            let count = kept.entry(seen.line.clone()).or_default();
            *count += 1;
            *count
        };
        let (backend, body) = (["web-1", "web-2"][count % 2], handler(&seen));
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\nX-Served-By: {backend}\r\nContent-Length: {length}\r\n\r\n");
        if stream.get_mut().write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let (mut authorization, mut length) = (String::new(), 0);
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => value.trim().clone_into(&mut authorization),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Seen { line, authorization, body: text(&body) })
}

/// The flags of a run of a few short trials.
const SHORT: [&str; 4] = ["--duration", "0.3s", "--warm-up", "0s"];

/// Two algorithms that `bench` does not know, switched by a program that stands in for one of the user's.
fn colours(url: &str) -> Value {
    json!({
        "name": "edge", "url": format!("{url}/shop?page=1"),
        "algorithms": { "blue": { "value": "b" }, "green": { "value": "g" } },
        "switch": [{ "run": ["lbctl", "set", "{algorithm}", "{value}"] }],
        "verify": [{ "run": ["lbctl", "get"], "expect": { "stdout": "set {algorithm} {value}" } }],
        "drain": [{ "run": ["lbctl", "drain"] }],
        "reset": [{ "run": ["lbctl", "reset"] }],
        "restore": "blue",
        "backend_from": { "header": "X-Served-By" },
        "backends": ["web-1", "web-2", "idle"]
    })
}

/// Does not keep what it is told about draining and resetting.
const LBCTL: &str = r#"echo "${0##*/} $*" >> "$BENCH_FOLDER/calls"
case "$1" in
set) echo "$*" > "$BENCH_FOLDER/state" ;;
get) cat "$BENCH_FOLDER/state" ;;
esac"#;

fn declared(bench: &Bench, spec: &Value) -> String {
    bench.config("edge.json", spec)
}

fn run(bench: &Bench, spec: &Value, more: &[&str]) -> Output {
    let file = declared(bench, spec);
    let flags = ["--load-balancer", &file, "--repetitions", "2", "--out", "out"];
    command(bench, &[&flags[..], &SHORT, more].concat()).output().expect("bench can be started")
}

fn assert_ends(output: &Output, code: i32, parts: &[&str]) {
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{}{message}", text(&output.stdout));
    for part in parts {
        assert!(message.contains(part), "the message holds `{part}`: {message}");
    }
    assert!(!message.contains("panicked"), "{message}");
}

#[test]
fn commands_switch_verify_drain_reset_and_restore() {
    let (bench, site) = (Bench::new(), Site::start(|_| String::new()));
    program(&bench, "lbctl", LBCTL);
    let output = run(&bench, &colours(&site.url), &[]);
    assert_ends(&output, 0, &["edge runs `blue` at the end, as its `restore` says"]);
    let printed = text(&output.stdout);
    assert!(printed.starts_with(&format!("load balancer: edge at {} (declared)", site.url)), "{printed}");
    assert_eq!(
        site.lines(),
        ["GET /shop?page=1"],
        "no probe is sent, and nothing but the path of the address"
    );

    let calls = calls(&bench);
    for colour in ["lbctl set blue b", "lbctl set green g"] {
        let at =
            calls.iter().position(|call| call == colour).unwrap_or_else(|| panic!("{colour}: {calls:?}"));
        assert_eq!(calls[at - 1], "lbctl drain", "it is drained before a switch: {calls:?}");
        assert_eq!(calls[at + 1], "lbctl get", "and asked after it: {calls:?}");
    }
    assert!(calls.contains(&"lbctl reset".to_owned()), "{calls:?}");
    let last = calls.iter().rfind(|call| call.starts_with("lbctl set")).expect("it was switched");
    assert_eq!(last, "lbctl set blue b", "what is to be restored comes last");

    let summary = bench.json("out/summary.json");
    for name in ["blue", "green"] {
        let result = algorithm(&summary, name);
        assert!(number(result, "/total_requests") > 0.0, "{result}");
        let evidence = &result["switch_evidence"][0];
        assert_eq!(evidence["control_plane"]["verdict"], "confirmed", "{evidence}");
        assert_eq!(evidence["behaviour"]["verdict"], "not_tested", "{evidence}");
        let backends = result["backends"].as_array().expect("backends");
        let share = |id: &str| {
            let found = backends.iter().find(|backend| backend["id"] == id);
            number(found.unwrap_or_else(|| panic!("{id} is listed: {backends:?}")), "/share")
        };
        assert!(share("web-1") > 0.0 && share("web-2") > 0.0, "the header tells them apart: {backends:?}");
        assert_eq!(share("idle"), 0.0, "what gets nothing counts as a backend: {backends:?}");
        assert!(number(result, "/jain_index") < 0.9, "so shares are not even: {result}");
    }
    let notes = summary["notes"].to_string();
    assert!(notes.contains("not declared: `probe`"), "{notes}");
    let log = std::fs::read_to_string(bench.path("out/bench.log")).expect("the log");
    assert!(
        log.contains("lbctl get") && log.contains("set green g"),
        "commands and what they say are logged"
    );
}

#[test]
fn what_is_not_declared_is_said_in_the_plan_and_beside_the_switches() {
    let (bench, site) = (Bench::new(), Site::start(|_| String::new()));
    program(&bench, "lbctl", LBCTL);
    let mut spec = colours(&site.url);
    for key in ["verify", "drain", "reset", "restore"] {
        spec.as_object_mut().expect("an object").remove(key);
    }
    let file = declared(&bench, &spec);
    let plan = command(&bench, &["plan", "--load-balancer", &file]).output().expect("bench can be started");
    let printed = text(&plan.stdout);
    for part in [
        "load balancer: edge, declared, running at",
        "switch: `lbctl set {algorithm} {value}`",
        "not declared: `verify`: whether a switch took place is not verified",
        "not declared: `drain`",
        "not declared: `restore`",
        "algorithms: blue, green",
    ] {
        assert!(printed.contains(part), "the plan says `{part}`: {printed}{}", text(&plan.stderr));
    }
    assert!(calls(&bench).is_empty(), "a plan runs nothing");
    let json = command(&bench, &["plan", "--json", "--load-balancer", &file]).output().expect("it starts");
    let json: Value = serde_json::from_slice(&json.stdout).expect("a plan as JSON");
    assert_eq!(json["declared"]["switch"][0]["run"][1], "set", "{json}");
    assert!(json["not_declared"][0].as_str().is_some_and(|line| line.starts_with("`verify`")), "{json}");

    let output = run(&bench, &spec, &["--verbose"]);
    assert_ends(&output, 0, &["edge stays on the algorithm of the last trial; declare `restore`"]);
    let printed = text(&output.stdout);
    let words = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("the control plane was not asked: `verify` is not declared"), "{printed}");
}

#[test]
fn a_command_that_claims_and_does_not_switch_is_found_out() {
    let (bench, site) = (Bench::new(), Site::start(|_| String::new()));
    let lies = LBCTL.replace("set) echo", "set) [ \"$2\" = green ] || echo");
    program(&bench, "lbctl", &lies);
    std::fs::write(bench.path("state"), "set blue b\n").expect("a file");
    let output = run(&bench, &colours(&site.url), &[]);
    let found = ["edge claims to run `green` but does not", "verify[0]", "did not print `set green g`"];
    assert_ends(&output, 4, &found);
    let last = calls(&bench).into_iter().rfind(|call| call.starts_with("lbctl set"));
    assert_eq!(last.as_deref(), Some("lbctl set blue b"), "it is restored after a failure, too");
}

#[test]
fn a_command_that_fails_or_hangs_ends_the_run_and_is_shown() {
    let site = Site::start(|_| String::new());
    let fails = format!(
        "{LBCTL}\n[ $(grep -c ' set ' \"$BENCH_FOLDER/calls\") -lt 3 ] || {{ printf 'no \\033[31mquorum\\n' >&2; exit 9; }}"
    );
    let bench = Bench::new();
    program(&bench, "lbctl", &fails);
    let output = run(&bench, &colours(&site.url), &[]);
    let shown =
        ["failed to switch edge to `", "switch[0]", "`lbctl set", "exit status: 9", "it said: no [31mquorum"];
    assert_ends(&output, 4, &shown);
    let summary = bench.json("out/summary.json");
    assert!(
        number(algorithm(&summary, "blue"), "/total_requests") > 0.0,
        "trials before the failure are kept"
    );

    let bench = Bench::new();
    program(&bench, "lbctl", "echo waiting for a lock; exec sleep 600");
    let mut spec = colours(&site.url);
    spec.as_object_mut().expect("an object").remove("drain");
    spec["switch"][0]["timeout"] = json!("300ms");
    let output = run(&bench, &spec, &[]);
    assert_ends(&output, 4, &["did not end within 300ms", "it said: waiting for a lock"]);

    let bench = Bench::new();
    program(&bench, "lbctl", &LBCTL.replace("case", "[ \"$1\" != drain ] || exit 3\ncase"));
    assert_ends(&run(&bench, &colours(&site.url), &[]), 4, &["take step `drain[0]`", "exit status: 3"]);
}

#[test]
fn a_declaration_with_faults_is_refused_before_anything_runs() {
    let bench = Bench::new();
    program(&bench, "lbctl", LBCTL);
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 6] = [
        (
            |spec| spec["switch"][0]["run"][0] = json!("no-such-lbctl"),
            "switch[0].run no-such-lbctl: is not a program on PATH",
        ),
        (
            |spec| spec["switch"][0]["run"][3] = json!("{valeu}"),
            "unknown placeholder `{valeu}` (did you mean `value`?)",
        ),
        (|spec| spec["algorithms"]["red"] = json!({}), "algorithms.red {}: lacks `value`"),
        (|spec| spec["swich"] = json!([]), "swich: unknown key (did you mean `switch`?)"),
        (|spec| spec["url"] = json!("shop.example"), "must begin with"),
        (
            |spec| drop(spec.as_object_mut().expect("an object").remove("url")),
            "url: missing; it is the address",
        ),
    ];
    for (change, message) in cases {
        let mut spec = colours("http://127.0.0.1:9");
        change(&mut spec);
        assert_ends(&run(&bench, &spec, &[]), 2, &[message]);
    }
    assert!(calls(&bench).is_empty(), "nothing ran");
    let more = ["--algorithms", "blue,yellow"];
    assert_ends(&run(&bench, &colours("http://127.0.0.1:9"), &more), 2, &["edge has `blue`, `green`"]);
    let missing = bench.run(&["--load-balancer", "missing.json", "--out", "out"]);
    assert_ends(&missing, 2, &["missing.json", "cannot be read as the declaration"]);
    assert!(!bench.path("out").exists(), "nothing is written before the plan stands");
    let closed = format!("http://127.0.0.1:{}", common::free_port());
    assert_ends(&run(&bench, &colours(&closed), &[]), 3, &[&closed, "refused"]);
    assert!(calls(&bench).is_empty(), "nor is anything switched where nobody listens");
}

#[test]
fn calls_switch_within_a_config_of_ones_own_and_metrics_count_requests() {
    let state = Arc::new(Mutex::new((String::new(), 0_u64)));
    let (kept, bench) = (Arc::clone(&state), Bench::new());
    let site = Site::start(move |seen| {
        let mut state = kept.lock().expect("no thread panics");
        match seen.line.as_str() {
            "PUT /admin?token=7" => {
                assert_eq!(seen.authorization, "Bearer secret-of-the-test");
                seen.body.clone_into(&mut state.0);
                String::new()
            }
            "GET /admin/token" => "7\n".to_owned(),
            "GET /admin" => state.0.clone(),
            "GET /metrics" => format!(
                "sent_total{{pool=\"a\",server=\"web-1\"}} {}\nsent_total{{pool=\"a\",server=\"web-2\"}} 0\nnow{{server=\"web-1\"}} 0\n",
                state.1
            ),
            _ => {
                state.1 += 1;
                "{}".to_owned()
            }
        }
    });
    let url = &site.url;
    let bearer = json!({ "Authorization": "Bearer {env:EDGE_TOKEN}" });
    let spec = json!({
        "name": "edge", "url": url,
        "algorithms": { "round-robin": { "mode": "rr" }, "p2c": { "mode": "two" } },
        "switch": [
            { "http": { "url": format!("{url}/admin/token") }, "capture": "token" },
            { "http": { "method": "PUT", "url": format!("{url}/admin?token={{token}}"), "headers": bearer,
                        "body": { "mode": "{mode}" } } }
        ],
        "verify": [{ "http": { "url": format!("{url}/admin"), "expect": { "body": "\"{mode}\"" } } }],
        "restore": "round-robin",
        "metrics": { "prometheus": format!("{url}/metrics"), "backend_label": "server",
                     "requests": "sent_total{pool=\"a\"}", "in_flight": "now" }
    });
    let journey = json!({ "name": "one", "actions": { "look": { "weight": 1, "steps": [{ "name": "look", "path": "/items" }] } } });
    let config = bench.config("config.json", &json!({
        "scenarios": [{ "name": "look", "duration_minutes": 0.01, "concurrent_users": 2, "ramp_up_time_seconds": 0 }],
        "user_profiles": { "reader": { "actions": [{ "name": "look", "weight": 1 }] } },
        "bench": { "journey": journey, "think_time_s": [0.01, 0.02], "warm_up_s": 0, "load_balancer": spec }
    }));
    let mut command = command(&bench, &["--config", &config, "--out", "out"]);
    let output = command.env("EDGE_TOKEN", "secret-of-the-test").output().expect("bench can be started");
    assert_ends(&output, 0, &["edge runs `round-robin` at the end"]);
    let lines = ["GET /admin", "GET /admin/token", "GET /items", "GET /metrics", "PUT /admin?token=7"];
    assert_eq!(site.lines(), lines, "steps, metrics and the requests of the config");
    let summary = bench.json("out/summary.json");
    for name in ["round-robin", "p2c"] {
        let result = algorithm(&summary, name);
        assert_eq!(result["switch_evidence"][0]["control_plane"]["verdict"], "confirmed", "{result}");
        assert_eq!(result["counted_by"], "edge", "{result}");
        let backends = result["backends"].as_array().expect("backends");
        let shares: Vec<(&str, f64)> =
            backends.iter().map(|one| (one["id"].as_str().expect("a name"), number(one, "/share"))).collect();
        assert_eq!(shares, [("web-1", 1.0), ("web-2", 0.0)], "replies name nothing, so metrics count");
    }
    for file in ["out/run.json", "out/summary.json", "out/bench.log"] {
        let text = std::fs::read_to_string(bench.path(file)).expect("a file of the results");
        assert!(!text.contains("secret-of-the-test"), "{file} holds no secret");
    }
}

/// An example as it is published, with its addresses and folders replaced.
fn example(name: &str, replacements: &[(&str, &str)]) -> Value {
    let path = format!("{}/../configs/load-balancers/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let mut text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    for (old, new) in replacements {
        assert!(text.contains(old), "{name} holds `{old}`");
        text = text.replace(old, new);
    }
    let mut spec: Value = serde_json::from_str(&text).expect("an example is JSON");
    // Nothing has to settle here.
    spec.as_object_mut().expect("an object").remove("settle");
    spec
}

/// The algorithms ran under their names, each confirmed by what is declared.
fn assert_confirmed(bench: &Bench, names: &[&str]) {
    let summary = bench.json("out/summary.json");
    for name in names {
        let evidence = &algorithm(&summary, name)["switch_evidence"][0];
        assert_eq!(evidence["control_plane"]["verdict"], "confirmed", "{name}: {evidence}");
    }
}

#[test]
fn examples_of_kubernetes_and_aws_call_their_programs_as_documented() {
    let annotate = "kubectl annotate ingress/shop --namespace shop --overwrite nginx.ingress.kubernetes.io/load-balance=";
    let patch = r#"kubectl patch destinationrule/shop --namespace shop --type merge --patch {"spec":{"trafficPolicy":{"loadBalancer":{"simple":"LEAST_REQUEST"}}}}"#;
    let group = "--target-group-arn arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop/0123456789abcdef";
    let modify = format!(
        "aws elbv2 modify-target-group-attributes {group} --attributes Key=load_balancing.algorithm.type,Value="
    );
    let describe = format!(
        "aws elbv2 describe-target-group-attributes {group} --query Attributes[?Key=='load_balancing.algorithm.type'].Value --output text"
    );
    let cases: [(&str, &str, &[&str], &[String]); 3] = [
        (
            "ingress-nginx",
            "kubectl",
            &["round-robin", "peak-ewma"],
            &[
                format!("{annotate}ewma"),
                r"kubectl get ingress/shop --namespace shop --output jsonpath={.metadata.annotations.nginx\.ingress\.kubernetes\.io/load-balance}".to_owned(),
            ],
        ),
        (
            "istio-destination-rule",
            "kubectl",
            &["round-robin", "p2c", "random"],
            &[
                patch.to_owned(),
                "kubectl get destinationrule/shop --namespace shop --output jsonpath={.spec.trafficPolicy.loadBalancer.simple}".to_owned(),
            ],
        ),
        (
            "aws-alb",
            "aws",
            &["round-robin", "least-connections", "weighted-random"],
            &[format!("{modify}least_outstanding_requests"), describe],
        ),
    ];
    for (name, tool, algorithms, expected) in cases {
        let (bench, site) = (Bench::new(), Site::start(|_| String::new()));
        program(&bench, tool, RECORDS);
        let output = run(&bench, &example(name, &[("http://shop.example", &site.url)]), &[]);
        assert_ends(&output, 0, &["runs `round-robin` at the end"]);
        assert_confirmed(&bench, algorithms);
        let calls = calls(&bench);
        for call in expected {
            assert!(calls.contains(call), "{name}: `{call}` is called: {calls:#?}");
        }
    }
}

#[test]
fn the_example_of_the_data_plane_api_changes_a_backend_under_its_current_version() {
    let stored = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&stored);
    let (bench, site) = (
        Bench::new(),
        Site::start(move |seen| {
            let api = "/v3/services/haproxy/configuration";
            let mut stored = kept.lock().expect("no thread panics");
            match seen.line.strip_prefix("GET ") {
                Some("/") => String::new(),
                _ if seen.authorization != "Basic YTpi" => "unauthorized".to_owned(),
                Some(path) if path == format!("{api}/version") => "41\n".to_owned(),
                Some(path) if path == format!("{api}/backends/shop") => stored.clone(),
                _ if seen.line == format!("PUT {api}/backends/shop?version=41&force_reload=true") => {
                    seen.body.clone_into(&mut stored);
                    stored.clone()
                }
                _ => String::new(),
            }
        }),
    );
    let host = site.url.trim_start_matches("http://");
    let spec = example("haproxy-dataplane-api", &[("127.0.0.1:5555", host), ("127.0.0.1:8080", host)]);
    let file = declared(&bench, &spec);
    let flags = ["--load-balancer", &file, "--out", "out", "--repetitions", "1"];
    let mut command = command(&bench, &[&flags[..], &SHORT].concat());
    let output = command.env("DATAPLANE_AUTH", "YTpi").output().expect("bench can be started");
    assert_ends(&output, 0, &["haproxy runs `round-robin` at the end"]);
    assert_confirmed(&bench, &["round-robin", "least-connections", "random"]);
    let body = r#"{"name":"shop","mode":"http","balance":{"algorithm":"roundrobin"}}"#;
    assert_eq!(*stored.lock().expect("no thread panics"), body, "the algorithm to restore");
    command.env_remove("DATAPLANE_AUTH");
    assert_ends(&command.output().expect("it starts"), 2, &["`DATAPLANE_AUTH` is not set"]);
}

#[test]
fn the_example_of_envoy_moves_a_file_of_clusters_to_its_place() {
    let bench = Bench::new();
    let folder = bench.path("envoy");
    std::fs::create_dir_all(folder.join("clusters")).expect("a folder");
    for name in ["round-robin", "p2c", "random"] {
        let clusters = json!({ "version_info": name, "resources": [] });
        std::fs::write(folder.join(format!("clusters/{name}.json")), clusters.to_string()).expect("a file");
    }
    let watched = folder.join("clusters.json");
    let site = Site::start(move |seen| {
        if seen.line == "GET /config_dump?resource=dynamic_active_clusters" {
            let clusters = std::fs::read_to_string(&watched).unwrap_or_default();
            let clusters: Value = serde_json::from_str(&clusters).unwrap_or_default();
            return serde_json::to_string_pretty(&json!({ "configs": [clusters] })).expect("JSON");
        }
        String::new()
    });
    let host = site.url.trim_start_matches("http://");
    let folder = folder.to_string_lossy();
    let replacements = [("127.0.0.1:9901", host), ("127.0.0.1:8080", host), ("/etc/envoy", &*folder)];
    let output = run(&bench, &example("envoy-file", &replacements), &[]);
    assert_ends(&output, 0, &["envoy runs `round-robin` at the end"]);
    assert_confirmed(&bench, &["round-robin", "p2c", "random"]);
}
