//! Commands for the run that is under way, and their answers.

use crate::runs::Runs;
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// The commands, each with the longest wait for its answer. A switch is verified before it is answered.
const COMMANDS: [(&str, Duration); 8] = [
    ("stop", Duration::from_secs(10)),
    ("pause", Duration::from_secs(10)),
    ("resume", Duration::from_secs(10)),
    ("users", Duration::from_secs(10)),
    ("fault", Duration::from_secs(10)),
    ("clear_faults", Duration::from_secs(10)),
    ("algorithm", Duration::from_secs(60)),
    ("mark", Duration::from_secs(10)),
];

/// The reason why a command was not sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotSent {
    /// It is not a command.
    Unknown(String),
    /// No run is under way.
    NothingRuns,
}

/// Sends a command to the run and waits for the answer. Returns whether it was done, and what was said.
///
/// # Errors
/// It is not a command, or nothing runs.
pub(crate) async fn steer(runs: &Runs, body: &[u8]) -> Result<(bool, String), NotSent> {
    let mut command: Map<String, Value> = serde_json::from_slice(body).map_err(|error| {
        NotSent::Unknown(format!(
            "a command is an object such as {{\"do\": \"users\", \"users\": 50}}: {error}"
        ))
    })?;
    let named = command.get("do").and_then(Value::as_str).unwrap_or_default();
    let Some((name, patience)) = COMMANDS.into_iter().find(|(name, _)| *name == named) else {
        let known = COMMANDS.map(|(name, _)| name).join(", ");
        return Err(NotSent::Unknown(format!("`do` is `{named}`; use one of {known}")));
    };
    let child = runs.child().ok_or(NotSent::NothingRuns)?;
    // What the program does not know: the end of a run that does not end by itself.
    let now = if name == "stop" { command.remove("now") } else { None };
    if let Some(other) = now.as_ref().filter(|now| !now.is_boolean()) {
        return Err(NotSent::Unknown(format!("`now` is {other}; use true to kill the run, or leave it out")));
    }
    if now == Some(Value::Bool(true)) {
        child.kill();
        runs.note_stopping();
        return Ok((
            true,
            "the program is killed; its last trial is lost, and complete ones are kept".to_owned(),
        ));
    }
    let (id, answer) = runs.pending.borrow_mut().add(name);
    command.insert("id".to_owned(), json!(id));
    if let Err(why) = child.send(Value::Object(command).to_string()) {
        runs.pending.borrow_mut().give_up(id);
        runs.change(|board| board.add_answer(false, why));
        return Ok((false, why.to_owned()));
    }
    Ok(match timeout(patience, answer).await {
        Ok(Ok(answer)) => answer,
        // The answer of a run that ends may be lost with it.
        Ok(Err(_)) if name == "stop" => (true, "the run has ended".to_owned()),
        Ok(Err(_)) => (false, "the run ended before it answered".to_owned()),
        Err(_) => {
            runs.pending.borrow_mut().give_up(id);
            let text = format!("no answer within {} s; the run may still do it", patience.as_secs());
            runs.change(|board| board.add_answer(false, &text));
            (false, text)
        }
    })
}

/// Asks the run to end, without waiting for the answer. Returns whether there is a run.
pub(crate) fn ask_to_stop(runs: &Runs) -> bool {
    let Some(child) = runs.child() else { return false };
    let (id, _) = runs.pending.borrow_mut().add("stop");
    // Who does not read commands is killed when the wait is over.
    let _ = child.send(json!({ "id": id, "do": "stop" }).to_string());
    runs.note_stopping();
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Root;
    use std::path::Path;
    use tokio::task::LocalSet;

    #[tokio::test(start_paused = true)]
    async fn a_run_that_does_not_answer_is_not_waited_for_for_ever() {
        let work = async {
            let runs = Runs::new(Root::new(Path::new("results")));
            assert_eq!(steer(&runs, br#"{"do": "stop"}"#).await, Err(NotSent::NothingRuns));
            // It reads nothing and says nothing.
            runs.start(Path::new("/bin/sleep"), &["60".to_owned()], "sleep".to_owned()).expect("it is there");
            let begin = tokio::time::Instant::now();
            let paused = steer(&runs, br#"{"do": "pause"}"#).await;
            let text = "no answer within 10 s; the run may still do it".to_owned();
            assert_eq!((paused, begin.elapsed()), (Ok((false, text)), Duration::from_secs(10)));
            let answers = runs.look(|board| board.whole()["answers"].clone());
            assert_eq!(answers[0]["ok"], false, "all pages are told");
            let unclear = steer(&runs, br#"{"do": "stop", "now": "please"}"#).await;
            assert!(matches!(unclear, Err(NotSent::Unknown(text)) if text.contains("use true")));
            let killed = steer(&runs, br#"{"do": "stop", "now": true}"#).await;
            assert!(killed.is_ok_and(|(ok, _)| ok));
            runs.wait_for_end().await;
            assert!(runs.child().is_none());
        };
        LocalSet::new().run_until(work).await;
    }
}
