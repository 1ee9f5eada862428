//! One scenario: from its draft to stages on a scaled timeline and a compiled workload.

use super::document::join;
use super::draft::{DraftPattern, DraftScenario};
use super::error::Findings;
use super::estimate::requests_per_second;
use super::overrides::Overrides;
use super::plan::{PatternSummary, PlannedScenario};
use super::raw::{Bench, LONGEST_SECONDS};
use super::timeline::{self, Block};
use lb_core::fault::{Fault, FaultKind};
use lb_core::time::Span;
use lb_core::topology::Topology;
use lb_core::workload::{ClassMix, Journey, Scenario, Stage, UserClass, Workload};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A pattern must last this long to hold a request.
pub(super) const SHORTEST_S: f64 = 0.1;
/// Warm-up where nobody names one: a tenth of the measured phase, within these seconds.
const WARM_UP_S: [f64; 2] = [0.5, 5.0];
/// The user of background traffic.
const BACKGROUND: &str = "background";

/// What all scenarios of a plan share.
pub(super) struct Frame<'a> {
    pub(super) bench: &'a Bench,
    pub(super) overrides: &'a Overrides,
    pub(super) journey: &'a Journey,
    pub(super) topology: &'a Topology,
}

/// Builds a scenario; the algorithms are filled in by the caller. None after a problem.
pub(super) fn build(
    mut draft: DraftScenario,
    frame: &Frame<'_>,
    findings: &mut Findings,
) -> Option<PlannedScenario> {
    if draft.patterns.is_empty() {
        return None;
    }
    check_names(&draft, findings);
    note_duration(&draft, findings);
    keep_cap(&mut draft, findings);
    scale_users(&mut draft, frame.overrides);
    add_background(&mut draft, frame, findings);
    let duration_s = scale_time(&mut draft, frame, findings)?;
    let topology = topology(&draft, frame, findings);
    let journey = journey(&draft, frame.journey);
    let stages: Vec<Stage> = (0..draft.patterns.len())
        .map(|index| stage(&draft, index))
        .collect();
    if findings.has_problems() {
        // Compiling what is known to be wrong would only say the same in other words.
        return None;
    }
    let identities = identities(&draft, findings);
    let (classes, stages) = used(draft.classes, stages);
    let workload = match Workload::new(&journey, classes, stages, &draft.errors, identities) {
        Ok(workload) => Arc::new(workload),
        Err(problems) => {
            for problem in problems {
                findings.wrong(
                    &format!("bench.journey.{}", problem.path),
                    journey.name.as_str(),
                    problem.problem,
                );
            }
            return None;
        }
    };
    let patterns = draft.patterns.iter().enumerate();
    let patterns = patterns
        .map(|(index, pattern)| {
            summary(
                pattern,
                &workload,
                index,
                requests_per_second(&workload, index, &journey, &topology),
            )
        })
        .collect();
    let time_scale = frame
        .overrides
        .time_scale
        .or(frame.bench.time_scale)
        .unwrap_or(1.0);
    let default_warm_up = (duration_s / 10.0).clamp(WARM_UP_S[0], WARM_UP_S[1]);
    let warm_up_s = frame
        .bench
        .warm_up_s
        .map_or(default_warm_up, |seconds| seconds / time_scale);
    Some(PlannedScenario {
        scenario: Arc::new(Scenario {
            name: draft.name,
            workload: Arc::clone(&workload),
            duration: Span::from_secs_f64(duration_s),
            warm_up: Span::from_secs_f64(warm_up_s),
            request_timeout: Span::from_secs_f64(draft.request_timeout_s),
            topology: Arc::new(topology),
        }),
        peak_users: peak(workload.stages()),
        patterns,
        cap: draft.cap,
        identities,
        algorithms: Vec::new(),
        skipped: Vec::new(),
        catalogue: journey.feeds.get("products").cloned().unwrap_or_default(),
    })
}

fn blocks(patterns: &[DraftPattern]) -> Vec<Block> {
    let block = |pattern: &DraftPattern| Block {
        start: pattern.start_s,
        end: pattern.end_s,
        users: pattern.users,
    };
    patterns.iter().map(block).collect()
}

