//! Parses the timestamps of recordings.

use serde_json::Value;

/// Numbers up to this are seconds since 1970; larger ones are milliseconds, microseconds or nanoseconds. 1e11 seconds is
/// in the year 5138, 1e11 milliseconds in 1973.
const LARGEST_SECONDS: f64 = 1e11;

const NANOS: i128 = 1_000_000_000;

/// A point in time, and how it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Unix time in nanoseconds.
    pub(crate) nanos: i128,
    /// The style of the time. Times in different styles are not compared, because their zones may differ.
    pub(crate) style: Style,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// A date and time with an offset from UTC.
    Zoned,
    /// A date and time without a zone, which counts as UTC.
    Local,
    /// Unix time in seconds.
    Seconds,
    /// Unix time in milliseconds or a smaller unit.
    Milliseconds,
}

impl Style {
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::Zoned => "a time with its zone",
            Self::Local => "a time without a zone",
            Self::Seconds => "Unix seconds",
            Self::Milliseconds => "Unix milliseconds",
        }
    }
}

impl Stamp {
    /// Returns whether the time is a whole second.
    pub(crate) const fn is_whole(self) -> bool {
        self.nanos % NANOS == 0
    }
}

/// Parses the time of a JSON value. Errors say what is wrong.
pub(crate) fn of_json(value: &Value) -> Result<Stamp, String> {
    match value {
        Value::Number(number) => number.as_f64().and_then(of_unix).ok_or_else(|| bad(&number.to_string())),
        Value::String(text) => of_text(text),
        other => Err(bad(&other.to_string())),
    }
}

/// Parses a time written as text.
pub(crate) fn of_text(text: &str) -> Result<Stamp, String> {
    let text = text.trim();
    if let Some(stamp) = of_clf(text) {
        return Ok(stamp);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && let Ok(unix) = text.parse::<f64>()
    {
        return of_unix(unix).ok_or_else(|| bad(text));
    }
    if text.len() > 64 {
        return Err(bad(&text.chars().take(40).collect::<String>()));
    }
    // ISO 8601 in the form of nginx's `$time_iso8601` and with a space, with offsets such as `+0000`.
    if let Ok(zoned) = text.parse::<jiff::Timestamp>() {
        return Ok(Stamp { nanos: zoned.as_nanosecond(), style: Style::Zoned });
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f %z", "%a, %d %b %Y %H:%M:%S %z"] {
        if let Ok(zoned) = jiff::Zoned::strptime(format, text.replace("GMT", "+0000")) {
            return Ok(Stamp { nanos: zoned.timestamp().as_nanosecond(), style: Style::Zoned });
        }
    }
    let local: jiff::civil::DateTime = text.parse().map_err(|_| bad(text))?;
    let utc = local.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| bad(text))?;
    Ok(Stamp { nanos: utc.timestamp().as_nanosecond(), style: Style::Local })
}

