//! Implements `LoadBalancerAdmin` for HAProxy.

use super::names::NAMES;
use super::{CURRENT, GREATEST_WEIGHT, HaproxyAdmin, listed_as, servers};
use crate::admin::{Capabilities, Current, LoadBalancerAdmin, ResetKind, unfit_weight};
use crate::error::AdminError;
use crate::fingerprint::PoolBackend;
use crate::group::Group;
use crate::snapshot::{BackendCounters, Snapshot};
use async_trait::async_trait;
use lb_core::Algorithm;
use lb_core::switch_evidence::{Layer, Verdict};
use lb_core::time::Span;
use std::sync::atomic::Ordering;

#[async_trait]
impl LoadBalancerAdmin for HaproxyAdmin {
    fn dialect(&self) -> &str {
        NAMES.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn current(&self) -> Result<Current, AdminError> {
        let native = self.selected().await?;
        Ok(Current { algorithm: native.parse().ok(), native })
    }

    async fn switch(&self, algorithm: &Algorithm) -> Result<String, AdminError> {
        let native = self.native(algorithm)?.to_owned();
        self.command("switch", &format!("set map {} {CURRENT} {algorithm}", self.map)).await?;
        let routes = self.selected().await?;
        if routes == algorithm.to_string() {
            return Ok(native);
        }
        Err(AdminError::NotSwitched {
            url: format!("`get map` on {}", self.socket.place()),
            wanted: algorithm.to_string(),
            routes,
        })
    }

    async fn control_plane(&self, algorithm: &Algorithm) -> Result<Layer, AdminError> {
        let selected = self.selected().await?;
        let mut told = format!("the map selects `{selected}`");
        let mut right = selected == algorithm.to_string();
        let table = self.table().await?;
        let of = |proxy: &str| Group::parse(proxy).is_some_and(|group| group.algorithm == *algorithm);
        for row in table.backends().filter(|row| of(row.proxy())) {
            let listed = row.text("algo");
            let fits = listed_as(*algorithm).is_none_or(|known| ["", "unknown", known].contains(&listed));
            if !listed.is_empty() {
                told += &format!(", backend `{}` balances with `{listed}`", row.proxy());
            }
            right &= fits;
        }
        Ok(Layer::new(if right { Verdict::Confirmed } else { Verdict::Contradicted }, told))
    }

    async fn pool(&self, service: &str) -> Result<Option<Vec<PoolBackend>>, AdminError> {
        let selected = self.selected().await?;
        let table = self.table().await?;
        let rows: Vec<_> =
            servers(&table).filter(|(group, _)| group.algorithm.to_string() == selected).collect();
        let wanted = match self.options.pool_of(service) {
            Some(pool) => pool.to_owned(),
            // A single pool serves all services, so its name does not matter.
            None => match rows.first() {
                Some((first, _)) if rows.iter().all(|(group, _)| group.pool == first.pool) => {
                    first.pool.clone()
                }
                _ => return Ok(None),
            },
        };
        let may_be_picked =
            rows.iter().filter(|(group, row)| group.pool == wanted && is_up(row.text("status")));
        Ok(Some(
            may_be_picked
                .filter(|(_, row)| row.count("weight") > 0)
                .map(|(_, row)| PoolBackend {
                    id: row.server().to_owned(),
                    weight: row.count("weight") as f64,
                })
                .collect(),
        ))
    }

    async fn snapshot(&self) -> Result<Snapshot, AdminError> {
        let info = self.socket.ask("show info").await?;
        let field = |name: &str| {
            info.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .unwrap_or("?")
                .to_owned()
        };
        let algorithm = self.selected().await?;
        let table = self.table().await?;
        let mut backends: Vec<BackendCounters> = Vec::new();
        for (group, row) in servers(&table) {
            let known = backends.iter().position(|one| one.id == row.server() && one.pool == group.pool);
            let place = known.unwrap_or_else(|| {
                let fresh = BackendCounters::unknown(row.server(), group.pool.clone(), 1.0);
                let none = Some(0);
                backends.push(BackendCounters {
                    requests: none,
                    errors: none,
                    cancelled: none,
                    retries: none,
                    ..fresh
                });
                backends.len() - 1
            });
            let one = &mut backends[place];
            let add = |sum: &mut Option<u64>, count: u64| *sum = sum.map(|sum| sum + count);
            add(&mut one.requests, row.count("stot"));
            add(&mut one.errors, row.count("hrsp_5xx") + row.count("econ") + row.count("eresp"));
            add(&mut one.cancelled, row.count("cli_abrt"));
            // A repeated attempt counts as a retry at the same server, or as a redispatch to another one.
            add(&mut one.retries, row.count("wretr") + row.count("wredis"));
            one.in_flight += row.count("scur") as u32;
            if group.algorithm.to_string() == algorithm {
                one.weight = row.count("uweight") as f64;
                one.peak_in_flight = Some(row.count("smax") as u32);
                one.recent_latency = Some(Span::from_millis(row.count("rtime")));
                one.healthy = is_up(row.text("status"));
                one.draining = row.text("status").contains("DRAIN");
            }
        }
        let resets = self.resets.load(Ordering::Relaxed);
        let generation = format!("{}-{}-{resets}", field("Pid"), field("Start_time_sec"));
        Ok(Snapshot { generation, algorithm, backends, unassigned: 0, guards: None })
    }

    async fn reset(&self) -> Result<ResetKind, AdminError> {
        self.command("reset the counters", "clear counters all").await?;
        self.resets.fetch_add(1, Ordering::Relaxed);
        Ok(ResetKind::Full)
    }

    /// Sets the weights of the active group; other groups keep theirs.
    async fn set_weights(&self, weights: &[(String, f64)]) -> Result<(), AdminError> {
        const WHAT: &str = "set weights";
        let greatest = weights.iter().map(|(_, weight)| *weight).fold(0.0, f64::max);
        if let Some(unfit) = unfit_weight(weights) {
            let reason = format!("{unfit}; to stop requests to a backend, drain it");
            return Err(AdminError::BadValue { what: WHAT, reason });
        }
        let selected = self.selected().await?;
        let table = self.table().await?;
        let commands: Vec<String> = servers(&table)
            .filter(|(group, _)| group.algorithm.to_string() == selected)
            .filter_map(|(_, row)| {
                let (_, weight) = weights.iter().find(|(id, _)| id == row.server())?;
                let scaled = (weight / greatest * GREATEST_WEIGHT).round().max(1.0);
                Some(format!("set server {}/{} weight {scaled}", row.proxy(), row.server()))
            })
            .collect();
        self.command(WHAT, &commands.join(";")).await
    }

    async fn set_draining(&self, backend: &str, draining: bool) -> Result<(), AdminError> {
        let table = self.table().await?;
        let state = if draining { "drain" } else { "ready" };
        let commands: Vec<String> = servers(&table)
            .filter(|(_, row)| row.server() == backend)
            .map(|(_, row)| format!("set server {}/{backend} state {state}", row.proxy()))
            .collect();
        if commands.is_empty() {
            let reason = format!("there is no server `{backend}`");
            return Err(AdminError::BadValue { what: "drain a backend", reason });
        }
        self.command("drain a backend", &commands.join(";")).await
    }
}

/// Returns whether a server in this state may be picked. `UP 1/2` is about to go down, but still takes
/// requests.
fn is_up(status: &str) -> bool {
    status.starts_with("UP") || status.starts_with("no check")
}
