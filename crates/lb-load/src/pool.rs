//! Connections that all users of a worker share.
//!
//! A pool is filled first: while it has fewer connections than it may have, a request opens another one. After that,
//! the connection that has been idle for longest carries the next request, so that all of them are used alike. Over
//! HTTP/2, the one with the fewest streams does, up to as many streams as the other side accepts. Requests that find
//! no room wait, and get it in the order in which they came.

use crate::http2::connection::Connection;
use crate::http2::stream::Stream;
use crate::link::Link;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The connections to one address that the users of a worker share.
pub(crate) struct Pool {
    /// The greatest number of connections; at least one.
    most: usize,
    /// Number of connections that are open or being opened, in use or not.
    open: Cell<usize>,
    /// The connections of HTTP/1.1 that carry no request, the one that has been idle for longest first.
    idle: RefCell<VecDeque<Link>>,
    /// The connections of HTTP/2.
    shared: RefCell<Vec<Rc<Connection>>>,
    /// The clients that wait, by their places in the worker, the first one first.
    waiting: RefCell<VecDeque<(usize, Waker)>>,
}

/// What a request gets whose turn it is.
pub(crate) enum Turn {
    /// The right to open a connection.
    Open,
    /// A connection that is open, or a place on it, with the number of its streams if there were never as many.
    Reuse(Link, Option<u32>),
}

