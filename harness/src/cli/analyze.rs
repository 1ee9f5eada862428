//! `bench analyze`: grades the results of many tools, or compares two of them.

use super::args::AnalyzeArgs;
use super::shared::{print, write_json, write_text};
use crate::exit::{ExitCode, Failure, OrExit};
use jiff::Timestamp;
use lb_analysis::threshold::Threshold;
use lb_grading::{
    Analysis, Gate, analyze, compare, gates, render, render_comparison, render_comparison_page, render_page,
};

pub(super) fn execute(args: &AnalyzeArgs) -> Result<ExitCode, Failure> {
    let thresholds: Vec<Threshold> =
        args.thresholds.iter().map(|rule| rule.parse()).collect::<Result<_, _>>().or_exit(ExitCode::Usage)?;
    let first = analyze(&args.path).or_exit(ExitCode::Usage)?;
    let (results, page) = match &args.improved {
        None => one(args, &first, &thresholds)?,
        Some(path) => two(args, first, analyze(path).or_exit(ExitCode::Usage)?, &thresholds)?,
    };
    if let Some(path) = &args.html {
        write_text(path, "--html", &page)?;
    }
    Ok(if results.iter().all(|gate| gate.ok) { ExitCode::Ok } else { ExitCode::Threshold })
}

/// Grades one side. Returns what the thresholds say, and the page.
fn one(
    args: &AnalyzeArgs,
    analysis: &Analysis,
    thresholds: &[Threshold],
) -> Result<(Vec<Gate>, String), Failure> {
    let results = gates(analysis, thresholds);
    print(&render(analysis, &results));
    if let Some(path) = &args.json {
        write_json(path, &analysis.document(Timestamp::now(), &results))?;
    }
    let page = render_page(analysis, &results);
    Ok((results, page))
}

/// Compares two sides, of which the second one is held against the thresholds.
fn two(
    args: &AnalyzeArgs,
    baseline: Analysis,
    improved: Analysis,
    thresholds: &[Threshold],
) -> Result<(Vec<Gate>, String), Failure> {
    let results = gates(&improved, thresholds);
    let comparison = compare(baseline, improved).or_exit(ExitCode::Usage)?;
    print(&render_comparison(&comparison, &results));
    if let Some(path) = &args.json {
        write_json(path, &comparison.document(Timestamp::now(), &results))?;
    }
    let page = render_comparison_page(&comparison, &results);
    Ok((results, page))
}
