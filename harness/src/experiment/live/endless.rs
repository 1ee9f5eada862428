//! What a load without end is sent to: the load balancer as it is, or switched once, with backends of its own or
//! mock backends. Unlike trials, a load without end survives a target that is away for a while.

use super::balancer::BalancerUnderTest;
use super::connect;
use super::load::{ENDLESS, Phase, plan_load};
use super::testbed::Testbed;
use crate::experiment::contestant::Way;
use crate::experiment::context::{Context, RunOptions};
use crate::experiment::error::RunError;
use crate::experiment::events::{Event, Observe};
use crate::experiment::head::refuse_ours_only;
use crate::experiment::interrupt::Interrupt;
use crate::experiment::preflight::{UNVERIFIED, is_unverified, reach_target};
use crate::experiment::recorded_trials::RecordedTrials;
use crate::testbed::{Choice, Chosen, Mocks, choose};
use anyhow::anyhow;
use lb_admin_client::Verdict;
use lb_config::Plan;
use lb_core::Algorithm;
use lb_core::fault::Fault;
use lb_core::workload::{Scenario, Schedule};
use lb_load::{Hooks, LoadPlan};
use lb_results::Skipped;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What a load without end is sent to.
pub struct Stand<'a> {
    context: Context<'a>,
    testbed: Testbed,
    target: String,
    algorithm: Option<Algorithm>,
}

impl<'a> Stand<'a> {
    /// Starts or finds what the plan names, and switches it if the plan says so.
    ///
    /// # Errors
    /// It cannot be started, reached or switched.
    pub async fn start(
        plan: &'a Plan,
        options: &'a RunOptions<'_>,
        interrupt: &'a Interrupt,
        events: &'a dyn Observe,
    ) -> Result<Self, RunError> {
        let context = Context::new(plan, options, interrupt, events, RecordedTrials::default());
        reach_target(plan).await?;
        let Chosen { choice, note } = choose(plan.target()).await.map_err(RunError::testbed)?;
        if matches!(choice, Choice::Running(_)) {
            refuse_ours_only(plan, false).map_err(RunError::Plan)?;
        }
        announce(&context, &choice, note);
        let mut testbed = connect::start(&context, 0, &choice).await?;
        let target = choice.to_string();
        match prepare(&context, &mut testbed).await {
            Ok(()) => Ok(Self { algorithm: plan.switch_once(), context, testbed, target }),
            Err(error) => {
                testbed.stop().await;
                Err(error)
            }
        }
    }

    /// Returns the load balancer in words.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the algorithm that it was switched to; `None` if it was left as it was.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// Returns the algorithms that it can be switched to; empty if it cannot be switched.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let all = self.testbed.algorithms().into_iter();
        match self.testbed.balancers.first().is_some_and(BalancerUnderTest::is_switched) {
            true => all.filter(|algorithm| !self.testbed.steers(*algorithm)).collect(),
            false => Vec::new(),
        }
    }

    /// Returns the algorithm that is active; `None` if the load balancer does not tell, or runs another one.
    pub async fn current(&self) -> Option<Algorithm> {
        match (self.algorithm, self.testbed.balancers.first()) {
            (Some(known), _) => Some(known),
            (None, Some(balancer)) if balancer.is_switched() => {
                balancer.admin.current().await.ok()?.algorithm
            }
            (None, _) => None,
        }
    }

    /// Switches the load balancer while load runs, and asks its control plane whether it did. Returns what it says, in
    /// words.
    ///
    /// # Errors
    /// It cannot be switched, or does not run the algorithm afterwards.
    pub async fn switch(&mut self, algorithm: Algorithm) -> Result<&'static str, RunError> {
        let Some(balancer) = self.testbed.balancers.first_mut() else {
            return Err(RunError::Plan(anyhow!("there is no load balancer to switch")));
        };
        balancer.switch(&algorithm).await?;
        let evidence = balancer.verify_under_load(&algorithm).await?;
        self.algorithm = Some(algorithm);
        Ok(match evidence.control_plane.verdict {
            Verdict::Confirmed | Verdict::Consistent => "its control plane confirms it",
            Verdict::Contradicted | Verdict::NotTested => "it does not tell whether it did",
        })
    }

    /// Returns the control API of the mock backends with their ids; `None` if there are none.
    pub fn mocks(&self) -> Option<(Mocks, Vec<String>)> {
        self.testbed.reachable_mocks()
    }

    /// Returns the faults that the mock backends were told to have when the stand was started; empty if there are none.
    pub fn faults(&self) -> &[Fault] {
        match (&self.testbed.mocks, self.context.plan.scenarios().first()) {
            (Some(_), Some(planned)) => &planned.scenario().topology.faults,
            _ => &[],
        }
    }

    /// Returns the names of the backends that are known beforehand.
    pub fn backends(&self) -> Vec<String> {
        self.testbed.backends.iter().map(|backend| backend.id.clone()).collect()
    }

    /// Plans the load. The caller adds a destination of slow requests, which are not those of a trial.
    ///
    /// # Errors
    /// The address of the load balancer cannot be used.
    pub fn load(
        &self,
        scenario: Arc<Scenario>,
        schedule: Arc<Schedule>,
        progress: Arc<lb_record::Progress>,
        stop: Arc<AtomicBool>,
    ) -> Result<(LoadPlan, Hooks), RunError> {
        let phase = Phase { name: ENDLESS, scenario, schedule, requests: None, slow: None };
        plan_load(&self.context, &self.testbed, Way::Through(0), phase, Some(progress), stop)
    }

    /// Checks that everything that was started is still running.
    ///
    /// # Errors
    /// A process has ended.
    pub fn check(&mut self) -> Result<(), RunError> {
        self.testbed.check(RunError::ProcessEnded)
    }

    /// Stops what was started, and restores what was changed elsewhere. Returns notes for the user.
    pub async fn stop(self) -> Vec<String> {
        self.testbed.stop().await
    }
}

