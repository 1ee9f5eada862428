//! The canonical text of a workload and the hash of a schedule.
//!
//! Two schedules with the same hash make the same users send the same requests. The text therefore
//! holds the inputs (seed, journey, classes, stages, errors, accounts) and a sample of the result
//! (each user's plan and its first requests as rendered, each arrival), so that a changed generator shows as well
//! as a changed config.

use super::arrivals::{ArrivalProcess, ArrivalStart, Arrivals, RateSegment, Replay, Spacing};
use super::journey::Journey;
use super::request::{Next, Rendered, Request, StepReply};
use super::schedule::{Inner, UserId};
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

/// Arrivals whose requests enter the hash; times and classes of all do.
const HASHED_ARRIVALS: usize = 1_000;

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
    let mut value = json!({
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
    });
    if let Some(arrivals) = &stage.arrivals {
        value["arrivals"] = arrivals_json(arrivals);
    }
    value
}

fn arrivals_json(arrivals: &Arrivals) -> Value {
    let process = match &arrivals.process {
        ArrivalProcess::Rates { segments, spacing } => {
            let segment =
                |segment: &RateSegment| json!([segment.duration.as_nanos(), segment.from, segment.to]);
            let spacing = match spacing {
                Spacing::Even => "even",
                Spacing::Poisson => "poisson",
            };
            json!({ "segments": segments.iter().map(segment).collect::<Vec<_>>(), "spacing": spacing })
        }
        ArrivalProcess::Bursts { rates, mean_stay_s } => {
            json!({ "bursts": rates, "mean_stay_s": mean_stay_s })
        }
        ArrivalProcess::Replay(replay) => json!({ "replay_sha256": replay_sha256(replay) }),
    };
    let start = match arrivals.start {
        ArrivalStart::Session => "session",
        ArrivalStart::Action => "action",
    };
    json!({ "process": process, "start": start })
}

/// Covers every recorded request; lengths keep neighbouring texts apart.
fn replay_sha256(replay: &Replay) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for request in &replay.requests {
        part(&request.at.as_nanos().to_le_bytes());
        part(request.action.as_bytes());
        part(request.path.as_bytes());
        for (name, value) in &request.headers {
            part(name.as_bytes());
            part(value.as_bytes());
        }
        part(&request.body);
    }
    hex(hash)
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
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
        hash_requests(inner, plan.id, &mut hash, &mut out);
    }
    for arrival in &inner.arrivals {
        hash.update(arrival.at.as_nanos().to_le_bytes());
        hash.update(arrival.stage.to_le_bytes());
        hash.update(arrival.class.to_le_bytes());
        hash.update(arrival.row.to_le_bytes());
    }
    for arrival in inner.arrivals.iter().take(HASHED_ARRIVALS) {
        hash_requests(inner, arrival.id, &mut hash, &mut out);
    }
    hex(hash)
}

/// Adds a user's first requests, as they would be sent.
fn hash_requests(inner: &Arc<Inner>, user: UserId, hash: &mut Sha256, out: &mut Rendered) {
    let mut text = String::new();
    let user = VirtualUser::new(Arc::clone(inner), user);
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
        for (name, value) in &out.headers {
            let _ = write!(text, "\n{name}: {value}");
        }
        text.push('\n');
        hash.update(&text);
        hash.update(&out.body);
    });
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
