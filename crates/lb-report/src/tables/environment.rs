//! The environment needed to repeat a run, apart from the config itself.

use super::Table;
use crate::text::{count, moment};
use lb_results::Summary;

/// Tabulates the environment in two columns: item and value.
pub(crate) fn environment(summary: &Summary) -> Table {
    let host = &summary.host;
    let schedules: usize = summary.scenarios.iter().map(|scenario| scenario.schedules.len()).sum();
    let mut table = Table::new("What is needed to repeat the run", &["Item", "Value"]);
    let mut add = |what: &str, value: String| table.add(vec![what.to_owned(), value]);
    add("Run", summary.run_id.clone());
    add("Started", moment(&summary.started_at));
    add("Engine", summary.engine.to_string());
    add("Load balancer", summary.load_balancer.clone());
    if let Some(http) = summary.http {
        add("HTTP", http.to_string());
    }
    if let Some(policy) = summary.connections {
        add("Connections", policy.to_string());
    }
    if summary.balancers > 1 {
        add("Balancers", format!("{}, each with a view of its own", summary.balancers));
    }
    if let Some(policy) = &summary.policy {
        add("Policy", format!("{}, weights SHA-256 {}", policy.source, policy.sha256));
    }
    add("Version", format!("{} (commit {})", summary.version, summary.commit));
    add("Host", format!("{}, {}, kernel {}", host.name, host.os, host.kernel));
    add("CPU", format!("{}, {}", host.cpu, count(host.cores, "core")));
    add(
        "Config",
        format!("{} ({}), dialect {}", summary.config.name, summary.config.source, summary.config.dialect),
    );
    add("Seed", summary.seed.to_string());
    if !summary.schedule_sha256.is_empty() {
        add("Schedule SHA-256", format!("{} ({})", summary.schedule_sha256, count(schedules, "schedule")));
    }
    add("Fingerprint", summary.fingerprint.clone());
    add("Schema version", summary.schema_version.to_string());
    table
}
