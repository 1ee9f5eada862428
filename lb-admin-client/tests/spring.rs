//! The Spring adapter against a server that speaks the dialect, traps included.

mod dialect;

use dialect::{Server, Traits};
use lb_admin_client::{
    AdminError, LoadBalancerAdmin, ResetKind, SpringAdmin, SpringOptions, Verdict, VerifyOptions,
};
use lb_core::Algorithm;
use std::time::Duration;

fn algorithm(name: &str) -> Algorithm {
    name.parse().expect("the name is in the table")
}

fn reference() -> Traits {
    Traits { reference: true, ..Traits::default() }
}

async fn connect(server: &Server) -> SpringAdmin {
    SpringAdmin::connect(&SpringOptions::new(&server.url)).await.expect("it speaks the dialect")
}

/// Patient, so that a busy machine does not decide a test.
fn entry(server: &Server) -> VerifyOptions {
    let base = format!("{}/proxy", server.url);
    let mut options = VerifyOptions::new(&base, "cart-service").expect("an address");
    options.hold = Duration::from_secs(1);
    options
}

#[tokio::test]
async fn a_plain_spring_application_offers_what_it_routes_and_no_more() {
    let server = Server::start(Traits::default()).await;
    let admin = connect(&server).await;
    let can = admin.capabilities();
    assert!(!can.names_backends, "nobody knows who made a 5xx there");
    let natives: Vec<&str> = can.algorithms.iter().map(|offer| offer.native.as_str()).collect();
    assert_eq!(
        natives,
        ["rl-agent", "round-robin", "least-connections"],
        "advertised strategies that the router does not know are not offered"
    );
    assert_eq!(can.reset, ResetKind::Partial, "other counters go on");
    assert!(!can.per_backend && !can.in_flight && !can.sees_old_in_flight, "it has none of these");
    assert!(!admin.is_reference(), "and none of the additions");
    assert_eq!(admin.native(&algorithm("rl")).expect("offered"), "rl-agent", "names are mapped");
    assert!(server.calls().is_empty(), "connecting changes nothing");
}

#[tokio::test]
async fn a_trial_starts_then_switches_with_query_parameters_then_stops() {
    let server = Server::start(Traits::default()).await;
    let admin = connect(&server).await;
    let least = algorithm("least-connections");
    assert_eq!(
        admin.current().await.expect("it says").native,
        "round-robin",
        "what routes counts, not the label `rl-agent`"
    );
    admin.start(&least).await.expect("no measurement runs");
    assert_eq!(admin.switch(&least).await.expect("it is offered"), "least-connections");
    assert_eq!(admin.current().await.expect("it says").algorithm, Some(least));
    assert_eq!(admin.reset().await.expect("it can"), ResetKind::Partial);
    admin.stop().await.expect("the measurement runs");
    assert_eq!(
        server.calls(),
        [
            "POST /api/benchmark/start?startAlgorithm=least-connections",
            "POST /api/benchmark/switch?algorithm=least-connections",
            "POST /api/benchmark/reset?algorithm=least-connections",
            "POST /api/benchmark/stop",
        ],
        "parameters stand in the query, and no call is made twice"
    );
}

#[tokio::test]
async fn a_second_start_and_a_stop_without_start_are_errors_whatever_their_status() {
    let server = Server::start(Traits::default()).await;
    let admin = connect(&server).await;
    let error = admin.stop().await.expect_err("nothing runs, although the status is 200");
    assert!(
        matches!(&error, AdminError::NotMeasuring { said, .. } if said == "No benchmark currently running"),
        "{error}"
    );
    let rr = algorithm("round-robin");
    admin.start(&rr).await.expect("the first start");
    let error = admin.start(&rr).await.expect_err("one runs already");
    assert!(
        matches!(&error, AdminError::AlreadyMeasuring { status: 400, said, .. } if said == "Benchmark already running"),
        "{error}"
    );
}

