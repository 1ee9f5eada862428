//! A worker: waits for a leader, plays its shares, and hands over what it recorded.

mod episode;
mod play;
mod ready;

use crate::address::Address;
use crate::exchange::Exchange;
use crate::message::{
    FromLeader, FromWorker, News, Order, PhaseNumber, Progress as Far, episodes_of, version,
};
use crate::{host, new_id};
use anyhow::anyhow;
use futures_util::StreamExt as _;
use harness::cli::WorkerArgs;
use harness::exit::{ExitCode, Failure, OrExit};
use lb_core::plain;
use lb_io::complain;
use lb_record::Progress;
use ready::{Cache, Shares};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// How often a worker says that it is there.
const SAY: Duration = Duration::from_secs(1);

/// A leader that says nothing for this long is gone. It says something every second.
const SILENT: Duration = Duration::from_secs(10);

/// How long the NATS server may be away before a worker ends.
const AWAY: Duration = Duration::from_secs(20);

/// Plays load for leaders until it is told to end.
///
/// # Errors
/// The URL cannot be used, or the NATS server cannot be reached any more.
pub fn work(args: &WorkerArgs) -> Result<ExitCode, Failure> {
    let address =
        Address::parse("--join", &args.join).map_err(|text| anyhow!(text)).or_exit(ExitCode::Usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.or_exit(ExitCode::Internal)?;
    let ended = runtime.block_on(async {
        let exchange = Exchange::connect(&address, "bench worker").await?;
        Worker::new(exchange, args).run().await
    });
    // What is still made ready is of no use to anyone.
    runtime.shutdown_background();
    ended.map_err(|text| anyhow!(text)).or_exit(ExitCode::Preflight)
}

/// A worker and the phase that it is busy with.
struct Worker {
    exchange: Exchange,
    id: String,
    name: String,
    threads: usize,
    once: bool,
    /// The leader that was heard last, and when.
    leader: Option<(String, Instant)>,
    busy: Option<Busy>,
    shares: Shares,
    /// What was said of a phase last. It is said again with each sign of life, in case that it was lost.
    last: Option<News>,
    /// Whether anything was played.
    has_played: bool,
}

/// The phase that a worker is busy with.
struct Busy {
    phase: PhaseNumber,
    stop: Arc<AtomicBool>,
    progress: Arc<Progress>,
    /// What is to be played; `None` while it is made ready, and once it has begun.
    ready: Option<ready::Share>,
    has_begun: bool,
}

/// What a task of the worker brings.
enum Done {
    Ready(PhaseNumber, Box<Result<ready::Share, String>>),
    Played(PhaseNumber, Result<News, String>),
}

impl Worker {
    fn new(exchange: Exchange, args: &WorkerArgs) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let name =
            args.name.as_deref().map_or_else(|| format!("{}-{}", host(), std::process::id()), str::to_owned);
        Self {
            exchange,
            id: new_id(),
            name: plain::line(&name).into_owned(),
            threads: args.threads.map_or(cores, usize::from),
            once: args.once,
            leader: None,
            busy: None,
            shares: Cache::shared(),
            last: None,
            has_played: false,
        }
    }

    /// Works until it is told to end.
    async fn run(mut self) -> Result<ExitCode, String> {
        let all = self.exchange.subscribe("workers").await?;
        let own = self.exchange.subscribe(&format!("worker.{}", self.id)).await?;
        let mut episodes = self.exchange.subscribe(&episodes_of(&self.id)).await?;
        let mut orders = futures_util::stream::select(all, own);
        let (sender, mut done) = mpsc::unbounded_channel();
        let mut ticks = tokio::time::interval(SAY);
        let mut seen = Instant::now();
        let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
        let [Ok(mut terminate), Ok(mut interrupt)] = signals else {
            return Err("failed to listen for signals".to_owned());
        };
        complain(format_args!("worker {} waits for leaders at {}", self.name, self.exchange.address));
        loop {
            tokio::select! {
                Some(message) = orders.next() => {
                    // What is no message of a leader's comes from elsewhere.
                    let Ok(said) = serde_json::from_slice::<FromLeader>(&message.payload) else { continue };
                    if self.obey(said, &sender).await {
                        return self.leave("its run is over", ExitCode::Ok).await;
                    }
                }
                Some(question) = episodes.next() => {
                    self.has_played = true;
                    tokio::spawn(episode::answer(self.exchange.clone(), question));
                }
                Some(done) = done.recv() => self.finish(done).await,
                _ = ticks.tick() => {
                    if self.exchange.is_connected() {
                        seen = Instant::now();
                        self.say(self.here()).await;
                        if let Some(last) = &self.last {
                            self.say(last.clone()).await;
                        }
                    } else if let Some((_, heard)) = &mut self.leader {
                        // Nobody can be heard, so the leader is not silent.
                        *heard = Instant::now();
                    }
                    if seen.elapsed() > AWAY {
                        self.stop();
                        return Err(format!(
                            "the NATS server {} has been away for {} s; the worker ends",
                            self.exchange.address,
                            AWAY.as_secs()
                        ));
                    }
                    self.notice_silence();
                }
                _ = terminate.recv() => {
                    // A job whose worker was taken away before its run is not done.
                    let is_undone = self.once && !self.has_played;
                    let code = if is_undone { ExitCode::Interrupted } else { ExitCode::Ok };
                    return self.leave("it was told to end by SIGTERM", code).await;
                }
                _ = interrupt.recv() => return self.leave("it was told to end by Ctrl-C", ExitCode::Interrupted).await,
            }
        }
    }

    /// Does what a leader says. Returns whether the worker's work is over.
    async fn obey(&mut self, said: FromLeader, sender: &mpsc::UnboundedSender<Done>) -> bool {
        let FromLeader { leader, order } = said;
        let is_known = self.leader.as_ref().is_some_and(|(known, _)| *known == leader);
        if matches!(order, Order::Dismiss) {
            if is_known {
                self.stop();
                self.leader = None;
                self.last = None;
                complain("the run is over");
            }
            return is_known && self.once && self.has_played;
        }
        if !is_known {
            // The lease lets only one lead, so the one before is gone.
            self.stop();
            self.last = None;
            self.say(self.here()).await;
        }
        self.leader = Some((leader, Instant::now()));
        match order {
            Order::Prepare { phase, plan, shard } => {
                self.stop();
                self.last = None;
                let stop = Arc::new(AtomicBool::new(false));
                let progress = Arc::new(Progress::default());
                self.busy = Some(Busy { phase, stop, progress, ready: None, has_begun: false });
                let (exchange, shares, threads) =
                    (self.exchange.clone(), Arc::clone(&self.shares), self.threads);
                let sender = sender.clone();
                tokio::spawn(async move {
                    let made = ready::make_ready(&exchange, &shares, &plan, shard, threads).await;
                    let _ = sender.send(Done::Ready(phase, Box::new(made)));
                });
            }
            Order::Begin { phase, at_ns } => self.begin(phase, at_ns, sender),
            Order::Stop { phase } => {
                if self.busy.as_ref().is_some_and(|busy| busy.phase == phase) {
                    self.stop();
                }
            }
            Order::Muster | Order::Dismiss => {}
        }
        false
    }

    /// Plays the phase that is ready.
    fn begin(&mut self, phase: PhaseNumber, at_ns: u64, sender: &mpsc::UnboundedSender<Done>) {
        let Some(busy) = self.busy.as_mut().filter(|busy| busy.phase == phase) else { return };
        let Some(share) = busy.ready.take() else { return };
        busy.has_begun = true;
        (self.has_played, self.last) = (true, None);
        let (stop, progress) = (Arc::clone(&busy.stop), Arc::clone(&busy.progress));
        let object = format!("{}/record-{phase}-{}", self.id, share.plan.shard.index());
        let (exchange, sender) = (self.exchange.clone(), sender.clone());
        tokio::spawn(async move {
            let played = play::play(&exchange, phase, share, at_ns, object, progress, stop).await;
            let _ = sender.send(Done::Played(phase, played));
        });
    }

    /// Tells the leader what a task brought.
    async fn finish(&mut self, done: Done) {
        match done {
            Done::Ready(phase, made) => {
                let Some(busy) = self.busy.as_mut().filter(|busy| busy.phase == phase) else { return };
                if busy.stop.load(Ordering::Relaxed) {
                    return;
                }
                let news = match *made {
                    Ok(share) => {
                        let schedule_sha256 = share.plan.schedule.sha256().to_owned();
                        let clock = share.clock;
                        busy.ready = Some(share);
                        News::Ready { phase, schedule_sha256, clock }
                    }
                    Err(why) => News::Failed { phase, why },
                };
                self.tell(news).await;
            }
            Done::Played(phase, played) => {
                let news = played.unwrap_or_else(|why| News::Failed { phase, why });
                if self.busy.as_ref().is_some_and(|busy| busy.phase == phase) {
                    self.tell(news).await;
                } else {
                    self.say(news).await;
                }
                if self.busy.as_ref().is_some_and(|busy| busy.phase == phase) {
                    self.busy = None;
                }
            }
        }
    }

    /// Ends what the worker is busy with. What was recorded is handed over when the load has noticed.
    fn stop(&mut self) {
        if let Some(busy) = &self.busy {
            busy.stop.store(true, Ordering::Relaxed);
            if !busy.has_begun {
                self.busy = None;
            }
        }
    }

    /// Ends the load of a leader that is gone.
    fn notice_silence(&mut self) {
        if self.leader.as_ref().is_some_and(|(_, heard)| heard.elapsed() > SILENT) {
            complain(format_args!("the leader has said nothing for {} s; its load ends", SILENT.as_secs()));
            self.stop();
            self.leader = None;
        }
    }

    fn here(&self) -> News {
        let now = self.busy.as_ref().map(|busy| busy.progress.snapshot()).unwrap_or_default();
        News::Here {
            name: self.name.clone(),
            version: version(),
            threads: self.threads,
            phase: self.busy.as_ref().map(|busy| busy.phase),
            now: Far(now),
        }
    }

    /// Tells the leader, now and with each sign of life.
    async fn tell(&mut self, news: News) {
        self.last = Some(news.clone());
        self.say(news).await;
    }

    /// Tells the leader. Who does not hear it notices that the worker is silent.
    async fn say(&self, news: News) {
        let said = FromWorker { worker: self.id.clone(), news };
        if let Err(problem) = self.exchange.report(&said).await {
            complain(format_args!("warning: {problem}"));
        }
    }

    async fn leave(mut self, why: &str, code: ExitCode) -> Result<ExitCode, String> {
        self.stop();
        self.say(News::Leaving { why: why.to_owned() }).await;
        Ok(code)
    }
}
