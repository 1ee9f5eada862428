//! A phase while workers play it, and what they recorded once it is over.

use super::roster::{About, Member};
use super::{LOOK, Link, Watch};
use crate::clock::Offset;
use crate::exchange::insist;
use crate::message::{Order, PhaseNumber};
use crate::packed::sum_packed;
use futures_util::StreamExt as _;
use harness::experiment::{DealtPhase, FleetError, Judge, Played};
use lb_clock::monotonic;
use lb_core::Span;
use lb_load::Hooks;
use lb_record::{Snapshot, TrialRecord};
use lb_results::WorkerShare;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How long workers may take to hand over what they recorded once the phase is over, beyond the time that requests in
/// flight have.
const HANDING_OVER: Duration = Duration::from_secs(60);

/// The error of a clock that makes a trial invalid, as a multiple of the greatest skew. The error is a bound: the offset
/// itself is off by as much only if one way took all of the time.
const MOST_ERROR: f64 = 10.0;

/// How many records are fetched at once.
const AT_ONCE: usize = 16;

/// A worker that plays a share.
#[derive(Clone, Debug)]
pub(super) struct Player {
    pub(super) id: String,
    pub(super) name: String,
}

/// A phase that was dealt out; the shares are those of the players, in their order.
pub(super) struct Dealt {
    pub(super) link: Link,
    pub(super) phase: PhaseNumber,
    pub(super) players: Vec<Player>,
    /// What each worker measured of the leader's clock.
    pub(super) clocks: Vec<Offset>,
    /// When the phase begins, on the leader's clock.
    pub(super) at_ns: u64,
    pub(super) longest: Duration,
    pub(super) drain: Duration,
    pub(super) runtime: Handle,
}

/// How a worker's share ended.
enum Ended {
    Finished {
        object: String,
        begun_ns: u64,
        clock: Offset,
        cpu_s: f64,
    },
    /// Why it was lost, and after how many seconds.
    Lost(String, f64),
}

impl DealtPhase for Dealt {
    fn begins_in(&self) -> Duration {
        Duration::from_nanos(self.at_ns.saturating_sub(monotonic()))
    }

    fn play(self: Box<Self>, hooks: Hooks, judge: &Judge) -> Result<Played, FleetError> {
        let ended = self.runtime.block_on(self.watch(&hooks)).map_err(FleetError::Lost)?;
        if ended.iter().all(|one| matches!(one, Ended::Lost(..))) {
            let whys: Vec<String> = self
                .players
                .iter()
                .zip(&ended)
                .map(|(player, ended)| match ended {
                    Ended::Lost(why, _) => format!("{}: {why}", player.name),
                    Ended::Finished { .. } => player.name.clone(),
                })
                .collect();
            return Err(FleetError::Lost(format!("all workers were lost ({})", whys.join("; "))));
        }
        self.collect(ended, &hooks, judge)
    }
}

