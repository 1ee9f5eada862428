//! `bench nightly`: runs, compares with the last good night, confirms, looks for changes, reports, and says whether it got worse.
//!
//! The order matters: the history is asked first, so that nothing is measured for a history that cannot be used; the run is
//! recorded as pending, so that a job that is killed leaves no baseline; and a history that goes away at the end costs the
//! changes of series, but neither the results nor the comparison.

mod args;
mod compare;
mod record;
mod report;
mod runs;
mod webhook;

pub use args::NightlyArgs;

use super::history::commit;
use super::history_program::{DEFAULT_HISTORY, HISTORY, HistoryProgram, Refused};
use super::shared::block_on;
use crate::exit::{ExitCode, Failure};
use anyhow::anyhow;
use compare::Comparisons;
use lb_core::secret::mask_passwords;
use lb_nightly::{
    Evidence, KnownRun, KnownSeries, NIGHT_VERSION, Night, NightRun, NightVerdict, SeriesCheck, Tonight,
    judge,
};
use lb_results::{Summary, machine, read_summary};
use runs::{Made, Runner};

/// The variable that names the machine where its own name changes from night to night, as `bench-history` reads it.
const HOST: &str = "BENCH_HISTORY_HOST";

pub(super) fn execute(args: &NightlyArgs) -> Result<ExitCode, Failure> {
    args.refuse()?;
    let set = |variable: &str| std::env::var(variable).ok().filter(|value| !value.is_empty());
    let url = args.run.history.clone().or_else(|| set(HISTORY)).unwrap_or_else(|| DEFAULT_HISTORY.to_owned());
    let history = HistoryProgram::of(&url)?;
    let known: Vec<KnownRun> = history.ask(&["nights"]).map_err(unusable)?;
    let subject =
        args.run.subject.clone().or_else(|| recorded(args, &known)).or_else(commit).unwrap_or_default();
    let job = NightJob { args, history, known, subject, host: set(HOST) };
    block_on(job.play())
}

/// Returns what the history says was tested in the run that was made already.
fn recorded(args: &NightlyArgs, known: &[KnownRun]) -> Option<String> {
    let summary = read_summary(args.from.as_deref()?).ok()?;
    let run = known.iter().find(|run| run.run_id == summary.run_id)?;
    Some(run.subject.clone()).filter(|subject| !subject.is_empty())
}

/// Says that nothing was measured, since nothing could be judged without a history.
fn unusable(refused: Refused) -> Failure {
    let code = if refused.is_usage { ExitCode::Usage } else { ExitCode::Preflight };
    Failure {
        code,
        error: anyhow!("{}\na night is judged by its history, so nothing was measured", refused.said),
    }
}

/// A night with what is known before it begins.
struct NightJob<'a> {
    args: &'a NightlyArgs,
    history: HistoryProgram,
    /// The runs of the history, the last one first.
    known: Vec<KnownRun>,
    subject: String,
    host: Option<String>,
}

impl NightJob<'_> {
    async fn play(&self) -> Result<ExitCode, Failure> {
        let runner = Runner::new(self.args)?;
        let Some(made) = runner.tonight().await? else { return Ok(ExitCode::Interrupted) };
        let host = self.host.clone().unwrap_or_else(|| machine(&made.summary.host));
        let tonight = Tonight { summary: &made.summary, host: &host, subject: &self.subject };
        let mut notes = Vec::new();
        let aa = runner.aa(&self.known, &tonight, &made.folder, &mut notes).await;
        let mut comparisons = Comparisons::with_baseline(self, &tonight, &made, runner.margin());
        let again = comparisons.repeat(self, &tonight, &made, &runner).await?;
        if runner.is_interrupted() {
            notes.push("the night was interrupted after its run, so less was made than was due".to_owned());
        }

        let aa_folder = aa.as_ref().and_then(|aa| aa.folder.as_deref());
        let recorded = self.record(&made, again.as_ref(), aa_folder, &mut notes);
        let last = again.as_ref().map_or(&made, |again| again).summary.run_id.as_str();
        let series = if recorded { self.series(last, &mut notes) } else { None };
        let judged = judge(&Evidence {
            tonight,
            runs: &self.known,
            compared: comparisons.compared(),
            series: series.as_ref(),
        });
        if recorded {
            self.keep(&judged, &made, again.as_ref(), &mut notes);
        }

        let series =
            series.map(|KnownSeries { series, telling, runs, .. }| SeriesCheck { series, telling, runs });
        let baseline = comparisons.baseline.map(run_of_history);
        let code = self.exit_code(judged.verdict, &made, recorded);
        let mut night = Night {
            schema_version: NIGHT_VERSION,
            run: self.run(&made, &host),
            verdict: judged.verdict,
            exit_code: code as u8,
            sentence: lb_nightly::night_sentence(
                judged.verdict,
                &judged.findings,
                baseline.as_ref(),
                series.as_ref(),
            ),
            baseline,
            repetition: again.as_ref().map(|again| self.run(again, &host)),
            findings: judged.findings,
            series,
            aa: aa.map(|aa| aa.check),
            reasons: comparisons.reasons.clone(),
            notes,
            recorded,
            history: mask_passwords(self.history.url()).into_owned(),
        };
        self.report(&mut night, comparisons.first.as_ref(), &made.folder).await?;
        Ok(if runner.is_interrupted() && code == ExitCode::Ok { ExitCode::Interrupted } else { code })
    }

    fn run(&self, made: &Made, host: &str) -> NightRun {
        let Summary { run_id, started_at, config, .. } = &made.summary;
        NightRun {
            run_id: run_id.clone(),
            started_at: started_at.clone(),
            subject: self.subject.clone(),
            host: host.to_owned(),
            config: config.name.clone(),
            folder: made.folder.display().to_string(),
        }
    }

    /// Asks for the changes of the series that a run belongs to.
    fn series(&self, run_id: &str, notes: &mut Vec<String>) -> Option<KnownSeries> {
        match self.history.ask(&["night", run_id]) {
            Ok(series) => Some(series),
            Err(refused) => {
                notes.push(format!("changes of series were not looked for: {}", refused.said));
                None
            }
        }
    }

    /// What became worse comes first, then thresholds that the run itself did not hold, then what could not be done.
    fn exit_code(&self, verdict: NightVerdict, made: &Made, recorded: bool) -> ExitCode {
        match verdict {
            NightVerdict::Worse => ExitCode::Regression,
            _ if made.missed_thresholds => ExitCode::Threshold,
            NightVerdict::NotJudged => ExitCode::Preflight,
            _ if !recorded && self.args.run.history_required => ExitCode::Preflight,
            NightVerdict::Good | NightVerdict::Unconfirmed => ExitCode::Ok,
        }
    }
}

fn run_of_history(run: &KnownRun) -> NightRun {
    NightRun {
        run_id: run.run_id.clone(),
        started_at: run.started_at.clone(),
        subject: run.subject.clone(),
        host: run.host.clone(),
        config: run.config.clone(),
        folder: run.folder.clone(),
    }
}
