//! The processes that the trials of one scenario run against.

use super::balancer::BalancerUnderTest;
use crate::experiment::contestant::{Entrant, Way};
use crate::experiment::error::RunError;
use crate::testbed::{Backends, Mocks, cpu_seconds};
use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use lb_load::Direct;
use lb_results::{ListedBackend, ProcessTime};
use std::sync::Arc;

/// The processes that the trials of one scenario run against.
pub(super) struct Testbed {
    /// The mock backends; `None` if a load balancer that was already running has its own backends.
    pub(super) mocks: Option<Backends>,
    /// The load balancers under test: one, or several that are compared.
    pub(super) balancers: Vec<BalancerUnderTest>,
    /// Direct connections to the backends; `None` unless several load balancers are compared.
    pub(super) direct: Option<Arc<Direct>>,
    /// The known backends: those of the topology, or those that the load balancer lists.
    pub(super) backends: Vec<ListedBackend>,
    /// The error that ended the last trial early, if any.
    pub(super) lost: Option<RunError>,
}

impl Testbed {
    /// Returns each load balancer with those of `algorithms` that it can run.
    pub(super) fn entrants(&self, algorithms: &[Algorithm]) -> Vec<Entrant> {
        let several = self.balancers.len() > 1;
        let entrant = |balancer: &BalancerUnderTest| {
            let offered = balancer.admin.algorithms();
            Entrant {
                name: several.then(|| balancer.name.clone()),
                algorithms: algorithms.iter().copied().filter(|one| offered.contains(one)).collect(),
                steered: balancer.steered,
            }
        };
        self.balancers.iter().map(entrant).collect()
    }

    /// Whether this algorithm is steered by weights in the first load balancer.
    pub(super) fn steers(&self, algorithm: Algorithm) -> bool {
        algorithm.rule == Rule::Rl && self.balancers.first().is_some_and(|balancer| balancer.steered)
    }

    /// Returns the algorithms that at least one load balancer can switch to.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let mut all: Vec<Algorithm> = Vec::new();
        for algorithm in self.balancers.iter().flat_map(|balancer| balancer.admin.algorithms()) {
            if !all.contains(&algorithm) {
                all.push(algorithm);
            }
        }
        all
    }

    /// Returns the control API of the mock backends with their ids; `None` if there are none.
    pub(super) fn reachable_mocks(&self) -> Option<(Mocks, Vec<String>)> {
        let mocks = self.mocks.as_ref()?;
        Some((mocks.mocks.clone(), mocks.all().iter().map(|backend| backend.id.clone()).collect()))
    }

    /// Stops what was started for the scenario, load balancers first so that they do not see their backends
    /// disappear, and restores what was changed elsewhere. Returns notes for the user.
    pub(super) async fn stop(self) -> Vec<String> {
        let mut said = Vec::new();
        for balancer in self.balancers {
            said.extend(balancer.stop().await);
        }
        if let Some(mocks) = self.mocks {
            mocks.stop().await;
        }
        said
    }

    /// Returns the load balancer that requests go through; `None` for direct connections.
    pub(super) fn through(&self, way: Way) -> Option<&BalancerUnderTest> {
        match way {
            Way::Through(number) => self.balancers.get(number),
            Way::Direct => None,
        }
    }

    /// Returns whether every backend reply along this way names its backend: the mock backends do so
    /// themselves, and some load balancers add the name.
    pub(super) fn names_backends(&self, way: Way) -> bool {
        let does = |balancer: &BalancerUnderTest| balancer.admin.capabilities().names_backends;
        self.mocks.is_some() || self.through(way).is_some_and(does)
    }

    /// Checks that everything that was started is still running. If not, `error` wraps the error.
    pub(super) fn check(&mut self, error: fn(anyhow::Error) -> RunError) -> Result<(), RunError> {
        for process in self.balancers.iter_mut().filter_map(|balancer| balancer.process.as_mut()) {
            process.check().map_err(|found| error(found.into()))?;
        }
        self.mocks.as_mut().map_or(Ok(()), |mocks| mocks.check().map_err(|found| error(found.into())))
    }

    /// Returns the CPU time that each process has used so far, in seconds.
    pub(super) fn cpu_seconds(&self, way: Way) -> Vec<(&'static str, f64)> {
        let balancer = self.through(way).and_then(|balancer| balancer.process.as_ref()?.cpu_seconds());
        let times = [
            ("generator", cpu_seconds(std::process::id())),
            ("load-balancer", balancer),
            ("mock-backends", self.mocks.as_ref().and_then(Backends::cpu_seconds)),
        ];
        times.into_iter().filter_map(|(name, time)| Some((name, time?))).collect()
    }

    /// Returns the CPU time that each process has used since `before`.
    pub(super) fn processes(&self, way: Way, before: &[(&'static str, f64)]) -> Vec<ProcessTime> {
        let after = self.cpu_seconds(way);
        before
            .iter()
            .filter_map(|(name, start)| {
                let (_, end) = after.iter().find(|(other, _)| other == name)?;
                Some(ProcessTime { name: (*name).to_owned(), cpu_s: end - start })
            })
            .collect()
    }
}
