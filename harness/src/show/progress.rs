//! A run on a terminal: one line that changes, and lines that stay. Without a terminal only lines that stay are
//! printed; a quiet run prints the load balancer and the tables.

use crate::experiment::{Event, Observe};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lb_report::render_summary;
use lb_results::AlgorithmSummary;
use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Without a terminal, a running phase is reported this often.
const PLAIN_PERIOD: Duration = Duration::from_secs(10);

/// Prints the events of a run: results on standard output, everything else on standard error.
pub struct Progress {
    mode: Mode,
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
    /// Prints nothing but results if `quiet`; otherwise as standard error allows.
    pub fn new(quiet: bool) -> Self {
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
        Self { mode }
    }

    /// Prints a line that every reader needs, quiet or not, on standard output. A reader that went away is not an
    /// error.
    fn announce(&self, line: &str) {
        let print = || drop(writeln!(std::io::stdout(), "{}", line.trim_end()));
        match &self.mode {
            Mode::Terminal(bar) => bar.suspend(print),
            Mode::Quiet | Mode::Plain { .. } => print(),
        }
    }

    /// Prints a line that stays, on standard error.
    fn say(&self, line: &str) {
        match &self.mode {
            Mode::Quiet => {}
            Mode::Plain { .. } => eprintln!("{line}"),
            Mode::Terminal(bar) => bar.suspend(|| eprintln!("{line}")),
        }
    }

    /// Shows that a trial enters a phase.
    fn phase(&self, trial: &str, phase: &str) {
        match &self.mode {
            Mode::Quiet => {}
            Mode::Plain { next } => next.set(PLAIN_PERIOD.as_secs_f64()),
            Mode::Terminal(bar) => {
                bar.set_prefix(trial.to_owned());
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
                    eprintln!("{trial}: {text}");
                }
            }
            Mode::Terminal(bar) => {
                bar.set_prefix(trial.to_owned());
                bar.set_message(text.to_owned());
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
        let cut = if interrupted { "interrupted, kept but not summed up: " } else { "" };
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

impl Observe for Progress {
    fn observe(&self, event: &Event) {
        match event {
            Event::RunStarted { load_balancer, results, .. } => {
                self.announce(&format!("load balancer: {load_balancer}"));
                self.say(&format!("results: {results}"));
            }
            Event::Note { text } => self.say(&format!("note: {text}")),
            Event::ScenarioStarted { .. } | Event::BlockStarted { .. } | Event::ScenarioJudged { .. } => {}
            Event::PhaseStarted { trial, phase } => self.phase(trial, phase),
            Event::Pulse { trial, phase, elapsed_s, users, requests_per_s, p95_ms, errors } => {
                let text = format!(
                    "{phase} {elapsed_s:.0} s: {users} users, {requests_per_s:.0} req/s, p95 {p95_ms:.1} ms, {errors} errors"
                );
                self.pulse(trial, *elapsed_s, &text);
            }
            Event::TrialFinished { summary, block, interrupted, problems, .. } => {
                self.trial(summary, *block, *interrupted, problems);
            }
            Event::WarmUpCut { block, cut_s, .. } => {
                self.say(&format!("block {}: the first {cut_s:.0} s are left out as warm-up", block + 1));
            }
            Event::PrecisionReached { blocks, precision, .. } => self
                .say(&format!("after {blocks} blocks all intervals are within ±{:.1} %", precision * 100.0)),
            Event::ProbeFinished { algorithm, probe, .. } => {
                let verdict = if probe.kept { "keeps the objective" } else { "does not keep it" };
                self.say(&format!("{algorithm}: {:.1}/s {verdict}", probe.rate_per_s));
            }
            Event::RateFound { max_rate, .. } => {
                let rate = max_rate.rate_per_s;
                let line = rate.map_or_else(|| "no rate".to_owned(), |rate| format!("{rate:.1} arrivals/s"));
                self.say(&format!("{}: {line} keeps the objective", max_rate.algorithm));
            }
            Event::NoiseFloorKept { path } => self.say(&format!("noise floor: {path}")),
            Event::RunFinished { results, summary, .. } => {
                if let Mode::Terminal(bar) = &self.mode {
                    bar.finish_and_clear();
                }
                if let Some(summary) = summary {
                    self.announce(&render_summary(summary));
                    self.announce(&format!("results: {results}"));
                }
            }
            Event::ReportWritten { path } => self.announce(&format!("report: {path}")),
        }
    }
}
