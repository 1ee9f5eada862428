//! Watches a load balancer that was already running: it must accept connections and have a healthy backend.
//! For a process that `bench` started, its exit is watched instead.

use crate::experiment::error::RunError;
use lb_admin_client::{LoadBalancerAdmin, Origin, Snapshot};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;

/// Time between two checks: long enough to cost nothing, short enough to notice a lost load balancer soon.
const PERIOD: Duration = Duration::from_millis(500);

/// The number of consecutive checks that must fail, since health checks may fail briefly under load.
const LOOKS: u32 = 2;

/// Rejects a load balancer that reports backends, but none as healthy.
pub(super) async fn refuse_without_backends(
    name: &str,
    admin: &dyn LoadBalancerAdmin,
) -> Result<(), RunError> {
    if !admin.capabilities().per_backend {
        return Ok(());
    }
    match all_down(&admin.snapshot().await?) {
        Some(backends) => Err(RunError::NoHealthyBackend { balancer: name.to_owned(), backends }),
        None => Ok(()),
    }
}

/// Lists the backends if none is healthy. `None` if one is healthy, or if none is reported.
fn all_down(snapshot: &Snapshot) -> Option<Vec<String>> {
    let backends = &snapshot.backends;
    let down = !backends.is_empty() && backends.iter().all(|backend| !backend.healthy);
    down.then(|| backends.iter().map(|backend| backend.id.clone()).collect())
}

/// Watches a load balancer that was already running, and returns how it was lost. Pending while it is
/// available.
pub(super) async fn watch(admin: Arc<dyn LoadBalancerAdmin>, origin: Option<Origin>) -> String {
    let mut tick = tokio::time::interval(PERIOD);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks = 0;
    loop {
        tick.tick().await;
        match look(&*admin, origin.as_ref()).await {
            Some(why) if looks + 1 >= LOOKS => return why,
            Some(_) => looks += 1,
            None => looks = 0,
        }
    }
}

/// Checks a load balancer and describes what is wrong. `None` if nothing is wrong or it does not answer: a
/// late answer does not mean that it is gone.
async fn look(admin: &dyn LoadBalancerAdmin, origin: Option<&Origin>) -> Option<String> {
    if let Some(origin) = origin {
        let connected =
            tokio::time::timeout(PERIOD, TcpStream::connect((origin.host(), origin.port()))).await;
        if matches!(&connected, Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused) {
            return Some(format!("connections to {origin} are refused"));
        }
    }
    if !admin.capabilities().per_backend {
        return None;
    }
    let down = all_down(&admin.snapshot().await.ok()?)?;
    Some(format!("it reports none of its backends as healthy ({})", down.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_admin_client::{BackendCounters, FakeAdmin};
    use std::net::TcpListener;

    fn snapshot(health: &[bool]) -> Snapshot {
        let backend = |(place, healthy): (usize, &bool)| BackendCounters {
            healthy: *healthy,
            ..BackendCounters::unknown(format!("b{place}"), "main", 1.0)
        };
        Snapshot {
            generation: String::new(),
            algorithm: String::new(),
            backends: health.iter().enumerate().map(backend).collect(),
            unassigned: 0,
            guards: None,
        }
    }

    #[test]
    fn only_a_load_balancer_without_any_healthy_backend_is_down() {
        assert_eq!(all_down(&snapshot(&[false, false])), Some(vec!["b0".to_owned(), "b1".to_owned()]));
        assert_eq!(all_down(&snapshot(&[false, true])), None, "one is left");
        assert_eq!(all_down(&snapshot(&[])), None, "what reports no backends says nothing about them");
    }

    #[tokio::test]
    async fn a_refused_connection_is_a_loss_and_an_open_port_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let origin = Origin::parse(&format!("http://{address}")).expect("an address");
        let fake = FakeAdmin::new(&[("a", 1.0)]);
        assert_eq!(look(&fake, Some(&origin)).await, None, "it listens");
        drop(listener);
        let why = watch(Arc::new(fake), Some(origin)).await;
        assert_eq!(why, format!("connections to http://{address} are refused"));
    }
}
