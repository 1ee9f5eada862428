//! Obeys commands to an experiment, as far as an experiment can: its schedule is the same for all algorithms.

use super::events::{Event, Observe};
use super::fault_times::{fault_words, tell_back_to_normal};
use super::interrupt::Interrupt;
use crate::steer::{Command, Desk, FaultWish, Now, Spoiled, UsersWish, Wish};
use crate::testbed::Mocks;
use lb_core::with_causes;

/// What a command led to: `Ok` with what happens now, or `Err` with why it is refused.
type Answer = Result<String, String>;

/// Obeys a command, and answers it. One that only a load without end can obey is laid down for it.
pub async fn obey(desk: &Desk, command: Command, interrupt: &Interrupt, events: &dyn Observe) {
    let Command { id, wish } = command;
    let now = desk.now();
    let answer = match wish {
        Wish::Stop => Ok(stop(now, interrupt)),
        // A load looks at its desk a few times a second, and answers itself.
        wish if now == Now::Load => return desk.lay_down(Command { id, wish }),
        _ if now == Now::Nothing => Err("no run is under way now; try again once it has begun".to_owned()),
        Wish::Pause => Ok(pause(desk)),
        Wish::Resume => resume(desk),
        Wish::Users(wish) => change_users(desk, now, &wish),
        Wish::Fault(wish) => put_in(desk, &wish, events).await,
        Wish::ClearFaults => clear_faults(desk, events).await,
        Wish::Algorithm(algorithm) => Err(format!(
            "an experiment switches its algorithms itself, trial by trial, so it cannot be switched to `{algorithm}`; \
             start a run with `--algorithms`"
        )),
        Wish::Mark(_) => {
            Err("only a load without end takes marks; trials are compared as they are".to_owned())
        }
    };
    events.observe(&Event::answered(id, answer));
}

fn stop(now: Now, interrupt: &Interrupt) -> String {
    let text = match (interrupt.set(), now) {
        (true, _) => "it is already about to stop",
        (false, Now::Load) => "stopping the load and writing its report",
        (false, Now::Nothing) => "stopping before anything is measured",
        (false, _) => "stopping: the trial under way ends, and complete ones are kept",
    };
    text.to_owned()
}

fn pause(desk: &Desk) -> String {
    match (desk.pause(true), desk.trial()) {
        (true, _) => "the run already pauses, or will before its next trial".to_owned(),
        (false, Some(trial)) => format!("the run pauses after {trial}"),
        (false, None) => "the run pauses before its next trial".to_owned(),
    }
}

fn resume(desk: &Desk) -> Answer {
    match desk.pause(false) {
        true => Ok("the run goes on".to_owned()),
        false => Err("the run does not pause, so there is nothing to resume".to_owned()),
    }
}

fn change_users(desk: &Desk, now: Now, wish: &UsersWish) -> Answer {
    if !wish.insist {
        return Err("the users of an experiment belong to the schedule that all of its algorithms share, so their number \
                    cannot be changed; start a run with other users, or say `insist` to end the trial under way as invalid"
            .to_owned());
    }
    if now == Now::Simulation {
        return Err("a trial in virtual time cannot be ended alone; stop the run".to_owned());
    }
    let trial = desk.trial().ok_or("no trial is under way; try again in a moment")?;
    let reason = format!("a command asked for {} users while the trial ran", wish.users);
    desk.note(format!("{trial} was ended: {reason}"));
    desk.spoil(Spoiled { reason, ends: true });
    Ok(format!("{trial} ends as invalid; the number of users stays, since it belongs to the schedule"))
}

async fn put_in(desk: &Desk, wish: &FaultWish, events: &dyn Observe) -> Answer {
    let trial = desk.trial().ok_or("no trial is under way; try again in a moment")?;
    if !wish.insist {
        return Err(format!(
            "a fault by hand would make {trial} invalid, since the other algorithms do not have it; say `insist` to put it \
             in all the same, or plan it in the topology"
        ));
    }
    let text = put_in_fault(desk, wish, events).await?;
    let reason = format!("a command put a fault into {} while the trial ran: {text}", wish.backend);
    desk.note(format!("{trial}: {reason}"));
    desk.spoil(Spoiled { reason, ends: false });
    Ok(format!("{}: {text}, from now on, and {trial} is invalid", wish.backend))
}

