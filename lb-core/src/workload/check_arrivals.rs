//! Checks of open stages: rates, bursts, recordings, and what arrivals do.

use super::arrivals::{ArrivalProcess, ArrivalStart, Arrivals, RateSegment};
use super::classes::Stage;
use super::plan::Compiled;
use super::problem::Problems;
use super::process::expected_count;
use super::recorded::{Recorded, Replay};

/// Maximum number of arrivals in a workload: their list must fit into memory (24 bytes each).
const MOST: f64 = 50e6;

/// Shortest mean time in a burst state, in seconds; shorter bursts cannot be told apart from the mean
/// rate.
const SHORTEST_STAY_S: f64 = 0.001;

/// Checks the arrivals of all open stages.
pub(super) fn all(compiled: &Compiled, stages: &[Stage], problems: &mut Problems) {
    let known = problems.0.len();
    let mut total = 0.0;
    for stage in stages {
        let Some(arrivals) = &stage.arrivals else {
            continue;
        };
        one(compiled, stage, arrivals, &format!("stages.{}.arrivals", stage.name), problems);
        total += expected_count(&arrivals.process, stage.duration);
    }
    if problems.0.len() == known && total > MOST {
        let problem = format!("{total:.0} arrivals in total is too many; a run can have at most {MOST:.0}");
        problems.report("stages", problem);
    }
}

fn one(compiled: &Compiled, stage: &Stage, arrivals: &Arrivals, path: &str, problems: &mut Problems) {
    match &arrivals.process {
        ArrivalProcess::Rates { segments, .. } => rates(segments, stage, path, problems),
        ArrivalProcess::Bursts { rates, mean_stay_s } => bursts(*rates, *mean_stay_s, path, problems),
        ArrivalProcess::Replay(rows) => return replay(compiled, rows, stage, path, problems),
    }
    if arrivals.start == ArrivalStart::Action && !compiled.sequence.is_empty() {
        let problem = "single actions would break the sequence of a session; use sessions";
        problems.report(format!("{path}.start"), problem);
    }
    if arrivals.start == ArrivalStart::Action && !compiled.open.is_empty() {
        let problem = "single actions cannot log in; use sessions, or a journey without opening actions";
        problems.report(format!("{path}.start"), problem);
    }
}

fn rates(segments: &[RateSegment], stage: &Stage, path: &str, problems: &mut Problems) {
    let path = format!("{path}.segments");
    if segments.is_empty() {
        problems.report(path, "is empty; give at least one rate");
        return;
    }
    let known = problems.0.len();
    for (number, segment) in segments.iter().enumerate() {
        for (key, rate) in [("from", segment.from), ("to", segment.to)] {
            check_rate(&format!("{path}[{number}].{key}"), rate, problems);
        }
    }
    let process = ArrivalProcess::Rates { segments: segments.to_vec(), spacing: super::Spacing::Even };
    if problems.0.len() == known && expected_count(&process, stage.duration) <= 0.0 {
        problems.report(path, "all rates are zero, so nothing would ever arrive; set one above 0");
    }
}

fn bursts(rates: [f64; 2], mean_stay_s: [f64; 2], path: &str, problems: &mut Problems) {
    let known = problems.0.len();
    for (number, rate) in rates.into_iter().enumerate() {
        check_rate(&format!("{path}.rates[{number}]"), rate, problems);
    }
    if problems.0.len() == known && rates == [0.0, 0.0] {
        problems.report(format!("{path}.rates"), "all rates are zero; set one above 0");
    }
    for (number, stay) in mean_stay_s.into_iter().enumerate() {
        if !(stay >= SHORTEST_STAY_S && stay.is_finite()) {
            let problem = format!("{stay} must be at least {SHORTEST_STAY_S} s");
            problems.report(format!("{path}.mean_stay_s[{number}]"), problem);
        }
    }
}

fn check_rate(path: &str, rate: f64, problems: &mut Problems) {
    if !(rate >= 0.0 && rate.is_finite()) {
        problems.report(path, format!("{rate} must be a rate of arrivals per second, 0 or above"));
    }
}

