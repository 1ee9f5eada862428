//! Joins decisions and endings into rows.
//!
//! A row is complete when its request has ended and the next decision of the same load balancer is known,
//! since that decision shows the resulting state. Requests without an ending (given up, lost in a switch,
//! still open at the end) are censored: all that is known is that they took longer.

use super::row::{Decided, Next, Outcome, Row};
use lb_core::policy::Ending;
use std::collections::HashMap;

/// An incomplete row.
struct Pending {
    row: Row,
    /// Whether the next decision is known, or is known to be unavailable.
    followed: bool,
}

impl Pending {
    fn is_complete(&self) -> bool {
        self.followed && self.row.outcome.is_some()
    }
}

/// The latest decision of one load balancer.
#[derive(Clone, Copy)]
struct Latest {
    log: u32,
    id: u64,
    number: u64,
}

/// Joins the events of one recording.
#[derive(Default)]
pub(super) struct Joiner {
    pending: HashMap<(u32, u64), Pending>,
    latest: HashMap<u16, Latest>,
}

impl Joiner {
    /// Adds a decision of load balancer `lb_id`. Returns the row of the decision before it, if now complete.
    pub(super) fn decision(&mut self, decided: Decided, lb_id: u16) -> Option<Row> {
        let before = self.latest.get(&lb_id).copied();
        let number = before.map_or(0, |latest| latest.number + 1);
        let (log, id, in_system) = (decided.log, decided.id, decided.in_system);
        self.latest.insert(lb_id, Latest { log, id, number });
        let row = Row { decided, lb_id, number, outcome: None, next: None };
        self.pending.insert((log, id), Pending { row, followed: false });
        let before = before?;
        // After a dropped event or under another policy, the next decision is unknown or has another meaning.
        let follows = before.log == log && before.id + 1 == id;
        self.followed(before, follows.then_some(Next { number, in_system }))
    }

    fn followed(&mut self, latest: Latest, next: Option<Next>) -> Option<Row> {
        let key = (latest.log, latest.id);
        let pending = self.pending.get_mut(&key)?;
        pending.followed = true;
        pending.row.next = next;
        self.take_if_complete(key)
    }

    /// Adds the end of a request. Returns its row, if now complete.
    pub(super) fn ending(&mut self, log: u32, ending: &Ending) -> Option<Row> {
        let key = (log, ending.id);
        // The request is unknown if it was decided before the recording began, or its decision was dropped.
        let pending = self.pending.get_mut(&key)?;
        let Ending { at, latency, ending: known, .. } = *ending;
        pending.row.outcome = Some(Outcome { at, latency, known });
        self.take_if_complete(key)
    }

    fn take_if_complete(&mut self, key: (u32, u64)) -> Option<Row> {
        if !self.pending.get(&key)?.is_complete() {
            return None;
        }
        self.pending.remove(&key).map(|pending| pending.row)
    }

    /// Returns the open rows of a policy that is gone; they can no longer be completed.
    pub(super) fn closed(&mut self, log: u32) -> Vec<Row> {
        self.pending.extract_if(|key, _| key.0 == log).map(|(_, pending)| pending.row).collect()
    }

    /// Ends the recording and returns all remaining rows.
    pub(super) fn finish(&mut self) -> Vec<Row> {
        self.latest.clear();
        self.pending.drain().map(|(_, pending)| pending.row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::policy::ReplyKind;
    use lb_core::{Span, Time};

    fn decided(log: u32, id: u64) -> Decided {
        Decided {
            log,
            id,
            at: Time::from_nanos(id),
            route: 0,
            hints: Box::default(),
            backends: 1,
            action: 0,
            propensity: None,
            explored: false,
            in_system: Span::from_nanos(100 * id),
            numbers: Box::new([]),
        }
    }

    fn ending(id: u64) -> Ending {
        let known = Some((ReplyKind::Success, -1.0));
        Ending { id, at: Time::from_nanos(50 + id), latency: Span::from_nanos(50), ending: known }
    }

    /// Returns the number, the next number and whether the outcome is known.
    fn facts(row: &Row) -> (u64, Option<u64>, bool) {
        (row.number, row.next.map(|next| next.number), row.outcome.is_some())
    }

    #[test]
    fn a_row_waits_for_its_ending_and_for_the_next_decision() {
        let mut joiner = Joiner::default();
        assert!(joiner.decision(decided(1, 0), 0).is_none());
        assert!(joiner.ending(1, &ending(0)).is_none(), "the next decision is not known yet");
        let row = joiner.decision(decided(1, 1), 0).expect("now it is complete");
        assert_eq!(facts(&row), (0, Some(1), true));
        assert_eq!(row.next.expect("known").in_system, Span::from_nanos(100), "as the next decision says");
        assert!(joiner.decision(decided(1, 2), 0).is_none(), "the second has not ended");
        let row = joiner.ending(1, &ending(1)).expect("now it has");
        assert_eq!(facts(&row), (1, Some(2), true));
        let last = joiner.finish();
        assert_eq!(last.iter().map(facts).collect::<Vec<_>>(), [(2, None, false)], "censored at the end");
    }

    #[test]
    fn a_gap_or_another_policy_breaks_the_chain_and_not_the_numbers() {
        let mut joiner = Joiner::default();
        joiner.decision(decided(1, 0), 0);
        joiner.ending(1, &ending(0));
        // Decision 1 was dropped.
        let row = joiner.decision(decided(1, 2), 0).expect("complete: the next decision will never be known");
        assert_eq!(facts(&row), (0, None, true));
        joiner.ending(1, &ending(2));
        let row = joiner.decision(decided(7, 0), 0).expect("a switch");
        assert_eq!(facts(&row), (1, None, true), "numbering continues under the next policy");
        assert!(joiner.decision(decided(8, 0), 1).is_none(), "another load balancer has its own numbers");
        let mut left = joiner.finish();
        left.sort_by_key(|row| row.lb_id);
        assert_eq!(left.iter().map(facts).collect::<Vec<_>>(), [(2, None, false), (0, None, false)]);
    }

    #[test]
    fn what_a_policy_leaves_open_is_given_back_when_it_goes() {
        let mut joiner = Joiner::default();
        joiner.decision(decided(1, 0), 0);
        joiner.decision(decided(1, 1), 0);
        joiner.decision(decided(2, 0), 0);
        let mut left: Vec<_> = joiner.closed(1).iter().map(facts).collect();
        left.sort_unstable();
        assert_eq!(left, [(0, Some(1), false), (1, None, false)]);
        assert!(joiner.ending(1, &ending(0)).is_none(), "an ending that comes too late is ignored");
        assert_eq!(joiner.finish().len(), 1, "the row of the other policy remains");
    }

    #[test]
    fn endings_of_unknown_decisions_are_let_pass() {
        let mut joiner = Joiner::default();
        assert!(joiner.ending(3, &ending(9)).is_none(), "decided before the recording began");
        assert!(joiner.finish().is_empty());
    }
}
