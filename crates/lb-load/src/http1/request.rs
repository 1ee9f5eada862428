//! Writes requests. The bytes of a request that never changes are laid out once.
//!
//! A request is `head + tail + body`: the head depends on the step (request line, host, its headers), the
//! tail on the user (address and key headers, blank line).

use crate::cookies::Jar;
use crate::plan::LoadPlan;
use lb_core::connections::ConnectionPolicy;
use lb_core::headers;
use lb_core::secret::Secret;
use lb_core::workload::{Rendered, Request, UserId, VirtualUser, Workload};
use std::sync::Arc;

/// The bytes of a step whose requests are all the same.
#[derive(Debug)]
struct Prepared {
    head: Box<[u8]>,
    body: Box<[u8]>,
}

/// Lays out the requests of one worker.
#[derive(Debug)]
pub(crate) struct RequestWriter {
    workload: Arc<Workload>,
    host: String,
    prefix: String,
    /// The value of the `authorization` header of requests that do not bring their own.
    authorization: Option<Secret>,
    request_key: bool,
    forwarded_for: bool,
    /// Whether requests ask the other side to close the connection after the reply.
    closes: bool,
    /// The prepared bytes by step; `None` until a step that never changes is first sent, and always for
    /// the other steps.
    prepared: Vec<Option<Prepared>>,
    rendered: Rendered,
}

impl RequestWriter {
    pub(crate) fn new(plan: &LoadPlan) -> Self {
        let workload = Arc::clone(plan.schedule.workload());
        Self {
            prepared: workload.steps().iter().map(|_| None).collect(),
            workload,
            host: plan.target.host.clone(),
            prefix: plan.target.prefix.clone(),
            authorization: plan.target.credentials.as_ref().map(|known| known.authorization.clone()),
            request_key: plan.request_key,
            forwarded_for: plan.forwarded_for,
            closes: plan.connections == ConnectionPolicy::PerRequest,
            rendered: Rendered::default(),
        }
    }

    /// Writes the headers that are the same for all requests of a user to `tail`.
    pub(crate) fn tail(&self, user: UserId, tail: &mut Vec<u8>) {
        tail.clear();
        self.write_tail_for(Err(user), tail);
    }

    /// Writes the headers at the end, with the client as recorded or else with the address of a user.
    fn write_tail_for(&self, client: Result<&str, UserId>, tail: &mut Vec<u8>) {
        if self.closes {
            tail.extend_from_slice(b"connection: close\r\n");
        }
        if let Ok(recorded) = client {
            for text in [headers::FORWARDED_FOR, ": ", recorded, "\r\n"] {
                tail.extend_from_slice(text.as_bytes());
            }
        } else if let (true, Err(user)) = (self.forwarded_for, client) {
            tail.extend_from_slice(headers::FORWARDED_FOR.as_bytes());
            tail.extend_from_slice(b": 10");
            let [_, octets @ ..] = user.0.to_be_bytes();
            for octet in octets {
                tail.push(b'.');
                write_decimal(usize::from(octet), tail);
            }
            tail.extend_from_slice(b"\r\n");
        }
        if self.request_key {
            tail.extend_from_slice(headers::REQUEST_KEY.as_bytes());
            tail.extend_from_slice(b": ");
        }
    }

    /// Writes the request that `user` sends next to `out`.
    #[inline]
    pub(crate) fn write(
        &mut self,
        user: &VirtualUser,
        request: &Request,
        tail: &[u8],
        jar: &Jar,
        out: &mut Vec<u8>,
    ) {
        let step = usize::from(request.step.0);
        out.clear();
        if self.prepared[step].is_none() {
            user.render(request, &mut self.rendered);
            if self.workload.is_static(request.step) {
                self.prepare(step);
            } else {
                self.write_head(step, out);
                write_cookies(jar, out);
                self.write_tail(&self.rendered.forwarded_for, tail, request.key, out);
                out.extend_from_slice(&self.rendered.body);
                return;
            }
        }
        if let Some(prepared) = &self.prepared[step] {
            out.extend_from_slice(&prepared.head);
            write_cookies(jar, out);
            self.write_tail("", tail, request.key, out);
            out.extend_from_slice(&prepared.body);
        }
    }

