//! Shows a run on a terminal: one line that changes, and lines that stay. Without a terminal, only the lines
//! that stay are printed. A quiet run prints only the load balancer and the tables.

use crate::experiment::{BETWEEN, Event, Observe};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lb_analysis::{rate_in_words, rate_sentence};
use lb_core::plain;
use lb_io::complain;
use lb_report::parts::{command_line, count};
use lb_report::{Detail, render_summary};
use lb_results::{AlgorithmSummary, RateProbe, Summary};
use std::cell::{Cell, RefCell};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// The time between two reports of a running phase when there is no terminal.
const PLAIN_PERIOD: Duration = Duration::from_secs(10);

/// Prints the events of a run: results on standard output, everything else on standard error.
pub struct Progress {
    mode: Mode,
    detail: Detail,
    /// The notes that were already printed; the summary at the end leaves them out.
    notes: RefCell<Vec<String>>,
    left: Cell<Option<Left>>,
}

/// The progress of a scenario.
#[derive(Clone, Copy)]
struct Left {
    trials: u32,
    done: u32,
    /// Planned duration of one trial in seconds.
    trial_s: f64,
    since: Instant,
}

impl Left {
    /// Estimates the seconds until the last trial ends, `elapsed_s` seconds after the first one began.
    fn seconds(&self, elapsed_s: f64) -> f64 {
        let left = f64::from(self.trials.saturating_sub(self.done));
        match self.done {
            0 => (left * (self.trial_s + BETWEEN.as_secs_f64()) - elapsed_s).max(0.0),
            done => (f64::from(self.trials) * elapsed_s / f64::from(done) - elapsed_s).max(0.0),
        }
    }
}

/// Writes a time in minutes and seconds, such as `1:05`.
fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

enum Mode {
    Quiet,
    /// `next` is the time within a phase, in seconds, at which the phase is reported next.
    Plain {
        next: Cell<f64>,
    },
    Terminal(ProgressBar),
}

impl Progress {
    /// Makes an observer that prints only results if `quiet`. Otherwise it shows progress, in the form that
    /// standard error allows. `detail` says how much of the results is printed.
    pub fn new(quiet: bool, detail: Detail) -> Self {
        let mode = if quiet {
            Mode::Quiet
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(
                ProgressStyle::with_template("{spinner} {prefix} {wide_msg}").expect("a valid template"),
            );
            Mode::Terminal(bar)
        } else {
            Mode::Plain { next: Cell::new(PLAIN_PERIOD.as_secs_f64()) }
        };
        Self { mode, detail, notes: RefCell::default(), left: Cell::new(None) }
    }

    /// Names a trial, with the time left if known.
    fn titled(&self, trial: &str) -> String {
        self.left.get().map_or_else(
            || trial.to_owned(),
            |left| format!("{trial}, {} left", clock(left.seconds(left.since.elapsed().as_secs_f64()))),
        )
    }

    /// Prints a line on standard output, even in a quiet run.
    fn announce(&self, line: &str) {
        let print = || lb_io::print(plain::lines(line.trim_end()));
        match &self.mode {
            Mode::Terminal(bar) => bar.suspend(print),
            Mode::Quiet | Mode::Plain { .. } => print(),
        }
    }

    /// Prints a line that stays, on standard error, unless the run is quiet.
    fn say(&self, line: &str) {
        match &self.mode {
            Mode::Quiet => {}
            Mode::Plain { .. } => to_stderr(line),
            Mode::Terminal(bar) => bar.suspend(|| to_stderr(line)),
        }
    }

    /// Shows that a trial enters a phase.
    fn phase(&self, trial: &str, phase: &str) {
        match &self.mode {
            Mode::Quiet => {}
            Mode::Plain { next } => next.set(PLAIN_PERIOD.as_secs_f64()),
            Mode::Terminal(bar) => {
                bar.set_prefix(plain::line(&self.titled(trial)).into_owned());
                bar.set_message(phase.to_owned());
                bar.tick();
            }
        }
    }

    /// Shows the running figures of a phase, `elapsed_s` seconds after it began.
    fn pulse(&self, trial: &str, elapsed_s: f64, text: &str) {
        match &self.mode {
            Mode::Quiet => {}
            Mode::Plain { next } => {
                if elapsed_s >= next.get() {
                    next.set(next.get() + PLAIN_PERIOD.as_secs_f64());
                    to_stderr(&format!("{trial}: {text}"));
                }
            }
            Mode::Terminal(bar) => {
                bar.set_prefix(plain::line(&self.titled(trial)).into_owned());
                bar.set_message(plain::line(text).into_owned());
                bar.tick();
            }
        }
    }

    /// Prints how a trial went.
    fn trial(&self, result: &AlgorithmSummary, block: u32, interrupted: bool, problems: &[String]) {
        let p95 = result
            .latency_ms
            .as_ref()
            .map_or_else(|| "-".to_owned(), |latency| format!("{:.1} ms", latency.p95));
        let cut = if interrupted { "interrupted, kept but not counted: " } else { "" };
        self.say(&format!(
            "{cut}{} (block {}): {} requests, {:.1} req/s, p95 {p95}, {:.2}% errors",
            result.name,
            block + 1,
            result.total_requests,
            result.throughput_rps,
            result.error_rate * 100.0
        ));
        for problem in problems {
            self.say(&format!("  invalid: {problem}"));
        }
    }
}

