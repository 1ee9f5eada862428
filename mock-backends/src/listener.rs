//! One HTTP server for each backend, across its crashes: when the backend goes down, open connections are reset and new
//! ones refused.

use crate::connection::converse;
use crate::server::Instance;
use crate::socket::Reserved;
use crate::unit::is_up;
use lb_listen::Door;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Pause after a failed accept (such as when no file descriptors are left) or bind.
const RETRY: Duration = Duration::from_millis(20);

/// Serves one backend forever, across all its crashes.
pub(crate) async fn serve(instance: Rc<Instance>, mut listener: TcpListener) {
    let mut incarnation = instance.shared.engine.incarnation(instance.unit);
    loop {
        accept_while_up(&instance, listener, &mut incarnation).await;
        let reserved = until_ok(|| Reserved::bind(instance.address)).await;
        // The sender lives as long as the engine, which this instance holds.
        let _ = incarnation.wait_for(|number| is_up(*number)).await;
        listener = match reserved.listen() {
            Ok(listener) => listener,
            Err(_) => until_ok(|| Reserved::bind(instance.address)?.listen()).await,
        };
    }
}

async fn until_ok<T>(mut attempt: impl FnMut() -> std::io::Result<T>) -> T {
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(error) => tracing::warn!(%error, "failed to rebind the port; retrying"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Accepts connections until the backend goes down, then closes the listener.
async fn accept_while_up(
    instance: &Rc<Instance>,
    listener: TcpListener,
    incarnation: &mut watch::Receiver<u64>,
) {
    let mut door = Door::new("a backend", listener, Arc::clone(&instance.shared.seats), 0);
    while is_up(*incarnation.borrow_and_update()) {
        tokio::select! {
            biased;
            _ = incarnation.changed() => {}
            newcomer = door.accept() => {
                let incarnation = instance.shared.engine.incarnation(instance.unit);
                let tls = instance.shared.tls.clone();
                tokio::task::spawn_local(converse(Rc::clone(instance), newcomer, incarnation, tls));
            }
        }
    }
}
