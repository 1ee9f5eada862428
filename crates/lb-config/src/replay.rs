//! Replays recorded requests in place of all scenarios: finds the recording and turns it into one scenario.
//! [`lb_recording`] parses the file.

use super::document::join;
use super::draft::types::{DraftPattern, DraftScenario, REQUEST_TIMEOUT_S};
use super::error::Findings;
use super::raw::{self, ArrivalSettings, File, LONGEST_SECONDS, Process, RequestsFile};
use super::said::Said;
use super::settings::Settings;
use super::source::{Loaded, trace_problems};
use lb_core::time::Span;
use lb_core::topology::Topology;
use lb_core::workload::{ArrivalProcess, ArrivalStart, Arrivals, ClassMix, Journey, Replay, Step, UserClass};
use lb_recording::{Trace, TraceError, TraceFormat, TraceOptions};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the only user class and the only pattern of a replay.
const REPLAY: &str = "replay";
/// Time after the last request for its reply, in seconds.
const TAIL_S: f64 = 1.0;

/// A recording to replay.
pub(super) struct Wanted {
    /// Key path or flag that names the recording.
    key: String,
    /// Where the recording is: in a file, or in the config itself.
    from: From,
    options: TraceOptions,
    speed: f64,
}

enum From {
    File(PathBuf),
    Config(String, Arc<Trace>),
}

/// A recording, as a journey and a scenario.
pub(super) struct Recording {
    pub(super) journey: Journey,
    pub(super) scenario: DraftScenario,
}

/// Returns the recording that a flag, the `bench` block or the config itself names. `None` if there is none,
/// or after a problem.
pub(super) fn find_wanted(
    loaded: &Loaded,
    settings: &Settings,
    asked: Option<&Said<ArrivalSettings>>,
    findings: &mut Findings,
) -> Option<Wanted> {
    let own = asked.map(|asked| &asked.value).filter(|asked| asked.process == Process::Replay);
    let (key, from) = match (&settings.replay, &*loaded.file, own) {
        (Some(replay), _, _) => (replay.at.clone(), From::File(replay.value.clone())),
        (None, File::Requests(RequestsFile(trace)), _) => {
            (loaded.name.clone(), From::Config(loaded.name.clone(), Arc::clone(trace)))
        }
        (None, _, Some(own)) => {
            let key = "bench.arrivals.file";
            let Some(file) = &own.file else {
                findings.wrong(
                    key,
                    Value::Null,
                    "missing; `replay` needs the file with the recorded requests",
                );
                return None;
            };
            (key.to_owned(), From::File(beside(file, loaded.folder.as_deref())))
        }
        (None, _, None) => {
            if let Some(speed) = &settings.speed {
                let message = "applies only to a replay; add --replay, or leave it out";
                findings.wrong(&speed.at, speed.value, message);
            }
            return None;
        }
    };
    let rate = match (asked, own) {
        (_, Some(own)) => {
            refuse_idle_keys(own, findings);
            own.rate
        }
        (Some(asked), None) => Some(rate_beside(asked, findings)?),
        (None, None) => None,
    };
    refuse_time_scale(settings, findings);
    Some(Wanted {
        key,
        from,
        options: TraceOptions { format: own.and_then(|own| own.format).map(format), rate },
        speed: settings
            .speed
            .as_ref()
            .map(|speed| speed.value)
            .or(own.and_then(|own| own.speed))
            .unwrap_or(1.0),
    })
}

/// Resolves a relative path from the working directory, then from the config's folder.
fn beside(file: &str, folder: Option<&Path>) -> PathBuf {
    let path = PathBuf::from(file);
    match folder.map(|folder| folder.join(file)) {
        Some(beside) if !path.exists() && beside.exists() => beside,
        _ => path,
    }
}

const fn format(raw: raw::TraceFormat) -> TraceFormat {
    match raw {
        raw::TraceFormat::Requests => TraceFormat::Requests,
        raw::TraceFormat::Vegeta => TraceFormat::Vegeta,
        raw::TraceFormat::K6 => TraceFormat::K6,
        raw::TraceFormat::AccessLog => TraceFormat::AccessLog,
    }
}

/// Returns the rate for rows without timestamps, which `constant` arrivals set if they are combined with a
/// recording.
fn rate_beside(asked: &Said<ArrivalSettings>, findings: &mut Findings) -> Option<f64> {
    let ArrivalSettings { process, rate, stages: None, .. } = asked.value.clone() else {
        findings.wrong(
            &join(&asked.at, "stages"),
            Value::Null,
            "a replay has its own times; leave the stages out",
        );
        return None;
    };
    if process != Process::Constant {
        let message = "a replay has its own times; only `constant:RATE` can be combined with it, for rows without timestamps";
        findings.wrong(&asked.at, Value::Null, message);
    }
    rate.filter(|_| process == Process::Constant)
}

fn refuse_idle_keys(settings: &ArrivalSettings, findings: &mut Findings) {
    let idle = [
        ("stages", settings.stages.is_some()),
        ("rates", settings.rates.is_some()),
        ("mean_stay_s", settings.mean_stay_s.is_some()),
        ("spacing", settings.spacing.is_some()),
        ("start", settings.start.is_some()),
    ];
    for (key, _) in idle.into_iter().filter(|(_, given)| *given) {
        let message = "has no effect on a replay, which sends requests as recorded; leave it out";
        findings.wrong(&join("bench.arrivals", key), Value::Null, message);
    }
}