impl Pool {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            open: Cell::new(0),
            idle: RefCell::default(),
            shared: RefCell::default(),
            waiting: RefCell::default(),
        }
    }

    /// Waits for the turn of the client at `place`. `queued` is false when the client begins to wait.
    pub(crate) fn poll_take(&self, place: usize, queued: &mut bool, cx: &mut Context<'_>) -> Poll<Turn> {
        let mut waiting = self.waiting.borrow_mut();
        let is_next = waiting.front().is_none_or(|(first, _)| *queued && *first == place);
        if is_next && let Some(turn) = self.take() {
            if std::mem::take(queued) {
                waiting.pop_front();
            }
            self.wake_next(&waiting);
            return Poll::Ready(turn);
        }
        if !*queued {
            // A task keeps its waker, so one is enough for the whole wait.
            waiting.push_back((place, cx.waker().clone()));
            *queued = true;
        }
        Poll::Pending
    }

    /// Ends the wait of the client at `place`, which has waited for too long.
    pub(crate) fn leave(&self, place: usize) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.retain(|(other, _)| *other != place);
        self.wake_next(&waiting);
    }

    /// Lets others use a connection of HTTP/2 that was just opened.
    pub(crate) fn share(&self, connection: Rc<Connection>) {
        self.shared.borrow_mut().push(connection);
        self.wake_next(&self.waiting.borrow());
    }

    /// Takes back a connection that can carry another request.
    pub(crate) fn give_back(&self, link: Link) {
        match link {
            Link::One(_) => self.idle.borrow_mut().push_back(link),
            Link::Two(stream) => drop(stream),
        }
        self.wake_next(&self.waiting.borrow());
    }

    /// Takes back a connection that cannot carry another request, or a place on one that perhaps can.
    pub(crate) fn lose(&self, link: Option<Link>) {
        match link {
            Some(Link::Two(stream)) => {
                drop(stream);
                self.wake_next(&self.waiting.borrow());
            }
            _ => self.make_room(),
        }
    }

    /// Makes room for another connection: one was closed, or could not be opened.
    fn make_room(&self) {
        self.open.set(self.open.get().saturating_sub(1));
        self.wake_next(&self.waiting.borrow());
    }

    /// Returns the right to open a connection, or one that has room; `None` if none has.
    fn take(&self) -> Option<Turn> {
        self.forget_the_gone();
        if self.open.get() < self.most {
            self.open.set(self.open.get() + 1);
            return Some(Turn::Open);
        }
        if let Some(mut link) = self.idle.borrow_mut().pop_front() {
            // One that was closed while it was idle is replaced.
            return Some(if link.is_stale() { Turn::Open } else { Turn::Reuse(link, None) });
        }
        let shared = self.shared.borrow();
        let emptiest = shared.iter().min_by_key(|one| one.streams()).filter(|one| one.has_room())?;
        let (stream, most) = Stream::on(Rc::clone(emptiest));
        Some(Turn::Reuse(Link::Two(stream), most))
    }

    /// Makes room for others in place of connections of HTTP/2 that take no more requests.
    fn forget_the_gone(&self) {
        let mut shared = self.shared.borrow_mut();
        if shared.iter().any(|one| one.is_gone()) {
            let before = shared.len();
            shared.retain(|one| !one.is_gone());
            self.open.set(self.open.get().saturating_sub(before - shared.len()));
        }
    }

    /// Wakes the client whose turn is next, if it would get a connection.
    fn wake_next(&self, waiting: &VecDeque<(usize, Waker)>) {
        let Some((_, waker)) = waiting.front() else { return };
        let shared = self.shared.borrow();
        let has_room = |one: &Rc<Connection>| one.is_gone() || one.has_room();
        if self.open.get() < self.most || !self.idle.borrow().is_empty() || shared.iter().any(has_room) {
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1;
    use crate::transport::Transport;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;
    use tokio::net::{TcpListener, TcpStream};

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Asks for the turn of a client; returns what it gets and how often it was woken before.
    struct Asker {
        place: usize,
        queued: bool,
        woken: Arc<Count>,
    }

    impl Asker {
        fn at(place: usize) -> Self {
            Self { place, queued: false, woken: Arc::default() }
        }

        fn ask(&mut self, pool: &Pool) -> Option<Turn> {
            let waker = Waker::from(Arc::clone(&self.woken));
            match pool.poll_take(self.place, &mut self.queued, &mut Context::from_waker(&waker)) {
                Poll::Ready(turn) => Some(turn),
                Poll::Pending => None,
            }
        }

        fn woken(&self) -> u32 {
            self.woken.0.load(Ordering::Relaxed)
        }
    }

    async fn open() -> (http1::connection::Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let opened = TcpStream::connect(address).await.expect("the listener accepts");
        let (other, _) = listener.accept().await.expect("it has connected");
        (http1::connection::Connection::new(Transport::Tcp(opened)), other)
    }

    #[tokio::test]
    async fn a_pool_is_filled_first_and_then_served_in_the_order_of_asking() {
        let pool = Pool::new(2);
        let [mut one, mut two, mut three, mut four] = [0, 1, 2, 3].map(Asker::at);
        assert!(matches!(one.ask(&pool), Some(Turn::Open)));
        assert!(matches!(two.ask(&pool), Some(Turn::Open)));
        assert!(three.ask(&pool).is_none() && four.ask(&pool).is_none(), "there are two connections");

        let (connection, _other) = open().await;
        pool.give_back(Link::One(connection));
        assert_eq!((three.woken(), four.woken()), (1, 0), "the first that waits is woken");
        assert!(one.ask(&pool).is_none(), "who comes later queues up");
        assert!(matches!(three.ask(&pool), Some(Turn::Reuse(..))));
        assert_eq!(four.woken(), 0, "nothing else is free");
        pool.lose(None);
        assert!(matches!(four.ask(&pool), Some(Turn::Open)), "a closed connection is replaced");
        assert!(one.ask(&pool).is_none());
    }

    #[tokio::test]
    async fn a_client_that_stops_waiting_does_not_hold_up_the_next() {
        let pool = Pool::new(1);
        let [mut one, mut two, mut three] = [0, 1, 2].map(Asker::at);
        assert!(matches!(one.ask(&pool), Some(Turn::Open)));
        assert!(two.ask(&pool).is_none() && three.ask(&pool).is_none());
        pool.lose(None);
        pool.leave(two.place);
        assert!(three.woken() > 0, "it is its turn now");
        assert!(matches!(three.ask(&pool), Some(Turn::Open)));
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_while_idle_is_replaced() {
        let pool = Pool::new(1);
        let mut one = Asker::at(0);
        assert!(matches!(one.ask(&pool), Some(Turn::Open)));
        let (connection, other) = open().await;
        drop(other);
        connection.arrival().await;
        pool.give_back(Link::One(connection));
        assert!(matches!(one.ask(&pool), Some(Turn::Open)), "nobody gets a dead connection");
        assert!(one.ask(&pool).is_none(), "the new one counts in place of the old one");
    }
}
