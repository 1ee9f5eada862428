//! A command, as a line of JSON.

use lb_continuous::MarkRequest;
use lb_core::fault::Fault;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What another program asks a run for.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// The number by which the sender knows the answer; `None` if it gave none.
    pub id: Option<u64>,
    /// What it asks for.
    pub wish: Wish,
}

/// What a command asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// End as at the first Ctrl-C.
    Stop,
    /// Wait before the next trial.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Have another number of users.
    Users(UsersWish),
    /// Put a fault into a mock backend.
    Fault(FaultWish),
    /// End the faults that commands put in.
    ClearFaults,
    /// Switch the load balancer to the algorithm of this name.
    Algorithm(String),
    /// Set a mark.
    Mark(MarkRequest),
}

/// Asks for another number of users.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct UsersWish {
    /// How many users there should be.
    pub users: u32,
    /// How many come or leave each second, above 0; `None` as at the beginning of the load.
    #[serde(default)]
    pub spawn_rate: Option<f64>,
    /// The number that the sender believes is aimed at; `None` if it does not care.
    #[serde(default)]
    pub from: Option<u32>,
    /// Whether to change an experiment, which costs it the trial under way.
    #[serde(default)]
    pub insist: bool,
}

/// Asks for a fault.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct FaultWish {
    /// The id of the backend.
    pub backend: String,
    /// What happens to it, from now on.
    pub fault: Fault,
    /// Whether to do it to an experiment, which costs it the trial under way.
    #[serde(default)]
    pub insist: bool,
}

/// A line that is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    /// The id of the command, if that at least could be read.
    pub id: Option<u64>,
    /// What is wrong, and what may be written.
    pub text: String,
}

/// The commands, with the keys that each takes beside `id` and `do`.
const COMMANDS: [(&str, &[&str]); 8] = [
    ("stop", &[]),
    ("pause", &[]),
    ("resume", &[]),
    ("users", &["users", "spawn_rate", "from", "insist"]),
    ("fault", &["backend", "fault", "insist"]),
    ("clear_faults", &[]),
    ("algorithm", &["algorithm"]),
    ("mark", &["name", "settle_s"]),
];

impl Command {
    /// Reads a command from a line of JSON.
    ///
    /// # Errors
    /// The line is no command, or asks for something that makes no sense.
    pub fn parse(line: &str) -> Result<Self, Misread> {
        let value: Value = serde_json::from_str(line).map_err(|error| Misread {
            id: None,
            text: format!("a command is an object such as {{\"id\":1,\"do\":\"stop\"}}: {error}"),
        })?;
        let id = value.get("id").and_then(Value::as_u64);
        let misread = |text: String| Misread { id, text };
        let Value::Object(mut keys) = value else {
            return Err(misread(format!(
                "`{value}` is no command; use an object such as {{\"id\":1,\"do\":\"stop\"}}"
            )));
        };
        match keys.remove("id") {
            None | Some(Value::Null) => {}
            Some(_) if id.is_some() => {}
            Some(other) => return Err(misread(format!("`id` is {other}; use a whole number from 0"))),
        }
        let named = keys.remove("do");
        let named = named.as_ref().and_then(Value::as_str).unwrap_or_default();
        let wish = Wish::of(named, keys).map_err(misread)?;
        Ok(Self { id, wish })
    }
}

impl Wish {
    fn of(named: &str, keys: Map<String, Value>) -> Result<Self, String> {
        let Some((named, takes)) = COMMANDS.iter().find(|(name, _)| *name == named) else {
            let known: Vec<&str> = COMMANDS.iter().map(|(name, _)| *name).collect();
            return Err(format!("`{named}` is no command; set `do` to one of {}", known.join(", ")));
        };
        if let Some(stray) = keys.keys().find(|key| !takes.contains(&key.as_str())) {
            let beside =
                if takes.is_empty() { "nothing".to_owned() } else { format!("`{}`", takes.join("`, `")) };
            return Err(format!("`{named}` has no key `{stray}`; it takes {beside} beside `id` and `do`"));
        }
        match *named {
            "stop" => Ok(Self::Stop),
            "pause" => Ok(Self::Pause),
            "resume" => Ok(Self::Resume),
            "clear_faults" => Ok(Self::ClearFaults),
            "users" => read(named, takes, keys).and_then(UsersWish::checked).map(Self::Users),
            "fault" => read(named, takes, keys).and_then(FaultWish::checked).map(Self::Fault),
            "algorithm" => {
                #[derive(Deserialize)]
                struct Named {
                    algorithm: String,
                }
                read(named, takes, keys).map(|Named { algorithm }| Self::Algorithm(algorithm))
            }
            _ => {
                let mark: MarkRequest = read(named, takes, keys)?;
                mark.check().map_err(|error| error.to_string())?;
                Ok(Self::Mark(mark))
            }
        }
    }
}

