//! Reads times that tools write for people, such as `1.20ms`, `870us`, `1m30.5s` and `0.0021 secs`, as milliseconds.

/// Units of time in milliseconds, with the spellings of Go, C and JavaScript tools.
const UNITS: [(&str, f64); 16] = [
    ("ns", 1e-6),
    ("us", 1e-3),
    ("µs", 1e-3),
    ("μs", 1e-3),
    ("ms", 1.0),
    ("s", 1e3),
    ("sec", 1e3),
    ("secs", 1e3),
    ("second", 1e3),
    ("seconds", 1e3),
    ("m", 6e4),
    ("min", 6e4),
    ("mins", 6e4),
    ("h", 3.6e6),
    ("hour", 3.6e6),
    ("hours", 3.6e6),
];

/// The unit in which a tool writes times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
}

impl Unit {
    /// Returns a time in milliseconds.
    pub(crate) fn ms(self, time: f64) -> f64 {
        // A division by a power of ten is rounded once; its reciprocal would be rounded before that.
        match self {
            Self::Nanoseconds => time / 1e6,
            Self::Microseconds => time / 1e3,
            Self::Milliseconds => time,
            Self::Seconds => time * 1e3,
        }
    }
}

/// Returns a time in milliseconds; the parts of a time such as `1m30s` are added. `None` if the text is not a time of
/// at least 0 with a unit.
pub(crate) fn milliseconds(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut total = None;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (value, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = Some(total.unwrap_or(0.0) + value.parse::<f64>().ok()? * factor);
        rest = after.trim_start();
    }
    total.filter(|total: &f64| total.is_finite())
}

/// Formats a time in milliseconds: with one decimal, or with three below 1 ms.
pub(crate) fn ms(time: f64) -> String {
    let digits = if time > 0.0 && time < 1.0 { 3 } else { 1 };
    format!("{time:.digits$}")
}

/// Returns a finite number of at least 0, or `None`.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0)
}

/// Returns a whole number, or `None`.
pub(crate) fn count(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// Adds up counts; a sum that is too large for the type stays at its largest value.
pub(crate) fn sum(counts: impl IntoIterator<Item = u64>) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}

/// Returns the time of a number of milliseconds since 1970 as RFC 3339, or `None` if that is beyond the calendar.
pub(crate) fn moment(milliseconds: f64) -> Option<String> {
    let within = milliseconds.is_finite().then_some(milliseconds as i64)?;
    jiff::Timestamp::from_millisecond(within).ok().map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_unit_become_milliseconds() {
        let table = [
            ("1.20ms", Some(1.2)),
            ("870.00us", Some(0.87)),
            ("870µs", Some(0.87)),
            ("870μs", Some(0.87)),
            ("500ns", Some(0.0005)),
            ("0.0021 secs", Some(2.1)),
            ("1m30.5s", Some(90_500.0)),
            ("1h0m1s", Some(3_601_000.0)),
            ("0s", Some(0.0)),
            ("2", None),
            ("-1ms", None),
            ("1.2.3ms", None),
            ("12 parsecs", None),
            ("", None),
        ];
        for (text, expected) in table {
            let same = match (milliseconds(text), expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-9 * expected.max(1.0),
                (found, expected) => found == expected,
            };
            assert!(same, "`{text}`: {:?}", milliseconds(text));
        }
    }
}
