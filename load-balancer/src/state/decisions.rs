//! How long a learned policy takes to decide, measured on a sample of its decisions.

/// The time that decisions of a learned policy took, measured for every [`Decisions::TIMED`]th.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Decisions {
    pub(super) picks: u64,
    pub(crate) timed: u64,
    pub(crate) nanos: u64,
}

impl Decisions {
    /// The interval of the sample. Two clock reads cost a tenth of a decision, so only every 64th is timed.
    pub(super) const TIMED: u64 = 64;

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            picks: self.picks + other.picks,
            timed: self.timed + other.timed,
            nanos: self.nanos + other.nanos,
        }
    }
}
