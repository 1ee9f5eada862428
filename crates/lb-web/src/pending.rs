//! Commands that were sent to a run, until they are answered.

use crate::event::Answered;
use std::collections::HashMap;
use tokio::sync::oneshot;

/// Whether a command was done, and what was said.
type Answer = (bool, String);

/// Commands that were sent and not answered yet.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    last: u64,
    waiting: HashMap<u64, (&'static str, oneshot::Sender<Answer>)>,
    /// Commands whose answer is not waited for any more. Their answers still change the board.
    late: HashMap<u64, &'static str>,
}

impl Pending {
    /// Adds a command. Returns its number, and what gives its answer.
    pub(crate) fn add(&mut self, command: &'static str) -> (u64, oneshot::Receiver<Answer>) {
        self.last += 1;
        let (sender, receiver) = oneshot::channel();
        self.waiting.insert(self.last, (command, sender));
        (self.last, receiver)
    }

    /// Notes that the answer is not waited for any more.
    pub(crate) fn give_up(&mut self, id: u64) {
        if let Some((command, _)) = self.waiting.remove(&id) {
            self.late.insert(id, command);
        }
    }

    /// Hands an answer to the request that waits for it. Returns the command that was answered.
    pub(crate) fn answer(&mut self, answer: &Answered) -> Option<&'static str> {
        let id = answer.id?;
        match self.waiting.remove(&id) {
            Some((command, sender)) => {
                let _ = sender.send((answer.ok, answer.text.clone()));
                Some(command)
            }
            None => self.late.remove(&id),
        }
    }

    /// Forgets all commands: the run that they were for is over.
    pub(crate) fn forget(&mut self) {
        self.waiting.clear();
        self.late.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_find_their_commands_also_when_they_are_late() {
        let mut pending = Pending::default();
        let (first, _gone) = pending.add("users");
        let (second, receiver) = pending.add("stop");
        pending.give_up(first);
        let answered = |id| Answered { id: Some(id), ok: true, text: "done".to_owned() };
        assert_eq!(pending.answer(&answered(second)), Some("stop"));
        assert_eq!(receiver.await, Ok((true, "done".to_owned())));
        assert_eq!(pending.answer(&answered(first)), Some("users"), "late");
        assert_eq!(pending.answer(&answered(first)), None, "only once");
        assert_eq!(pending.answer(&Answered::default()), None, "an answer without a number");
    }
}
