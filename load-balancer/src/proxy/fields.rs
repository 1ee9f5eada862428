//! The fields of a head, as positions in its text.
//!
//! A proxy reads a few fields, skips some and copies the rest. So no map is built: each field is classified
//! once, when the head is parsed, and all later steps go through the list in the order of the sender.

use bytes::{Bytes, BytesMut};
use lb_core::headers;
use lb_core::reports::orca;

/// What a field is for, as far as the load balancer cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Connection,
    ContentLength,
    TransferEncoding,
    Host,
    Expect,
    Date,
    /// `X-Forwarded-For`.
    ForwardedFor,
    /// `X-Forwarded-Host`.
    ForwardedHost,
    /// `X-Forwarded-Proto`.
    ForwardedProto,
    Upgrade,
    /// `X-Service`.
    Service,
    /// `X-Trace-Id`.
    Trace,
    /// `X-Backend`.
    Backend,
    /// `X-LB-Algorithm`.
    Algorithm,
    /// `endpoint-load-metrics`.
    LoadReport,
    /// `endpoint-load-metrics-bin`.
    BinaryLoadReport,
    /// Any other field that ends at this hop (RFC 9110, 7.6.1).
    Hop,
    Other,
}

impl Kind {
    /// Returns a bit that no other kind has.
    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Classifies a field by its name. Most names differ in length from all of these, so that nothing is
    /// compared.
    pub(crate) fn of(name: &[u8]) -> Self {
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        match name.len() {
            2 if is("te") => Self::Hop,
            4 if is("host") => Self::Host,
            4 if is("date") => Self::Date,
            6 if is("expect") => Self::Expect,
            7 if is("upgrade") => Self::Upgrade,
            9 if is(headers::BACKEND) => Self::Backend,
            9 if is(headers::SERVICE) => Self::Service,
            10 if is("connection") => Self::Connection,
            10 if is("keep-alive") => Self::Hop,
            10 if is(TRACE_ID) => Self::Trace,
            14 if is("content-length") => Self::ContentLength,
            14 if is(headers::ALGORITHM) => Self::Algorithm,
            14 if is("http2-settings") => Self::Hop,
            15 if is(headers::FORWARDED_FOR) => Self::ForwardedFor,
            16 if is(headers::FORWARDED_HOST) => Self::ForwardedHost,
            16 if is("proxy-connection") => Self::Hop,
            17 if is("transfer-encoding") => Self::TransferEncoding,
            17 if is(headers::FORWARDED_PROTO) => Self::ForwardedProto,
            18 if is("proxy-authenticate") => Self::Hop,
            19 if is("proxy-authorization") => Self::Hop,
            21 if is(orca::FIELD) => Self::LoadReport,
            25 if is(orca::BINARY_FIELD) => Self::BinaryLoadReport,
            _ => Self::Other,
        }
    }
}

/// The name of the field with which a request is followed through logs.
pub(crate) const TRACE_ID: &str = "x-trace-id";

/// The fields of one head.
#[derive(Default)]
pub(crate) struct Fields {
    text: Bytes,
    places: Vec<Place>,
    /// The kinds of the fields, as bits: most kinds are looked for in vain.
    kinds: u32,
    /// Whether `Connection` names fields that end at this hop.
    names_others: bool,
}

/// Where a field is in the text.
#[derive(Clone, Copy)]
struct Place {
    kind: Kind,
    name: (u32, u32),
    value: (u32, u32),
}

/// What `Connection` says about the connection itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Persistence {
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    /// Whether the connection may change its protocol.
    pub(crate) upgrade: bool,
}

impl Fields {
    /// Forgets the fields, and with them the text, so that its memory can be used again.
    pub(crate) fn clear(&mut self) {
        self.text = Bytes::new();
        self.places.clear();
        self.kinds = 0;
        self.names_others = false;
    }

    /// Adds a field that was parsed from `head`, and returns its kind.
    pub(crate) fn push(&mut self, field: &httparse::Header<'_>, head: &[u8]) -> Kind {
        let place = |part: &[u8]| {
            let start = part.as_ptr() as usize - head.as_ptr() as usize;
            (start as u32, (start + part.len()) as u32)
        };
        let (kind, value) = (Kind::of(field.name.as_bytes()), field.value);
        // An empty value need not point into the head.
        let value = if value.is_empty() { (0, 0) } else { place(value) };
        self.kinds |= kind.bit();
        self.places.push(Place { kind, name: place(field.name.as_bytes()), value });
        kind
    }

