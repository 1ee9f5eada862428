//! Reads replies: the part of HTTP/1.1 (RFC 9112) that a client meets, as a state machine over the bytes
//! that arrive. It does no I/O: it is fed, and returns a reply when one is complete.
//!
//! A body ends by `content-length`, by chunks or by the end of the connection. Its bytes are counted and
//! dropped, unless the caller wants them.

use crate::backends::BackendNumbers;
use lb_core::headers;

const BACKEND_HEADER: &[u8] = headers::BACKEND.as_bytes();
const ALGORITHM_HEADER: &[u8] = headers::ALGORITHM.as_bytes();

/// The most headers that a reply may have; one with more is treated as broken.
const MAX_HEADERS: usize = 64;

/// The longest head of a reply in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// The longest body in bytes that is kept for extraction: far beyond any token or id, and small enough to
/// keep one per user.
const MAX_KEPT: usize = 1024 * 1024;

/// A complete reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The number of the backend that the reply names; `None` if it names none.
    pub(crate) backend: Option<u16>,
    /// Whether the reply names the expected algorithm; `None` if it names none, or none is expected.
    pub(crate) names_algorithm: Option<bool>,
    /// The size of its body in bytes, without the framing.
    pub(crate) bytes: u64,
    /// Whether the connection can carry another request.
    pub(crate) keep_alive: bool,
}

/// The bytes are not HTTP, or ended in the middle of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotHttp;

/// What the caller knows about the request, and where parts of the reply go.
pub(crate) struct Expect<'a> {
    /// Whether it was a HEAD request, whose reply has no body even if its headers announce one.
    pub(crate) is_head: bool,
    /// The buffer for the body; `None` drops the body.
    pub(crate) keep: Option<&'a mut Vec<u8>>,
    /// The numbers of the backends.
    pub(crate) backends: &'a mut BackendNumbers,
    /// The two spellings of the algorithm that replies should name; `None` ignores the header.
    pub(crate) algorithm: Option<[&'a [u8]; 2]>,
}

/// The part of a reply that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Part {
    #[default]
    Head,
    /// A body of which this many bytes are missing.
    Sized(u64),
    Chunked(Chunk),
    /// A body that lasts as long as the connection.
    UntilClose,
}

/// The part of a chunked body that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    /// The line with the size: digits so far, their value, and whether an extension has begun.
    Size {
        digits: u8,
        size: u64,
        extension: bool,
    },
    Data(u64),
    /// The line break after the data.
    DataEnd,
    /// The lines after the last chunk, which an empty line ends.
    Trailer {
        line_is_empty: bool,
    },
}

const CHUNK_START: Chunk = Chunk::Size { digits: 0, size: 0, extension: false };

/// Reads the replies of one connection, one after another.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    part: Part,
    reply: Reply,
    /// The beginning of a head that came in pieces; nearly always empty.
    partial: Vec<u8>,
}

/// The length of a head, and the body that follows it.
struct Head {
    length: usize,
    part: Part,
}

impl Decoder {
    /// Takes in `data`; returns the reply when it is complete, and `None` until then.
    ///
    /// # Errors
    /// When the data is not HTTP. The connection must then be closed.
    #[inline]
    pub(crate) fn feed(&mut self, data: &[u8], expect: &mut Expect<'_>) -> Result<Option<Reply>, NotHttp> {
        if self.part != Part::Head {
            return self.feed_body(data, expect);
        }
        if self.partial.is_empty() {
            return self.feed_head(data, expect);
        }
        let mut joined = std::mem::take(&mut self.partial);
        joined.extend_from_slice(data);
        self.feed_head(&joined, expect)
    }

    /// Takes in the end of the connection, which completes a body without another end.
    pub(crate) fn end(&mut self) -> Result<Reply, NotHttp> {
        match self.part {
            Part::UntilClose => {
                self.part = Part::Head;
                self.reply.keep_alive = false;
                Ok(self.reply)
            }
            _ => Err(NotHttp),
        }
    }

    fn feed_head(&mut self, mut data: &[u8], expect: &mut Expect<'_>) -> Result<Option<Reply>, NotHttp> {
        loop {
            let Some(head) = self.parse_head(data, expect)? else {
                if data.len() > MAX_HEAD {
                    return Err(NotHttp);
                }
                self.partial.extend_from_slice(data);
                return Ok(None);
            };
            data = &data[head.length..];
            // An interim reply (1xx) is followed by the final one.
            if self.reply.status < 200 {
                continue;
            }
            self.part = head.part;
            return self.feed_body(data, expect);
        }
    }

