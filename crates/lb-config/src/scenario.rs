//! Builds one scenario: turns its draft into stages on a scaled timeline and a compiled workload.

use super::adjust::{
    add_background, blocks, check_names, keep_cap, note_duration, scale_fault, scale_time, scale_users,
};
use super::arrivals::words::mean_rate;
use super::document::join;
use super::draft::types::{DraftPattern, DraftScenario};
use super::error::Findings;
use super::estimate::requests_per_second;
use super::frame::Frame;
use super::planned::{PatternSummary, PlannedScenario};
use super::runnable::check_runnable;
use super::timeline::{self, Block};
use super::unsaid::note_unsaid_costs;
use lb_core::fault::Fault;
use lb_core::time::Span;
use lb_core::topology::Topology;
use lb_core::workload::{ArrivalProcess, Journey, Scenario, Stage, Step, UserClass, Workload};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The default warm-up is a tenth of the measured phase, within these limits in seconds.
const WARM_UP_S: [f64; 2] = [0.5, 5.0];

/// Builds a scenario; the caller fills in the slug and the algorithms. `None` if there is a problem.
pub(super) fn build_scenario(
    mut draft: DraftScenario,
    frame: &Frame<'_>,
    findings: &mut Findings,
) -> Option<PlannedScenario> {
    if draft.patterns.is_empty() {
        return None;
    }
    check_names(&draft, findings);
    note_duration(&draft, findings);
    if let Some(open) = frame.open {
        open.replace_users(&mut draft, findings);
    }
    keep_cap(&mut draft, findings);
    scale_users(&mut draft, frame.settings);
    add_background(&mut draft, frame, findings);
    let duration_s = scale_time(&mut draft, frame, findings);
    if let Some(open) = frame.open {
        open.lay_over(&mut draft, findings);
    }
    let topology = topology(&draft, frame, frame.topology?, findings);
    let journey = journey(&draft, frame.journey);
    check_runnable(&journey, &topology, frame, findings);
    if !frame.target.explicit && !replays(&draft) {
        note_unsaid_costs(&journey, &topology, &frame.settings.topology.at, findings);
    }
    let stages: Vec<Stage> = (0..draft.patterns.len()).map(|index| stage(&draft, index)).collect();
    if frame.flawed || findings.has_problems() {
        // Compiling an invalid scenario would only repeat known problems.
        return None;
    }
    let max_in_flight = frame.settings.max_in_flight.value;
    let identities = identities(&draft, max_in_flight, findings);
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
            summary(pattern, &workload, index, requests_per_second(&workload, index, &journey, &topology))
        })
        .collect();
    let default_warm_up = (duration_s / 10.0).clamp(WARM_UP_S[0], WARM_UP_S[1]);
    let warm_up_s = frame.settings.warm_up_s.unwrap_or(default_warm_up);
    Some(PlannedScenario {
        scenario: Arc::new(Scenario {
            name: draft.name,
            workload: Arc::clone(&workload),
            duration: Span::from_secs_f64(duration_s),
            warm_up: Span::from_secs_f64(warm_up_s),
            max_in_flight,
            request_timeout: Span::from_secs_f64(draft.request_timeout_s),
            topology: Arc::new(topology),
        }),
        slug: String::new(),
        peak_users: peak(workload.stages()),
        patterns,
        cap: draft.cap,
        identities,
        errors: draft.errors,
        algorithms: Vec::new(),
        skipped: Vec::new(),
        action_steps: action_steps(&journey),
        catalogue: journey.feeds.get("products").cloned().unwrap_or_default(),
    })
}

/// Returns whether recorded requests are replayed, whose texts are not those of the journey.
fn replays(draft: &DraftScenario) -> bool {
    let is_recorded = |pattern: &DraftPattern| {
        pattern.arrivals.as_ref().is_some_and(|open| matches!(open.process, ArrivalProcess::Replay(_)))
    };
    draft.patterns.iter().any(is_recorded)
}

fn action_steps(journey: &Journey) -> BTreeMap<String, Vec<String>> {
    let actions = journey.actions.iter();
    let steps = |steps: &[Step]| steps.iter().map(|step| step.name.clone()).collect();
    actions.map(|(name, action)| (name.clone(), steps(&action.steps))).collect()
}

/// Adds the faults of the config and of the scenario to the topology. Faults of a topology keep their times,
/// whatever the length of the scenario, and only follow `time_scale`; faults of a config follow its timeline.
fn topology(
    draft: &DraftScenario,
    frame: &Frame<'_>,
    topology: &Topology,
    findings: &mut Findings,
) -> Topology {
    let mut topology = topology.clone();
    for fault in &mut topology.faults {
        scale_fault(fault, 1.0 / frame.settings.time_scale);
    }
    let mut configured = frame.settings.faults.clone();
    configured.iter_mut().for_each(|fault| scale_fault(fault, draft.time_factor));
    topology.faults.extend(configured);
    topology.faults.extend(draft.faults.iter().cloned());
    let end = blocks(&draft.patterns).iter().fold(0.0_f64, |end, block| end.max(block.end));
    let own = topology.faults.len() - frame.settings.faults.len() - draft.faults.len();
    for (number, fault) in topology.faults.iter().enumerate() {
        let Some(message) = beyond_the_end(fault, end, number < own) else { continue };
        if number < own {
            findings.note(&frame.settings.topology.at, topology.name.as_str(), message);
        } else {
            findings.note(&join(&draft.path, "faults"), fault.kind.name(), message);
        }
    }
    // The topology was valid before, so any problem comes from the scenario's faults or from scaling.
    for problem in topology.problems() {
        findings.wrong(&join(&draft.path, "faults"), topology.name.as_str(), problem);
    }
    topology
}