/// Puts a fault into a mock backend. Returns what it does.
///
/// # Errors
/// In words: there are no mock backends, or none of this name, or they refuse the fault.
pub(crate) async fn put_in_fault(desk: &Desk, wish: &FaultWish, events: &dyn Observe) -> Answer {
    let (mocks, backends) = find_mocks(desk)?;
    if !backends.contains(&wish.backend) {
        return Err(format!(
            "`{}` is no backend of this run; use one of {}",
            wish.backend,
            backends.join(", ")
        ));
    }
    mocks.add_fault(&wish.fault).await.map_err(|error| with_causes(&error))?;
    desk.put_in(&wish.backend);
    let text = fault_words(&wish.fault);
    events.observe(&Event::Fault { backend: wish.backend.clone(), text: text.clone(), begins: true });
    Ok(text)
}

/// Ends the faults that commands put in. Returns what happened.
///
/// # Errors
/// In words: there are none, or the mock backends do not answer.
pub(crate) async fn clear_faults(desk: &Desk, events: &dyn Observe) -> Answer {
    let (mocks, _) = find_mocks(desk)?;
    mocks.clear_faults().await.map_err(|error| with_causes(&error))?;
    let backends = desk.take_out();
    if backends.is_empty() {
        return Ok("no command put in a fault, so nothing changes".to_owned());
    }
    let text = format!("the faults that commands put into {} are over", backends.join(", "));
    tell_back_to_normal(events, backends);
    Ok(text)
}

/// Returns the control API of the mock backends with their ids, or why there is none.
fn find_mocks(desk: &Desk) -> Result<(Mocks, Vec<String>), String> {
    desk.mocks().ok_or_else(|| {
        "faults are put only into mock backends that `bench` started, and this run has none".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[derive(Default)]
    struct Kept(RefCell<Vec<(bool, String)>>);

    impl Observe for Kept {
        fn observe(&self, event: &Event) {
            if let Event::Answered { ok, text, .. } = event {
                self.0.borrow_mut().push((*ok, text.clone()));
            }
        }
    }

    async fn answer(desk: &Desk, line: &str) -> (bool, String) {
        let (kept, command) = (Kept::default(), Command::parse(line).expect("a command"));
        obey(desk, command, &Interrupt::default(), &kept).await;
        let mut answers = kept.0.into_inner();
        assert_eq!(answers.len(), 1, "{line} is answered once");
        answers.remove(0)
    }

    #[tokio::test]
    async fn an_experiment_refuses_what_its_comparison_does_not_survive() {
        let desk = Desk::default();
        let users = r#"{"do":"users","users":5}"#;
        let insisted = r#"{"do":"users","users":5,"insist":true}"#;
        assert!(answer(&desk, users).await.1.contains("no run is under way"));
        desk.begin(Now::Experiment);
        for (line, part) in [
            (users, "the schedule that all of its algorithms share"),
            (insisted, "no trial is under way"),
            (r#"{"do":"algorithm","algorithm":"p2c"}"#, "switches its algorithms itself"),
            (r#"{"do":"mark","name":"v2"}"#, "only a load without end"),
            (r#"{"do":"resume"}"#, "nothing to resume"),
        ] {
            let (ok, text) = answer(&desk, line).await;
            assert!(!ok && text.contains(part), "{line}: {text}");
        }
        desk.begin_trial("trial 2 of 4, p2c");
        let fault = r#"{"do":"fault","backend":"b","fault":{"fault":"crash"}}"#;
        assert!(answer(&desk, fault).await.1.contains("would make trial 2 of 4, p2c invalid"));
        let (ok, text) = answer(&desk, insisted).await;
        assert!(ok && text.contains("trial 2 of 4, p2c ends as invalid"), "{text}");
        assert!(desk.ends_trial());
        let end = desk.end_trial();
        assert!(end.spoiled.is_some_and(|reason| reason.contains("asked for 5 users")));
        assert_eq!(desk.take_notes().len(), 1);
    }

    #[tokio::test]
    async fn a_pause_is_asked_for_and_ended_and_a_load_answers_itself() {
        let desk = Desk::default();
        desk.begin(Now::Experiment);
        assert!(answer(&desk, r#"{"do":"pause"}"#).await.1.contains("pauses before its next trial"));
        assert!(answer(&desk, r#"{"do":"pause"}"#).await.1.contains("already"));
        assert_eq!(answer(&desk, r#"{"do":"resume"}"#).await, (true, "the run goes on".to_owned()));
        desk.begin(Now::Load);
        let (kept, interrupt) = (Kept::default(), Interrupt::default());
        let command = Command::parse(r#"{"do":"pause"}"#).expect("a command");
        obey(&desk, command.clone(), &interrupt, &kept).await;
        assert!(kept.0.borrow().is_empty(), "the load answers");
        assert_eq!(desk.take(), Some(command));
        obey(&desk, Command { id: None, wish: Wish::Stop }, &interrupt, &kept).await;
        assert!(interrupt.is_set() && kept.0.borrow()[0].1.contains("writing its report"));
    }
}