fn refuse_time_scale(settings: &Settings, findings: &mut Findings) {
    for scale in &settings.time_scales {
        let message = "does not affect recorded times; use `--speed` to play them faster";
        findings.wrong(&scale.at, scale.value, message);
    }
}

/// Reads the recording. `None` after a problem.
pub(super) fn read_recording(
    wanted: Wanted,
    settings: &Settings,
    findings: &mut Findings,
) -> Option<Recording> {
    let Wanted { key, from, options, speed } = wanted;
    let (name, trace) = match from {
        // A list in the config itself was already read, without a rate.
        From::Config(name, trace) if options.rate.is_none() => (name, trace),
        From::Config(..) => {
            findings.wrong(
                "--arrivals",
                Value::Null,
                "the rows have timestamps, so a rate contradicts them; leave it out",
            );
            return None;
        }
        From::File(path) => {
            let name = path.display().to_string();
            match lb_recording::load(&path, options) {
                Ok(trace) => (name, Arc::new(trace)),
                Err(TraceError::Unreadable { source, .. }) => {
                    findings.wrong(&key, name, format!("cannot be read: {source}"));
                    return None;
                }
                Err(error) => {
                    trace_problems(&name, error).into_iter().for_each(|problem| findings.problem(problem));
                    return None;
                }
            }
        }
    };
    if trace.whole_seconds {
        let message = "its times are whole seconds, so all requests of a second begin together";
        findings.note(&key, name.as_str(), message);
    }
    let mut replay = trace.replay(speed);
    let duration_s = cut(&mut replay, &key, settings.duration_s.as_ref(), findings)?;
    let mut journey = Journey::for_replay(&replay);
    for step in journey.actions.values_mut().flat_map(|action| &mut action.steps) {
        name_service(step);
    }
    Some(Recording { scenario: scenario(&name, &key, replay, &journey, duration_s), journey })
}

/// Returns the length of the scenario in seconds. Requests after `duration`, if it is given, are removed.
fn cut(replay: &mut Replay, key: &str, duration: Option<&Said<f64>>, findings: &mut Findings) -> Option<f64> {
    let last = replay.requests.last().map_or(0.0, |request| request.at.as_secs_f64());
    let duration_s = duration.map_or(last + TAIL_S, |duration| duration.value);
    if duration_s > LONGEST_SECONDS {
        let message = format!(
            "the recording lasts {duration_s:.0} s; the limit is {LONGEST_SECONDS} s (seven days), so give a --duration or a higher --speed"
        );
        findings.wrong(key, last, message);
        return None;
    }
    let all = replay.requests.len();
    let end = Span::from_secs_f64(duration_s);
    replay.requests.retain(|request| request.at < end);
    if replay.requests.len() < all {
        let message =
            format!("{} of {all} recorded requests come later and are not sent", all - replay.requests.len());
        findings.note("--duration", duration_s, message);
    }
    Some(duration_s)
}

/// Moves the first segment of the path into the service of the step, because pools, routes and faults of a
/// topology refer to services by that name.
fn name_service(step: &mut Step) {
    let path = step.path.strip_prefix('/').unwrap_or_default();
    let (first, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    let is_name = !first.is_empty()
        && first.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    if is_name {
        step.service = Some(first.to_owned());
        step.path = if rest.is_empty() { "/".to_owned() } else { rest.to_owned() };
    }
}

fn scenario(name: &str, key: &str, replay: Replay, journey: &Journey, duration_s: f64) -> DraftScenario {
    let stem = Path::new(name)
        .file_stem()
        .map_or_else(|| REPLAY.to_owned(), |stem| stem.to_string_lossy().into_owned());
    let class = UserClass {
        name: REPLAY.to_owned(),
        actions: journey.actions.keys().map(|action| (action.clone(), 1.0)).collect(),
        ..UserClass::default()
    };
    let arrivals =
        Arrivals { process: ArrivalProcess::Replay(Arc::new(replay)), start: ArrivalStart::Action };
    let pattern = DraftPattern {
        path: key.to_owned(),
        name: REPLAY.to_owned(),
        end_s: duration_s,
        mix: vec![ClassMix { class: 0, share: 1.0, actions: BTreeMap::new() }],
        arrivals: Some(arrivals),
        ..DraftPattern::default()
    };
    DraftScenario {
        path: key.to_owned(),
        name: stem,
        classes: vec![class],
        patterns: vec![pattern],
        request_timeout_s: REQUEST_TIMEOUT_S,
        ..DraftScenario::default()
    }
}

/// Makes the first pool serve all services that no other pool names, so that recorded paths reach backends.
pub(super) fn open_topology(topology: &mut Topology, journey: &Journey, findings: &mut Findings) {
    let steps = journey.actions.values().flat_map(|action| &action.steps);
    let homeless = |step: &Step| topology.pool_of(step.service.as_deref().unwrap_or_default()).is_none();
    let Some(step) = steps.into_iter().find(|step| homeless(step)) else { return };
    let example = step.name.clone();
    // The pool still serves the services that faults may name.
    if let Some(pool) = topology.pools.first_mut() {
        let message = format!(
            "no pool serves recorded requests such as `{example}`, so the pool `{}` serves all services that no other pool names",
            pool.name
        );
        pool.services.clear();
        findings.note("bench.topology", json!(topology.name), message);
    }
}
