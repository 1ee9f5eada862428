//! Writes verdicts as plain sentences that claim no more than the numbers support.

use super::options::CompareOptions;
use lb_results::{Metric, MetricComparison, PairComparison, Verdict};
use lb_stats::Planning;

/// Writes the sentence on a pair.
pub(super) fn of_pair(pair: &PairComparison, planning: Planning, options: &CompareOptions) -> String {
    let primary = || pair.metrics.iter().filter(|judged| !judged.exploratory);
    let with = |verdict| primary().filter(move |judged| judged.verdict == verdict);
    let effect = |judged: &MetricComparison| {
        let margin = || amount(judged.metric, options.margin_of(judged.metric));
        let small =
            if judged.equivalent { format!(" (small: within ±{})", margin()) } else { String::new() };
        format!("{} {}{small}", judged.metric.label(), change(judged))
    };
    let effects = |verdict| with(verdict).map(effect).collect::<Vec<_>>().join(", ");
    let PairComparison { baseline, candidate, .. } = pair;
    let head = match pair.verdict {
        Verdict::Better => format!("{candidate} is better than {baseline}: {}", effects(Verdict::Better)),
        Verdict::Worse => format!("{candidate} is worse than {baseline}: {}", effects(Verdict::Worse)),
        Verdict::Mixed => mixed(pair, effects(Verdict::Better), effects(Verdict::Worse)),
        Verdict::Equivalent | Verdict::Different => format!("{baseline} and {candidate}"),
        Verdict::NotEnoughData => {
            if !planning.reachable(u32::try_from(pair.blocks).unwrap_or(u32::MAX)) {
                return too_few(pair, planning.fewest_blocks(), options);
            }
            format!("no difference between {baseline} and {candidate} was shown")
        }
    };
    let mut rest: Vec<String> = Vec::new();
    rest.extend(equivalences(pair, options));
    let differing = with(Verdict::Different);
    rest.extend(differing.map(|judged| format!("{} differs by {}", judged.metric.label(), change(judged))));
    rest.extend(primary().filter_map(|judged| within_noise(judged, options)));
    rest.extend(unknowns(pair, options));
    rest.extend(explored(pair, options));
    let tail =
        format!("({}, family-wise {} %)", number_of_blocks(pair.blocks), number(100.0 * options.alpha));
    if rest.is_empty() {
        return format!("{head} {tail}.");
    }
    let joint = if matches!(pair.verdict, Verdict::Equivalent | Verdict::NotEnoughData) { ":" } else { ";" };
    format!("{head}{joint} {} {tail}.", rest.join("; "))
}

/// Writes the beginning of a mixed verdict. If only an exploratory metric points the other way, [`explored`]
/// names it.
fn mixed(pair: &PairComparison, better: String, worse: String) -> String {
    let parts: Vec<String> = [("better in", better), ("worse in", worse)]
        .into_iter()
        .filter(|(_, effects)| !effects.is_empty())
        .map(|(word, effects)| format!("{word} {effects}"))
        .collect();
    format!("{} against {} is mixed: {}", pair.candidate, pair.baseline, parts.join("; "))
}

/// Lists the exploratory metrics that differ, better ones first.
fn explored(pair: &PairComparison, options: &CompareOptions) -> Option<String> {
    let of = |verdict| {
        let differing =
            pair.metrics.iter().filter(move |judged| judged.exploratory && judged.verdict == verdict);
        differing.map(|judged| format!("{} {}", judged.metric.label(), signed(judged.metric, judged.effect)))
    };
    let groups: Vec<String> = [("better", Verdict::Better), ("worse", Verdict::Worse)]
        .into_iter()
        .map(|(word, verdict)| (word, of(verdict).collect::<Vec<_>>()))
        .filter(|(_, effects)| !effects.is_empty())
        .map(|(word, effects)| format!("{word} in {}", effects.join(", ")))
        .collect();
    let reachable = Planning::new(options.alpha, 1).reachable(u32::try_from(pair.blocks).unwrap_or(u32::MAX));
    (reachable && !groups.is_empty()).then(|| format!("exploratory: {}", groups.join("; ")))
}

/// Writes the sentence on a pair whose blocks are too few to show any difference.
fn too_few(pair: &PairComparison, fewest: u32, options: &CompareOptions) -> String {
    let seen = [Metric::P95, Metric::Mean]
        .into_iter()
        .find_map(|metric| pair.metrics.iter().find(|judged| judged.metric == metric))
        .map_or_else(String::new, |judged| {
            format!(" ({} differs by {} here)", judged.metric.label(), change(judged))
        });
    let why = match pair.blocks {
        0 => "no block has a valid trial of both".to_owned(),
        1 => format!("1 block is too few to estimate noise{seen}"),
        count => format!(
            "{count} blocks cannot tell a difference from noise at a family-wise {} %{seen}",
            number(100.0 * options.alpha)
        ),
    };
    format!(
        "not enough data to compare {} and {}: {why}; at least {} are needed for any verdict (--repetitions {fewest}).",
        pair.baseline,
        pair.candidate,
        number_of_blocks(fewest as usize)
    )
}

