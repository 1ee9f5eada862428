//! `run.json`: the description of a run, written when it starts. With it and the records of the trials, an
//! interrupted run can be resumed (`--resume`) or summarised (`bench report`). Only this module knows the
//! format.

use super::contestant::Contestant;
use super::context::Context;
use super::schedules::{combined_sha256, schedules};
use anyhow::{Context as _, Result};
use lb_config::Plan;
use lb_results::{PilotSummary, ResultsFolder, Skipped, Summary, machine};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The name of the file in the results folder.
const NAME: &str = "run.json";

/// The description of a run, known when it starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunFile {
    /// The summary of the run before it measured anything.
    pub(super) head: Summary,
    /// The folder in which the command was typed; relative paths in it start there.
    pub(super) directory: PathBuf,
    /// The mode, as events name it.
    pub(super) mode: String,
    /// Whether invalid trials count.
    pub(super) accept_invalid: bool,
    /// Whether `bench` started the load balancer, or simulated it.
    pub(super) managed: bool,
    /// The plan, as `bench plan --json` prints it, without its notes and the config's path.
    pub(super) plan: Value,
    /// The scenarios that were started, in the order of the plan.
    pub(super) scenarios: Vec<BegunScenario>,
}

/// A scenario that was started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct BegunScenario {
    /// The position of the scenario in the plan.
    pub(super) number: usize,
    pub(super) contestants: Vec<Contestant>,
    /// The algorithms that the load balancer does not offer.
    pub(super) skipped: Vec<Skipped>,
    /// The result of the simulated pilot; `None` if there was none.
    #[serde(default)]
    pub(super) pilot: Option<PilotSummary>,
}

impl RunFile {
    /// Describes a run that is starting.
    pub(super) fn new(context: &Context<'_>, head: &Summary, managed: bool) -> Self {
        Self {
            head: head.clone(),
            directory: std::env::current_dir().unwrap_or_default(),
            mode: context.mode.name().to_owned(),
            accept_invalid: context.accept_invalid,
            managed,
            plan: describe(context.plan),
            scenarios: Vec::new(),
        }
    }

    /// Reads the file of the run in `folder`. `None` if there is no such file.
    ///
    /// # Errors
    /// The file cannot be read, or another version of `bench` wrote it.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(NAME);
        let bytes = match lb_io::read(&path, ResultsFolder::LONGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("failed to read `{}`", path.display())),
        };
        let read = serde_json::from_slice(&bytes).with_context(|| {
            format!(
                "`{}` does not describe a run of this version of `bench`; use the version that wrote it",
                path.display()
            )
        });
        read.map(Some)
    }

    /// Writes the file, replacing an earlier one.
    pub(super) fn write(&self, folder: &ResultsFolder) -> Result<()> {
        folder.write(NAME, &serde_json::to_vec_pretty(self)?)
    }

    /// Returns the command of the run, word by word, as it was typed.
    pub fn command(&self) -> &[String] {
        &self.head.command
    }

    /// Returns the folder in which the command was typed.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the name of the run.
    pub fn run_id(&self) -> &str {
        &self.head.run_id
    }

    /// Returns the config of the run: its name as it was typed, and its content.
    pub fn config(&self) -> (&str, &Value) {
        (&self.head.config.name, &self.head.config.content)
    }

    /// Notes which contestants a scenario has.
    pub(super) fn begin(&mut self, scenario: BegunScenario) {
        self.scenarios.retain(|begun| begun.number != scenario.number);
        self.scenarios.push(scenario);
    }

    /// Returns the scenario at this position in the plan. `None` if it was not started.
    pub(super) fn begun(&self, number: usize) -> Option<&BegunScenario> {
        self.scenarios.iter().find(|begun| begun.number == number)
    }

    /// Describes the first difference between this run and a run that would resume it. `None` if they are the
    /// same.
    pub(super) fn difference(&self, now: &Self) -> Option<String> {
        first_difference("", &self.identity(), &now.identity())
    }

    /// Returns what all trials of a run must have in common.
    fn identity(&self) -> Value {
        json!({
            "version": self.head.version,
            "commit": self.head.commit,
            "mode": self.mode,
            "accept_invalid": self.accept_invalid,
            "config": self.head.config.content,
            "seed": self.head.seed,
            "plan": self.plan,
            "engine": self.head.engine,
            "load_balancer": self.head.load_balancer,
            "policy": self.head.policy,
            "traces": self.head.traces,
            "fingerprint": self.head.fingerprint,
            "machine": machine(&self.head.host),
        })
    }
}

/// Returns the plan as JSON, with the hash of the first schedule of each scenario, which determines all
/// others.
fn describe(plan: &Plan) -> Value {
    let first: Vec<String> = plan
        .scenarios()
        .iter()
        .flat_map(|scenario| schedules(&scenario.scenario().workload, plan.seed(), 1))
        .map(|schedule| schedule.sha256().to_owned())
        .collect();
    let mut plan = plan.to_json(&combined_sha256(first.iter().map(String::as_str)));
    if let Some(keys) = plan.as_object_mut() {
        keys.remove("notes");
        // The path of the config does not matter; its content is compared.
        keys.remove("source");
    }
    plan
}

/// Finds the first difference between two documents, and describes the old and the new value.
fn first_difference(place: &str, then: &Value, now: &Value) -> Option<String> {
    let below = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
    match (then, now) {
        _ if then == now => None,
        (Value::Object(old), Value::Object(new)) => {
            let mut keys: Vec<&String> = old.keys().collect();
            keys.extend(new.keys().filter(|key| !old.contains_key(*key)));
            keys.into_iter().find_map(|key| first_difference(&below(key), &then[key], &now[key]))
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            let mut pairs = old.iter().zip(new).enumerate();
            pairs.find_map(|(number, (old, new))| first_difference(&format!("{place}[{number}]"), old, new))
        }
        _ => Some(format!("`{place}` was {} and is {}", excerpt(then), excerpt(now))),
    }
}

/// Returns the start of a value for a message.
fn excerpt(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named_with_both_values() {
        let then = json!({ "seed": 1, "plan": { "scenarios": [{ "users": 5 }, { "users": 6 }] } });
        let with = |pointer: &str, value: Value| {
            let mut now = then.clone();
            *now.pointer_mut(pointer).expect("a place in the document") = value;
            first_difference("", &then, &now)
        };
        assert_eq!(first_difference("", &then, &then), None);
        assert_eq!(with("/seed", json!(2)).as_deref(), Some("`seed` was 1 and is 2"));
        assert_eq!(
            with("/plan/scenarios/1/users", json!(7)).as_deref(),
            Some("`plan.scenarios[1].users` was 6 and is 7")
        );
        let fewer = with("/plan/scenarios", json!([])).expect("lists of other lengths differ");
        assert!(fewer.starts_with("`plan.scenarios` was [{"), "{fewer}");
        let more = first_difference("", &json!({}), &json!({ "engine": "sim" }));
        assert_eq!(more.as_deref(), Some("`engine` was null and is \"sim\""), "a key that is new");
    }
}