/// Parses a time of an access log: `10/Oct/2000:13:55:36 -0700`, with a fraction or without, with a space in place of
/// the first colon, or without a zone.
pub(crate) fn of_clf(text: &str) -> Option<Stamp> {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || bytes[2] != b'/' || bytes[6] != b'/' || !matches!(bytes[11], b':' | b' ') {
        return None;
    }
    let number = |from: usize, length: usize| -> Option<i64> {
        bytes
            .get(from..from + length)?
            .iter()
            .try_fold(0_i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let month = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(&bytes[3..6]))? as i64 + 1;
    let (day, year) = (number(0, 2)?, number(7, 4)?);
    let (hour, minute, second) = (number(12, 2)?, number(15, 2)?, number(18, 2)?);
    if bytes[14] != b':' || bytes[17] != b':' || !(1..=31).contains(&day) || year < 1970 {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 || day > days_of(month, year) {
        return None;
    }
    let mut seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    let (mut fraction, mut at) = (0_i64, 20);
    if matches!(bytes.get(at), Some(b'.' | b',')) {
        let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let used = digits.min(9);
        fraction = number(at + 1, used)? * 10_i64.pow(9 - used as u32);
        at += 1 + digits;
    }
    let style = match bytes.get(at..) {
        Some([]) | None => Style::Local,
        Some(b"Z" | b" Z" | b" UTC" | b" GMT") => Style::Zoned,
        Some([b' ', rest @ ..]) | Some(rest) => {
            let digits: Vec<i64> = rest
                .iter()
                .skip(1)
                .filter(|byte| **byte != b':')
                .map(|byte| i64::from(*byte) - i64::from(b'0'))
                .collect();
            let [a, b, c, d] = digits[..] else { return None };
            if digits.iter().any(|digit| !(0..=9).contains(digit)) {
                return None;
            }
            let offset = (a * 10 + b) * 3600 + (c * 10 + d) * 60;
            match rest.first() {
                Some(b'+') => seconds -= offset,
                Some(b'-') => seconds += offset,
                _ => return None,
            }
            Style::Zoned
        }
    };
    Some(Stamp { nanos: i128::from(seconds) * NANOS + i128::from(fraction), style })
}

fn days_of(month: i64, year: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the number of days from 1970-01-01 to a date (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Returns the time of a Unix time, whose size tells its unit.
fn of_unix(unix: f64) -> Option<Stamp> {
    let (style, unit) = match unix {
        unix if unix <= LARGEST_SECONDS => (Style::Seconds, 1e9),
        unix if unix <= LARGEST_SECONDS * 1e3 => (Style::Milliseconds, 1e6),
        unix if unix <= LARGEST_SECONDS * 1e6 => (Style::Milliseconds, 1e3),
        _ => (Style::Milliseconds, 1.0),
    };
    // A time after the year 9999 is in another unit, or not a time.
    let sane = unix >= 0.0 && unix * unit < 2.6e20;
    // Rounded to microseconds: a double holding Unix seconds is no more precise than that.
    sane.then(|| Stamp { nanos: (unix * unit / 1e3).round() as i128 * 1_000, style })
}

fn bad(text: &str) -> String {
    format!(
        "`{text}` is not a timestamp; use RFC 3339 (`2026-01-31T12:00:00Z`), `2026-01-31 12:00:00`, `31/Jan/2026:12:00:00 +0000`, or Unix seconds or milliseconds"
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
            (json!("2023-11-14T23:13:20+0100"), Style::Zoned),
            (json!("Tue, 14 Nov 2023 22:13:20 GMT"), Style::Zoned),
            (json!("14/Nov/2023:15:13:20 -0700"), Style::Zoned),
            (json!("14/Nov/2023:22:13:20.000 +0000"), Style::Zoned),
            (json!("14/Nov/2023 22:13:20"), Style::Local),
            (json!("2023-11-14 22:13:20"), Style::Local),
            (json!("2023-11-14T22:13:20"), Style::Local),
            (json!(1_700_000_000), Style::Seconds),
            (json!("1700000000"), Style::Seconds),
            (json!(1_700_000_000_000_u64), Style::Milliseconds),
            (json!(1_700_000_000_000_000_u64), Style::Milliseconds),
            (json!(1_700_000_000_000_000_000_u64), Style::Milliseconds),
        ] {
            let stamp = of_json(&value).unwrap_or_else(|error| panic!("{value}: {error}"));
            assert_eq!((stamp.nanos, stamp.style), (1_700_000_000_000_000_000, style), "{value}");
        }
        let fraction = of_clf("14/Nov/2023:22:13:20.125 +0000").expect("a time");
        assert_eq!((fraction.nanos % NANOS, fraction.is_whole()), (125_000_000, false));
        assert_eq!(of_clf("29/Feb/2000:00:00:00 +0000").expect("a leap day").nanos, 951_782_400 * NANOS);
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
            json!("31/Foo/2023:00:00:00 +0000"),
            json!("31/Feb/2023:00:00:00 +0000"),
            json!("01/Feb/2023:00:00:00 +00"),
        ] {
            let message = of_json(&value).expect_err("no time");
            assert!(message.contains("use RFC 3339"), "{value}: {message}");
        }
    }
}
