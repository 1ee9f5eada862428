//! Parses values from the command line: durations, fractions and probabilities.

use std::time::Duration;

/// How the end of the warm-up is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    /// The warm-up is a phase of this length.
    Fixed(Duration),
    /// The end is detected from the measurements, in addition to the warm-up phase of the config.
    Detect,
}

/// Reads a duration such as `30s`, `1m30s` or `500ms`; a bare number is in seconds.
///
/// # Errors
/// The text is not a duration, or it is negative or too long.
pub fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is not a duration; use `30s`, `2m` or `1h30m`");
    let seconds = match text.parse::<f64>() {
        Ok(seconds) => seconds,
        Err(_) => text.parse::<jiff::SignedDuration>().map_err(|_| bad())?.as_secs_f64(),
    };
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| format!("`{text}` is negative or too long; use a duration such as `30s`"))
}

/// Reads a fraction above 0 and below 1, such as `3%` or `0.03`.
///
/// # Errors
/// The text is not such a number.
pub fn fraction(text: &str) -> Result<f64, String> {
    number(text)
        .filter(|value| *value > 0.0 && *value < 1.0)
        .ok_or_else(|| format!("`{text}` is not a fraction between 0 and 1; use `3%` or `0.03`"))
}

/// Reads a probability from 0 to 1, such as `2%`, `0.02`, `0` or `100%`.
///
/// # Errors
/// The text is not such a number.
pub fn probability(text: &str) -> Result<f64, String> {
    number(text)
        .filter(|value| (0.0..=1.0).contains(value))
        .ok_or_else(|| format!("`{text}` is not a probability from 0 to 1; use `2%` or `0.02`"))
}

/// Reads the length of a warm-up, or `detect`.
///
/// # Errors
/// The text is neither of them.
pub fn warm_up(text: &str) -> Result<WarmUp, String> {
    if text == "detect" {
        return Ok(WarmUp::Detect);
    }
    let bad = || format!("`{text}` is neither a duration such as `5s` nor `detect`");
    duration(text).map(WarmUp::Fixed).map_err(|_| bad())
}

/// Reads the ways of switching between algorithms, each with its explanation.
#[cfg(feature = "cli")]
pub(crate) fn switching_parser() -> impl clap::builder::TypedValueParser<Value = lb_admin_client::Switching> {
    use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
    use lb_admin_client::Switching;
    let selector = PossibleValue::new("selector")
        .help("One group of backends for each algorithm, and a selector: breaks no connection");
    let config = PossibleValue::new("config").help("Load a new configuration (nginx, Caddy, Envoy)");
    PossibleValuesParser::new([selector, config]).map(|name| match name.as_str() {
        "config" => Switching::Config,
        _ => Switching::Selector,
    })
}

/// A number, or a percentage.
fn number(text: &str) -> Option<f64> {
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
    fn durations_are_read_with_and_without_units() {
        for (text, seconds) in [("30s", 30.0), ("1m30s", 90.0), ("500ms", 0.5), ("12", 12.0), ("0.5", 0.5)] {
            assert_eq!(duration(text).map(|time| time.as_secs_f64()), Ok(seconds), "{text}");
        }
        for text in ["", "soon", "-3s", "-1", "NaN"] {
            let error = duration(text).expect_err("what is not a duration must be refused");
            assert!(error.contains(&format!("`{text}`")), "the message names the value: {error}");
        }
    }

    #[test]
    fn refusals_say_what_to_write() {
        assert_eq!(duration("soon"), Err("`soon` is not a duration; use `30s`, `2m` or `1h30m`".to_owned()));
        assert_eq!(
            fraction("5"),
            Err("`5` is not a fraction between 0 and 1; use `3%` or `0.03`".to_owned())
        );
    }
}
