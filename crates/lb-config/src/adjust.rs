//! Adjusts a scenario's draft before it is compiled: checks names and caps, scales users and time, and fills
//! gaps with background traffic.

use super::document::join;
use super::draft::types::{DraftPattern, DraftScenario};
use super::error::Findings;
use super::frame::Frame;
use super::raw::LONGEST_SECONDS;
use super::settings::Settings;
use super::timeline::{self, Block, SHORTEST_S};
use lb_core::fault::{Fault, FaultKind};
use lb_core::workload::{ClassMix, UserClass};
use std::collections::BTreeMap;

/// Name of the user class for background traffic, and prefix of the names of its patterns.
const BACKGROUND: &str = "background";

/// Returns the patterns as blocks on the timeline.
pub(super) fn blocks(patterns: &[DraftPattern]) -> Vec<Block> {
    let block =
        |pattern: &DraftPattern| Block { start: pattern.start_s, end: pattern.end_s, users: pattern.users };
    patterns.iter().map(block).collect()
}

pub(super) fn check_names(draft: &DraftScenario, findings: &mut Findings) {
    for (index, pattern) in draft.patterns.iter().enumerate() {
        if draft.patterns[..index].iter().any(|before| before.name == pattern.name) {
            let message = "duplicate; results need one name for each pattern of a scenario";
            findings.wrong(&join(&pattern.path, "name"), pattern.name.as_str(), message);
        }
        if pattern.end_s > LONGEST_SECONDS {
            let message = format!(
                "the pattern ends after {} minutes; the limit is {} (seven days)",
                pattern.end_s / 60.0,
                LONGEST_SECONDS / 60.0
            );
            findings.wrong(&join(&pattern.path, "duration_minutes"), pattern.duration_s() / 60.0, message);
        }
    }
}

/// Adds a note if the length that the config states differs from the end of the last pattern.
pub(super) fn note_duration(draft: &DraftScenario, findings: &mut Findings) {
    let end = blocks(&draft.patterns).iter().fold(0.0_f64, |end, block| end.max(block.end));
    if let Some(stated) = draft.stated_duration_s.filter(|stated| (stated - end).abs() > 0.5) {
        let message = format!("the scenario ends with its last pattern, after {} minutes", end / 60.0);
        findings.note(&join(&draft.path, "test_duration_minutes"), stated / 60.0, message);
    }
}

/// Reduces the users of patterns that would exceed the cap; earlier patterns take precedence.
pub(super) fn keep_cap(draft: &mut DraftScenario, findings: &mut Findings) {
    let Some(cap) = draft.cap else { return };
    let mut order: Vec<usize> = (0..draft.patterns.len()).collect();
    order.sort_by(|&a, &b| draft.patterns[a].start_s.total_cmp(&draft.patterns[b].start_s).then(a.cmp(&b)));
    let all = blocks(&draft.patterns);
    let mut admitted: Vec<Block> = Vec::new();
    for index in order {
        let pattern = &mut draft.patterns[index];
        let room = timeline::room(&all[index], &admitted, cap);
        let key = join(&pattern.path, "concurrent_users");
        if room == 0 {
            let message = format!(
                "earlier patterns use up the scenario's `max_concurrent_users` of {cap}; raise it, or lower their users"
            );
            findings.wrong(&key, pattern.users, message);
        } else if pattern.users > room {
            let message =
                format!("reduced to {room} to stay within the scenario's `max_concurrent_users` of {cap}");
            findings.note(&key, pattern.users, message);
            pattern.users = room;
        }
        admitted.push(Block { users: pattern.users, ..all[index] });
    }
}

/// Scales all patterns so that the busiest moment has the number of users that `--users` sets.
pub(super) fn scale_users(draft: &mut DraftScenario, settings: &Settings) {
    let Some(wanted) = settings.users.as_ref().map(|users| users.value) else { return };
    let scaled = timeline::scale_users(&blocks(&draft.patterns), wanted);
    for (pattern, users) in draft.patterns.iter_mut().zip(scaled) {
        pattern.users = users;
    }
    draft.cap = draft.cap.map(|_| wanted);
}

