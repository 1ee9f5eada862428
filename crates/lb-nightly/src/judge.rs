//! From comparisons and changes to the verdict on a night.

use crate::baseline::{Tonight, accepted, shown_before};
use crate::document::{Confirmation, FindingSource, NightFinding, NightVerdict, Since};
use crate::known::{KnownChange, KnownRun, KnownSeries, Place};
use crate::sentence::{between, date, of_comparison};
use jiff::Timestamp;
use lb_analysis::runs::{FolderComparison, FolderVerdict, Regression};

/// Comparisons with the baseline.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    /// The baseline.
    pub baseline: &'a KnownRun,
    /// Tonight's run.
    pub first: &'a FolderComparison,
    /// Its repetition, if there was one.
    pub second: Option<&'a FolderComparison>,
}

/// All that a night is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Tonight's run.
    pub tonight: Tonight<'a>,
    /// The runs of the history, the last one first.
    pub runs: &'a [KnownRun],
    /// Comparisons with the baseline. `None` if there is none, or runs cannot be compared.
    pub compared: Option<Compared<'a>>,
    /// The series that tonight's run belongs to. `None` if the history could not be asked.
    pub series: Option<&'a KnownSeries>,
}

/// The verdict with what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The verdict.
    pub verdict: NightVerdict,
    /// What became worse, or looked worse.
    pub findings: Vec<NightFinding>,
    /// Of the repetition: whether it is no worse than the baseline.
    pub repetition_is_good: bool,
}

/// Returns whether a repetition of tonight's run would tell more: something is worse that no earlier night showed.
pub fn needs_repetition(
    comparison: &FolderComparison,
    base: &KnownRun,
    runs: &[KnownRun],
    tonight: &Tonight<'_>,
) -> bool {
    comparison.regressions().any(|one| shown_before(runs, base, tonight, &place(&one)).is_none())
}

/// Judges a night.
pub fn judge(evidence: &Evidence<'_>) -> Judged {
    let mut findings =
        evidence.compared.map_or_else(Vec::new, |compared| of_comparisons(evidence, &compared));
    for change in evidence.series.map_or(&[][..], |series| &series.changes) {
        if !counts(evidence, change) {
            continue;
        }
        let same = findings.iter_mut().find(|finding| {
            finding.metric == change.metric
                && finding.scenario == change.scenario
                && finding.algorithm == change.algorithm
        });
        match same {
            Some(finding) => agree(finding, change),
            None => findings.push(of_change(change)),
        }
    }
    let is_compared = evidence.compared.is_some_and(|compared| {
        let tells = |comparison: &FolderComparison| comparison.verdict != FolderVerdict::NotEnoughData;
        tells(compared.first) || compared.second.is_some_and(tells)
    });
    let verdict = if findings.iter().any(|finding| finding.confirmation.counts()) {
        NightVerdict::Worse
    } else if !findings.is_empty() {
        NightVerdict::Unconfirmed
    } else if is_compared || evidence.series.is_some_and(|series| series.telling > 0) {
        NightVerdict::Good
    } else {
        NightVerdict::NotJudged
    };
    let second = evidence.compared.and_then(|compared| compared.second);
    let repetition_is_good = second.is_some_and(|second| second.verdict == FolderVerdict::NoRegression)
        && verdict != NightVerdict::Worse;
    Judged { verdict, findings, repetition_is_good }
}

fn place(one: &Regression<'_>) -> Place {
    Place {
        scenario: one.scenario.to_owned(),
        algorithm: one.algorithm.to_owned(),
        metric: one.judged.metric,
    }
}

