//! Looks up the name of the target again while a phase runs.

use crate::plan::LoadPlan;
use crate::shared::Worker;
use std::rc::Rc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// Returns whether the addresses of this plan can change, so that they are looked up again.
pub(crate) fn can_change(plan: &LoadPlan) -> bool {
    plan.direct.is_none() && plan.target.has_name() && !plan.resolve_every.is_zero()
}

/// Looks up the target's name again at the interval of the plan, until it is dropped. If that fails, the
/// addresses stay as they are.
pub(crate) async fn look_up_again(worker: Rc<Worker>) {
    let (target, every) = (&worker.plan.target, worker.plan.resolve_every.into());
    let mut tick = interval_at(Instant::now() + every, every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let begin = worker.now();
        let found = tokio::net::lookup_host((target.name.as_str(), target.port)).await;
        match worker.addresses.replace(found) {
            Ok(()) => {
                let took = worker.now().since(begin);
                worker.recorder.borrow_mut().connections().resolve.record(took, 0);
            }
            Err(error) => tracing::warn!(name = target.name, %error, "a name could not be looked up again"),
        }
    }
}
