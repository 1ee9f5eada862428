//! The pause of a run before its next trial, which a command asks for.

use super::context::Context;
use super::events::Event;
use std::time::{Duration, Instant};

/// How often a pause looks whether it is over.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// Waits while a command has the run pause, unless the user ends the run.
pub(super) async fn wait_while_paused(context: &Context<'_>) {
    let Some(desk) = context.desk.filter(|desk| desk.is_paused()) else { return };
    context.events.observe(&Event::Paused {});
    let began = Instant::now();
    while desk.is_paused() && !context.interrupt.is_set() {
        tokio::time::sleep(LOOK_PERIOD).await;
    }
    desk.note(format!(
        "a command paused the run between two trials, for {:.0} s",
        began.elapsed().as_secs_f64()
    ));
    context.events.observe(&Event::Resumed {});
}
