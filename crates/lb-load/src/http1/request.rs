//! Writes requests. The bytes of a request that never changes are laid out once.
//!
//! A request is `head + tail + body`: the head depends on the step (request line, host, its headers), the
//! tail on the user (address and key headers, blank line).

use crate::plan::LoadPlan;
use lb_core::headers;
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
    request_key: bool,
    forwarded_for: bool,
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
            request_key: plan.request_key,
            forwarded_for: plan.forwarded_for,
            rendered: Rendered::default(),
        }
    }

    /// Writes the headers that are the same for all requests of a user to `tail`.
    pub(crate) fn tail(&self, user: UserId, tail: &mut Vec<u8>) {
        tail.clear();
        if self.forwarded_for {
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
    pub(crate) fn write(&mut self, user: &VirtualUser, request: &Request, tail: &[u8], out: &mut Vec<u8>) {
        let step = usize::from(request.step.0);
        out.clear();
        if self.prepared[step].is_none() {
            user.render(request, &mut self.rendered);
            if self.workload.is_static(request.step) {
                self.prepare(step);
            } else {
                self.write_head(step, out);
                self.write_tail(tail, request.key, out);
                out.extend_from_slice(&self.rendered.body);
                return;
            }
        }
        if let Some(prepared) = &self.prepared[step] {
            out.extend_from_slice(&prepared.head);
            self.write_tail(tail, request.key, out);
            out.extend_from_slice(&prepared.body);
        }
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
        let method = self.workload.steps()[step].method.as_str();
        let texts = [method, " ", &self.prefix, &self.rendered.path, " HTTP/1.1\r\nhost: ", &self.host];
        for text in texts {
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        for (name, value) in &self.rendered.headers {
            for text in [name, ": ", value, "\r\n"] {
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

    #[inline]
    fn write_tail(&self, tail: &[u8], key: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(tail);
        if self.request_key {
            out.extend_from_slice(&hex(key));
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }
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
