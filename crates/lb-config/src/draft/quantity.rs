//! Parses the strengths of faults: `"300%"`, `5.0`, `"5x"`, and free text such as `30% requests fail`.

use crate::raw::Quantity;
use lb_core::fault::FaultKind;

/// A number with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Amount {
    /// A number without a unit.
    Plain(f64),
    /// A percentage as a fraction: `30%` is 0.3.
    Share(f64),
    /// A multiple: `5x` is 5.
    Times(f64),
    /// Milliseconds: `200ms` is 200.
    Millis(f64),
}

/// Parses a number with its unit.
fn amount(word: &str) -> Option<Amount> {
    let digits = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let number = word[..digits].parse::<f64>().ok().filter(|number| number.is_finite())?;
    match &word[digits..] {
        "" => Some(Amount::Plain(number)),
        "%" => Some(Amount::Share(number / 100.0)),
        "x" | "X" | "×" => Some(Amount::Times(number)),
        "ms" => Some(Amount::Millis(number)),
        _ => None,
    }
}

/// The valid endings of keys such as `cart_service_error_rate`.
pub(super) const KINDS: [&str; 5] =
    ["latency_increase", "latency_multiplier", "latency_add_ms", "error_rate", "timeout_rate"];

/// Returns the fault for the ending of a key and its value.
///
/// An increase *by* 300 % makes requests take four times as long (a multiplier of 4); a multiplier
/// of 5 makes them take five times as long. Rates are shares of requests.
pub(super) fn fault(kind: &str, quantity: &Quantity) -> Result<FaultKind, String> {
    let given = match quantity {
        Quantity::Number(number) => Amount::Plain(*number),
        Quantity::Text(text) => amount(text.trim().trim_start_matches('+'))
            .ok_or_else(|| "must be a number such as 0.15, or a text such as \"15%\" or \"5x\"".to_owned())?,
    };
    let number = match given {
        Amount::Plain(number) | Amount::Share(number) | Amount::Times(number) | Amount::Millis(number) => {
            number
        }
    };
    if number.is_nan() || number < 0.0 {
        return Err("must not be negative".to_owned());
    }
    match (kind, given) {
        ("latency_increase", Amount::Times(factor)) => slower(factor),
        ("latency_increase", _) => slower(1.0 + number),
        ("latency_multiplier", _) => slower(number),
        ("latency_add_ms", _) => Ok(FaultKind::LatencyAdd { add_ms: number }),
        ("error_rate", _) => share(number).map(|rate| FaultKind::ErrorRate { rate }),
        ("timeout_rate", _) => share(number).map(|rate| FaultKind::TimeoutRate { rate }),
        _ => Err(format!("`{kind}` is not a kind of fault")),
    }
}

/// Parses the fault that free text describes. Returns `None` if the text says `normal` or `recover`.
pub(super) fn impact(text: &str) -> Result<Option<FaultKind>, String> {
    let lower = text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let given = lower.split_whitespace().find_map(|word| amount(word.trim_start_matches('+')));
    match given {
        Some(Amount::Share(rate)) if says(&["timeout", "time out", "timing out"]) => {
            share(rate).map(|rate| Some(FaultKind::TimeoutRate { rate }))
        }
        Some(Amount::Share(rate)) if says(&["fail", "error"]) => {
            share(rate).map(|rate| Some(FaultKind::ErrorRate { rate }))
        }
        Some(Amount::Share(more)) if says(&["slower", "latency", "response time"]) => {
            slower(1.0 + more).map(Some)
        }
        Some(Amount::Times(factor)) if says(&["response time", "latency", "slow"]) => {
            slower(factor).map(Some)
        }
        Some(Amount::Millis(add_ms)) => Ok(Some(FaultKind::LatencyAdd { add_ms })),
        None if says(&["normal", "recover"]) => Ok(None),
        _ => Err("is not a known impact; use `30% requests fail`, `20% requests timeout`, \
                  `5x normal response time` or `200ms added latency`"
            .to_owned()),
    }
}

fn slower(factor: f64) -> Result<FaultKind, String> {
    if factor > 0.0 && factor <= 1e6 {
        Ok(FaultKind::LatencyFactor { factor })
    } else {
        Err("the factor must be above 0 and at most 1000000".to_owned())
    }
}

fn share(rate: f64) -> Result<f64, String> {
    if (0.0..=1.0).contains(&rate) {
        Ok(rate)
    } else {
        Err("must be a share of requests, from 0 to 1 or from \"0%\" to \"100%\"".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Quantity {
        Quantity::Text(text.to_owned())
    }

    #[test]
    fn percent_strings_and_fractions_mean_the_same() {
        assert_eq!(fault("error_rate", &text("15%")), Ok(FaultKind::ErrorRate { rate: 0.15 }));
        assert_eq!(fault("error_rate", &Quantity::Number(0.15)), Ok(FaultKind::ErrorRate { rate: 0.15 }));
        assert_eq!(fault("timeout_rate", &text("10%")), Ok(FaultKind::TimeoutRate { rate: 0.1 }));
    }

    #[test]
    fn an_increase_by_300_percent_is_a_factor_of_4_and_a_multiplier_is_itself() {
        let four = Ok(FaultKind::LatencyFactor { factor: 4.0 });
        assert_eq!(fault("latency_increase", &text("300%")), four);
        assert_eq!(fault("latency_increase", &Quantity::Number(3.0)), four);
        assert_eq!(fault("latency_increase", &text("4x")), four);
        assert_eq!(fault("latency_multiplier", &Quantity::Number(4.0)), four);
    }

    #[test]
    fn free_text_is_understood_in_the_forms_that_exist() {
        for (text, expected) in [
            ("30% requests fail", Some(FaultKind::ErrorRate { rate: 0.3 })),
            ("5x normal response time", Some(FaultKind::LatencyFactor { factor: 5.0 })),
            ("20% requests timeout", Some(FaultKind::TimeoutRate { rate: 0.2 })),
            ("+200ms latency", Some(FaultKind::LatencyAdd { add_ms: 200.0 })),
            ("all services normal", None),
        ] {
            assert_eq!(impact(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_with_the_forms_that_are() {
        for bad in ["quite slow", "many requests fail", "", "130% requests fail", "0x latency"] {
            impact(bad).expect_err(bad);
        }
        for (kind, bad) in [
            ("error_rate", "150%"),
            ("error_rate", "often"),
            ("latency_multiplier", "-3"),
            ("error_rate", "NaN%"),
        ] {
            fault(kind, &text(bad)).expect_err(bad);
        }
        assert!(fault("error_rate", &Quantity::Number(-0.1)).is_err(), "negative rates make no sense");
    }
}