fn check_names(draft: &DraftScenario, findings: &mut Findings) {
    for (index, pattern) in draft.patterns.iter().enumerate() {
        if draft.patterns[..index]
            .iter()
            .any(|before| before.name == pattern.name)
        {
            let message = "stands twice in the scenario; results need one name for each pattern";
            findings.wrong(&join(&pattern.path, "name"), pattern.name.as_str(), message);
        }
        if pattern.end_s > LONGEST_SECONDS {
            let message = format!(
                "the pattern ends after {} minutes; {} (seven days) is the limit",
                pattern.end_s / 60.0,
                LONGEST_SECONDS / 60.0
            );
            findings.wrong(
                &join(&pattern.path, "duration_minutes"),
                pattern.duration_s() / 60.0,
                message,
            );
        }
    }
}

/// The scenario ends with its last pattern; another stated length is reported.
fn note_duration(draft: &DraftScenario, findings: &mut Findings) {
    let end = blocks(&draft.patterns)
        .iter()
        .fold(0.0_f64, |end, block| end.max(block.end));
    if let Some(stated) = draft
        .stated_duration_s
        .filter(|stated| (stated - end).abs() > 0.5)
    {
        let message = format!(
            "the scenario ends with its last pattern, after {} minutes",
            end / 60.0
        );
        findings.note(
            &join(&draft.path, "test_duration_minutes"),
            stated / 60.0,
            message,
        );
    }
}

/// Cuts patterns that would exceed the cap, later ones first.
fn keep_cap(draft: &mut DraftScenario, findings: &mut Findings) {
    let Some(cap) = draft.cap else { return };
    let mut order: Vec<usize> = (0..draft.patterns.len()).collect();
    order.sort_by(|&a, &b| {
        draft.patterns[a]
            .start_s
            .total_cmp(&draft.patterns[b].start_s)
            .then(a.cmp(&b))
    });
    let all = blocks(&draft.patterns);
    let mut admitted: Vec<Block> = Vec::new();
    for index in order {
        let pattern = &mut draft.patterns[index];
        let room = timeline::room(&all[index], &admitted, cap);
        let key = join(&pattern.path, "concurrent_users");
        if room == 0 {
            let message = format!(
                "the patterns before it fill the scenario's `max_concurrent_users` of {cap}; raise that or lower theirs"
            );
            findings.wrong(&key, pattern.users, message);
        } else if pattern.users > room {
            let message = format!(
                "cut to {room}, which is what the scenario's `max_concurrent_users` of {cap} leaves"
            );
            findings.note(&key, pattern.users, message);
            pattern.users = room;
        }
        admitted.push(Block {
            users: pattern.users,
            ..all[index]
        });
    }
}

/// Scales all patterns so that the busiest moment has the users that a flag asks for.
fn scale_users(draft: &mut DraftScenario, flags: &Overrides) {
    let Some(wanted) = flags.users else { return };
    let scaled = timeline::scale_users(&blocks(&draft.patterns), wanted);
    for (pattern, users) in draft.patterns.iter_mut().zip(scaled) {
        pattern.users = users;
    }
    draft.cap = draft.cap.map(|_| wanted);
}

/// Fills the gaps between patterns with users that together send `background_rps`: each sends one
/// request and thinks until its turn comes again.
fn add_background(draft: &mut DraftScenario, frame: &Frame<'_>, findings: &mut Findings) {
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
        let message = format!(
            "needs an action of a single GET, and the journey `{}` has none",
            frame.journey.name
        );
        findings.wrong("bench.background_rps", rps, message);
        return;
    };
    // One user per request and second: at one second between requests replies hardly shift the rate.
    let users = rps.ceil().max(1.0);
    let pause = users / rps;
    let actions = BTreeMap::from([(action.clone(), 1.0)]);
    let class = draft.classes.len();
    draft.classes.push(UserClass {
        name: BACKGROUND.to_owned(),
        actions: actions.clone(),
        think_time_s: [pause, pause],
        // A session without end: opening one takes requests that are no background traffic.
        actions_per_session: [1_000_000, 1_000_000],
        session_duration_s: None,
        abandonment: 0.0,
        repeat: BTreeMap::new(),
        probability: BTreeMap::new(),
    });
    for (number, (from, to)) in gaps.into_iter().enumerate() {
        draft.patterns.push(DraftPattern {
            path: draft.path.clone(),
            name: format!("{BACKGROUND}_{}", number + 1),
            start_s: from,
            end_s: to,
            users: users as u32,
            mix: vec![ClassMix {
                class,
                share: 1.0,
                actions: actions.clone(),
            }],
            background: true,
            ..DraftPattern::default()
        });
    }
}

