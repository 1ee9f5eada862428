//! The Envoy adapter against recordings of Envoy 1.40, and files that are watched as it watches them.

#[path = "envoy/server.rs"]
mod server;

use lb_admin_client::envoy::{self, EnvoyAdmin};
use lb_admin_client::{
    AdminError, KnownBackend, LoadBalancerAdmin, RealOptions, ResetKind, Switching, Verdict,
};
use lb_core::Algorithm;
use serde_json::{Value, json};
use server::{Inner, Shared, folder, number, read, recorded, start};
use std::path::PathBuf;
use std::time::Duration;

fn algorithm(name: &str) -> Algorithm {
    name.parse().expect("the name is in the table")
}

fn backends() -> Vec<KnownBackend> {
    let backend = |(id, port, weight): &(&str, u16, f64)| KnownBackend {
        id: (*id).to_owned(),
        pool: "shop".to_owned(),
        services: vec!["user-service".to_owned()],
        address: format!("127.0.0.1:{port}"),
        weight: *weight,
    };
    [("s1", 9001, 1.0), ("s2", 9002, 2.0)].iter().map(backend).collect()
}

/// An Envoy with the clusters `round-robin`, `p2c` and `rl` of the pool `shop`, the latter from a file.
fn selecting(test: &str) -> (Inner, PathBuf) {
    let path = folder(test).join("shop.rl.eds.json");
    let file =
        envoy::assignment("shop.rl", &backends().into_iter().map(|one| (one, 1.0)).collect::<Vec<_>>());
    std::fs::write(&path, file.to_string()).expect("the file can be written");
    let clusters = include_str!("envoy/static_clusters.json")
        .replace("/xds/shop.rl.eds.json", &path.display().to_string());
    let dumps = [
        ("static_clusters", recorded(&clusters)),
        ("static_route_configs", recorded(include_str!("envoy/static_route_configs.json"))),
    ];
    let inner = Inner {
        clusters: recorded(include_str!("envoy/clusters.json")),
        dumps: dumps.map(|(key, dump)| (key.to_owned(), dump)).into(),
        watched: Some((path.clone(), number(&path))),
        ..Inner::default()
    };
    (inner, path)
}

/// An Envoy with one cluster for the pool `shop`, from a file.
fn by_file(test: &str) -> (Inner, PathBuf) {
    let path = folder(test).join("cds.json");
    let file = envoy::clusters(&backends(), algorithm("round-robin")).expect("Envoy has it");
    std::fs::write(&path, file.to_string()).expect("the file can be written");
    let source = json!({"resource_api_version": "V3", "path_config_source": {"path": path}});
    let bootstrap = json!({"dynamic_resources": {"cds_config": source}});
    let mut inner = Inner { watched: Some((path.clone(), number(&path))), ..Inner::default() };
    inner.clusters = json!({"cluster_statuses": [{"name": "shop", "host_statuses": []}]});
    inner
        .dumps
        .insert("bootstrap.dynamic_resources".to_owned(), json!({"configs": [{"bootstrap": bootstrap}]}));
    inner.version = "1".to_owned();
    inner.take_over(file["resources"][0].clone());
    (inner, path)
}

fn options(url: &str, switching: Switching) -> RealOptions {
    let limit = Duration::from_secs(30);
    RealOptions { backends: backends(), switching, limit, ..RealOptions::new(url) }
}

async fn connect(inner: Inner, switching: Switching) -> (EnvoyAdmin, Shared) {
    let (url, shared) = start(inner).await;
    (EnvoyAdmin::connect(&options(&url, switching)).await.expect("it is Envoy"), shared)
}

fn changes(shared: &Shared) -> Vec<String> {
    shared.lock().expect("nobody panics").changes.clone()
}

#[tokio::test]
async fn what_all_pools_have_a_cluster_for_can_be_switched_to() {
    let (admin, shared) = connect(selecting("discovery").0, Switching::Selector).await;
    let can = admin.capabilities();
    let offered: Vec<&str> = can.algorithms.iter().map(|offer| offer.native.as_str()).collect();
    assert_eq!(
        offered,
        ["ROUND_ROBIN", "LEAST_REQUEST", "LEAST_REQUEST, steered weights"],
        "other clusters are none"
    );
    assert!(can.per_backend && can.in_flight && can.weights && !can.drain);
    assert_eq!(can.reset, ResetKind::None);
    let current = admin.current().await.expect("it says");
    assert_eq!(current.algorithm, Some(algorithm("round-robin")), "without keys the last route answers");
    assert!(changes(&shared).is_empty(), "connecting and asking change nothing");

    let (url, _) = start(Inner { clusters: json!({"cluster_statuses": []}), ..Inner::default() }).await;
    let error = EnvoyAdmin::connect(&options(&url, Switching::Selector))
        .await
        .expect_err("nothing is to be switched");
    assert!(error.to_string().contains("named after an algorithm, such as `main.round-robin`"), "{error}");
}

