//! The context that all scenarios of a plan share while they are built.

use super::arrivals::OpenModel;
use super::load_balancer::Target;
use super::settings::Settings;
use lb_core::topology::Topology;
use lb_core::workload::Journey;

/// The settings and inputs that all scenarios of a plan share.
pub(super) struct Frame<'a> {
    pub(super) settings: &'a Settings,
    /// The load balancer under test.
    pub(super) target: &'a Target,
    pub(super) journey: &'a Journey,
    /// The backends. `None` after a problem with the topology.
    pub(super) topology: Option<&'a Topology>,
    /// The open model that replaces users. `None` in the closed model.
    pub(super) open: Option<&'a OpenModel>,
    /// Whether the config violates the schema. If so, nothing is compiled from its repaired form.
    pub(super) flawed: bool,
}
