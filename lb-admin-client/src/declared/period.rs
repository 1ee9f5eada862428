//! Times in a declaration, such as `500ms`, `10s` or `2m`.

use std::time::Duration;

/// The longest time: nobody waits longer for one switch.
const LONGEST: Duration = Duration::from_secs(3600);

/// Reads a time. Errors say what to write instead.
pub(super) fn read(text: &str) -> Result<Duration, String> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0)];
    let found = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let number = found.and_then(|(number, unit)| Some(number.trim().parse::<f64>().ok()? * unit));
    match number.map(Duration::try_from_secs_f64) {
        Some(Ok(time)) if time <= LONGEST => Ok(time),
        Some(_) => Err("must be from 0 to 60m".to_owned()),
        None => Err("is not a time; use `500ms`, `10s` or `2m`".to_owned()),
    }
}

/// Returns the time that a checked declaration gives, or else `default`.
pub(super) fn or(text: Option<&str>, default: Duration) -> Duration {
    text.and_then(|text| read(text).ok()).unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, millis) in [("500ms", 500), ("10s", 10_000), ("0.5s", 500), ("2m", 120_000), ("0s", 0)] {
            assert_eq!(read(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for (text, reason) in [
            ("soon", "is not a time"),
            ("10", "is not a time"),
            ("", "is not a time"),
            ("-1s", "must be from 0"),
            ("2000m", "must be from 0"),
            ("NaNs", "must be from 0"),
        ] {
            let message = read(text).expect_err(text);
            assert!(message.contains(reason), "{text}: {message}");
        }
    }
}
