//! Compares the highest rates of several algorithms: ranks by intervals, and sentences.
//!
//! An algorithm is better than another only if the whole interval of its rate lies above the other's. Where
//! intervals overlap, no difference was shown, and the algorithms are called equal.

use lb_results::{MaxRateSummary, RateLimit, RateProbe};

/// Ranks algorithms by the intervals of their highest rates, and orders them by rank, then by rate.
pub fn rank_rates(rates: &mut [MaxRateSummary]) {
    let intervals: Vec<[f64; 2]> = rates.iter().map(MaxRateSummary::interval).collect();
    let names: Vec<String> = rates.iter().map(|rate| rate.algorithm.clone()).collect();
    let is_above = |one: usize, other: usize| intervals[one][0] > intervals[other][1];
    for (place, rate) in rates.iter_mut().enumerate() {
        let others = || (0..names.len()).filter(move |other| *other != place);
        rate.rank = Some(1 + others().filter(|other| is_above(*other, place)).count() as u32);
        let equal = others().filter(|other| !is_above(*other, place) && !is_above(place, *other));
        rate.equal_to = equal.map(|other| names[other].clone()).collect();
    }
    rates.sort_by(|one, other| {
        one.rank.cmp(&other.rank).then(other.interval()[0].total_cmp(&one.interval()[0]))
    });
}

/// Writes one sentence for each finding: the rate of each algorithm and what limits it, and how the
/// algorithms compare.
pub fn rate_sentences(rates: &[MaxRateSummary]) -> Vec<String> {
    let mut sentences: Vec<String> = rates.iter().map(rate_sentence).collect();
    let Some(best) = rates.iter().find(|rate| rate.rank == Some(1) && rate.rate_per_s.is_some()) else {
        return sentences;
    };
    for other in rates.iter().filter(|rate| rate.rank > Some(1)) {
        let ([low, _], [other_low, other_high]) = (best.interval(), other.interval());
        if low > other_high {
            let times = |of: f64| rate_in_words(low / of);
            let typical =
                if other_low > 0.0 { format!("{} times", times(other_low)) } else { "more than".to_owned() };
            sentences.push(format!(
                "{} meets the objective at {typical} the rate of {}, at least {} times.",
                best.algorithm,
                other.algorithm,
                times(other_high)
            ));
        }
    }
    for (place, one) in rates.iter().enumerate() {
        let later = rates[place + 1..].iter().map(|rate| &rate.algorithm);
        let equal: Vec<&str> = later.filter(|name| one.equal_to.contains(name)).map(String::as_str).collect();
        if !equal.is_empty() {
            sentences.push(format!(
                "{} and {} are equal: their intervals overlap.",
                one.algorithm,
                equal.join(", ")
            ));
        }
    }
    sentences
}

/// Writes the highest rate at which one algorithm met the objective, or why there is none.
pub fn rate_sentence(rate: &MaxRateSummary) -> String {
    let (name, unit) = (&rate.algorithm, rate.unit.name());
    let objective: Vec<&str> = rate.objective.iter().map(|rule| condition(rule)).collect();
    let objective = objective.join(" and ");
    let generator = || rate.limited_by.as_deref().unwrap_or("the probes above it are invalid");
    let Some(kept) = rate.rate_per_s else {
        if rate.limit == RateLimit::Generator {
            return format!("{name} could not be tested at any rate: {}.", generator());
        }
        let lowest = rate.probes.iter().min_by(|one, other| one.rate_per_s.total_cmp(&other.rate_per_s));
        let seen = lowest.map_or_else(String::new, |probe| {
            format!(", not even at {} {unit}/s: {}", rate_in_words(probe.rate_per_s), breaches(probe))
        });
        return format!("{name} does not meet {objective} at any rate{seen}.");
    };
    let end = match (rate.limit, rate.breached_rate_per_s) {
        (_, Some(breached)) => format!("breaches it at {}", rate_in_words(breached)),
        (RateLimit::Generator, None) => format!(
            "could not be tested above that, where the generator or the machine is the limit, not the \
            algorithm ({})",
            generator()
        ),
        _ => "does not breach it at any rate that was tried".to_owned(),
    };
    format!("{name} meets {objective} at {} {unit}/s and {end}.", rate_in_words(kept))
}

fn breaches(probe: &RateProbe) -> String {
    if probe.breaches.is_empty() {
        "there it was met in some probes and breached in others".to_owned()
    } else {
        probe.breaches.join(", ")
    }
}

