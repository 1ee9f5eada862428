//! Creates user classes for the dialects that describe users only by their actions.

use super::actions::ActionWeights;
use super::types::{ACTIONS_PER_SESSION, Context, THINK_TIME_S, ordered_range};
use crate::error::Findings;
use lb_core::workload::UserClass;

/// Returns a class with the think times and session lengths of the `bench` block.
pub(super) fn plain_class(
    name: &str,
    actions: ActionWeights,
    context: &Context<'_>,
    findings: &mut Findings,
) -> UserClass {
    let think = context.settings.think_time_s.unwrap_or(THINK_TIME_S);
    let count = context.settings.actions_per_session.unwrap_or(ACTIONS_PER_SESSION);
    UserClass {
        name: name.to_owned(),
        actions,
        think_time_s: ordered_range("bench.think_time_s", think, findings),
        actions_per_session: ordered_range("bench.actions_per_session", count, findings),
        ..UserClass::default()
    }
}
