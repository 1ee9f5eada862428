//! The machine that ran the benchmark.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine that ran the benchmark.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Host name.
    pub name: String,
    /// Operating system and architecture, such as `linux-x86_64`.
    pub os: String,
    /// Release of the kernel; empty if the system does not report it.
    pub kernel: String,
    /// Model of the CPU; `unknown` if the system does not report it.
    pub cpu: String,
    /// Number of logical cores that `bench` may use.
    pub cores: usize,
}

impl Host {
    /// Reads the description of this machine from the system.
    pub fn read() -> Self {
        let file = |path| std::fs::read_to_string(path).unwrap_or_default();
        let cpu = file("/proc/cpuinfo")
            .lines()
            .find_map(|line| {
                line.strip_prefix("model name")?.split_once(':').map(|(_, model)| model.trim().to_owned())
            })
            .unwrap_or_else(|| "unknown".to_owned());
        Self {
            name: file("/proc/sys/kernel/hostname").trim().to_owned(),
            os: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
            kernel: file("/proc/sys/kernel/osrelease").trim().to_owned(),
            cpu,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
        }
    }
}
