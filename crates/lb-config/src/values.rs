//! Parses values from the command line: durations, numbers, fractions and probabilities.

use super::length::{FOREVER, Length};
use lb_core::BackendFrom;
use std::time::Duration;

/// How the end of the warm-up is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    /// The warm-up is a phase of this length.
    Fixed(Duration),
    /// The end is detected from the measurements, in addition to the warm-up phase of the config.
    Detect,
}

/// Reads a duration such as `30s`, `1m30s` or `500ms`. A number needs its unit, except for 0.
///
/// # Errors
/// The text is not a duration, has no unit, or it is negative or too long.
pub fn duration(text: &str) -> Result<Duration, String> {
    let seconds = match text.parse::<f64>() {
        Ok(0.0) => 0.0,
        Ok(bare) if bare > 0.0 && bare.is_finite() => {
            return Err(format!("`{text}` has no unit; use `{text}s` for seconds or `{text}m` for minutes"));
        }
        Ok(_) => return Err(format!("`{text}` is not a duration; use `30s`, `2m` or `1h30m`")),
        Err(_) => text
            .parse::<jiff::SignedDuration>()
            .map_err(|_| format!("`{text}` is not a duration; use `30s`, `2m` or `1h30m`"))?
            .as_secs_f64(),
    };
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| format!("`{text}` is negative or too long; use a duration such as `30s`"))
}

/// Reads how long load is sent: a duration, or `forever`.
///
/// # Errors
/// The text is neither.
pub fn length(text: &str) -> Result<Length, String> {
    if text == FOREVER { Ok(Length::Forever) } else { duration(text).map(Length::For) }
}

/// Reads where replies name the backend, such as `header:X-Served-By`.
///
/// # Errors
/// The text has no kind of place, or what follows cannot name a backend.
pub fn backend_from(text: &str) -> Result<BackendFrom, String> {
    let read = match text.split_once(':') {
        Some(("header", name)) => BackendFrom::Header(name.trim().to_owned()),
        Some(("cookie", name)) => BackendFrom::Cookie(name.trim().to_owned()),
        Some(("body" | "body_pointer", pointer)) => BackendFrom::BodyPointer(pointer.trim().to_owned()),
        _ => {
            return Err(format!(
                "`{text}` does not name a part of the reply; use `header:X-Served-By`, `cookie:SERVERID` or `body:/hostname`"
            ));
        }
    };
    match read.fault() {
        Some(fault) => Err(format!("`{}` {fault}", read.value())),
        None => Ok(read),
    }
}

/// Reads a whole number from 0 to the highest value of its type.
///
/// # Errors
/// The text is not a number in this range.
pub fn whole<T: TryFrom<u64> + Bounded>(text: &str) -> Result<T, String> {
    let number = whole_within(0, T::HIGHEST)(text)?;
    T::try_from(number).map_err(|_| format!("`{text}` is too high; use {} or less", T::HIGHEST))
}

/// The highest value of a type of whole numbers.
pub trait Bounded {
    /// The highest value.
    const HIGHEST: u64;
}

impl Bounded for u16 {
    const HIGHEST: u64 = Self::MAX as u64;
}

impl Bounded for u32 {
    const HIGHEST: u64 = Self::MAX as u64;
}

impl Bounded for u64 {
    const HIGHEST: u64 = Self::MAX;
}

/// Reads a whole number from `least` to `most`.
pub fn whole_within(least: u64, most: u64) -> impl Fn(&str) -> Result<u64, String> + Clone {
    move |text: &str| {
        if let Ok(number) = text.parse::<u64>() {
            return match number {
                number if number < least => Err(format!("`{text}` is too low; use {least} or more")),
                number if number > most => Err(format!("`{text}` is too high; use {most} or less")),
                number => Ok(number),
            };
        }
        Err(match text.parse::<f64>() {
            Ok(number) if number < 0.0 => format!("`{text}` is negative; use {least} or more"),
            // Up to 2^53, a floating-point number represents every whole number exactly.
            Ok(number) if number.fract() == 0.0 && number < 9e15 => {
                format!("`{text}` must be written with digits only; use `{number:.0}`")
            }
            Ok(number) if number.is_finite() && number >= 1e15 => {
                format!("`{text}` is too high; use {most} or less")
            }
            _ => format!("`{text}` is not a whole number; use one such as `{}`", least.max(10).min(most)),
        })
    }
}

