//! Which load balancer wrote a log, as far as its rules differ from those of this repository.

use lb_recording::RecordingFormat;
use serde::Serialize;

/// The load balancer whose rules are predicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Maker {
    /// One whose rules are those of this repository, such as nginx, or an unknown one.
    #[default]
    Other,
    /// HAProxy.
    Haproxy,
    /// Envoy.
    Envoy,
}

impl Maker {
    /// Tells it from the formats of a log's files. Formats that several programs write tell nothing.
    pub fn of(formats: &[RecordingFormat]) -> Self {
        match formats {
            [first, rest @ ..] if rest.iter().all(|format| format == first) => match first {
                RecordingFormat::Haproxy => Self::Haproxy,
                RecordingFormat::Envoy => Self::Envoy,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }

    /// Returns whether durations are differences of two timers, so that what is cut off both cancels out on average.
    /// HAProxy counts from the end of the request before on the same connection, and subtracts the idle time.
    pub const fn subtracts_idle_time(self) -> bool {
        matches!(self, Self::Haproxy)
    }

    /// Returns whether its `p2c` may draw the same backend twice.
    pub const fn draws_again(self) -> bool {
        matches!(self, Self::Haproxy | Self::Envoy)
    }
}
