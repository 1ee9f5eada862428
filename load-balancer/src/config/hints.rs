//! What is read of requests to predict their cost.

use lb_core::hints::Reader;
use serde::Deserialize;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawHints {
    headers: Vec<String>,
    off: bool,
}

/// Checks which headers are read. Returns `None` if nothing is.
pub(super) fn reader(raw: &RawHints, faults: &mut Vec<String>) -> Option<Arc<Reader>> {
    match Reader::new(&raw.headers) {
        // Each process has a salt of its own, so that nobody can try out which secret a hash in a trace is that of.
        Ok(reader) => (!raw.off).then(|| Arc::new(reader.with_salt(RandomState::new().hash_one("hints")))),
        Err(error) => {
            faults.push(format!("`hints.headers`: {error}"));
            None
        }
    }
}
