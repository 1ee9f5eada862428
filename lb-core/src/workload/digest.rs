//! The canonical text of a workload and the hash of a schedule.
//!
//! Two schedules with the same hash make the same users send the same requests. The text therefore
//! holds the inputs (seed, journey, classes, stages, errors, accounts) and a sample of the result
//! (each user's plan and its first requests as rendered), so that a changed generator shows as well
//! as a changed config.

use super::journey::Journey;
use super::request::{Next, Rendered, Request, StepReply};
use super::schedule::Inner;
use super::stage::{Stage, UserClass};
use super::user::VirtualUser;
use crate::outcome::Outcome;
use crate::time::Time;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// Changes whenever the same inputs give other requests.
const GENERATOR: &str = "workload generator 1";

/// Requests of each user that enter the hash.
const HASHED_REQUESTS: usize = 32;

/// The inputs of a workload as JSON with sorted keys.
pub(super) fn definition(
    journey: &Journey,
    classes: &[UserClass],
    stages: &[Stage],
    errors: &BTreeMap<String, f64>,
    identities: u32,
) -> String {
    let mut value = json!({
        "journey": journey,
        "classes": classes.iter().map(class_json).collect::<Vec<_>>(),
        "stages": stages.iter().map(stage_json).collect::<Vec<_>>(),
        "errors": errors,
        "identities": identities,
    });
    value.sort_all_objects();
    value.to_string()
}

fn class_json(class: &UserClass) -> Value {
    json!({
        "name": class.name,
        "actions": class.actions,
        "think_time_s": class.think_time_s,
        "actions_per_session": class.actions_per_session,
        "session_duration_s": class.session_duration_s,
        "abandonment": class.abandonment,
        "repeat": class.repeat,
        "probability": class.probability,
    })
}

fn stage_json(stage: &Stage) -> Value {
    let mixes = stage
        .classes
        .iter()
        .map(|mix| json!({ "class": mix.class, "share": mix.share, "actions": mix.actions }));
    json!({
        "name": stage.name,
        "start_ns": stage.start.as_nanos(),
        "duration_ns": stage.duration.as_nanos(),
        "ramp_up_ns": stage.ramp_up.as_nanos(),
        "users": stage.users,
        "classes": mixes.collect::<Vec<_>>(),
        "user_variance": stage.user_variance,
        "think_time_variance": stage.think_time_variance,
        "action_randomness": stage.action_randomness,
        "max_users": stage.max_users,
        "background": stage.background,
    })
}

/// SHA-256 in hex of a schedule.
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
        let user = VirtualUser::new(Arc::clone(inner), plan.id);
        walk(user, HASHED_REQUESTS, |user, request, now| {
            user.render(request, &mut out);
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
            for (name, value) in &out.headers {
                let _ = write!(text, "\n{name}: {value}");
            }
            text.push('\n');
            hash.update(&text);
            hash.update(&out.body);
        });
    }
    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Walks a user through its first `limit` requests, as if each were answered well at once.
pub(super) fn walk(mut user: VirtualUser, limit: usize, mut visit: impl FnMut(&VirtualUser, &Request, Time)) {
    let mut now = Time::ZERO;
    let mut reply = None;
    let mut sent = 0;
    // A user that abandons nearly everything must not be followed for hours.
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
                reply = Some(StepReply { outcome, body: None });
            }
        }
    }
}