/// Fills the gaps between patterns with users that together send `background_rps`: each sends one request,
/// then waits for its next turn.
pub(super) fn add_background(draft: &mut DraftScenario, frame: &Frame<'_>, findings: &mut Findings) {
    let rps = draft.background_rps;
    let gaps = timeline::gaps(&blocks(&draft.patterns));
    if rps <= 0.0 || gaps.is_empty() {
        return;
    }
    let single = |name: &&String| {
        let steps = &frame.journey.actions[*name].steps;
        !frame.journey.session.open.contains(name)
            && steps.len() == 1
            && steps[0].method.eq_ignore_ascii_case("GET")
    };
    let Some(action) = frame.journey.actions.keys().find(single) else {
        let message =
            format!("needs an action with a single GET, but the journey `{}` has none", frame.journey.name);
        findings.wrong("bench.background_rps", rps, message);
        return;
    };
    // One user for each request per second: with a pause of a second, response times hardly change the rate.
    let users = rps.ceil().max(1.0);
    let pause = users / rps;
    let actions = BTreeMap::from([(action.clone(), 1.0)]);
    let class = draft.classes.len();
    draft.classes.push(UserClass {
        name: BACKGROUND.to_owned(),
        actions: actions.clone(),
        think_time_s: [pause, pause],
        // Sessions never end, because opening one sends requests that are not background traffic.
        actions_per_session: [1_000_000, 1_000_000],
        ..UserClass::default()
    });
    for (number, (from, to)) in gaps.into_iter().enumerate() {
        draft.patterns.push(DraftPattern {
            path: draft.path.clone(),
            name: format!("{BACKGROUND}_{}", number + 1),
            start_s: from,
            end_s: to,
            users: users as u32,
            mix: vec![ClassMix { class, share: 1.0, actions: actions.clone() }],
            background: true,
            ..DraftPattern::default()
        });
    }
}

/// Scales offsets, durations and ramp-ups of patterns and faults. Returns the length of the scenario in
/// seconds.
pub(super) fn scale_time(draft: &mut DraftScenario, frame: &Frame<'_>, findings: &mut Findings) -> f64 {
    let settings = frame.settings;
    let length = blocks(&draft.patterns).iter().fold(0.0_f64, |end, block| end.max(block.end));
    let factor = match &settings.duration_s {
        Some(duration_s) => duration_s.value / length,
        None => 1.0 / settings.time_scale,
    };
    if length * factor > LONGEST_SECONDS {
        let message = format!(
            "the scenario lasts {:.0} s after scaling; the limit is {LONGEST_SECONDS} s (seven days)",
            length * factor
        );
        findings.wrong(&draft.path, draft.name.as_str(), message);
    }
    for pattern in &mut draft.patterns {
        pattern.start_s *= factor;
        pattern.end_s *= factor;
        let duration_s = pattern.duration_s();
        if duration_s < SHORTEST_S {
            let message = format!(
                "the pattern lasts {duration_s:.3} s after scaling; the minimum is {SHORTEST_S} s, so lower the time scale or lengthen the pattern"
            );
            findings.wrong(&join(&pattern.path, "duration_minutes"), pattern.name.as_str(), message);
        }
        let wanted = match (&settings.ramp_up_s, &settings.spawn_rate) {
            (Some(seconds), _) => seconds.value,
            (None, Some(rate)) => f64::from(pattern.users) / rate.value,
            (None, None) => pattern.ramp_up_s * factor,
        };
        let most = duration_s / 2.0;
        if wanted > most * (1.0 + 1e-9) && !pattern.background {
            let message = format!(
                "shortened to {most:.1} s, half of the pattern, so that all users are active for the rest"
            );
            findings.note(&join(&pattern.path, "ramp_up_time_seconds"), wanted, message);
        }
        pattern.ramp_up_s = if pattern.background { 0.0 } else { wanted.min(most) };
        if pattern.chaos.concurrent_user_variance > 0.0 && (factor - 1.0).abs() > 1e-9 {
            let message = "the number of users varies every 60 s, even on a scaled timeline";
            findings.note(
                &join(&join(&pattern.path, "chaos_parameters"), "concurrent_user_variance"),
                pattern.chaos.concurrent_user_variance,
                message,
            );
        }
    }
    draft.time_factor = factor;
    for fault in &mut draft.faults {
        scale_fault(fault, factor);
    }
    length * factor
}

pub(super) fn scale_fault(fault: &mut Fault, factor: f64) {
    fault.start_s *= factor;
    fault.duration_s = fault.duration_s.map(|seconds| seconds * factor);
    fault.every_s = fault.every_s.map(|seconds| seconds * factor);
    match &mut fault.kind {
        FaultKind::Crash { slow_start_s } => *slow_start_s *= factor,
        FaultKind::Flapping { up_s, down_s } => {
            *up_s *= factor;
            *down_s *= factor;
        }
        _ => {}
    }
}
