//! Finds the workers of a run, and listens to them from then on.

use super::lease::Lease;
use super::roster::{Member, Roster};
use super::{LOOK, Leader, Link, Watch, Wishes, lock};
use crate::address::Address;
use crate::exchange::Exchange;
use crate::message::{FromWorker, Order, version};
use crate::{host, new_id};
use futures_util::StreamExt as _;
use harness::experiment::FleetError;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How often workers are called.
const CALL: Duration = Duration::from_secs(1);

/// Within this time every worker that is there has answered a call.
const ANSWERING: Duration = Duration::from_secs(3);

/// How often the user is told who is missing.
const TELL: Duration = Duration::from_secs(5);

/// Connects, takes the right to lead, and begins to listen and to call.
pub(super) async fn lead(address: &Address, wishes: &Wishes) -> Result<Leader, String> {
    let exchange = Exchange::connect(address, "bench leader").await?;
    let who = format!("process {} on {}", std::process::id(), host());
    let (id, is_deposed) = (new_id(), Arc::new(AtomicBool::new(false)));
    let lease = Lease::take(&exchange, &id, &who, Arc::clone(&is_deposed)).await?;
    let roster = Arc::new(Mutex::new(Roster::new(Instant::now())));
    let link = Link { exchange, id, roster, wishes: wishes.clone(), is_deposed };
    let (mut news, mut questions) =
        (link.exchange.subscribe("leader").await?, link.exchange.subscribe("clock").await?);

    let noting = Arc::clone(&link.roster);
    let listen = tokio::spawn(async move {
        while let Some(message) = news.next().await {
            // What is no message of a worker's comes from elsewhere.
            if let Ok(said) = serde_json::from_slice::<FromWorker>(&message.payload) {
                lock(&noting).note(said, Instant::now());
            }
        }
    });
    let answering = link.exchange.clone();
    let answer = tokio::spawn(async move {
        while let Some(question) = questions.next().await {
            answering.answer(question, lb_clock::monotonic().to_string()).await;
        }
    });
    let calling = link.clone();
    let call = tokio::spawn(async move {
        loop {
            // A server that is away is noticed by whoever waits for something.
            let _ = calling.order(None, Order::Muster).await;
            tokio::time::sleep(CALL).await;
        }
    });
    let looking = link.clone();
    let look = tokio::spawn(async move {
        loop {
            drop(looking.roster());
            tokio::time::sleep(CALL / 2).await;
        }
    });
    let tasks = vec![listen, answer, call, look];
    // Higher than those of any leader before, so that late news of theirs are told apart.
    let phase = jiff::Timestamp::now().as_millisecond().unsigned_abs();
    let (workloads, unusable) = (BTreeSet::new(), BTreeMap::new());
    Ok(Leader { link, lease, tasks, phase, workloads, unusable, has_played: false })
}

/// Waits until there are as many workers as the user expects.
pub(super) async fn gather(link: &Link, stop: &AtomicBool, tell: &dyn Fn(String)) -> Result<(), FleetError> {
    let (address, wishes) = (&link.exchange.address, &link.wishes);
    let begun = Instant::now();
    let mut told = begun;
    let mut strangers = BTreeSet::new();
    let mut watch = Watch::new(link);
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(FleetError::Stopped);
        }
        watch.look().map_err(FleetError::Unready)?;
        let (ours, others) = sides(link);
        if ours.len() >= wishes.expect {
            let names: Vec<&str> = ours.iter().map(|member| member.name.as_str()).collect();
            tell(format!("workers: {} at {address}: {}", ours.len(), names.join(", ")));
            return Ok(());
        }
        let mut refused = Vec::new();
        for other in &others {
            let text =
                format!("worker {} runs bench {}, but this is {}", other.name, other.version, version());
            if strangers.insert(other.id.clone()) {
                tell(format!("{text}; it is not used"));
            }
            refused.push(text);
        }
        let is_hopeless =
            !others.is_empty() && ours.len() + others.len() >= wishes.expect && begun.elapsed() >= ANSWERING;
        if is_hopeless || begun.elapsed() >= wishes.wait {
            let names: Vec<&str> = ours.iter().map(|member| member.name.as_str()).collect();
            let there = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
            let advice = match refused.is_empty() {
                true => format!(
                    "start more with `bench worker --join {address}`, wait longer with --workers-wait, or expect fewer \
                     with --expect-workers"
                ),
                false => format!("{}; install the same version everywhere", refused.join("; ")),
            };
            let (count, expect) = (ours.len(), wishes.expect);
            return Err(FleetError::Unready(format!(
                "{count} of {expect} workers are at {address} after {:.0} s{there}; {advice}",
                begun.elapsed().as_secs_f64()
            )));
        }
        if told.elapsed() >= TELL {
            told = Instant::now();
            tell(format!("waiting for workers at {address}: {} of {} are there", ours.len(), wishes.expect));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Returns the workers that are there: those that can be used, and those of other versions.
pub(super) fn sides(link: &Link) -> (Vec<Member>, Vec<Member>) {
    let own = version();
    link.roster().there().cloned().partition(|member| member.version == own)
}
