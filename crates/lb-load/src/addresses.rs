//! The addresses of the target: used in turn by new connections, and replaced by later look-ups.

use crate::target::in_turn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

/// The addresses of the target, shared by all workers of a phase. Only new connections read them.
#[derive(Debug)]
pub(crate) struct Addresses(RwLock<Arc<[SocketAddr]>>);

impl Addresses {
    pub(crate) fn new(found: &[SocketAddr]) -> Self {
        Self(RwLock::new(found.into()))
    }

    /// Returns all addresses, beginning with the one whose turn it is: the first of them is for the connection
    /// with number `turn`, the others for when it does not answer.
    pub(crate) fn starting_at(&self, turn: usize) -> Vec<SocketAddr> {
        let all = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        let first = turn % all.len().max(1);
        [&all[first..], &all[..first]].concat()
    }

    /// Replaces the addresses by those that a new look-up found. Nothing found changes nothing.
    pub(crate) fn replace(&self, found: io::Result<impl IntoIterator<Item = SocketAddr>>) -> io::Result<()> {
        let found = in_turn(found?);
        if !found.is_empty() {
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = found.into();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(ports: &[u16]) -> Vec<SocketAddr> {
        ports.iter().map(|port| SocketAddr::from(([127, 0, 0, 1], *port))).collect()
    }

    #[test]
    fn connections_begin_with_the_addresses_in_turn_and_can_fall_back_on_the_others() {
        let known = Addresses::new(&addresses(&[1, 2, 3]));
        let turns: Vec<Vec<SocketAddr>> = (0..4).map(|turn| known.starting_at(turn)).collect();
        let expected = [[1, 2, 3], [2, 3, 1], [3, 1, 2], [1, 2, 3]].map(|ports| addresses(&ports));
        assert_eq!(turns, expected);
    }

    #[test]
    fn a_new_look_up_replaces_the_addresses_unless_it_finds_nothing() {
        let known = Addresses::new(&addresses(&[1, 2]));
        known.replace(Ok(addresses(&[3]))).expect("it was found");
        assert_eq!(known.starting_at(0), addresses(&[3]));
        known.replace(Ok(Vec::new())).expect("nothing is no failure");
        assert_eq!(known.starting_at(0), addresses(&[3]));
        let failed: io::Result<Vec<SocketAddr>> = Err(io::ErrorKind::NotFound.into());
        known.replace(failed).expect_err("the failure is passed on");
        assert_eq!(known.starting_at(7), addresses(&[3]));
    }
}
