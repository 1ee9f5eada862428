//! Words of a command line: conditions spelled out, and the whole as people read it.

use lb_core::plain;
use lb_core::secret::mask_passwords;

/// The most characters of a wrong value that are repeated.
const SHOWN: usize = 60;

/// Writes a command line as a shell would take it, with passwords in URLs masked.
pub(crate) fn in_words(name: &str, arguments: &[String]) -> String {
    let mut line = name.to_owned();
    for argument in arguments {
        line.push(' ');
        line.push_str(&quoted(&mask_passwords(argument)));
    }
    line
}

/// Quotes a word for a shell if it needs that.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Spells out a condition in short form: `p95<200` is `http_req_duration: p(95)<200`, `errors<1%` is
/// `http_req_failed: rate<0.01`. Anything else is left to the command line.
pub(crate) fn spell_out(condition: &str) -> String {
    let Some(at) = condition.find(['<', '>']) else { return condition.to_owned() };
    let (name, limit) = condition.split_at(at);
    let name = name.trim();
    let percentile = name.strip_prefix('p').filter(|digits| digits.parse::<f64>().is_ok());
    match (name, percentile) {
        (_, Some(digits)) => format!("http_req_duration: p({digits}){limit}"),
        ("mean" | "avg", _) => format!("http_req_duration: avg{limit}"),
        ("median" | "med", _) => format!("http_req_duration: med{limit}"),
        ("max", _) => format!("http_req_duration: max{limit}"),
        ("errors", _) => format!("http_req_failed: rate{}", as_share(limit)),
        _ => condition.to_owned(),
    }
}

/// Writes a limit in percent as a share: `<1%` is `<0.01`.
fn as_share(limit: &str) -> String {
    let digits = limit.trim_start_matches(['<', '>', '=']);
    let operator = &limit[..limit.len() - digits.len()];
    let percent = digits.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    percent.map_or_else(|| limit.to_owned(), |percent| format!("{operator}{}", percent / 100.0))
}

/// Writes what somebody sent so that it can be repeated: on one line, and not too long.
pub(crate) fn shown(text: &str) -> String {
    let line = plain::line(text);
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.into_owned(),
    }
}
