//! How each load balancer is checked and started.

use lb_admin_client::Kind;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The name of its configuration in its folder.
pub(super) const fn config_file(kind: Kind) -> &'static str {
    match kind {
        Kind::Haproxy => "haproxy.cfg",
        Kind::Nginx => "nginx.conf",
        Kind::Envoy => "envoy.json",
        Kind::Caddy => "caddy.json",
        Kind::Traefik => "traefik.json",
    }
}

/// The arguments with which it checks a configuration and ends; none where it has no such mode.
pub(super) fn check(kind: Kind, config: &Path, dir: &Path) -> Option<Vec<OsString>> {
    let config = config.as_os_str();
    Some(match kind {
        Kind::Haproxy => words(&["-c", "-f"], &[config]),
        Kind::Nginx => words(&["-t", "-q", "-p"], &[dir.as_os_str(), "-c".as_ref(), config]),
        Kind::Envoy => words(&["--mode", "validate", "--log-level", "error", "-c"], &[config]),
        Kind::Caddy => words(&["validate", "--config"], &[config]),
        Kind::Traefik => return None,
    })
}

/// The arguments with which it runs in the foreground.
pub(super) fn run(kind: Kind, config: &Path, dir: &Path, place: &Place) -> Vec<OsString> {
    let config = config.as_os_str();
    match kind {
        Kind::Haproxy => words(&["-db", "-f"], &[config]),
        Kind::Nginx => words(&["-p"], &[dir.as_os_str(), "-c".as_ref(), config]),
        Kind::Envoy => {
            let threads = place.threads.to_string();
            // A base of its own: several Envoys on one machine would share memory otherwise.
            let base = ["--use-dynamic-base-id", "--reject-unknown-dynamic-fields", "--log-level", "warning"];
            [words(&base, &[]), words(&["--concurrency", &threads, "-c"], &[config])].concat()
        }
        Kind::Caddy => words(&["run", "--config"], &[config]),
        Kind::Traefik => traefik(place),
    }
}

/// The environment of its process: those written in Go take their threads from it, and Caddy wants a place for
/// files of its own.
pub(super) fn environment(kind: Kind, dir: &Path, place: &Place) -> Vec<(&'static str, OsString)> {
    match kind {
        Kind::Caddy | Kind::Traefik => {
            let threads = place.threads.to_string().into();
            let home =
                ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"].map(|name| (name, dir.as_os_str().to_owned()));
            [("GOMAXPROCS", threads)].into_iter().chain(home).collect()
        }
        Kind::Haproxy | Kind::Nginx | Kind::Envoy => Vec::new(),
    }
}

/// Where it listens, and with how many threads.
pub(super) struct Place {
    pub(super) listen: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) threads: u16,
    /// Where Traefik writes a line for each request; none: it does not.
    pub(super) access_log: Option<PathBuf>,
}

/// Traefik's static configuration; the rest it is told when it runs.
fn traefik(place: &Place) -> Vec<OsString> {
    let Place { listen, admin, .. } = place;
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
    let logging = place.access_log.as_deref().map(access_log);
    settings.into_iter().map(OsString::from).chain(logging.into_iter().flatten()).collect()
}

/// A JSON access log with no more than what is counted from it, each line written at once. Every request is
/// logged, under whichever algorithm: within one run all of them bear the same cost.
fn access_log(path: &Path) -> Vec<OsString> {
    const KEPT: [&str; 5] = ["ServiceName", "ServiceAddr", "OriginStatus", "DownstreamStatus", "Duration"];
    let mut file = OsString::from("--accesslog.filepath=");
    file.push(path);
    let shape =
        ["--accesslog.format=json", "--accesslog.bufferingsize=0", "--accesslog.fields.defaultmode=drop"];
    let kept = KEPT.map(|field| format!("--accesslog.fields.names.{field}=keep"));
    [words(&shape, &[&file]), kept.map(OsString::from).to_vec()].concat()
}

fn words(first: &[&str], more: &[&std::ffi::OsStr]) -> Vec<OsString> {
    first.iter().map(OsString::from).chain(more.iter().map(OsString::from)).collect()
}
