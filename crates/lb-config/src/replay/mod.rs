//! Replays recorded requests in place of all scenarios: finds the recording and turns it into one scenario.
//! [`lb_recording`] parses the file.

mod options;
mod routes;

pub(super) use routes::open_topology;

use super::draft::types::{DraftPattern, DraftScenario, REQUEST_TIMEOUT_S};
use super::error::Findings;
use super::raw::{ArrivalSettings, File, Files, LONGEST_SECONDS, Process, RequestsFile};
use super::said::Said;
use super::settings::Settings;
use super::source::{Loaded, recording_problems};
use lb_core::time::Span;
use lb_core::workload::{ArrivalProcess, ArrivalStart, Arrivals, ClassMix, Journey, Replay, Step, UserClass};
use lb_recording::{Play, ReadOptions, Recording, RecordingError, RecordingFormat, Spread};
use options::read_options;
use serde_json::Value;
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
    /// Where the recording is: in files, or in the config itself.
    from: From,
    options: ReadOptions,
    speed: f64,
    spread: Spread,
    /// Whether requests that come at a rate are repeated.
    cycle: Option<Said<bool>>,
}

enum From {
    Files(Vec<PathBuf>),
    Config(String, Arc<str>),
}

/// A recording, as a journey and a scenario.
pub(super) struct Replayed {
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
    let (key, from) = match (&settings.replay[..], &*loaded.file, own) {
        ([_, ..], _, _) => ("--replay".to_owned(), From::Files(settings.replay.clone())),
        ([], File::Requests(RequestsFile { text, .. }), _) => {
            (loaded.name.clone(), From::Config(loaded.name.clone(), Arc::clone(text)))
        }
        ([], _, Some(own)) => {
            let key = "bench.arrivals.file";
            let Some(files) = &own.file else {
                findings.wrong(
                    key,
                    Value::Null,
                    "missing; `replay` needs the file with the recorded requests",
                );
                return None;
            };
            let files = match files {
                Files::One(file) => std::slice::from_ref(file),
                Files::Several(files) => files,
            };
            let files = files.iter().map(|file| beside(file, loaded.folder.as_deref()));
            (key.to_owned(), From::Files(files.collect()))
        }
        ([], _, None) => {
            refuse_without_recording(settings, findings);
            return None;
        }
    };
    refuse_time_scale(settings, findings);
    let read = read_options(settings, asked, own, findings)?;
    Some(Wanted {
        key,
        from,
        options: read.options,
        speed: settings
            .speed
            .as_ref()
            .map(|speed| speed.value)
            .or(own.and_then(|own| own.speed))
            .unwrap_or(1.0),
        spread: read.spread,
        cycle: read.cycle,
    })
}

/// Reports flags that need a recording.
fn refuse_without_recording(settings: &Settings, findings: &mut Findings) {
    let message = "applies only to a replay; add --replay, or leave it out";
    if let Some(speed) = &settings.speed {
        findings.wrong(&speed.at, speed.value, message);
    }
    for flag in settings.recording.given() {
        findings.wrong(flag, Value::Null, message);
    }
}

/// Resolves a relative path from the working directory, then from the config's folder.
fn beside(file: &str, folder: Option<&Path>) -> PathBuf {
    let path = PathBuf::from(file);
    match folder.map(|folder| folder.join(file)) {
        Some(beside) if !path.exists() && beside.exists() => beside,
        _ => path,
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
) -> Option<Replayed> {
    let Wanted { key, from, options, speed, spread, cycle } = wanted;
    let rate = options.rate;
    let (name, read) = match &from {
        From::Config(name, text) => {
            let options = ReadOptions { format: Some(RecordingFormat::Requests), ..options };
            (name.clone(), lb_recording::read(name, text.as_bytes(), options))
        }
        From::Files(files) => {
            let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            (names.join(", "), lb_recording::load_all(files, options))
        }
    };
    let mut trace = match read {
        Ok(trace) => trace,
        Err(RecordingError::Unreadable { name, source }) => {
            findings.wrong(&key, name, format!("cannot be read: {source}"));
            return None;
        }
        Err(error) => {
            recording_problems(&name, error).into_iter().for_each(|problem| findings.problem(problem));
            return None;
        }
    };
    for note in std::mem::take(&mut trace.notes) {
        findings.note(&key, name.as_str(), note);
    }
    if let Some(cycle) = cycle {
        repeat(&mut trace, &cycle.at, rate, settings, findings)?;
    }
    let (mut replay, spread) = trace.play(Play { speed, spread, seed: settings.seed });
    if let Some(note) = spread {
        findings.note(&key, name.as_str(), note);
    }
    let duration_s = cut(&mut replay, &key, settings.duration_s.as_ref(), findings)?;
    let mut journey = Journey::for_replay(&replay);
    for step in journey.actions.values_mut().flat_map(|action| &mut action.steps) {
        name_service(step);
    }
    Some(Replayed { scenario: scenario(&name, &key, replay, &journey, duration_s), journey })
}

/// Repeats requests without times until the end of the run. `None` after a problem.
fn repeat(
    trace: &mut Recording,
    at: &str,
    rate: Option<f64>,
    settings: &Settings,
    findings: &mut Findings,
) -> Option<()> {
    let Some(rate) = rate else {
        let message = "repeats requests at a rate; give it, as with `--arrivals constant:50`";
        findings.wrong(at, true, message);
        return None;
    };
    let Some(duration) = &settings.duration_s else {
        findings.wrong(
            at,
            true,
            "repeats requests until the end; say when that is, as with `--duration 30s`",
        );
        return None;
    };
    trace.cycle(rate, Span::from_secs_f64(duration.value));
    Some(())
}

/// Returns the length of the scenario in seconds. Requests after `duration`, if it is given, are removed.
fn cut(replay: &mut Replay, key: &str, duration: Option<&Said<f64>>, findings: &mut Findings) -> Option<f64> {
    let last = replay.times().last().map_or(0.0, |at| at.as_secs_f64());
    let duration_s = duration.map_or(last + TAIL_S, |duration| duration.value);
    if duration_s > LONGEST_SECONDS {
        let message = format!(
            "the recording lasts {duration_s:.0} s; the limit is {LONGEST_SECONDS} s (seven days), so give a --duration or a higher --speed"
        );
        findings.wrong(key, last, message);
        return None;
    }
    let all = replay.len();
    let end = Span::from_secs_f64(duration_s);
    replay.cut(end);
    if replay.len() < all {
        let message =
            format!("{} of {all} recorded requests come later and are not sent", all - replay.len());
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
    // Several files are named after the first.
    let first = name.split(", ").next().unwrap_or(name);
    let stem = Path::new(first).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let stem = stem.filter(|stem| stem != "-").unwrap_or_else(|| REPLAY.to_owned());
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
