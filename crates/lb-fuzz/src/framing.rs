//! Where a reply ends: the load generator and the load balancer must agree, or one of them takes the body of one reply
//! for the head of the next.

/// The first byte says whether the request was a HEAD request, the second where the bytes are cut in two; the rest is
/// what a peer sends before it closes the connection.
pub fn replies(bytes: &[u8]) {
    let [head, cut, stream @ ..] = bytes else { return };
    let is_head = head % 2 == 1;
    let generator = lb_load::framing::read_reply(&[stream], is_head);
    let (first, second) = stream.split_at(usize::from(*cut).min(stream.len()));
    let in_pieces = lb_load::framing::read_reply(&[first, second], is_head);
    assert_eq!(generator, in_pieces, "how the bytes arrive does not change what they mean");
    let balancer = load_balancer::whole::read_reply(stream, is_head);
    // One may refuse what the other accepts; but what both accept, both must read alike.
    if let (Some(generator), Some(balancer)) = (generator, balancer) {
        assert_eq!(generator, balancer, "generator and load balancer find the same status and the same body");
    }
}