/// Lists the equivalent metrics, by margin.
fn equivalences(pair: &PairComparison, options: &CompareOptions) -> Vec<String> {
    let primary = || pair.metrics.iter().filter(|judged| !judged.exploratory);
    let equivalent = || primary().filter(|judged| judged.verdict == Verdict::Equivalent);
    let ratios: Vec<&str> =
        equivalent().filter(|judged| judged.metric.is_ratio()).map(|judged| judged.metric.label()).collect();
    let mut groups = Vec::new();
    if !ratios.is_empty() {
        let margin = amount(Metric::Mean, options.margin);
        groups.push(format!("equivalent within ±{margin} in {}", list(&ratios)));
    }
    groups.extend(equivalent().filter(|judged| !judged.metric.is_ratio()).map(|judged| {
        let name = judged.metric.label();
        if judged.metric == Metric::ErrorRate && judged.p_value.is_none() {
            return "no errors in either".to_owned();
        }
        format!("{name} equivalent within ±{}", amount(judged.metric, options.margin_of(judged.metric)))
    }));
    groups
}

/// Describes a difference that passes the tests but lies within the noise floor of an A/A run.
fn within_noise(judged: &MetricComparison, options: &CompareOptions) -> Option<String> {
    let floor = judged.noise_floor?;
    let significant = judged.p_adjusted.is_some_and(|p| p <= options.alpha);
    (significant && judged.effect.abs() <= floor).then(|| {
        format!(
            "the difference of {} in {} is within the noise floor of {} that an A/A run measured",
            amount(judged.metric, judged.effect.abs()),
            judged.metric.label(),
            amount(judged.metric, floor)
        )
    })
}

/// Lists the metrics without a verdict, and the number of blocks that they need. Jain's index is descriptive,
/// so no blocks are planned for it.
fn unknowns(pair: &PairComparison, options: &CompareOptions) -> Vec<String> {
    let open: Vec<&MetricComparison> = pair
        .metrics
        .iter()
        .filter(|judged| !judged.exploratory && judged.metric.has_direction())
        .filter(|judged| judged.verdict == Verdict::NotEnoughData)
        .filter(|judged| within_noise(judged, options).is_none())
        .collect();
    let (ratios, others): (Vec<_>, Vec<_>) = open.into_iter().partition(|judged| judged.metric.is_ratio());
    [ratios, others]
        .into_iter()
        .filter(|group| !group.is_empty())
        .map(|group| unknown(pair, &group, options))
        .collect()
}

fn unknown(pair: &PairComparison, group: &[&MetricComparison], options: &CompareOptions) -> String {
    let metric = group[0].metric;
    let names: Vec<&str> = group.iter().map(|judged| judged.metric.label()).collect();
    let mut text = format!("not enough data for {}", list(&names));
    let detectable: Vec<f64> = group.iter().filter_map(|judged| judged.minimum_detectable).collect();
    if let Some((least, most)) = range(&detectable) {
        let least = amount(metric, least);
        let most = amount(metric, most);
        let upward =
            if least == most { format!("{least} or more") } else { format!("{least} to {most} or more") };
        text += &format!(": {} would show differences of {upward}", number_of_blocks(pair.blocks));
    }
    let needed: Vec<f64> =
        group.iter().filter_map(|judged| judged.repetitions_needed).map(f64::from).collect();
    if let Some((least, most)) = range(&needed).filter(|_| needed.len() == group.len()) {
        let margin = amount(metric, options.margin_of(metric));
        let count =
            if least == most { number_of_blocks(most as usize) } else { format!("{least} to {most} blocks") };
        text += &format!(", {count} are needed for {margin}");
    }
    text
}

/// Formats an effect with its interval.
fn change(judged: &MetricComparison) -> String {
    let metric = judged.metric;
    let effect = signed(metric, judged.effect);
    match judged.interval {
        None => effect,
        Some(ends) => {
            let [low, high] = ends.map(|end| signed(metric, end));
            let bare = |text: String| text.split(' ').next().map_or_else(String::new, str::to_owned);
            format!("{effect} [{}, {}]", bare(low), bare(high))
        }
    }
}

/// Formats an effect with its sign and unit.
pub fn signed(metric: Metric, effect: f64) -> String {
    match metric {
        Metric::ErrorRate => format!("{:+.2} points", without_negative_zero(100.0 * effect, 2)),
        Metric::JainIndex => format!("{:+.3}", without_negative_zero(effect, 3)),
        _ => format!("{:+.1} %", without_negative_zero(100.0 * effect, 1)),
    }
}

/// Formats the size of an effect with its unit.
pub(crate) fn amount(metric: Metric, size: f64) -> String {
    match metric {
        Metric::ErrorRate => format!("{} points", number(100.0 * size)),
        Metric::JainIndex => number(size),
        _ => format!("{} %", number(100.0 * size)),
    }
}

/// Formats the size of an effect without its unit: in percent or points, except for Jain's index.
pub(super) fn percent(metric: Metric, size: f64) -> String {
    number(if metric == Metric::JainIndex { size } else { 100.0 * size })
}

/// Formats a number with about three significant digits: 5, 2.5, 0.31, 120.
fn number(value: f64) -> String {
    let digits = if value.abs() >= 20.0 {
        0
    } else if value.abs() >= 1.0 {
        1
    } else if value.abs() >= 0.1 {
        2
    } else {
        3
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn without_negative_zero(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    let rounded = (value * scale).round() / scale;
    if rounded == 0.0 { 0.0 } else { rounded }
}

/// Joins names as `a`, `a and b`, or `a, b and c`.
pub(crate) fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Returns a count of blocks in words.
pub(super) fn number_of_blocks(count: usize) -> String {
    if count == 1 { "1 block".to_owned() } else { format!("{count} blocks") }
}

fn range(values: &[f64]) -> Option<(f64, f64)> {
    let least = values.iter().copied().min_by(f64::total_cmp)?;
    let most = values.iter().copied().max_by(f64::total_cmp)?;
    Some((least, most))
}
