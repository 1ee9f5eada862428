//! A load balancer that does not exist: its folder, as each of the real ones has one in `lb-admin-client`.

use lb_admin_client::program::{AdminPlace, Companion, Program, Source};
use lb_admin_client::{FakeAdmin, Names, Switching, Version};
use lb_core::algorithm::Rule;

pub(crate) const PROGRAM: &Program = &Program {
    names: Names {
        name: "plumb",
        algorithms: &[(Rule::RoundRobin, "turns"), (Rule::P2c, "coin")],
        lacking: &[(Rule::LeastConnections, "coin comes nearest")],
        ignores_weights: &[],
    },
    source: Source::Debian("plumb"),
    oldest: Version(2, 1, 0),
    version_argument: "--version",
    template: include_str!("plumb.conf.j2"),
    config_file: "plumb.conf",
    relative_paths: true,
    check: Some(|launch| vec!["--check".into(), launch.config.into()]),
    run: |launch| vec!["--run".into(), launch.config.into()],
    environment: |launch| vec![("PLUMB_THREADS", launch.threads.to_string().into())],
    companions: |launch| {
        vec![Companion::EmptyFolder("lines"), Companion::file("state/first", format!("{}\n", launch.first()))]
    },
    modules: None,
    steering_log: None,
    logs_to_stdout: false,
    admin: AdminPlace::Socket("plumb.sock"),
    admin_flag: "the path of its control socket",
    switchings: &[Switching::Selector],
    connect: |options| {
        Box::pin(async {
            let backends: Vec<_> =
                options.backends.iter().map(|backend| (backend.id.as_str(), backend.weight)).collect();
            Ok(Box::new(FakeAdmin::new(&backends)) as _)
        })
    },
    load: None,
};