/// Checks a recording. Reports only the first row with each kind of problem, because recordings are
/// long and many rows tend to have the same problem.
fn replay(compiled: &Compiled, replay: &Replay, stage: &Stage, path: &str, problems: &mut Problems) {
    if replay.is_empty() {
        problems.report(format!("{path}.requests"), "is empty; record at least one request");
    }
    let times = || replay.times();
    if let Some((late, (before, at))) = times().zip(times().skip(1)).enumerate().find(|(_, (a, b))| b < a) {
        let (before, at) = (before.as_secs_f64(), at.as_secs_f64());
        let problem = format!("is at {at} s but follows a request at {before} s; sort the requests by time");
        problems.report(format!("{path}.requests[{}]", late + 1), problem);
    }
    if let Some((row, at)) = times().enumerate().find(|(_, at)| *at >= stage.duration) {
        let (at, end) = (at.as_secs_f64(), stage.duration.as_secs_f64());
        let problem = format!("{at} s is after the end of the stage at {end} s; make the stage longer");
        problems.report(format!("{path}.requests[{row}].at"), problem);
    }
    actions(compiled, replay, path, problems);
    let first = |is_bad: fn(&Recorded<'_>) -> bool| replay.iter().enumerate().find(|(_, row)| is_bad(row));
    if let Some((row, request)) = first(|row| !is_request_target(row.path)) {
        let problem = format!(
            "`{}` must start with `/` and must not contain spaces or control characters",
            request.path
        );
        problems.report(format!("{path}.requests[{row}].path"), problem);
    }
    let named = replay.iter().enumerate().flat_map(|(row, request)| {
        [("client", request.client), ("host", request.host)]
            .into_iter()
            .filter_map(move |(key, text)| Some((row, key, text?)))
    });
    if let Some((row, key, text)) = named.into_iter().find(|(_, _, text)| !is_value(text)) {
        let problem = format!("{text:?} cannot be sent; use a name or an address");
        problems.report(format!("{path}.requests[{row}].{key}"), problem);
    }
    let is_bad = |(name, value): &&(String, String)| {
        name.is_empty()
            || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
            || value.chars().any(char::is_control)
    };
    let bad = |(number, row): (usize, Recorded<'_>)| {
        row.headers.iter().find(is_bad).map(|(name, value)| (number, name.clone(), value.clone()))
    };
    if let Some((row, name, value)) = replay.iter().enumerate().find_map(bad) {
        let problem = format!("{:?} is not a valid header; remove it", format!("{name}: {value}"));
        problems.report(format!("{path}.requests[{row}].headers"), problem);
    }
}

/// Checks that each recorded request has an action, and that the action is one request.
fn actions(compiled: &Compiled, replay: &Replay, path: &str, problems: &mut Problems) {
    let names: Vec<&str> = compiled.action_names.iter().map(String::as_str).collect();
    let position = |name: &str| names.binary_search(&name).ok();
    let all: Vec<&str> = replay.actions().collect();
    let first = |name: &str| replay.iter().position(|row| row.action == name);
    let unknown = all.iter().filter(|name| position(name).is_none());
    if let Some((row, name)) = unknown.filter_map(|name| Some((first(name)?, *name))).min() {
        problems.position(name, &names, "action", &format!("{path}.requests[{row}].action"));
    }
    let steps = |name: &str| position(name).map_or(1, |action| compiled.actions[action].steps);
    let long = all.iter().filter(|name| steps(name) != 1);
    if let Some((row, name)) = long.filter_map(|name| Some((first(name)?, *name))).min() {
        let problem =
            format!("`{name}` has {} requests, but a recorded request must be exactly one", steps(name));
        problems.report(format!("{path}.requests[{row}].action"), problem);
    }
}

/// Returns whether a text can be the value of a header that names somebody.
fn is_value(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(char::is_control)
}

fn is_request_target(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}
