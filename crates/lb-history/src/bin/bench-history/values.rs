//! Values on the command line: times, waits and fractions.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use std::time::Duration;

/// Reads a time: how long ago (`30d`), a date in UTC, or a time with its zone.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    let unknown = || {
        format!("`{text}` is not a time; use `30d` for 30 days ago, `2026-11-01` or `2026-11-01T02:00:00Z`")
    };
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(date) = text.parse::<Date>() {
        return date.to_zoned(TimeZone::UTC).map(|time| time.timestamp()).map_err(|_| unknown());
    }
    let ago = text.parse::<Span>().ok().filter(|span| !span.is_negative()).ok_or_else(unknown)?;
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    now.checked_sub(ago).map(|time| time.timestamp()).map_err(|_| unknown())
}

/// Reads how long to wait.
pub(crate) fn wait(text: &str) -> Result<Duration, String> {
    let unknown = || format!("`{text}` is not a duration; use `500ms`, `30s` or `2m`");
    let read = text.parse::<SignedDuration>().map_err(|_| unknown())?;
    // More than a day is a mistake, and more than 24 days would overflow the databases' settings.
    let allowed = SignedDuration::ZERO..=SignedDuration::from_hours(24);
    if !allowed.contains(&read) {
        return Err(format!("`{text}` is negative or more than a day; use a duration such as `30s`"));
    }
    Ok(read.unsigned_abs())
}

/// Reads a fraction from 0 to below 1, such as `2%` or `0.02`.
pub(crate) fn fraction(text: &str) -> Result<f64, String> {
    let (number, unit) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let read = number.trim().parse::<f64>().ok().map(|value| value / unit);
    read.filter(|value| (0.0..1.0).contains(value))
        .ok_or_else(|| format!("`{text}` is not a fraction from 0 to below 1; use `2%` or `0.02`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_ages_dates_or_moments() {
        assert_eq!(moment("2026-11-01").expect("a date").to_string(), "2026-11-01T00:00:00Z");
        assert_eq!(moment("2026-11-01T02:00:00+01:00").expect("a time").to_string(), "2026-11-01T01:00:00Z");
        let age = |text: &str| {
            let then = moment(text).expect("an age");
            Timestamp::now().duration_since(then).as_hours()
        };
        assert_eq!((age("2d"), age("3w")), (48, 504));
        for text in ["", "soon", "-3d", "2026-13-01"] {
            let error = moment(text).expect_err("no time");
            assert!(error.contains(&format!("`{text}` is not a time; use `30d`")), "{error}");
        }
    }

    #[test]
    fn waits_have_a_unit_and_an_end() {
        assert_eq!(wait("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(wait("0s"), Ok(Duration::ZERO));
        for text in ["10", "soon", "-1s", "48h"] {
            assert!(wait(text).expect_err("no wait").contains(&format!("`{text}` is ")), "{text}");
        }
    }

    #[test]
    fn fractions_are_read_with_and_without_the_percent_sign() {
        assert_eq!((fraction("2%"), fraction("0.02"), fraction("0")), (Ok(0.02), Ok(0.02), Ok(0.0)));
        assert!(fraction("2").expect_err("too much").contains("use `2%`"));
    }
}
