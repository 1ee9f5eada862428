//! Lists of results in folders that hold good and bad ones.

use super::*;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
    fs::write(path, text).expect("it can be written");
}

fn summary(name: &str, at: &str) -> String {
    json!({
        "run_id": name, "started_at": at, "command": ["bench", "--label=v1"], "config": { "name": "quick" },
        "interrupted": false,
        "scenarios": [{ "name": "shop", "answer": null,
            "algorithms": [{ "name": "p2c", "throughput_rps": 12.0, "error_rate": 0.01, "latency_ms": { "p95": 7.0 } }] }],
    })
    .to_string()
}

fn ids(results: &mut Results) -> Vec<String> {
    results.looked = None;
    results.list().iter().map(|entry| entry.id.clone()).collect()
}

#[test]
fn runs_loads_suites_and_their_runs_are_listed_newest_first_and_read_again_when_they_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("results");
    write(&root.join("a/summary.json"), &summary("a", "2026-11-30T01:00:00Z"));
    write(&root.join("a/report.html"), "<p>");
    write(&root.join("a/trend.html"), "<p>");
    write(&root.join("a/trials/shop-p2c-0.json"), "{}");
    write(&root.join("a/records/secret.json"), "{}");
    write(&root.join("a/.lock"), "");
    let load = json!({ "run_id": "b", "started_at": "2026-11-30T02:00:00Z", "config": "boutique", "ending": "stopped",
                       "seconds": 60.0, "totals": { "requests": 600, "requests_per_s": 10.0, "error_rate": 0.0, "p95_ms": 8.0 } });
    write(&root.join("b/continuous.json"), &load.to_string());
    let suite = json!({ "name": "all", "started_at": "2026-11-30T03:00:00Z", "state": "complete",
                        "runs": [{ "state": "passed" }, { "state": "failed" }] });
    write(&root.join("c/suite.json"), &suite.to_string());
    write(&root.join("c/light/summary.json"), &summary("light", "2026-11-30T03:00:01Z"));
    write(&root.join("d/nothing.txt"), "no results");
    let mut results = Results::new(Root::new(&root));
    assert_eq!(ids(&mut results), ["c~light", "c", "b", "a"]);
    let told: Vec<Value> = results.list().iter().map(|entry| json!(**entry)).collect();
    assert_eq!(told[1]["headline"], "1 of 2 runs passed, 1 failed");
    assert_eq!(told[2]["headline"], "600 requests in 60 s, 10.0 per second, 0.00 % errors, p95 8.0 ms");
    assert_eq!(
        (&told[3]["label"], &told[3]["kind"], &told[3]["ended"]),
        (&json!("v1"), &json!("experiment"), &json!("complete"))
    );
    assert_eq!(told[3]["headline"], "p2c: p95 7.0 ms, 12.0 requests per second, 1.00 % errors");
    assert_eq!(
        told[3]["reports"],
        json!([{ "n": 0, "title": "Report" }, { "n": 1, "title": "Trend up to this run" }])
    );
    let names: Vec<&Value> =
        told[3]["files"].as_array().expect("a list").iter().map(|file| &file["name"]).collect();
    assert_eq!(
        names,
        ["report.html", "summary.json", "trend.html", "trials/shop-p2c-0.json"],
        "no hidden file and no record"
    );
    assert!(told[3].get("folder").is_none(), "no path is told");

    write(&root.join("a/metrics.prom"), "x 1");
    ids(&mut results);
    assert_eq!(results.find("a").expect("it is there").files.len(), 5);
    fs::remove_dir_all(root.join("b")).expect("it can be removed");
    assert_eq!(ids(&mut results), ["c~light", "c", "a"]);
}

#[test]
fn links_that_lead_out_of_the_folder_are_neither_listed_nor_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let root_path = folder.path().join("results");
    let outside = folder.path().join("outside");
    write(&outside.join("summary.json"), &summary("outside", "2026-11-30T01:00:00Z"));
    write(&root_path.join("run/summary.json"), &summary("run", "2026-11-30T01:00:00Z"));
    symlink(&outside, root_path.join("linked")).expect("a link");
    symlink(outside.join("summary.json"), root_path.join("run/secret.txt")).expect("a link");
    symlink(&outside, root_path.join("run/trials")).expect("a link");
    let root = Root::new(&root_path);
    let mut results = Results::new(root.clone());
    assert_eq!(ids(&mut results), ["run"]);
    let entry = results.find("run").expect("it is there");
    let open_all = entry.files.iter().filter(|file| open(&root, &entry.folder, &file.name).is_ok()).count();
    let names: Vec<&str> = entry.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!((open_all, names.contains(&"secret.txt")), (1, false), "{names:?}");
    for name in ["secret.txt", "trials/summary.json", "../../outside/summary.json"] {
        assert!(open(&root, &entry.folder, name).is_err(), "{name} lies outside");
    }
}

#[test]
fn ids_are_names_that_an_address_can_hold_and_hashes_of_all_others() {
    let root = Root::new(Path::new("results"));
    let id = |path: &str| root.id_of(Path::new(path));
    assert_eq!(id("results/20261130-boutique-1f").as_deref(), Some("20261130-boutique-1f"));
    assert_eq!(id("results/suite/light").as_deref(), Some("suite~light"));
    for odd in ["results/<script>alert(1)<", "results/a b", "results/ü", "results/~x", "results/.hidden"] {
        let id = id(odd).unwrap_or_else(|| panic!("{odd}"));
        assert!(id.starts_with('~') && id.len() == 21, "{odd}: {id}");
    }
    for none in ["results", "elsewhere/x", "results/a/b/c", "results/../x"] {
        assert_eq!(id(none), None, "{none}");
    }
}

#[test]
fn a_list_from_before_the_end_of_a_run_is_not_used_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("a/summary.json"), &summary("a", "2026-11-30T01:00:00Z"));
    let mut results = Results::new(Root::new(folder.path()));
    assert_eq!(results.list_after(0).len(), 1);
    results.looked = Some(Instant::now() + Duration::from_secs(60));
    write(&folder.path().join("b/summary.json"), &summary("b", "2026-11-30T02:00:00Z"));
    assert_eq!(results.list_after(0).len(), 1, "the folders are not looked at for every call");
    assert_eq!(results.list_after(1).len(), 2, "a run has ended since");
}