impl Dealt {
    /// Waits until each worker has handed over its record or is lost. If one is lost, the others need not go on.
    async fn watch(&self, hooks: &Hooks) -> Result<Vec<Ended>, String> {
        let mut watch = Watch::new(&self.link);
        let latest = Instant::now() + self.begins_in() + self.longest + self.drain + HANDING_OVER;
        let mut lost: Vec<Option<(String, f64)>> = vec![None; self.players.len()];
        let mut is_stopped = false;
        loop {
            watch.look()?;
            let members = self.look(&mut lost, Instant::now() > latest);
            if let Some(progress) = &hooks.progress {
                progress.show(&add_up(members.iter().flatten().map(|member| member.now)));
            }
            let finished: Option<Vec<Ended>> = members
                .iter()
                .zip(&lost)
                .map(|(member, lost)| match (lost, member.as_ref()?.about(self.phase)) {
                    (Some((why, after)), _) => Some(Ended::Lost(why.clone(), *after)),
                    (None, Some(About::Finished { object, begun_ns, clock, cpu_s })) => {
                        Some(Ended::Finished {
                            object: object.clone(),
                            begun_ns: *begun_ns,
                            clock: *clock,
                            cpu_s: *cpu_s,
                        })
                    }
                    (None, _) => None,
                })
                .collect();
            if let Some(finished) = finished {
                return Ok(finished);
            }
            let should_stop = hooks.stop.load(Ordering::Relaxed) || lost.iter().any(Option::is_some);
            if should_stop && !is_stopped {
                is_stopped = true;
                self.link.order(None, Order::Stop { phase: self.phase }).await?;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Looks who is there, and notes those that are not: `is_late` counts all who have not finished among them.
    fn look(&self, lost: &mut [Option<(String, f64)>], is_late: bool) -> Vec<Option<Member>> {
        let roster = self.link.roster();
        let after = monotonic().saturating_sub(self.at_ns) as f64 / 1e9;
        let mut members = Vec::new();
        for (player, lost) in self.players.iter().zip(lost) {
            let member = roster.get(&player.id).cloned();
            if lost.is_none() {
                let about = member.as_ref().and_then(|member| member.about(self.phase));
                let gone = member.as_ref().and_then(|member| member.gone.clone());
                *lost = match (about, gone) {
                    (Some(About::Finished { .. }), _) => None,
                    (Some(About::Failed { why }), _) => Some((why.clone(), after)),
                    (_, Some(why)) => Some((why, after)),
                    (_, None) if is_late => Some(("it did not hand over what it recorded".to_owned(), after)),
                    (_, None) => None,
                };
            }
            members.push(member);
        }
        members
    }

    /// Fetches what the workers recorded, judges each, and adds it up.
    fn collect(&self, mut ended: Vec<Ended>, hooks: &Hooks, judge: &Judge) -> Result<Played, FleetError> {
        let (finished, packed): (Vec<usize>, Vec<Vec<u8>>) =
            self.runtime.block_on(self.fetch(&mut ended)).into_iter().unzip();
        let looked = sum_packed(packed, |number, record| {
            let index = finished[number];
            (index, self.measure(index, &ended[index], record, judge))
        });
        let (record, measured) = looked.map_err(FleetError::Lost)?;
        let nothing = || FleetError::Lost("no worker handed over what it recorded".to_owned());
        let mut record = record.ok_or_else(nothing)?;
        let mut shares: Vec<WorkerShare> = (0..ended.len()).map(|index| self.share(index)).collect();
        for (index, share) in measured {
            shares[index] = share;
        }
        let lost = ended.iter().enumerate().filter_map(|(index, ended)| match ended {
            Ended::Lost(why, after_s) => Some(self.lost_share(index, why, *after_s)),
            Ended::Finished { .. } => None,
        });
        let mut problems: Vec<String> = lost.collect();
        if record.interrupted && !hooks.stop.load(Ordering::Relaxed) {
            // A share is missing, or a worker that heard no leader ended: neither is a wish of the user's.
            record.interrupted = false;
            if problems.is_empty() {
                problems.push("a worker ended its share early, since it heard no leader".to_owned());
            }
        }
        Ok(Played { record, shares, problems })
    }

    /// Fetches the records of all workers that handed one over, with their numbers. A worker whose record cannot be fetched
    /// is lost.
    async fn fetch(&self, ended: &mut [Ended]) -> Vec<(usize, Vec<u8>)> {
        let objects: Vec<(usize, String)> = ended
            .iter()
            .enumerate()
            .filter_map(|(index, ended)| match ended {
                Ended::Finished { object, .. } => Some((index, object.clone())),
                Ended::Lost(..) => None,
            })
            .collect();
        let exchange = &self.link.exchange;
        let fetching = objects.into_iter().map(|(index, object)| async move {
            let packed = insist(|| exchange.get_bytes(&object)).await;
            exchange.remove(&object).await;
            (index, packed)
        });
        let fetched: Vec<_> = futures_util::stream::iter(fetching).buffered(AT_ONCE).collect().await;
        let mut found = Vec::new();
        for (index, packed) in fetched {
            match packed {
                Ok(packed) => found.push((index, packed)),
                Err(why) => {
                    let after = monotonic().saturating_sub(self.at_ns) as f64 / 1e9;
                    ended[index] = Ended::Lost(format!("its record cannot be fetched: {why}"), after);
                }
            }
        }
        found
    }

    /// What is known of a share before it is played.
    fn share(&self, index: usize) -> WorkerShare {
        let (share, of) = (index as u32, self.players.len() as u32);
        WorkerShare { name: self.players[index].name.clone(), share, of, ..WorkerShare::default() }
    }

    /// Says how a worker did: its clock, its start, and what is wrong with its share.
    fn measure(&self, index: usize, ended: &Ended, record: &TrialRecord, judge: &Judge) -> WorkerShare {
        let share = self.share(index);
        let Ended::Finished { begun_ns, clock: after, cpu_s, .. } = ended else { return share };
        let before = self.clocks[index];
        let skew_ms = (after.to_leader(*begun_ns) as f64 - self.at_ns as f64) / 1e6;
        let drift_ms = (after.ahead_ns - before.ahead_ns) as f64 / 1e6;
        let error_ms = before.error_ns.max(after.error_ns) as f64 / 1e6;
        let mut problems = judge(record);
        let limit_ms = self.link.wishes.max_skew.as_secs_f64() * 1e3;
        if skew_ms.abs() > limit_ms {
            problems.push(format!(
                "it began {skew_ms:.1} ms after the common start, more than the {limit_ms} ms of --max-skew"
            ));
        }
        if drift_ms.abs() > limit_ms {
            problems.push(format!(
                "its clock moved by {drift_ms:.1} ms against the leader's, more than the {limit_ms} ms of --max-skew"
            ));
        }
        if error_ms > MOST_ERROR * limit_ms {
            problems.push(format!(
                "its clock is known to ±{error_ms:.1} ms only, more than ten times the {limit_ms} ms of --max-skew"
            ));
        }
        WorkerShare {
            requests: record.requests(),
            cpu_s: Some(*cpu_s),
            clock_offset_ms: Some(before.ahead_ns as f64 / 1e6),
            clock_error_ms: Some(error_ms),
            clock_drift_ms: Some(drift_ms),
            start_skew_ms: Some(skew_ms),
            lateness_p99_ms: record.lateness.quantile(0.99).map(Span::as_millis_f64),
            cpu_wait_share: record.cpu_wait_share,
            problems,
            ..share
        }
    }

    /// Names the share that is missing.
    fn lost_share(&self, index: usize, why: &str, after_s: f64) -> String {
        let (name, of) = (&self.players[index].name, self.players.len());
        format!(
            "worker {name} was lost {after_s:.1} s after the start ({why}): its share is missing, {:.0} % of the load, users \
             and arrivals {index}, {}, {} and so on",
            100.0 / of as f64,
            index + of,
            index + 2 * of
        )
    }
}

/// Adds up how far workers are: the slowest second counts, and the worst percentile.
fn add_up(all: impl Iterator<Item = Snapshot>) -> Snapshot {
    let mut sum: Option<Snapshot> = None;
    for one in all {
        sum = Some(match sum {
            None => one,
            Some(sum) => Snapshot {
                users: sum.users + one.users,
                in_flight: sum.in_flight + one.in_flight,
                requests: sum.requests + one.requests,
                errors: sum.errors + one.errors,
                seconds: sum.seconds.min(one.seconds),
                last_requests: sum.last_requests + one.last_requests,
                last_p95: sum.last_p95.max(one.last_p95),
            },
        });
    }
    sum.unwrap_or_default()
}
