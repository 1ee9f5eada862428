//! Reconstructs sessions from recorded requests: the user, the actions in order, and their success.
//!
//! A recording has one row per request ([`lb_results::RequestsFile`]), with user, action and step, but
//! without sessions. Sessions are inferred from user behaviour: a session begins with its opening requests
//! (register, log in); if a journey has no opening requests, all requests of a user form one session. The
//! requests of an action follow each other immediately; a new action, even of the same kind, follows a think
//! time.

use anyhow::{Context, Result, anyhow};
use lb_config::PlannedScenario;
use lb_core::workload::{Schedule, StepIndex, UserId};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

/// A longer pause counts as think time: replies are handled faster than this, and users think longer.
const THINKING_US: i64 = 20_000;

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Index of the step in the workload.
    pub step: u16,
    /// Name of the action that the request belongs to.
    pub action: String,
    /// Microseconds since the start of the phase.
    pub sent_us: i64,
    /// Microseconds since the start of the phase at which the reply was complete.
    pub done_us: i64,
    /// HTTP status; 0 without a reply.
    pub status: i32,
    /// Whether the request got the expected reply.
    pub success: bool,
}

/// One session.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Number of the user.
    pub user: u32,
    /// Number of the session among those of the user, from 1.
    pub number: u32,
    /// The class of the user.
    pub behaviour: String,
    /// Index of the pattern.
    pub stage: usize,
    /// Requests of the session, in order.
    pub requests: Vec<Request>,
}

/// An action of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionTaken<'a> {
    /// Name of the action.
    pub action: &'a str,
    /// Whether all requests of the action succeeded.
    pub success: bool,
}

impl Session {
    /// Returns the start of the session in microseconds since the start of the phase.
    pub fn begin_us(&self) -> i64 {
        self.requests.first().map_or(0, |request| request.sent_us)
    }

    /// Returns the end of the last request in microseconds since the start of the phase.
    pub fn end_us(&self) -> i64 {
        self.requests.iter().map(|request| request.done_us).max().unwrap_or(0)
    }

    /// Returns the actions of the session, in order.
    pub fn actions(&self) -> Vec<ActionTaken<'_>> {
        let mut actions: Vec<ActionTaken<'_>> = Vec::new();
        let mut last: Option<&Request> = None;
        for request in &self.requests {
            let goes_on = last.is_some_and(|last| {
                last.action == request.action
                    && request.step >= last.step
                    && request.sent_us - last.done_us < THINKING_US
            });
            match actions.last_mut().filter(|_| goes_on) {
                Some(action) => action.success &= request.success,
                None => actions.push(ActionTaken { action: &request.action, success: request.success }),
            }
            last = Some(request);
        }
        actions
    }
}

/// Reads the requests of a trial and returns its sessions, ordered by start. `schedule` must be the schedule
/// of the trial.
///
/// # Errors
/// Fails if the file cannot be read or is not a recording of this scenario.
pub fn read(path: &Path, planned: &PlannedScenario, schedule: &Schedule) -> Result<Vec<Session>> {
    let of_user = requests(path, planned)?;
    let workload = &planned.scenario().workload;
    let mut sessions = Vec::new();
    for (user, mut requests) in of_user {
        // The sort is stable, so requests with equal times keep their order in the file.
        requests.sort_by_key(|request| request.sent_us);
        let (stage, class) = who(schedule, user).ok_or_else(|| {
            anyhow!("`{}` contains user {user}, who is not in the schedule", path.display())
        })?;
        let behaviour = &workload.classes()[class].name;
        let mut number = 0;
        // Position of the last request among the opening requests of its session.
        let mut last: Option<Option<usize>> = None;
        for request in requests {
            let place = workload.place_in_opening(StepIndex(request.step));
            let begins = match (last, place) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(last), Some(place)) => last.is_none_or(|last| place < last),
            };
            last = Some(place);
            if begins {
                number += 1;
                let behaviour = behaviour.clone();
                sessions.push(Session { user, number, behaviour, stage, requests: Vec::new() });
            }
            if let Some(session) = sessions.last_mut() {
                session.requests.push(request);
            }
        }
    }
    sessions.sort_by_key(|session| (session.begin_us(), session.user));
    Ok(sessions)
}

/// Returns the stage and the class of a user or an arrival.
fn who(schedule: &Schedule, user: u32) -> Option<(usize, usize)> {
    let users = schedule.users();
    if let Some(plan) = users.get(UserId(user).0 as usize) {
        return Some((plan.stage, plan.class));
    }
    let arrival = schedule.arrivals().get(user as usize - users.len())?;
    Some((usize::from(arrival.stage), usize::from(arrival.class)))
}

/// Reads all rows, grouped and ordered by user.
fn requests(path: &Path, planned: &PlannedScenario) -> Result<Vec<(u32, Vec<Request>)>> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("failed to read the requests `{shown}`"))?;
    let reader = SerializedFileReader::new(file)
        .with_context(|| format!("`{shown}` is not a complete Parquet file"))?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let column = |name: &str| {
        let place = schema.columns().iter().position(|column| column.name() == name);
        place.with_context(|| format!("`{shown}` lacks column `{name}`: it is not a recording of requests"))
    };
    let (user, action, step) = (column("user")?, column("action")?, column("step")?);
    let (sent, done, outcome, status) =
        (column("sent_us")?, column("done_us")?, column("outcome")?, column("status")?);
    let steps = planned.scenario().workload.steps().iter().enumerate();
    let steps: HashMap<&str, u16> = steps.map(|(place, step)| (step.name.as_str(), place as u16)).collect();
    let mut by_user: std::collections::BTreeMap<u32, Vec<Request>> = std::collections::BTreeMap::new();
    for row in reader.get_row_iter(None)? {
        let row = row.with_context(|| format!("failed to read the requests `{shown}`"))?;
        let name = row.get_string(step)?;
        let step = *steps
            .get(name.as_str())
            .with_context(|| format!("`{shown}` contains request `{name}`, which is not in the scenario"))?;
        by_user.entry(row.get_uint(user)?).or_default().push(Request {
            step,
            action: row.get_string(action)?.clone(),
            sent_us: row.get_long(sent)?,
            done_us: row.get_long(done)?,
            status: row.get_int(status)?,
            success: matches!(row.get_string(outcome)?.as_str(), "ok" | "expected_error"),
        });
    }
    Ok(by_user.into_iter().collect())
}
