//! Plays a share, and hands over what was recorded.

use super::ready::Share;
use crate::clock::Offset;
use crate::exchange::{Exchange, insist};
use crate::message::{News, PhaseNumber};
use crate::packed::pack;
use harness::testbed::cpu_seconds;
use lb_core::with_causes;
use lb_load::{Hooks, StartAt};
use lb_record::Progress;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The error of a clock that could not be measured at the end, in nanoseconds: an hour, which no limit allows.
const UNKNOWN_NS: u64 = 3_600_000_000_000;

/// Plays a share from a time of the leader's clock on, and keeps its record as an object.
pub(super) async fn play(
    exchange: &Exchange,
    phase: PhaseNumber,
    share: Share,
    at_ns: u64,
    object: String,
    progress: Arc<Progress>,
    stop: Arc<AtomicBool>,
) -> Result<News, String> {
    let Share { plan, clock } = share;
    let start = Arc::new(StartAt::new(clock.to_worker(at_ns)));
    let hooks = Hooks { progress: Some(progress), start: Some(Arc::clone(&start)), stop, ..Hooks::default() };
    let cpu = || cpu_seconds(std::process::id()).unwrap_or(0.0);
    let before_s = cpu();
    let playing = tokio::task::spawn_blocking(move || lb_load::run(plan, hooks)).await;
    let record = playing.map_err(|error| format!("its load generator failed: {error}"))?;
    let record = record.map_err(|error| with_causes(&error))?;
    let cpu_s = cpu() - before_s;
    // Before the record is sent, which takes a while.
    let measured = insist(|| Offset::measure(|| exchange.leaders_clock())).await;
    let clock = measured.unwrap_or(Offset { error_ns: UNKNOWN_NS, ..clock });
    let packing = tokio::task::spawn_blocking(move || pack(record)).await;
    let packed = packing.map_err(|error| format!("failed to pack the record: {error}"))??;
    insist(|| exchange.put_bytes(&object, packed.clone())).await?;
    let begun_ns = start.begun().unwrap_or(0);
    Ok(News::Finished { phase, object, begun_ns, clock, cpu_s })
}
