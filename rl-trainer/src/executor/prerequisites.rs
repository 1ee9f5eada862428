//! Checks the prerequisites of a run before it starts.

use super::args::{Settings, TrafficKind};
use crate::torch;
use anyhow::{Context, Result, anyhow, ensure};
use lb_config::{Overrides, bundled_configs};
use std::net::TcpListener;
use std::path::Path;
use tch::{Kind, Tensor};

/// Free space required for a run, in bytes; most of it is for the traces of three hours of traffic.
const ROOM: u64 = 1 << 30;

/// A prerequisite with the result of its check.
pub(super) struct Prerequisite {
    pub(super) name: &'static str,
    pub(super) found: Result<String>,
}

/// Checks all prerequisites, even if one is missing.
pub(super) fn check(settings: &Settings, folder: &Path) -> Vec<Prerequisite> {
    let mut all = vec![
        Prerequisite { name: "libtorch", found: libtorch() },
        Prerequisite { name: "disk", found: disk(folder) },
        Prerequisite { name: "bundled configs", found: configs() },
    ];
    let checks_live = settings.mode != super::Mode::Validation && !settings.live_check.is_zero();
    if settings.traffic == TrafficKind::Live || checks_live {
        all.push(Prerequisite { name: "ports", found: ports() });
    }
    all
}

/// Returns the version of the libtorch in use.
pub(super) fn libtorch_version() -> String {
    // Calls the library so that the linker keeps it.
    let _ = Tensor::from_slice(&[1.0]).sum(Kind::Double);
    torch::loaded().map_or_else(|error| error.to_string(), |loaded| loaded.version)
}

fn libtorch() -> Result<String> {
    let sum = Tensor::from_slice(&[1.5, 2.0]).sum(Kind::Double).double_value(&[]);
    ensure!(sum == 3.5, "1.5 + 2 is {sum} in libtorch; run `cargo xtask libtorch` and build again");
    let loaded = torch::loaded()?;
    Ok(format!("{} in {}", loaded.version, loaded.library.display()))
}

fn disk(folder: &Path) -> Result<String> {
    let shown = folder.display();
    let stat =
        rustix::fs::statvfs(folder).with_context(|| format!("failed to read the free space of `{shown}`"))?;
    let free = stat.f_bavail * stat.f_frsize;
    let in_gb = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    ensure!(
        free >= ROOM,
        "only {:.2} GB are free in `{shown}`, and {:.0} GB are needed; free some space or use another --out",
        in_gb(free),
        in_gb(ROOM)
    );
    Ok(format!("{:.1} GB free", in_gb(free)))
}

/// Checks that enough ports are free: one each for the load balancer, its admin API, the control API of the
/// backends, and every backend.
fn ports() -> Result<String> {
    let listeners: std::io::Result<Vec<TcpListener>> =
        (0..16).map(|_| TcpListener::bind("127.0.0.1:0")).collect();
    let listeners =
        listeners.context("failed to listen on free ports of 127.0.0.1; live traffic needs them")?;
    Ok(format!("{} free on 127.0.0.1", listeners.len()))
}

fn configs() -> Result<String> {
    let mut scenarios = 0;
    for name in bundled_configs() {
        let loaded = lb_config::load(name)?;
        let plan = lb_config::plan(&loaded, &Overrides::default());
        scenarios += plan.map_err(|error| anyhow!("bundled config `{name}`: {error}"))?.scenarios().len();
    }
    Ok(format!("{} with {scenarios} scenarios", bundled_configs().count()))
}
