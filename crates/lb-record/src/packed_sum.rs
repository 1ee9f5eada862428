//! Sums of packed histograms. Unpacking one takes an array for all of its buckets, of which a second fills a few hundred;
//! the sum over a thousand workers reads only what is there.
//!
//! The V2 encoding is a head of 40 bytes and then, for each bucket in order, its count as a variable-length integer, or the
//! negative number of empty buckets that follow. Histograms of one precision have the same buckets, however many.

use crate::histogram::SIGNIFICANT_DIGITS;

/// The first bytes of the encoding, which name it.
const COOKIE: u32 = 0x1c84_9303 | 0x10;

/// The length of the head.
const HEAD: usize = 40;

/// The number of buckets in the first half of the values that one bucket size covers, with three significant digits.
const HALF: u64 = 1024;

/// Counts by bucket.
#[derive(Debug, Default)]
pub(crate) struct PackedSum {
    counts: Vec<u64>,
    /// The greatest value that the buckets of any of the histograms could hold.
    highest: u64,
}

impl PackedSum {
    /// Adds a packed histogram. `None` if the bytes are not those of a latency histogram; then the sum is of no use.
    pub(crate) fn add(&mut self, packed: &[u8]) -> Option<()> {
        let highest = each_count(packed, |bucket, count| {
            if self.counts.len() <= bucket {
                self.counts.resize(bucket + 1, 0);
            }
            let sum = &mut self.counts[bucket];
            *sum = sum.saturating_add(count);
        })?;
        self.highest = self.highest.max(highest);
        Some(())
    }

    /// Returns the sum as a packed histogram, and starts again from nothing.
    pub(crate) fn take(&mut self) -> Box<[u8]> {
        let mut payload = Vec::new();
        let used = self.counts.iter().rposition(|count| *count > 0).map_or(1, |last| last + 1);
        self.counts.resize(used.max(self.counts.len()), 0);
        let mut rest = &self.counts[..used];
        while let Some((count, after)) = rest.split_first() {
            let empty = rest.iter().take_while(|count| **count == 0).count();
            if empty > 1 {
                write(&mut payload, -(empty as i64));
                rest = &rest[empty..];
            } else {
                write(&mut payload, *count as i64);
                rest = after;
            }
        }
        let mut packed = Vec::with_capacity(HEAD + payload.len());
        packed.extend(COOKIE.to_be_bytes());
        packed.extend((payload.len() as u32).to_be_bytes());
        packed.extend(0_u32.to_be_bytes());
        packed.extend(u32::from(SIGNIFICANT_DIGITS).to_be_bytes());
        packed.extend(1_u64.to_be_bytes());
        packed.extend(self.highest.max(2).to_be_bytes());
        packed.extend(1_f64.to_be_bytes());
        packed.extend(payload);
        self.counts.clear();
        self.highest = 0;
        packed.into_boxed_slice()
    }
}

/// Returns whether bytes are a packed latency histogram.
pub(crate) fn is_packed(packed: &[u8]) -> bool {
    each_count(packed, |_, _| {}).is_some()
}

