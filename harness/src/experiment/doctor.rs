//! `bench doctor`: checks that everything is reachable, that every algorithm is available, and that each
//! request of the journeys succeeds once. A request that can never succeed would lower the success rate of
//! all algorithms equally and show nothing about them.

use super::context::{Context, Mode};
use super::driver::Driver as _;
use super::ended::Ended;
use super::error::RunError;
use super::interrupt::Interrupt;
use super::live::LiveTrials;
use super::preflight::{UNVERIFIED, is_unverified, reach_target};
use super::recorded_trials::RecordedTrials;
use super::scrape;
use super::survey::survey_target;
use crate::testbed::{Chosen, Installed, choose};
use lb_config::{LoadBalancer, Plan, PlannedScenario};
use lb_core::Algorithm;
use lb_core::Outcome;
use lb_core::Span;
use lb_core::with_causes;
use lb_core::workload::Scenario;
use lb_record::TrialRecord;
use lb_results::ResultsFolder;
use std::sync::Arc;

/// The length of a rehearsal. It is long enough for each user to open a session and perform its action
/// several times.
const REHEARSAL: Span = Span::from_secs(2);

/// Checks everything that a plan needs, and passes each line of the report to `say`. The checks end early if
/// the user interrupts them.
///
/// # Errors
/// Something that the plan needs is missing or cannot be used, or a check did not pass.
pub async fn doctor(
    plan: &Plan,
    interrupt: &Interrupt,
    say: &mut dyn FnMut(&str),
) -> Result<Ended, RunError> {
    check_programs(plan, say)?;
    if let Some(reached) = reach_target(plan).await? {
        say(&format!("  ok    connection: {reached}"));
    }
    for note in scrape::check(&scrape::endpoints_of_urls(plan.scrapes()), plan.scrape_interval()).await? {
        say(&format!("  note  {note}"));
    }
    for finding in survey_target(plan).await? {
        say(&finding.to_string());
    }
    if is_unverified(plan) {
        say(&format!("  warning  {UNVERIFIED}"));
    }
    let Chosen { choice, note } = choose(plan.target()).await.map_err(RunError::testbed)?;
    say(&format!("load balancer: {choice}"));
    if let Some(note) = note {
        say(&format!("  note  {note}"));
    }
    // The logs of child processes are needed only while the checks run.
    let temporary = tempfile::tempdir().map_err(RunError::testbed)?;
    let folder = ResultsFolder::create(temporary.path()).map_err(RunError::Results)?;
    let context = Context {
        plan,
        folder: &folder,
        interrupt,
        events: &(),
        desk: None,
        fleet: None,
        record_actions: false,
        replication: 0,
        record_requests: false,
        slow: None,
        traces: None,
        access_log: None,
        run_id: "doctor",
        accept_invalid: false,
        mode: &Mode::Compare,
        recorded: RecordedTrials::default(),
    };
    let mut healthy = true;
    for (number, scenario) in plan.scenarios().iter().enumerate() {
        say(&format!("scenario \"{}\"", scenario.scenario().name));
        let target = LiveTrials::start(&context, number, &choice).await?;
        match plan.target().as_is() {
            Some(_) => say("  ok    measured as it is: nothing is switched, reset or verified"),
            None => {
                say(match plan.target().declared() {
                    Some(_) => "  ok    reachable: load balancer; its steps are not tried",
                    None => "  ok    reachable: load balancer, admin API and backends",
                });
                healthy &= check_algorithms(&target.algorithms(), scenario.algorithms(), say);
            }
        }
        let result = rehearse(&target, scenario).await;
        target.end().await;
        healthy &= report_requests(&result?, scenario, say);
        if interrupt.is_set() {
            return Ok(Ended::Interrupted);
        }
    }
    if healthy {
        say("all checks passed");
        return Ok(Ended::Complete);
    }
    Err(RunError::ChecksFailed)
}

/// Looks for the programs of all real load balancers in the plan, so that one error names all that are
/// missing.
fn check_programs(plan: &Plan, say: &mut dyn FnMut(&str)) -> Result<(), RunError> {
    let mut missing = Vec::new();
    for one in plan.target().started() {
        let LoadBalancer::Real(kind) = one else { continue };
        match Installed::find(kind, plan.target().program()) {
            Ok(installed) => say(&format!("  ok    {installed}")),
            Err(error) => {
                say(&format!("  FAIL  {kind}: {}", with_causes(&error)));
                missing.push(format!("{kind} (`{}`)", kind.source));
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(RunError::ProgramsMissing { missing })
}

/// Prints one line per algorithm, and returns whether any is offered. A run leaves out algorithms that are
/// not offered, so that is only a fault if none remains.
fn check_algorithms(offered: &[Algorithm], asked: &[Algorithm], say: &mut dyn FnMut(&str)) -> bool {
    let any = asked.iter().any(|algorithm| offered.contains(algorithm));
    for algorithm in asked {
        if offered.contains(algorithm) {
            say(&format!("  ok    algorithm {algorithm}"));
            continue;
        }
        let names: Vec<String> = offered.iter().map(ToString::to_string).collect();
        let names = names.join(", ");
        let fate = if any { "skip  " } else { "FAIL  " };
        let end = if any { "; a run leaves it out" } else { "" };
        say(&format!(
            "  {fate}algorithm {algorithm}: not offered by the load balancer, which offers {names}{end}"
        ));
    }
    any
}

async fn rehearse(target: &LiveTrials<'_>, scenario: &PlannedScenario) -> Result<TrialRecord, RunError> {
    let inner = &scenario.scenario();
    let workload = Arc::new(inner.workload.rehearsal(REHEARSAL));
    let rehearsal = Scenario { workload, duration: REHEARSAL, ..Scenario::clone(inner) };
    target.rehearse(Arc::new(rehearsal)).await
}

/// Reports one line for each request of the journey, and returns whether every request succeeded at least
/// once.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_algorithm_that_is_not_offered_is_a_fault_only_if_none_is_left() {
        let algorithms = |names: &[&str]| -> Vec<Algorithm> {
            names.iter().map(|name| name.parse().expect("a known name")).collect()
        };
        let offered = algorithms(&["round-robin", "p2c"]);
        let check = |asked: &[&str]| {
            let mut lines = Vec::new();
            let fine =
                check_algorithms(&offered, &algorithms(asked), &mut |line| lines.push(line.to_owned()));
            (fine, lines)
        };
        let (fine, lines) = check(&["round-robin", "rl"]);
        assert!(fine);
        assert_eq!(lines[0], "  ok    algorithm round-robin");
        assert_eq!(
            lines[1],
            "  skip  algorithm rl: not offered by the load balancer, which offers round-robin, p2c; a run leaves it out"
        );
        let (fine, lines) = check(&["rl"]);
        assert!(!fine, "nothing is left to run");
        assert!(lines[0].starts_with("  FAIL  algorithm rl:"), "{lines:?}");
    }
}
