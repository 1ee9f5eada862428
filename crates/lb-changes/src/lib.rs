//! Change points of a series of results, such as one per night: where something changed, by how much, and how sure that is.
//!
//! A change is told if it passes three tests, each in a file of its own:
//!
//! 1. **E-divisive with means** (`divisive`) splits the series where two neighbouring stretches differ most, and keeps a split
//!    only if a permutation test finds such a difference unlikely in a series without any change (Matteson and James,
//!    *Journal of the American Statistical Association* 109, 2014).
//! 2. **Welch's t test** (`step`) compares the two stretches on either side of each split. The least certain split is dropped
//!    until all that are left are certain, as Hunter does (Fleming et al., *ICPE* 2023), which is Apache Otava today.
//! 3. **A smallest effect**: a step within the noise floor that an A/A run measured, or too small to matter, is not told.
//!
//! Ratios are compared on the scale of logarithms. Each value weighs as much as its own interval says (`weights`), so one noisy
//! night moves little. Values of different machines are never compared ([`changes_by_host`]).
//!
//! The crate is pure: the same series and the same seed give the same changes.
//!
//! ```
//! use lb_changes::{Observation, Settings, change_points};
//!
//! // Twelve nights around 100 ms, then twelve around 108 ms.
//! let nights: Vec<Observation> = (0..24)
//!     .map(|night| Observation::exact(if night < 12 { 100.0 } else { 108.0 } + f64::from(night % 3)))
//!     .collect();
//!
//! let changes = change_points(&nights, &Settings::ratio())?;
//! assert_eq!(changes.len(), 1);
//! assert_eq!(changes[0].at, 12, "the first night that is different");
//! let [low, high] = changes[0].interval;
//! assert!(low < 0.08 && 0.08 < high, "about 8 % more: {low:.3} to {high:.3}");
//! # Ok::<(), lb_changes::SeriesError>(())
//! ```

mod detect;
mod divisive;
mod hosts;
mod observation;
mod settings;
mod step;
mod weights;

pub use detect::{Change, change_points};
pub use hosts::{HostChange, changes_by_host};
pub use observation::{Observation, Scale, SeriesError};
pub use settings::Settings;
