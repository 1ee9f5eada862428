//! Results that are listed, shown, fetched and compared, and what lies outside of their folder.

mod common;

use common::Site;
use serde_json::{Value, json};
use std::path::Path;

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
    std::fs::write(path, text).expect("it can be written");
}

fn run(site: &Site, name: &str) {
    let summary = json!({ "run_id": name, "started_at": "2026-11-30T00:00:00Z", "scenarios": [] });
    write(&site.results().join(name).join("summary.json"), &summary.to_string());
    write(
        &site.results().join(name).join("report.html"),
        "<!doctype html><title>R</title><script>1</script>",
    );
}

fn listed(site: &Site) -> Vec<Value> {
    site.get("/api/results").json()["runs"].as_array().expect("a list").clone()
}

#[test]
fn a_report_is_shown_in_a_sandbox_and_a_file_is_kept() {
    let site = Site::new();
    assert_eq!(listed(&site), Vec::<Value>::new(), "a folder that is not there yet");
    run(&site, "one");
    write(&site.results().join("one/trials/a b.csv"), "x,y\n1,2\n");
    // The list is at most half a second old.
    let mut runs = listed(&site);
    for _ in 0..100 {
        if !runs.is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        runs = listed(&site);
    }
    assert_eq!((&runs[0]["id"], &runs[0]["reports"][0]["n"]), (&json!("one"), &json!(0)));
    let report = site.get("/results/one/reports/0");
    assert_eq!((report.status, report.field("content-type").as_str()), (200, "text/html; charset=utf-8"));
    let policy = report.field("content-security-policy");
    assert!(policy.starts_with("sandbox;") && !policy.contains("script-src"), "{policy}");
    assert_eq!(report.field("cross-origin-opener-policy"), "", "a browser would not open it with both");
    assert!(report.text().contains("<title>R</title>"));
    let files = runs[0]["files"].as_array().expect("a list");
    let table = files.iter().find(|file| file["name"] == "trials/a b.csv").expect("it is listed");
    let file = site.get(&format!("/results/one/files/{}", table["n"]));
    assert_eq!((file.status, file.text().as_str()), (200, "x,y\n1,2\n"));
    assert_eq!(file.field("content-disposition"), "attachment; filename=\"one-trials-a-b.csv\"");
    assert_eq!((file.field("content-length").as_str(), &table["bytes"]), ("8", &json!(8)));
    assert!(file.field("content-security-policy").starts_with("sandbox"));
}

#[test]
fn a_long_file_arrives_whole_and_an_empty_one_too() {
    let site = Site::new();
    run(&site, "one");
    let long: String = (0..200_000).map(|number| format!("{number},")).collect();
    write(&site.results().join("one/a.csv"), &long);
    write(&site.results().join("one/b.csv"), "");
    assert!(site.get("/results/one/files/0").text() == long, "all bytes in order");
    let empty = site.get("/results/one/files/1");
    assert_eq!((empty.status, empty.body.len()), (200, 0));
}

#[test]
fn no_request_leads_out_of_the_folder() {
    let site = Site::new();
    run(&site, "one");
    write(&site.dir.path().join("secret/summary.json"), "{\"run_id\":\"secret\"}");
    write(&site.dir.path().join("secret/report.html"), "secret");
    std::os::unix::fs::symlink(site.dir.path().join("secret"), site.results().join("link")).expect("a link");
    let out = site.results().join("one/secret.json");
    std::os::unix::fs::symlink(site.dir.path().join("secret/summary.json"), out).expect("a link");
    let ids: Vec<Value> = listed(&site).iter().map(|run| run["id"].clone()).collect();
    assert_eq!(ids, ["one"]);
    let absolute = format!("/results/{}/reports/0", site.dir.path().join("secret").display());
    for path in [
        "/results/../secret/reports/0",
        "/results/..%2fsecret/reports/0",
        "/results/%2e%2e/reports/0",
        "/results/%2e%2e%2fsecret/files/0",
        "/results/one/files/../../secret/summary.json",
        "/results/one/files/..",
        "/results/one/files/0/../1",
        "/results/one/files/-1",
        "/results/one/files/99",
        "/results/one/files/0x0",
        "/results/one/reports/1",
        "/results/one%00/files/0",
        "/results/link/reports/0",
        "/results/./reports/0",
        "/results//reports/0",
        "/results/one/secret.json",
        absolute.as_str(),
    ] {
        let reply = site.get(path);
        assert_eq!(reply.status, 404, "{path}: {}", reply.text());
        assert!(!reply.text().contains("\"run_id\""), "{path}");
    }
    let nul = site.send(&format!(
        "GET /results/one\0/files/0 HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
        site.address
    ));
    assert_eq!(nul.status, 400);
    for id in ["..", "../secret", "/etc", "link", "one/../../secret", "one\0", ""] {
        let reply = site.post("/api/compare", &json!({ "before": id, "after": "one" }));
        assert_eq!(reply.status, 404, "{id:?}");
    }
}

#[test]
fn the_trend_is_drawn_where_runs_are_recorded() {
    let site = Site::new();
    assert_eq!(site.get("/api/results").json()["trend"], json!(false));
    let none = site.get("/trend");
    assert_eq!(none.status, 404);
    assert!(
        none.json()["error"].as_str().is_some_and(|text| text.contains("bench nightly")),
        "{:?}",
        none.json()
    );
    site.record();
    assert_eq!(site.get("/api/results").json()["trend"], json!(true));
    let drawn = site.get("/trend");
    assert_eq!(drawn.status, 200);
    assert!(String::from_utf8_lossy(&drawn.body).contains("Every night."));
    assert!(drawn.head.contains("sandbox; default-src 'none'"), "it is shown as a report is: {}", drawn.head);
    assert_eq!(site.post("/trend", &json!({})).status, 405);
}

#[test]
fn two_results_are_compared_by_the_command_line() {
    let site = Site::new();
    for name in ["one", "two", "three", "four"] {
        run(&site, name);
    }
    write(&site.results().join("three/worse"), "");
    write(&site.results().join("four/other"), "");
    let compare = |after: &str| site.post("/api/compare", &json!({ "before": "one", "after": after })).json();
    assert_eq!(compare("two"), json!({ "ok": true, "text": "base one, new two: no regression was found" }));
    assert_eq!(compare("three"), json!({ "ok": true, "text": "regression of three" }));
    assert_eq!(compare("four"), json!({ "ok": false, "text": "these are different experiments" }));
    assert_eq!(site.post("/api/compare", &json!({ "before": "one" })).status, 400);
}

#[test]
fn names_of_folders_are_told_as_they_are_and_named_by_ids_that_an_address_can_hold() {
    let site = Site::new();
    let odd = "<script>alert(1)<";
    run(&site, odd);
    let runs = listed(&site);
    let id = runs[0]["id"].as_str().expect("an id");
    assert_eq!(runs[0]["name"], odd, "the page shows it as text");
    assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || c == '~'), "{id}");
    assert_eq!(site.get(&format!("/results/{id}/reports/0")).status, 200);
}
