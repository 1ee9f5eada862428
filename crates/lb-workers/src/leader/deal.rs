//! Deals a phase out: each worker gets its share of one schedule, makes the schedule, and measures the leader's clock. A
//! worker that is lost meanwhile costs nothing: the phase is dealt out anew over those that are left.

use super::muster::sides;
use super::phase::{Dealt, Player};
use super::roster::About;
use super::{LOOK, Leader, Link, Watch};
use crate::clock::Offset;
use crate::exchange::{deflate, insist};
use crate::message::{DealtPlan, DealtSchedule, Order, PhaseNumber};
use harness::experiment::FleetError;
use lb_clock::monotonic;
use lb_core::hex;
use lb_load::{LoadPlan, Shard};
use sha2::{Digest as _, Sha256};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// The longest time for making a schedule ready.
const MAKING: Duration = Duration::from_secs(120);

/// The shortest time from the order to begin until the beginning.
const LEAD: Duration = Duration::from_millis(200);

/// How many ways to a worker and back the order has at least.
const WAYS: u32 = 4;

/// Why a phase was not made ready.
enum Unready {
    /// Workers were lost, so it is dealt out anew.
    Fewer,
    /// This worker cannot play, for this reason.
    Unusable(String, String),
    Ended(FleetError),
}

/// Deals a phase out to as many workers as the user expects, or to those that are left.
pub(super) async fn deal(
    leader: &mut Leader,
    plan: &LoadPlan,
    stop: &AtomicBool,
) -> Result<Dealt, FleetError> {
    let ended: fn(String) -> FleetError =
        if leader.has_played { FleetError::Lost } else { FleetError::Unready };
    let object = hand_out(leader, plan).await.map_err(ended)?;
    let fewest = leader.link.wishes.fewest();
    let dealt = loop {
        let (mut members, _) = sides(&leader.link);
        members.retain(|member| !leader.unusable.contains_key(&member.id));
        members.truncate(leader.link.wishes.expect);
        if members.len() < fewest {
            let whys: Vec<&str> = leader.unusable.values().map(String::as_str).collect();
            break Err(ended(format!(
                "only {} of {} workers are left at {}; a run needs at least {fewest} to go on{}{}",
                members.len(),
                leader.link.wishes.expect,
                leader.link.exchange.address,
                if whys.is_empty() { "" } else { ": " },
                whys.join("; ")
            )));
        }
        // The same worker has the same share in each trial, whoever was heard first.
        members.sort_by(|one, other| one.name.cmp(&other.name).then_with(|| one.id.cmp(&other.id)));
        leader.phase += 1;
        let players: Vec<Player> =
            members.into_iter().map(|one| Player { id: one.id, name: one.name }).collect();
        match make_ready(&leader.link, leader.phase, &object, &players, plan, stop, ended).await {
            Ok(clocks) => break Ok((players, clocks)),
            Err(Unready::Fewer) => stand_down(&leader.link, leader.phase).await,
            Err(Unready::Unusable(id, why)) => {
                stand_down(&leader.link, leader.phase).await;
                if !leader.has_played {
                    break Err(ended(why));
                }
                leader.unusable.insert(id, why);
            }
            Err(Unready::Ended(error)) => {
                stand_down(&leader.link, leader.phase).await;
                break Err(error);
            }
        }
    };
    if leader.link.exchange.is_connected() {
        leader.link.exchange.remove(&object).await;
    }
    let (players, clocks) = dealt?;
    let slowest = clocks.iter().map(|clock| clock.error_ns).max().unwrap_or(0);
    let lead = LEAD.max(Duration::from_nanos(slowest.saturating_mul(2)) * WAYS);
    let at_ns = monotonic() + lead.as_nanos() as u64;
    let begin = Order::Begin { phase: leader.phase, at_ns };
    leader.link.order(None, begin).await.map_err(ended)?;
    leader.has_played = true;
    Ok(Dealt {
        link: leader.link.clone(),
        phase: leader.phase,
        players,
        clocks,
        at_ns,
        longest: plan.duration.into(),
        drain: plan.drain_timeout.into(),
        runtime: Handle::current(),
    })
}

/// Puts the plan where workers find it, and its workload if it is a new one. Returns the name of the plan's object.
async fn hand_out(leader: &mut Leader, plan: &LoadPlan) -> Result<String, String> {
    let packed = deflate(plan.schedule.workload().as_ref())?;
    let exchange = &leader.link.exchange;
    let workload = format!("{}/workload-{}", leader.link.id, hex::encode(&Sha256::digest(&packed)[..8]));
    if !leader.workloads.contains(&workload) {
        insist(|| exchange.put_bytes(&workload, packed.clone())).await?;
        leader.workloads.insert(workload.clone());
    }
    let schedule =
        DealtSchedule { workload, seed: plan.schedule.seed().0, sha256: plan.schedule.sha256().to_owned() };
    let dealt: DealtPlan = plan.clone().with_schedule(schedule);
    let object = format!("{}/plan-{}", leader.link.id, leader.phase + 1);
    insist(|| exchange.put(&object, &dealt)).await?;
    Ok(object)
}

/// Tells workers that a phase will not be.
async fn stand_down(link: &Link, phase: PhaseNumber) {
    if !link.exchange.is_connected() {
        // Workers that hear nothing stop by themselves.
        return;
    }
    let _ = link.order(None, Order::Stop { phase }).await;
}

/// Waits until each worker has its share ready. Returns what each measured of the leader's clock.
async fn make_ready(
    link: &Link,
    phase: PhaseNumber,
    object: &str,
    players: &[Player],
    plan: &LoadPlan,
    stop: &AtomicBool,
    ended: fn(String) -> FleetError,
) -> Result<Vec<Offset>, Unready> {
    let end = |text: String| Unready::Ended(ended(text));
    for (index, player) in players.iter().enumerate() {
        let Some(shard) = Shard::new(index as u32, players.len() as u32) else { continue };
        let order = Order::Prepare { phase, plan: object.to_owned(), shard };
        link.order(Some(&player.id), order).await.map_err(end)?;
    }
    let begun = Instant::now();
    let mut watch = Watch::new(link);
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(Unready::Ended(FleetError::Stopped));
        }
        watch.look().map_err(end)?;
        let mut clocks = Vec::new();
        {
            let roster = link.roster();
            for player in players {
                let Some(member) = roster.get(&player.id).filter(|member| member.gone.is_none()) else {
                    return Err(Unready::Fewer);
                };
                match member.about(phase) {
                    Some(About::Ready { schedule_sha256, clock })
                        if schedule_sha256 == plan.schedule.sha256() =>
                    {
                        clocks.push(*clock);
                    }
                    Some(About::Ready { schedule_sha256, .. }) => {
                        let why = format!(
                            "worker {} made another schedule, {}, than the leader, {}, so nothing was sent; install the \
                             same version everywhere",
                            player.name,
                            short(schedule_sha256),
                            short(plan.schedule.sha256())
                        );
                        return Err(Unready::Unusable(player.id.clone(), why));
                    }
                    Some(About::Failed { why }) => {
                        let why = format!("worker {} cannot play its share: {why}", player.name);
                        return Err(Unready::Unusable(player.id.clone(), why));
                    }
                    Some(About::Finished { .. }) | None => {}
                }
            }
        }
        if clocks.len() == players.len() {
            return Ok(clocks);
        }
        if begun.elapsed() > MAKING {
            return Err(end(format!("workers did not make a schedule ready within {} s", MAKING.as_secs())));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Returns the beginning of a hash, by which a reader can tell two apart.
fn short(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}
