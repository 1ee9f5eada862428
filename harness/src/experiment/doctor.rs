//! `bench doctor`: is everything reachable, can every algorithm be switched to, and does each request
//! of the journeys succeed once? A request that can never succeed would lower the success rate of
//! every algorithm alike and say nothing about any.

use super::Interrupt;
use super::live::LiveTrials;
use super::run::{Context, Mode};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::testbed::{Installed, choose};
use lb_config::{LoadBalancer, Plan, PlannedScenario};
use lb_core::Outcome;
use lb_core::Span;
use lb_core::workload::Scenario;
use lb_record::TrialRecord;
use lb_results::ResultsFolder;
use std::sync::Arc;

/// Long enough for each user to open a session and do its action several times.
const REHEARSAL: Span = Span::from_secs(2);

/// Checks what a plan needs and tells `say` line by line.
pub async fn doctor(
    plan: &Plan,
    interrupt: &Interrupt,
    say: &mut dyn FnMut(&str),
) -> Result<ExitCode, Failure> {
    check_programs(plan, say)?;
    let choice = choose(&plan.target).await.or_exit(ExitCode::Preflight)?;
    say(&format!("load balancer: {choice}"));
    // What children log is of use only while the doctor looks.
    let temporary = tempfile::tempdir().or_exit(ExitCode::Preflight)?;
    let folder = ResultsFolder::create(temporary.path()).or_exit(ExitCode::Preflight)?;
    let context = Context {
        plan,
        folder: &folder,
        interrupt,
        record_actions: false,
        luck: 0,
        record_requests: false,
        traces: None,
        run_id: "doctor",
        accept_invalid: false,
        mode: &Mode::Compare,
    };
    let mut healthy = true;
    for (number, scenario) in plan.scenarios.iter().enumerate() {
        say(&format!("scenario \"{}\"", scenario.scenario.name));
        let target = LiveTrials::start(&context, number, scenario, &choice).await?;
        say("  ok    reachable: load balancer, admin API and backends");
        healthy &= check_algorithms(&target, scenario, say);
        let result = rehearse(&target, &context, scenario).await;
        target.stop().await;
        healthy &= report_requests(&result?, scenario, say);
        if interrupt.is_set() {
            return Ok(ExitCode::Interrupted);
        }
    }
    if healthy {
        say("everything is in order");
        return Ok(ExitCode::Ok);
    }
    Err(Failure {
        code: ExitCode::Preflight,
        error: anyhow::anyhow!("the checks marked FAIL above did not pass"),
    })
}

/// The programs of real load balancers that would be started: all of them are looked for, so that one visit
/// tells all that is missing.
fn check_programs(plan: &Plan, say: &mut dyn FnMut(&str)) -> Result<(), Failure> {
    let mut missing = Vec::new();
    for one in plan.target.started() {
        let LoadBalancer::Real(kind) = one else { continue };
        match Installed::find(kind, plan.target.program.as_deref()) {
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
    Err(Failure {
        code: ExitCode::Preflight,
        error: anyhow::anyhow!("failed to find what is to be started; install {}", missing.join(", ")),
    })
}

fn check_algorithms(target: &LiveTrials, scenario: &PlannedScenario, say: &mut dyn FnMut(&str)) -> bool {
    let offered = target.algorithms();
    let mut fine = true;
    for algorithm in &scenario.algorithms {
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

async fn rehearse(
    target: &LiveTrials,
    context: &Context<'_>,
    scenario: &PlannedScenario,
) -> Result<TrialRecord, Failure> {
    let inner = &scenario.scenario;
    let workload = Arc::new(inner.workload.rehearsal(REHEARSAL));
    let rehearsal = Scenario { workload, duration: REHEARSAL, ..Scenario::clone(inner) };
    target.rehearse(context, Arc::new(rehearsal)).await
}

/// One line for each request of the journey.
fn report_requests(record: &TrialRecord, scenario: &PlannedScenario, say: &mut dyn FnMut(&str)) -> bool {
    let mut fine = true;
    for (number, step) in scenario.scenario.workload.steps().iter().enumerate() {
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