    /// Reads the status and the few headers that matter; `None` while the head is incomplete.
    fn parse_head(&mut self, data: &[u8], expect: &mut Expect<'_>) -> Result<Option<Head>, NotHttp> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let length = match response.parse(data) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(NotHttp),
        };
        let status = response.code.ok_or(NotHttp)?;
        let mut keep_alive = response.version == Some(1);
        let (mut content_length, mut chunked) = (None, false);
        self.reply = Reply { status, ..Reply::default() };
        for header in response.headers.iter() {
            // Nearly all other headers differ in length, so that no byte of them is compared.
            let name = header.name.as_bytes();
            match name.len() {
                9 if name.eq_ignore_ascii_case(BACKEND_HEADER) => {
                    self.reply.backend = expect.backends.number(header.value);
                }
                10 if name.eq_ignore_ascii_case(b"connection") => {
                    if has_token(header.value, b"close") {
                        keep_alive = false;
                    } else if has_token(header.value, b"keep-alive") {
                        keep_alive = true;
                    }
                }
                14 if name.eq_ignore_ascii_case(ALGORITHM_HEADER) => {
                    self.reply.names_algorithm = expect.algorithm.map(|meant| meant.contains(&header.value));
                }
                14 if name.eq_ignore_ascii_case(b"content-length") => {
                    let value = decimal(header.value).ok_or(NotHttp)?;
                    // Two lengths that differ are an attack or a defect (RFC 9112, section 6.3).
                    if content_length.is_some_and(|other| other != value) {
                        return Err(NotHttp);
                    }
                    content_length = Some(value);
                }
                17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                    chunked |= has_token(header.value, b"chunked");
                }
                _ => {}
            }
        }
        let part = if expect.is_head || status == 204 || status == 304 {
            Part::Sized(0)
        } else if chunked {
            Part::Chunked(CHUNK_START)
        } else {
            content_length.map_or(Part::UntilClose, Part::Sized)
        };
        self.reply.keep_alive = keep_alive && part != Part::UntilClose;
        Ok(Some(Head { length, part }))
    }

    fn feed_body(&mut self, mut data: &[u8], expect: &mut Expect<'_>) -> Result<Option<Reply>, NotHttp> {
        let complete = match self.part {
            Part::Head => unreachable!("the head is read before the body"),
            Part::Sized(missing) => {
                let taken = self.take(&mut data, missing, expect);
                self.part = Part::Sized(missing - taken);
                missing == taken
            }
            Part::Chunked(chunk) => self.feed_chunks(chunk, &mut data, expect)?,
            Part::UntilClose => {
                self.take(&mut data, u64::MAX, expect);
                false
            }
        };
        if !complete {
            return Ok(None);
        }
        self.part = Part::Head;
        // Bytes after the reply answer no request, so the connection cannot be reused.
        self.reply.keep_alive &= data.is_empty();
        Ok(Some(self.reply))
    }

    /// Takes up to `most` bytes of body off the front of `data`.
    #[inline]
    fn take(&mut self, data: &mut &[u8], most: u64, expect: &mut Expect<'_>) -> u64 {
        let count = most.min(data.len() as u64);
        let (body, rest) = data.split_at(count as usize);
        if let Some(keep) = &mut expect.keep
            && keep.len() + body.len() <= MAX_KEPT
        {
            keep.extend_from_slice(body);
        }
        *data = rest;
        self.reply.bytes += count;
        count
    }

    /// Reads chunks; returns true once the last one and its trailers are read.
    fn feed_chunks(
        &mut self,
        mut chunk: Chunk,
        data: &mut &[u8],
        expect: &mut Expect<'_>,
    ) -> Result<bool, NotHttp> {
        while let Some((byte, rest)) = data.split_first() {
            if let Chunk::Data(missing) = chunk {
                let taken = self.take(data, missing, expect);
                chunk = if taken == missing { Chunk::DataEnd } else { Chunk::Data(missing - taken) };
                continue;
            }
            *data = rest;
            if chunk == (Chunk::Trailer { line_is_empty: true }) && *byte == b'\n' {
                return Ok(true);
            }
            chunk = chunk.after(*byte)?;
        }
        self.part = Part::Chunked(chunk);
        Ok(false)
    }
}

impl Chunk {
    /// The part that comes next after one byte of framing.
    fn after(self, byte: u8) -> Result<Self, NotHttp> {
        Ok(match (self, byte) {
            (Self::Size { digits: 0, .. }, b'\n' | b'\r' | b';') => return Err(NotHttp),
            (Self::Size { size: 0, .. }, b'\n') => Self::Trailer { line_is_empty: true },
            (Self::Size { size, .. }, b'\n') => Self::Data(size),
            (Self::Size { .. }, b'\r') => self,
            (Self::Size { extension: true, .. }, _) => self,
            (Self::Size { digits, size, .. }, b';' | b' ' | b'\t') => {
                Self::Size { digits, size, extension: true }
            }
            (Self::Size { digits, size, extension: false }, _) => {
                let digit = char::from(byte).to_digit(16).ok_or(NotHttp)?;
                let size = size.checked_mul(16).ok_or(NotHttp)? + u64::from(digit);
                Self::Size { digits: digits.saturating_add(1), size, extension: false }
            }
            (Self::DataEnd, b'\r') => self,
            (Self::DataEnd, b'\n') => CHUNK_START,
            (Self::DataEnd, _) => return Err(NotHttp),
            (Self::Trailer { .. }, b'\r') => self,
            (Self::Trailer { .. }, b'\n') => Self::Trailer { line_is_empty: true },
            (Self::Trailer { .. }, _) => Self::Trailer { line_is_empty: false },
            (Self::Data(_), _) => unreachable!("data is taken in one piece"),
        })
    }
}

/// Whether a comma-separated list of tokens contains `token`, in any case.
fn has_token(list: &[u8], token: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
}

/// Reads a decimal number; `None` when the text is not a number or the number is too large.
fn decimal(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests;
