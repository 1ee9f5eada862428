//! The admin API, call by call: the shapes that clients of the Spring dialect read.

mod common;

use common::{Backend, Balancer, Client, JSON, Reply, get, reply, send};
use serde_json::{Value, json};

/// The kind of a JSON value, as the contract table writes it.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "double",
        Value::Number(_) => "long",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "map",
    }
}

/// Checks that `reply` has exactly these keys with values of these kinds.
fn assert_shape(what: &str, body: &Value, shape: &[(&str, &str)]) {
    let object = body.as_object().unwrap_or_else(|| panic!("{what}: an object, not {body}"));
    let mut keys: Vec<_> = object.keys().map(String::as_str).collect();
    let mut expected: Vec<_> = shape.iter().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    expected.sort_unstable();
    assert_eq!(keys, expected, "{what}: the keys");
    for (key, expected) in shape {
        assert_eq!(kind(&object[*key]), *expected, "{what}: the kind of `{key}`");
    }
}

fn ok(what: &str, reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{what}: {}", reply.text());
    assert_eq!(reply.field("content-type").as_deref(), Some("application/json"), "{what}");
    reply.json()
}

const STATS: [(&str, &str); 4] = [
    ("requestCount", "long"),
    ("errorCount", "long"),
    ("errorRate", "double"),
    ("averageResponseTime", "double"),
];

