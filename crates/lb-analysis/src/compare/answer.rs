//! Which algorithm to choose: one answer from all pairs of a scenario.
//!
//! The leader is the label with the best median of the primary metric, among those that do not fail more
//! requests than others. Since every pair is in the family of tests, choosing the leader from the data adds
//! no error: its pairs are already tested.

use super::options::CompareOptions;
use super::pairs::valid_trials;
use super::sentence::{amount, list, number_of_blocks, percent};
use lb_results::{Answer, Comparison, Lead, Metric, MetricComparison, PairComparison, TrialSummary, Verdict};
use lb_stats::{Planning, median};

/// Returns which of these labels to choose. `None` when a label was not compared with the leader, or when
/// there is no valid trial.
pub fn answer(
    trials: &[TrialSummary],
    labels: &[String],
    comparison: &Comparison,
    options: &CompareOptions,
) -> Option<Answer> {
    let metric = *options.primary.first()?;
    let leader = leader(trials, labels, metric, options)?;
    let others: Vec<&String> = labels.iter().filter(|label| **label != leader.label).collect();
    let others: Vec<&String> = match &options.baseline {
        Some(baseline) if *baseline != leader.label => {
            vec![others.into_iter().find(|label| *label == baseline)?]
        }
        _ => others,
    };
    let views: Vec<View<'_>> = others
        .iter()
        .map(|other| View::new(comparison, &leader.label, other, metric))
        .collect::<Option<_>>()?;
    let (mut beaten, tied): (Vec<&View<'_>>, Vec<&View<'_>>) =
        views.iter().partition(|view| view.verdict() == Verdict::Better);
    beaten.sort_by(|a, b| b.size().total_cmp(&a.size()));
    let mut tied = tied;
    tied.sort_by(|a, b| a.size().total_cmp(&b.size()));
    let blocks = valid_trials(trials, &leader.label).len();
    let told = Told { metric, leader: &leader, beaten: &beaten, tied: &tied, blocks, comparison, options };
    Some(Answer {
        metric,
        leader: leader.label.clone(),
        tied: tied.iter().map(|view| view.other.to_owned()).collect(),
        beaten: beaten.iter().map(|view| view.lead()).collect(),
        blocks,
        title: told.title(),
        sentences: told.sentences(),
    })
}

/// The leading label, and the labels that were set aside because they fail too many requests.
struct Leader {
    label: String,
    failing: Vec<(String, f64)>,
}

fn leader(
    trials: &[TrialSummary],
    labels: &[String],
    metric: Metric,
    options: &CompareOptions,
) -> Option<Leader> {
    let middle = |label: &str, metric| {
        let values: Vec<f64> =
            valid_trials(trials, label).values().filter_map(|trial| trial.metric(metric)).collect();
        median(&values)
    };
    let measured: Vec<(&String, f64, f64)> = labels
        .iter()
        .filter_map(|label| {
            Some((label, middle(label, metric)?, middle(label, Metric::ErrorRate).unwrap_or(0.0)))
        })
        .collect();
    let fewest = measured.iter().map(|(_, _, errors)| *errors).fold(f64::INFINITY, f64::min);
    let fails = |errors: f64| errors > fewest + options.error_rate_margin;
    let better = |one: f64, other: f64| if metric.higher_is_better() { one > other } else { one < other };
    let (label, value, _) = measured
        .iter()
        .filter(|(_, _, errors)| !fails(*errors))
        .copied()
        .reduce(|best, next| if better(next.1, best.1) { next } else { best })?;
    let set_aside = measured.iter().filter(|(_, other, errors)| fails(*errors) && better(*other, value));
    let failing = set_aside.map(|(label, _, errors)| ((*label).clone(), *errors)).collect();
    Some(Leader { label: label.clone(), failing })
}

/// A pair, from the leader's point of view.
struct View<'a> {
    other: &'a str,
    pair: &'a PairComparison,
    judged: &'a MetricComparison,
    /// Whether the leader is the baseline of the pair, so that effects must be inverted.
    turned: bool,
}

impl<'a> View<'a> {
    fn new(comparison: &'a Comparison, leader: &str, other: &str, metric: Metric) -> Option<Self> {
        let pair = comparison.pairs.iter().find(|pair| {
            (pair.baseline == leader && pair.candidate == other)
                || (pair.candidate == leader && pair.baseline == other)
        })?;
        let turned = pair.baseline == leader;
        let other = if turned { &pair.candidate } else { &pair.baseline };
        let judged = pair.metrics.iter().find(|judged| judged.metric == metric)?;
        Some(Self { other, pair, judged, turned })
    }

    fn verdict(&self) -> Verdict {
        turned_verdict(self.judged.verdict, self.turned)
    }

