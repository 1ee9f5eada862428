//! The leader of a run: finds workers, deals phases out to them, and adds up what they recorded.

mod deal;
pub(crate) mod episodes;
mod lease;
mod muster;
mod phase;
mod roster;

use crate::address::Address;
use crate::exchange::Exchange;
use crate::message::{FromLeader, Order, PhaseNumber};
use harness::cli::{MusterArgs, WorkersArgs};
use harness::experiment::{DealtPhase, Fleet, FleetError};
use lb_load::LoadPlan;
use lease::Lease;
use roster::Roster;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// How often the leader looks whether what it waits for has happened.
const LOOK: Duration = Duration::from_millis(20);

/// How long the NATS server may be away before the run ends.
const AWAY: Duration = Duration::from_secs(10);

/// What the user asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wishes {
    /// Number of workers.
    expect: usize,
    /// Longest wait for them.
    wait: Duration,
    /// How late a worker may begin.
    max_skew: Duration,
}

impl Wishes {
    fn new(muster: &MusterArgs, max_skew: Duration) -> Self {
        Self { expect: muster.expect_workers as usize, wait: muster.workers_wait, max_skew }
    }

    /// The fewest workers with which a run that has begun goes on: half of those that it began with.
    fn fewest(&self) -> usize {
        self.expect.div_ceil(2)
    }
}

/// Workers that are found through NATS.
pub struct NatsFleet {
    address: Address,
    wishes: Wishes,
    runtime: Runtime,
    /// The leader, once it has found its workers.
    leader: Mutex<Option<Leader>>,
}

/// What a leader holds while its run lasts.
struct Leader {
    link: Link,
    lease: Lease,
    tasks: Vec<JoinHandle<()>>,
    /// The number of the last phase.
    phase: PhaseNumber,
    /// Workloads that were handed out, by their objects.
    workloads: BTreeSet<String>,
    /// Workers that cannot play, and why.
    unusable: BTreeMap<String, String>,
    /// Whether this run has played a phase.
    has_played: bool,
}

/// What a leader says and hears. Clones share it.
#[derive(Clone)]
struct Link {
    exchange: Exchange,
    id: String,
    roster: Arc<Mutex<Roster>>,
    wishes: Wishes,
    /// Set once another leader has taken over.
    is_deposed: Arc<AtomicBool>,
}

impl NatsFleet {
    /// Prepares to lead, as the flags say; nothing is connected yet.
    ///
    /// # Errors
    /// The URL cannot be used, or there are no threads.
    pub fn new(args: &WorkersArgs) -> Result<Self, String> {
        let address = Address::parse("--workers", args.workers.as_deref().unwrap_or_default())?;
        let wishes = Wishes::new(&args.muster, args.max_skew);
        Ok(Self { address, wishes, runtime: start_threads()?, leader: Mutex::default() })
    }
}

impl fmt::Debug for NatsFleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsFleet")
            .field("address", &self.address)
            .field("wishes", &self.wishes)
            .finish_non_exhaustive()
    }
}

impl Fleet for NatsFleet {
    fn muster(&self, stop: &AtomicBool, tell: &dyn Fn(String)) -> Result<(), FleetError> {
        let mut leader = lock(&self.leader);
        self.runtime.block_on(async {
            if leader.is_none() {
                *leader = Some(muster::lead(&self.address, &self.wishes).await.map_err(FleetError::Unready)?);
            }
            let Some(leader) = &mut *leader else { unreachable!("it was just made") };
            leader.has_played = false;
            leader.unusable.clear();
            muster::gather(&leader.link, stop, tell).await
        })
    }

    fn prepare(&self, plan: &LoadPlan, stop: &AtomicBool) -> Result<Box<dyn DealtPhase>, FleetError> {
        let mut leader = lock(&self.leader);
        let Some(leader) = leader.as_mut() else {
            return Err(FleetError::Unready("the workers were not looked for".to_owned()));
        };
        Ok(Box::new(self.runtime.block_on(deal::deal(leader, plan, stop))?))
    }

    fn dismiss(&self) {
        let Some(leader) = lock(&self.leader).take() else { return };
        self.runtime.block_on(leader.release());
    }
}

impl Leader {
    /// Lets the workers go, for other leaders.
    async fn release(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        let exchange = &self.link.exchange;
        if !exchange.is_connected() {
            // The right to lead ends by itself, and workers notice that their leader is gone.
            return;
        }
        // Workers that do not hear it notice that their leader is gone.
        let _ = self.link.order(None, Order::Dismiss).await;
        for name in &self.workloads {
            exchange.remove(name).await;
        }
        self.lease.give_back().await;
        let _ = exchange.flush().await;
    }
}

impl Link {
    /// Returns who is there now. While nobody could be heard, nobody is silent.
    fn roster(&self) -> MutexGuard<'_, Roster> {
        let mut roster = lock(&self.roster);
        roster.look(Instant::now(), self.exchange.is_connected());
        roster
    }

    /// Orders all workers, or one, to do something.
    async fn order(&self, worker: Option<&str>, order: Order) -> Result<(), String> {
        self.exchange.tell(worker, &FromLeader { leader: self.id.clone(), order }).await
    }
}

/// Notices when the NATS server has been away for too long, or somebody else leads.
struct Watch<'a> {
    link: &'a Link,
    seen: Instant,
}

impl<'a> Watch<'a> {
    fn new(link: &'a Link) -> Self {
        Self { link, seen: Instant::now() }
    }

    /// Fails if the server has been away for too long, or another leader has taken over.
    fn look(&mut self) -> Result<(), String> {
        let exchange = &self.link.exchange;
        if self.link.is_deposed.load(Ordering::Relaxed) {
            return Err(format!(
                "another leader has taken over the workers at {}, since the right to lead was not renewed in time",
                exchange.address
            ));
        }
        if exchange.is_connected() {
            self.seen = Instant::now();
        }
        if self.seen.elapsed() <= AWAY {
            return Ok(());
        }
        let (address, seconds) = (&exchange.address, AWAY.as_secs());
        Err(format!("the NATS server {address} has been away for {seconds} s, so the workers cannot be led"))
    }
}

/// Starts the threads of a leader: one answers questions about the clock while the other one works.
fn start_threads() -> Result<Runtime, String> {
    let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("leader").enable_all().build();
    runtime.map_err(|error| format!("failed to start threads: {error}"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
