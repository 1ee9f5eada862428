//! The head of a summary: everything that is known about a run before it measures anything.

use super::context::RunOptions;
use super::fingerprint::fingerprint;
use super::preflight::is_unverified;
use crate::testbed::{Choice, Own};
use lb_config::{Engine, Plan, TrainedPolicy};
use lb_results::{ConfigSummary, Host, PolicySummary, SCHEMA_VERSION, Summary, TRACES, TracesSummary};
use std::path::Path;

/// Makes the summary of a run before it measures anything. Without a `choice` of load balancer, the run is
/// simulated.
pub(super) fn head(
    plan: &Plan,
    options: &RunOptions<'_>,
    engine: Engine,
    choice: Option<&Choice>,
) -> Summary {
    let mut summary = blank(plan, options, engine, choice);
    let managed = !matches!(choice, Some(Choice::Running(_)));
    summary.policy = followed(plan).filter(|_| managed);
    summary.fingerprint = fingerprint(plan, &kind(choice), options.traces);
    summary.notes.extend(exploration_note(options.traces));
    summary
}

/// Notes how many decisions were random; `None` if none were.
fn exploration_note(traces: Option<f64>) -> Option<String> {
    let exploration = traces.filter(|exploration| *exploration > 0.0)?;
    Some(format!(
        "traces were recorded with an exploration rate of {} %: this share of the decisions of every algorithm was made at random",
        exploration * 100.0
    ))
}

/// Rejects settings that work only with a load balancer that `bench` starts.
pub(super) fn refuse_ours_only(plan: &Plan, traces: bool) -> anyhow::Result<()> {
    anyhow::ensure!(
        !traces,
        "--traces: the running load balancer was not started by `bench`, which cannot make it record \
        decisions; \
         leave --traces out, or leave --url out to use the embedded one"
    );
    anyhow::ensure!(
        plan.balancers() == 1,
        "balancers = {}: the running load balancer was not started by `bench`, which cannot set its number of balancers; \
         leave --balancers out, or leave --url out to use the embedded one",
        plan.balancers()
    );
    if let Some(policy) = plan.policy().as_ref().filter(|policy| policy.source != TrainedPolicy::BUNDLED) {
        anyhow::bail!(
            "policy = {}: the running load balancer was not started by `bench` and follows its own policy; \
             leave --policy out and reload the policy there, or leave --url out to use the embedded one",
            policy.source
        );
    }
    Ok(())
}

/// Rejects an access log of a load balancer that `bench` cannot make log, and a path at which no file can be.
pub(super) fn refuse_log(path: &Path, choice: Option<&Choice>) -> anyhow::Result<()> {
    let flag = format!("--access-log {}", path.display());
    match choice {
        None => anyhow::bail!(
            "{flag}: a simulated run has no load balancer that could log; leave --access-log out, or run live with \
             --engine live --load-balancer nginx"
        ),
        Some(Choice::Running(_)) => anyhow::bail!(
            "{flag}: the running load balancer was not started by `bench`, which cannot make it log; leave --access-log \
             out, and take the log that it writes itself (docs/what-if.md says what it must hold)"
        ),
        Some(Choice::Own(own, _)) if own.contains(&Own::Reference) => anyhow::bail!(
            "{flag}: the reference load balancer writes no access log; name another with --load-balancer nginx, or record \
             its decisions with --traces"
        ),
        Some(Choice::Own(..)) => {}
    }
    anyhow::ensure!(
        !path.is_dir(),
        "{flag}: this is a folder; give the path of a file, such as `access.log`"
    );
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        anyhow::bail!("{flag}: there is no folder `{}`; create it, or give another path", folder.display());
    }
    Ok(())
}

/// Returns the policy that `rl` follows; `None` when `rl` does not run.
fn followed(plan: &Plan) -> Option<PolicySummary> {
    let policy = plan.policy().filter(|_| plan.runs_learned())?;
    Some(PolicySummary { source: policy.source.clone(), sha256: policy.file.sha256.clone() })
}

/// Returns the kind of load balancer for the fingerprint: runs with the same kind can share a noise floor.
fn kind(choice: Option<&Choice>) -> String {
    match choice {
        None => "simulated".to_owned(),
        Some(Choice::Own(own, _)) if own.as_slice() == [Own::Reference] => "embedded".to_owned(),
        Some(Choice::Own(own, _)) => {
            let names: Vec<String> = own.iter().map(|one| one.load_balancer().to_string()).collect();
            names.join(", ")
        }
        Some(Choice::Running(running)) => running.base_url.clone(),
    }
}

/// Makes the summary of a run before it measures anything.
fn blank(plan: &Plan, options: &RunOptions<'_>, engine: Engine, choice: Option<&Choice>) -> Summary {
    Summary {
        schema_version: SCHEMA_VERSION,
        run_id: options.run_id.clone(),
        started_at: jiff::Timestamp::now().to_string(),
        command: options.command.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: crate::COMMIT.to_owned(),
        host: Host::read(),
        config: ConfigSummary {
            name: plan.name().to_owned(),
            source: plan.source().to_owned(),
            dialect: serde_json::to_value(plan.dialect())
                .ok()
                .and_then(|d| d.as_str().map(str::to_owned))
                .unwrap_or_default(),
            content: options.loaded.document(),
        },
        seed: plan.seed().0,
        engine: match engine {
            Engine::Live => lb_results::Engine::Live,
            Engine::Sim => lb_results::Engine::Sim,
        },
        load_balancer: choice.map_or_else(|| "simulated".to_owned(), ToString::to_string),
        balancers: plan.balancers(),
        policy: None,
        traces: options.traces.map(|exploration| TracesSummary { folder: TRACES.to_owned(), exploration }),
        schedule_sha256: String::new(),
        interrupted: false,
        unverified_tls: engine == Engine::Live && is_unverified(plan),
        http: (engine == Engine::Live).then(|| plan.http()),
        connections: (engine == Engine::Live).then(|| plan.connections()),
        fingerprint: String::new(),
        scenarios: Vec::new(),
        thresholds: Vec::new(),
        notes: plan.notes().iter().map(ToString::to_string).collect(),
    }
}
