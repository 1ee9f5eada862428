//! How much one client may teach: no client has more than a small share of the weight of all lessons, as long as there
//! are others.
//!
//! A reply counts in proportion to the number of replies since the latest one to the same client, at most fully: `gap x share`.
//! So a client teaches at most as much as a share of all replies does, however many it causes. The share is [`LEAST_SHARE`]
//! if many clients send. If few do, it grows until half of all replies count: a single client has to teach everything.
//!
//! A client could still own what others seldom send: a rare word, or large numbers. So a weight that the same client taught
//! the last time learns [`REPEATED`] of what it would, if many clients send.
//!
//! Clients are told apart by a hash of 10 bits. With thousands of them, each of which sends little, this slows nobody down.

use crate::rng::mix;

/// Number of clients that are told apart, a power of two.
const PLACES: usize = 1_024;

/// Least share of all replies of which a client's count fully.
pub(super) const LEAST_SHARE: f32 = 0.02;

/// Part of all replies that are to count.
pub(super) const LEAST_COUNTED: f32 = 0.5;

/// What a lesson counts to a weight that the same client taught the last time.
const REPEATED: f32 = 0.1;

/// Weight of one reply in the part that counts, which covers about the last fifty.
const ALPHA: f32 = 0.02;

/// Factor by which the share changes with a reply.
const STEP: f32 = 1.01;

/// What the clients have taught.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    /// Number of the latest reply to each client.
    seen: Vec<u32>,
    share: f32,
    counted: f32,
}

/// How much a reply counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lesson {
    /// Weight of the reply: 0 to 1.
    pub(super) weight: f32,
    /// Hash of the client.
    pub(super) teacher: u8,
    /// Factor on the weight for what the same client taught the last time.
    pub(super) repeated: f32,
}

impl Default for Clients {
    fn default() -> Self {
        Self { seen: Vec::new(), share: LEAST_SHARE, counted: LEAST_COUNTED }
    }
}

impl Clients {
    /// Allocates the places, unless they are.
    pub(super) fn allocate(&mut self) {
        if self.seen.is_empty() {
            self.seen = vec![0; PLACES];
        }
    }

    /// Returns how much reply number `now`, to a request of `client`, counts.
    pub(super) fn weigh(&mut self, client: u64, now: u32) -> Lesson {
        let key = mix(client);
        let mut weight = 1.0;
        if let Some(seen) = self.seen.get_mut(key as usize % PLACES) {
            let gap = now.wrapping_sub(*seen) as f32;
            *seen = now;
            weight = (gap * self.share).min(1.0);
        }
        self.counted += ALPHA * (weight - self.counted);
        let step = if self.counted < LEAST_COUNTED { STEP } else { STEP.recip() };
        self.share = (self.share * step).clamp(LEAST_SHARE, 1.0);
        let are_many = self.share < 2.0 * LEAST_SHARE;
        Lesson { weight, teacher: (key >> 56) as u8, repeated: if are_many { REPEATED } else { 1.0 } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Part of all weight that client 0 has when it sends `of_ten` of every ten requests, and the others the rest.
    fn part_of_first(of_ten: u32, others: u64) -> f32 {
        let mut clients = Clients::default();
        clients.allocate();
        let (mut own, mut all) = (0.0, 0.0);
        for now in 1..40_000u32 {
            let is_first = now % 10 < of_ten;
            let client = if is_first { 0 } else { 1 + mix(u64::from(now)) % others };
            let weight = clients.weigh(client, now).weight;
            if now >= 10_000 {
                all += weight;
                own += if is_first { weight } else { 0.0 };
            }
        }
        assert!(all >= 0.4 * 30_000.0, "{of_ten} of ten, {others} others: enough counts: {all}");
        own / all
    }

    #[test]
    fn a_client_among_many_teaches_little_however_much_it_sends() {
        for of_ten in [1, 3, 5] {
            let part = part_of_first(of_ten, 10_000);
            assert!(part < LEAST_SHARE / LEAST_COUNTED, "{of_ten} of ten: {part}");
        }
    }

    #[test]
    fn few_clients_teach_what_there_is() {
        assert_eq!(part_of_first(10, 1), 1.0, "a single one teaches everything");
        let half = part_of_first(5, 1);
        assert!((half - 0.5).abs() < 0.1, "one of two: {half}");
    }
}
