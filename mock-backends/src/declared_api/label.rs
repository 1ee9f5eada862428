//! Paths of routes as labels of metrics, which are compared and copied for every reply.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Returns a text that is the same and lives as long as the process. Each different text is kept once, so that memory
/// does not grow with the number of times that a file is loaded.
pub(super) fn lasting(text: &str) -> &'static str {
    static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept.get(text) {
        return known;
    }
    let new: &'static str = Box::leak(Box::from(text));
    kept.insert(new);
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once() {
        let (one, other) = (lasting("/a/{id}"), lasting(&["/a/", "{id}"].concat()));
        assert!(one == "/a/{id}" && std::ptr::eq(one, other));
    }
}