    /// Writes the request that follows a redirect of `request` to `path`, which is a path of the site and not
    /// relative to the prefix. It has the headers of the request, and its body only if `method` repeats it.
    #[cold]
    pub(crate) fn write_redirected(
        &mut self,
        user: &VirtualUser,
        request: &Request,
        (method, path, repeats): (&str, &str, bool),
        tail: &[u8],
        jar: &Jar,
        out: &mut Vec<u8>,
    ) {
        user.render(request, &mut self.rendered);
        if !repeats {
            self.rendered.body.clear();
            self.rendered.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        }
        out.clear();
        self.write_lines(method, [path, ""], out);
        write_cookies(jar, out);
        self.write_tail(&self.rendered.forwarded_for, tail, request.key, out);
        out.extend_from_slice(&self.rendered.body);
    }

    #[cold]
    fn prepare(&mut self, step: usize) {
        let mut head = Vec::new();
        self.write_head(step, &mut head);
        let body = self.rendered.body.as_slice().into();
        self.prepared[step] = Some(Prepared { head: head.into_boxed_slice(), body });
    }

    /// Writes the request line, the host, and the headers and body length of the rendered request.
    fn write_head(&self, step: usize, out: &mut Vec<u8>) {
        self.write_lines(&self.workload.steps()[step].method, [&self.prefix, &self.rendered.path], out);
    }

    fn write_lines(&self, method: &str, path: [&str; 2], out: &mut Vec<u8>) {
        let host = if self.rendered.host.is_empty() { &self.host } else { &self.rendered.host };
        let texts = [method, " ", path[0], path[1], " HTTP/1.1\r\nhost: ", host];
        for text in texts {
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        for (name, value) in &self.rendered.headers {
            for text in [name, ": ", value, "\r\n"] {
                out.extend_from_slice(text.as_bytes());
            }
        }
        if let Some(authorization) = &self.authorization
            && !self.rendered.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        {
            for text in ["authorization: ", authorization.reveal(), "\r\n"] {
                out.extend_from_slice(text.as_bytes());
            }
        }
        // Methods that expect a body say so even when it is empty (RFC 9110, 8.6).
        if !self.rendered.body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            out.extend_from_slice(b"content-length: ");
            write_decimal(self.rendered.body.len(), out);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Writes the headers at the end: those of the user, or of the recorded client if there is one.
    #[inline]
    fn write_tail(&self, client: &str, tail: &[u8], key: u64, out: &mut Vec<u8>) {
        match client {
            "" => out.extend_from_slice(tail),
            recorded => self.write_tail_for(Ok(recorded), out),
        }
        if self.request_key {
            out.extend_from_slice(&hex(key));
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes the cookies that belong to the path in the request line of `out`.
#[inline]
fn write_cookies(jar: &Jar, out: &mut Vec<u8>) {
    if !jar.is_empty() {
        let path = path_of(out).to_owned();
        jar.write(&path, out);
    }
}

/// Returns the path and query in the request line of a request; empty if there is none.
pub(crate) fn path_of(request: &[u8]) -> &str {
    let path = request.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    std::str::from_utf8(path).unwrap_or_default()
}

/// Returns whether a request may be sent once more after its connection was closed without a reply: its method is
/// idempotent (RFC 9110, 9.2.2), or it has no body.
pub(crate) fn is_repeatable(request: &[u8]) -> bool {
    let method = request.split(|byte| *byte == b' ').next().unwrap_or_default();
    let idempotent: [&[u8]; 6] = [b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE"];
    let head = request.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    idempotent.contains(&method) || head.is_some_and(|end| end + 4 == request.len())
}

/// Writes a key as 16 hex digits.
#[inline]
fn hex(key: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    for (position, digit) in digits.iter_mut().enumerate() {
        let value = (key >> (60 - 4 * position)) & 0xf;
        *digit = b"0123456789abcdef"[value as usize];
    }
    digits
}

/// Appends a decimal number without `std::fmt`, which is too slow for the hot path.
fn write_decimal(number: usize, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut begin = digits.len();
    let mut rest = number;
    loop {
        begin -= 1;
        digits[begin] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[begin..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_without_an_effect_of_their_own_are_sent_twice() {
        for (request, expected) in [
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", true),
            ("PUT / HTTP/1.1\r\ncontent-length: 1\r\n\r\nx", true),
            ("POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n", true),
            ("POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\nx", false),
            ("PATCH / HTTP/1.1\r\ncontent-length: 4\r\n\r\n\r\n\r\n", false),
        ] {
            assert_eq!(is_repeatable(request.as_bytes()), expected, "{request}");
        }
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        for number in [0, 7, 10, 12_345, usize::MAX] {
            let mut out = Vec::new();
            write_decimal(number, &mut out);
            assert_eq!(out, number.to_string().as_bytes());
        }
        for key in [0, 1, 0xfeed_beef, u64::MAX] {
            assert_eq!(hex(key).as_slice(), format!("{key:016x}").as_bytes());
        }
    }
}
