//! Tests of the adapter against a small server and commands of every system.

use super::*;
use crate::admin::LoadBalancerAdmin;
use axum::Router;
use axum::extract::State;
use axum::routing::{any, get};
use lb_core::switch_evidence::Verdict;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// What a load balancer was told, and what it answers.
#[derive(Default)]
struct Told {
    calls: Vec<String>,
    /// Which askings, counted from 0, it answers with not being ready.
    unready: Vec<usize>,
    asked: usize,
    /// How many requests it says are in flight; one fewer each time.
    in_flight: usize,
}

type Shared = Arc<Mutex<Told>>;

async fn server(told: Told) -> (SocketAddr, Shared) {
    let shared = Arc::new(Mutex::new(told));
    let lock = |shared: &Shared| shared.lock().expect("no thread panics").calls.len();
    let routes = Router::new()
        .route(
            "/metrics",
            get(|State(shared): State<Shared>| async move {
                let mut told = shared.lock().expect("no thread panics");
                let now = told.in_flight;
                told.in_flight = now.saturating_sub(1);
                format!("sent{{server=\"a\"}} {}\nnow{{server=\"a\"}} {now}\n", told.calls.len())
            }),
        )
        .route(
            "/ready",
            get(|State(shared): State<Shared>| async move {
                let mut told = shared.lock().expect("no thread panics");
                told.calls.push("ready".to_owned());
                told.asked += 1;
                if told.unready.contains(&(told.asked - 1)) { "not yet" } else { "yes" }
            }),
        )
        .route(
            "/{*path}",
            any(move |State(shared): State<Shared>, uri: axum::http::Uri| async move {
                shared.lock().expect("no thread panics").calls.push(uri.path().to_owned());
                format!("call {} of {}", lock(&shared), uri.path())
            }),
        )
        .with_state(Arc::clone(&shared));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, shared)
}

fn declared(address: SocketAddr, more: &Value) -> Declared {
    let url = format!("http://{address}");
    let mut spec = json!({
        "name": "edge",
        "algorithms": { "p2c": { "mode": "two" }, "blue": { "mode": "b" } },
        "switch": [{ "http": { "url": format!("{url}/set/{{algorithm}}/{{mode}}") } }]
    });
    let more: Value = serde_json::from_str(&more.to_string().replace("URL", &url))
        .expect("JSON stays JSON with an address");
    spec.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let spec: Declaration = serde_json::from_value(spec).expect("a declaration");
    assert_eq!(spec.faults(), []);
    Declared::new(Arc::new(spec)).expect("an adapter")
}

fn calls(shared: &Shared) -> Vec<String> {
    shared.lock().expect("no thread panics").calls.clone()
}

#[tokio::test]
async fn a_switch_takes_its_steps_and_waits_until_it_is_ready() {
    let (address, shared) = server(Told { unready: vec![0, 2], ..Told::default() }).await;
    let ready = json!({ "ready": { "http": { "url": "URL/ready", "expect": { "body": "yes" } } } });
    let admin = declared(address, &ready);
    assert_eq!(admin.algorithms(), ["p2c".parse().expect("known"), Algorithm::foreign("blue")]);
    let native = admin.switch(&Algorithm::foreign("blue")).await.expect("it is ready in the end");
    assert_eq!(native, "blue");
    // The second asking met the new process, and the third the old one again.
    assert_eq!(calls(&shared), ["/set/blue/b", "ready", "ready", "ready", "ready", "ready", "ready"]);
    assert_eq!(admin.current().await.expect("it was switched").native, "blue");
    let other = admin.switch(&Algorithm::foreign("red")).await;
    assert!(matches!(other, Err(AdminError::NotOffered { .. })), "{other:?}");
}

#[tokio::test]
async fn a_load_balancer_that_does_not_get_ready_is_an_error_with_its_last_answer() {
    let (address, _) = server(Told { unready: (0..100).collect(), ..Told::default() }).await;
    let ready = json!({ "ready": { "http": { "url": "URL/ready", "expect": { "body": "yes" } }, "timeout": "500ms" } });
    let admin = declared(address, &ready);
    let message = admin.switch(&Algorithm::foreign("blue")).await.expect_err("it never is").to_string();
    assert!(message.contains("take step `ready`") && message.contains("it said: not yet"), "{message}");
    assert!(admin.current().await.is_err(), "nothing is said to be active");
}

