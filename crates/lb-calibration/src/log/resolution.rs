//! The unit to which the times of a log were cut off.

use lb_core::Span;

/// Units that loggers use, in nanoseconds, the coarsest first.
const UNITS: [u64; 6] = [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 1_000, 1];

/// The coarsest unit of which all times are multiples.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unit {
    /// Position in [`UNITS`]; `None` before any time.
    place: Option<usize>,
}

impl Unit {
    /// Takes one time into account.
    pub(super) fn take(&mut self, nanos: i128) {
        let mut place = self.place.unwrap_or(0);
        while nanos.rem_euclid(i128::from(UNITS[place])) != 0 {
            place += 1;
        }
        self.place = Some(place);
    }

    /// Returns the unit, or `None` if there were no times.
    pub(super) fn span(self) -> Option<Span> {
        self.place.map(|place| Span::from_nanos(UNITS[place]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_the_coarsest_of_which_all_times_are_multiples() {
        let of = |times: &[i128]| {
            let mut unit = Unit::default();
            times.iter().for_each(|time| unit.take(*time));
            unit.span()
        };
        assert_eq!(of(&[]), None, "nothing has no unit");
        assert_eq!(of(&[3_000_000_000, 0]), Some(Span::from_secs(1)));
        assert_eq!(of(&[3_000_000_000, 2_000_000]), Some(Span::from_millis(1)));
        assert_eq!(of(&[3_000_000_000, 1_500]), Some(Span::from_nanos(1)));
    }
}
