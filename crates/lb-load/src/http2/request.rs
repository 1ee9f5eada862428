//! Translates requests that are laid out as HTTP/1.1 into those of HTTP/2 (RFC 9113, 8.2 and 8.3).
//!
//! All names and values of a request share one copy of its bytes. Names and addresses that have been seen are kept.

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use lb_core::framing::MOST_FIELDS;
use lb_core::headers;
use std::collections::HashMap;
use std::mem::MaybeUninit;

/// Fields that concern a connection of HTTP/1.1, and are forbidden in HTTP/2.
const OF_CONNECTIONS: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];
/// The most addresses that are kept; paths with numbers of things in them could be any number.
const MOST_KEPT: usize = 1024;

/// Translates the requests of one worker.
#[derive(Debug, Default)]
pub(crate) struct Translator {
    scheme: &'static str,
    names: Vec<HeaderName>,
    /// The addresses by path and query, for one host.
    addresses: HashMap<Box<str>, Uri>,
    host: Vec<u8>,
}

impl Translator {
    /// Creates a translator for a site with this scheme.
    pub(crate) fn new(scheme: &'static str) -> Self {
        Self { scheme, ..Self::default() }
    }

    /// Returns a request and its body. `None` if it is not laid out as HTTP/1.1, or its path cannot be sent.
    pub(crate) fn translate(&mut self, request: &[u8]) -> Option<(Request<()>, Bytes)> {
        let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
        let mut head = httparse::Request::new(&mut []);
        let parsed = head.parse_with_uninit_headers(request, &mut fields).ok()?;
        let httparse::Status::Complete(length) = parsed else { return None };
        let host = head.headers.iter().find(|field| field.name.eq_ignore_ascii_case(HOST.as_str()))?.value;
        let uri = self.address(head.path?, host)?;
        let mut translated = Request::new(());
        *translated.method_mut() = Method::from_bytes(head.method?.as_bytes()).ok()?;
        *translated.uri_mut() = uri;
        let all = Bytes::copy_from_slice(request);
        let fields = translated.headers_mut();
        fields.reserve(head.headers.len());
        for field in head.headers.iter() {
            if field.name.eq_ignore_ascii_case(HOST.as_str()) || is_of_connections(field.name) {
                continue;
            }
            let mut value =
                HeaderValue::from_maybe_shared(all.slice_ref(shared(request, field.value, &all)?)).ok()?;
            // Every request has another key, so it would only push other fields out of the tables.
            value.set_sensitive(field.name == headers::REQUEST_KEY);
            fields.append(self.name(field.name)?, value);
        }
        Some((translated, all.slice(length..)))
    }

    /// Returns the address of a path.
    fn address(&mut self, path: &str, host: &[u8]) -> Option<Uri> {
        if self.host != host {
            self.addresses.clear();
            self.host = host.to_vec();
        }
        if let Some(known) = self.addresses.get(path) {
            return Some(known.clone());
        }
        let uri = Uri::builder().scheme(self.scheme).authority(host).path_and_query(path).build().ok()?;
        if self.addresses.len() < MOST_KEPT {
            self.addresses.insert(path.into(), uri.clone());
        }
        Some(uri)
    }

    fn name(&mut self, written: &str) -> Option<HeaderName> {
        // Names from the writer are in lower case, those of a journey as it has them.
        if let Some(known) = self.names.iter().find(|known| known.as_str().eq_ignore_ascii_case(written)) {
            return Some(known.clone());
        }
        let name = HeaderName::from_bytes(written.as_bytes()).ok()?;
        self.names.push(name.clone());
        Some(name)
    }
}

/// Returns the part of the copy `all` of `request` that is `part` of the original.
fn shared<'a>(request: &[u8], part: &[u8], all: &'a Bytes) -> Option<&'a [u8]> {
    let begin = (part.as_ptr() as usize).checked_sub(request.as_ptr() as usize)?;
    all.get(begin..begin + part.len())
}

fn is_of_connections(name: &str) -> bool {
    OF_CONNECTIONS.iter().any(|of_connections| name.eq_ignore_ascii_case(of_connections))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_keeps_everything_but_what_concerns_a_connection_of_http_1() {
        let mut translator = Translator::new("https");
        let written =
            b"POST /a/b?c=d HTTP/1.1\r\nhost: shop.example:8443\r\nX-Kind: test\r\ncookie: a=1; b=2\r\n\
            connection: close\r\nKeep-Alive: 5\r\ncontent-length: 2\r\nx-request-key: 00ff\r\n\r\nhi";
        for _ in 0..2 {
            let (request, body) = translator.translate(written).expect("it is a request");
            assert_eq!(request.method(), Method::POST);
            assert_eq!(request.uri().to_string(), "https://shop.example:8443/a/b?c=d");
            assert_eq!(body, "hi");
            let fields: Vec<(&str, &str)> = request
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
                .collect();
            let expected = [
                ("x-kind", "test"),
                ("cookie", "a=1; b=2"),
                ("content-length", "2"),
                ("x-request-key", "00ff"),
            ];
            assert_eq!(fields, expected);
            assert!(request.headers()["x-request-key"].is_sensitive(), "it is in no table");
        }
    }

    #[test]
    fn another_host_is_not_mistaken_for_the_one_before() {
        let mut translator = Translator::new("http");
        for host in ["a.example", "b.example", "a.example"] {
            let written = format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n");
            let (request, body) = translator.translate(written.as_bytes()).expect("it is a request");
            assert_eq!(request.uri().to_string(), format!("http://{host}/"));
            assert!(body.is_empty());
        }
        assert!(translator.translate(b"GET / HTTP/1.1\r\nhost: a\r\n").is_none(), "it has no end");
    }
}
