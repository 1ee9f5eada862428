//! What flags may say, and how many passes they and the config ask for.

use super::adjust::SHORTEST_S;
use super::error::Findings;
use super::overrides::Overrides;
use super::raw::{Bench, LONGEST_SECONDS, MOST_USERS};
use serde_json::{Number, Value, json};

/// One pass: enough to look, too little to judge by.
const REPETITIONS: u32 = 1;
/// Where sequential stopping ends if the precision is not reached: a night at the guide's lengths.
const MAX_REPETITIONS: u32 = 50;
/// Most passes that anybody can ask for.
const MOST_REPETITIONS: u32 = 1000;
/// More threads than that no machine has for a load balancer.
const MOST_BALANCERS: u16 = 64;
/// The longest warm-up: a day.
const LONGEST_WARM_UP_S: f64 = 86_400.0;

/// How often everything is repeated.
pub(super) struct Passes {
    /// As many in any case.
    pub(super) least: u32,
    /// More until the intervals are this narrow.
    pub(super) precision: Option<f64>,
    /// But not more than this.
    pub(super) most: u32,
}

/// How many passes flags and config ask for.
pub(super) fn passes(bench: &Bench, flags: &Overrides, findings: &mut Findings) -> Passes {
    let least = flags.repetitions.or(bench.repetitions).unwrap_or(REPETITIONS);
    let precision = flags.precision.or(bench.precision);
    let (key, given) = match flags.max_repetitions {
        Some(most) => ("--max-repetitions", Some(most)),
        None => ("bench.max_repetitions", bench.max_repetitions),
    };
    if let Some(most) = given {
        if most < least {
            let message = format!("is below the repetitions ({least}); raise it or lower those");
            findings.wrong(key, most, message);
        }
        if precision.is_none() {
            findings.note(key, most, "limits what a precision may lead to, and none is asked for");
        }
    }
    Passes { least, precision, most: given.unwrap_or(MAX_REPETITIONS.max(least)) }
}

/// Flags have limits too.
pub(super) fn check(flags: &Overrides, findings: &mut Findings) {
    let counts = [
        ("--repetitions", flags.repetitions, MOST_REPETITIONS),
        ("--max-repetitions", flags.max_repetitions, MOST_REPETITIONS),
        ("--users", flags.users, MOST_USERS),
        ("--balancers", flags.balancers.map(u32::from), MOST_BALANCERS.into()),
    ];
    for (flag, count, most) in counts {
        if let Some(count) = count.filter(|count| *count == 0 || *count > most) {
            findings.wrong(flag, count, format!("must be from 1 to {most}"));
        }
    }
    let seconds = |time: Option<std::time::Duration>| time.map(|time| time.as_secs_f64());
    let numbers = [
        ("--duration", seconds(flags.duration), [SHORTEST_S, LONGEST_SECONDS], " seconds"),
        ("--ramp-up", seconds(flags.ramp_up), [0.0, LONGEST_SECONDS], " seconds"),
        ("--steering-period", seconds(flags.steering_period), [0.01, 60.0], " seconds"),
        ("--warm-up", seconds(flags.warm_up), [0.0, LONGEST_WARM_UP_S], " seconds"),
        ("--time-scale", flags.time_scale, [0.001, 1e6], ""),
        ("--precision", flags.precision, [0.001, 1.0], ""),
        ("--margin", flags.margin, [0.001, 0.5], ""),
        ("--speed", flags.speed, [0.001, 1e6], ""),
    ];
    for (flag, number, [least, most], unit) in numbers {
        if let Some(number) = number.filter(|number| !(least..=most).contains(number)) {
            findings.wrong(flag, of_number(number), format!("must be from {least} to {most}{unit}"));
        }
    }
    if flags.algorithms.as_ref().is_some_and(Vec::is_empty) {
        findings.wrong("--algorithms", json!([]), "names none; give at least one");
    }
}

/// Settings of users have no meaning for arrivals, and the other way round.
pub(super) fn check_model(bench: &Bench, flags: &Overrides, open: bool, findings: &mut Findings) {
    if !open {
        if let Some(most) = bench.max_in_flight {
            findings.note(
                "bench.max_in_flight",
                most,
                "limits arrivals, and there are none: users limit themselves",
            );
        }
        return;
    }
    if let Some(users) = flags.users {
        findings.wrong(
            "--users",
            users,
            "arrivals take the place of users; change their rate, or leave one of the two out",
        );
    }
    if let Some(time) = flags.ramp_up {
        let message =
            "users ramp up and arrivals do not; write a ramp of rates, such as `--arrivals ramp:0-500`";
        findings.wrong("--ramp-up", of_number(time.as_secs_f64()), message);
    }
}

/// A number as JSON; infinities, which JSON lacks, as text.
fn of_number(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number)
}
