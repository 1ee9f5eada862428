//! Reading replies: HTTP/1.1 as of RFC 9112, as far as a client meets it, as a state machine over
//! whatever bytes come in. No I/O: it is fed, and says when a reply is complete.
//!
//! Bodies end by `content-length`, by chunks or by the end of the connection. They are counted and
//! dropped, unless the caller wants them.

use crate::backends::BackendNumbers;
use lb_core::headers;

const BACKEND_HEADER: &[u8] = headers::BACKEND.as_bytes();
const ALGORITHM_HEADER: &[u8] = headers::ALGORITHM.as_bytes();

/// Headers of a reply that are looked at. Beyond that it is no reply to a benchmark.
const MAX_HEADERS: usize = 64;

/// Longest head of a reply.
const MAX_HEAD: usize = 64 * 1024;

/// Longest body that is kept for extraction: far beyond any token or id, and small enough to have
/// one a user.
const MAX_KEPT: usize = 1024 * 1024;

/// A complete reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The backend that the reply names.
    pub(crate) backend: Option<u16>,
    /// Whether the reply names the algorithm that was meant; none if it names none, or nobody asks.
    pub(crate) names_algorithm: Option<bool>,
    /// Bytes of its body, without the framing.
    pub(crate) bytes: u64,
    /// Whether the connection can carry another request.
    pub(crate) keep_alive: bool,
}

/// What came in is not HTTP, or ended in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotHttp;

/// What the caller knows about the request, and where things go.
pub(crate) struct Expect<'a> {
    /// Whether it was a HEAD request: its reply has no body whatever its headers say.
    pub(crate) is_head: bool,
    /// Where the body is kept; `None` drops it.
    pub(crate) keep: Option<&'a mut Vec<u8>>,
    /// Who has which number.
    pub(crate) backends: &'a mut BackendNumbers,
    /// The algorithm that replies are to name, in either spelling, where that is of interest.
    pub(crate) algorithm: Option<[&'a [u8]; 2]>,
}

/// Where in a reply the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Part {
    #[default]
    Head,
    /// This many bytes of the body are missing.
    Sized(u64),
    Chunked(Chunk),
    /// The body lasts as long as the connection.
    UntilClose,
}

/// Where in a chunked body the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    /// In the line with the size: digits so far, their value, and whether an extension began.
    Size {
        digits: u8,
        size: u64,
        extension: bool,
    },
    Data(u64),
    /// In the line break after the data.
    DataEnd,
    /// In the lines after the last chunk; an empty line ends them.
    Trailer {
        line_is_empty: bool,
    },
}

const CHUNK_START: Chunk = Chunk::Size { digits: 0, size: 0, extension: false };

/// Reads one reply after the other.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    part: Part,
    reply: Reply,
    /// The beginning of a head that came in pieces; empty nearly always.
    partial: Vec<u8>,
}

/// What a head says about what follows it.
struct Head {
    length: usize,
    part: Part,
}

impl Decoder {
    /// Takes in `data`; gives the reply when it is complete.
    ///
    /// # Errors
    /// When it is not HTTP. The connection is then of no more use.
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

    /// The connection ended: fine if that is how the body ends.
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
            // 1xx announces the reply proper.
            if self.reply.status < 200 {
                continue;
            }
            self.part = head.part;
            return self.feed_body(data, expect);
        }
    }

    /// Reads status and the few headers that matter; `None` when the head is not complete.
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
            // The length tells nearly all other headers apart before a byte is compared.
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
                    // Two lengths that differ are an attack or a defect (RFC 9112, 6.3).
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
        // Bytes that nobody asked for: whatever they are, they answer no request of ours.
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

    /// Reads chunks; true when the last one and its trailers are read.
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
    /// Where the reader is after one byte of framing.
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

/// Whether a comma-separated list of tokens has this one.
fn has_token(list: &[u8], token: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
}

/// A decimal number; `None` when it is none or too large.
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
