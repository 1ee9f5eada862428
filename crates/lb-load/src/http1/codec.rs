//! Reads replies: the part of HTTP/1.1 (RFC 9112) that a client needs, as a state machine over the incoming
//! bytes. It does no I/O: the caller feeds it bytes, and it returns a reply once one is complete.
//!
//! A body ends by `content-length`, by chunks or by the end of the connection. Its bytes are counted and
//! dropped, unless the caller keeps them. What a reply must look like is defined in [`lb_core::framing`],
//! which the reference load balancer follows as well.

use crate::reply::{ALGORITHM_HEADER, Expect, Reply};
use lb_core::framing::{self, Coding, LONGEST_HEAD, MOST_FIELDS};
use std::mem::MaybeUninit;

/// The bytes are not HTTP, or ended in the middle of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotHttp;

/// The part of a reply that is read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Part {
    #[default]
    Head,
    /// A body with this many bytes left to read.
    Sized(u64),
    Chunked(Chunk),
    /// A body that lasts as long as the connection.
    UntilClose,
}

/// The part of a chunked body that is read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    /// The line with the size.
    Size,
    Data(u64),
    /// The line break after the data.
    DataEnd,
    /// What follows the last chunk, which an empty line ends.
    Trailers,
}

/// Reads the replies of one connection, one after another.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    part: Part,
    reply: Reply,
    /// The beginning of a head, or of a line of a chunked body, that came in pieces; nearly always empty.
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

    /// Handles the end of the connection, which completes a body that has no other end.
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
                if data.len() >= LONGEST_HEAD {
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
        let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
        let mut response = httparse::Response::new(&mut []);
        let parser = httparse::ParserConfig::default();
        let length = match parser.parse_response_with_uninit_headers(&mut response, data, &mut fields) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(NotHttp),
        };
        let status = response.code.ok_or(NotHttp)?;
        // Nobody asked for another protocol, so what follows 101 cannot be read.
        if status < 100 || status == 101 {
            return Err(NotHttp);
        }
        let is_current = response.version == Some(1);
        let (mut is_closed, mut is_kept) = (false, is_current);
        let (mut content_length, mut coding) = (None, Coding::None);
        self.reply = Reply { status, ..Reply::default() };
        for header in response.headers.iter() {
            expect.notes.take(header.name.as_bytes(), header.value, expect.wanted);
            // Nearly all other headers differ in length, so none of their bytes are compared.
            let name = header.name.as_bytes();
            match name.len() {
                length
                    if length == expect.backend_header.len()
                        && name.eq_ignore_ascii_case(expect.backend_header) =>
                {
                    self.reply.backend = expect.backends.number(header.value);
                }
                10 if name.eq_ignore_ascii_case(b"connection") => {
                    is_closed |= has_token(header.value, b"close");
                    is_kept |= has_token(header.value, b"keep-alive");
                }
                14 if name.eq_ignore_ascii_case(ALGORITHM_HEADER) => {
                    self.reply.names_algorithm = expect.algorithm.map(|meant| meant.contains(&header.value));
                }
                14 if name.eq_ignore_ascii_case(b"content-length") => {
                    let value = framing::content_length(header.value).ok_or(NotHttp)?;
                    // Two lengths that differ are an attack or a defect (RFC 9112, section 6.3).
                    if content_length.is_some_and(|other| other != value) {
                        return Err(NotHttp);
                    }
                    content_length = Some(value);
                }
                17 if name.eq_ignore_ascii_case(b"transfer-encoding") => coding = coding.with(header.value),
                _ => {}
            }
        }
        // A pass of its own, so that it costs one branch for each reply when nothing is observed.
        if let Some(observed) = &mut expect.observed {
            let headers = response.headers.iter().map(|header| (header.name.as_bytes(), header.value));
            self.reply.observed = observed.find(headers);
        }
        let chunked = match coding {
            Coding::None => false,
            Coding::Chunked if is_current => true,
            _ => return Err(NotHttp),
        };
        let part = if expect.is_head || status < 200 || status == 204 || status == 304 {
            Part::Sized(0)
        } else if chunked {
            Part::Chunked(Chunk::Size)
        } else {
            content_length.map_or(Part::UntilClose, Part::Sized)
        };
        // A sender that gives both a length and a coding is not trusted with another request.
        let is_clear = !(chunked && content_length.is_some());
        self.reply.keep_alive = is_kept && !is_closed && part != Part::UntilClose && is_clear;
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
        expect.keep(body);
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
        while !data.is_empty() {
            let next = match chunk {
                Chunk::Data(missing) => {
                    let taken = self.take(data, missing, expect);
                    Some(if taken == missing { Chunk::DataEnd } else { Chunk::Data(missing - taken) })
                }
                Chunk::Size => self.section(data, framing::chunk_line)?.map(|size| match size {
                    0 => Chunk::Trailers,
                    size => Chunk::Data(size),
                }),
                Chunk::DataEnd => self.section(data, line_end)?.map(|()| Chunk::Size),
                Chunk::Trailers => {
                    if self.section(data, trailers)?.is_some() {
                        return Ok(true);
                    }
                    None
                }
            };
            chunk = next.unwrap_or(chunk);
        }
        self.part = Part::Chunked(chunk);
        Ok(false)
    }

    /// Takes a section of framing off the front of `data`, together with what came of it before. `read` returns
    /// its length and its value, or `None` while it is incomplete, and limits its length.
    fn section<T>(
        &mut self,
        data: &mut &[u8],
        read: impl Fn(&[u8]) -> Result<Option<(usize, T)>, framing::Malformed>,
    ) -> Result<Option<T>, NotHttp> {
        let before = self.partial.len();
        let found = if before == 0 {
            read(data)
        } else {
            self.partial.extend_from_slice(data);
            read(&self.partial)
        };
        match found.map_err(|_| NotHttp)? {
            Some((length, value)) => {
                self.partial.clear();
                // What came before was incomplete, so the section ends within the new data.
                *data = &data[length - before..];
                Ok(Some(value))
            }
            None => {
                if before == 0 {
                    self.partial.extend_from_slice(data);
                }
                *data = &[];
                Ok(None)
            }
        }
    }
}

/// Reads the line break after the data of a chunk.
fn line_end(text: &[u8]) -> Result<Option<(usize, ())>, framing::Malformed> {
    match text {
        [b'\r', b'\n', ..] => Ok(Some((2, ()))),
        [] | [b'\r'] => Ok(None),
        _ => Err(framing::Malformed("a chunk is longer than its size")),
    }
}

/// Reads what follows the last chunk; trailers must be fields, but nothing is taken from them.
fn trailers(text: &[u8]) -> Result<Option<(usize, ())>, framing::Malformed> {
    let Some(length) = framing::trailer_section(text)? else { return Ok(None) };
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    match httparse::parse_headers(&text[..length], &mut fields) {
        Ok(httparse::Status::Complete(_)) => Ok(Some((length, ()))),
        _ => Err(framing::Malformed("the trailers are not fields")),
    }
}

/// Returns whether a comma-separated list contains `token`, ignoring case.
fn has_token(list: &[u8], token: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests;
