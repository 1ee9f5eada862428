//! The connections of a phase: how long it took to open them, and which backends they led to.

use crate::cell::Cell;
use serde::{Deserialize, Serialize};

/// The connections that a generator opened, and the time that it spent on them, in parts. Attempts that failed are
/// not counted here: they are requests with an outcome of their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectionTimes {
    /// Look-ups of the target's name while the phase ran. They happen beside the requests.
    pub resolve: Cell,
    /// From the start of an attempt until TCP was connected.
    pub connect: Cell,
    /// TLS handshakes, from then on.
    pub handshake: Cell,
    /// Number of handshakes that resumed a session.
    pub resumed: u64,
    /// Waits of requests for a connection of a pool, none of which was free.
    pub wait: Cell,
    /// Number of connections whose replies all came from one backend, by backend number.
    pub by_backend: Vec<u64>,
    /// Number of connections whose replies came from several backends.
    pub several: u64,
    /// Number of requests that met a kept connection which the other side had closed, and were sent once more on a
    /// new one.
    pub reused_connection_closed: u64,
    /// Number of requests that the other side said not to have processed (GOAWAY, `REFUSED_STREAM`), and which were
    /// sent once more.
    pub declined: u64,
    /// Number of connections on which HTTP/2 was spoken; HTTP/1.1 was spoken on the others.
    pub http2: u64,
    /// The greatest number of streams at once on a connection; zero without HTTP/2.
    pub most_streams: u32,
}

impl ConnectionTimes {
    /// Adds the connections of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.resolve.merge(&other.resolve);
        self.connect.merge(&other.connect);
        self.handshake.merge(&other.handshake);
        self.resumed += other.resumed;
        self.wait.merge(&other.wait);
        if self.by_backend.len() < other.by_backend.len() {
            self.by_backend.resize(other.by_backend.len(), 0);
        }
        for (mine, theirs) in self.by_backend.iter_mut().zip(&other.by_backend) {
            *mine += theirs;
        }
        self.several += other.several;
        self.reused_connection_closed += other.reused_connection_closed;
        self.declined += other.declined;
        self.http2 += other.http2;
        self.most_streams = self.most_streams.max(other.most_streams);
    }

    /// Counts a connection whose first reply came from this backend.
    pub fn met_first(&mut self, backend: u16) {
        let backend = usize::from(backend);
        if self.by_backend.len() <= backend {
            self.by_backend.resize(backend + 1, 0);
        }
        self.by_backend[backend] += 1;
    }

    /// Counts a connection as one of several backends, after its first reply came from `first`.
    pub fn met_another(&mut self, first: u16) {
        if let Some(count) = self.by_backend.get_mut(usize::from(first)) {
            *count = count.saturating_sub(1);
        }
        self.several += 1;
    }

    /// Gives the backends the places that `old_of` lists: for each new number, the old one.
    pub(crate) fn renumber(&mut self, old_of: impl Iterator<Item = Option<usize>>) {
        let old = std::mem::take(&mut self.by_backend);
        self.by_backend =
            old_of.map(|place| place.and_then(|place| old.get(place)).copied().unwrap_or(0)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_belongs_to_its_first_backend_until_another_one_answers() {
        let mut counted = ConnectionTimes::default();
        counted.met_first(2);
        counted.met_first(2);
        counted.met_first(0);
        counted.met_another(2);
        assert_eq!((counted.by_backend.as_slice(), counted.several), ([1, 0, 1].as_slice(), 1));
        let other = ConnectionTimes {
            by_backend: vec![0, 0, 0, 4],
            several: 2,
            reused_connection_closed: 3,
            ..ConnectionTimes::default()
        };
        counted.merge(&other);
        assert_eq!((counted.by_backend.as_slice(), counted.several), ([1, 0, 1, 4].as_slice(), 3));
        assert_eq!(counted.reused_connection_closed, 3);
        counted.renumber([Some(3), None, Some(0)].into_iter());
        assert_eq!(counted.by_backend, [4, 0, 1], "they follow their backends");
    }
}
