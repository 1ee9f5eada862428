//! Inspects a trace: what it contains and whether a policy can be trained on it.
//!
//! Two formats are read: the Parquet traces of the load balancer, and `rl_experiences.jsonl`, JSON lines
//! whose fields are `state`, `action`, `reward`, `next_state` and `metadata`. Each of the five is worth 20
//! points of a completeness score. In a Parquet trace, the corresponding columns are `features` for the
//! state, `next_decision_id` for the next state (that of the same load balancer's next decision), and
//! `ts_ns`, `route_class` and `error_kind` for the timestamp, path and status of the metadata.

mod lines;
mod render;
mod report;
mod rows;
mod tally;
mod warnings;

pub use render::render;
pub use report::{
    Completeness, Count, Coverage, Field, Format, Malformed, MalformedLine, Propensities, Quantile, Report,
    RewardSign, Rewards, SCHEMA_VERSION, Support, Verdict, Warning,
};

use super::original;
use lb_traces::read::{Source, TraceError, source};
use std::path::Path;
use tally::Tally;

/// Points per required field.
const POINTS: f64 = 20.0;

/// Inspects a file, or all traces in a folder.
///
/// # Errors
/// Fails if there is no trace or it cannot be read: wrong format, missing columns, or no valid line.
pub fn inspect(path: &Path) -> Result<Report, TraceError> {
    let mut tally = Tally::default();
    let mut malformed = Malformed::default();
    let source = source(path)?;
    let (format, files) = match &source {
        Source::Parquet(files) => {
            files.iter().try_for_each(|file| rows::count(file, &mut tally))?;
            (Format::Parquet, files)
        }
        Source::JsonLines(files) => {
            files.iter().try_for_each(|file| lines::count(file, &mut tally, &mut malformed))?;
            (Format::JsonLines, files)
        }
    };
    if tally.experiences == 0 {
        return Err(match malformed.first.into_iter().next() {
            Some(first) => TraceError::AllMalformed {
                path: path.to_owned(),
                lines: malformed.lines,
                line: first.line,
                problem: first.problem,
            },
            None => TraceError::Empty { path: path.to_owned() },
        });
    }
    Ok(report(path, format, files.len(), &tally, malformed))
}

fn report(path: &Path, format: Format, files: usize, tally: &Tally, malformed: Malformed) -> Report {
    let all = tally.experiences;
    let is_parquet = format == Format::Parquet;
    let fields = (0..original::FIELDS.len()).map(|place| Field {
        field: original::FIELDS[place],
        columns: if is_parquet { rows::FIELDS[place].1.to_vec() } else { Vec::new() },
        present: tally.present[place],
    });
    let score = tally.present.iter().map(|count| *count as f64).sum::<f64>() * POINTS / all as f64;
    let mut report = Report {
        schema_version: SCHEMA_VERSION,
        path: path.display().to_string(),
        format,
        files,
        experiences: all,
        malformed,
        completeness: Completeness { score, verdict: Verdict::of(score), fields: fields.collect() },
        policies: tally.policies.counts(all),
        actions: tally.supports(),
        rewards: tally.rewards(),
        feature_sets: tally.feature_sets.counts(all),
        features: tally.coverage(),
        outcomes: tally.outcomes.counts(all),
        censored: tally.censored,
        exploration: is_parquet.then(|| tally.explored as f64 / all as f64),
        propensities: is_parquet.then_some(tally.propensities),
        reward_sign: tally.reward_sign(),
        clock: tally.clocks.clock(),
        warnings: Vec::new(),
        fit_for_training: true,
    };
    report.warnings = warnings::warnings(&report, tally.rewards.is_constant());
    report.fit_for_training = !report.warnings.iter().any(|warning| warning.unfit);
    report
}