/// Returns what either run shows, and what confirms it.
fn of_comparisons(evidence: &Evidence<'_>, compared: &Compared<'_>) -> Vec<NightFinding> {
    let second: Vec<Regression<'_>> =
        compared.second.map_or_else(Vec::new, |second| second.regressions().collect());
    let first: Vec<Regression<'_>> = compared.first.regressions().collect();
    let is_in =
        |all: &[Regression<'_>], one: &Regression<'_>| all.iter().any(|other| place(other) == place(one));
    let only_second = second.iter().filter(|one| !is_in(&first, one));
    let mut findings = Vec::new();
    for one in first.iter().chain(only_second) {
        let place = place(one);
        let before = shown_before(evidence.runs, compared.baseline, &evidence.tonight, &place);
        let again = second.iter().find(|other| self::place(other) == place);
        let confirmation = match (is_in(&first, one), again, before) {
            (true, Some(_), _) => Confirmation::Repetition,
            (_, _, Some(_)) => Confirmation::EarlierNight,
            (true, None, None) if compared.second.is_some() => Confirmation::Refuted,
            _ => Confirmation::Pending,
        };
        let since = since(&evidence.tonight, compared.baseline, before);
        let again = again.and_then(|other| other.judged.p_adjusted);
        let sentence = of_comparison(&place, one.judged, &since, one.blocks, confirmation, again, before);
        findings.push(NightFinding {
            source: FindingSource::Comparison,
            scenario: place.scenario,
            algorithm: place.algorithm,
            metric: place.metric,
            effect: one.judged.effect,
            interval: one.judged.interval,
            p_value: one.judged.p_adjusted,
            since,
            confirmation,
            sentence,
        });
    }
    findings
}

fn since(tonight: &Tonight<'_>, base: &KnownRun, before: Option<&KnownRun>) -> Since {
    let summary = tonight.summary;
    let first = before.map_or_else(
        || [summary.started_at.as_str(), &summary.run_id, tonight.subject],
        |run| [run.started_at.as_str(), &run.run_id, &run.subject],
    );
    Since {
        date: date(first[0]).to_owned(),
        last_run_id: base.run_id.clone(),
        last_subject: base.subject.clone(),
        first_run_id: first[1].to_owned(),
        first_subject: first[2].to_owned(),
    }
}

/// Returns whether a change of a series is an alarm tonight: it is the last one of its series and made it worse, nobody has
/// accepted it, and tonight's run is still on its far side. After a repair, the series tells so only some nights later.
fn counts(evidence: &Evidence<'_>, change: &KnownChange) -> bool {
    let began = |time: &str| time.parse::<Timestamp>().ok();
    let all = evidence.series.map_or(&[][..], |series| &series.changes);
    let is_last = !all.iter().any(|other| {
        other.place() == change.place() && began(&other.first.started_at) > began(&change.first.started_at)
    });
    let is_accepted = accepted(evidence.runs, &evidence.tonight)
        .is_some_and(|accepted| began(&change.first.started_at).is_none_or(|first| first <= accepted));
    // A series that has no run of tonight, such as that of an algorithm that was left out, tells nothing about it.
    let is_of_tonight = began(&change.latest.started_at) >= began(&evidence.tonight.summary.started_at);
    change.worse == Some(true) && is_last && !is_accepted && is_of_tonight && is_still_there(change)
}

fn is_still_there(change: &KnownChange) -> bool {
    let scale = |value: f64| {
        if change.metric.is_ratio() { value.max(f64::MIN_POSITIVE).ln() } else { value }
    };
    let away = |from: f64| (scale(change.latest.value) - scale(from)).abs();
    away(change.after) <= away(change.before)
}

fn since_change(change: &KnownChange) -> Since {
    Since {
        date: date(&change.first.started_at).to_owned(),
        last_run_id: change.last.run_id.clone(),
        last_subject: change.last.subject.clone(),
        first_run_id: change.first.run_id.clone(),
        first_subject: change.first.subject.clone(),
    }
}

fn of_change(change: &KnownChange) -> NightFinding {
    let Place { scenario, algorithm, metric } = change.place();
    NightFinding {
        source: FindingSource::Series,
        scenario,
        algorithm,
        metric,
        effect: change.effect,
        interval: Some(change.interval),
        p_value: Some(change.split_p.max(change.step_p)),
        since: since_change(change),
        confirmation: Confirmation::Series,
        sentence: format!("{}, told by the series of all runs", change.sentence),
    }
}

/// Adds to what a comparison found that the series tells it as well, and since when.
fn agree(finding: &mut NightFinding, change: &KnownChange) {
    finding.since = since_change(change);
    finding.sentence += &format!(
        "; the series of all runs tells it since {}, {}",
        finding.since.date,
        between(&finding.since)
    );
    if !finding.confirmation.counts() {
        finding.confirmation = Confirmation::Series;
    }
}

impl Judged {
    /// Returns what became worse or looked worse as JSON, for the history.
    pub fn places(&self) -> String {
        let place = |finding: &NightFinding| Place {
            scenario: finding.scenario.clone(),
            algorithm: finding.algorithm.clone(),
            metric: finding.metric,
        };
        let places: Vec<Place> = self.findings.iter().map(place).collect();
        serde_json::to_string(&places).unwrap_or_else(|_| "[]".to_owned())
    }
}
