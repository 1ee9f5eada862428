//! Small scenarios for the engine's tests.

use lb_core::connections::{ConnectionPolicy, HttpChoice};
use lb_core::workload::{
    ArrivalProcess, ArrivalStart, Arrivals, ClassMix, Journey, RateSegment, Schedule, Spacing, Stage,
    UserClass, Workload,
};
use lb_core::{Seed, Span};
use lb_load::{Hooks, LoadError, LoadPlan, Shard, Target, TlsOptions};
use lb_record::{Progress, TrialRecord};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// One stage: users who all do one class's actions.
pub(crate) struct Users {
    pub(crate) count: u32,
    pub(crate) from_ms: u64,
    pub(crate) for_ms: u64,
    /// Weights by name.
    pub(crate) actions: Vec<(&'static str, f64)>,
    pub(crate) think_s: f64,
    /// Arrivals in place of the users.
    pub(crate) arrivals: Option<Arrivals>,
}

impl Users {
    /// `count` users for the first `for_ms` milliseconds who do one thing without thinking.
    pub(crate) fn busy(count: u32, for_ms: u64, action: &'static str) -> Self {
        Self { count, from_ms: 0, for_ms, actions: vec![(action, 1.0)], think_s: 0.0, arrivals: None }
    }

    /// Evenly spaced arrivals for the first `for_ms` milliseconds, each of which does one thing or has one
    /// session of ten.
    pub(crate) fn arriving(per_second: f64, for_ms: u64, start: ArrivalStart) -> Self {
        let duration = Span::from_millis(for_ms);
        let segments = vec![RateSegment { duration, from: per_second, to: per_second }];
        let process = ArrivalProcess::Rates { segments, spacing: Spacing::Even };
        Self { arrivals: Some(Arrivals { process, start }), ..Self::busy(0, for_ms, "get") }
    }
}

/// A journey whose actions are single GET requests, one for each name.
pub(crate) fn gets(names: &[&str]) -> Value {
    let actions: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| {
            let step = json!({"name": name, "path": format!("/{name}")});
            ((*name).to_owned(), json!({"steps": [step]}))
        })
        .collect();
    json!({"name": "gets", "actions": actions})
}

/// A phase of load on `url`; tests change what they are about.
pub(crate) fn plan_load(url: &str, journey: Value, stages: &[Users]) -> LoadPlan {
    let journey: Journey = serde_json::from_value(journey).expect("a journey");
    let classes = stages.iter().enumerate().map(|(number, users)| class(number, users)).collect();
    let plans = stages.iter().enumerate().map(|(number, users)| stage(number, users)).collect();
    let workload = Workload::new(&journey, classes, plans, &BTreeMap::new(), 100);
    let workload = workload.expect("a sound workload");
    let end = stages.iter().map(|users| users.from_ms + users.for_ms).max().unwrap_or(0);
    LoadPlan {
        phase: "test".to_owned(),
        target: Target::parse(url).expect("a URL"),
        tls: TlsOptions::default(),
        direct: None,
        schedule: Schedule::new(Arc::new(workload), Seed(7)),
        shard: Shard::WHOLE,
        duration: Span::from_millis(end),
        request_timeout: Span::from_secs(60),
        http: HttpChoice::Auto,
        connections: ConnectionPolicy::PerUser,
        connect_timeout: Span::from_secs(60),
        resolve_every: Span::ZERO,
        drain_timeout: Span::from_secs(30),
        max_in_flight: 10_000,
        workers: NonZeroUsize::MIN,
        cores: Vec::new(),
        backends: vec!["b-1".to_owned(), "b-2".to_owned()],
        backend_from: lb_core::BackendFrom::default(),
        names_backends: true,
        algorithm_names: None,
        request_key: true,
        forwarded_for: true,
        observe: None,
        keep_actions: true,
    }
}

/// Runs a phase that nothing watches.
pub(crate) fn run(plan: LoadPlan) -> Result<TrialRecord, LoadError> {
    lb_load::run(plan, Hooks::default())
}

/// Runs a phase that `progress` shows.
pub(crate) fn run_shown(plan: LoadPlan, progress: &Arc<Progress>) -> Result<TrialRecord, LoadError> {
    lb_load::run(plan, Hooks { progress: Some(Arc::clone(progress)), ..Hooks::default() })
}

/// Runs a phase that `stop` ends.
pub(crate) fn run_until(plan: LoadPlan, stop: Arc<AtomicBool>) -> Result<TrialRecord, LoadError> {
    lb_load::run(plan, Hooks { stop, ..Hooks::default() })
}

/// The same phase with another request timeout.
pub(crate) fn with_timeout(plan: LoadPlan, request_timeout: Span) -> LoadPlan {
    LoadPlan { request_timeout, ..plan }
}

/// The same phase with another limit of sessions in flight.
pub(crate) fn with_limit(plan: LoadPlan, max_in_flight: u32) -> LoadPlan {
    LoadPlan { max_in_flight, ..plan }
}

fn class(number: usize, users: &Users) -> UserClass {
    UserClass {
        name: format!("class-{number}"),
        actions: users.actions.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect(),
        think_time_s: [users.think_s, users.think_s],
        actions_per_session: [10, 10],
        ..UserClass::default()
    }
}

fn stage(number: usize, users: &Users) -> Stage {
    Stage {
        name: format!("stage-{number}"),
        start: Span::from_millis(users.from_ms),
        duration: Span::from_millis(users.for_ms),
        ramp_up: Span::ZERO,
        users: users.count,
        classes: vec![ClassMix { class: number, share: 1.0, actions: BTreeMap::new() }],
        user_variance: 0.0,
        think_time_variance: 0.0,
        action_randomness: 0.0,
        max_users: users.count,
        background: false,
        arrivals: users.arrivals.clone(),
    }
}