/// Gives each bucket with its count to `take`, and returns the greatest value that the buckets hold.
fn each_count(packed: &[u8], mut take: impl FnMut(usize, u64)) -> Option<u64> {
    let (head, mut payload) = packed.split_at_checked(HEAD)?;
    let four = |at: usize| Some(u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let eight = |at: usize| Some(u64::from_be_bytes(head.get(at..at + 8)?.try_into().ok()?));
    let is_ours = four(0)? == COOKIE
        && four(4)? as usize == payload.len()
        && four(8)? == 0
        && four(12)? == u32::from(SIGNIFICANT_DIGITS)
        && eight(16)? == 1
        && eight(32)? == 1_f64.to_bits();
    let highest = eight(24)?;
    if !is_ours || !(2..=u64::MAX / 2).contains(&highest) {
        return None;
    }
    let buckets = buckets_up_to(highest);
    let mut bucket = 0_usize;
    while !payload.is_empty() {
        let number = read(&mut payload)?;
        if number < 0 {
            bucket = bucket.checked_add(usize::try_from(number.checked_neg()?).ok()?)?;
            if bucket > buckets {
                return None;
            }
        } else {
            if bucket >= buckets {
                return None;
            }
            if number > 0 {
                take(bucket, number as u64);
            }
            bucket += 1;
        }
    }
    Some(highest)
}

/// Returns the number of buckets of a histogram that holds values up to `highest`.
fn buckets_up_to(highest: u64) -> usize {
    // Each further size doubles the values that are covered.
    let mut covered = 2 * HALF;
    let mut sizes = 1;
    while covered <= highest {
        sizes += 1;
        let Some(more) = covered.checked_mul(2) else { break };
        covered = more;
    }
    (sizes + 1) * HALF as usize
}

/// Reads a signed integer: seven bits at a time, the last of at most nine bytes whole, and the sign in the lowest bit.
fn read(payload: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    for place in 0..9 {
        let (byte, rest) = payload.split_first()?;
        *payload = rest;
        let bits = if place == 8 { u64::from(*byte) } else { u64::from(byte & 0x7f) };
        value |= bits << (7 * place);
        if place == 8 || byte & 0x80 == 0 {
            break;
        }
    }
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}

fn write(payload: &mut Vec<u8>, number: i64) {
    let mut value = ((number << 1) ^ (number >> 63)) as u64;
    for _ in 0..8 {
        if value < 0x80 {
            payload.push(value as u8);
            return;
        }
        payload.push(value as u8 | 0x80);
        value >>= 7;
    }
    payload.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::{Packer, new_histogram, same_counts, unpack};
    use hdrhistogram::Histogram;

    fn histogram(values: &[(u64, u64)]) -> Histogram<u64> {
        let mut histogram = new_histogram();
        for (value, count) in values {
            histogram.record_n(*value, *count).expect("it grows");
        }
        histogram
    }

    #[test]
    fn the_sum_of_packed_histograms_is_the_packed_sum() {
        let all = [
            histogram(&[]),
            histogram(&[(0, 1)]),
            histogram(&[(1, 3), (2, 200), (900, 70_000)]),
            histogram(&[(2_047, 1), (2_048, 1), (1_000_000, 5), (3_600_000_000, 1)]),
            histogram(&[(5, 1 << 40), (77_777, u64::from(u32::MAX))]),
            histogram(&[(5, (1 << 62) - 1)]),
        ];
        let mut packer = Packer::new();
        for one in &all {
            let packed = packer.pack(one);
            assert!(is_packed(&packed));
            let mut sum = PackedSum::default();
            sum.add(&packed).expect("it was packed here");
            assert!(same_counts(&unpack(&sum.take()).expect("it can be unpacked"), one));
        }
        let mut sum = PackedSum::default();
        let mut expected = new_histogram();
        for one in &all[..5] {
            sum.add(&packer.pack(one)).expect("it was packed here");
            expected.add(one).expect("it grows");
        }
        let packed = sum.take();
        assert!(same_counts(&unpack(&packed).expect("it can be unpacked"), &expected));
        assert_eq!(packed[HEAD..], packer.pack(&expected)[HEAD..], "the same bytes, too");
        assert!(unpack(&sum.take()).expect("nothing is left").is_empty());
    }

    #[test]
    fn whatever_unpacking_refuses_is_refused_here() {
        let packed = Packer::new().pack(&histogram(&[(1, 300), (70_000, 2)]));
        for end in 0..packed.len() {
            assert!(!is_packed(&packed[..end]), "cut at {end}");
        }
        for place in 0..packed.len() {
            for bit in 0..8 {
                let mut changed = packed.clone();
                changed[place] ^= 1 << bit;
                if is_packed(&changed) {
                    assert!(unpack(&changed).is_some(), "bit {bit} of byte {place}");
                }
            }
        }
        let mut beyond = packed.to_vec();
        write(&mut beyond, -(1 << 20));
        write(&mut beyond, 1);
        let length = (beyond.len() - HEAD) as u32;
        beyond[4..8].copy_from_slice(&length.to_be_bytes());
        assert!(!is_packed(&beyond) && unpack(&beyond).is_none(), "more buckets than there are");
    }
}
