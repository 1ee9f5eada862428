//! One connection to a load balancer that is already running, before anything else is done with it. What keeps it
//! from being reached is explained here once, instead of failing every request.

use super::error::RunError;
use lb_config::Plan;
use lb_core::connections::HttpChoice;
use lb_load::{Reached, TlsIdentity, TlsOptions, reach};
use std::time::Duration;

/// The longest time for each step. What is slower than this cannot be measured in a useful way.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// The line that warns of certificates that are not verified.
pub(super) const UNVERIFIED: &str =
    "TLS certificates are NOT verified (--insecure): whoever answers may not be the target";

/// Reaches for the load balancer that the plan names, if it is already running. `None` if `bench` starts it.
///
/// # Errors
/// It cannot be reached.
pub(super) async fn reach_target(plan: &Plan) -> Result<Option<Reached>, RunError> {
    let target = plan.target();
    if !target.started().is_empty() {
        return Ok(None);
    }
    match reach(target.full_url().reveal(), page(plan).as_deref(), &tls_options(plan), plan.http(), LIMIT)
        .await
    {
        Ok(reached) => Ok(Some(reached)),
        Err(source) => {
            Err(RunError::Unreachable { url: target.base_url().to_owned(), source: Box::new(source) })
        }
    }
}

/// Reaches for a load balancer that `bench` has just started, if HTTP/2 is demanded of it, which not all speak on a plain
/// port.
///
/// # Errors
/// It does not speak HTTP/2.
pub(super) async fn reach_started(plan: &Plan, base_url: &str) -> Result<(), RunError> {
    if plan.http() != HttpChoice::Two {
        return Ok(());
    }
    match reach(base_url, None, &tls_options(plan), plan.http(), LIMIT).await {
        Ok(_) => Ok(()),
        Err(source) => Err(RunError::Unreachable { url: base_url.to_owned(), source: Box::new(source) }),
    }
}

/// Returns what is requested of an address without an admin API of a known kind: the first path of the load, so that
/// nothing else is sent there. `None` for others, and if the path differs each time.
pub(super) fn page(plan: &Plan) -> Option<String> {
    let target = plan.target();
    if target.as_is().is_none() && target.declared().is_none() {
        return None;
    }
    let step = plan.scenarios().first()?.scenario().workload.steps().first()?;
    let service = step.service.as_ref().map_or_else(String::new, |service| format!("/{service}"));
    (!step.path.contains("{{")).then(|| format!("{service}{}", step.path))
}

/// Returns how the load generator speaks TLS.
pub fn tls_options(plan: &Plan) -> TlsOptions {
    plan.tls().map_or_else(TlsOptions::default, |tls| TlsOptions {
        ca: tls.ca.clone(),
        identity: tls.identity.clone().map(|(certificate, key)| TlsIdentity { certificate, key }),
        insecure: tls.insecure,
        resumption: tls.resumption,
    })
}

/// Returns whether the plan accepts any certificate.
pub(super) fn is_unverified(plan: &Plan) -> bool {
    plan.tls().is_some_and(|tls| tls.insecure)
}
