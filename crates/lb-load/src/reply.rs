//! Replies of either protocol: what is recorded of them, and what their users look at.

use crate::backends::BackendNumbers;
use crate::observed::ObservedHeader;
use lb_core::headers;
use lb_record::ValueNumber;

/// The header in which replies name the algorithm.
pub(crate) const ALGORITHM_HEADER: &[u8] = headers::ALGORITHM.as_bytes();

/// The longest body in bytes that is kept for extraction: far beyond any token or id, and small enough to
/// keep one per user.
pub(crate) const MAX_KEPT: usize = 1024 * 1024;

/// A complete reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The number of the backend that the reply names; `None` if it names none.
    pub(crate) backend: Option<u16>,
    /// Whether the reply names the expected algorithm; `None` if it names none, or none is expected.
    pub(crate) names_algorithm: Option<bool>,
    /// The number of the value of the observed header; that of replies without it if none is observed.
    pub(crate) observed: ValueNumber,
    /// The size of the reply's body in bytes, without the framing.
    pub(crate) bytes: u64,
    /// Whether the connection can carry another request.
    pub(crate) keep_alive: bool,
}

/// The headers of a reply that the user looks at.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// The values of all `set-cookie` headers.
    pub(crate) cookies: Vec<Vec<u8>>,
    /// The value of `location`.
    pub(crate) location: Option<Vec<u8>>,
    /// The values of the headers that the step names, in its order.
    pub(crate) headers: Vec<Option<Vec<u8>>>,
}

impl Notes {
    /// Forgets the last reply, and prepares for `headers` named headers. Allocates nothing in the usual case.
    #[inline]
    pub(crate) fn begin(&mut self, headers: usize) {
        self.cookies.clear();
        self.location = None;
        self.headers.clear();
        self.headers.resize(headers, None);
    }

    /// Takes a header that the framing does not need.
    #[inline]
    pub(crate) fn take(&mut self, name: &[u8], value: &[u8], wanted: &[String]) {
        match name.len() {
            8 if name.eq_ignore_ascii_case(b"location") => self.location = Some(value.to_vec()),
            10 if name.eq_ignore_ascii_case(b"set-cookie") => self.cookies.push(value.to_vec()),
            _ => {}
        }
        for (found, _) in self
            .headers
            .iter_mut()
            .zip(wanted)
            .filter(|(_, wanted)| name.eq_ignore_ascii_case(wanted.as_bytes()))
        {
            *found = Some(value.to_vec());
        }
    }
}

/// What the caller knows about the request, and where to put parts of the reply.
pub(crate) struct Expect<'a> {
    /// Whether the request was a HEAD request, whose reply has no body even if its headers announce one.
    pub(crate) is_head: bool,
    /// The buffer for the body; `None` drops the body.
    pub(crate) body: Option<&'a mut Vec<u8>>,
    /// Receives the headers that the user looks at.
    pub(crate) notes: &'a mut Notes,
    /// Names of the headers that the step looks at, in lower case.
    pub(crate) wanted: &'a [String],
    /// The header in which replies name their backend.
    pub(crate) backend_header: &'a [u8],
    /// The numbers of the backends.
    pub(crate) backends: &'a mut BackendNumbers,
    /// The two spellings of the algorithm that replies should name; `None` ignores the header.
    pub(crate) algorithm: Option<[&'a [u8]; 2]>,
    /// The header by whose values replies are told apart; `None` does not look for one.
    pub(crate) observed: Option<&'a mut ObservedHeader>,
}

impl Expect<'_> {
    /// Keeps a part of the body, if the user looks at it.
    #[inline]
    pub(crate) fn keep(&mut self, part: &[u8]) {
        if let Some(body) = &mut self.body
            && body.len() + part.len() <= MAX_KEPT
        {
            body.extend_from_slice(part);
        }
    }
}
