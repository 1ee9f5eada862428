//! The twin of a pool: simulated cases that behave like what was recorded, for training, selection and test.
//!
//! The fit says how backends queue and how fast they are; the recording says how much came when. Its timeline is divided
//! into slices ([`slices`]), of which some are kept for selection and for the test, so that neither their load nor the
//! faults in them were seen in training. Training cases ([`cases`]) are not the fit alone, which is wrong by a few per
//! cent: each is a variation of it, as far away as the fit is unsure.

mod cases;
mod slices;

pub(super) use cases::{Twin, capacity};
pub(super) use slices::{Slice, Timeline};