/// Describes the result of one probe, which alone decides nothing.
fn probe_line(algorithm: &str, probe: &RateProbe) -> String {
    let seen = match (&probe.latency_ms, probe.breaches.as_slice()) {
        (Some(latency), []) => format!("p95 {:.1} ms, {:.2} % errors", latency.p95, probe.error_rate * 100.0),
        (_, breaches) => breaches.join(", "),
    };
    let verdict = if probe.kept {
        format!("kept ({seen})")
    } else if probe.problems.is_empty() {
        format!("breached ({seen})")
    } else {
        format!("invalid ({})", probe.problems.join("; "))
    };
    let (rate, stage) = (rate_in_words(probe.rate_per_s), probe.stage);
    format!("{algorithm}: {rate}/s, {stage} probe on schedule {}: {verdict}", probe.replicate)
}

/// Prints a line on standard error, without anything that a terminal would obey.
fn to_stderr(line: &str) {
    complain(plain::lines(line));
}

impl Observe for Progress {
    fn observe(&self, event: &Event) {
        match event {
            Event::RunStarted { load_balancer, results, .. } => {
                self.announce(&format!("load balancer: {load_balancer}"));
                self.say(&format!("results: {results}"));
            }
            Event::Note { text } => {
                self.say(&format!("note: {text}"));
                if !matches!(self.mode, Mode::Quiet) {
                    self.notes.borrow_mut().push(text.clone());
                }
            }
            Event::ScenarioStarted { trials, trial_s, .. } => {
                let left = |trials| Left { trials, done: 0, trial_s: *trial_s, since: Instant::now() };
                self.left.set(trials.map(left));
            }
            // What watchers draw, and what the sender of a command is told.
            Event::BlockStarted { .. }
            | Event::Figures(_)
            | Event::Statistics(_)
            | Event::Fault { .. }
            | Event::Mark { .. }
            | Event::Steerable(_)
            | Event::Answered { .. } => {}
            Event::Paused {} => self.say("paused: a command resumes the run, or ends it"),
            Event::Resumed {} => self.say("the run goes on"),
            Event::ScenarioJudged { .. } => self.left.set(None),
            Event::PilotPlayed { pilot, .. } => self.say(&lb_report::pilot_sentence(pilot)),
            Event::PhaseStarted { trial, phase } => self.phase(trial, phase),
            Event::Pulse { trial, phase, elapsed_s, users, requests_per_s, p95_ms, errors } => {
                let text = format!(
                    "{phase} {elapsed_s:.0} s: {users} users, {requests_per_s:.0} req/s, p95 {p95_ms:.1} ms, {errors} errors"
                );
                self.pulse(trial, *elapsed_s, &text);
            }
            Event::SlowRequests { lines, left_out, .. } => {
                for line in lines {
                    self.say(line);
                }
                if *left_out > 0 {
                    self.say(&format!("slow requests: {left_out} more are not shown"));
                }
            }
            Event::TrialFinished { summary, block, attempt, interrupted, problems, .. } => {
                // An invalid trial is repeated once, so only its repetition counts as progress.
                if let Some(left) = self.left.get().filter(|_| problems.is_empty() || *attempt > 0) {
                    self.left.set(Some(Left { done: left.done + 1, ..left }));
                }
                self.trial(summary, *block, *interrupted, problems);
            }
            Event::WarmUpCut { block, cut_s, .. } => {
                if *cut_s >= 0.05 {
                    self.say(&format!("block {}: the first {cut_s:.1} s are left out as warm-up", block + 1));
                }
            }
            Event::PrecisionReached { blocks, precision, .. } => self.say(&format!(
                "after {}, every ratio of mean and p95 is known to ±{:.1} %",
                count(*blocks as usize, "block"),
                precision * 100.0
            )),
            Event::ProbeFinished { algorithm, probe, .. } => self.say(&probe_line(algorithm, probe)),
            Event::RateFound { max_rate, .. } => self.say(&rate_sentence(max_rate)),
            Event::NoiseFloorKept { path } => self.say(&format!("noise floor: {path}")),
            Event::RunFinished { results, summary, .. } => {
                if let Mode::Terminal(bar) = &self.mode {
                    bar.finish_and_clear();
                }
                if let Some(summary) = summary {
                    let notes = self.notes.borrow();
                    let mut summary = Summary::clone(summary);
                    summary.notes.retain(|note| !notes.contains(note));
                    self.announce(&render_summary(&summary, self.detail));
                    self.announce(&format!("results: {results}"));
                    if self.detail == Detail::Brief {
                        let folder = command_line(std::slice::from_ref(results));
                        self.announce(&format!("all tables: bench report --verbose --report html {folder}"));
                    }
                }
            }
            Event::ReportWritten { path } => self.announce(&format!("report: {path}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_plan_first_and_the_trials_that_ended_later() {
        let left = |done| Left { trials: 10, done, trial_s: 4.0, since: Instant::now() };
        assert_eq!(left(0).seconds(0.0), 50.0, "ten trials of four seconds, and one second beside each");
        assert_eq!(left(0).seconds(20.0), 30.0);
        assert_eq!(left(4).seconds(24.0), 36.0, "six seconds each so far");
        assert_eq!(left(10).seconds(60.0), 0.0);
        assert_eq!((clock(65.4), clock(5.0), clock(600.0)), ("1:05".into(), "0:05".into(), "10:00".into()));
    }
}
