//! Parses the timestamps of recordings.

use serde_json::Value;

/// Numbers up to this are seconds since 1970; larger ones are milliseconds. 1e11 seconds is in the year 5138,
/// 1e11 milliseconds in 1973.
const LARGEST_SECONDS: f64 = 1e11;

/// A point in time, and how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Unix time in nanoseconds.
    pub(super) nanos: i128,
    /// The style of the time. Times in different styles are not compared, because their zones may differ.
    pub(super) style: Style,
    /// The time as written, for messages.
    pub(super) text: String,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// A date and time with an offset from UTC.
    Zoned,
    /// A date and time without a zone, which counts as UTC.
    Local,
    /// Unix time in seconds.
    Seconds,
    /// Unix time in milliseconds.
    Milliseconds,
}

impl Style {
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::Zoned => "a time with its zone",
            Self::Local => "a time without a zone",
            Self::Seconds => "Unix seconds",
            Self::Milliseconds => "Unix milliseconds",
        }
    }
}

/// Parses the time of a JSON row. Errors say what is wrong.
pub(super) fn of_json(value: &Value) -> Result<Stamp, String> {
    match value {
        Value::Number(number) => number
            .as_f64()
            .and_then(|unix| of_unix(unix, number.to_string()))
            .ok_or_else(|| bad(&number.to_string())),
        Value::String(text) => of_text(text),
        other => Err(bad(&other.to_string())),
    }
}

/// Parses a time written as text.
pub(super) fn of_text(text: &str) -> Result<Stamp, String> {
    let text = text.trim();
    if let Ok(unix) = text.parse::<f64>() {
        return of_unix(unix, text.to_owned()).ok_or_else(|| bad(text));
    }
    let (nanos, style) = match text.parse::<jiff::Timestamp>() {
        Ok(zoned) => (zoned.as_nanosecond(), Style::Zoned),
        Err(_) => {
            let local: jiff::civil::DateTime = text.parse().map_err(|_| bad(text))?;
            let utc = local.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| bad(text))?;
            (utc.timestamp().as_nanosecond(), Style::Local)
        }
    };
    Ok(Stamp { nanos, style, text: text.to_owned() })
}

/// Parses a time of an access log, such as `10/Oct/2000:13:55:36 -0700`.
pub(super) fn of_log(text: &str) -> Result<Stamp, String> {
    match jiff::Zoned::strptime("%d/%b/%Y:%H:%M:%S %z", text) {
        Ok(zoned) => {
            let nanos = zoned.timestamp().as_nanosecond();
            Ok(Stamp { nanos, style: Style::Zoned, text: text.to_owned() })
        }
        Err(_) => Err(format!("`{text}` is not an access log time, such as `10/Oct/2000:13:55:36 -0700`")),
    }
}

fn of_unix(unix: f64, text: String) -> Option<Stamp> {
    let (style, unit) =
        if unix <= LARGEST_SECONDS { (Style::Seconds, 1e9) } else { (Style::Milliseconds, 1e6) };
    // A time after the year 9999 is in another unit, or not a time.
    let sane = unix >= 0.0 && unix * unit < 2.6e20;
    // Rounded to microseconds: a double holding Unix seconds is no more precise than that.
    sane.then(|| Stamp { nanos: (unix * unit / 1e3).round() as i128 * 1_000, style, text })
}

fn bad(text: &str) -> String {
    format!(
        "`{text}` is not a timestamp; use RFC 3339 (`2026-01-31T12:00:00Z`), `2026-01-31 12:00:00`, or Unix seconds or milliseconds"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_same_moment_is_read_from_every_style() {
        for (value, style) in [
            (json!("2023-11-14T22:13:20Z"), Style::Zoned),
            (json!("2023-11-14T23:13:20+01:00"), Style::Zoned),
            (json!("2023-11-14 22:13:20"), Style::Local),
            (json!("2023-11-14T22:13:20"), Style::Local),
            (json!(1_700_000_000), Style::Seconds),
            (json!("1700000000"), Style::Seconds),
            (json!(1_700_000_000_000_u64), Style::Milliseconds),
        ] {
            let stamp = of_json(&value).unwrap_or_else(|error| panic!("{value}: {error}"));
            assert_eq!((stamp.nanos, stamp.style), (1_700_000_000_000_000_000, style), "{value}");
        }
        let log = of_log("14/Nov/2023:15:13:20 -0700").expect("a time of a log");
        assert_eq!(log.nanos, 1_700_000_000_000_000_000);
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for value in [
            json!("soon"),
            json!(""),
            json!(null),
            json!(true),
            json!(-5),
            json!("2023-13-40 00:00:00"),
            json!(1e300),
        ] {
            let message = of_json(&value).expect_err("no time");
            assert!(message.contains("use RFC 3339"), "{value}: {message}");
        }
        assert!(of_log("14/Foo/2023:15:13:20 -0700").is_err());
    }
}
