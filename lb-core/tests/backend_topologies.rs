//! The bundled topologies, as they lie in `configs/topologies`.

use lb_core::topology::Topology;
use std::collections::BTreeSet;
use std::path::Path;

/// Name of the file without its ending, and the topology in it.
fn bundled() -> Vec<(String, Topology)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/topologies");
    let mut all: Vec<(String, Topology)> = std::fs::read_dir(&folder)
        .expect("the folder of bundled topologies must be there")
        .map(|entry| entry.expect("a readable folder").path())
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a readable file");
            let topology = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{} must parse: {error}", path.display()));
            (path.file_stem().expect("a file name").to_string_lossy().into_owned(), topology)
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn every_bundled_topology_parses_and_has_no_problems() {
    let all = bundled();
    let names: BTreeSet<&str> = all.iter().map(|(file, _)| file.as_str()).collect();
    for situation in 'a'..='i' {
        let name = format!("situation-{situation}");
        assert!(names.contains(name.as_str()), "{name} must be bundled");
    }
    assert!(names.contains("default"), "the topology of a first run must be bundled");
    for (file, topology) in &all {
        assert_eq!(&topology.name, file, "a topology is named as its file");
        assert_eq!(topology.problems(), Vec::<String>::new(), "problems of {file}");
        assert!(!topology.description.is_empty(), "{file} must say what it is for");
    }
}

#[test]
fn the_situations_have_the_capacity_that_their_descriptions_name() {
    for (file, topology) in bundled().iter().filter(|(file, _)| file.starts_with("situation")) {
        let backends = topology.pools.iter().flat_map(|pool| &pool.backends);
        let work: f64 = backends.map(|b| f64::from(b.workers) * b.speed).sum();
        let capacity = work / topology.service_time.mean_ms() * 1_000.0;
        let expected = if file == "situation-i" { 12_800.0 } else { 3_200.0 };
        assert!((capacity - expected).abs() < 1e-6, "{file} serves {capacity} requests/s at most");
    }
}

#[test]
fn requests_without_a_service_belong_to_the_pool_of_the_pages_unless_another_takes_all() {
    let topology = |last: &str| -> Topology {
        let text = format!(
            r#"{{"name": "t", "pools": [
                {{"name": "cart", "services": ["cart-service"], "backends": [{{"id": "c1"}}]}},
                {{"name": "pages", "services": ["boutique"], "backends": [{{"id": "p1"}}]}}{last}],
                "routes": [{{"service": "boutique", "path": "/cart",
                    "service_time": {{"distribution": "constant", "mean_ms": 2.0}}}}],
                "service_time": {{"distribution": "constant", "mean_ms": 1.0}}}}"#
        );
        serde_json::from_str(&text).expect("a topology")
    };
    let pages = topology("");
    assert_eq!((pages.meant(""), pages.pool_of("")), ("boutique", Some(1)));
    assert_eq!((pages.pool_of("cart-service"), pages.pool_of("other")), (Some(0), None));
    assert_eq!(pages.service_time(pages.route("", "GET", "/cart")).mean_ms(), 2.0);
    let rest = topology(r#", {"name": "rest", "backends": [{"id": "r1"}]}"#);
    assert_eq!((rest.meant(""), rest.pool_of(""), rest.pool_of("boutique")), ("", Some(2), Some(1)));
}
