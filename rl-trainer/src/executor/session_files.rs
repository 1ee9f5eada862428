//! Training data of the played sessions: `rl_training_results_<scenario>_…` with one record per session and
//! `rl_training_metrics_<scenario>_…` with one record per request. Times are in seconds.
//!
//! Text takes twenty times the space of Parquet. For a large scenario, the files hold an evenly spaced
//! selection of complete sessions and the total number of sessions; the Parquet file next to them holds every
//! request.

use super::execution::TIME_FORMAT;
use super::sessions::Session;
use jiff::{SignedDuration, Zoned};
use lb_config::{PatternSummary, PlannedScenario};
use serde::Serialize;
use std::collections::HashMap;

/// Maximum number of requests in a file, about 60 MB; the last session may exceed it.
const MOST_METRICS: usize = 200_000;

/// Placeholder for values that the config does not specify.
const UNSPECIFIED: &str = "unspecified";

/// Contents of `rl_training_results_<scenario>_<time>.json`.
#[derive(Clone, Debug, Serialize)]
pub struct ResultsFile<'a> {
    scenario: &'a str,
    timestamp: String,
    total_sessions: usize,
    successful_sessions: usize,
    /// Total number of sessions, of which the file holds a representative selection.
    sessions_played: usize,
    results: Vec<SessionResult<'a>>,
}

/// One session.
#[derive(Clone, Debug, Serialize)]
struct SessionResult<'a> {
    user_id: String,
    session_id: String,
    user_behavior_type: &'a str,
    traffic_pattern: &'a str,
    success: bool,
    session_duration: f64,
    actions_performed: usize,
    success_rate: f64,
    actions: Vec<ActionResult<'a>>,
}

#[derive(Clone, Debug, Serialize)]
struct ActionResult<'a> {
    action: &'a str,
    success: bool,
}

/// Contents of `rl_training_metrics_<scenario>_<time>.json`.
#[derive(Clone, Debug, Serialize)]
pub struct MetricsFile<'a> {
    scenario: &'a str,
    timestamp: String,
    total_metrics: usize,
    /// Total number of requests.
    requests_played: usize,
    metrics: Vec<Metric<'a>>,
}

/// One request.
#[derive(Clone, Debug, Serialize)]
struct Metric<'a> {
    timestamp: String,
    user_id: String,
    session_id: String,
    action_type: &'a str,
    service_called: &'a str,
    response_time: f64,
    status_code: i32,
    success: bool,
    user_behavior_type: &'a str,
    traffic_pattern: &'a str,
    concurrent_users: usize,
    service_load_level: &'a str,
}

/// Returns both files of a scenario that began at `started`.
pub fn files<'a>(
    planned: &'a PlannedScenario,
    sessions: &'a [Session],
    started: &Zoned,
) -> (ResultsFile<'a>, MetricsFile<'a>) {
    let requests_played: usize = sessions.iter().map(|session| session.requests.len()).sum();
    let every = requests_played.div_ceil(MOST_METRICS).max(1);
    let concurrency = Concurrency::new(sessions);
    let describe = Describe { planned, started, concurrency: &concurrency };
    let (mut results, mut metrics) = (Vec::new(), Vec::new());
    for session in sessions.iter().step_by(every) {
        results.push(describe.session(session));
        describe.requests(session, &mut metrics);
    }
    metrics.sort_by(|one: &Metric<'_>, other| one.timestamp.cmp(&other.timestamp));
    let scenario = planned.scenario().name.as_str();
    let timestamp = started.strftime(TIME_FORMAT).to_string();
    let files = ResultsFile {
        scenario,
        timestamp: timestamp.clone(),
        total_sessions: results.len(),
        successful_sessions: results.iter().filter(|result| result.success).count(),
        sessions_played: sessions.len(),
        results,
    };
    (files, MetricsFile { scenario, timestamp, total_metrics: metrics.len(), requests_played, metrics })
}

/// Start and end times of all sessions, from which the number of concurrent sessions is computed.
struct Concurrency {
    begins: Vec<i64>,
    ends: Vec<i64>,
}

impl Concurrency {
    fn new(sessions: &[Session]) -> Self {
        let mut begins: Vec<i64> = sessions.iter().map(Session::begin_us).collect();
        let mut ends: Vec<i64> = sessions.iter().map(Session::end_us).collect();
        begins.sort_unstable();
        ends.sort_unstable();
        Self { begins, ends }
    }

    fn at(&self, time_us: i64) -> usize {
        let begun = self.begins.partition_point(|begin| *begin <= time_us);
        begun - self.ends.partition_point(|end| *end < time_us)
    }
}

struct Describe<'a, 'b> {
    planned: &'a PlannedScenario,
    started: &'b Zoned,
    concurrency: &'b Concurrency,
}

impl<'a> Describe<'a, '_> {
    fn pattern(&self, session: &Session) -> Option<&'a PatternSummary> {
        self.planned.patterns().get(session.stage)
    }

    fn pattern_name(&self, session: &Session) -> &'a str {
        self.pattern(session).map_or(UNSPECIFIED, |pattern| pattern.name())
    }

    fn session(&self, session: &'a Session) -> SessionResult<'a> {
        let actions = session.actions();
        let well = actions.iter().filter(|action| action.success).count();
        SessionResult {
            user_id: user_id(session),
            session_id: session_id(session),
            user_behavior_type: &session.behaviour,
            traffic_pattern: self.pattern_name(session),
            success: well == actions.len(),
            session_duration: seconds(session.end_us() - session.begin_us()),
            actions_performed: actions.len(),
            success_rate: well as f64 / actions.len().max(1) as f64,
            actions: actions
                .into_iter()
                .map(|taken| ActionResult { action: taken.action, success: taken.success })
                .collect(),
        }
    }

    fn requests(&self, session: &'a Session, metrics: &mut Vec<Metric<'a>>) {
        let steps = self.planned.scenario().workload.steps();
        let levels = self.levels(session);
        for request in &session.requests {
            let step = &steps[usize::from(request.step)];
            let service = step.service.as_deref().unwrap_or(step.path.as_str());
            let at = self.started.saturating_add(SignedDuration::from_micros(request.sent_us));
            metrics.push(Metric {
                timestamp: at.strftime(TIME_FORMAT).to_string(),
                user_id: user_id(session),
                session_id: session_id(session),
                action_type: &request.action,
                service_called: service,
                response_time: seconds(request.done_us - request.sent_us),
                status_code: request.status,
                success: request.success,
                user_behavior_type: &session.behaviour,
                traffic_pattern: self.pattern_name(session),
                concurrent_users: self.concurrency.at(request.sent_us),
                service_load_level: levels(service),
            });
        }
    }

    /// Returns a function that looks up the load level of a service in the pattern of a session.
    fn levels(&self, session: &Session) -> impl Fn(&str) -> &'a str {
        let pattern = self.pattern(session);
        let labels: HashMap<&'a str, &'a str> = pattern
            .iter()
            .flat_map(|pattern| pattern.service_labels())
            .map(|(service, label)| (service.as_str(), label.as_str()))
            .collect();
        let otherwise = pattern.and_then(|pattern| pattern.intensity()).unwrap_or(UNSPECIFIED);
        move |service| labels.get(service).copied().unwrap_or(otherwise)
    }
}

fn user_id(session: &Session) -> String {
    format!("user-{}", session.user)
}

fn session_id(session: &Session) -> String {
    format!("user-{}-session-{}", session.user, session.number)
}

fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
