//! Warnings about a trace, with advice.

use super::report::{Coverage, Format, Report, Warning};
use lb_core::policy::learned::features::FEATURE_SET;

/// Minimum number of experiences for training.
const FEWEST: u64 = 100;
/// Share of decisions below which an action is rare.
const RARE: f64 = 0.01;
/// Effective sample size below which an action is rare.
const FEW_EFFECTIVE: f64 = 100.0;
/// Share of clipped values above which a feature is not informative.
const MUCH_CLAMPED: f64 = 0.05;
/// Share of unknown outcomes above which the known ones may be biased.
const MUCH_CENSORED: f64 = 0.05;
/// Share of experiences that may lack a field without a warning.
const FEW_MISSING: f64 = 0.01;

/// Returns all warnings, starting with those that make training impossible.
pub(super) fn warnings(report: &Report, constant_reward: bool) -> Vec<Warning> {
    let mut all = Vec::new();
    fatal(report, constant_reward, &mut all);
    incomplete(report, &mut all);
    support(report, &mut all);
    numbers(report, &mut all);
    for (problem, advice) in report.clock.problems() {
        warn(&mut all, problem, advice);
    }
    all.sort_by_key(|warning| !warning.unfit);
    all
}

fn fatal(report: &Report, constant_reward: bool, all: &mut Vec<Warning>) {
    let mut unfit = |problem: String, advice: &str| {
        all.push(Warning { problem, advice: advice.to_owned(), unfit: true });
    };
    if report.completeness.score == 0.0 {
        unfit(
            "no experience has any of the required fields".to_owned(),
            "check that this is a trace and that it was recorded by this version",
        );
    }
    if report.experiences < FEWEST {
        unfit(
            format!(
                "only {} experiences; at least {FEWEST} are needed, and 10,000 are better",
                report.experiences
            ),
            "record longer, or at a higher rate",
        );
    }
    if let [only] = report.actions.as_slice() {
        unfit(
            format!("only one action: every request went to `{}`", only.action),
            "record with several backends, a policy that uses them, and exploration",
        );
    }
    if let Some(rewards) = report.rewards.as_ref().filter(|_| constant_reward) {
        unfit(
            format!("the reward is {} throughout, so no decision is better than another", rewards.min),
            "record under a load that makes latencies differ, and check how the reward is calculated",
        );
    }
    for set in report.feature_sets.iter().filter(|set| set.name != FEATURE_SET) {
        unfit(
            format!(
                "{} experiences have features of set `{}`; this version trains on `{FEATURE_SET}`",
                set.count, set.name
            ),
            "record again with this version's load balancer, or train with the version that recorded; for `rl-train \
             calibrate` and `rl-train --mode custom --traces` they are good, since these use times only",
        );
    }
    if report.rewards.is_none() && report.experiences > 0 {
        unfit(
            "no experience has a reward".to_owned(),
            "record until requests have ended, because rewards depend on their outcomes",
        );
    }
}

fn incomplete(report: &Report, all: &mut Vec<Warning>) {
    if let Some(first) = report.malformed.first.first() {
        warn(
            all,
            format!(
                "{} malformed lines were ignored; the first is line {} of `{}`: {}",
                report.malformed.lines, first.line, first.file, first.problem
            ),
            "remove them, or find out what truncated them",
        );
    }
    for field in &report.completeness.fields {
        let missing = report.experiences - field.present;
        let share = missing as f64 / report.experiences.max(1) as f64;
        if share > FEW_MISSING {
            let columns = match field.columns.is_empty() {
                true => String::new(),
                false => format!(" (columns {})", field.columns.join(", ")),
            };
            warn(
                all,
                format!(
                    "{missing} experiences ({:.1} %) lack a valid `{}`{columns}",
                    share * 100.0,
                    field.field
                ),
                "leave them out of the training, or record again",
            );
        }
    }
    let censored = report.censored as f64 / report.experiences.max(1) as f64;
    if censored > MUCH_CENSORED {
        warn(
            all,
            format!("the outcome of {:.1} % of the experiences is unknown", censored * 100.0),
            "drain the load balancer before the recording ends; long requests are the ones that are cut off",
        );
    }
}

fn support(report: &Report, all: &mut Vec<Warning>) {
    for action in &report.actions {
        let few = action.effective_sample_size.is_some_and(|size| size < FEW_EFFECTIVE);
        if action.share < RARE || few {
            let size = action.effective_sample_size;
            let worth = size.map_or(String::new(), |size| format!(", effective sample size {size:.0}"));
            warn(
                all,
                format!(
                    "action `{}` was chosen {} times ({:.2} %{worth})",
                    action.action,
                    action.count,
                    action.share * 100.0
                ),
                "record with more exploration, or do not trust what is learnt about it",
            );
        }
    }
    if let Some(propensities) = report.propensities {
        let no_probability = "do not weigh decisions by them: they are not probabilities";
        let unknown = "fine for fitting the simulator and for imitation; to weigh decisions by their probability, record \
                       `random` or `rl`, which know theirs";
        let counts = [
            (
                propensities.not_positive,
                "have a propensity of at most 0, though they were chosen",
                no_probability,
            ),
            (propensities.above_one, "have a propensity above 1", no_probability),
            (propensities.missing, "have no propensity: their policy does not know its own", unknown),
        ];
        for (count, what, advice) in counts.into_iter().filter(|(count, ..)| *count > 0) {
            warn(all, format!("{count} experiences {what}"), advice);
        }
    }
    if report.format == Format::Parquet && report.exploration == Some(0.0) {
        warn(
            all,
            "no decision was made at random, so the rewards of other choices are unknown".to_owned(),
            "record with an exploration rate of 1 to 2 %",
        );
    }
}

fn numbers(report: &Report, all: &mut Vec<Warning>) {
    if let Some(sign) = report.reward_sign.filter(|sign| sign.inverted) {
        let text = |value: Option<f64>| value.map_or("unknown".to_owned(), |value| format!("{value:+.2}"));
        warn(
            all,
            format!(
                "the reward rises when the chosen backend is slower or fails more (correlation with latency {}, with errors {}): its sign is inverted",
                text(sign.latency),
                text(sign.errors),
            ),
            "do not train on it as it is: recompute the reward from latency and status, or invert its sign",
        );
    }
    let named = |keep: &dyn Fn(&&Coverage) -> bool| -> Vec<String> {
        report.features.iter().filter(keep).map(|feature| format!("`{}`", feature.feature)).collect()
    };
    let constant = named(&|feature| feature.constant);
    if !constant.is_empty() {
        warn(
            all,
            format!("always the same: {}", constant.join(", ")),
            "a policy cannot learn what they mean; record situations in which they vary",
        );
    }
    let clamped = named(&|feature| feature.clamped.is_some_and(|share| share > MUCH_CLAMPED));
    if !clamped.is_empty() {
        warn(
            all,
            format!("cut off in more than {:.0} % of the rows: {}", MUCH_CLAMPED * 100.0, clamped.join(", ")),
            "the traffic is outside the range of the features; check for overload and timeouts",
        );
    }
}

fn warn(all: &mut Vec<Warning>, problem: String, advice: &str) {
    all.push(Warning { problem, advice: advice.to_owned(), unfit: false });
}
