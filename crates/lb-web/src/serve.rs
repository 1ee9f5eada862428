//! The loop that accepts connections, and the end of the server.

use crate::options::Bound;
use crate::program::Program;
use crate::routes::answer;
use crate::server::Server;
use crate::steer::ask_to_stop;
use lb_listen::{Door, Limits, Seats};
use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// The most connections at once.
const SEATS: usize = 64;
/// Descriptors that are kept for connections.
const RESERVE: usize = 4;
/// How long a run may take to write its report when the server ends.
const LAST_REPORT: Duration = Duration::from_secs(30);
/// How long the end of a run that was killed is waited for.
const LAST_WORDS: Duration = Duration::from_secs(5);

impl Bound {
    /// Answers until something is received from `stop`, or its senders are gone. Then a run that is under way is asked to
    /// end, and waited for: 30 s at most, or until something is received again. Must be called within a
    /// [`LocalSet`](tokio::task::LocalSet).
    ///
    /// # Errors
    /// The port cannot be used any more.
    pub async fn serve(self, program: Program, mut stop: mpsc::UnboundedReceiver<()>) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let server = Rc::new(Server::new(self.gate, self.address.port(), self.options, program));
        let accepting = tokio::task::spawn_local(accept_all(listener, Rc::clone(&server)));
        stop.recv().await;
        if ask_to_stop(&server.runs) {
            server.tell(
                "stopping the run and waiting for its report, 30 s at most (press again to quit at once)",
            );
            tokio::select! {
                () = server.runs.wait_for_end() => {}
                () = sleep(LAST_REPORT) => end_now(&server).await,
                Some(()) = stop.recv() => end_now(&server).await,
            }
        }
        accepting.abort();
        Ok(())
    }
}

/// Kills the run. Complete trials are kept.
async fn end_now(server: &Server) {
    if let Some(child) = server.runs.child() {
        server.tell("the run is killed; `bench report` summarises what it kept");
        child.kill();
        let _ = timeout(LAST_WORDS, server.runs.wait_for_end()).await;
    }
}

/// Accepts connections for ever.
async fn accept_all(listener: tokio::net::TcpListener, server: Rc<Server>) {
    let limits = Limits::default();
    let mut door = Door::new("the page", listener, Seats::new(SEATS), RESERVE);
    loop {
        let newcomer = door.accept().await;
        let server = Rc::clone(&server);
        tokio::task::spawn_local(async move {
            let peer = newcomer.peer;
            let answer = |request| {
                let server = Rc::clone(&server);
                async move { Ok::<_, Infallible>(answer(&server, peer, request).await) }
            };
            newcomer.serve(&limits, answer).await
        });
    }
}
