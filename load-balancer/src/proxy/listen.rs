//! Reads what a request says about its cost, if anybody listens.
//!
//! Requests of HTTP/2 come through [`super::bridge`] as those of HTTP/1.1, so that both are read alike.

use crate::proxy::request::{Request, Upload};
use crate::proxy::thread::Thread;
use crate::state::Pool;
use lb_core::hints::Hints;

/// Returns what `request` says, of which a backend of `pool` gets the path and query `rest`.
#[inline]
pub(super) fn hints(thread: &Thread, pool: &Pool, request: &Request, rest: &str) -> Hints {
    let Some(reader) = thread.state.listens() else { return Hints::default() };
    let body_bytes = match request.upload {
        Upload::Length(length) => Some(length),
        Upload::None | Upload::Chunked => None,
    };
    let hints = reader.read(rest, body_bytes, |name| request.fields.first(name));
    if thread.state.is_recording() && !hints.as_slice().is_empty() {
        thread.note_hints(pool, &hints, |each| reader.describe(rest, each));
    }
    hints
}
