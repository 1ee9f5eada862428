//! A load balancer before mock backends, without the rest of `bench`.

use harness::testbed::{Backends, Installed, MocksOptions, Real, RealSpec};
use lb_admin_client::{Kind, Switching};
use lb_core::Algorithm;
use lb_core::topology::Topology;
use serde_json::json;
use tokio::runtime::Runtime;

/// Three backends that are alike.
pub(crate) fn topology() -> Topology {
    let backends: Vec<_> = (1..=3).map(|number| json!({ "id": format!("b{number}") })).collect();
    let pools = json!([{ "name": "main", "backends": backends }]);
    let quick = json!({ "distribution": "constant", "mean_ms": 2.0 });
    let topology = json!({ "name": "three", "pools": pools, "service_time": quick });
    serde_json::from_value(topology).expect("a topology")
}

pub(crate) fn algorithm(name: &str) -> Algorithm {
    name.parse().unwrap_or_else(|_| panic!("{name} is an algorithm"))
}

/// The load balancer that is called this.
pub(crate) fn kind(name: &str) -> Kind {
    name.parse().unwrap_or_else(|()| panic!("{name} is a load balancer"))
}

/// The program, which is there: its tests are ignored otherwise.
pub(crate) fn installed(kind: Kind) -> Installed {
    Installed::find(kind, None).unwrap_or_else(|error| panic!("{error:#}"))
}

/// What runs for one test.
pub(crate) struct Stage {
    pub(crate) runtime: Runtime,
    pub(crate) backends: Backends,
    pub(crate) dir: tempfile::TempDir,
}

impl Stage {
    /// Three backends that are alike.
    pub(crate) fn new() -> Self {
        Self::with(&topology())
    }

    /// The backends of a topology.
    pub(crate) fn with(topology: &Topology) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let dir = tempfile::tempdir().expect("a temporary folder");
        let options = MocksOptions { catalogue: &[], seed: 1, api: None, load_reports: false };
        let backends = runtime.block_on(Backends::start(topology, options, &dir.path().join("backends")));
        Self { backends: backends.expect("backends"), runtime, dir }
    }

    /// A load balancer before them.
    pub(crate) fn start(&self, kind: Kind, algorithms: &[Algorithm], switching: Switching) -> Real {
        let spec = RealSpec {
            installed: &installed(kind),
            listen: None,
            topology: &topology(),
            algorithms,
            // More than one, since they have to agree on what routes.
            threads: 2,
            switching,
            logs_requests: false,
        };
        let started =
            self.runtime.block_on(Real::start(&spec, &self.backends, &self.dir.path().join(kind.name())));
        started.unwrap_or_else(|error| panic!("{kind} starts: {error:#}"))
    }

    /// Where a backend listens, as `host:port`.
    pub(crate) fn address(&self, id: &str) -> String {
        let listening = self.backends.listening(id).expect("a backend");
        listening.url.trim_start_matches("http://").trim_end_matches('/').to_owned()
    }

    /// Ends everything, and looks.
    pub(crate) fn end(self, real: Option<Real>) {
        self.runtime.block_on(async {
            if let Some(real) = real {
                real.process.stop().await;
            }
            self.backends.stop().await;
        });
        crate::processes::assert_none_left(self.dir.path());
    }
}