fn setup() -> (Backend, Balancer) {
    let backend = Backend::start(|request, stream| {
        let status = if request.path.contains("fail") { 500 } else { 200 };
        reply(stream, status, "", b"x")
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    (backend, balancer)
}

#[test]
fn a_benchmark_goes_through_its_life_in_the_shapes_of_the_dialect() {
    let (_backend, balancer) = setup();
    let idle = ok("status", &balancer.get("/api/benchmark/status"));
    let mut status = vec![
        ("benchmarkActive", "bool"),
        ("currentAlgorithm", "string"),
        ("currentPhase", "long"),
        ("totalPhases", "long"),
        ("testAlgorithms", "list"),
        ("availableAlgorithms", "list"),
    ];
    assert_shape("status when idle", &idle, &status);
    assert_eq!(idle["benchmarkActive"], false);
    assert_eq!(idle["currentAlgorithm"], "round-robin", "what routes, not a default label");

    let path = "/api/benchmark/start?durationMinutes=5&startAlgorithm=least-connections";
    let started = ok("start", &balancer.post(path));
    assert_shape(
        "start",
        &started,
        &[
            ("status", "string"),
            ("duration_minutes", "long"),
            ("current_algorithm", "string"),
            ("test_algorithms", "list"),
            ("start_time", "long"),
        ],
    );
    assert_eq!(started["status"], "started");
    assert_eq!(started["duration_minutes"], 5);
    assert_eq!(started["current_algorithm"], "least-connections");
    let strategies = ok("strategies", &balancer.get("/rl/strategies"));
    assert_eq!(strategies["current"], "least-connections", "start routes");
    let again = balancer.post("/api/benchmark/start");
    assert_eq!((again.status, again.json()), (400, json!({ "error": "Benchmark already running" })));

    for path in ["/a", "/b", "/fail", "/actuator/health", "/x/health"] {
        get(&balancer.proxy(path));
    }
    let active = ok("status", &balancer.get("/api/benchmark/status"));
    status.extend([
        ("elapsedTimeMs", "long"),
        ("elapsedTimeMinutes", "double"),
        ("currentAlgorithmStats", "map"),
    ]);
    assert_shape("status when active", &active, &status);
    let stats = &active["currentAlgorithmStats"];
    assert_shape("stats", stats, &STATS);
    assert_eq!(stats["requestCount"], 3, "health paths do not count");
    assert_eq!(stats["errorCount"], 1, "a 5xx is an error");
    let rate = stats["errorRate"].as_f64().expect("a number");
    assert!((rate - 100.0 / 3.0).abs() < 1e-9, "rates are percent: {rate}");

    let switched = ok("switch", &balancer.post("/api/benchmark/switch?algorithm=round-robin"));
    assert_shape(
        "switch",
        &switched,
        &[("status", "string"), ("currentAlgorithm", "string"), ("message", "string")],
    );
    assert_eq!(
        (&switched["status"], &switched["currentAlgorithm"]),
        (&json!("switched"), &json!("round-robin"))
    );
    get(&balancer.proxy("/a"));

    let results = ok("results", &balancer.get("/api/benchmark/results"));
    assert_shape("results", &results, &[("benchmarkActive", "bool"), ("results", "map")]);
    assert_report(&results["results"]);

    let reset = ok("reset", &balancer.post("/api/benchmark/reset?algorithm=least-connections"));
    assert_shape("reset", &reset, &[("status", "string"), ("algorithm", "string"), ("message", "string")]);
    assert_eq!(reset["algorithm"], "least-connections");
    let reset = ok("reset", &balancer.post("/api/benchmark/reset"));
    assert_eq!(reset["algorithm"], "round-robin", "without a name, the current one");
    let cleared = ok("status", &balancer.get("/api/benchmark/status"));
    assert_eq!(cleared["currentAlgorithmStats"]["requestCount"], 0);

    let stopped = ok("stop", &balancer.post("/api/benchmark/stop"));
    assert_shape("stop", &stopped, &[("status", "string"), ("totalDurationMs", "long"), ("results", "map")]);
    assert_eq!(stopped["status"], "completed");
    let again = ok("stop twice", &balancer.post("/api/benchmark/stop"));
    assert_eq!(again, json!({ "status": "error", "message": "No benchmark currently running" }));
    get(&balancer.proxy("/a"));
    let idle = ok("status", &balancer.get("/api/benchmark/status"));
    assert_eq!(idle["currentAlgorithmStats"]["requestCount"], 0, "nothing counts after the stop");
}

/// Checks the report after requests under two algorithms.
fn assert_report(report: &Value) {
    assert_shape(
        "report",
        report,
        &[("algorithmResults", "map"), ("testConfiguration", "map"), ("performanceComparison", "map")],
    );
    let mut full = STATS.to_vec();
    full.extend(
        [
            "durationMs",
            "p50ResponseTime",
            "p95ResponseTime",
            "p99ResponseTime",
            "minResponseTime",
            "maxResponseTime",
        ]
        .map(|key| (key, "long")),
    );
    let results = &report["algorithmResults"];
    for (name, count) in [("least-connections", 3), ("round-robin", 1)] {
        assert_shape(name, &results[name], &full);
        assert_eq!(results[name]["requestCount"], count, "{name}: booked to who placed it");
    }
    let configuration = &report["testConfiguration"];
    assert_shape(
        "configuration",
        configuration,
        &[("algorithms", "list"), ("durationMinutes", "long"), ("startTime", "string")],
    );
    assert_eq!(configuration["durationMinutes"], 5);
    let comparison = &report["performanceComparison"];
    assert_shape(
        "comparison",
        comparison,
        &[
            ("bestResponseTime", "string"),
            ("bestThroughput", "string"),
            ("lowestErrorRate", "string"),
            ("performanceImprovements", "map"),
        ],
    );
    assert_eq!(comparison["lowestErrorRate"], "round-robin");
    let improvements = &comparison["performanceImprovements"];
    assert_eq!(improvements["rlVsRoundRobin"], "NaN%", "as Java prints what cannot be compared");
    let percent = improvements["roundRobinVsLeastConnections"].as_str().expect("a string");
    let number = percent.strip_suffix('%').expect("a percentage");
    assert!(number.parse::<f64>().is_ok(), "{percent}");
}

#[test]
fn names_that_cannot_run_are_refused_with_those_that_can() {
    let (_backend, balancer) = setup();
    for call in ["switch?algorithm=", "reset?algorithm=", "start?startAlgorithm="] {
        for name in ["rl-agent", "rl", "least-conections", "", "connection-aware"] {
            let reply = balancer.post(&format!("/api/benchmark/{call}{name}"));
            assert_eq!(reply.status, 400, "{call}{name}");
            let body = reply.json();
            assert_eq!(body["error"], format!("Invalid algorithm: {name}"));
            let available = body["availableAlgorithms"].as_array().expect("a list");
            assert!(available.contains(&json!("round-robin")), "{available:?}");
            assert!(!available.contains(&json!("rl-agent")), "no policy file, so it cannot run");
        }
    }
    let reply = balancer.post("/api/benchmark/switch?algorithm=rl-agent");
    assert!(reply.text().contains("policy file"), "the message says what to do: {}", reply.text());
    assert_eq!(balancer.get("/rl/strategies").json()["current"], "round-robin", "nothing changed");
    assert_eq!(balancer.get("/api/benchmark/status").json()["benchmarkActive"], false);
}

#[test]
fn a_complete_benchmark_compares_three_algorithms_unless_the_config_names_others() {
    let (backend, balancer) = setup();
    let status = balancer.get("/api/benchmark/status").json();
    let tested = json!(["round-robin", "least-connections"]);
    assert_eq!(status["testAlgorithms"], tested, "rl is missing, because it needs a policy file");
    assert_eq!(status["totalPhases"], 2);
    let available = status["availableAlgorithms"].as_array().expect("a list");
    assert!(available.len() > 20 && available.contains(&json!("p2c+ejection")), "all can be switched to");
    assert_eq!(balancer.post("/api/benchmark/start").json()["test_algorithms"], tested);
    let results = balancer.get("/api/benchmark/results").json();
    assert_eq!(results["results"]["testConfiguration"]["algorithms"], tested);

    let more = json!({ "test_algorithms": ["p2c+ejection", "rr"] });
    let configured = Balancer::with_backends("round-robin", &[&backend], more);
    let status = configured.get("/api/benchmark/status").json();
    assert_eq!(status["testAlgorithms"], json!(["p2c+ejection", "round-robin"]), "in the config's order");
}

#[test]
fn requests_that_were_held_show_in_the_percentiles() {
    const HELD: u64 = 100;
    let backend = Backend::start(|_, stream| {
        std::thread::sleep(std::time::Duration::from_millis(HELD));
        reply(stream, 200, "", b"x")
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    balancer.post("/api/benchmark/start?startAlgorithm=round-robin");
    let mut longest = 0;
    for _ in 0..10 {
        let begin = std::time::Instant::now();
        get(&balancer.proxy("/held"));
        longest = longest.max(begin.elapsed().as_millis() as u64);
    }
    let results = balancer.get("/api/benchmark/results").json();
    let stopped = balancer.post("/api/benchmark/stop").json();
    for results in [&results["results"], &stopped["results"]] {
        let figures = &results["algorithmResults"]["round-robin"];
        assert_eq!(figures["requestCount"], 10);
        for key in
            ["minResponseTime", "p50ResponseTime", "p95ResponseTime", "p99ResponseTime", "maxResponseTime"]
        {
            // The client waited at least as long as the load balancer; a figure is in whole milliseconds,
            // accurate to 0.1 %.
            let told = figures[key].as_u64().expect("whole milliseconds");
            assert!(
                (HELD..=longest + 1 + longest / 1000).contains(&told),
                "{key}: {told} ms of {longest} ms"
            );
        }
    }
}

#[test]
fn readiness_is_whether_a_backend_takes_requests() {
    let (_backend, balancer) = setup();
    let probe = |name: &str| {
        let reply = balancer.get(&format!("/actuator/health/{name}"));
        (reply.status, reply.json()["status"].as_str().expect("a text").to_owned())
    };
    assert_eq!(probe("readiness"), (200, "UP".to_owned()));
    balancer.post("/api/lb/drain?backend=b0");
    assert_eq!(probe("readiness"), (503, "OUT_OF_SERVICE".to_owned()), "the only backend is draining");
    assert_eq!(probe("liveness"), (200, "UP".to_owned()), "a restart would not help");
    balancer.post("/api/lb/undrain?backend=b0");
    assert_eq!(probe("readiness"), (200, "UP".to_owned()));
}

#[test]
fn names_are_understood_in_all_their_spellings() {
    let (_backend, balancer) = setup();
    for (typed, name) in [
        ("least_connections", "least-connections"),
        ("least-connections%2Bejection", "least-connections+ejection"),
        ("p2c+ejection", "p2c+ejection"),
        ("round-robin", "round-robin"),
    ] {
        let reply = balancer.post(&format!("/api/benchmark/switch?algorithm={typed}"));
        assert_eq!(ok(typed, &reply)["currentAlgorithm"], name);
        for (path, key) in [
            ("/api/benchmark/status", "currentAlgorithm"),
            ("/rl/strategies", "current"),
            ("/rl/status", "currentStrategy"),
            ("/api/lb/snapshot", "algorithm"),
            ("/api/lb/algorithms", "current"),
        ] {
            assert_eq!(balancer.get(path).json()[key], name, "{path} tells the truth");
        }
    }
}

#[test]
fn parameters_come_from_query_or_form_but_not_from_json() {
    let (_backend, balancer) = setup();
    let url = format!("{}/api/benchmark/switch", balancer.admin);
    let form = [("content-type", "application/x-www-form-urlencoded"), ("x-requested-with", "test")];
    let reply = send("POST", &url, &form, b"algorithm=p2c");
    assert_eq!(ok("form", &reply)["currentAlgorithm"], "p2c");
    let reply = send("POST", &url, &[("content-type", "application/json")], br#"{"algorithm":"random"}"#);
    assert_eq!(reply.status, 400, "a JSON body is ignored: the name comes in the query");
    assert_shape(
        "Spring's own 400",
        &reply.json(),
        &[
            ("timestamp", "string"),
            ("status", "long"),
            ("error", "string"),
            ("message", "string"),
            ("path", "string"),
        ],
    );
    assert_eq!(reply.json()["path"], "/api/benchmark/switch");
    assert_eq!(balancer.post("/api/benchmark/start?durationMinutes=soon").status, 400);
    assert_eq!(balancer.get("/api/benchmark/switch?algorithm=p2c").status, 405, "not with GET");
    assert_eq!(balancer.get("/api/nothing").status, 404);
}

#[test]
fn rl_endpoints_say_that_there_is_no_agent() {
    let (_backend, balancer) = setup();
    let status = balancer.get("/rl/status").json();
    assert_eq!(
        (&status["currentStrategy"], &status["rlModelsReady"]),
        (&json!("round-robin"), &json!(false))
    );
    assert_eq!(status["policy"], Value::Null, "none is loaded");
    let strategies = ok("strategies", &balancer.get("/rl/strategies"));
    assert_shape(
        "strategies",
        &strategies,
        &[
            ("current", "string"),
            ("available", "list"),
            ("rlModelsReady", "bool"),
            ("rlImplementations", "list"),
        ],
    );
    assert_shape(
        "reload",
        &balancer.post("/rl/reload").json(),
        &[("status", "string"), ("message", "string"), ("error", "string")],
    );
    let reset = balancer.post("/rl/reset-stats");
    assert_eq!((reset.status, &reset.json()["status"]), (400, &json!("error")), "not active");
}

#[test]
fn services_are_listed_added_and_removed() {
    let (backend, balancer) = setup();
    let service = ok("service", &balancer.get("/api/services/svc"));
    assert_shape(
        "service",
        &service,
        &[
            ("name", "string"),
            ("instances", "list"),
            ("healthyInstances", "list"),
            ("totalInstances", "long"),
            ("healthyInstanceCount", "long"),
            ("instanceIndex", "long"),
        ],
    );
    assert_shape(
        "instance",
        &service["instances"][0],
        &[
            ("serviceName", "string"),
            ("instanceName", "string"),
            ("url", "string"),
            ("healthUrl", "string"),
            ("healthy", "bool"),
            ("lastHealthCheck", "null"),
            ("responseTime", "long"),
        ],
    );
    assert_eq!(balancer.get("/api/services").json(), json!([service]));
    assert_eq!(ok("instances", &balancer.get("/api/services/svc/instances")), service["instances"]);
    assert_eq!(service["instances"][0]["url"], backend.url(), "where it listens");
    for path in ["/api/services/nobody", "/api/services/nobody/instances"] {
        let missing = balancer.get(path);
        assert_eq!((missing.status, missing.body.len()), (404, 0), "{path}: an empty 404");
    }

    let added = Backend::fixed("added");
    let body = json!({ "url": added.url(), "healthUrl": format!("{}/up", added.url()) }).to_string();
    let add = |service: &str, body: &str| {
        send("POST", &format!("{}/api/services/{service}/instances", balancer.admin), &JSON, body.as_bytes())
    };
    let reply = ok("add", &add("svc", &body));
    assert_shape("add", &reply, &[("message", "string"), ("serviceName", "string"), ("url", "string")]);
    for _ in 0..4 {
        assert_eq!(get(&balancer.proxy("/")).status, 200);
    }
    assert_eq!(added.requests(), 2, "it takes its share at once");
    let status = ok("status", &balancer.get("/api/services/status"));
    assert_shape(
        "status",
        &status,
        &[
            ("totalServices", "long"),
            ("totalInstances", "long"),
            ("healthyInstances", "long"),
            ("services", "list"),
        ],
    );
    assert_eq!((&status["totalServices"], &status["totalInstances"]), (&json!(1), &json!(2)));

    let remove = |url: &str| {
        send("DELETE", &format!("{}/api/services/svc/instances?url={url}", balancer.admin), &[], b"")
    };
    ok("remove", &remove(&backend.url()));
    let before = backend.requests();
    for _ in 0..4 {
        get(&balancer.proxy("/"));
    }
    assert_eq!(backend.requests(), before, "a removed instance gets nothing");
    assert_eq!(balancer.get("/api/services/svc").json()["totalInstances"], 1, "nor is it listed");
    assert_eq!(remove("http://127.0.0.1:1").status, 400, "unknown instances are refused");
    ok("add again", &add("svc", &json!({ "url": backend.url() }).to_string()));
    assert_eq!(balancer.get("/api/services/svc").json()["totalInstances"], 2);

    for bad in ["{}", "not json", r#"{"url": "ftp://x"}"#, r#"{"url": "http://x?q"}"#] {
        let reply = add("svc", bad);
        assert_eq!((reply.status, kind(&reply.json()["error"])), (400, "string"), "{bad}");
    }
    let made = ok("new service", &balancer.post("/api/services/brand-new"));
    assert_shape("new service", &made, &[("message", "string"), ("serviceName", "string")]);
    ok("its instance", &add("brand-new", &json!({ "url": added.url() }).to_string()));
    assert_eq!(get(&format!("{}/proxy/brand-new/", balancer.url)).text(), "added");
}

#[test]
fn an_instance_can_be_checked_at_once() {
    let (backend, balancer) = setup();
    let spelt = backend.url().replace('/', "_").replace(':', "-");
    let reply = balancer.post(&format!("/api/services/svc/instances/{spelt}/health-check"));
    let body = ok("check", &reply);
    assert_eq!((&body["healthy"], &body["checkSucceeded"]), (&json!(true), &json!(true)));
    let service = balancer.get("/api/services/svc").json();
    assert_eq!(kind(&service["instances"][0]["lastHealthCheck"]), "string", "the check is noted");
    assert_eq!(balancer.post("/api/services/svc/instances/x/health-check").status, 400);
}

#[test]
fn metrics_of_a_service_are_doubles_per_instance() {
    let (_backend, balancer) = setup();
    get(&balancer.proxy("/"));
    let metrics = ok("metrics", &balancer.get("/api/metrics/svc"));
    let keys = [
        "cpuUsagePercent",
        "jvmMemoryUsagePercent",
        "uptimeSeconds",
        "avgResponseTimeMs",
        "errorRatePercent",
        "requestRatePerSecond",
    ];
    assert_shape("metrics", &metrics["b0"], &keys.map(|key| (key, "double")));
    assert_eq!(balancer.get("/api/metrics/nobody").status, 404);
}

#[test]
fn prometheus_has_the_names_that_dashboards_use() {
    let (_backend, balancer) = setup();
    get(&balancer.proxy("/"));
    get(&balancer.proxy("/fail"));
    let text = balancer.get("/actuator/prometheus").text();
    for line in [
        "lb_proxy_requests_total{service=\"svc\",status=\"200\"} 1",
        "lb_proxy_requests_total{service=\"svc\",status=\"500\"} 1",
        "lb_proxy_errors_total{service=\"svc\",error_type=\"backend\",status=\"500\"} 1",
        "lb_proxy_request_duration_seconds_count{service=\"svc\"} 2",
        "lb_proxy_request_duration_seconds_bucket{service=\"svc\",le=\"+Inf\"} 2",
        "lb_pod_requests_total{service=\"svc\",pod_name=\"b0\"} 2",
        "lb_pod_errors_total{service=\"svc\",pod_name=\"b0\"} 1",
        "lb_pod_active_requests{service=\"svc\",pod_name=\"b0\"} 0",
        "lb_pod_response_duration_seconds_count{service=\"svc\",pod_name=\"b0\",status=\"200\"} 1",
        "# TYPE lb_proxy_request_duration_seconds histogram",
        "# TYPE lb_active_connections gauge",
    ] {
        assert!(text.lines().any(|it| it == line), "`{line}` is missing in\n{text}");
    }
    assert_eq!(balancer.get("/actuator/health").json(), json!({ "status": "UP" }));
}

#[test]
fn unknown_backends_and_missing_parameters_are_refused() {
    let (_backend, balancer) = setup();
    for (path, status) in [
        ("/api/lb/drain?backend=nobody", 404),
        ("/api/lb/undrain?backend=nobody", 404),
        ("/api/lb/drain", 400),
    ] {
        assert_eq!(balancer.post(path).status, status, "{path}");
    }
    let algorithms = ok("algorithms", &balancer.get("/api/lb/algorithms"));
    let list = algorithms["algorithms"].as_array().expect("a list");
    let rl = list.iter().find(|entry| entry["name"] == "rl").expect("rl is known");
    assert_eq!(rl["available"], false);
    assert!(rl["reason"].as_str().is_some_and(|reason| reason.contains("policy file")), "{rl}");
}

#[test]
fn a_token_guards_everything_but_health() {
    let backend = Backend::fixed("x");
    let more = json!({ "admin_token": "s3cret" });
    let balancer = Balancer::with_backends("round-robin", &[&backend], more);
    let url = format!("{}/api/benchmark/status", balancer.admin);
    for (fields, status) in [
        (&[][..], 401),
        (&[("Authorization", "Bearer wrong!")], 401),
        (&[("Authorization", "Basic s3cret")], 401),
        (&[("Authorization", "Bearer s3cret")], 200),
        (&[("Authorization", "bearer s3cret")], 200),
        (&[("Authorization", "BEARER  s3cret")], 200),
    ] {
        assert_eq!(send("GET", &url, fields, b"").status, status, "{fields:?}");
    }
    assert_eq!(balancer.get("/actuator/prometheus").status, 401);
    for probe in ["/actuator/health", "/actuator/health/liveness", "/actuator/health/readiness"] {
        assert_eq!(balancer.get(probe).status, 200, "{probe}: probes carry no token");
    }
    assert_eq!(get(&balancer.proxy("/")).status, 200, "clients of the services need none");
}

#[test]
fn the_admin_api_can_have_an_address_of_its_own() {
    let backend = Backend::fixed("x");
    let more = json!({ "admin_listen": "127.0.0.1:0" });
    let balancer = Balancer::with_backends("round-robin", &[&backend], more);
    assert_ne!(balancer.url, balancer.admin);
    assert_eq!(balancer.get("/api/lb/snapshot").status, 200);
    assert_eq!(get(&format!("{}/api/lb/snapshot", balancer.url)).status, 404, "not on the data port");
    assert_eq!(get(&format!("{}/proxy/svc/", balancer.admin)).status, 404, "nor the other way round");
    assert_eq!(get(&balancer.proxy("/")).status, 200);
}

#[test]
fn one_connection_serves_both_proxy_and_admin() {
    let (_backend, balancer) = setup();
    let mut client = Client::connect(balancer.address());
    for _ in 0..3 {
        assert_eq!(client.ask("GET", "/proxy/svc/", "", b"").status, 200);
        assert_eq!(client.ask("GET", "/api/lb/snapshot", "", b"").status, 200);
    }
}
