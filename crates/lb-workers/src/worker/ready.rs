//! Makes a share ready: the whole schedule from its workload and seed, a connection to the target, the leader's clock.

use crate::clock::Offset;
use crate::exchange::{Exchange, insist};
use crate::message::{DealtPlan, DealtSchedule};
use lb_core::Seed;
use lb_core::workload::{Schedule, Workload};
use lb_load::{LoadPlan, Shard};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;

/// The most workloads that are kept: those of the warm-up and of the trial, of a scenario and of the next one.
const KEPT: usize = 4;

/// A share that can begin.
pub(super) struct Share {
    pub(super) plan: LoadPlan,
    pub(super) clock: Offset,
}

/// What earlier phases needed, and later ones need again.
#[derive(Debug, Default)]
pub(super) struct Cache {
    workloads: Vec<(String, Arc<Workload>)>,
    /// The addresses of the target that was reached last.
    reached: Vec<SocketAddr>,
}

/// A cache that tasks share.
pub(super) type Shares = Arc<Mutex<Cache>>;

impl Cache {
    pub(super) fn shared() -> Shares {
        Arc::default()
    }
}

/// Makes a share of the plan in an object ready.
pub(super) async fn make_ready(
    exchange: &Exchange,
    cache: &Shares,
    object: &str,
    shard: Shard,
    threads: usize,
) -> Result<Share, String> {
    let dealt: DealtPlan = insist(|| exchange.get(object)).await?;
    let workload = workload(exchange, cache, &dealt.schedule.workload).await?;
    let DealtSchedule { seed, sha256, .. } = dealt.schedule.clone();
    let making = tokio::task::spawn_blocking(move || {
        let schedule = Schedule::new(workload, Seed(seed));
        // The hash takes the longest, and is kept with the schedule.
        (schedule.sha256() == sha256, schedule)
    });
    let (is_same, schedule) =
        making.await.map_err(|error| format!("failed to make the schedule: {error}"))?;
    let mut plan = dealt.with_schedule(schedule);
    plan.shard = shard;
    plan.workers = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
    if is_same {
        // Another schedule is told to the leader, which explains it.
        reach(cache, &plan).await?;
    }
    let clock = insist(|| Offset::measure(|| exchange.leaders_clock())).await?;
    Ok(Share { plan, clock })
}

/// Returns the workload in an object.
async fn workload(exchange: &Exchange, cache: &Shares, object: &str) -> Result<Arc<Workload>, String> {
    let known =
        lock(cache).workloads.iter().find(|(name, _)| name == object).map(|(_, known)| Arc::clone(known));
    if let Some(known) = known {
        return Ok(known);
    }
    let workload: Arc<Workload> = Arc::new(exchange.get(object).await?);
    let mut cache = lock(cache);
    if cache.workloads.len() == KEPT {
        cache.workloads.remove(0);
    }
    cache.workloads.push((object.to_owned(), Arc::clone(&workload)));
    Ok(workload)
}

/// Opens a connection to the target, unless it was reached before: a target that only the leader can reach would fail
/// every request.
async fn reach(cache: &Shares, plan: &LoadPlan) -> Result<(), String> {
    let addresses = match &plan.direct {
        Some(direct) => direct.backends.clone(),
        None => plan.target.addresses().to_vec(),
    };
    if lock(cache).reached == addresses {
        return Ok(());
    }
    let limit: Duration = plan.connect_timeout.into();
    let mut problem = "it has no address".to_owned();
    for address in &addresses {
        match tokio::time::timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(_)) => {
                lock(cache).reached = addresses;
                return Ok(());
            }
            Ok(Err(error)) => problem = format!("{address}: {error}"),
            Err(_) => problem = format!("{address}: no answer within {:.0} s", limit.as_secs_f64()),
        }
    }
    let loopback = addresses.iter().any(|address| address.ip().is_loopback());
    let advice = match loopback {
        true => {
            "; the address is that of one machine alone, so use --url with an address that all workers reach, or start \
                 the workers there"
        }
        false => "",
    };
    Err(format!("it cannot reach {} ({problem}){advice}", plan.target.url()))
}

fn lock(cache: &Shares) -> std::sync::MutexGuard<'_, Cache> {
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}
