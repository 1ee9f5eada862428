//! Which load balancer wrote a log, as far as its rules differ from those of this repository.

use lb_core::Algorithm;
use lb_recording::RecordingFormat;
use serde::Serialize;

/// The weight of servers in HAProxy's configuration unless it says something else.
const USUAL_WEIGHT: u32 = 1;
/// The weight of servers in the template of `bench`, `configs/load-balancers/haproxy.cfg.j2`.
const WEIGHT_OF_TEMPLATE: u32 = 100;

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
}

/// Returns the weight that servers of the named groups probably have in HAProxy's configuration. Groups of the template
/// are named after a pool and an algorithm, such as `main.round-robin`.
pub(super) fn server_weight<'a>(groups: impl IntoIterator<Item = &'a str>) -> u32 {
    let of_template = |group: &str| {
        group.rsplit_once('.').is_some_and(|(_, algorithm)| algorithm.parse::<Algorithm>().is_ok())
    };
    let mut groups = groups.into_iter().peekable();
    if groups.peek().is_some() && groups.all(of_template) { WEIGHT_OF_TEMPLATE } else { USUAL_WEIGHT }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_is_that_of_the_template_if_groups_are_named_so() {
        let template = include_str!("../../../../configs/load-balancers/haproxy.cfg.j2");
        assert!(
            template.contains(&format!("else {WEIGHT_OF_TEMPLATE} }}}}")),
            "the template gives that weight"
        );
        assert_eq!(server_weight(["main.round-robin", "main.p2c"]), WEIGHT_OF_TEMPLATE);
        for others in [&["shop"][..], &["main.round-robin", "shop"], &["api.v2"], &[]] {
            assert_eq!(server_weight(others.iter().copied()), USUAL_WEIGHT, "{others:?}");
        }
    }
}
