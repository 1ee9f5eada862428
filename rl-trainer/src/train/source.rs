//! Where the cases of a training run come from.
//!
//! Training, validation and evaluation never meet the same draws of arrivals, sizes and failures. Random cases have
//! ranges of seeds of their own; cases around a fit are the same pools in all phases, so that their lucks are kept
//! apart: evaluations use the smallest numbers, and the two phases here add an offset.

use crate::scenarios::{Case, Family, TELLING_VALIDATION_CASES, VALIDATION_CASES};
use crate::setting::Setting;
use lb_core::profile::PoolProfile;
use std::sync::Arc;

/// Offsets of the lucks of cases around a fit.
const TRAINING_LUCK: u64 = 1 << 62;
const VALIDATION_LUCK: u64 = 1 << 61;

/// Most validation bouts of cases around a fit.
const VALIDATION_BOUTS: usize = 48;

/// Where the cases of a training run come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum CaseSource {
    /// Random pools and loads, for a policy that suits any pool.
    #[default]
    Random,
    /// One pool, for a policy that suits it, with ever new draws of each case.
    Around {
        /// The fit in each part of the recording that is for training; at least one. Half of the validation bouts are
        /// played on these, in turn.
        fits: Vec<Case>,
        /// The fit and pools around it; at least one. Training plays these, and so does the other half of the validation
        /// bouts.
        cases: Vec<Case>,
    },
}

impl CaseSource {
    /// Returns the training setting with this number, in which `profile` is known if the source is one pool.
    pub(super) fn training(&self, number: u64, profile: Option<&Arc<PoolProfile>>) -> Setting {
        match self {
            Self::Around { cases, .. } => {
                let case = cases[(number % cases.len() as u64) as usize].clone();
                Setting { case: case.with_luck(TRAINING_LUCK | number), profile: profile.cloned() }
            }
            Self::Random => Setting::drawn(Family::Training.case(number)),
        }
    }

    /// Returns the settings of the validation set, random cases with `lucks` draws each.
    pub(super) fn validation(&self, profile: Option<&Arc<PoolProfile>>, lucks: u64) -> Vec<Setting> {
        match self {
            Self::Around { fits, cases } => (0..VALIDATION_BOUTS)
                .map(|number| {
                    let of = if number % 2 == 0 { fits } else { cases };
                    let case = of[number / 2 % of.len()].clone().with_luck(VALIDATION_LUCK | number as u64);
                    Setting { case, profile: profile.cloned() }
                })
                .collect(),
            Self::Random => {
                let plain = Family::Validation.cases(VALIDATION_CASES);
                let telling = Family::TellingValidation.cases(TELLING_VALIDATION_CASES);
                let cases = plain.into_iter().chain(telling);
                cases
                    .flat_map(|case| (0..lucks).map(move |luck| Setting::plain(case.clone().with_luck(luck))))
                    .collect()
            }
        }
    }
}
