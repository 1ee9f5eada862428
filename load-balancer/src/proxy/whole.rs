//! What the load balancer makes of the bytes of a whole reply, for tests that compare it with other readers of HTTP.

use super::fields::Fields;
use super::framing::Framing;
use super::reply::read_head;
use bytes::BytesMut;

/// Reads a reply from all that a backend sends before it closes the connection. Returns its status and the size of its
/// body; `None` if it is not HTTP or not complete.
pub fn read_reply(bytes: &[u8], is_head: bool) -> Option<(u16, u64)> {
    let mut input = BytesMut::from(bytes);
    let mut fields = Fields::default();
    let head = loop {
        let head = read_head(&mut input, &mut fields, is_head, false).ok()??;
        // An interim reply is followed by the final one.
        if !head.status.is_informational() {
            break head;
        }
    };
    let (mut framing, mut body, mut size) = (head.framing, Vec::new(), 0);
    while !framing.is_over() {
        body.clear();
        let left = input.len();
        framing.transfer(&mut input, &mut body, false).ok()?;
        size += body.len() as u64;
        if input.len() == left {
            break;
        }
    }
    (framing.is_over() || framing == Framing::Close).then_some((head.status.as_u16(), size))
}
