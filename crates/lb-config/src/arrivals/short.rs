//! The short form of arrivals: `constant:500`, `poisson:500`, `ramp:100-800`, `bursts:200-1600:5s-1s`.

use crate::raw::{ArrivalSettings, Process};

/// The accepted short forms, for error messages.
pub(super) const FORMS: &str = "`constant:500`, `poisson:500`, `ramp:100-800` (start and end of each pattern) or \
     `bursts:200-1600:5s-1s` (calm and busy rate, mean stay in each), in arrivals per second";

/// Parses a short form. Errors say what is wrong and list the accepted forms.
pub(super) fn read(text: &str) -> Result<ArrivalSettings, String> {
    let (process, rest) = text.split_once(':').unwrap_or((text, ""));
    let of = |process| ArrivalSettings::of(process);
    let bad = |what: &str| format!("{what}; use {FORMS}");
    match process.trim() {
        name @ ("constant" | "poisson") => {
            let process = if name == "constant" { Process::Constant } else { Process::Poisson };
            let rate = rate(rest).ok_or_else(|| bad("has no rate above 0"))?;
            Ok(ArrivalSettings { rate: Some(rate), ..of(process) })
        }
        "ramp" => {
            let rates = pair(rest, number).ok_or_else(|| bad("needs two rates"))?;
            Ok(ArrivalSettings { rates: Some(rates), ..of(Process::Ramp) })
        }
        "bursts" => {
            let (rates, stays) = rest.split_once(':').ok_or_else(|| bad("lacks rates or mean stay times"))?;
            let rates = pair(rates, number).ok_or_else(|| bad("needs two rates"))?;
            let stays = pair(stays, seconds).ok_or_else(|| bad("needs two mean stay times"))?;
            Ok(ArrivalSettings { rates: Some(rates), mean_stay_s: Some(stays), ..of(Process::Bursts) })
        }
        "replay" => Err("needs a file; give it with --replay, or make `bench.arrivals` an object".to_owned()),
        _ => Err(bad("is not an arrival process")),
    }
}

fn rate(text: &str) -> Option<f64> {
    number(text).filter(|rate| *rate > 0.0)
}

/// Parses a number that is not negative.
fn number(text: &str) -> Option<f64> {
    // Rust also parses `inf`, `NaN` and signs, which are not rates.
    let plain = text.trim().bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.trim().parse().ok().filter(|number: &f64| plain && number.is_finite())
}

/// Parses a duration such as `5s`, `500ms` or `1m30s`, or a bare number of seconds.
fn seconds(text: &str) -> Option<f64> {
    let time = || Some(text.trim().parse::<jiff::SignedDuration>().ok()?.as_secs_f64());
    number(text).or_else(time).filter(|seconds| *seconds > 0.0)
}

fn pair(text: &str, read: impl Fn(&str) -> Option<f64>) -> Option<[f64; 2]> {
    let (first, second) = text.split_once('-')?;
    Some([read(first)?, read(second)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_process_has_a_short_form() {
        let constant = read("constant:500").expect("a rate");
        assert_eq!((constant.process, constant.rate), (Process::Constant, Some(500.0)));
        let poisson = read("poisson:0.5").expect("a fraction is a rate");
        assert_eq!((poisson.process, poisson.rate), (Process::Poisson, Some(0.5)));
        let ramp = read("ramp:0-800").expect("two rates");
        assert_eq!((ramp.process, ramp.rates), (Process::Ramp, Some([0.0, 800.0])));
        let bursts = read("bursts:200-1600:5s-500ms").expect("rates and stays");
        assert_eq!(bursts.process, Process::Bursts);
        assert_eq!((bursts.rates, bursts.mean_stay_s), (Some([200.0, 1600.0]), Some([5.0, 0.5])));
        assert_eq!(read("bursts:1-2:3-4").expect("bare seconds").mean_stay_s, Some([3.0, 4.0]));
    }

    #[test]
    fn other_texts_are_refused_with_the_forms() {
        for (text, reason) in [
            ("", "not an arrival process"),
            ("poison:500", "not an arrival process"),
            ("poisson", "no rate"),
            ("poisson:0", "no rate"),
            ("poisson:-5", "no rate"),
            ("poisson:inf", "no rate"),
            ("poisson:NaN", "no rate"),
            ("ramp:100", "needs two rates"),
            ("ramp:-1-5", "needs two rates"),
            ("bursts:1-2", "lacks rates or mean stay times"),
            ("bursts:1-2:0s-1s", "needs two mean stay times"),
            ("bursts:1-2:soon-1s", "needs two mean stay times"),
        ] {
            let message = read(text).expect_err(text);
            assert!(message.contains(reason) && message.contains("`poisson:500`"), "{text}: {message}");
        }
        assert!(read("replay:file").expect_err("a file is not a rate").contains("--replay"));
    }
}