#[tokio::test]
async fn a_switch_that_only_changes_the_label_is_no_switch() {
    let server = Server::start(Traits { label_only: true, ..Traits::default() }).await;
    let admin = connect(&server).await;
    let least = algorithm("least-connections");
    let error = admin.switch(&least).await.expect_err("the router did not move");
    let text = error.to_string();
    assert!(
        matches!(&error, AdminError::NotSwitched { routes, .. } if routes == "round-robin")
            && text.contains("/rl/strategies"),
        "the error says what routes, and where that is written: {text}"
    );
    let layer = admin.control_plane(&least).await.expect("it answers");
    assert_eq!(layer.verdict, Verdict::Contradicted, "the control plane admits it: {layer:?}");
}

#[tokio::test]
async fn a_name_that_is_not_offered_is_never_sent() {
    let server = Server::start(Traits::default()).await;
    let admin = connect(&server).await;
    for name in ["p2c", "least-connections+ejection"] {
        let error = admin.switch(&algorithm(name)).await.expect_err("it is not offered");
        assert!(
            error.to_string().ends_with("it offers rl-agent, round-robin, least-connections"),
            "the refusal lists what there is: {error}"
        );
        let error = admin.start(&algorithm(name)).await.expect_err("start does not check names");
        assert!(matches!(error, AdminError::NotOffered { .. }), "{error}");
    }
    assert!(server.calls().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn a_refusal_by_the_load_balancer_carries_what_it_offers() {
    let server = Server::start(reference()).await;
    let admin = connect(&server).await;
    // It forgets an algorithm after we connected.
    server.inner().traits.reference = false;
    let error = admin.switch(&algorithm("p2c")).await.expect_err("it knows three only");
    assert!(
        matches!(&error, AdminError::Refused { status: 400, available, .. } if available.len() == 3),
        "{error}"
    );
    assert!(error.to_string().contains("Invalid algorithm: p2c"), "its words are quoted: {error}");
}

#[tokio::test]
async fn what_a_plain_application_cannot_do_is_an_error_with_a_way_out() {
    let server = Server::start(Traits::default()).await;
    let admin = connect(&server).await;
    let errors = [
        admin.snapshot().await.expect_err("no counters"),
        admin.drain(Duration::ZERO).await.expect_err("no in-flight counts"),
        admin.set_weights(&[("cart-1".to_owned(), 2.0)]).await.expect_err("no weights"),
        admin.set_draining("cart-1", true).await.expect_err("no drain"),
    ];
    for error in errors {
        assert!(
            matches!(&error, AdminError::NotSupported { url, way_out, .. } if *url == server.url && !way_out.is_empty()),
            "{error}"
        );
    }
    assert!(server.calls().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn the_reference_load_balancer_is_used_to_the_full() {
    let server = Server::start(reference()).await;
    let admin = connect(&server).await;
    let can = admin.capabilities();
    assert_eq!(can.reset, ResetKind::Full);
    assert!(can.names_backends, "a 5xx that names none is its own");
    assert!(admin.algorithms().contains(&algorithm("p2c")), "it offers more than three");
    let before = admin.snapshot().await.expect("it counts");
    assert_eq!(before.generation, "7", "generations are compared as text");
    assert_eq!(before.backends.len(), 3, "all backends of all pools");
    entry(&server).greet().await.expect("the data entry is open");
    let after = admin.snapshot().await.expect("it counts");
    let window = after.since(&before).expect("nothing was reset");
    assert_eq!(window.backends.iter().filter_map(|one| one.requests).sum::<u64>(), 1, "one request between");
    admin.set_weights(&[("cart-2".to_owned(), 2.5)]).await.expect("it takes weights");
    admin.set_draining("cart-3", true).await.expect("it drains");
    let pool = admin.pool("cart-service").await.expect("it answers").expect("it names the pool");
    let pool: Vec<_> = pool.iter().map(|one| (one.id.as_str(), one.weight)).collect();
    assert_eq!(pool, [("cart-1", 1.0), ("cart-2", 2.5)], "who drains is not picked");
    admin.set_draining("cart-3", false).await.expect("it takes that back");
    assert_eq!(admin.pool("nobody").await.expect("it answers"), None, "no pool serves that");
    assert_eq!(admin.reset().await.expect("it can"), ResetKind::Full);
    assert!(
        admin.snapshot().await.expect("it counts").since(&after).is_err(),
        "a reset begins a new generation"
    );
}

#[tokio::test]
async fn bad_values_are_refused_with_key_value_and_limit() {
    let server = Server::start(reference()).await;
    let admin = connect(&server).await;
    let error = admin.set_weights(&[("cart-1".to_owned(), 0.0)]).await.expect_err("zero");
    assert!(error.to_string().contains("weight of `cart-1` is 0, but must be above 0"), "{error}");
    assert!(server.calls().is_empty(), "it was not even sent");
    let error = admin.set_draining("cart-9", true).await.expect_err("no such backend");
    assert!(error.to_string().contains("unknown backend `cart-9`"), "{error}");
}

#[tokio::test]
async fn draining_waits_for_what_is_in_flight_and_else_names_it() {
    let server = Server::start(reference()).await;
    let admin = connect(&server).await;
    let url = format!("{}/proxy/cart-service/api/hold?ms=150", server.url);
    let held = tokio::spawn(reqwest::get(url));
    while server.inner().balancer.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    let error = admin.drain(Duration::ZERO).await.expect_err("one request is in flight");
    assert!(error.to_string().contains("(1 on cart-1)"), "it says where: {error}");
    admin.drain(Duration::from_secs(30)).await.expect("the request ends");
    assert_eq!(server.inner().balancer.in_flight(), 0, "nothing is in flight after a drain");
    held.await.expect("no panic").expect("it was answered");
}

#[tokio::test]
async fn an_honest_switch_is_confirmed_in_all_three_layers() {
    let server = Server::start(reference()).await;
    let (admin, entry) = (connect(&server).await, entry(&server));
    for name in ["round-robin", "least-connections", "ip-hash"] {
        let algorithm = algorithm(name);
        admin.switch(&algorithm).await.expect("it is offered");
        let evidence = admin.verify(&algorithm, &entry).await.expect("it can be probed");
        for (layer, said) in evidence.layers() {
            assert_eq!(said.verdict, Verdict::Confirmed, "{name}, {layer}: {said:?}");
        }
        assert_eq!(evidence.header.numbers["right"], 10.0, "five new connections and the old one");
        let in_flight = server.inner().balancer.in_flight();
        assert_eq!(in_flight, 0, "a probe leaves nothing behind");
    }
}

#[tokio::test]
async fn a_lie_in_words_and_headers_is_found_out_by_behaviour() {
    let server = Server::start(Traits { truth: Some("round-robin"), ..reference() }).await;
    let (admin, entry) = (connect(&server).await, entry(&server));
    let least = algorithm("least-connections");
    admin.switch(&least).await.expect("it says that it switched");
    let evidence = admin.verify(&least, &entry).await.expect("it can be probed");
    assert_eq!(evidence.control_plane.verdict, Verdict::Confirmed, "{evidence:?}");
    assert_eq!(evidence.header.verdict, Verdict::Confirmed, "{evidence:?}");
    assert_eq!(evidence.behaviour.verdict, Verdict::Contradicted, "{evidence:?}");
    assert_eq!(evidence.verdict(), Verdict::Contradicted, "one layer is enough");
}

#[tokio::test]
async fn private_views_hide_held_requests_so_their_trace_is_not_asked_for() {
    let server = Server::start(Traits { views: Some(2), ..reference() }).await;
    let (admin, entry) = (connect(&server).await, entry(&server));
    assert_eq!(admin.capabilities().views, 2);
    for (name, verdict) in [("least-connections", Verdict::NotTested), ("round-robin", Verdict::Confirmed)] {
        let algorithm = algorithm(name);
        admin.switch(&algorithm).await.expect("it is offered");
        let evidence = admin.verify(&algorithm, &entry).await.expect("it can be probed");
        assert_eq!(evidence.behaviour.verdict, verdict, "{name}: {:?}", evidence.behaviour);
        assert_eq!(evidence.verdict(), Verdict::Confirmed, "words and headers still speak: {evidence:?}");
    }
    let guards = admin.snapshot().await.expect("it has counters").guards.expect("it counts");
    assert_eq!((guards.picks, guards.minimum_share), (7, 1), "guards are read with the rest");
}

#[tokio::test]
async fn without_admin_additions_traffic_still_tells() {
    let server = Server::start(Traits::default()).await;
    let (admin, entry) = (connect(&server).await, entry(&server));
    let least = algorithm("least-connections");
    admin.start(&least).await.expect("no measurement runs");
    admin.switch(&least).await.expect("it is offered");
    let evidence = admin.verify(&least, &entry).await.expect("it can be probed");
    assert_eq!(evidence.header.verdict, Verdict::NotTested, "it names no algorithm: {evidence:?}");
    assert_eq!(evidence.behaviour.verdict, Verdict::Confirmed, "its choices do: {evidence:?}");
    assert_eq!(evidence.behaviour.numbers["backends"], 3.0, "it found all backends by itself");
}

#[tokio::test]
async fn backends_that_hold_nothing_leave_behaviour_untested() {
    let server = Server::start(Traits { no_hold: true, ..reference() }).await;
    let (admin, entry) = (connect(&server).await, entry(&server));
    let rr = algorithm("round-robin");
    admin.switch(&rr).await.expect("it is offered");
    let evidence = admin.verify(&rr, &entry).await.expect("the data entry answers");
    assert_eq!(evidence.behaviour.verdict, Verdict::NotTested, "nothing is guessed");
    assert!(evidence.behaviour.detail.contains("answered 404"), "{}", evidence.behaviour.detail);
    assert_eq!(evidence.header.verdict, Verdict::Confirmed, "headers need no such endpoint");
}

#[tokio::test]
async fn probing_tells_this_admin_api_from_others_and_from_nobody() {
    let server = Server::start(reference()).await;
    let probe = |url: String| async move { SpringAdmin::probe(&SpringOptions::new(&url)).await };
    assert!(probe(server.url.clone()).await.expect("it answers").is_some(), "one answers here");
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let nobody = format!("http://{}", gone.local_addr().expect("it is bound"));
    drop(gone);
    assert!(probe(nobody.clone()).await.expect("nobody is no error").is_none(), "nobody is here");
    let others =
        [(200, "<html>hello</html>"), (200, r#"{"status":"UP"}"#), (404, ""), (302, ""), (500, "{}")];
    for other in others {
        let server = Server::start(Traits { other: Some(other), ..Traits::default() }).await;
        let found = probe(server.url.clone()).await.expect("something else is no error");
        assert!(found.is_none(), "{other:?} is some other server");
    }
    let error = SpringAdmin::connect(&SpringOptions::new(&nobody)).await.expect_err("nobody");
    assert!(matches!(&error, AdminError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&nobody), "the error names the address: {error}");
    for (url, reason) in
        [("localhost:8080", "not supported"), ("https://a", "plain HTTP"), ("", "relative URL")]
    {
        let error = probe(url.to_owned()).await.expect_err("no address");
        assert!(error.to_string().contains(reason), "`{url}`: {error}");
    }
}

#[tokio::test]
async fn a_token_is_sent_and_a_missing_one_is_told_and_never_printed() {
    let server = Server::start(Traits { token: Some("s3cret"), ..reference() }).await;
    let mut options = SpringOptions::new(&server.url);
    let error = SpringAdmin::probe(&options).await.expect_err("it may be one, behind a token");
    assert!(matches!(error, AdminError::Unauthorized { status: 401, .. }), "{error}");
    options.token = Some("s3cret".to_owned());
    let admin = SpringAdmin::connect(&options).await.expect("the token is right");
    admin.switch(&algorithm("random")).await.expect("every call carries it");
    assert!(!format!("{admin:?}").contains("s3cret"), "secrets stay out of debug output");
}