#[tokio::test]
async fn a_switch_sets_all_keys_in_one_call() {
    let (admin, shared) = connect(selecting("switch").0, Switching::Selector).await;
    assert_eq!(admin.switch(&algorithm("p2c")).await.expect("it is offered"), "LEAST_REQUEST");
    assert_eq!(admin.switch(&algorithm("round-robin")).await.expect("it is offered"), "ROUND_ROBIN");
    assert_eq!(
        changes(&shared),
        [
            "lb.algorithm.p2c=100&lb.algorithm.rl=0&lb.algorithm.round-robin=0",
            "lb.algorithm.p2c=0&lb.algorithm.rl=0&lb.algorithm.round-robin=100",
        ],
        "an earlier key that stayed at 100 would win"
    );
}

#[tokio::test]
async fn what_is_not_offered_is_not_asked_for() {
    let (admin, shared) = connect(selecting("refusal").0, Switching::Selector).await;
    for name in ["random", "prequal", "p2c+ejection"] {
        let error = admin.switch(&algorithm(name)).await.expect_err("there is no such cluster");
        assert!(matches!(error, AdminError::NotOffered { .. }), "{error}");
    }
    assert!(changes(&shared).is_empty(), "no call was made");
}

#[tokio::test]
async fn a_switch_that_the_runtime_does_not_show_is_none() {
    let (mut inner, _) = selecting("deaf");
    inner.deaf = true;
    let (admin, shared) = connect(inner, Switching::Selector).await;
    let error = admin.switch(&algorithm("p2c")).await.expect_err("nothing changed");
    assert!(matches!(&error, AdminError::NotSwitched { routes, .. } if routes == "ROUND_ROBIN"), "{error}");

    let keys = [("lb.algorithm.p2c", "100"), ("lb.algorithm.random", "30")];
    let keys = keys.map(|(key, value)| (key.to_owned(), value.to_owned()));
    shared.lock().expect("nobody panics").runtime = keys.into();
    let current = admin.current().await.expect("it says");
    assert_eq!(
        (current.native.as_str(), current.algorithm),
        ("p2c at 100 and random at 30", None),
        "two keys at once"
    );
}

#[tokio::test]
async fn counters_of_a_backend_are_summed_over_the_clusters_of_its_pool() {
    let (admin, _) = connect(selecting("snapshot").0, Switching::Selector).await;
    admin.switch(&algorithm("p2c")).await.expect("it is offered");
    let snapshot = admin.snapshot().await.expect("it counts");
    assert_eq!(snapshot.algorithm, "LEAST_REQUEST");
    assert_eq!(snapshot.generation, "2026-11-22T01:13:50.915", "the time at which the clusters were built");
    let told: Vec<_> = snapshot
        .backends
        .iter()
        .map(|one| (one.id.as_str(), one.pool.as_str(), one.requests, one.errors, one.in_flight, one.healthy))
        .collect();
    assert_eq!(
        told,
        [("s1", "shop", Some(4), Some(0), 1, true), ("s2", "shop", Some(5), Some(0), 0, true)],
        "counters that are left out are zero, and values are texts"
    );
    let pool = admin.pool("user-service").await.expect("it answers").expect("the pool is known");
    assert_eq!(
        pool.iter().map(|one| (one.id.as_str(), one.weight)).collect::<Vec<_>>(),
        [("s1", 1.0), ("s2", 1.0)]
    );
}

#[tokio::test]
async fn a_cluster_with_another_policy_contradicts_the_runtime() {
    let (inner, _) = selecting("contradiction");
    let (admin, shared) = connect(inner, Switching::Selector).await;
    let p2c = algorithm("p2c");
    admin.switch(&p2c).await.expect("it is offered");
    let layer = admin.control_plane(&p2c).await.expect("it answers");
    assert_eq!(layer.verdict, Verdict::Confirmed, "{}", layer.detail);

    let configs = |inner: &mut Inner, change: &dyn Fn(&mut Value)| {
        let clusters =
            inner.dumps.get_mut("static_clusters").expect("they are there")["configs"].as_array_mut();
        let of_it = |one: &&mut Value| one["cluster"]["name"] == "shop.p2c";
        clusters.into_iter().flatten().filter(of_it).for_each(|one| change(&mut one["cluster"]));
    };
    configs(&mut shared.lock().expect("nobody panics"), &|cluster| cluster["lb_policy"] = "RANDOM".into());
    let layer = admin.control_plane(&p2c).await.expect("it answers");
    assert_eq!(layer.verdict, Verdict::Contradicted);
    assert!(layer.detail.contains("cluster `shop.p2c` balances with RANDOM"), "{}", layer.detail);

    configs(&mut shared.lock().expect("nobody panics"), &|cluster| {
        cluster["lb_policy"] = "CLUSTER_PROVIDED".into()
    });
    let layer = admin.control_plane(&p2c).await.expect("it answers");
    assert_eq!(layer.verdict, Verdict::Confirmed, "what we do not know is not judged: {}", layer.detail);
    assert!(layer.detail.contains("CLUSTER_PROVIDED, which is unknown"), "{}", layer.detail);
}

