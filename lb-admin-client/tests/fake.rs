//! The fake keeps the contract, and misbehaves as told.

use lb_admin_client::fake::Conduct;
use lb_admin_client::{AdminError, FakeAdmin, LoadBalancerAdmin, ResetKind, Verdict, VerifyOptions};
use lb_core::Algorithm;
use lb_core::time::Span;
use std::time::Duration;

const BACKENDS: [(&str, f64); 3] = [("a", 1.0), ("b", 1.0), ("c", 1.0)];

fn algorithm(name: &str) -> Algorithm {
    name.parse().expect("the name is in the table")
}

fn options() -> VerifyOptions {
    VerifyOptions::new("http://127.0.0.1:1/proxy", "any").expect("the address is one")
}

#[tokio::test]
async fn an_honest_one_goes_through_a_whole_trial() {
    let fake = FakeAdmin::new(&BACKENDS);
    let admin: &dyn LoadBalancerAdmin = &fake;
    let least = algorithm("least-connections");
    admin.drain(Duration::ZERO).await.expect("nothing is in flight");
    admin.start(&least).await.expect("no measurement runs");
    assert_eq!(admin.switch(&least).await.expect("it is offered"), "least-connections");
    let evidence = admin.verify(&least, &options()).await.expect("it can be verified");
    assert_eq!(evidence.verdict(), Verdict::Confirmed, "choices confirm it: {evidence:?}");
    assert_eq!(admin.reset().await.expect("it can reset"), ResetKind::Full);
    let before = admin.snapshot().await.expect("it counts");
    fake.serve(30, Span::from_millis(2));
    let after = admin.snapshot().await.expect("it counts");
    let window = after.since(&before).expect("nothing restarted");
    let requests: u64 = window.backends.iter().filter_map(|backend| backend.requests).sum();
    assert_eq!(requests, 30, "the window counts what was served in it");
    admin.stop().await.expect("the measurement runs");
    assert!(
        matches!(admin.stop().await, Err(AdminError::NotMeasuring { .. })),
        "a second stop has nothing to stop"
    );
    fake.restart();
    let later = admin.snapshot().await.expect("it counts");
    assert!(later.since(&after).is_err(), "a restart ends the window");
    assert_eq!(
        fake.calls()[..4],
        ["drain", "start least-connections", "switch least-connections", "verify least-connections"],
        "calls are on record in their order"
    );
}

#[tokio::test]
async fn each_misconduct_has_its_error_or_its_evidence() {
    let p2c = algorithm("p2c");
    let refuses = FakeAdmin::new(&BACKENDS).with_conduct(Conduct::Refuses);
    let error = refuses.switch(&p2c).await.expect_err("it refuses");
    assert!(
        matches!(&error, AdminError::Refused { available, .. } if available == &["round-robin"]),
        "a refusal says what there is: {error}"
    );
    let claims = FakeAdmin::new(&BACKENDS).with_conduct(Conduct::ClaimsSwitch);
    let error = claims.switch(&p2c).await.expect_err("its control plane admits it");
    assert!(
        error.to_string().contains("says that `round-robin` is active"),
        "a switch that did not happen names what routes: {error}"
    );
    let least = algorithm("least-connections");
    let lies = FakeAdmin::new(&BACKENDS).with_conduct(Conduct::Lies(algorithm("round-robin")));
    lies.switch(&least).await.expect("it accepts every switch");
    let evidence = lies.verify(&least, &options()).await.expect("it can be verified");
    assert_eq!(evidence.control_plane.verdict, Verdict::Confirmed, "its words are smooth");
    assert_eq!(evidence.verdict(), Verdict::Contradicted, "its choices are not: {evidence:?}");
    let against = evidence.contradiction().expect("one layer contradicts");
    assert!(against.starts_with("behaviour: rotates"), "and says how: {against}");
}

#[tokio::test]
async fn draining_names_what_remains() {
    let fake = FakeAdmin::new(&BACKENDS[..1]);
    fake.hold();
    fake.hold();
    let error = fake.drain(Duration::from_secs(3)).await.expect_err("two are in flight");
    assert!(error.to_string().contains("2 on a"), "the error names the backend: {error}");
}

#[tokio::test]
async fn a_missing_capability_is_refused_not_ignored() {
    let fake = FakeAdmin::new(&BACKENDS).with_capabilities(|can| {
        can.weights = false;
        can.algorithms.retain(|offer| offer.native == "random");
    });
    let error = fake.set_weights(&[("a".to_owned(), 2.0)]).await.expect_err("it cannot");
    assert!(matches!(error, AdminError::NotSupported { .. }), "{error}");
    let error = fake.switch(&algorithm("p2c")).await.expect_err("it is not offered");
    assert_eq!(
        error.to_string(),
        "switch to `p2c`: the fake load balancer does not offer it; it offers random",
        "the refusal lists what is offered"
    );
    assert!(fake.calls().is_empty(), "what is not offered is not even asked for");
}