/// Reads a number such as `2` or `0.5`.
///
/// # Errors
/// The text is not a finite number.
pub fn number(text: &str) -> Result<f64, String> {
    let read = text.parse::<f64>().ok().filter(|number| number.is_finite());
    read.ok_or_else(|| format!("`{text}` is not a number; use one such as `2` or `0.5`"))
}

/// Reads a fraction above 0 and below 1, such as `3%` or `0.03`.
///
/// # Errors
/// The text is not a number in this range.
pub fn fraction(text: &str) -> Result<f64, String> {
    let read = share(text);
    if let Some(value) = read.filter(|value| *value > 0.0 && *value < 1.0) {
        return Ok(value);
    }
    Err(match read.filter(|value| (1.0..100.0).contains(value) && !text.contains('%')) {
        Some(percent) => {
            format!("`{text}` is not a fraction; use `{text}%` or `{}`", rounded(percent / 100.0))
        }
        None => format!("`{text}` is not a fraction between 0 and 1; use `3%` or `0.03`"),
    })
}

/// Rounds away the extra digits of a division.
fn rounded(value: f64) -> f64 {
    (value * 1e12).round() / 1e12
}

/// Reads a probability from 0 to 1, such as `2%`, `0.02`, `0` or `100%`.
///
/// # Errors
/// The text is not a number in this range.
pub fn probability(text: &str) -> Result<f64, String> {
    share(text)
        .filter(|value| (0.0..=1.0).contains(value))
        .ok_or_else(|| format!("`{text}` is not a probability from 0 to 1; use `2%` or `0.02`"))
}

/// Reads the length of a warm-up, or `detect`.
///
/// # Errors
/// Fails if the text is neither of them.
pub fn warm_up(text: &str) -> Result<WarmUp, String> {
    if text == "detect" {
        return Ok(WarmUp::Detect);
    }
    match duration(text) {
        Ok(time) => Ok(WarmUp::Fixed(time)),
        Err(_) if text.parse::<f64>().is_err() => {
            Err(format!("`{text}` is neither a duration such as `5s` nor `detect`"))
        }
        Err(reason) => Err(reason),
    }
}

/// Returns a parser for the ways of switching between algorithms.
#[cfg(feature = "cli")]
pub(crate) fn switching_parser() -> impl clap::builder::TypedValueParser<Value = lb_admin_client::Switching> {
    use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
    use lb_admin_client::Switching;
    let selector = PossibleValue::new("selector")
        .help("Choose among groups of backends, one per algorithm, without breaking connections");
    let config = PossibleValue::new("config").help("Load a new configuration (nginx, Caddy, Envoy)");
    PossibleValuesParser::new([selector, config]).map(|name| match name.as_str() {
        "config" => Switching::Config,
        _ => Switching::Selector,
    })
}

