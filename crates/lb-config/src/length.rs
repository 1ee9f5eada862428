//! How long load is sent: for a time, or until somebody stops it.

use std::time::Duration;

/// The word for a load without end.
pub(crate) const FOREVER: &str = "forever";

/// How long load is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// For this long.
    For(Duration),
    /// Until it is stopped. Such a load plays the busiest moment of one scenario.
    Forever,
}

impl Length {
    /// Returns the time for which load is sent; `None` without an end.
    pub const fn duration(self) -> Option<Duration> {
        match self {
            Self::For(time) => Some(time),
            Self::Forever => None,
        }
    }
}

impl From<Duration> for Length {
    fn from(time: Duration) -> Self {
        Self::For(time)
    }
}