#[tokio::test]
async fn evidence_is_what_the_steps_of_verify_find() {
    let (address, _) = server(Told::default()).await;
    let blue = Algorithm::foreign("blue");
    let silent = declared(address, &json!({})).control_plane(&blue).await.expect("nothing is asked");
    assert_eq!((silent.verdict, silent.detail.as_str()), (Verdict::NotTested, "`verify` is not declared"));
    let verify = |body: &str| json!({ "verify": [{ "http": { "url": "URL/show/{mode}", "expect": { "body": body } } }] });
    let right = declared(address, &verify("/show/{mode}")).control_plane(&blue).await.expect("it answers");
    assert_eq!(right.verdict, Verdict::Confirmed);
    let wrong = declared(address, &verify("{algorithm}")).control_plane(&blue).await.expect("it answers");
    assert_eq!(wrong.verdict, Verdict::Contradicted);
    assert!(wrong.detail.contains("was answered without `blue`"), "{}", wrong.detail);
    let closed = json!({ "verify": [{ "http": { "url": "http://127.0.0.1:9/" } }] });
    let unknown = declared(address, &closed).control_plane(&blue).await;
    assert!(
        matches!(unknown, Err(AdminError::Step { answered: false, .. })),
        "no answer proves nothing: {unknown:?}"
    );
}

#[tokio::test]
async fn only_the_control_plane_is_asked_where_no_probe_is_sent() {
    let (address, shared) = server(Told::default()).await;
    let verify = json!({ "verify": [{ "http": { "url": "URL/show" } }] });
    let evidence =
        declared(address, &verify).verify_claim(&Algorithm::foreign("blue")).await.expect("it answers");
    let verdicts = evidence.layers().map(|(_, layer)| layer.verdict);
    assert_eq!(verdicts, [Verdict::Confirmed, Verdict::NotTested, Verdict::NotTested]);
    assert_eq!(calls(&shared), ["/show"]);
}

#[tokio::test]
async fn counters_come_from_metrics_and_backends_without_requests_are_listed() {
    let (address, _) = server(Told { in_flight: 3, ..Told::default() }).await;
    let metrics = json!({ "prometheus": "URL/metrics", "backend_label": "server", "requests": "sent", "in_flight": "now" });
    let admin = declared(address, &json!({ "metrics": metrics, "backends": ["a", "idle"] }));
    admin.switch(&Algorithm::foreign("blue")).await.expect("it is told");
    let before = admin.snapshot().await.expect("a page of metrics");
    admin.drain(Duration::from_secs(20)).await.expect("each look finds one fewer in flight");
    admin.switch(&Algorithm::foreign("blue")).await.expect("it is told");
    let window = admin.snapshot().await.expect("a page of metrics").since(&before).expect("counters grow");
    let counted: Vec<_> =
        window.backends.iter().map(|one| (one.id.as_str(), one.requests, one.in_flight)).collect();
    assert_eq!(counted, [("a", Some(1), 0), ("idle", Some(0), 0)]);

    let typo = json!({ "prometheus": "URL/metrics", "backend_label": "server", "requests": "sendt" });
    let message =
        declared(address, &json!({ "metrics": typo })).snapshot().await.expect_err("no such series");
    let message = message.to_string();
    assert!(message.contains("has no series of `sendt` with the label `server`"), "{message}");
    let silent = declared(address, &json!({})).snapshot().await;
    assert!(matches!(silent, Err(AdminError::NotSupported { .. })), "{silent:?}");
}

#[tokio::test]
async fn steps_that_are_not_declared_are_not_claimed() {
    let (address, shared) = server(Told::default()).await;
    let admin = declared(address, &json!({}));
    let capabilities = admin.capabilities();
    assert!(!capabilities.in_flight && !capabilities.per_backend && !capabilities.names_backends);
    assert_eq!(capabilities.reset, ResetKind::None);
    admin.drain(Duration::ZERO).await.expect("there is nothing to do");
    assert_eq!(calls(&shared), [""; 0]);
    let steps = json!({ "drain": [{ "http": { "url": "URL/drain" } }], "reset": [{ "http": { "url": "URL/reset" } }] });
    let admin = declared(address, &steps);
    assert!(admin.capabilities().in_flight);
    admin.drain(Duration::ZERO).await.expect("it answers");
    assert_eq!(admin.reset().await.expect("it answers"), ResetKind::Partial);
    assert_eq!(calls(&shared), ["/drain", "/reset"]);
}
