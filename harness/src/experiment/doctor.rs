//! `bench doctor`: is everything reachable, can every algorithm be switched to, and does each request
//! of the journeys succeed once? A request that can never succeed would lower the success rate of
//! every algorithm alike and say nothing about any.

use super::context::{Context, Mode};
use super::driver::Driver as _;
use super::ended::Ended;
use super::error::RunError;
use super::interrupt::Interrupt;
use super::live::LiveTrials;
use crate::testbed::{Installed, choose};
use lb_config::{LoadBalancer, Plan, PlannedScenario};
use lb_core::Outcome;
use lb_core::Span;
use lb_core::workload::Scenario;
use lb_record::TrialRecord;
use lb_results::ResultsFolder;
use std::sync::Arc;

/// The length of a rehearsal: long enough for each user to open a session and do its action several times.
const REHEARSAL: Span = Span::from_secs(2);

/// Checks what a plan needs; each line goes to `say`. The checks end early when the user interrupts them.
///
/// # Errors
/// Something that the plan needs is missing or cannot be used, or a check did not pass.
pub async fn doctor(
    plan: &Plan,
    interrupt: &Interrupt,
    say: &mut dyn FnMut(&str),
) -> Result<Ended, RunError> {
    check_programs(plan, say)?;
    let choice = choose(plan.target()).await.map_err(RunError::testbed)?;
    say(&format!("load balancer: {choice}"));
    // The logs of child processes are needed only while the checks run.
    let temporary = tempfile::tempdir().map_err(RunError::testbed)?;
    let folder = ResultsFolder::create(temporary.path()).map_err(RunError::Results)?;
    let context = Context {
        plan,
        folder: &folder,
        interrupt,
        events: &(),
        record_actions: false,
        replication: 0,
        record_requests: false,
        traces: None,
        run_id: "doctor",
        accept_invalid: false,
        mode: &Mode::Compare,
    };
    let mut healthy = true;
    for (number, scenario) in plan.scenarios().iter().enumerate() {
        say(&format!("scenario \"{}\"", scenario.scenario().name));
        let target = LiveTrials::start(&context, number, &choice).await?;
        say("  ok    reachable: load balancer, admin API and backends");
        healthy &= check_algorithms(&target, scenario, say);
        let result = rehearse(&target, scenario).await;
        target.end().await;
        healthy &= report_requests(&result?, scenario, say);
        if interrupt.is_set() {
            return Ok(Ended::Interrupted);
        }
    }
    if healthy {
        say("everything is in order");
        return Ok(Ended::Complete);
    }
    Err(RunError::ChecksFailed)
}

/// Looks for the programs of all real load balancers that would be started, so that one check names everything that is
/// missing.
fn check_programs(plan: &Plan, say: &mut dyn FnMut(&str)) -> Result<(), RunError> {
    let mut missing = Vec::new();
    for one in plan.target().started() {
        let LoadBalancer::Real(kind) = one else { continue };
        match Installed::find(kind, plan.target().program()) {
            Ok(installed) => say(&format!("  ok    {installed}")),
            Err(error) => {
                say(&format!("  FAIL  {kind}: {error:#}"));
                missing.push(format!("{kind} (`{}`)", kind.source));
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(RunError::ProgramsMissing { missing })
}

fn check_algorithms(target: &LiveTrials<'_>, scenario: &PlannedScenario, say: &mut dyn FnMut(&str)) -> bool {
    let offered = target.algorithms();
    let mut fine = true;
    for algorithm in scenario.algorithms() {
        if offered.contains(algorithm) {
            say(&format!("  ok    algorithm {algorithm}"));
        } else {
            fine = false;
            let names: Vec<String> = offered.iter().map(ToString::to_string).collect();
            say(&format!(
                "  FAIL  algorithm {algorithm}: not offered by the load balancer; offered: {}",
                names.join(", ")
            ));
        }
    }
    fine
}

async fn rehearse(target: &LiveTrials<'_>, scenario: &PlannedScenario) -> Result<TrialRecord, RunError> {
    let inner = &scenario.scenario();
    let workload = Arc::new(inner.workload.rehearsal(REHEARSAL));
    let rehearsal = Scenario { workload, duration: REHEARSAL, ..Scenario::clone(inner) };
    target.rehearse(Arc::new(rehearsal)).await
}

/// Says one line for each request of the journey, and returns whether every request succeeded once.
fn report_requests(record: &TrialRecord, scenario: &PlannedScenario, say: &mut dyn FnMut(&str)) -> bool {
    let mut fine = true;
    for (number, step) in scenario.scenario().workload.steps().iter().enumerate() {
        let of = |outcome| {
            record.steps.get(number).and_then(|step| step.outcome(outcome)).map_or(0, |cell| cell.count())
        };
        let name = format!("{} {}", step.method, step.name);
        if of(Outcome::Ok) > 0 {
            say(&format!("  ok    {name}"));
            continue;
        }
        fine = false;
        let seen: Vec<String> = Outcome::ALL
            .into_iter()
            .filter(|outcome| of(*outcome) > 0)
            .map(|outcome| format!("{} {}", of(outcome), outcome.name()))
            .collect();
        let what = if seen.is_empty() { "was never sent".to_owned() } else { seen.join(", ") };
        say(&format!(
            "  FAIL  {name} never succeeded: {what} (expects {:?}, path {})",
            step.expect, step.path
        ));
    }
    fine
}
