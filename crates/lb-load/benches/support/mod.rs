//! What the benchmarks of the load engine share: a phase of single GET requests, everything recorded.

use anyhow::Result;
use lb_core::connections::{ConnectionPolicy, HttpChoice};
use lb_core::workload::{ClassMix, Journey, Schedule, Stage, UserClass, Workload};
use lb_core::{Seed, Span};
use lb_load::{LoadPlan, Shard, Target, TlsOptions};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// A stage without users.
pub(crate) fn stage(duration: Span) -> Stage {
    Stage {
        name: "all".to_owned(),
        start: Span::ZERO,
        duration,
        ramp_up: Span::ZERO,
        users: 0,
        classes: vec![ClassMix { class: 0, share: 1.0, actions: BTreeMap::new() }],
        user_variance: 0.0,
        think_time_variance: 0.0,
        action_randomness: 0.0,
        max_users: 0,
        background: false,
        arrivals: None,
    }
}

/// A phase of one stage on one worker. All recording is on: request keys, user addresses, sequences of
/// steps.
pub(crate) fn single_gets(phase: &str, url: &str, stage: Stage, think_s: f64) -> Result<LoadPlan> {
    let journey = include_str!("../../../../configs/journeys/single_get.json");
    let mut journey: Journey = serde_json::from_str(journey)?;
    for action in journey.actions.values_mut() {
        action.think_time_s = Some([think_s, think_s]);
    }
    let class = UserClass {
        name: "all".to_owned(),
        actions: journey.actions.keys().map(|name| (name.clone(), 1.0)).collect(),
        think_time_s: [think_s, think_s],
        actions_per_session: [1_000, 1_000],
        ..UserClass::default()
    };
    let duration = stage.duration;
    let workload = Workload::new(&journey, vec![class], vec![stage], &BTreeMap::new(), 1)
        .map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    Ok(LoadPlan {
        phase: phase.to_owned(),
        target: Target::parse(url)?,
        tls: TlsOptions::default(),
        direct: None,
        schedule: Schedule::new(Arc::new(workload), Seed(1)),
        shard: Shard::WHOLE,
        duration,
        request_timeout: Span::from_secs(30),
        http: HttpChoice::Auto,
        connections: ConnectionPolicy::PerUser,
        connect_timeout: Span::from_secs(30),
        resolve_every: Span::ZERO,
        drain_timeout: Span::from_secs(5),
        max_in_flight: 10_000,
        workers: NonZeroUsize::MIN,
        cores: Vec::new(),
        backends: Vec::new(),
        backend_from: lb_core::BackendFrom::default(),
        names_backends: false,
        algorithm_names: None,
        request_key: true,
        forwarded_for: true,
        observe: None,
        keep_actions: true,
    })
}
