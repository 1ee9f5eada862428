//! `https` addresses: how TLS is settled, and that passwords are shown nowhere.

use lb_config::{ConfigError, Loaded, Overrides, Plan, Tls, from_text, load, plan};
use lb_core::connections::{ConnectionPolicy, HttpChoice};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const PEM: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nMIIB\n-----END EC PRIVATE KEY-----\n";

/// A config with these settings of `bench`.
fn config(bench: &Value) -> Value {
    json!({
        "base_url": "http://localhost:8080/proxy",
        "scenarios": [{"name": "Reads", "duration_minutes": 1, "concurrent_users": 10}],
        "bench": bench
    })
}

fn read(bench: &Value) -> Loaded {
    from_text("test.json", &config(bench).to_string()).expect("the config can be read")
}

fn at(url: &str) -> Overrides {
    Overrides { url: Some(url.to_owned()), ..Overrides::default() }
}

fn planned(bench: &Value, flags: &Overrides) -> Plan {
    plan(&read(bench), flags).unwrap_or_else(|error| panic!("the config must have a plan: {error}"))
}

fn refused(bench: &Value, flags: &Overrides) -> String {
    match plan(&read(bench), flags) {
        Err(error @ ConfigError::Invalid { .. }) => error.to_string(),
        other => panic!("it should be refused: {other:?}"),
    }
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a writable folder");
    path
}

#[test]
fn an_https_address_trusts_the_system_and_resumes_sessions_unless_told_otherwise() {
    let url = "https://shop.example/proxy";
    let usual = Tls { ca: None, identity: None, insecure: false, resumption: true };
    assert_eq!(planned(&json!({}), &at(url)).tls(), Some(&usual));
    assert_eq!(planned(&json!({}), &at("http://shop.example/proxy")).tls(), None, "it is not secured");

    let folder = tempfile::tempdir().expect("a folder");
    let [ca, cert] = ["ca.pem", "cert.pem"].map(|name| write(folder.path(), name, PEM));
    let key = write(folder.path(), "key.pem", KEY);
    let block =
        json!({ "tls": { "ca": ca, "cert": cert, "key": key, "insecure": false, "resumption": false } });
    let settled = planned(&block, &at(url));
    let expected =
        Tls { ca: Some(ca.clone()), identity: Some((cert, key)), insecure: false, resumption: false };
    assert_eq!(settled.tls(), Some(&expected));
    let shown = settled.to_json("");
    assert_eq!(shown["tls"]["ca"], json!(ca), "`bench plan --json` shows it");
    let flags = Overrides { insecure: true, ..at(url) };
    assert!(planned(&block, &flags).tls().expect("it is secured").insecure, "a flag wins");
}

#[test]
fn files_in_a_config_are_also_looked_for_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let ca = write(folder.path(), "ca.pem", PEM);
    let text = config(&json!({ "tls": { "ca": "ca.pem" } })).to_string();
    let path = write(folder.path(), "config.json", &text);
    let loaded = load(&path.to_string_lossy()).expect("the config can be read");
    let settled = plan(&loaded, &at("https://shop.example/proxy")).expect("the file is there");
    assert_eq!(settled.tls().and_then(|tls| tls.ca.clone()), Some(ca));
    let flags = Overrides { ca: Some("ca.pem".into()), ..at("https://shop.example/proxy") };
    let error = plan(&loaded, &flags).expect_err("a flag is relative to the working directory").to_string();
    assert!(error.contains("--ca ca.pem: cannot be read"), "{error}");
}

#[test]
fn files_that_are_not_what_they_should_be_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificate = write(folder.path(), "cert.pem", PEM).display().to_string();
    let missing = folder.path().join("missing.pem").display().to_string();
    for (block, expected) in [
        (json!({ "ca": missing }), "cannot be read: No such file"),
        (json!({ "cert": certificate, "key": certificate }), "it has no line `-----BEGIN PRIVATE KEY-----`"),
        (json!({ "cert": certificate }), "needs its private key; add `--key FILE` or `bench.tls.key`"),
        (json!({ "key": certificate }), "needs its certificate; add `--cert FILE` or `bench.tls.cert`"),
        (json!({ "authority": certificate }), "bench.tls.authority: unknown key"),
    ] {
        let message = refused(&json!({ "tls": block }), &at("https://shop.example/proxy"));
        assert!(message.contains(expected), "{block}: {message}");
    }
}

#[test]
fn settings_of_tls_without_effect_are_noted() {
    let plan = planned(&json!({ "tls": { "insecure": true } }), &Overrides::default());
    let notes: Vec<String> = plan.notes().iter().map(ToString::to_string).collect();
    let expected = "requests are not sent over TLS, since no `https://` address is named";
    assert!(notes.iter().any(|note| note.contains("insecure") && note.contains(expected)), "{notes:?}");
}

