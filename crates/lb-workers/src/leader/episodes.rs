//! Episodes of a training run that workers play. Each worker has as many at a time as it has threads; what a worker had that
//! is lost is given to the others. An outcome depends on its episode alone, so it does not matter who plays.

use super::muster::{gather, lead, sides};
use super::roster::{Member, SILENT};
use super::{LOOK, Leader, Watch, Wishes, lock, start_threads};
use crate::address::Address;
use futures_util::future::join_all;
use harness::cli::MusterArgs;
use harness::experiment::FleetError;
use lb_cases::episode::{Episode, Outcome, Players, PlayersLost};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How often it is looked whether a worker that plays is still there.
const GLANCE: Duration = Duration::from_millis(200);

/// Within this time a worker that was killed is missed.
const MISSED: Duration = Duration::from_secs(SILENT.as_secs() + 2);

/// An episode that workers which are there left unanswered this often ends the round.
const MOST_UNANSWERED: u32 = 3;

/// Workers that play episodes, found through NATS. They are free for others when this value is dropped.
pub struct EpisodePlayers {
    runtime: Runtime,
    leader: Leader,
}

/// Why there are no workers to play episodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPlayers {
    /// The URL cannot be used.
    Address(String),
    /// There are too few workers, or they cannot be led.
    Unready(String),
    /// The user ended the wait.
    Stopped,
}

/// Episodes that nobody has, and what came of the others.
struct Round<'a> {
    episodes: &'a [Episode],
    waiting: Mutex<VecDeque<usize>>,
    outcomes: Mutex<Vec<Option<Outcome>>>,
    /// How often each was given away without an answer.
    unanswered: Mutex<Vec<u32>>,
}

impl EpisodePlayers {
    /// Waits until enough workers are there, and keeps other leaders from using them. `tell` takes what the user should know
    /// meanwhile.
    ///
    /// # Errors
    /// See [`NoPlayers`].
    pub fn muster(
        url: &str,
        muster: &MusterArgs,
        stop: &AtomicBool,
        tell: &dyn Fn(String),
    ) -> Result<Self, NoPlayers> {
        let address = Address::parse("--workers", url).map_err(NoPlayers::Address)?;
        // There is no common start.
        let wishes = Wishes::new(muster, Duration::MAX);
        let runtime = start_threads().map_err(NoPlayers::Unready)?;
        let leader = runtime.block_on(lead(&address, &wishes)).map_err(NoPlayers::Unready)?;
        let players = Self { runtime, leader };
        match players.runtime.block_on(gather(&players.leader.link, stop, tell)) {
            Ok(()) => Ok(players),
            Err(FleetError::Stopped) => Err(NoPlayers::Stopped),
            Err(error) => Err(NoPlayers::Unready(error.to_string())),
        }
    }
}

impl Drop for EpisodePlayers {
    fn drop(&mut self) {
        self.runtime.block_on(self.leader.release());
    }
}

impl fmt::Debug for EpisodePlayers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = &self.leader.link.exchange.address;
        f.debug_struct("EpisodePlayers").field("address", address).finish_non_exhaustive()
    }
}

impl Players for EpisodePlayers {
    fn play(&self, episodes: &[Episode]) -> Result<Vec<Outcome>, PlayersLost> {
        self.runtime.block_on(self.leader.deal_episodes(episodes)).map_err(PlayersLost)
    }
}

impl Leader {
    async fn deal_episodes(&self, episodes: &[Episode]) -> Result<Vec<Outcome>, String> {
        let round = Round {
            episodes,
            waiting: Mutex::new((0..episodes.len()).collect()),
            outcomes: Mutex::new(vec![None; episodes.len()]),
            unanswered: Mutex::new(vec![0; episodes.len()]),
        };
        let exchange = &self.link.exchange;
        let mut watch = Watch::new(&self.link);
        loop {
            watch.look()?;
            if !exchange.is_connected() {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            let (members, _) = sides(&self.link);
            if members.is_empty() {
                return Err(format!(
                    "no worker is left at {}; start more with `bench worker --join {}`",
                    exchange.address, exchange.address
                ));
            }
            let places = members.iter().flat_map(|member| std::iter::repeat_n(member, member.threads.max(1)));
            let playing = places.map(|member| self.keep_busy(member, &round));
            join_all(playing).await.into_iter().collect::<Result<(), String>>()?;
            let outcomes: Option<Vec<Outcome>> = lock(&round.outcomes).iter().copied().collect();
            if let Some(outcomes) = outcomes {
                return Ok(outcomes);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Gives a worker one episode after the other, until none waits or the worker is lost.
    async fn keep_busy(&self, member: &Member, round: &Round<'_>) -> Result<(), String> {
        loop {
            let Some(number) = lock(&round.waiting).pop_front() else { return Ok(()) };
            let asking = self.link.exchange.ask(&member.id, round.episodes[number].to_bytes());
            let answer = tokio::select! {
                answer = asking => answer,
                () = self.is_lost(&member.id) => {
                    lock(&round.waiting).push_front(number);
                    return Ok(());
                }
            };
            match answer {
                Ok(Ok(outcome)) => lock(&round.outcomes)[number] = Some(outcome),
                Ok(Err(why)) => {
                    return Err(format!("worker {} cannot play an episode: {why}", member.name));
                }
                Err(why) => {
                    lock(&round.waiting).push_front(number);
                    // A worker that was killed is missed soon.
                    if tokio::time::timeout(MISSED, self.is_lost(&member.id)).await.is_ok() {
                        return Ok(());
                    }
                    let unanswered = &mut lock(&round.unanswered)[number];
                    *unanswered += 1;
                    return if *unanswered < MOST_UNANSWERED { Ok(()) } else { Err(why) };
                }
            }
        }
    }

    /// Returns once a worker is gone, or cannot be reached.
    async fn is_lost(&self, id: &str) {
        loop {
            tokio::time::sleep(GLANCE).await;
            let is_there = self.link.roster().get(id).is_some_and(|member| member.gone.is_none());
            if !is_there || !self.link.exchange.is_connected() {
                return;
            }
        }
    }
}