/// Describes the part of a fault that a scenario of `end` seconds does not show; `None` if it shows the fault
/// and what follows. The faults of a topology keep their times when the scenario is lengthened, but the
/// faults of a config are scaled with it.
fn beyond_the_end(fault: &Fault, end: f64, keeps_its_times: bool) -> Option<String> {
    let over = fault.duration_s.map(|seconds| fault.start_s + seconds);
    let kind = fault.kind.name();
    let (is_missed, what) = match over {
        _ if fault.start_s >= end => {
            (true, format!("`{kind}` never happens: it begins after {:.1} s", fault.start_s))
        }
        Some(over) if over >= end => {
            let cut =
                format!("`{kind}` lasts from {:.1} s to {over:.1} s, so its end is not seen", fault.start_s);
            (false, cut)
        }
        _ => return None,
    };
    let way_out = match (keeps_its_times, is_missed) {
        // Continues after the fault for as long as it lasts, to see whether and when traffic returns.
        (true, _) => {
            let length = fault.duration_s.unwrap_or(fault.start_s.max(1.0));
            format!("; use `--duration {:.0}s` or more", (fault.start_s + 2.0 * length).ceil())
        }
        (false, true) => "; move it before the end".to_owned(),
        (false, false) => return None,
    };
    Some(format!("{what}, and the scenario ends after {end:.1} s{way_out}"))
}

/// Returns the journey, with its feeds replaced by those of the config.
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
    let room = draft.cap.map_or(u32::MAX, |cap| {
        let mut others = blocks(&draft.patterns);
        let own = others.remove(index);
        timeline::room(&own, &others, cap)
    });
    Stage {
        name: pattern.name.clone(),
        start: Span::from_secs_f64(pattern.start_s),
        duration: Span::from_secs_f64(pattern.end_s).saturating_sub(Span::from_secs_f64(pattern.start_s)),
        ramp_up: Span::from_secs_f64(pattern.ramp_up_s),
        users: pattern.users,
        classes: pattern.mix.clone(),
        user_variance: variance,
        think_time_variance: pattern.chaos.think_time_variance,
        action_randomness: pattern.chaos.action_randomness,
        max_users: highest.min(room.max(pattern.users)),
        background: pattern.background,
        arrivals: pattern.arrivals.clone(),
    }
}

/// Returns the number of accounts: the one in the config, but at least one for each user at the busiest
/// moment or, in the open model, for each session that may be in flight.
fn identities(draft: &DraftScenario, max_in_flight: u32, findings: &mut Findings) -> u32 {
    let closed = u32::try_from(timeline::peak(&blocks(&draft.patterns))).unwrap_or(u32::MAX);
    let sessions = |pattern: &DraftPattern| {
        let length = Span::from_secs_f64(pattern.duration_s());
        pattern.arrivals.as_ref().map_or(0.0, |open| mean_rate(&open.process, length) * pattern.duration_s())
    };
    let open: f64 = draft.patterns.iter().map(sessions).sum();
    let peak = closed.saturating_add(open.ceil().min(f64::from(max_in_flight)) as u32);
    let Some(wanted) = draft.identities else {
        return peak.max(1);
    };
    if wanted < peak {
        let message =
            format!("raised to {peak}, so that no two users share an account at the busiest moment");
        findings.note(&join(&draft.path, "total_users"), wanted, message);
    }
    wanted.max(peak)
}

/// Removes the classes that no stage uses.
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

/// Returns the users at the busiest moment, including the most that variance can add.
fn peak(stages: &[Stage]) -> u32 {
    let block = |stage: &Stage| Block {
        start: stage.start.as_secs_f64(),
        end: stage.start.as_secs_f64() + stage.duration.as_secs_f64(),
        users: stage.max_users.max(stage.users),
    };
    let blocks: Vec<Block> = stages.iter().map(block).collect();
    u32::try_from(timeline::peak(&blocks)).unwrap_or(u32::MAX)
}

fn summary(pattern: &DraftPattern, workload: &Workload, index: usize, expected_rps: f64) -> PatternSummary {
    let stage = &workload.stages()[index];
    PatternSummary {
        name: pattern.name.clone(),
        start: stage.start,
        duration: stage.duration,
        ramp_up: stage.ramp_up,
        users: pattern.users,
        arrivals: stage.arrivals.clone(),
        background: pattern.background,
        intensity: pattern.intensity.clone(),
        expected_rps,
        service_labels: pattern.service_labels.clone(),
        service_limits: pattern.service_limits.clone(),
    }
}