/// Returns the condition of a threshold without its metric: `p(95)<200`.
fn condition(rule: &str) -> &str {
    rule.rsplit(": ").next().unwrap_or(rule)
}

/// Writes a rate with three significant digits, enough to distinguish neighbouring rates.
pub fn rate_in_words(rate: f64) -> String {
    let digits = if rate > 0.0 && rate.is_finite() { 2 - rate.log10().floor() as i32 } else { 0 };
    format!("{rate:.*}", digits.max(0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::RateUnit;

    fn rate(algorithm: &str, kept: Option<f64>, breached: Option<f64>) -> MaxRateSummary {
        MaxRateSummary {
            algorithm: algorithm.to_owned(),
            objective: vec![
                "http_req_duration: p(95)<200".to_owned(),
                "http_req_failed: rate<0.01".to_owned(),
            ],
            unit: RateUnit::Sessions,
            requests_per_arrival: Some(13.0),
            rate_per_s: kept,
            breached_rate_per_s: breached,
            limit: RateLimit::Objective,
            limited_by: None,
            rank: None,
            equal_to: Vec::new(),
            probes: Vec::new(),
        }
    }

    #[test]
    fn algorithms_whose_intervals_overlap_are_equal_and_others_are_ranked() {
        let mut rates = [
            rate("random", Some(4.0), Some(4.6)),
            rate("round-robin", Some(4.4), Some(4.8)),
            rate("least-connections", Some(16.0), Some(17.0)),
            rate("none", None, Some(0.1)),
        ];
        rank_rates(&mut rates);
        let ranks: Vec<(&str, Option<u32>)> =
            rates.iter().map(|rate| (rate.algorithm.as_str(), rate.rank)).collect();
        let expected = [
            ("least-connections", Some(1)),
            ("round-robin", Some(2)),
            ("random", Some(2)),
            ("none", Some(4)),
        ];
        assert_eq!(ranks, expected, "ranks count the algorithms that are better");
        assert_eq!(rates[1].equal_to, ["random"]);
        assert!(rates[0].equal_to.is_empty());
        let said = rate_sentences(&rates).join("\n");
        for part in [
            "least-connections meets p(95)<200 and rate<0.01 at 16.0 sessions/s and breaches it at 17.0.",
            "least-connections meets the objective at 3.64 times the rate of round-robin, at least 3.33 \
            times.",
            "round-robin and random are equal: their intervals overlap.",
            "none does not meet p(95)<200 and rate<0.01 at any rate.",
        ] {
            assert!(said.contains(part), "`{part}` is missing in\n{said}");
        }
    }

    #[test]
    fn a_generator_that_is_the_limit_leaves_an_algorithm_unbeaten_and_is_named() {
        let mut limited = rate("rl", Some(4.0), None);
        limited.limit = RateLimit::Generator;
        limited.limited_by = Some("the CPUs were saturated".to_owned());
        let mut rates = [rate("least-connections", Some(16.0), Some(17.0)), limited];
        rank_rates(&mut rates);
        assert_eq!(rates.each_ref().map(|rate| rate.rank), [Some(1), Some(1)], "rl may be as good or better");
        let said = rate_sentence(&rates[1]);
        assert!(said.contains("limit, not the algorithm (the CPUs were saturated)"), "{said}");
    }

    #[test]
    fn an_objective_that_no_rate_keeps_is_reported_with_what_was_seen() {
        let mut never = rate("random", None, Some(0.125));
        never.probes.push(RateProbe {
            rate_per_s: 0.125,
            warm_up_s: 2.0,
            seconds: 600.0,
            stage: lb_results::ProbeStage::Decide,
            replicate: 1,
            schedule_sha256: String::new(),
            kept: false,
            breaches: vec!["p(95)<200 was 312".to_owned()],
            requests: 900,
            latency_ms: None,
            error_rate: 0.0,
            problems: Vec::new(),
        });
        let said = rate_sentence(&never);
        assert!(said.ends_with("at any rate, not even at 0.125 sessions/s: p(95)<200 was 312."), "{said}");
    }

    #[test]
    fn neighbouring_rates_are_written_differently() {
        for rung in -112..300 {
            let [one, next] = [rung, rung + 1].map(|rung| rate_in_words((f64::from(rung) / 16.0).exp2()));
            assert_ne!(one, next);
        }
        assert_eq!([0.0157, 9.75, 123.4, 45_678.0].map(rate_in_words), ["0.0157", "9.75", "123", "45678"]);
    }
}
