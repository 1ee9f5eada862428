//! Findings and verdicts in sentences.

use crate::document::{Confirmation, NightFinding, NightRun, NightVerdict, SeriesCheck, Since};
use crate::known::{KnownRun, Place};
use lb_analysis::change_in_words;
use lb_report::parts::count;
use lb_results::MetricComparison;

/// Returns the date of a time in RFC 3339.
pub(crate) fn date(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}

/// Says what became worse, by how much, since when, between which subjects, and how sure that is. `again` is the p value of the
/// repetition, and `before` the run of an earlier night that shows it.
pub(crate) fn of_comparison(
    place: &Place,
    judged: &MetricComparison,
    since: &Since,
    blocks: usize,
    confirmation: Confirmation,
    again: Option<f64>,
    before: Option<&KnownRun>,
) -> String {
    let sure = match confirmation {
        Confirmation::Repetition => {
            let again = again.map_or_else(String::new, |p| format!(", {}", p_value(p)));
            format!("; confirmed by a repetition{again}")
        }
        Confirmation::EarlierNight => {
            let when = before.map_or_else(String::new, |run| format!(" of {}", date(&run.started_at)));
            format!("; confirmed by the run{when}")
        }
        Confirmation::Pending => "; seen in one run and not confirmed yet".to_owned(),
        Confirmation::Refuted => "; a repetition did not confirm it".to_owned(),
        Confirmation::Series => String::new(),
    };
    let p = judged.p_adjusted.or(judged.p_value).map_or_else(String::new, |p| format!(", {}", p_value(p)));
    format!(
        "{} of {} in {}: {} since {}, {} ({}{p}{sure})",
        place.metric.label(),
        place.algorithm,
        place.scenario,
        change_in_words(place.metric, judged.effect, judged.interval),
        since.date,
        between(since),
        count(blocks, "block"),
    )
}

fn p_value(p: f64) -> String {
    if p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p = {p:.4}") }
}

/// Names the subjects between which something changed, or else the runs.
pub(crate) fn between(since: &Since) -> String {
    let named = |subject: &str, run_id: &str| {
        if subject.is_empty() { format!("run {run_id}") } else { subject.to_owned() }
    };
    let Since { last_run_id, last_subject, first_run_id, first_subject, .. } = since;
    format!("between {} and {}", named(last_subject, last_run_id), named(first_subject, first_run_id))
}

/// Says what the night found.
pub fn of_night(
    verdict: NightVerdict,
    findings: &[NightFinding],
    baseline: Option<&NightRun>,
    series: Option<&SeriesCheck>,
) -> String {
    let worse = findings.iter().filter(|finding| finding.confirmation.counts()).count();
    let held = baseline.map(|run| format!("{} of {}", run.run_id, date(&run.started_at)));
    let looked = series
        .filter(|series| series.telling > 0)
        .map(|series| format!("{} series over {} were looked at", series.telling, count(series.runs, "run")));
    match verdict {
        NightVerdict::Worse => format!("worse: {} confirmed", count(worse, "regression")),
        NightVerdict::Unconfirmed => format!(
            "not confirmed: {} looked worse than in {}, in one run",
            count(findings.len(), "metric"),
            held.unwrap_or_default()
        ),
        NightVerdict::Good => {
            let parts = [held.map(|held| format!("compared with {held}")), looked];
            format!("nothing became worse ({})", parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
        }
        NightVerdict::NotJudged => "nothing could be judged".to_owned(),
    }
}
