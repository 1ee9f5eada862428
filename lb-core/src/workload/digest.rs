//! The hash of a schedule.
//!
//! Two schedules with the same hash make the same users send the same requests. The hash therefore
//! covers the inputs (the seed and the workload's canonical text) and a sample of the result (each
//! user's plan and first requests as rendered, and each arrival), so that it changes with the generator
//! as well as with the config.

use super::arrivals::Arrival;
use super::request::{Next, Rendered, Request, StepReply};
use super::scheduled::Inner;
use super::stream::stream;
use super::user::VirtualUser;
use crate::hex;
use crate::outcome::Outcome;
use crate::time::Time;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::Arc;

/// Version of the generator; changes whenever the same inputs give different requests.
const GENERATOR: &str = "workload generator 1";

/// Number of requests of each user that are hashed.
const HASHED_REQUESTS: usize = 32;

/// Number of arrivals whose requests are hashed; times and classes of all arrivals are.
const HASHED_ARRIVALS: usize = 1_000;

/// Returns the SHA-256 of a schedule in hex.
pub(super) fn sha256(inner: &Arc<Inner>) -> String {
    let mut hash = Sha256::new();
    hash.update(GENERATOR);
    hash.update(inner.seed.0.to_le_bytes());
    hash.update(&inner.workload.definition);
    let mut text = String::new();
    let mut out = Rendered::default();
    for plan in &inner.users {
        text.clear();
        let _ = write!(text, "\nuser {} stage {} class {}", plan.id.0, plan.stage, plan.class);
        for (begin, end) in &plan.windows {
            let _ = write!(text, " {}-{}", begin.as_nanos(), end.as_nanos());
        }
        hash.update(&text);
        hash_requests(inner, VirtualUser::new(Arc::clone(inner), plan.id), &mut hash, &mut out);
    }
    // Of arrivals without end, only the first are looked at.
    let endless: Vec<Arrival> = match inner.workload.is_endless() {
        true => stream(inner).take(HASHED_ARRIVALS).collect(),
        false => Vec::new(),
    };
    let arrivals = || inner.arrivals.iter().chain(&endless);
    for arrival in arrivals() {
        hash.update(arrival.at.as_nanos().to_le_bytes());
        hash.update(arrival.stage.to_le_bytes());
        hash.update(arrival.class.to_le_bytes());
        hash.update(arrival.row.to_le_bytes());
    }
    for arrival in arrivals().take(HASHED_ARRIVALS) {
        let visitor = VirtualUser::of_arrival(Arc::clone(inner), *arrival);
        hash_requests(inner, visitor, &mut hash, &mut out);
    }
    hex::encode(hash.finalize())
}

/// Adds a user's first requests, as they would be sent.
fn hash_requests(inner: &Inner, user: VirtualUser, hash: &mut Sha256, out: &mut Rendered) {
    let mut text = String::new();
    walk(user, HASHED_REQUESTS, |user, request, now| {
        user.render(request, out);
        text.clear();
        let method = &inner.workload.compiled.steps[usize::from(request.step.0)].method;
        let _ = write!(
            text,
            "\n{} {:?} {:x} {method} {}",
            now.as_nanos(),
            request.injected,
            request.key,
            out.path
        );
        for (kind, named) in [("client", &out.forwarded_for), ("host", &out.host)] {
            if !named.is_empty() {
                let _ = write!(text, "\n{kind} {named}");
            }
        }
        for (name, value) in &out.headers {
            let _ = write!(text, "\n{name}: {value}");
        }
        text.push('\n');
        hash.update(&text);
        hash.update(&out.body);
    });
}

/// Runs a user through its first `limit` requests, as if each succeeded at once.
pub(super) fn walk(mut user: VirtualUser, limit: usize, mut visit: impl FnMut(&VirtualUser, &Request, Time)) {
    let mut now = Time::ZERO;
    let mut reply = None;
    let mut sent = 0;
    // The limit keeps a user that abandons nearly all actions from running for hours.
    for _ in 0..limit.saturating_mul(64) {
        match user.next(reply.take(), now) {
            Next::Wait(until) => now = until,
            Next::Done => return,
            Next::Send(request) => {
                visit(&user, &request, now);
                sent += 1;
                if sent == limit {
                    return;
                }
                let outcome = if request.injected.is_some() { Outcome::ExpectedError } else { Outcome::Ok };
                reply = Some(StepReply { outcome, seen: None });
            }
        }
    }
}
