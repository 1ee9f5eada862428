//! What commands ask a run for, shared by the run and the code that takes the commands.

use super::command::Command;
use crate::testbed::Mocks;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where a run finds what commands ask for. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Desk(Arc<Mutex<State>>);

/// What runs now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Now {
    /// Nothing yet, or nothing any more.
    #[default]
    Nothing,
    /// An experiment over real sockets.
    Experiment,
    /// An experiment in virtual time.
    Simulation,
    /// A load without end.
    Load,
}

/// Why the trial under way does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoiled {
    /// The reason, as a problem of the trial.
    pub reason: String,
    /// Whether the trial ends now.
    pub ends: bool,
}

/// What is left of a trial that ended.
#[derive(Debug, Default)]
pub struct TrialEnd {
    /// Why it does not count, if a command spoiled it.
    pub spoiled: Option<String>,
    /// The backends into which a command put faults, which are over.
    pub backends: Vec<String>,
}

#[derive(Debug, Default)]
struct State {
    now: Now,
    is_paused: bool,
    /// The trial under way, in words; `None` between trials.
    trial: Option<String>,
    spoiled: Option<Spoiled>,
    /// The control API of the mock backends, with their ids; `None` if there are none.
    mocks: Option<(Mocks, Vec<String>)>,
    /// The backends into which commands put faults.
    by_hand: Vec<String>,
    /// Commands for a load without end.
    waiting: VecDeque<Command>,
    /// What was done, for the results.
    notes: Vec<String>,
}

impl Desk {
    /// Says what runs from now on. Nothing of an earlier run is left but its notes.
    pub fn begin(&self, now: Now) {
        let mut state = self.lock();
        *state = State { now, notes: std::mem::take(&mut state.notes), ..State::default() };
    }

    /// Returns what runs now.
    pub fn now(&self) -> Now {
        self.lock().now
    }

    /// Says that the run should pause before its next trial, or go on. Returns what it was asked before.
    pub fn pause(&self, pauses: bool) -> bool {
        std::mem::replace(&mut self.lock().is_paused, pauses)
    }

    /// Returns whether the run should wait before its next trial.
    pub fn is_paused(&self) -> bool {
        self.lock().is_paused
    }

    /// Says that a trial begins, in words.
    pub fn begin_trial(&self, title: &str) {
        let mut state = self.lock();
        state.trial = Some(title.to_owned());
        state.spoiled = None;
    }

    /// Says that the trial is over.
    pub fn end_trial(&self) -> TrialEnd {
        let mut state = self.lock();
        state.trial = None;
        TrialEnd {
            spoiled: state.spoiled.take().map(|spoiled| spoiled.reason),
            backends: std::mem::take(&mut state.by_hand),
        }
    }

    /// Returns the trial under way, in words; `None` between trials.
    pub fn trial(&self) -> Option<String> {
        self.lock().trial.clone()
    }

    /// Spoils the trial under way. The first reason stays; a trial that was to end ends.
    pub fn spoil(&self, spoiled: Spoiled) {
        let mut state = self.lock();
        match &mut state.spoiled {
            Some(known) => known.ends |= spoiled.ends,
            none => *none = Some(spoiled),
        }
    }

    /// Returns whether the trial under way should end.
    pub fn ends_trial(&self) -> bool {
        self.lock().spoiled.as_ref().is_some_and(|spoiled| spoiled.ends)
    }

    /// Says where faults can be put in: the control API of the mock backends, and their ids. `None` if there are none.
    pub fn set_mocks(&self, mocks: Option<(Mocks, Vec<String>)>) {
        self.lock().mocks = mocks;
    }

    /// Returns where faults can be put in.
    pub fn mocks(&self) -> Option<(Mocks, Vec<String>)> {
        self.lock().mocks.clone()
    }

    /// Remembers that a command put a fault into a backend.
    pub fn put_in(&self, backend: &str) {
        let mut state = self.lock();
        if !state.by_hand.iter().any(|known| known == backend) {
            state.by_hand.push(backend.to_owned());
        }
    }

    /// Takes the backends into which commands put faults.
    pub fn take_out(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().by_hand)
    }

    /// Lays down a command for a load without end.
    pub fn lay_down(&self, command: Command) {
        self.lock().waiting.push_back(command);
    }

    /// Takes the next command for a load without end.
    pub fn take(&self) -> Option<Command> {
        self.lock().waiting.pop_front()
    }

    /// Keeps what was done for the results.
    pub fn note(&self, text: String) {
        self.lock().notes.push(text);
    }

    /// Takes what was done.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().notes)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spoiled_trial_is_told_once_and_the_next_one_is_clean() {
        let desk = Desk::default();
        desk.begin(Now::Experiment);
        desk.begin_trial("trial 1 of 2, p2c");
        assert!(!desk.ends_trial());
        desk.spoil(Spoiled { reason: "a fault".to_owned(), ends: false });
        desk.spoil(Spoiled { reason: "other users".to_owned(), ends: true });
        desk.put_in("b-1");
        desk.put_in("b-1");
        assert!(desk.ends_trial());
        let end = desk.end_trial();
        assert_eq!((end.spoiled.as_deref(), end.backends), (Some("a fault"), vec!["b-1".to_owned()]));
        desk.begin_trial("trial 2 of 2, p2c");
        assert!(!desk.ends_trial() && desk.end_trial().spoiled.is_none());
    }

    #[test]
    fn a_new_run_begins_unpaused_and_keeps_no_commands() {
        let desk = Desk::default();
        assert!(!desk.pause(true) && desk.is_paused());
        desk.lay_down(Command { id: None, wish: super::super::Wish::Stop });
        desk.begin(Now::Load);
        assert!(!desk.is_paused() && desk.take().is_none());
        assert_eq!(desk.now(), Now::Load);
    }
}