#[tokio::test]
async fn weights_are_whole_numbers_in_a_file_that_is_moved_to_its_place() {
    let (inner, path) = selecting("weights");
    let before = number(&path);
    let (admin, _) = connect(inner, Switching::Selector).await;
    let weights = [("s1".to_owned(), 0.2), ("s2".to_owned(), 0.8)];
    admin.set_weights(&weights).await.expect("they are in force when this returns");
    assert_ne!(number(&path), before, "a file written in place would not be noticed");
    let file = read(&path);
    let endpoints = &file["resources"][0]["endpoints"][0]["lb_endpoints"];
    assert_eq!(
        (&endpoints[0]["load_balancing_weight"], &endpoints[1]["load_balancing_weight"]),
        (&json!(250), &json!(1000))
    );
    assert_eq!(endpoints[0]["endpoint"]["hostname"], "s1", "the rest stays");
    for (id, weight, said) in
        [("s1", 0.0, "must be above 0"), ("nobody", 1.0, "there is no backend `nobody`")]
    {
        let error = admin.set_weights(&[(id.to_owned(), weight)]).await.expect_err("it cannot be set");
        assert!(error.to_string().contains(said), "{error}");
    }
    assert_eq!(read(&path), file, "what is refused is not written");
}

#[tokio::test]
async fn rejected_weights_are_named_and_the_file_is_put_back() {
    let (mut inner, path) = selecting("rejected_weights");
    inner.rejects = true;
    let before = read(&path);
    let (admin, _) = connect(inner, Switching::Selector).await;
    let error = admin.set_weights(&[("s1".to_owned(), 0.2)]).await.expect_err("Envoy says no").to_string();
    assert!(error.contains("`cluster.shop.rl.update_rejected` went from 0 to 1"), "{error}");
    assert_eq!(read(&path), before, "Envoy can be started again");
}

#[tokio::test]
async fn a_switch_by_file_rewrites_the_policies_and_begins_a_generation() {
    let (admin, _) = connect(by_file("config").0, Switching::Config).await;
    assert!(!admin.algorithms().contains(&algorithm("rl")), "each new weight would build the hosts anew");
    assert!(!admin.capabilities().weights);
    let first = admin.snapshot().await.expect("it counts").generation;
    for name in ["least-connections", "weighted-round-robin", "ip-hash"] {
        let wanted = algorithm(name);
        admin.switch(&wanted).await.expect("it is offered");
        assert_eq!(admin.current().await.expect("it says").algorithm, Some(wanted));
        let layer = admin.control_plane(&wanted).await.expect("it answers");
        assert_eq!(layer.verdict, Verdict::Confirmed, "{}", layer.detail);
    }
    assert_ne!(admin.snapshot().await.expect("it counts").generation, first, "hosts were built anew");
}

#[tokio::test]
async fn a_rejected_file_of_clusters_is_named_and_put_back() {
    let (mut inner, path) = by_file("rejected");
    inner.rejects = true;
    let before = read(&path);
    let (admin, _) = connect(inner, Switching::Config).await;
    let error = admin.switch(&algorithm("p2c")).await.expect_err("Envoy says no").to_string();
    assert!(error.contains("`cluster_manager.cds.update_rejected` went from 0 to 1"), "{error}");
    assert_eq!(read(&path), before, "Envoy can be started again");
    assert_eq!(
        admin.current().await.expect("it says").native,
        "ROUND_ROBIN",
        "the former policy is in force"
    );
}

#[tokio::test]
async fn a_file_that_was_taken_over_with_another_policy_is_no_switch() {
    let (mut inner, _) = by_file("misread");
    inner.misreads = true;
    let (admin, _) = connect(inner, Switching::Config).await;
    let error =
        admin.switch(&algorithm("random")).await.expect_err("what counts is the policy, not the version");
    assert!(matches!(&error, AdminError::NotSwitched { routes, .. } if routes == "ROUND_ROBIN"), "{error}");
}
