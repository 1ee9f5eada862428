//! How HAProxy is installed, checked and started.

use super::HaproxyAdmin;
use super::names::NAMES;
use crate::options::Switching;
use crate::program::{AdminPlace, Companion, Program, Source, arguments, inherited};
use crate::version::Version;

/// The [`Program`] that describes HAProxy.
pub const PROGRAM: &Program = &Program {
    names: NAMES,
    source: Source::Debian("haproxy"),
    // Needed for `http-request set-src`, `http-reuse` and conditional log formats in `use_backend`.
    oldest: Version(2, 4, 0),
    version_argument: "-v",
    template: include_str!("../../../configs/load-balancers/haproxy.cfg.j2"),
    config_file: "haproxy.cfg",
    relative_paths: true,
    check: Some(|launch| arguments(&["-c", "-f"], &[launch.config.as_os_str()])),
    run: |launch| arguments(&["-db", "-f"], &[launch.config.as_os_str()]),
    environment: inherited,
    companions: |launch| vec![Companion::file("algorithm.map", format!("current {}\n", launch.first()))],
    modules: None,
    steering_log: None,
    // It logs to sockets and descriptors; the descriptor of its output can be a file.
    logs_to_stdout: true,
    admin: AdminPlace::Socket("admin.sock"),
    admin_flag: "the path of its stats socket",
    switchings: &[Switching::Selector],
    connect: |options| Box::pin(async { Ok(Box::new(HaproxyAdmin::connect(options).await?) as _) }),
    load: None,
};
