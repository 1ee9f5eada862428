//! Settles how long load is sent, by flag or config.

use super::error::Findings;
use super::length::{FOREVER, Length};
use super::overrides::Overrides;
use super::raw::{Bench, LONGEST_SECONDS};
use super::said::Said;
use super::timeline::SHORTEST_S;
use super::values;

/// Resolves how long load is sent; `None` if neither a flag nor the config says so.
pub(crate) fn settle_length(
    bench: &Bench,
    flags: &Overrides,
    findings: &mut Findings,
) -> Option<Said<Length>> {
    const KEY: &str = "bench.duration";
    let read = bench.duration.as_deref().filter(|_| flags.duration.is_none()).and_then(|text| {
        let seconds = |length: Length| length.duration().map_or(SHORTEST_S, |time| time.as_secs_f64());
        match values::length(text) {
            Ok(length) if (SHORTEST_S..=LONGEST_SECONDS).contains(&seconds(length)) => Some(length),
            Ok(_) => {
                let limits =
                    format!("must be from {SHORTEST_S} to {LONGEST_SECONDS} seconds, or `{FOREVER}`");
                findings.wrong(KEY, text, limits);
                None
            }
            Err(problem) => {
                findings.wrong(KEY, text, problem);
                None
            }
        }
    });
    Said::first(("--duration", flags.duration), (KEY, read))
}
