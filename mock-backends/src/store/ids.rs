//! Ids that look random and are determined by a seed.

use lb_core::Seed;

/// Label of the stream of ids.
const IDS: u64 = 0x7365_7373_696f_6e73;

/// A source of ids, of which none comes twice.
#[derive(Debug)]
pub(crate) struct Ids {
    seed: Seed,
    /// Changes with each reset, so that no id comes twice.
    era: u64,
    /// Number of ids given out since the last reset.
    given: u64,
}

impl Ids {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { seed, era: 0, given: 0 }
    }

    pub(crate) fn reset(&mut self) {
        (self.era, self.given) = (self.era + 1, 0);
    }

    /// Returns the next id, in the form of a UUID (version 4 of RFC 9562).
    pub(crate) fn fresh(&mut self) -> String {
        self.given += 1;
        let [high, low] = [0, 1].map(|half| self.seed.key(&[IDS, self.era, self.given, half]));
        let high = (high & !0xf000) | 0x4000;
        let low = (low & !(0b11 << 62)) | (0b10 << 62);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff,
        )
    }
}