    fn effect(&self) -> f64 {
        turned_effect(self.judged.metric, self.judged.effect, self.turned)
    }

    fn size(&self) -> f64 {
        self.effect().abs()
    }

    fn interval(&self) -> Option<[f64; 2]> {
        let [low, high] = self.judged.interval?;
        let turn = |end| turned_effect(self.judged.metric, end, self.turned);
        Some(if self.turned { [turn(high), turn(low)] } else { [low, high] })
    }

    fn lead(&self) -> Lead {
        Lead { label: self.other.to_owned(), effect: self.effect(), interval: self.interval() }
    }

    /// Returns the exploratory metrics in which the leader is worse by more than their margin.
    fn drawbacks(&self, options: &CompareOptions) -> Vec<String> {
        let metrics =
            self.pair.metrics.iter().filter(|judged| judged.exploratory && judged.metric.has_direction());
        metrics
            .filter(|judged| turned_verdict(judged.verdict, self.turned) == Verdict::Worse)
            .filter(|judged| judged.effect.abs() > options.margin_of(judged.metric))
            .map(|judged| {
                let effect = turned_effect(judged.metric, judged.effect, self.turned);
                format!("{} {}", judged.metric.label(), super::sentence::signed(judged.metric, effect))
            })
            .collect()
    }
}

fn turned_verdict(verdict: Verdict, turned: bool) -> Verdict {
    match (verdict, turned) {
        (Verdict::Better, true) => Verdict::Worse,
        (Verdict::Worse, true) => Verdict::Better,
        (verdict, _) => verdict,
    }
}

fn turned_effect(metric: Metric, effect: f64, turned: bool) -> f64 {
    match (turned, metric.is_ratio()) {
        (false, _) => effect,
        (true, true) => 1.0 / (1.0 + effect) - 1.0,
        (true, false) => -effect,
    }
}

/// The data from which the answer is written.
struct Told<'a> {
    metric: Metric,
    leader: &'a Leader,
    beaten: &'a [&'a View<'a>],
    tied: &'a [&'a View<'a>],
    blocks: usize,
    comparison: &'a Comparison,
    options: &'a CompareOptions,
}

