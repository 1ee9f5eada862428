//! Where the connections of a client come from, and where they go after a request, by the policy of the plan.

use super::Client;
use crate::failed::Failed;
use crate::http1::request::is_repeatable;
use crate::link::Link;
use crate::pool::{Pool, Turn};
use crate::reply::Reply;
use crate::shared::Worker;
use crate::transport::Opening;
use lb_core::{Outcome, Time};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

/// How often a request is sent once more at most after the other side said that it did not process it.
const MOST_REPEATS: u32 = 3;

/// Which connection a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provision {
    /// The one that is there.
    Kept,
    /// A new one, or a shared one that has room.
    Any,
    /// A new one, in place of one that was closed.
    New,
}

impl Client {
    /// Prepares to send a request once more that failed after `repeats` repetitions: on which connection. `None` if it
    /// must not be sent again.
    ///
    /// The other side may close a connection at any time, also while a request is under way to it. A request that did
    /// not arrive is no error, nor is one that the other side did not process.
    #[cold]
    pub(super) fn repeat(&mut self, lane: usize, failed: Failed, repeats: u32) -> Option<Provision> {
        let may = match failed {
            Failed::Broken => false,
            Failed::Unanswered => repeats == 0 && is_repeatable(&self.request),
            Failed::Refused => repeats == 0,
            Failed::Unprocessed => repeats < MOST_REPEATS,
        };
        if !may {
            return None;
        }
        {
            let mut recorder = self.worker.recorder.borrow_mut();
            let counts = recorder.connections();
            match failed {
                Failed::Unanswered => counts.reused_connection_closed += 1,
                _ => counts.declined += 1,
            }
        }
        let place = &mut self.connections[lane];
        match place.take()? {
            // Another shared one could have been closed as well.
            Link::One(_) => Some(Provision::New),
            link => match self.worker.pool(lane) {
                Some(pool) => {
                    pool.lose(Some(link));
                    Some(Provision::Any)
                }
                None if failed == Failed::Refused => {
                    *place = Some(link);
                    Some(Provision::Kept)
                }
                None => Some(Provision::Any),
            },
        }
    }

    /// Gets a connection for a request that began at `begin`.
    ///
    /// # Errors
    /// What [`Self::open`] returns; a timeout if no shared connection becomes free in time.
    pub(super) async fn provide(
        &mut self,
        lane: usize,
        begin: Time,
        provision: Provision,
    ) -> Result<(), Outcome> {
        let worker = Rc::clone(&self.worker);
        let mut begin = begin;
        if let Some(pool) = worker.pool(lane)
            && provision == Provision::Any
        {
            let turn = self.turn(pool, begin).await?;
            begin = worker.now();
            if let Turn::Reuse(link, most) = turn {
                if let Some(most) = most {
                    count_streams(&worker, most);
                }
                self.connections[lane] = Some(link);
                return Ok(());
            }
        }
        // A connection that the last request left behind is closed first.
        self.connections[lane] = None;
        match self.open(lane, begin + worker.plan.connect_limit()).await {
            Ok(link) => {
                if let (Some(pool), Some(shared)) = (worker.pool(lane), link.shareable()) {
                    pool.share(shared);
                }
                self.connections[lane] = Some(link);
                self.refusals = 0;
                Ok(())
            }
            Err(outcome) => {
                self.lose(lane);
                Err(outcome)
            }
        }
    }

    /// Waits for a turn at the shared connections, and records a wait.
    async fn turn(&self, pool: &Pool, begin: Time) -> Result<Turn, Outcome> {
        let (worker, place) = (&*self.worker, self.place);
        let (mut queued, mut waited) = (false, false);
        worker.deadlines.arm(place, begin + worker.plan.request_timeout);
        let turn = poll_fn(|cx| match pool.poll_take(place, &mut queued, cx) {
            Poll::Ready(turn) => Poll::Ready(Ok(turn)),
            Poll::Pending if worker.deadlines.is_expired(place, cx.waker()) => {
                Poll::Ready(Err(Outcome::Timeout))
            }
            Poll::Pending => {
                waited = true;
                Poll::Pending
            }
        })
        .await;
        worker.deadlines.disarm(place);
        if turn.is_err() {
            pool.leave(place);
        } else if waited {
            let wait = worker.now().since(begin);
            worker.recorder.borrow_mut().connections().wait.record(wait, 0);
        }
        turn
    }

