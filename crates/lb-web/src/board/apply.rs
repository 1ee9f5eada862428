//! How an event changes a board.

use super::{Board, Run, State};
use crate::event::{Dated, Event, Figures, RunFinished, RunStarted, Slow, TrialFinished};
use jiff::Timestamp;
use lb_core::plain;
use serde_json::{Value, json};

/// The most backends with a course.
const MOST_BACKENDS: usize = 50;
/// The most trials that points refer to.
const MOST_TRIALS_SEEN: usize = 2000;
/// The longest line that is kept of a log, in bytes.
const LONGEST_LINE: usize = 2000;
/// The lines of the event stream that are complained about before they are only counted.
const MOST_GARBAGE: u64 = 5;

impl Board {
    /// Changes the board as an event says. `command` is the command that an answer belongs to.
    pub(crate) fn apply(&mut self, dated: &Dated, command: Option<&str>) {
        self.clock += 1;
        self.tell_time(dated);
        match &dated.event {
            Event::RunStarted(started) => self.start(started),
            Event::ScenarioStarted(started) => {
                let progress = self.progress();
                progress.scenario.clone_from(&started.scenario);
                (progress.trials, progress.trial_s) = (started.trials, started.trial_s);
                (progress.trials_done, progress.block) = (0, None);
            }
            Event::BlockStarted(started) => {
                let progress = self.progress();
                progress.scenario.clone_from(&started.scenario);
                progress.block = Some(started.block);
            }
            Event::Phase(phase) => {
                let progress = self.progress();
                progress.trial.clone_from(&phase.trial);
                progress.phase.clone_from(&phase.phase);
                progress.elapsed_s = phase.elapsed_s;
            }
            Event::Note(note) => self.warn(&note.text),
            Event::Slow(slow) => self.slow_requests(slow),
            Event::TrialFinished(trial) => self.finish_trial(trial),
            Event::Figures(figures) => self.figures(figures),
            Event::Statistics(statistics) => {
                if self.statistics.replace(self.clock, statistics) {
                    self.edition += 1;
                }
            }
            Event::Fault(fault) => self.mark("fault", &format!("{}: {}", fault.backend, fault.text)),
            Event::Mark(mark) => self.mark("mark", &mark.name),
            Event::Paused => self.enter(State::Paused),
            Event::Resumed => self.enter(State::Running),
            Event::Steerable(what) => {
                self.steerable = super::Told { clock: self.clock, value: (**what).clone() }
            }
            Event::Answered(answer) => self.answer(answer.ok, &answer.text, command),
            Event::RunFinished(finished) => self.finish(finished),
            Event::Other => {}
        }
    }

    /// Adds a line of the program's log.
    pub(crate) fn add_line(&mut self, line: &str) {
        self.clock += 1;
        let line = shorten(line);
        if line.starts_with("error: ") {
            self.complaint = Some(line.clone());
        }
        self.log.add(self.clock, line);
    }

    /// Notes that a line of the event stream is not an event.
    pub(crate) fn add_garbage(&mut self, line: &str, why: &str) {
        self.clock += 1;
        self.garbage += 1;
        if self.garbage <= MOST_GARBAGE {
            self.warn(&format!("the program printed a line that is not an event ({why}): {}", shorten(line)));
        }
        if self.garbage == MOST_GARBAGE {
            self.warn("further lines that are no events are not shown");
        }
    }

    /// Adds an answer that did not come from the program.
    pub(crate) fn add_answer(&mut self, ok: bool, text: &str) {
        self.clock += 1;
        self.answer(ok, text, None);
    }

    /// Adds a warning.
    pub(crate) fn add_warning(&mut self, text: &str) {
        self.clock += 1;
        self.warn(text);
    }

    fn tell_time(&mut self, dated: &Dated) {
        let Some(at) = dated.at else { return };
        let began = *self.began.get_or_insert(at);
        self.now_s = self.now_s.max(seconds_between(began, at));
    }

    fn start(&mut self, started: &RunStarted) {
        let clock = self.clock;
        if let Some(run) = &mut self.run.value {
            if run.state == State::Starting {
                run.state = State::Running;
            }
            run.engine.clone_from(&started.engine);
            run.mode.clone_from(&started.mode);
            run.load_balancer.clone_from(&started.load_balancer);
            run.scenarios.clone_from(&started.scenarios);
            self.run.clock = clock;
        }
    }

    fn finish(&mut self, finished: &RunFinished) {
        let clock = self.clock;
        if let Some(run) = &mut self.run.value {
            run.ended = Some(finished.ended.clone());
            // A suite goes on after a run that failed; what comes last decides.
            run.error.clone_from(&finished.error);
            self.run.clock = clock;
        }
    }

    fn enter(&mut self, state: State) {
        if matches!(self.run(), Some(Run { state: State::Running | State::Paused, .. })) {
            let clock = self.clock;
            if let Some(run) = &mut self.run.value {
                run.state = state;
                self.run.clock = clock;
            }
            self.mark("change", if state == State::Paused { "paused" } else { "resumed" });
        }
    }

