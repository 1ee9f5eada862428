//! A table of weights of fixed size, found by hash.
//!
//! A weight has a mean and a variance: what is known about it, as a normal distribution. A bucket of three weights is one
//! line of a cache. A tag of 32 further bits of the hash notices collisions; a feature that finds no place has no weight.
//!
//! **Admission.** A feature gets a weight when it is met a second time within a while, and one feature of a request at a time
//! may wait for that. Words that come once, such as random ids, thus learn nothing and cost no certainty, and they
//! cannot drive out weights that are in use: only a weight that was not met for [`FORGOTTEN_AFTER`] replies gives
//! up its place.

/// Number of buckets, a power of two. With three weights each, 3,072 weights in 64 KiB.
const BUCKETS: usize = 1_024;

const WAYS: usize = 3;

/// A weight is forgotten after this many replies without it, if its place is needed.
const FORGOTTEN_AFTER: u32 = 100_000;

/// A feature that was met once keeps its place for this many replies.
const WAITS_FOR: u32 = 1_024;

/// What is known of one feature's weight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weight {
    /// Upper bits of the hash; 0 if the place is free.
    tag: u32,
    /// Best guess.
    pub(super) mean: f32,
    /// Variance around it; 0 before the feature is met a second time.
    pub(super) variance: f32,
    /// Number of the latest reply with this feature.
    pub(super) seen: u32,
    /// Typical value of the feature, which is subtracted from its values.
    pub(super) centre: f32,
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Bucket {
    weights: [Weight; WAYS],
    /// By whom each weight was taught last.
    teachers: [u8; WAYS],
}

impl Bucket {
    /// Lets a feature that has no weight wait for one, if a place is free.
    #[cold]
    fn wait(&mut self, tag: u32, now: u32) {
        let is_free = |weight: &&mut Weight| {
            let age = now.wrapping_sub(weight.seen);
            weight.tag == 0 || age > if weight.variance == 0.0 { WAITS_FOR } else { FORGOTTEN_AFTER }
        };
        if let Some(free) = self.weights.iter_mut().find(is_free) {
            *free = Weight { tag, seen: now, ..Weight::default() };
        }
    }
}

/// The table.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    buckets: Vec<Bucket>,
}

/// Where a weight is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    bucket: u16,
    way: u16,
}

#[inline]
fn split(hash: u64) -> (usize, u32) {
    (hash as usize % BUCKETS, (hash >> 32) as u32 | 1)
}

impl Table {
    /// Allocates the table, unless it is.
    pub(super) fn allocate(&mut self) {
        if self.buckets.is_empty() {
            self.buckets = vec![Bucket::default(); BUCKETS];
        }
    }

    /// Returns the weight of a feature, if it has one.
    #[inline]
    pub(super) fn find(&self, hash: u64) -> Option<&Weight> {
        let (bucket, tag) = split(hash);
        self.buckets.get(bucket)?.weights.iter().find(|weight| weight.tag == tag)
    }

    /// Returns the place of the weight of a feature that was met in reply number `now`. A new weight has the variance
    /// `prior`, and the given centre. `None` if the feature has no weight yet; then it waits for one if it `may_wait`,
    /// which becomes false.
    #[inline]
    pub(super) fn claim(
        &mut self,
        hash: u64,
        now: u32,
        prior: f32,
        centre: f32,
        may_wait: &mut bool,
    ) -> Option<Place> {
        let (bucket, tag) = split(hash);
        let place = bucket as u16;
        let bucket = self.buckets.get_mut(bucket)?;
        let Some(way) = bucket.weights.iter().position(|weight| weight.tag == tag) else {
            if std::mem::take(may_wait) {
                bucket.wait(tag, now);
            }
            return None;
        };
        let weight = &mut bucket.weights[way];
        if weight.variance == 0.0 {
            *weight = Weight { tag, mean: 0.0, variance: prior, seen: now, centre };
        }
        Some(Place { bucket: place, way: way as u16 })
    }

    /// Returns the weight at a place.
    #[inline]
    pub(super) fn at(&mut self, place: Place) -> &mut Weight {
        &mut self.buckets[usize::from(place.bucket)].weights[usize::from(place.way)]
    }

    /// Returns the weight at a place, and whether `teacher` also taught it the last time.
    #[inline]
    pub(super) fn taught_by(&mut self, place: Place, teacher: u8) -> (&mut Weight, bool) {
        let bucket = &mut self.buckets[usize::from(place.bucket)];
        let way = usize::from(place.way);
        let is_same = std::mem::replace(&mut bucket.teachers[way], teacher) == teacher;
        (&mut bucket.weights[way], is_same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIOR: f32 = 0.5;

    fn table() -> Table {
        let mut table = Table::default();
        table.allocate();
        table
    }

    fn claim(table: &mut Table, hash: u64, now: u32, centre: f32) -> Option<Place> {
        table.claim(hash, now, PRIOR, centre, &mut true)
    }

    /// The hash of the `number`-th feature in the first bucket.
    fn in_first_bucket(number: u64) -> u64 {
        (number + 1) << 33
    }

    #[test]
    fn a_bucket_is_one_line_of_a_cache() {
        assert_eq!(size_of::<Bucket>(), 64);
    }

    #[test]
    fn a_feature_has_a_weight_from_its_second_time_on() {
        let mut table = table();
        assert!(claim(&mut table, 7, 1, 2.0).is_none(), "once is not enough");
        let place = claim(&mut table, 7, 2, 3.0).expect("met again");
        let weight = *table.at(place);
        assert_eq!((weight.mean, weight.variance, weight.centre), (0.0, PRIOR, 3.0));
        assert!(table.claim(8, 2, PRIOR, 0.0, &mut false).is_none());
        assert!(claim(&mut table, 8, 3, 0.0).is_none(), "it could not wait before");
        assert!(table.find(7).is_some() && table.find(9).is_none());
        assert!(Table::default().find(7).is_none(), "nothing was learnt yet");
    }

    #[test]
    fn features_that_come_once_drive_out_nothing() {
        let mut table = table();
        for number in 0..WAYS as u64 - 1 {
            for _ in 0..2 {
                let place = claim(&mut table, in_first_bucket(number), 1, 0.0);
                if let Some(place) = place {
                    table.at(place).mean = 1.0 + number as f32;
                }
            }
        }
        for now in 2..50_000 {
            claim(&mut table, in_first_bucket(1_000 + u64::from(now)), now, 0.0);
        }
        for number in 0..WAYS as u64 - 1 {
            let weight = table.find(in_first_bucket(number)).expect("it was met twice");
            assert_eq!(weight.mean, 1.0 + number as f32);
        }
    }

    #[test]
    fn a_weight_that_nobody_meets_gives_up_its_place() {
        let mut table = table();
        for number in 0..WAYS as u64 {
            claim(&mut table, in_first_bucket(number), 1, 0.0);
            claim(&mut table, in_first_bucket(number), 1, 0.0);
        }
        let new = in_first_bucket(9);
        claim(&mut table, new, 2, 0.0);
        assert!(claim(&mut table, new, 3, 0.0).is_none(), "all places are in use");
        let late = FORGOTTEN_AFTER + 2;
        assert!(claim(&mut table, new, late, 0.0).is_none(), "met for the first time");
        assert!(claim(&mut table, new, late + 1, 0.0).is_some(), "and for the second");
        assert!(table.find(in_first_bucket(0)).is_none(), "the first is forgotten");
    }
}
