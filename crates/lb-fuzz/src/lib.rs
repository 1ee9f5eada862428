//! What must hold for any bytes that a user, another tool or a peer may send: the reader neither panics nor stalls nor
//! fills the memory, and two readers of the same protocol agree.
//!
//! Each target is a function over bytes. The programs in `fuzz/` hand it to libFuzzer (`cargo xtask fuzz`), and a test
//! calls it with every stored input, so that what was found once stays mended. A target returns if the bytes are
//! refused; it panics only if a rule is broken.
//!
//! ```
//! let target = lb_fuzz::find("thresholds").expect("there is such a target");
//! (target.run)(b"http_req_duration: p(95)<200\nnonsense");
//! ```

mod framing;
mod readers;

/// The targets as functions. A program calls one by its name, so that it links one reader alone: libFuzzer looks at the
/// counters of all code that is linked after each input, which takes longer than to read a short one.
pub mod targets {
    pub use crate::framing::replies as framing;
    pub use crate::readers::{
        analyze, balancer, config, import, journey, model, policy, recording, scrape, thresholds, topology,
        traces,
    };
}

/// A reader that is fed with any bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of the target, of its program in `fuzz/fuzz_targets/`, and of its folder in `fuzz/corpus/`.
    pub name: &'static str,
    /// Reads the bytes, and panics if a rule is broken.
    pub run: fn(&[u8]),
    /// A folder of this repository with files of this kind, besides the stored inputs.
    pub examples: Option<&'static str>,
}

/// All targets.
pub const TARGETS: [Target; 13] = [
    Target { name: "config", run: readers::config, examples: Some("configs") },
    Target { name: "topology", run: readers::topology, examples: Some("configs/topologies") },
    Target { name: "journey", run: readers::journey, examples: Some("configs/journeys") },
    Target { name: "recording", run: readers::recording, examples: Some("configs/recordings") },
    Target { name: "thresholds", run: readers::thresholds, examples: None },
    Target { name: "policy", run: readers::policy, examples: Some("configs/policies") },
    Target { name: "analyze", run: readers::analyze, examples: None },
    Target { name: "traces", run: readers::traces, examples: None },
    Target { name: "balancer", run: readers::balancer, examples: Some("configs/load-balancers") },
    Target { name: "framing", run: framing::replies, examples: None },
    Target { name: "import", run: readers::import, examples: None },
    Target { name: "model", run: readers::model, examples: None },
    Target { name: "scrape", run: readers::scrape, examples: None },
];

/// Reads a recording in every format that there is; the target `recording` reads it in two.
pub fn read_in_all_formats(bytes: &[u8]) {
    readers::recording_in_all_formats(bytes);
}

/// Grades results, and renders them and their comparison; the target `analyze` does one of the two.
pub fn analyze_in_full(bytes: &[u8]) {
    readers::analyze_in_full(bytes);
}

/// Returns the target with this name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