    fn progress(&mut self) -> &mut super::run::Progress {
        self.progress.clock = self.clock;
        &mut self.progress.value
    }

    fn warn(&mut self, text: &str) {
        self.warnings.add(self.clock, shorten(text));
    }

    fn mark(&mut self, kind: &str, text: &str) {
        self.marks.add(self.clock, json!({ "t": self.second(), "kind": kind, "text": shorten(text) }));
    }

    /// Returns the seconds since the run began, to a tenth.
    fn second(&self) -> f64 {
        (self.now_s * 10.0).round() / 10.0
    }

    fn answer(&mut self, ok: bool, text: &str, command: Option<&str>) {
        let text = shorten(text);
        match command {
            Some("users") if ok => self.mark("change", &text),
            Some("algorithm") if ok => self.mark("algorithm", &text),
            Some("stop") if ok => {
                let clock = self.clock;
                if let Some(run) = self.run.value.as_mut().filter(|run| run.state != State::Over) {
                    run.state = State::Stopping;
                    self.run.clock = clock;
                }
            }
            _ => {}
        }
        self.answers.add(self.clock, json!({ "text": text, "ok": ok, "t": self.second() }));
    }

    fn slow_requests(&mut self, slow: &Slow) {
        for line in &slow.lines {
            self.slow.add(self.clock, shorten(line));
        }
        if slow.left_out > 0 {
            self.slow.add(self.clock, format!("and {} more", slow.left_out));
        }
    }

    fn finish_trial(&mut self, trial: &TrialFinished) {
        let summary = &trial.summary;
        let label = match self.progress.value.trial.is_empty() {
            true => format!("{}, {}", trial.scenario, summary.name),
            false => self.progress.value.trial.clone(),
        };
        let mut problems = trial.problems.clone();
        if trial.interrupted {
            problems.push("it was interrupted".to_owned());
        }
        for problem in &problems {
            self.warn(&format!("{label} is not valid: {problem}"));
        }
        let latency = summary.latency_ms.unwrap_or_default();
        let valid = problems.is_empty();
        self.trials.add(
            self.clock,
            json!({
                "label": label, "algorithm": summary.name, "scenario": trial.scenario, "block": trial.block,
                "valid": valid, "problems": problems,
                "p50": latency.p50, "p95": latency.p95, "p99": latency.p99, "mean": latency.mean,
                "requests_per_s": summary.throughput_rps, "error_rate": summary.error_rate,
            }),
        );
        if valid {
            self.progress().trials_done += 1;
        }
    }

    fn figures(&mut self, figures: &Figures) {
        let t = self.second();
        let label = |seen: &Value| seen["label"] == *figures.trial;
        if !self.trials_seen.last().is_some_and(label) && self.trials_seen.len() < MOST_TRIALS_SEEN {
            let seen = json!({ "label": figures.trial, "algorithm": figures.algorithm, "from_s": t });
            self.trials_seen.add(self.clock, seen);
        }
        let trial = self.trials_seen.len().saturating_sub(1) as f64;
        let latency = figures.latency_ms.unwrap_or_default();
        let point = [
            Some(t),
            Some(figures.users),
            figures.aim,
            Some(figures.in_flight),
            Some(figures.requests),
            Some(figures.failures),
            latency.p50,
            latency.p95,
            latency.p99,
            Some(trial),
        ];
        let mut is_new = self.series.add(self.clock, point.to_vec());
        is_new |= self.replies(t, figures);
        is_new |= self.endpoints.add(self.clock, t, &figures.endpoints);
        if is_new {
            self.edition += 1;
        }
    }

    /// Adds the replies of the backends. Returns whether what was told before is no longer so.
    fn replies(&mut self, t: f64, figures: &Figures) -> bool {
        let known = self.backend_ids.len();
        for backend in &figures.backends {
            if self.backend_ids.len() < MOST_BACKENDS && !self.backend_ids.contains(&backend.id) {
                self.backend_ids.push(backend.id.clone());
            }
        }
        if self.backend_ids.is_empty() {
            return false;
        }
        let replies = |id: &String| {
            figures.backends.iter().find(|backend| backend.id == *id).map_or(0.0, |it| it.replies)
        };
        let point =
            std::iter::once(Some(t)).chain(self.backend_ids.iter().map(|id| Some(replies(id)))).collect();
        let merged = self.backends.add(self.clock, point);
        merged || (known > 0 && self.backend_ids.len() > known)
    }
}

/// Makes a text safe to show on one line, and not too long.
fn shorten(text: &str) -> String {
    let mut line = plain::line(text.trim_end()).into_owned();
    if line.len() > LONGEST_LINE {
        let end = (0..=LONGEST_LINE).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
        line.truncate(end);
        line.push('…');
    }
    line
}

fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}
