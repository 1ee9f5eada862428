//! The body of a message: how it is framed, and how its bytes move from one connection to the other.
//!
//! The framing is chosen separately for each side. Both directions use this code.

use crate::proxy::chunked::{self, Decoder, Piece};
use bytes::{Buf, BytesMut};
use lb_core::framing::Malformed;

/// Number of bytes that may wait to be written; no more of a body is read until some of them are written.
pub(crate) const MOST_UNWRITTEN: usize = 64 * 1024;

/// How a body is framed, and how much of it is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// This many bytes are left.
    Length(u64),
    /// The body is chunked.
    Chunked(Decoder),
    /// The body ends when the connection does.
    Close,
}

impl Framing {
    /// There is no body, or nothing is left of it.
    pub(crate) const OVER: Self = Self::Length(0);

    /// Returns whether nothing is left.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Decoder::Done))
    }

    /// Moves the part of the body that has arrived from `input` to `output`, as chunks if `chunked`. Stops when
    /// much of it waits to be written. Must not be called after the end of the body.
    pub(crate) fn transfer(
        &mut self,
        input: &mut BytesMut,
        output: &mut Vec<u8>,
        chunked: bool,
    ) -> Result<(), Malformed> {
        while output.len() < MOST_UNWRITTEN {
            let count = match self {
                Self::Length(left) => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                    *left -= count as u64;
                    count
                }
                Self::Close => input.len(),
                Self::Chunked(decoder) => match decoder.next(input)? {
                    Piece::Data(count) => count,
                    Piece::End(trailers) => {
                        if chunked {
                            chunked::encode_end(&trailers, output);
                        }
                        return Ok(());
                    }
                    Piece::More => return Ok(()),
                },
            };
            if count == 0 {
                return Ok(());
            }
            if chunked {
                chunked::encode(&input[..count], output);
            } else {
                output.extend_from_slice(&input[..count]);
            }
            input.advance(count);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_moves_up_to_its_end_and_no_further() {
        for (framing, text, chunked, output, rest) in [
            (Framing::Length(3), "abcNEXT", false, "abc", "NEXT"),
            (Framing::Close, "abc", false, "abc", ""),
            (Framing::Close, "abc", true, "3\r\nabc\r\n", ""),
            (Framing::Chunked(Decoder::Size), "2\r\nab\r\n1\r\nc\r\n0\r\n\r\nNEXT", false, "abc", "NEXT"),
            (
                Framing::Chunked(Decoder::Size),
                "2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\nNEXT",
                true,
                "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
                "NEXT",
            ),
        ] {
            let (mut framing, mut input, mut moved) = (framing, BytesMut::from(text), Vec::new());
            framing.transfer(&mut input, &mut moved, chunked).expect(text);
            assert_eq!(String::from_utf8_lossy(&moved), output, "{text}");
            assert_eq!(&input[..], rest.as_bytes(), "{text}");
            assert_eq!(framing.is_over(), framing != Framing::Close, "{text}");
        }
    }

    #[test]
    fn a_body_waits_while_much_of_it_is_unwritten() {
        let mut input = BytesMut::from(&vec![b'x'; 3 * MOST_UNWRITTEN][..]);
        let (mut framing, mut output) = (Framing::Length(input.len() as u64), vec![0; MOST_UNWRITTEN]);
        framing.transfer(&mut input, &mut output, false).expect("it is well-formed");
        assert_eq!((output.len(), input.len()), (MOST_UNWRITTEN, 3 * MOST_UNWRITTEN));
    }
}