    /// Counts the backend of a reply, and leaves the connection to the next request, whoever sends it.
    #[inline]
    pub(super) fn release(&mut self, lane: usize, reply: &Reply) {
        let worker = &*self.worker;
        let place = &mut self.connections[lane];
        let Some(link) = place else { return };
        if let Some(backend) = reply.backend
            && !link.is_settled(reply.backend)
        {
            let mut met = link.met();
            met.meet(backend, worker.recorder.borrow_mut().connections());
            link.set_met(met);
        }
        if let Some(pool) = worker.pool(lane) {
            match place.take() {
                Some(link) if reply.keep_alive => pool.give_back(link),
                link => pool.lose(link),
            }
            return;
        }
        let stays = match link {
            // A connection for one request stays until the next one begins. The other side was asked to close it, and
            // does so first: who closes first keeps a port in TIME_WAIT, of which a client has few.
            Link::One(_) => reply.keep_alive || !self.keeps,
            Link::Two(_) => self.keeps,
        };
        if !stays {
            *place = None;
        }
    }

    /// Closes a connection that cannot be used any more, or could not be opened. A stream is reset, and its connection
    /// stays if it is sound.
    #[cold]
    pub(super) fn lose(&mut self, lane: usize) {
        let place = &mut self.connections[lane];
        match (self.worker.pool(lane), place) {
            (Some(pool), place) => pool.lose(place.take()),
            (None, Some(Link::Two(stream))) if self.keeps && !stream.connection().is_gone() => stream.reset(),
            (None, place) => *place = None,
        }
    }

    /// Opens a connection, and records how long it took.
    ///
    /// # Errors
    /// A refusal if the target refuses or the TLS handshake fails, a timeout if it does not answer before
    /// `deadline`.
    pub(super) async fn open(&self, lane: usize, deadline: Time) -> Result<Link, Outcome> {
        let (worker, place) = (&*self.worker, self.place);
        let addresses = worker.addresses_for(lane);
        let mut opening = pin!(Link::open(
            &addresses,
            self.tls.as_ref(),
            worker.clock,
            worker.plan.http(),
            worker.shares_connections()
        ));
        worker.deadlines.arm(place, deadline);
        let opened = poll_fn(|cx| match opening.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(result.map_err(|_| Outcome::Refused)),
            Poll::Pending if worker.deadlines.is_expired(place, cx.waker()) => {
                Poll::Ready(Err(Outcome::Timeout))
            }
            Poll::Pending => Poll::Pending,
        })
        .await;
        worker.deadlines.disarm(place);
        let (link, opening) = opened?;
        let is_http2 = matches!(link, Link::Two(_));
        record(worker, &opening, is_http2);
        if is_http2 {
            count_streams(worker, 1);
        }
        Ok(link)
    }
}

/// Records how long it took to open a connection, and what is spoken on it.
fn record(worker: &Worker, opening: &Opening, is_http2: bool) {
    let mut recorder = worker.recorder.borrow_mut();
    let times = recorder.connections();
    times.connect.record(opening.connect, 0);
    times.http2 += u64::from(is_http2);
    if let Some(handshake) = &opening.handshake {
        times.handshake.record(handshake.took, 0);
        times.resumed += u64::from(handshake.resumed);
    }
}

/// Records the number of streams at once on a connection.
fn count_streams(worker: &Worker, streams: u32) {
    let mut recorder = worker.recorder.borrow_mut();
    let most = &mut recorder.connections().most_streams;
    *most = streams.max(*most);
}