/// Scales offsets, durations and ramp-ups of patterns and faults. Returns the length in seconds.
fn scale_time(
    draft: &mut DraftScenario,
    frame: &Frame<'_>,
    findings: &mut Findings,
) -> Option<f64> {
    let flags = frame.overrides;
    let length = blocks(&draft.patterns)
        .iter()
        .fold(0.0_f64, |end, block| end.max(block.end));
    let time_scale = flags.time_scale.or(frame.bench.time_scale).unwrap_or(1.0);
    let factor = match flags.duration {
        Some(duration) => duration.as_secs_f64() / length,
        None => 1.0 / time_scale,
    };
    if !(factor.is_finite() && factor > 0.0) {
        return None;
    }
    for pattern in &mut draft.patterns {
        pattern.start_s *= factor;
        pattern.end_s *= factor;
        let duration_s = pattern.duration_s();
        if duration_s < SHORTEST_S {
            let message = format!(
                "the pattern lasts {duration_s:.3} s after scaling; {SHORTEST_S} s is the least, so lower the time scale or lengthen it"
            );
            findings.wrong(
                &join(&pattern.path, "duration_minutes"),
                pattern.name.as_str(),
                message,
            );
        }
        let wanted = flags
            .ramp_up
            .map_or(pattern.ramp_up_s * factor, |ramp_up| ramp_up.as_secs_f64());
        let most = duration_s / 2.0;
        if wanted > most * (1.0 + 1e-9) && !pattern.background {
            let message = format!(
                "cut to {most:.1} s, half of the pattern, so that all its users are there for the other half"
            );
            findings.note(
                &join(&pattern.path, "ramp_up_time_seconds"),
                wanted,
                message,
            );
        }
        pattern.ramp_up_s = if pattern.background {
            0.0
        } else {
            wanted.min(most)
        };
        if pattern.chaos.concurrent_user_variance > 0.0 && (factor - 1.0).abs() > 1e-9 {
            let message =
                "the number of users wanders every 60 s also on a scaled timeline, so fewer times";
            findings.note(
                &join(&pattern.path, "chaos_parameters.concurrent_user_variance"),
                pattern.chaos.concurrent_user_variance,
                message,
            );
        }
    }
    draft.time_factor = factor;
    for fault in &mut draft.faults {
        scale_fault(fault, factor);
    }
    Some(length * factor)
}

