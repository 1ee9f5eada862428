//! Drafts configs of all dialects.

use super::types::{Context, Draft};
use super::{flat, sequence, training};
use crate::error::Findings;
use crate::raw::File;

/// Drafts a config of any dialect.
pub(crate) fn draft(file: &File, context: &Context<'_>, findings: &mut Findings) -> Draft {
    match file {
        File::Sequence(file) => sequence::draft(file, context, findings),
        File::Training(file) => training::draft(file, context, findings),
        File::Flat(file) => flat::draft(file, context, findings),
        // A list of recorded requests has no scenarios of its own; it is replayed.
        File::Requests(_) => Draft::default(),
    }
}