/// Reads the keys of a command.
fn read<T: DeserializeOwned>(named: &str, takes: &[&str], keys: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(keys))
        .map_err(|error| format!("`{named}` cannot be read: {error}; it takes `{}`", takes.join("`, `")))
}

impl UsersWish {
    fn checked(self) -> Result<Self, String> {
        match self.spawn_rate {
            Some(rate) if !(rate > 0.0 && rate.is_finite()) => {
                Err(format!("`spawn_rate` is {rate}; use a number of users per second above 0, such as 10"))
            }
            _ => Ok(self),
        }
    }
}

impl FaultWish {
    /// Checks the fault, and has it happen to the named backend alone.
    fn checked(mut self) -> Result<Self, String> {
        if !self.fault.backends.is_empty() {
            return Err("`fault` names backends; name one in `backend` beside it".to_owned());
        }
        let problems = self.fault.problems();
        if !problems.is_empty() {
            return Err(format!("the fault makes no sense: {}", problems.join("; ")));
        }
        self.fault.backends = vec![self.backend.clone()];
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::fault::FaultKind;

    #[test]
    fn commands_are_read_with_what_they_say() {
        let read = |line: &str| Command::parse(line).unwrap_or_else(|error| panic!("{line}: {error:?}"));
        assert_eq!(read(r#"{"id":7,"do":"stop"}"#), Command { id: Some(7), wish: Wish::Stop });
        assert_eq!(read(r#"{"do":"clear_faults","id":null}"#), Command { id: None, wish: Wish::ClearFaults });
        let users = read(r#"{"id":4,"do":"users","users":50,"spawn_rate":10,"from":10}"#).wish;
        let expected = UsersWish { users: 50, spawn_rate: Some(10.0), from: Some(10), insist: false };
        assert_eq!(users, Wish::Users(expected));
        let line = r#"{"id":5,"do":"fault","backend":"b-1","fault":{"fault":"latency_factor","factor":3}}"#;
        let Wish::Fault(wish) = read(line).wish else { panic!("a fault") };
        assert_eq!(wish.fault.kind, FaultKind::LatencyFactor { factor: 3.0 });
        assert_eq!(wish.fault.backends, ["b-1"], "it happens to that backend alone");
        let Wish::Mark(mark) = read(r#"{"do":"mark","name":"v2"}"#).wish else { panic!("a mark") };
        assert_eq!((mark.name.as_str(), mark.settle_s), ("v2", 0.0));
        assert_eq!(read(r#"{"do":"algorithm","algorithm":"p2c"}"#).wish, Wish::Algorithm("p2c".to_owned()));
    }

    #[test]
    fn what_cannot_be_read_is_answered_with_what_may_be_written() {
        for (line, id, parts) in [
            ("hello", None, &["a command is an object such as {\"id\":1,\"do\":\"stop\"}"][..]),
            ("[1]", None, &["`[1]` is no command"]),
            (
                r#"{"id":3,"do":"hop"}"#,
                Some(3),
                &["`hop` is no command", "stop, pause, resume, users, fault"],
            ),
            (r#"{"id":3}"#, Some(3), &["set `do` to one of"]),
            (r#"{"id":-1,"do":"stop"}"#, None, &["`id` is -1; use a whole number"]),
            (r#"{"id":3,"do":"stop","now":true}"#, Some(3), &["`stop` has no key `now`; it takes nothing"]),
            (r#"{"id":3,"do":"users","uesrs":5}"#, Some(3), &["no key `uesrs`", "`users`, `spawn_rate`"]),
            (r#"{"id":3,"do":"users"}"#, Some(3), &["missing field `users`"]),
            (r#"{"id":3,"do":"users","users":-5}"#, Some(3), &["`users` cannot be read", "-5"]),
            (r#"{"id":3,"do":"users","users":5,"spawn_rate":0}"#, Some(3), &["`spawn_rate` is 0", "above 0"]),
            (
                r#"{"id":3,"do":"fault","backend":"a","fault":{"fault":"error_rate","rate":2}}"#,
                Some(3),
                &["rate: 2 must lie between 0 and 1"],
            ),
            (
                r#"{"id":3,"do":"fault","backend":"a","fault":{"fault":"crash","backends":["b"]}}"#,
                Some(3),
                &["name one in `backend`"],
            ),
            (r#"{"id":3,"do":"mark","name":""}"#, Some(3), &["1 to 64 characters"]),
        ] {
            let error = Command::parse(line).expect_err(line);
            assert_eq!(error.id, id, "{line}");
            for part in parts {
                assert!(error.text.contains(part), "{line}: `{part}` is missing in `{}`", error.text);
            }
        }
    }
}