fn scale_fault(fault: &mut Fault, factor: f64) {
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

/// The topology with the faults of the scenario and of our block, all on the scaled timeline.
fn topology(draft: &DraftScenario, frame: &Frame<'_>, findings: &mut Findings) -> Topology {
    let mut topology = frame.topology.clone();
    let factor = draft.time_factor;
    let outside = topology.faults.iter().chain(&frame.bench.faults).cloned();
    let mut faults: Vec<Fault> = outside.collect();
    faults
        .iter_mut()
        .for_each(|fault| scale_fault(fault, factor));
    faults.extend(draft.faults.iter().cloned());
    let end = blocks(&draft.patterns)
        .iter()
        .fold(0.0_f64, |end, block| end.max(block.end));
    for fault in faults.iter().filter(|fault| fault.start_s >= end) {
        let message = format!(
            "never happens: it begins after {:.1} s, and the scenario ends after {end:.1} s",
            fault.start_s
        );
        findings.note(&join(&draft.path, "faults"), fault.kind.name(), message);
    }
    topology.faults = faults;
    // The topology alone was checked before; what is wrong now came in with faults or by scaling.
    for problem in topology.problems() {
        findings.wrong(
            &join(&draft.path, "faults"),
            topology.name.as_str(),
            problem,
        );
    }
    topology
}

/// The journey with the rows of the config.
fn journey(draft: &DraftScenario, journey: &Journey) -> Journey {
    let mut journey = journey.clone();
    for (name, rows) in &draft.feeds {
        if journey.feeds.contains_key(name) {
            journey.feeds.insert(name.clone(), rows.clone());
        }
    }
    journey
}

fn stage(draft: &DraftScenario, index: usize) -> Stage {
    let pattern = &draft.patterns[index];
    let variance = pattern.chaos.concurrent_user_variance;
    let highest = (f64::from(pattern.users) * (1.0 + variance)).ceil() as u32;
    let all = blocks(&draft.patterns);
    let others: Vec<Block> = (0..all.len())
        .filter(|&other| other != index)
        .map(|other| all[other])
        .collect();
    let room = draft
        .cap
        .map_or(u32::MAX, |cap| timeline::room(&all[index], &others, cap));
    Stage {
        name: pattern.name.clone(),
        start: Span::from_secs_f64(pattern.start_s),
        duration: Span::from_secs_f64(pattern.end_s)
            .saturating_sub(Span::from_secs_f64(pattern.start_s)),
        ramp_up: Span::from_secs_f64(pattern.ramp_up_s),
        users: pattern.users,
        classes: pattern.mix.clone(),
        user_variance: variance,
        think_time_variance: pattern.chaos.think_time_variance,
        action_randomness: pattern.chaos.action_randomness,
        max_users: highest.min(room.max(pattern.users)),
        background: pattern.background,
    }
}

/// Accounts: as many as the config says, and at least one for each user at the busiest moment.
fn identities(draft: &DraftScenario, findings: &mut Findings) -> u32 {
    let peak = u32::try_from(timeline::peak(&blocks(&draft.patterns))).unwrap_or(u32::MAX);
    let Some(wanted) = draft.identities else {
        return peak.max(1);
    };
    if wanted < peak {
        let message = format!(
            "raised to {peak}, so that no two users of the busiest moment share an account"
        );
        findings.note(&join(&draft.path, "total_users"), wanted, message);
    }
    wanted.max(peak)
}

/// Leaves out classes that no stage has.
fn used(classes: Vec<UserClass>, mut stages: Vec<Stage>) -> (Vec<UserClass>, Vec<Stage>) {
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    let mut kept = Vec::new();
    for mix in stages.iter_mut().flat_map(|stage| &mut stage.classes) {
        mix.class = *places.entry(mix.class).or_insert_with(|| {
            kept.push(classes[mix.class].clone());
            kept.len() - 1
        });
    }
    (kept, stages)
}

/// Most users at once, with all that variance may add.
fn peak(stages: &[Stage]) -> u32 {
    let block = |stage: &Stage| Block {
        start: stage.start.as_secs_f64(),
        end: stage.start.as_secs_f64() + stage.duration.as_secs_f64(),
        users: stage.max_users.max(stage.users),
    };
    let blocks: Vec<Block> = stages.iter().map(block).collect();
    u32::try_from(timeline::peak(&blocks)).unwrap_or(u32::MAX)
}

fn summary(
    pattern: &DraftPattern,
    workload: &Workload,
    index: usize,
    expected_rps: f64,
) -> PatternSummary {
    let stage = &workload.stages()[index];
    PatternSummary {
        name: pattern.name.clone(),
        start: stage.start,
        duration: stage.duration,
        ramp_up: stage.ramp_up,
        users: pattern.users,
        background: pattern.background,
        intensity: pattern.intensity.clone(),
        expected_rps,
        service_labels: pattern.service_labels.clone(),
        service_limits: pattern.service_limits.clone(),
    }
}