/// Reports that the run begins, and the notes on its plan.
fn announce(context: &Context<'_>, choice: &Choice, note: Option<String>) {
    let plan = context.plan;
    context.events.observe(&Event::RunStarted {
        run_id: context.run_id.to_owned(),
        load_balancer: choice.to_string(),
        engine: lb_results::Engine::Live,
        mode: "continuous".to_owned(),
        results: context.folder.path().display().to_string(),
        scenarios: plan.scenarios().iter().take(1).map(|one| one.scenario().name.clone()).collect(),
    });
    let warning = is_unverified(plan).then(|| UNVERIFIED.to_owned());
    let others: Vec<&str> = plan.scenarios().iter().skip(1).map(|one| one.scenario().name.as_str()).collect();
    let first = plan.scenarios().first().filter(|_| !others.is_empty()).map(|one| {
        format!(
            "a load without end plays one scenario: \"{}\"; choose another with --scenario ({})",
            one.scenario().name,
            others.join(", ")
        )
    });
    let scrape = (!plan.scrapes().is_empty()).then(|| {
        "--scrape has no effect: a load without end has no trials to read metrics beside".to_owned()
    });
    let said = warning.into_iter().chain(note).chain(first).chain(scrape);
    for text in said.chain(plan.notes().iter().map(ToString::to_string)) {
        context.events.observe(&Event::Note { text });
    }
}

/// Switches the load balancer if the plan says so, and starts the faults of mock backends.
async fn prepare(context: &Context<'_>, testbed: &mut Testbed) -> Result<(), RunError> {
    if let Some(algorithm) = context.plan.switch_once() {
        if testbed.steers(algorithm) {
            return Err(RunError::Plan(anyhow!(
                "--algorithms {algorithm}: this load balancer would have to be steered all the time, which a load \
                 without end does not do; use another algorithm, or the reference load balancer"
            )));
        }
        if !testbed.algorithms().contains(&algorithm) && !testbed.algorithms().is_empty() {
            let reason = "the load balancer does not offer it".to_owned();
            return Err(RunError::NothingOffered {
                skipped: vec![Skipped { name: algorithm.to_string(), reason }],
            });
        }
        if let Some(balancer) = testbed.balancers.first_mut() {
            balancer.switch(&algorithm).await?;
            balancer.verify(&algorithm).await?;
        }
    }
    if let (Some(mocks), Some(planned)) = (&testbed.mocks, context.plan.scenarios().first()) {
        mocks.mocks.set_faults(&planned.scenario().topology.faults).await.map_err(RunError::testbed)?;
        mocks.mocks.start_faults().await.map_err(RunError::testbed)?;
    }
    Ok(())
}
