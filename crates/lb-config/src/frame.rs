//! The context that all scenarios of a plan share while they are built.

use super::arrivals::OpenModel;
use super::settings::Settings;
use lb_core::topology::Topology;
use lb_core::workload::Journey;

/// What all scenarios of a plan share.
pub(super) struct Frame<'a> {
    pub(super) settings: &'a Settings,
    pub(super) journey: &'a Journey,
    /// None after a problem with it.
    pub(super) topology: Option<&'a Topology>,
    /// The open model that takes the place of users.
    pub(super) open: Option<&'a OpenModel>,
    /// Whether the config has faults of shape: then nothing is compiled from its repaired form.
    pub(super) flawed: bool,
}
