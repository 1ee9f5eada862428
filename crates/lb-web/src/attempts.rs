//! Wrong attempts to sign in, by the address that they come from.
//!
//! A wrong attempt holds a place for as long as its answer takes, also when the client does not wait for the answer. While an
//! address holds all of its places, its further attempts are refused before they are looked at. So a refusal says nothing
//! about the secret, and connections in parallel do not guess faster. Other addresses are not affected.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use tokio::time::Instant;

/// The wait after the first wrong attempt. It doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// The most wrong attempts of one address that wait for their answer.
const MOST_WAITING: usize = 8;
/// The most addresses that are remembered; the one whose last attempt is longest ago makes room.
const MOST_ADDRESSES: usize = 1024;

/// The wrong attempts of all addresses.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    addresses: HashMap<IpAddr, Address>,
}

/// The wrong attempts of one address.
#[derive(Debug)]
struct Address {
    /// Wrong attempts since the last right one.
    failures: u32,
    /// The ends of the waits that are not over yet.
    waits: Vec<Instant>,
    last: Instant,
}

impl Attempts {
    /// Returns whether an attempt from an address may be looked at.
    pub(crate) fn may_try(&self, peer: IpAddr) -> bool {
        let now = Instant::now();
        self.addresses
            .get(&network(peer))
            .is_none_or(|address| address.waits.iter().filter(|end| **end > now).count() < MOST_WAITING)
    }

    /// Counts a wrong attempt. Returns how long its answer takes, and how many there have been in a row.
    pub(crate) fn count(&mut self, peer: IpAddr) -> (Duration, u32) {
        let (now, peer) = (Instant::now(), network(peer));
        if self.addresses.len() >= MOST_ADDRESSES && !self.addresses.contains_key(&peer) {
            let oldest = self.addresses.iter().min_by_key(|(_, address)| address.last).map(|(peer, _)| *peer);
            oldest.map(|peer| self.addresses.remove(&peer));
        }
        let fresh = Address { failures: 0, waits: Vec::new(), last: now };
        let address = self.addresses.entry(peer).or_insert(fresh);
        address.failures = address.failures.saturating_add(1);
        address.last = now;
        let wait = wait_after(address.failures);
        address.waits.retain(|end| *end > now);
        address.waits.push(now + wait);
        (wait, address.failures)
    }

    /// Begins to count anew: somebody at the address knows the secret.
    pub(crate) fn forget(&mut self, peer: IpAddr) {
        self.addresses.remove(&network(peer));
    }
}

/// Returns how long the answer to a wrong attempt takes, by the number of wrong attempts in a row.
fn wait_after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(10);
    (FIRST_WAIT * 2_u32.pow(doublings)).min(LONGEST_WAIT)
}

/// Returns what counts as one address: of IPv6, the 64 bits that a single host usually has to itself.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_attempts_are_answered_ever_later_and_the_right_one_begins_anew() {
        let mut attempts = Attempts::default();
        let peer = ip("127.0.0.1");
        let waits: Vec<u128> = (0..7).map(|_| attempts.count(peer).0.as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 4000, 4000]);
        attempts.forget(peer);
        assert_eq!(attempts.count(peer), (FIRST_WAIT, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_whose_attempts_wait_is_refused_unseen_and_others_are_not() {
        let mut attempts = Attempts::default();
        let (attacker, user) = (ip("10.0.0.1"), ip("10.0.0.2"));
        for _ in 0..MOST_WAITING {
            assert!(attempts.may_try(attacker));
            attempts.count(attacker);
        }
        assert!(!attempts.may_try(attacker) && attempts.may_try(user));
        assert!(!attempts.may_try(ip("::ffff:10.0.0.1")), "the same address, written in another way");
        tokio::time::advance(LONGEST_WAIT).await;
        assert!(attempts.may_try(attacker), "its waits are over");
        for host in 0..MOST_WAITING {
            attempts.count(ip(&format!("2001:db8::{host}")));
        }
        assert!(!attempts.may_try(ip("2001:db8::ffff")) && attempts.may_try(ip("2001:db8:0:1::1")));
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_are_bounded() {
        let mut attempts = Attempts::default();
        for number in 0..2 * u32::try_from(MOST_ADDRESSES).expect("a small number") {
            attempts.count(IpAddr::V4(number.into()));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(attempts.addresses.len(), MOST_ADDRESSES);
        assert_eq!(attempts.count(IpAddr::V4(0.into())).1, 1, "the oldest ones made room");
    }
}
