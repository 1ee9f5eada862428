//! Live progress: one line that changes on a terminal, plain lines elsewhere, nothing when quiet.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lb_record::Snapshot;
use std::io::IsTerminal;
use std::time::Duration;

/// Without a terminal, a line about a running phase is printed this often.
const PLAIN_PERIOD: Duration = Duration::from_secs(10);

/// What the generator is doing right now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pulse {
    /// Seconds since the phase began.
    pub elapsed: Duration,
    /// Users active.
    pub users: u32,
    /// Requests that ended in the last second.
    pub requests_per_second: f64,
    /// P95 of the last second in milliseconds.
    pub p95_ms: f64,
    /// Requests that failed, since the phase began.
    pub errors: u64,
}

impl Pulse {
    /// How often whoever waits for a phase looks at it.
    pub const PERIOD: Duration = Duration::from_millis(200);

    /// The running figures of a phase that began `elapsed` ago.
    pub fn new(elapsed: Duration, now: Snapshot) -> Self {
        Self {
            elapsed,
            users: now.users,
            requests_per_second: now.last_requests as f64,
            p95_ms: now.last_p95.as_millis_f64(),
            errors: now.errors,
        }
    }
}

/// Where progress goes.
pub struct Progress {
    mode: Mode,
}

enum Mode {
    None,
    Quiet,
    Plain { next: Duration },
    Terminal(ProgressBar),
}

impl Progress {
    /// Nowhere: for whoever runs many experiments and prints results of its own.
    pub const fn none() -> Self {
        Self { mode: Mode::None }
    }

    /// Chooses by what standard error is.
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
            Mode::Plain { next: PLAIN_PERIOD }
        };
        Self { mode }
    }

    /// A line that every reader needs, quiet or not: on standard output.
    pub fn announce(&self, line: &str) {
        let print = || {
            use std::io::Write;
            let _ = writeln!(std::io::stdout(), "{line}");
        };
        match &self.mode {
            Mode::None => {}
            Mode::Terminal(bar) => bar.suspend(print),
            Mode::Quiet | Mode::Plain { .. } => print(),
        }
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        match &self.mode {
            Mode::None | Mode::Quiet => {}
            Mode::Plain { .. } => eprintln!("{line}"),
            Mode::Terminal(bar) => bar.suspend(|| eprintln!("{line}")),
        }
    }

    /// A trial goes into a phase.
    pub fn phase(&mut self, trial: &str, phase: &str) {
        match &mut self.mode {
            Mode::None | Mode::Quiet => {}
            Mode::Plain { next } => *next = PLAIN_PERIOD,
            Mode::Terminal(bar) => {
                bar.set_prefix(trial.to_owned());
                bar.set_message(phase.to_owned());
                bar.tick();
            }
        }
    }

    /// The phase goes on.
    pub fn pulse(&mut self, trial: &str, phase: &str, pulse: &Pulse) {
        let text = format!(
            "{phase} {:.0} s: {} users, {:.0} req/s, p95 {:.1} ms, {} errors",
            pulse.elapsed.as_secs_f64(),
            pulse.users,
            pulse.requests_per_second,
            pulse.p95_ms,
            pulse.errors
        );
        match &mut self.mode {
            Mode::None | Mode::Quiet => {}
            Mode::Plain { next } => {
                if pulse.elapsed >= *next {
                    *next += PLAIN_PERIOD;
                    eprintln!("{trial}: {text}");
                }
            }
            Mode::Terminal(bar) => {
                bar.set_prefix(trial.to_owned());
                bar.set_message(text);
                bar.tick();
            }
        }
    }

    /// Nothing more to show.
    pub fn finish(&self) {
        if let Mode::Terminal(bar) = &self.mode {
            bar.finish_and_clear();
        }
    }
}