impl Told<'_> {
    /// Returns the number of blocks that a verdict needs, if there are fewer.
    fn missing_blocks(&self) -> Option<u32> {
        let planning = Planning::new(self.options.alpha, self.comparison.family);
        let reachable = planning.reachable(u32::try_from(self.blocks).unwrap_or(u32::MAX));
        (!reachable).then(|| planning.fewest_blocks())
    }

    /// Returns whether every label is equivalent to the leader.
    fn all_equivalent(&self) -> bool {
        !self.tied.is_empty() && self.tied.iter().all(|view| view.verdict() == Verdict::Equivalent)
    }

    /// Names what to choose. A label that is tied with the leader is as good a choice, unless the leader is
    /// the baseline, for which nothing has to be changed.
    fn title(&self) -> String {
        let leader = self.leader.label.as_str();
        let mut names = vec![leader];
        names.extend(self.tied.iter().map(|view| view.other));
        if self.missing_blocks().is_some() {
            "No answer yet".to_owned()
        } else if self.beaten.is_empty() {
            match self.all_equivalent() {
                true => format!("Take any of {}", list(&names)),
                false => "No algorithm stands out".to_owned(),
            }
        } else if self.options.baseline.as_deref() == Some(leader) {
            format!("Keep {leader}")
        } else {
            match self.tied {
                [] => format!("Take {leader}"),
                [one] => format!("Take {leader} or {}", one.other),
                [one, other] => format!("Take {leader}, {} or {}", one.other, other.other),
                others => format!("Take {leader} or one of {} others", others.len()),
            }
        }
    }

    fn sentences(&self) -> Vec<String> {
        if let Some(fewest) = self.missing_blocks() {
            return vec![self.too_early(fewest)];
        }
        let mut sentences = vec![self.advice()];
        sentences.extend(self.ties());
        sentences.extend(self.drawbacks());
        sentences.extend(self.failing());
        sentences.push(self.sureness());
        sentences
    }

    fn too_early(&self, fewest: u32) -> String {
        format!(
            "{} cannot tell a difference from noise; a verdict needs at least {} (--repetitions {fewest}).",
            number_of_blocks(self.blocks),
            number_of_blocks(fewest as usize)
        )
    }

    /// Says by how much the leader is better.
    fn advice(&self) -> String {
        let leader = &self.leader.label;
        let name = full_name(self.metric);
        if self.beaten.is_empty() {
            return if self.all_equivalent() {
                let margin = amount(self.metric, self.options.margin_of(self.metric));
                format!("Their {name} is equivalent within ±{margin}.")
            } else {
                let mut all = vec![leader.as_str()];
                all.extend(self.tied.iter().map(|view| view.other));
                format!("No difference in {name} was shown between {}.", list(&all))
            };
        }
        let leads: Vec<String> = self.beaten.iter().map(|view| self.lead(view)).collect();
        let leads: Vec<&str> = leads.iter().map(String::as_str).collect();
        match self.tied {
            [] => format!("Its {name} is {}.", list(&leads)),
            _ => format!("The {name} of {leader} is {}.", list(&leads)),
        }
    }

    fn lead(&self, view: &View<'_>) -> String {
        let direction = if self.metric.higher_is_better() { "higher" } else { "lower" };
        let interval = view.interval().map_or_else(String::new, |[low, high]| {
            let mut ends = [low.abs(), high.abs()];
            ends.sort_by(f64::total_cmp);
            let [least, most] = ends.map(|end| percent(self.metric, end));
            format!(" [{least} to {most}]")
        });
        format!("{} {direction} than that of {}{interval}", amount(self.metric, view.size()), view.other)
    }

    /// Says which labels cannot be distinguished from the leader, and how many blocks it would take to
    /// distinguish them.
    fn ties(&self) -> Option<String> {
        if self.beaten.is_empty() {
            return self.resolution(self.tied);
        }
        let (equivalent, open): (Vec<&View<'_>>, Vec<&View<'_>>) =
            self.tied.iter().partition(|view| view.verdict() == Verdict::Equivalent);
        let leader = &self.leader.label;
        let mut parts = Vec::new();
        if !equivalent.is_empty() {
            let names: Vec<&str> = equivalent.iter().map(|view| view.other).collect();
            let margin = amount(self.metric, self.options.margin_of(self.metric));
            let verb = if names.len() == 1 { "is" } else { "are" };
            parts.push(format!("{} {verb} equivalent to {leader} within ±{margin}.", list(&names)));
        }
        if !open.is_empty() {
            let names: Vec<&str> = open.iter().map(|view| view.other).collect();
            parts.push(format!("{leader} cannot be distinguished from {}.", list(&names)));
            parts.extend(self.resolution(&open));
        }
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// Says which difference these blocks would have shown, and how many blocks would show a difference as
    /// large as the margin.
    fn resolution(&self, open: &[&View<'_>]) -> Option<String> {
        let most = |value: fn(&MetricComparison) -> Option<f64>| {
            open.iter()
                .map(|view| value(view.judged))
                .collect::<Option<Vec<f64>>>()?
                .into_iter()
                .reduce(f64::max)
        };
        let detectable = most(|judged| judged.minimum_detectable)?;
        let mut text = format!(
            "{} would have shown a difference of {} or more",
            number_of_blocks(self.blocks),
            amount(self.metric, detectable)
        );
        if let Some(needed) = most(|judged| judged.repetitions_needed.map(f64::from)) {
            let margin = amount(self.metric, self.options.margin_of(self.metric));
            text += &format!("; {margin} needs {}", number_of_blocks(needed as usize));
        }
        Some(text + ".")
    }

    fn drawbacks(&self) -> Vec<String> {
        let of = |view: &&View<'_>| {
            let worse = view.drawbacks(self.options);
            let worse: Vec<&str> = worse.iter().map(String::as_str).collect();
            (!worse.is_empty())
                .then(|| format!("But it is worse than {} in {} (exploratory).", view.other, list(&worse)))
        };
        self.beaten.iter().filter_map(of).collect()
    }

    fn failing(&self) -> Option<String> {
        let names: Vec<String> = self
            .leader
            .failing
            .iter()
            .map(|(label, errors)| {
                format!("{label} ({} % of its requests)", percent(Metric::ErrorRate, *errors))
            })
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        (!names.is_empty()).then(|| format!("Faster, but failing too often: {}.", list(&names)))
    }

    fn sureness(&self) -> String {
        format!(
            "The chance that any verdict here is a false alarm is at most {} % ({}, {} compared by exact paired tests).",
            percent(Metric::ErrorRate, self.options.alpha),
            number_of_blocks(self.blocks),
            match self.comparison.family {
                1 => "1 pair".to_owned(),
                pairs => format!("{pairs} pairs"),
            }
        )
    }
}

