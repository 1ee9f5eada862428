//! Describes arrivals in words and as JSON, and computes their mean rate.

use lb_core::time::Span;
use lb_core::workload::{ArrivalProcess, ArrivalStart, Arrivals, RateSegment, Spacing};
use serde_json::{Value, json};

/// Returns the mean number of arrivals per second over a stage of `length`.
pub(crate) fn mean_rate(process: &ArrivalProcess, length: Span) -> f64 {
    let seconds = length.as_secs_f64();
    if seconds <= 0.0 {
        return 0.0;
    }
    match process {
        ArrivalProcess::Rates { segments, .. } => mean_of(segments, seconds),
        // The time in each state is proportional to its mean stay.
        ArrivalProcess::Bursts { rates, mean_stay_s: stays } => {
            (rates[0] * stays[0] + rates[1] * stays[1]) / (stays[0] + stays[1])
        }
        ArrivalProcess::Replay(replay) => replay.times().filter(|at| *at < length).count() as f64 / seconds,
    }
}

/// Returns the mean rate over `seconds`. Longer curves are cut; shorter ones stay at their last rate.
fn mean_of(segments: &[RateSegment], seconds: f64) -> f64 {
    let (mut area, mut left) = (0.0, seconds);
    for segment in segments {
        let whole = segment.duration.as_secs_f64();
        let part = whole.min(left);
        if part > 0.0 {
            let end = segment.from + (segment.to - segment.from) * part / whole;
            area += part * (segment.from + end) / 2.0;
        }
        left -= part;
    }
    let last = segments.last().map_or(0.0, |segment| segment.to);
    (area + left.max(0.0) * last) / seconds
}

/// Describes arrivals in a few words, such as `poisson 500/s` or `bursts 200-1600/s for 5 s and 1 s`.
pub(crate) fn describe(arrivals: &Arrivals) -> String {
    match &arrivals.process {
        ArrivalProcess::Rates { segments, spacing } => {
            let name = match (spacing, segments.as_slice()) {
                (Spacing::Poisson, _) => "poisson",
                (Spacing::Even, [only]) if only.from == only.to => "constant",
                (Spacing::Even, _) => "even",
            };
            let mut rates: Vec<f64> = Vec::new();
            for rate in segments.iter().flat_map(|segment| [segment.from, segment.to]) {
                if rates.last() != Some(&rate) {
                    rates.push(rate);
                }
            }
            let rates: Vec<String> = rates.iter().map(f64::to_string).collect();
            format!("{name} {}/s", rates.join("-"))
        }
        ArrivalProcess::Bursts { rates, mean_stay_s } => {
            format!("bursts {}-{}/s for {} s and {} s", rates[0], rates[1], mean_stay_s[0], mean_stay_s[1])
        }
        ArrivalProcess::Replay(replay) => format!("replay of {} requests", replay.len()),
    }
}

/// Returns the arrivals over a stage of `length` as JSON. Recorded requests are counted, not listed.
pub(crate) fn to_json(arrivals: &Arrivals, length: Span) -> Value {
    let mut json = match &arrivals.process {
        ArrivalProcess::Rates { segments, spacing } => {
            let stage = |segment: &RateSegment| json!({ "duration_s": segment.duration.as_secs_f64(), "from": segment.from, "to": segment.to });
            json!({
                "process": "rates",
                "spacing": match spacing { Spacing::Even => "even", Spacing::Poisson => "poisson" },
                "stages": segments.iter().map(stage).collect::<Vec<_>>(),
            })
        }
        ArrivalProcess::Bursts { rates, mean_stay_s } => {
            json!({ "process": "bursts", "rates": rates, "mean_stay_s": mean_stay_s })
        }
        ArrivalProcess::Replay(replay) => json!({ "process": "replay", "requests": replay.len() }),
    };
    json["start"] = match arrivals.start {
        ArrivalStart::Session => "session".into(),
        ArrivalStart::Action => "action".into(),
    };
    json["mean_rate"] = json!(mean_rate(&arrivals.process, length));
    json["description"] = describe(arrivals).into();
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(seconds: u64, from: f64, to: f64) -> RateSegment {
        RateSegment { duration: Span::from_secs(seconds), from, to }
    }

    fn rates(segments: Vec<RateSegment>) -> ArrivalProcess {
        ArrivalProcess::Rates { segments, spacing: Spacing::Poisson }
    }

    #[test]
    fn mean_rate_is_the_area_under_the_curve() {
        let ramp = rates(vec![segment(10, 0.0, 100.0)]);
        assert_eq!(mean_rate(&ramp, Span::from_secs(10)), 50.0, "a ramp's mean is its middle");
        assert_eq!(mean_rate(&ramp, Span::from_secs(5)), 25.0, "a stage that ends earlier cuts it");
        assert_eq!(mean_rate(&ramp, Span::from_secs(20)), 75.0, "the end rate is kept");
        let steps = rates(vec![segment(10, 10.0, 10.0), segment(10, 30.0, 30.0)]);
        assert_eq!(mean_rate(&steps, Span::from_secs(20)), 20.0);
        let bursts = ArrivalProcess::Bursts { rates: [200.0, 1600.0], mean_stay_s: [6.0, 1.0] };
        assert_eq!(mean_rate(&bursts, Span::from_secs(60)), 400.0, "states weigh by their mean stay");
    }

    #[test]
    fn arrivals_are_told_in_a_few_words() {
        let of = |process| describe(&Arrivals { process, start: ArrivalStart::Action });
        assert_eq!(of(rates(vec![segment(1, 500.0, 500.0)])), "poisson 500/s");
        assert_eq!(of(rates(vec![segment(1, 0.0, 80.0), segment(1, 80.0, 20.0)])), "poisson 0-80-20/s");
        let even = ArrivalProcess::Rates { segments: vec![segment(1, 5.0, 5.0)], spacing: Spacing::Even };
        assert_eq!(of(even), "constant 5/s");
    }
}
