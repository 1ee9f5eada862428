//! Progress of long operations: an updated line on a terminal, a line every few seconds elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Interval between progress lines without a terminal.
const PLAIN_PERIOD: Duration = Duration::from_secs(10);

/// Shows progress on standard error.
#[derive(Debug)]
pub struct Meter {
    shown: Shown,
}

#[derive(Debug)]
enum Shown {
    Terminal(ProgressBar),
    Plain(Instant),
}

impl Default for Meter {
    fn default() -> Self {
        Self::new()
    }
}

impl Meter {
    /// Creates a meter; its output depends on whether standard error is a terminal.
    pub fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { shown: Shown::Plain(Instant::now()) };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(ProgressStyle::with_template("{spinner} {wide_msg}").expect("a valid template"));
        Self { shown: Shown::Terminal(bar) }
    }

    /// Updates the progress line.
    pub fn tick(&mut self, text: &str) {
        match &mut self.shown {
            Shown::Terminal(bar) => {
                bar.set_message(text.to_owned());
                bar.tick();
            }
            Shown::Plain(last) if last.elapsed() >= PLAIN_PERIOD => {
                *last = Instant::now();
                lb_io::complain(text);
            }
            Shown::Plain(_) => {}
        }
    }

    /// Prints a permanent line.
    pub fn say(&mut self, line: &str) {
        match &mut self.shown {
            Shown::Terminal(bar) => bar.suspend(|| lb_io::complain(line)),
            Shown::Plain(last) => {
                *last = Instant::now();
                lb_io::complain(line);
            }
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Shown::Terminal(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
