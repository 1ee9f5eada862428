//! A cache of replies: what was not asked for for longest leaves first, and everything leaves at the end of its time.

use super::reply::Rendered;
use lb_core::{Span, Time};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// The most bytes that the replies in a cache take together, but for the latest.
const MOST_BYTES: usize = 64 << 20;

/// Whether a reply came from the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    Hit,
    Miss,
}

/// The replies in a cache.
#[derive(Debug, Default)]
pub(super) struct Cache {
    bytes: usize,
    /// Counts the uses, by which entries are ordered.
    uses: u64,
    by_key: HashMap<String, Entry>,
    /// The keys, the one that was not used for longest first.
    by_use: BTreeMap<u64, String>,
}

#[derive(Debug)]
struct Entry {
    used: u64,
    until: Time,
    bytes: usize,
    reply: Rc<Rendered>,
}

impl Cache {
    /// Returns the reply for a key, if it is there and its time is not over.
    pub(super) fn get(&mut self, key: &str, now: Time) -> Option<Rc<Rendered>> {
        let entry = self.by_key.get_mut(key)?;
        if entry.until <= now {
            self.remove(key);
            return None;
        }
        self.uses += 1;
        self.by_use.remove(&entry.used);
        entry.used = self.uses;
        self.by_use.insert(entry.used, key.to_owned());
        Some(Rc::clone(&entry.reply))
    }

    /// Keeps a reply for the time `ttl`, beside at most `most - 1` others.
    pub(super) fn put(&mut self, key: String, reply: Rc<Rendered>, now: Time, ttl: Span, most: usize) {
        self.remove(&key);
        let bytes = 2 * key.len() + reply.bytes() + size_of::<Entry>();
        while (self.len() >= most || self.len() > 0 && self.bytes + bytes > MOST_BYTES)
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.remove(&oldest);
        }
        self.uses += 1;
        self.bytes += bytes;
        self.by_use.insert(self.uses, key.clone());
        self.by_key.insert(key, Entry { used: self.uses, until: now + ttl, bytes, reply });
    }

    /// Removes the reply for a key.
    pub(super) fn remove(&mut self, key: &str) {
        if let Some(entry) = self.by_key.remove(key) {
            self.by_use.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }

    /// Returns the number of replies, also of those whose time is over.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Span = Span::from_secs(30);

    fn reply(text: &str) -> Rc<Rendered> {
        Rc::new(Rendered::text(200, text.to_owned()))
    }

    fn at(seconds: u64) -> Time {
        Time::ZERO + Span::from_secs(seconds)
    }

    #[test]
    fn a_reply_stays_for_its_time_and_no_longer() {
        let mut cache = Cache::default();
        cache.put("a".to_owned(), reply("1"), at(10), TTL, 10);
        assert!(cache.get("a", at(39)).is_some());
        assert!(cache.get("a", at(40)).is_none(), "use does not prolong it");
        assert_eq!(
            (cache.len(), cache.bytes, cache.by_use.len()),
            (0, 0, 0),
            "it leaves when it is found to be old"
        );
    }

    #[test]
    fn what_was_not_used_for_longest_leaves_first() {
        let mut cache = Cache::default();
        for key in ["a", "b", "c"] {
            cache.put(key.to_owned(), reply(key), at(0), TTL, 3);
        }
        assert!(cache.get("a", at(1)).is_some());
        cache.put("d".to_owned(), reply("d"), at(2), TTL, 3);
        let held = ["a", "b", "c", "d"].map(|key| cache.get(key, at(3)).is_some());
        assert_eq!(held, [true, false, true, true]);
        cache.put("d".to_owned(), reply("new"), at(4), TTL, 3);
        assert_eq!((cache.len(), cache.by_use.len()), (3, 3), "a key is held once");
    }

    #[test]
    fn large_replies_push_out_old_ones() {
        let mut cache = Cache::default();
        let large = "x".repeat(MOST_BYTES / 4);
        for key in 0..10 {
            cache.put(key.to_string(), reply(&large), at(0), TTL, 1_000);
        }
        assert!(cache.bytes <= MOST_BYTES && cache.len() == 3, "{} bytes", cache.bytes);
        cache.remove("9");
        assert!(cache.get("9", at(1)).is_none() && cache.get("8", at(1)).is_some());
    }
}
