//! Did last night get worse? Which run tonight's is compared with, what confirms a regression, the verdict, and its reports.
//!
//! Everything here is a pure function: `harness` runs the experiments and asks the program `bench-history`, whose answers
//! [`KnownRun`], [`KnownSeries`] and [`KnownDetails`] are. The statistics are those of `lb-analysis` (two runs) and
//! `lb-changes` (many).
//!
//! - **Baseline** ([`baseline`]): the last good run of the same experiment on the same machine with the same seed.
//! - **Confirmation** ([`judge`]): a metric that is worse in one run may be noise of that night. It counts once a second run
//!   shows it against the same baseline: a repetition in the same night, or a run of an earlier night since the baseline.
//! - **Changes of series**: a step that many runs show needs no repetition, while the last run is still on its far side, and
//!   until somebody accepts it.
//!
//! ```
//! use lb_nightly::{KnownRun, Tonight, baseline};
//! use lb_results::{Engine, Summary};
//!
//! let mut summary = Summary::empty("tuesday", Engine::Sim);
//! summary.started_at = "2026-12-01T01:00:00Z".to_owned();
//! let tonight = Tonight { summary: &summary, host: "bench-1", subject: "v2" };
//! let monday = KnownRun {
//!     run_id: "monday".to_owned(),
//!     started_at: "2026-11-30T01:00:00Z".to_owned(),
//!     host: "bench-1".to_owned(),
//!     seed: summary.seed.to_string(),
//!     valid_trials: 10,
//!     verdict: "worse".to_owned(),
//!     ..KnownRun::default()
//! };
//! let refused = baseline(std::slice::from_ref(&monday), &tonight).expect_err("it is not good");
//! assert!(refused.contains("`bench history judge monday accepted`"), "{refused}");
//! let good = KnownRun { verdict: "good".to_owned(), ..monday };
//! assert_eq!(baseline(&[good], &tonight).map(|run| run.run_id.as_str()), Ok("monday"));
//! ```

mod baseline;
mod document;
mod judge;
mod junit;
mod known;
mod markdown;
mod sentence;
#[cfg(test)]
mod tests;

pub use baseline::{Tonight, baseline, last_aa};
pub use document::{
    AaCheck, Confirmation, FindingSource, NIGHT_VERSION, Night, NightFinding, NightRun, NightVerdict,
    SeriesCheck, Since,
};
pub use judge::{Compared, Evidence, Judged, judge, needs_repetition};
pub use junit::render_night_junit;
pub use known::{KnownChange, KnownDetails, KnownPoint, KnownRun, KnownSeries, Place};
pub use markdown::{render_night_markdown, render_night_step_summary};
pub use sentence::of_night as night_sentence;
