//! Turns trials into a summary: verdicts, thresholds, validity, and the comparison of two runs.
//!
//! Everything here is a pure function of finished results; functions that draw at random take a seed. Only
//! [`runs`] reads files. The crate uses `lb-results` (the types), `lb-record`, `lb-stats` (the methods) and
//! `lb-core`; `docs/statistics.md` explains what the verdicts rest on.
//!
//! # Example: two algorithms compared
//!
//! ```
//! use lb_analysis::{CompareOptions, compare};
//! use lb_results::{Metric, MetricValue, TrialSummary, Verdict};
//!
//! let trial = |label: &str, block: u32, p95: f64| TrialSummary {
//!     label: label.to_owned(),
//!     block,
//!     metrics: vec![MetricValue { metric: Metric::P95, value: Some(p95) }],
//!     ..TrialSummary::default()
//! };
//! // Twelve blocks: `p2c` is faster by about a fifth in each of them.
//! let trials: Vec<TrialSummary> = (0..12)
//!     .flat_map(|block| {
//!         let noise = f64::from(block % 5);
//!         [trial("random", block, 100.0 + noise), trial("p2c", block, 80.0 + noise / 2.0)]
//!     })
//!     .collect();
//!
//! let labels = ["random", "p2c"].map(str::to_owned);
//! let comparison = compare(&trials, &labels, &CompareOptions::default()).expect("there are two labels");
//! let pair = &comparison.pairs[0];
//! assert_eq!(pair.verdict, Verdict::Better);
//! assert!(pair.sentence.starts_with("p2c is better than random: p95 -"), "{}", pair.sentence);
//! ```

pub mod runs;
pub mod threshold;

mod aa;
mod affinity;
mod compare;
mod curves;
mod estimate;
mod fairness;
mod fault_response;
mod hits;
mod interval;
mod latency;
mod max_rate;
mod overhead;
mod peak;
mod problem_kinds;
mod recovery;
mod resources;
mod steering;
mod summarise;
mod told;
mod trial_metrics;
mod validity;
mod window;

pub use aa::{Twice, aa, aa_sentence};
pub use affinity::affinity;
pub use compare::{
    CompareOptions, answer, compare, compare_some, detectable_with, fewest_blocks, precise_enough,
    repetitions_for, signed,
};
pub use curves::{distribution, series, tenth_means};
pub use estimate::{estimates, estimates_of};
pub use fairness::{PoolShare, jain_index, share_spread};
pub use fault_response::{fault_marks, fault_responses};
pub use hits::observed;
pub use latency::latency;
pub use max_rate::{rank_rates, rate_in_words, rate_sentence, rate_sentences};
pub use overhead::overheads;
pub use problem_kinds::{BUSY_MACHINE_WAY_OUT, ProblemKind, problem_kinds, without_numbers};
pub use recovery::recovery;
pub use resources::{add_resources, resource_sentences, scrape_notes};
pub use steering::steering;
pub use summarise::summarise;
pub use told::change_in_words;
pub use trial_metrics::trial_summary;
pub use validity::{Demands, generator_problems, problems};
pub use window::Window;
