//! Converts the faults of all dialects to faults on the timeline of a scenario.

use super::quantity;
use crate::document::join;
use crate::error::Findings;
use crate::raw::{Quantity, TimelineEvent};
use lb_core::fault::{Fault, FaultKind};
use lb_core::ordered::Ordered;
use lb_core::suggest::listing;
use lb_core::workload::Journey;
use serde_json::Value;

/// Returns the services that the requests of a journey go to.
fn services(journey: &Journey) -> Vec<&str> {
    let steps = journey.actions.values().flat_map(|action| &action.steps);
    let mut services: Vec<&str> = steps.filter_map(|step| step.service.as_deref()).collect();
    services.sort_unstable();
    services.dedup();
    services
}

/// Splits a key into the service at its beginning and the rest: `cart_service_error_rate` gives
/// `cart-service` and `error_rate`. For `all_services_…`, the service is `None`, which means all services.
fn split(key: &str) -> Option<(Option<String>, &str)> {
    if let Some(rest) = key.strip_prefix("all_services_") {
        return Some((None, rest));
    }
    let (service, rest) = key.split_once("_service_")?;
    let name = format!("{}-service", service.replace('_', "-"));
    (!service.is_empty() && !rest.is_empty()).then_some((Some(name), rest))
}

fn fault(kind: FaultKind, service: Option<String>, start_s: f64, duration_s: Option<f64>) -> Fault {
    let services = service.into_iter().collect();
    Fault { kind, services, backends: Vec::new(), start_s, duration_s, every_s: None }
}

/// Returns whether any request goes to the service that a fault names. If not, adds a note that the fault has
/// no effect.
fn has_effect(
    journey: &Journey,
    service: Option<&str>,
    path: &str,
    value: Value,
    findings: &mut Findings,
) -> bool {
    let Some(service) = service.filter(|service| !services(journey).contains(service)) else {
        return true;
    };
    let message = format!("has no effect: no request of the journey `{}` goes to `{service}`", journey.name);
    findings.note(path, value, message);
    false
}

/// Reads the faults of a pattern, such as `"cart_service_error_rate": "15%"`.
pub(super) fn simulated(
    faults: &Ordered<Quantity>,
    path: &str,
    journey: &Journey,
    (start_s, duration_s): (f64, f64),
    findings: &mut Findings,
) -> Vec<Fault> {
    let mut found = Vec::new();
    for (key, quantity) in faults.iter() {
        let path = join(path, key);
        let value = match quantity {
            Quantity::Number(number) => (*number).into(),
            Quantity::Text(text) => Value::from(text.as_str()),
        };
        let Some((service, kind)) = split(key).filter(|(_, kind)| quantity::KINDS.contains(kind)) else {
            let message = format!(
                "unknown condition; a key combines a service and a kind, such as `cart_service_error_rate`; kinds: {}",
                listing(quantity::KINDS)
            );
            findings.wrong(&path, value, message);
            continue;
        };
        match quantity::fault(kind, quantity) {
            Ok(kind) => {
                if has_effect(journey, service.as_deref(), &path, value, findings) {
                    found.push(fault(kind, service, start_s, Some(duration_s)));
                }
            }
            Err(message) => findings.wrong(&path, value, message),
        }
    }
    found
}

/// Reads the faults of a failure timeline, with times in seconds. An event without a service affects all
/// services; a `recovery` ends all faults that are still active.
pub(super) fn timeline(
    events: &[TimelineEvent],
    path: &str,
    journey: &Journey,
    findings: &mut Findings,
) -> Vec<Fault> {
    let mut sorted: Vec<(usize, &TimelineEvent)> = events.iter().enumerate().collect();
    sorted.sort_by(|(_, a), (_, b)| a.minute.total_cmp(&b.minute));
    let mut faults: Vec<Fault> = Vec::new();
    for (index, event) in sorted {
        let path = format!("{path}[{index}]");
        let start_s = event.minute * 60.0;
        if event.event.contains("recovery") {
            faults.iter_mut().for_each(|fault| end_at(fault, start_s));
            continue;
        }
        let text = event.impact.as_deref().unwrap_or(&event.event);
        match quantity::impact(text) {
            Ok(None) => {}
            Ok(Some(kind)) => {
                let service = split(&event.event).and_then(|(service, _)| service);
                let key = join(&path, "event");
                let value = event.event.as_str().into();
                if has_effect(journey, service.as_deref(), &key, value, findings) {
                    let duration_s = event.duration_minutes.map(|minutes| minutes * 60.0);
                    faults.push(fault(kind, service, start_s, duration_s));
                }
            }
            Err(message) => findings.wrong(&join(&path, "impact"), text, message),
        }
    }
    faults
}

/// Ends a fault at `moment`, in seconds, if it would last longer.
fn end_at(fault: &mut Fault, moment: f64) {
    let left = moment - fault.start_s;
    fault.duration_s = Some(fault.duration_s.map_or(left, |duration| duration.min(left)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_service() {
        assert_eq!(split("cart_service_error_rate"), Some((Some("cart-service".into()), "error_rate")));
        assert_eq!(split("all_services_latency_multiplier"), Some((None, "latency_multiplier")));
        for key in ["cart_error_rate", "_service_error_rate", "cart_service_"] {
            assert_eq!(split(key), None, "{key} names no service");
        }
    }

    #[test]
    fn a_recovery_ends_what_goes_on() {
        let mut long = fault(FaultKind::ErrorRate { rate: 0.3 }, None, 60.0, None);
        end_at(&mut long, 100.0);
        assert_eq!(long.duration_s, Some(40.0), "an open end is closed");
        end_at(&mut long, 160.0);
        assert_eq!(long.duration_s, Some(40.0), "what has ended already stays");
    }
}
