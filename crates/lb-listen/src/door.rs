//! Accepts connections within the seats of a listener.
//!
//! Descriptors belong to the whole process, so another listener can use up all of them. A door therefore holds
//! some of its own, and gives one up for a connection when the system has none left.

use crate::seats::{Seat, Seats};
use crate::serve::{End, Limits, serve};
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use parking_lot::Mutex;
use rustix::process::{Resource, getrlimit};
use std::error::Error;
use std::fs::File;
use std::future::pending;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Pause after a failed attempt, so that a lack of descriptors does not keep the thread busy.
const PAUSE: Duration = Duration::from_millis(20);

/// What a client gets for which there is no seat.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Returns how many files and sockets the process may have open.
pub fn descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// A listener with its seats.
#[derive(Debug)]
pub struct Door {
    /// What is behind it, for the log.
    name: &'static str,
    listener: TcpListener,
    seats: Arc<Seats>,
    reserve: Arc<Reserve>,
}

/// A connection that was accepted.
#[derive(Debug)]
pub struct Newcomer {
    /// The connection.
    pub stream: TcpStream,
    /// The address of the client.
    pub peer: SocketAddr,
    /// Its seat, to be kept until the connection is closed.
    pub seat: Seat,
    reserve: Arc<Reserve>,
}

impl Door {
    /// Makes a door called `name` before `seats`, with `reserve` descriptors that no other listener gets.
    pub fn new(name: &'static str, listener: TcpListener, seats: Arc<Seats>, reserve: usize) -> Self {
        let reserve = Arc::new(Reserve { most: reserve, spare: Mutex::default() });
        reserve.fill();
        Self { name, listener, seats, reserve }
    }

    /// Returns the next connection. Errors are logged and do not end the wait.
    pub async fn accept(&mut self) -> Newcomer {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let full = self.seats.is_full();
                    let Some(seat) = self.seats.take() else {
                        let _ = stream.try_write(FULL);
                        self.reserve.keep(stream);
                        continue;
                    };
                    if full {
                        // The one that made room is to be closed before the next one is let in.
                        tokio::task::yield_now().await;
                    }
                    self.reserve.fill();
                    return Newcomer { stream, peer, seat, reserve: Arc::clone(&self.reserve) };
                }
                Err(error) if is_exhausted(&error) && self.reserve.spend() => {}
                Err(error) => {
                    tracing::warn!("cannot accept a connection to {}: {error}", self.name);
                    self.seats.make_room();
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

impl Newcomer {
    /// Serves the connection to its end, like [`serve`], and keeps its descriptor for the next one.
    pub async fn serve<A, R, B, E>(self, limits: &Limits, answer: A) -> End
    where
        A: Fn(Request<Incoming>) -> R,
        R: Future<Output = Result<Response<B>, E>>,
        B: Body + Unpin + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let ended = serve(self.stream, limits, &self.seat, pending(), answer).await;
        self.reserve.keep(ended.stream);
        ended.why
    }
}

/// Descriptors that stand for connections to come.
///
/// The descriptor of a connection that ended is kept rather than closed: once it is closed, the accept loop of
/// another listener would have it at once.
#[derive(Debug)]
struct Reserve {
    most: usize,
    spare: Mutex<Vec<OwnedFd>>,
}

impl Reserve {
    /// Fills up the reserve, as far as the system allows.
    fn fill(&self) {
        let mut spare = self.spare.lock();
        while spare.len() < self.most {
            let Ok(file) = File::open("/dev/null") else { return };
            spare.push(file.into());
        }
    }

    /// Gives one descriptor back to the system. Returns whether there was one.
    fn spend(&self) -> bool {
        self.spare.lock().pop().is_some()
    }

    /// Ends a connection, and keeps its descriptor if the reserve has room.
    fn keep(&self, stream: TcpStream) {
        let mut spare = self.spare.lock();
        if spare.len() >= self.most {
            return;
        }
        let Ok(stream) = stream.into_std() else { return };
        let _ = stream.shutdown(Shutdown::Both);
        spare.push(stream.into());
    }
}

/// Returns whether the process or the system has no descriptors left.
fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
