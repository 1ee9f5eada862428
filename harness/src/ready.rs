//! Waits until a page answers, before anything else of a run: a deployment that is still starting would only give
//! errors.

use crate::experiment::Interrupt;
use lb_load::{LoadError, TlsOptions, Unreachable, ask};
use std::time::Duration;
use tokio::time::Instant;

/// Pause between two questions.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Time between two reports of the wait.
const REPORT: Duration = Duration::from_secs(5);

/// The reason why a wait ended without a page that answers.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// It did not become ready in time.
    #[error(
        "`{url}` was not ready within {} s: asked {asked} times, last answer: {last}; check that the address is right \
         and what runs there, or wait longer with --wait-timeout",
        .limit.as_secs_f64()
    )]
    TimedOut {
        /// The page, with its password masked.
        url: String,
        /// How long it had.
        limit: Duration,
        /// How often it was asked.
        asked: u32,
        /// What it said last.
        last: String,
    },
    /// The address cannot be asked at all.
    #[error("--wait-for: {0}")]
    Unusable(LoadError),
    /// The user ended the wait.
    #[error("interrupted while waiting for `{url}`")]
    Interrupted {
        /// The page, with its password masked.
        url: String,
    },
}

/// Asks for the page at `url` until it answers with a status from 200 to 399, for `limit` at most. Every few seconds,
/// `tell` is told who is asked, how often, and the last answer.
///
/// # Errors
/// It did not become ready in time, or the user ended the wait.
pub async fn wait_for(
    url: &str,
    limit: Duration,
    tls: &TlsOptions,
    interrupt: &Interrupt,
    tell: &dyn Fn(&str),
) -> Result<(), NotReady> {
    let shown = lb_core::secret::mask_passwords(url).into_owned();
    let begun = Instant::now();
    let mut next_report = begun + REPORT;
    let mut asked = 0;
    loop {
        asked += 1;
        let left = limit.saturating_sub(begun.elapsed()).max(PAUSE);
        let last = match ask(url, tls, PATIENCE.min(left)).await {
            Ok(status) if (200..400).contains(&status) => {
                if asked > 1 {
                    tell(&format!("`{shown}` is ready after {:.0} s", begun.elapsed().as_secs_f64()));
                }
                return Ok(());
            }
            Ok(status) => format!("status {status}"),
            Err(Unreachable::Unusable(error)) => return Err(NotReady::Unusable(error)),
            Err(error) => error.to_string(),
        };
        if interrupt.is_set() {
            return Err(NotReady::Interrupted { url: shown });
        }
        if begun.elapsed() >= limit {
            return Err(NotReady::TimedOut { url: shown, limit, asked, last });
        }
        if asked == 1 || Instant::now() >= next_report {
            next_report = Instant::now() + REPORT;
            let seconds = begun.elapsed().as_secs();
            tell(&format!("waiting for `{shown}`: asked {asked} times in {seconds} s, last answer: {last}"));
        }
        tokio::time::sleep(PAUSE.min(limit.saturating_sub(begun.elapsed()))).await;
    }
}
