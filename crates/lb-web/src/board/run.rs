//! The run that a board is about.

use crate::child::Exit;
use serde::Serialize;
use serde_json::{Value, json};

/// Exit codes that say something about the results, not that the run failed: a regression, a threshold that does not hold,
/// and an interruption.
const JUDGEMENTS: [i32; 3] = [98, 99, 130];

/// What a run is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// The program was started, and has not said yet that the run begins.
    #[default]
    Starting,
    /// The run goes on.
    Running,
    /// The next trial waits.
    Paused,
    /// The run was told to end.
    Stopping,
    /// The program has ended.
    Over,
}

/// The run that a board is about.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Run {
    /// The name of the run on this server.
    pub(crate) id: String,
    /// The command that the run stands for.
    pub(crate) command: String,
    pub(crate) state: State,
    /// When the program was started, in RFC 3339.
    pub(crate) started_at: String,
    /// `complete`, `interrupted` or `failed`; null until then.
    pub(crate) ended: Option<String>,
    /// The exit code; null until then, and if a signal ended the program.
    pub(crate) exit: Option<i32>,
    /// Why the run failed.
    pub(crate) error: Option<String>,
    /// The id of the results in the list of results.
    pub(crate) results: Option<String>,
    pub(crate) engine: String,
    pub(crate) mode: String,
    pub(crate) load_balancer: String,
    pub(crate) scenarios: Vec<String>,
}

impl Run {
    /// Notes that the program has ended. `complaint` is the last error that it printed.
    pub(crate) fn end(&mut self, exit: Exit, complaint: Option<String>) {
        self.state = State::Over;
        self.exit = exit.code;
        let said = complaint.map(|text| text.trim_start_matches("error: ").to_owned());
        match exit {
            Exit { code: Some(0), .. } => drop(self.ended.get_or_insert_with(|| "complete".to_owned())),
            Exit { code: Some(code), .. } if JUDGEMENTS.contains(&code) => {
                let how = if code == 130 { "interrupted" } else { "complete" };
                self.ended.get_or_insert_with(|| how.to_owned());
            }
            Exit { code: Some(code), .. } => {
                self.ended = Some("failed".to_owned());
                let silent = || {
                    format!("the program ended with exit code {code} and said nothing; the log may say more")
                };
                self.error = self.error.take().or(said).or_else(|| Some(silent()));
            }
            Exit { code: None, signal } => {
                self.ended = Some("failed".to_owned());
                let signal =
                    signal.map_or_else(|| "a signal".to_owned(), |number| format!("signal {number}"));
                self.error = Some(format!(
                    "the program was ended by {signal}; complete trials are kept, and `bench report` summarises them"
                ));
            }
        }
    }
}

/// Where a run is.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Progress {
    pub(crate) scenario: String,
    /// Trials that ended, in this scenario.
    pub(crate) trials_done: u32,
    /// Trials that are planned; null if something else decides.
    pub(crate) trials: Option<u32>,
    pub(crate) block: Option<u32>,
    pub(crate) trial: String,
    pub(crate) phase: String,
    pub(crate) elapsed_s: f64,
    /// The planned length of a trial in seconds.
    pub(crate) trial_s: Option<f64>,
}

impl Progress {
    pub(crate) fn json(&self) -> Value {
        json!(Self { elapsed_s: (self.elapsed_s * 10.0).round() / 10.0, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(code: Option<i32>, signal: Option<i32>, complaint: Option<&str>, known: Option<&str>) -> Run {
        let mut run = Run { ended: known.map(str::to_owned), ..Run::default() };
        run.end(Exit { code, signal }, complaint.map(str::to_owned));
        run
    }

    #[test]
    fn a_run_that_failed_says_why_and_one_that_was_judged_did_not_fail() {
        for (code, complaint, known, expected, error) in [
            (0, None, None, "complete", None),
            (0, Some("warning"), Some("interrupted"), "interrupted", None),
            (99, Some("threshold"), Some("complete"), "complete", None),
            (130, None, None, "interrupted", None),
            (3, Some("error: the disk is full"), None, "failed", Some("the disk is full")),
        ] {
            let run = ended(Some(code), None, complaint, known);
            assert_eq!(
                (run.ended.as_deref(), run.exit, run.error.as_deref()),
                (Some(expected), Some(code), error)
            );
            assert_eq!(run.state, State::Over);
        }
        let silent = ended(Some(1), None, None, None).error.unwrap_or_default();
        assert!(silent.contains("exit code 1"), "{silent}");
        let killed = ended(None, Some(9), Some("error: old"), Some("complete"));
        assert_eq!(killed.ended.as_deref(), Some("failed"));
        assert!(killed.error.as_deref().is_some_and(|error| error.contains("signal 9")), "{killed:?}");
    }
}
