//! Makes the draft of a config in any dialect.

use super::types::{Context, Draft};
use super::{flat, sequence, training};
use crate::error::Findings;
use crate::raw::File;

/// Gives a config its meaning.
pub(crate) fn draft(file: &File, context: &Context<'_>, findings: &mut Findings) -> Draft {
    match file {
        File::Sequence(file) => sequence::draft(file, context, findings),
        File::Training(file) => training::draft(file, context, findings),
        File::Flat(file) => flat::draft(file, context, findings),
        // Recorded requests are a replay, and nothing else.
        File::Requests(_) => Draft::default(),
    }
}