/// Names a metric in a sentence for readers who have not seen the table yet.
fn full_name(metric: Metric) -> String {
    match metric {
        Metric::P50 | Metric::P95 | Metric::P99 | Metric::P999 => format!("{} latency", metric.label()),
        other => other.label().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use lb_results::MetricValue;

    /// Builds trials of algorithms over some blocks: p95 in milliseconds, and the error rate.
    fn trials(blocks: u32, algorithms: &[(&str, f64, f64)]) -> (Vec<TrialSummary>, Vec<String>) {
        let noise = |block: u32, number: usize| {
            1.0 + 0.01 * [0.3, -0.8, 0.1, 0.9, -0.4, 0.6, -1.0, -0.2][(block as usize * 3 + number * 5) % 8]
        };
        let trials = (0..blocks).flat_map(|block| {
            algorithms.iter().enumerate().map(move |(number, (label, p95, errors))| TrialSummary {
                label: (*label).to_owned(),
                block,
                metrics: vec![
                    MetricValue { metric: Metric::P95, value: Some(p95 * noise(block, number)) },
                    MetricValue { metric: Metric::ErrorRate, value: Some(*errors) },
                ],
                ..TrialSummary::default()
            })
        });
        (trials.collect(), algorithms.iter().map(|(label, ..)| (*label).to_owned()).collect())
    }

    fn answered(blocks: u32, algorithms: &[(&str, f64, f64)], options: &CompareOptions) -> Answer {
        let options = CompareOptions { resamples: 1000, ..options.clone() };
        let (trials, labels) = trials(blocks, algorithms);
        let comparison = compare(&trials, &labels, &options).expect("several labels");
        answer(&trials, &labels, &comparison, &options).expect("every pair is compared")
    }

    #[test]
    fn the_best_is_named_with_how_far_it_is_ahead_of_each_other_one() {
        let found = answered(
            8,
            &[("rr", 100.0, 0.0), ("lc", 50.0, 0.0), ("rnd", 200.0, 0.0)],
            &CompareOptions::default(),
        );
        assert_eq!(found.leader, "lc");
        assert!(found.tied.is_empty());
        assert_eq!(found.beaten.iter().map(|lead| lead.label.as_str()).collect::<Vec<_>>(), ["rnd", "rr"]);
        assert!((found.beaten[1].effect + 0.5).abs() < 0.01, "half the latency of rr: {:?}", found.beaten[1]);
        assert_eq!(found.title, "Take lc");
        assert!(
            found.sentences[0].starts_with("Its p95 latency is 75 % lower than that of rnd [7"),
            "{}",
            found.sentences[0]
        );
        assert!(found.sentences.last().is_some_and(|last| last.contains("at most 5 % (8 blocks, 3 pairs")));
    }

    #[test]
    fn algorithms_that_cannot_be_told_apart_are_named_together() {
        let found = answered(
            8,
            &[("rr", 100.0, 0.0), ("lc", 50.0, 0.0), ("p2c", 50.1, 0.0)],
            &CompareOptions::default(),
        );
        assert_eq!((found.leader.as_str(), found.tied.as_slice()), ("lc", ["p2c".to_owned()].as_slice()));
        assert_eq!(found.title, "Take lc or p2c");
        assert!(
            found.sentences[0].starts_with("The p95 latency of lc is 50 % lower than that of rr ["),
            "{:?}",
            found.sentences
        );
        assert!(
            found.sentences[1].starts_with("p2c is equivalent to lc within ±5 %"),
            "{:?}",
            found.sentences
        );
    }

    #[test]
    fn equal_algorithms_have_no_winner() {
        let found = answered(8, &[("a", 50.0, 0.0), ("b", 50.0, 0.0)], &CompareOptions::default());
        assert!(found.beaten.is_empty());
        assert!(found.title.starts_with("Take any of "), "{}", found.title);
        assert!(found.sentences[0].starts_with("Their p95 latency is equivalent"), "{:?}", found.sentences);
    }

    #[test]
    fn too_few_blocks_give_no_answer_but_the_number_that_is_needed() {
        let found = answered(3, &[("rr", 100.0, 0.0), ("lc", 50.0, 0.0)], &CompareOptions::default());
        assert_eq!(found.title, "No answer yet");
        assert_eq!(
            found.sentences,
            ["3 blocks cannot tell a difference from noise; a verdict needs at least 6 blocks \
              (--repetitions 6)."]
        );
    }

    #[test]
    fn an_algorithm_that_is_fast_because_it_fails_does_not_lead() {
        let found = answered(8, &[("rr", 100.0, 0.0), ("broken", 5.0, 0.4)], &CompareOptions::default());
        assert_eq!(found.leader, "rr");
        assert!(
            found
                .sentences
                .iter()
                .any(|text| text == "Faster, but failing too often: broken (40 % of its requests)."),
            "{:?}",
            found.sentences
        );
    }

    #[test]
    fn a_baseline_that_is_best_is_kept() {
        let options = CompareOptions { baseline: Some("lc".to_owned()), ..CompareOptions::default() };
        let found = answered(8, &[("rr", 100.0, 0.0), ("lc", 50.0, 0.0)], &options);
        assert_eq!(found.title, "Keep lc");
        assert!(found.sentences[0].starts_with("Its p95 latency is 50 % lower"), "{:?}", found.sentences);
    }
}