/// Parses a number or a percentage.
fn share(text: &str) -> Option<f64> {
    let (number, unit) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    number.trim().parse::<f64>().ok().map(|value| value / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_read_with_and_without_the_percent_sign() {
        for (text, value) in [("3%", 0.03), ("0.03", 0.03), ("12.5 %", 0.125)] {
            assert_eq!(fraction(text), Ok(value), "{text}");
        }
        for text in ["", "0", "100%", "-1%", "5", "much"] {
            let error = fraction(text).expect_err("what is not a fraction must be refused");
            assert!(error.contains(&format!("`{text}`")), "the message names the value: {error}");
        }
    }

    #[test]
    fn a_probability_has_both_ends() {
        for (text, value) in [("2%", 0.02), ("0.02", 0.02), ("0", 0.0), ("100%", 1.0), ("1", 1.0)] {
            assert_eq!(probability(text), Ok(value), "{text}");
        }
        for text in ["", "2", "101%", "-1%", "NaN"] {
            let error = probability(text).expect_err("what is not a probability must be refused");
            assert!(error.contains(&format!("`{text}`")), "the message names the value: {error}");
        }
    }

    #[test]
    fn a_warm_up_is_a_duration_or_detected() {
        assert_eq!(warm_up("detect"), Ok(WarmUp::Detect));
        assert_eq!(warm_up("5s"), Ok(WarmUp::Fixed(Duration::from_secs(5))));
        let error = warm_up("mser").expect_err("neither a duration nor the word");
        assert!(error.contains("`detect`"), "{error}");
    }

    #[test]
    fn durations_have_units() {
        for (text, seconds) in [("30s", 30.0), ("1m30s", 90.0), ("500ms", 0.5), ("0.5s", 0.5), ("0", 0.0)] {
            assert_eq!(duration(text).map(|time| time.as_secs_f64()), Ok(seconds), "{text}");
        }
        for text in ["", "soon", "-3s", "-1", "NaN", "inf", "12", "0.5"] {
            let error = duration(text).expect_err("what is not a duration must be refused");
            assert!(error.contains(&format!("`{text}`")), "the message names the value: {error}");
        }
    }

    #[test]
    fn a_length_is_a_duration_or_has_no_end() {
        assert_eq!(length("forever"), Ok(Length::Forever));
        assert_eq!(length("90s"), Ok(Length::For(Duration::from_secs(90))));
        assert_eq!(length("soon"), Err("`soon` is not a duration; use `30s`, `2m` or `1h30m`".to_owned()));
    }

    #[test]
    fn whole_numbers_are_digits_within_their_type() {
        assert_eq!(whole::<u32>("100"), Ok(100));
        assert_eq!(whole::<u64>("18446744073709551615"), Ok(u64::MAX));
        for (text, message) in [
            ("1e6", "`1e6` must be written with digits only; use `1000000`"),
            ("2.0", "`2.0` must be written with digits only; use `2`"),
            ("-1", "`-1` is negative; use 0 or more"),
            ("2.5", "`2.5` is not a whole number; use one such as `10`"),
            ("many", "`many` is not a whole number; use one such as `10`"),
            ("", "`` is not a whole number; use one such as `10`"),
            ("70000", "`70000` is too high; use 65535 or less"),
            ("1e30", "`1e30` is too high; use 65535 or less"),
        ] {
            assert_eq!(whole::<u16>(text), Err(message.to_owned()), "{text}");
        }
        assert_eq!(whole_within(1, 5)("0"), Err("`0` is too low; use 1 or more".to_owned()));
        assert_eq!(whole_within(1, 5)("x"), Err("`x` is not a whole number; use one such as `5`".to_owned()));
        assert_eq!(whole_within(1, 5)("5"), Ok(5));
    }

    #[test]
    fn refusals_say_what_to_write() {
        for (refused, message) in [
            (duration("soon").err(), "`soon` is not a duration; use `30s`, `2m` or `1h30m`"),
            (duration("5").err(), "`5` has no unit; use `5s` for seconds or `5m` for minutes"),
            (duration("-5s").err(), "`-5s` is negative or too long; use a duration such as `30s`"),
            (warm_up("5").err(), "`5` has no unit; use `5s` for seconds or `5m` for minutes"),
            (fraction("5").map(drop).err(), "`5` is not a fraction; use `5%` or `0.05`"),
            (fraction("3").map(drop).err(), "`3` is not a fraction; use `3%` or `0.03`"),
            (fraction("7").map(drop).err(), "`7` is not a fraction; use `7%` or `0.07`"),
            (fraction("150").map(drop).err(), "`150` is not a fraction between 0 and 1; use `3%` or `0.03`"),
            (number("fast").map(drop).err(), "`fast` is not a number; use one such as `2` or `0.5`"),
        ] {
            assert_eq!(refused.as_deref(), Some(message));
        }
    }
}