#[test]
fn connecting_has_a_time_limit_of_its_own() {
    let plan = planned(&json!({}), &Overrides::default());
    assert_eq!((plan.connect_timeout().as_secs_f64(), plan.resolve_every().as_secs_f64()), (30.0, 30.0));
    let block = json!({ "connect_timeout_s": 2.5, "resolve_every_s": 0 });
    let plan = planned(&block, &Overrides::default());
    assert_eq!((plan.connect_timeout().as_secs_f64(), plan.resolve_every().as_secs_f64()), (2.5, 0.0));
    let flags =
        Overrides { connect_timeout: Some(std::time::Duration::from_secs(4)), ..Overrides::default() };
    assert_eq!(planned(&block, &flags).connect_timeout().as_secs_f64(), 4.0, "a flag wins");
    let flags = Overrides { connect_timeout: Some(std::time::Duration::ZERO), ..Overrides::default() };
    let message = refused(&block, &flags);
    assert!(message.contains("--connect-timeout 0: must be from 0.001 to 3600 seconds"), "{message}");
}

#[test]
fn requests_share_connections_as_the_flag_or_the_config_says() {
    let usual = planned(&json!({}), &Overrides::default());
    assert_eq!(usual.connections(), ConnectionPolicy::PerUser);
    let block = json!({ "connections": "pool:8" });
    let settled = planned(&block, &Overrides::default());
    assert_eq!(settled.connections().to_string(), "pool:8");
    assert_eq!(settled.to_json("")["connections"], "pool:8", "`bench plan --json` shows it");
    let flags = Overrides { connections: Some(ConnectionPolicy::PerRequest), ..Overrides::default() };
    assert_eq!(planned(&block, &flags).connections(), ConnectionPolicy::PerRequest, "a flag wins");
    for (text, expected) in [
        (
            "pool:0",
            "bench.connections = \"pool:0\": `pool:0` is not a pool; use a whole number from 1 to 100000",
        ),
        ("pool", "`pool` does not say how many connections there are; use `pool:8`, for example"),
        ("shared", "`shared` is not a way to keep connections; use `per-user`, `pool:N` or `per-request`"),
    ] {
        let message = refused(&json!({ "connections": text }), &Overrides::default());
        assert!(message.contains(expected), "{message}");
    }
    let notes = planned(&json!({ "connections": "pool:8", "engine": "sim" }), &Overrides::default());
    let notes: Vec<String> = notes.notes().iter().map(ToString::to_string).collect();
    assert!(notes.iter().any(|note| note.contains("in virtual time no connection is opened")), "{notes:?}");
}

#[test]
fn the_version_of_http_is_what_the_flag_or_the_config_says() {
    assert_eq!(planned(&json!({}), &Overrides::default()).http(), HttpChoice::Auto);
    let block = json!({ "http": "1.1" });
    let settled = planned(&block, &Overrides::default());
    assert_eq!(settled.http(), HttpChoice::One);
    assert_eq!(settled.to_json("")["http"], "1.1", "`bench plan --json` shows it");
    let flags = Overrides { http: Some(HttpChoice::Two), ..Overrides::default() };
    assert_eq!(planned(&block, &flags).http(), HttpChoice::Two, "a flag wins");
    let message = refused(&json!({ "http": "3" }), &Overrides::default());
    let expected = "`3` is not a version of HTTP that is spoken here; use `1.1`, `2` or `auto`";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_password_in_a_url_is_kept_for_connecting_and_shown_nowhere() {
    let url = "https://ann:secret@shop.example";
    let masked = "https://ann:***@shop.example";
    let plan = planned(&json!({}), &at(url));
    assert_eq!(plan.target().full_url().reveal(), "https://ann:secret@shop.example");
    assert_eq!(plan.target().base_url(), masked);
    let shown = format!("{:?} {} {:?}", plan.target(), plan.to_json(""), plan.notes());
    assert!(shown.contains(masked) && !shown.contains("secret"), "{shown}");

    let loaded = read(&json!({ "load_balancer": { "url": url } }));
    let document = loaded.document().to_string();
    assert!(document.contains("ann:***@shop.example") && !document.contains("secret"), "{document}");
    for url in [
        "ftp://ann:secret@shop.example",
        "https://ann:secret@shop.example/?x=1",
        "https://ann:se/cret@shop.example",
    ] {
        let message = refused(&json!({}), &at(url));
        assert!(message.contains("ann:***@shop.example"), "{message}");
        assert!(!message.contains("secret") && !message.contains("se/cret"), "{message}");
    }
}
