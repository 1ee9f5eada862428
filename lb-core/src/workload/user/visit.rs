//! What an arrival of an open stage does: one session, one action or one recorded request.

use super::super::arrivals::{Arrival, ArrivalProcess, ArrivalStart};
use super::super::draw::derive;
use super::super::recorded::Recorded;
use super::super::tag;
use super::{Part, VirtualUser};
use crate::time::Time;

impl VirtualUser {
    /// Begins the session, action or request of an arrival. Times count from the arrival, however late
    /// its driver is.
    pub(super) fn begin_visit(&mut self, arrival: Arrival) {
        self.session_key = derive(self.key, 0);
        self.sessions = 1;
        let workload = &self.schedule.workload;
        let stage = usize::from(arrival.stage);
        if arrival.row != Arrival::NO_ROW {
            let action = workload.rows[stage][arrival.row as usize];
            return self.begin_only(action, arrival.at);
        }
        let start = workload.stages[stage].arrivals.as_ref().map(|arrivals| arrivals.start);
        if start == Some(ArrivalStart::Session) {
            return self.begin_planned_session(arrival.at);
        }
        let key = derive(self.session_key, tag::MIDDLE);
        match &workload.choices[stage][usize::from(arrival.class)] {
            Some(choice) => {
                let randomness = workload.stages[stage].action_randomness;
                self.begin_only(choice.pick(derive(key, tag::CHOICE), randomness), arrival.at);
            }
            None => self.end_session(arrival.at),
        }
    }

    fn begin_only(&mut self, action: super::ActionIndex, at: Time) {
        self.part = Part::Only;
        self.plan_action(action, tag::MIDDLE, at);
    }

    /// Returns the recorded request of a replay.
    pub(super) fn recorded(&self) -> Option<Recorded<'_>> {
        let arrival = self.arrival.filter(|arrival| arrival.row != Arrival::NO_ROW)?;
        let arrivals = self.stage().arrivals.as_ref()?;
        match &arrivals.process {
            ArrivalProcess::Replay(replay) => replay.get(arrival.row as usize),
            _ => None,
        }
    }
}
