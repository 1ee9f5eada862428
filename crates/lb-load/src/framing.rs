//! What the generator makes of the bytes of a reply, for tests that compare it with other readers of HTTP.

use crate::backends::{BackendNumbers, Unlisted};
use crate::http1::codec::Decoder;
use crate::reply::{Expect, Notes};
use lb_core::headers;
use std::sync::Arc;

/// Reads a reply that arrives in `pieces`, after which the peer closes the connection. Returns its status and the size
/// of its body; `None` if it is not HTTP or not complete.
pub fn read_reply(pieces: &[&[u8]], is_head: bool) -> Option<(u16, u64)> {
    let mut backends = BackendNumbers::new(&[], Arc::<Unlisted>::default());
    let mut notes = Notes::default();
    let (backends, notes) = (&mut backends, &mut notes);
    let backend_header = headers::BACKEND.as_bytes();
    let mut expect = Expect {
        is_head,
        body: None,
        notes,
        wanted: &[],
        backend_header,
        backends,
        algorithm: None,
        observed: None,
    };
    let mut decoder = Decoder::default();
    for piece in pieces {
        if let Some(reply) = decoder.feed(piece, &mut expect).ok()? {
            return Some((reply.status, reply.bytes));
        }
    }
    decoder.end().ok().map(|reply| (reply.status, reply.bytes))
}
