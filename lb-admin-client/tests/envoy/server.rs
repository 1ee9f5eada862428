//! An admin API that answers what Envoy 1.40 answered, and watches a file like it: it notices one that is moved
//! to its place, and no other.

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub(crate) fn recorded(text: &str) -> Value {
    serde_json::from_str(text).expect("a recording is JSON")
}

/// What Envoy knows, and how it misbehaves.
#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) clusters: Value,
    pub(crate) dumps: BTreeMap<String, Value>,
    pub(crate) runtime: BTreeMap<String, String>,
    /// A file that it watches, with the number that a move changes.
    pub(crate) watched: Option<(PathBuf, u64)>,
    pub(crate) version: String,
    pub(crate) rejected: u64,
    /// Every call that changes something.
    pub(crate) changes: Vec<String>,
    /// Answers `OK` to a change of the runtime, and changes nothing.
    pub(crate) deaf: bool,
    /// Rejects every new file.
    pub(crate) rejects: bool,
    /// Takes a file over, and its policies for unknown ones.
    pub(crate) misreads: bool,
}

impl Inner {
    /// Looks at the file.
    fn look(&mut self) {
        let Some((path, seen)) = &mut self.watched else { return };
        let now = number(path);
        if std::mem::replace(seen, now) == now {
            return;
        }
        if self.rejects {
            self.rejected += 1;
            return;
        }
        let file: Value = read(path);
        self.version = file["version_info"].as_str().expect("a file has a version").to_owned();
        for mut resource in file["resources"].as_array().expect("a file has resources").clone() {
            if resource["cluster_name"].is_null() {
                if self.misreads {
                    resource.as_object_mut().expect("a cluster").remove("lb_policy");
                }
                self.take_over(resource);
            } else {
                self.weigh(&resource);
            }
        }
    }

    pub(crate) fn take_over(&mut self, cluster: Value) {
        let shown = self.dumps.entry("dynamic_active_clusters".to_owned()).or_insert(json!({"configs": []}));
        let configs = shown["configs"].as_array_mut().expect("a list");
        configs.retain(|one| one["cluster"]["name"] != cluster["name"]);
        configs.push(
            json!({"cluster": cluster, "last_updated": format!("2026-11-22T01:00:00.{}Z", self.version)}),
        );
    }

    fn weigh(&mut self, assignment: &Value) {
        let clusters = self.clusters["cluster_statuses"].as_array_mut().expect("a list");
        let cluster =
            clusters.iter_mut().find(|one| one["name"] == assignment["cluster_name"]).expect("it is there");
        let endpoints = assignment["endpoints"][0]["lb_endpoints"].as_array().expect("a list");
        for (host, endpoint) in
            cluster["host_statuses"].as_array_mut().expect("a list").iter_mut().zip(endpoints)
        {
            host["weight"] = endpoint["load_balancing_weight"].clone();
        }
    }

    fn answer(
        &mut self,
        method: &Method,
        path: &str,
        query: &BTreeMap<String, String>,
    ) -> (StatusCode, String) {
        self.look();
        let asked = |name: &str| query.get(name).cloned().unwrap_or_default();
        let ok = |value: Value| (StatusCode::OK, value.to_string());
        match (method.as_str(), path) {
            ("GET", "/clusters") => ok(self.clusters.clone()),
            ("GET", "/config_dump") => {
                let key = if query.contains_key("resource") { asked("resource") } else { asked("mask") };
                ok(self.dumps.get(&key).cloned().unwrap_or(json!({})))
            }
            ("GET", "/runtime") => {
                let shown = |(key, value): (&String, &String)| (key.clone(), json!({"final_value": value}));
                let entries: serde_json::Map<String, Value> = self.runtime.iter().map(shown).collect();
                ok(json!({"layers": ["admin"], "entries": entries}))
            }
            ("GET", "/stats") => {
                let prefix = asked("filter")
                    .trim_start_matches('^')
                    .split("\\.(")
                    .next()
                    .map(|it| it.replace('\\', ""));
                let prefix = prefix.expect("a filter has a prefix");
                ok(json!({"stats": [
                    {"name": format!("{prefix}.version_text"), "value": self.version},
                    {"name": format!("{prefix}.update_failure"), "value": 0},
                    {"name": format!("{prefix}.update_rejected"), "value": self.rejected},
                ]}))
            }
            ("POST", "/runtime_modify") => {
                let set: Vec<String> = query.iter().map(|(key, value)| format!("{key}={value}")).collect();
                self.changes.push(set.join("&"));
                if !self.deaf {
                    self.runtime.extend(query.clone());
                }
                (StatusCode::OK, "OK\n".to_owned())
            }
            _ => (StatusCode::NOT_FOUND, "invalid path. admin commands are:".to_owned()),
        }
    }
}

pub(crate) type Shared = Arc<Mutex<Inner>>;

async fn serve(State(inner): State<Shared>, method: Method, uri: Uri) -> (StatusCode, String) {
    let query = axum::extract::Query::try_from_uri(&uri).expect("a query").0;
    inner.lock().expect("nobody panics").answer(&method, uri.path(), &query)
}

pub(crate) async fn start(inner: Inner) -> (String, Shared) {
    let shared: Shared = Arc::new(Mutex::new(inner));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let router = Router::new().fallback(serve).with_state(shared.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, shared)
}

/// A new folder for the files of one test.
pub(crate) fn folder(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("envoy").join(test);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("the folder of the tests can be written to");
    path
}

pub(crate) fn number(path: &Path) -> u64 {
    std::fs::metadata(path).expect("the file is there").ino()
}

pub(crate) fn read(path: &Path) -> Value {
    recorded(&std::fs::read_to_string(path).expect("the file can be read"))
}
