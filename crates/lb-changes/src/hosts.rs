//! Series whose values come from several machines.

use crate::detect::{Change, change_points};
use crate::observation::{Observation, SeriesError};
use crate::settings::Settings;

/// A change of the part of a series that one host measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HostChange<H> {
    /// The host.
    pub host: H,
    /// The change; its position is that in the series of all hosts.
    pub change: Change,
    /// Position of the last value of the same host before the change, in the series of all hosts.
    pub last: usize,
}

/// Finds the changes of a series whose values come from several hosts, in the order in which they happened.
///
/// The values of each host are a series of their own: another machine has other numbers, which say nothing about what was
/// tested.
///
/// # Errors
/// A value is not a finite number, or not above zero although values are compared as ratios.
pub fn changes_by_host<H: PartialEq + Copy>(
    series: &[(H, Observation)],
    settings: &Settings,
) -> Result<Vec<HostChange<H>>, SeriesError> {
    let mut hosts: Vec<H> = Vec::new();
    for (host, _) in series {
        if !hosts.contains(host) {
            hosts.push(*host);
        }
    }
    let mut all = Vec::new();
    for host in hosts {
        let positions: Vec<usize> = (0..series.len()).filter(|at| series[*at].0 == host).collect();
        let values: Vec<Observation> = positions.iter().map(|at| series[*at].1).collect();
        let found = change_points(&values, settings).map_err(|error| error.at(&positions))?;
        all.extend(found.into_iter().map(|change| HostChange {
            host,
            last: positions[change.at - 1],
            change: Change { at: positions[change.at], ..change },
        }));
    }
    all.sort_by_key(|one| one.change.at);
    Ok(all)
}

impl SeriesError {
    /// Returns the error with the position in the whole series; `positions` has that of each value of the part.
    fn at(self, positions: &[usize]) -> Self {
        match self {
            Self::NotFinite { at, value } => Self::NotFinite { at: positions[at], value },
            Self::NotPositive { at, value } => Self::NotPositive { at: positions[at], value },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn night(host: &'static str, value: f64, number: usize) -> (&'static str, Observation) {
        (host, Observation::exact(value * (1.0 + 0.002 * (number % 5) as f64)))
    }

    #[test]
    fn another_machine_is_no_change_and_a_change_on_two_machines_is_two() {
        let moved: Vec<_> =
            (0..40).map(|n| if n < 20 { night("old", 10.0, n) } else { night("new", 15.0, n) }).collect();
        assert_eq!(changes_by_host(&moved, &Settings::ratio()), Ok(Vec::new()));

        let both = |n: usize| match (n % 2, n < 20) {
            (0, true) => night("one", 10.0, n),
            (0, false) => night("one", 12.0, n),
            (_, true) => night("two", 30.0, n),
            (_, false) => night("two", 36.0, n),
        };
        let both: Vec<_> = (0..40).map(both).collect();
        let found = changes_by_host(&both, &Settings::ratio()).expect("values are above zero");
        let told: Vec<_> = found.iter().map(|one| (one.host, one.last, one.change.at)).collect();
        assert_eq!(told, [("one", 18, 20), ("two", 19, 21)]);
    }

    #[test]
    fn an_error_names_the_position_in_the_whole_series() {
        let series =
            [("a", 1.0), ("b", 1.0), ("a", 0.0)].map(|(host, value)| (host, Observation::exact(value)));
        let error = changes_by_host(&series, &Settings::ratio()).expect_err("zero has no logarithm");
        assert_eq!(error, SeriesError::NotPositive { at: 2, value: 0.0 });
    }
}