    /// Notes what a `Connection` field says.
    pub(crate) fn connection(&mut self, value: &[u8], said: &mut Persistence) {
        for token in tokens(value) {
            if token.eq_ignore_ascii_case(b"close") {
                said.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                said.keep_alive = true;
            } else if token.eq_ignore_ascii_case(b"upgrade") {
                said.upgrade = true;
            } else {
                self.names_others = true;
            }
        }
    }

    /// Takes the text of the head, `length` bytes, from `input`, in which the fields were found.
    pub(crate) fn take(&mut self, input: &mut BytesMut, length: usize) {
        self.text = input.split_to(length).freeze();
    }

    /// Returns the text of the head.
    pub(crate) fn text(&self) -> &Bytes {
        &self.text
    }

    /// Returns kind, name and value of each field, in the order of the sender.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Kind, &[u8], &[u8])> {
        let part = |(start, end): (u32, u32)| &self.text[start as usize..end as usize];
        self.places.iter().map(move |place| (place.kind, part(place.name), part(place.value)))
    }

    /// Returns whether there is a field of a kind.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.kinds & kind.bit() != 0
    }

    /// Returns the values of all fields of a kind.
    pub(crate) fn values(&self, kind: Kind) -> impl Iterator<Item = &[u8]> {
        let places = if self.has(kind) { &self.places[..] } else { &[] };
        let of_kind = places.iter().filter(move |place| place.kind == kind);
        of_kind.map(|place| &self.text[place.value.0 as usize..place.value.1 as usize])
    }

    /// Returns the value of the first field with this name, in any case.
    pub(crate) fn first(&self, name: &str) -> Option<&[u8]> {
        let is_named =
            |(_, of_field, _): &(Kind, &[u8], &[u8])| of_field.eq_ignore_ascii_case(name.as_bytes());
        self.iter().find(is_named).map(|(_, _, value)| value)
    }

    /// Makes all fields of a kind end at this hop.
    pub(crate) fn end_here(&mut self, kind: Kind) {
        for place in self.places.iter_mut().filter(|place| place.kind == kind) {
            place.kind = Kind::Hop;
        }
        self.kinds &= !kind.bit();
    }

    /// Writes the fields whose kind `crosses`, except for those that `Connection` names.
    pub(crate) fn write(&self, output: &mut Vec<u8>, crosses: impl Fn(Kind) -> bool) {
        for (kind, name, value) in self.iter() {
            if crosses(kind) && !(self.names_others && self.is_named(name)) {
                write_field(name, value, output);
            }
        }
    }

    /// Returns whether `Connection` names this field.
    fn is_named(&self, name: &[u8]) -> bool {
        self.values(Kind::Connection).flat_map(tokens).any(|named| named.eq_ignore_ascii_case(name))
    }
}

/// Writes one field.
pub(crate) fn write_field(name: &[u8], value: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(name);
    output.extend_from_slice(b": ");
    output.extend_from_slice(value);
    output.extend_from_slice(b"\r\n");
}

/// Splits the value of a list field into its elements.
pub(crate) fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_known_in_any_case() {
        for (name, kind) in [
            ("TE", Kind::Hop),
            ("Host", Kind::Host),
            ("Date", Kind::Date),
            ("Expect", Kind::Expect),
            ("Upgrade", Kind::Upgrade),
            ("HTTP2-Settings", Kind::Hop),
            ("X-Backend", Kind::Backend),
            ("X-Service", Kind::Service),
            ("Connection", Kind::Connection),
            ("Keep-Alive", Kind::Hop),
            ("X-Trace-Id", Kind::Trace),
            ("Content-Length", Kind::ContentLength),
            ("X-LB-Algorithm", Kind::Algorithm),
            ("X-Forwarded-For", Kind::ForwardedFor),
            ("X-Forwarded-Host", Kind::ForwardedHost),
            ("X-Forwarded-Proto", Kind::ForwardedProto),
            ("Proxy-Connection", Kind::Hop),
            ("Transfer-Encoding", Kind::TransferEncoding),
            ("Proxy-Authenticate", Kind::Hop),
            ("Proxy-Authorization", Kind::Hop),
            ("Endpoint-Load-Metrics", Kind::LoadReport),
            ("Endpoint-Load-Metrics-Bin", Kind::BinaryLoadReport),
            ("Content_Length", Kind::Other),
            ("Accept", Kind::Other),
        ] {
            for name in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
                assert_eq!(Kind::of(name.as_bytes()), kind, "{name}");
            }
        }
    }
}
