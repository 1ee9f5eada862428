//! The canonical text of a workload's inputs (journey, classes, stages, errors, accounts), which is
//! part of the hash of every schedule.

use super::arrivals::{ArrivalProcess, ArrivalStart, Arrivals, RateSegment, Spacing};
use super::classes::{Stage, UserClass};
use super::journey::Journey;
use super::recorded::Replay;
use crate::hex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Returns the inputs of a workload as JSON with sorted keys.
pub(super) fn text(
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

/// Hashes every recorded request. Lengths separate adjacent texts.
fn replay_sha256(replay: &Replay) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for request in replay.iter() {
        part(&request.at.as_nanos().to_le_bytes());
        part(request.action.as_bytes());
        part(request.path.as_bytes());
        // What most recordings lack is hashed with its kind, so that a client is not mistaken for a host.
        for (kind, text) in [("client", request.client), ("host", request.host)] {
            if let Some(text) = text {
                part(kind.as_bytes());
                part(text.as_bytes());
            }
        }
        for status in request.expected {
            part(b"status");
            part(&status.to_le_bytes());
        }
        for (name, value) in request.headers {
            part(name.as_bytes());
            part(value.as_bytes());
        }
        part(request.body);
    }
    hex::encode(hash.finalize())
}
