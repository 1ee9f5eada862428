//! What a load without end cannot have.

use super::engine::Engine;
use super::error::Findings;
use super::length::{FOREVER, Length};
use super::settings::Settings;
use lb_core::algorithm::Algorithm;

/// Rejects what a load without end cannot have, and notes what has no effect on it. `chosen` are the algorithms.
pub(crate) fn check_endless(settings: &Settings, chosen: &[Algorithm], findings: &mut Findings) {
    let Some(said) = settings.length.as_ref().filter(|said| said.value == Length::Forever) else {
        return;
    };
    if settings.engine == Some(Engine::Sim) {
        let message =
            "a simulation cannot be waited for without an end; use a time such as `10m`, or `--engine live`";
        findings.wrong(&said.at, FOREVER, message);
    }
    if settings.algorithms.is_flag() && chosen.len() > 1 {
        let names: Vec<&str> = settings.algorithms.value.iter().map(|name| name.value.as_str()).collect();
        let message =
            "a load without end runs one algorithm; name one, or none to leave the load balancer as it is";
        findings.wrong(&settings.algorithms.at, names.join(","), message);
    }
    if let Some(compared) = &settings.target.compared {
        let message = "a load without end goes to one load balancer; name it with --load-balancer";
        findings.wrong(&compared.at, compared.value.join(","), message);
    }
    if settings.passes.precision.is_some() || settings.passes.detect.is_some() {
        let message =
            "a load without end is not repeated, so a precision and a difference to detect have no effect";
        findings.note(&said.at, FOREVER, message);
    }
    if !settings.thresholds.is_empty() {
        let message = "thresholds are not judged; watch /metrics, or use a time such as `10m`";
        findings.note(&said.at, FOREVER, message);
    }
}
