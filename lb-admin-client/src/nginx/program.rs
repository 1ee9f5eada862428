//! How nginx is installed, checked and started, and which files accompany its configuration.

use super::names::NAMES;
use super::{FACTS, FLAGS, NginxAdmin, modules};
use crate::options::Switching;
use crate::program::{AdminPlace, Companion, Launch, Program, Source, arguments, inherited};
use crate::version::Version;
use serde_json::json;

/// The Lua code that steers nginx's weights, written to `steered.lua` in its folder.
const STEERED_LUA: &str = include_str!("../../../configs/load-balancers/nginx.lua");

/// The [`Program`] that describes nginx.
pub const PROGRAM: &Program = &Program {
    names: NAMES,
    source: Source::Debian("nginx-light"),
    // `random two least_conn` came with 1.15.1.
    oldest: Version(1, 16, 0),
    version_argument: "-v",
    template: include_str!("../../../configs/load-balancers/nginx.conf.j2"),
    config_file: "nginx.conf",
    relative_paths: true,
    check: Some(|launch| {
        let Launch { dir, config, .. } = launch;
        arguments(&["-t", "-q", "-p"], &[dir.as_os_str(), "-c".as_ref(), config.as_os_str()])
    }),
    run: |launch| {
        let Launch { dir, config, .. } = launch;
        arguments(&["-p"], &[dir.as_os_str(), "-c".as_ref(), config.as_os_str()])
    },
    environment: inherited,
    companions,
    modules: Some(modules::modules),
    steering_log: None,
    logs_to_stdout: false,
    admin: AdminPlace::Folder,
    admin_flag: "its folder with `bench.json` and the flags",
    switchings: &[Switching::Selector, Switching::Config],
    connect: |options| Box::pin(async { Ok(Box::new(NginxAdmin::connect(options).await?) as _) }),
    load: None,
};

fn companions(launch: &Launch<'_>) -> Vec<Companion> {
    let mut facts = json!({
        "algorithms": launch.algorithms,
        "status": format!("http://{}/status", launch.admin),
        "pid": "nginx.pid",
    });
    let mut companions = vec![Companion::EmptyFolder(FLAGS)];
    if launch.steers() {
        companions.push(Companion::file("steered.lua", STEERED_LUA));
        facts["lua"] = json!(format!("http://{}", launch.admin));
    }
    companions.push(Companion::file(FACTS, facts.to_string()));
    companions.push(Companion::file("algorithm.map", format!("default {};\n", launch.first())));
    companions
}
