//! The runs of a night: tonight's, the A/A run when one is due, and the repetition.

use super::args::{NightlyArgs, OWN_FLAGS};
use crate::cli::job::Job;
use crate::cli::run::{STOPPING, run_job};
use crate::cli::run_args::RunArgs;
use crate::cli::shared::{command_line, listen_saying, read_plan};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::{Interrupt, Mode};
use anyhow::anyhow;
use jiff::{SignedDuration, Timestamp};
use lb_core::plain;
use lb_io::complain;
use lb_nightly::{AaCheck, KnownRun, Tonight, last_aa};
use lb_results::{Summary, read_summary};
use std::path::{Path, PathBuf};

/// How old the last A/A run may be.
const AA_AGE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Differences below this do not matter, if nobody says otherwise: the margin of `bench compare`.
const MARGIN: f64 = 0.05;

/// The number of a repetition in virtual time: with that of the first run, it would be the same run to the last bit.
const REPETITION: u64 = 1;

/// A run with its results.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) folder: PathBuf,
    pub(super) summary: Summary,
    /// Whether a threshold of the run did not hold.
    pub(super) missed_thresholds: bool,
}

/// The last A/A run, and its results folder if it was made tonight.
#[derive(Debug)]
pub(super) struct Aa {
    pub(super) check: AaCheck,
    pub(super) folder: Option<PathBuf>,
}

/// What makes runs, or reads them where they were made already.
pub(super) struct Runner<'a> {
    args: &'a NightlyArgs,
    /// `None` if the run was made already.
    job: Option<Job>,
    interrupt: Interrupt,
    margin: f64,
}

impl<'a> Runner<'a> {
    pub(super) fn new(args: &'a NightlyArgs) -> Result<Self, Failure> {
        let (mut job, mut margin) = (None, args.run.experiment.overrides.margin.unwrap_or(MARGIN));
        if args.from.is_none() {
            let (loaded, plan) = read_plan(&args.run.experiment)?;
            if plan.is_endless() {
                return Err(anyhow!("--duration: a night has an end; give a length such as `60s`"))
                    .or_exit(ExitCode::Usage);
            }
            margin = plan.margin();
            job = Some(Job { loaded, plan, command: repeat(None), replication: 0 });
        }
        Ok(Self { args, job, interrupt: listen_saying(STOPPING), margin })
    }

    /// Returns the smallest difference that matters.
    pub(super) const fn margin(&self) -> f64 {
        self.margin
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupt.is_set()
    }

    /// Makes tonight's run, or reads it. `None` if it was interrupted.
    pub(super) async fn tonight(&self) -> Result<Option<Made>, Failure> {
        let Some(job) = &self.job else {
            let folder = self.args.from.as_deref().unwrap_or(Path::new("."));
            return read(folder).map(Some);
        };
        let made = self.make(&flags(&self.args.run), job, Mode::Compare).await?;
        if made.is_none() {
            complain("the night was interrupted, so nothing is judged; the complete trials are kept");
        }
        Ok(made)
    }

    /// Makes an A/A run if the last one is older than a week. What goes wrong with it costs a note.
    pub(super) async fn aa(
        &self,
        known: &[KnownRun],
        tonight: &Tonight<'_>,
        folder: &Path,
        notes: &mut Vec<String>,
    ) -> Option<Aa> {
        let last = last_aa(known, tonight);
        let before = last.map(|run| Aa {
            check: AaCheck {
                run_id: run.run_id.clone(),
                started_at: run.started_at.clone(),
                is_new: false,
                false_alarms: None,
            },
            folder: None,
        });
        let began = |time: &str| time.parse::<Timestamp>().ok();
        let age = last.and_then(|run| {
            Some(began(&tonight.summary.started_at)?.duration_since(began(&run.started_at)?))
        });
        if self.args.no_aa || age.is_some_and(|age| age < AA_AGE) || self.is_interrupted() {
            return before;
        }
        let Some(job) = &self.job else {
            notes.push(
                "the last A/A run of this experiment is older than a week, or there is none; `bench aa` with the same flags makes \
                 one"
                    .to_owned(),
            );
            return before;
        };
        let job = Job { command: repeat(Some("aa")), ..job.clone() };
        match self.make(&beside(&flags(&self.args.run), folder, "aa"), &job, Mode::Aa).await {
            Ok(Some(made)) => {
                let noise = || made.summary.scenarios.iter().flat_map(|scenario| &scenario.noise);
                let alarms: usize = noise().map(|aa| aa.alarms).sum();
                if alarms > 0 {
                    notes.push(format!(
                        "the A/A run found {alarms} differences where there are none; tonight the machine was not quiet"
                    ));
                }
                let check = AaCheck {
                    run_id: made.summary.run_id.clone(),
                    started_at: made.summary.started_at.clone(),
                    is_new: true,
                    false_alarms: Some(alarms),
                };
                Some(Aa { check, folder: Some(made.folder) })
            }
            Ok(None) => before,
            Err(failure) => {
                notes.push(format!("the A/A run failed: {failure}"));
                before
            }
        }
    }

    /// Makes tonight's run again, or reads its repetition. `None` if there is none.
    pub(super) async fn again(&self, first: &Made) -> Result<Option<Made>, Failure> {
        if let Some(folder) = &self.args.again {
            let again = read(folder)?;
            if again.summary.run_id == first.summary.run_id {
                let problem = format!("--again: `{}` is the same run as --from", folder.display());
                return Err(anyhow!(problem)).or_exit(ExitCode::Usage);
            }
            return Ok(Some(again));
        }
        let Some(job) = &self.job else { return Ok(None) };
        if self.is_interrupted() {
            return Ok(None);
        }
        complain("something looks worse than in the last good run; the run is repeated to confirm it");
        let job = Job { replication: REPETITION, ..job.clone() };
        self.make(&beside(&flags(&self.args.run), &first.folder, "again"), &job, Mode::Compare).await
    }

    /// Returns whether a repetition was made already.
    pub(super) fn has_repetition(&self) -> bool {
        self.args.again.is_some()
    }

    /// Runs a job, and reads its results. `None` if it was interrupted.
    async fn make(&self, flags: &RunArgs, job: &Job, mode: Mode) -> Result<Option<Made>, Failure> {
        let outcome = run_job(flags, job, mode, Some(&self.interrupt), None).await?;
        if outcome.code == ExitCode::Interrupted {
            return Ok(None);
        }
        let folder = outcome.folder.unwrap_or_default();
        let made = read(&folder)?;
        Ok(Some(Made { missed_thresholds: outcome.code == ExitCode::Threshold, ..made }))
    }
}

fn read(folder: &Path) -> Result<Made, Failure> {
    let summary = read_summary(folder).or_exit(ExitCode::Usage)?;
    let missed_thresholds = summary.thresholds.iter().any(|threshold| !threshold.ok);
    Ok(Made { folder: folder.to_owned(), summary, missed_thresholds })
}

/// Returns the flags of a run that the night itself records.
fn flags(args: &RunArgs) -> RunArgs {
    RunArgs { history: None, subject: None, history_required: false, ..args.clone() }
}

/// Returns flags for a run whose results lie beside those of tonight's, and which leaves alone what else that one wrote.
fn beside(args: &RunArgs, folder: &Path, what: &str) -> RunArgs {
    let mut name = folder.as_os_str().to_owned();
    name.push("-");
    name.push(what);
    RunArgs { out: Some(name.into()), events: None, access_log: None, ..args.clone() }
}

/// Returns the command line that makes such a run without the night around it; `command` is its command, if it has one.
fn repeat(command: Option<&str>) -> Vec<String> {
    without_night(command_line(), command)
}

fn without_night(words: Vec<String>, command: Option<&str>) -> Vec<String> {
    let mut words = words.into_iter();
    let mut kept: Vec<String> = words.next().into_iter().collect();
    kept.extend(command.map(str::to_owned));
    let (mut is_named, mut skips) = (false, false);
    for word in words {
        let own = OWN_FLAGS.iter().find(|(flag, _)| word.split('=').next() == Some(*flag));
        if std::mem::take(&mut skips) {
            continue;
        }
        match own {
            Some((_, has_value)) => skips = *has_value && !word.contains('='),
            None if word == "nightly" && !is_named => is_named = true,
            None => kept.push(plain::line(&word).into_owned()),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_repeated_without_the_night_around_it() {
        let typed = "bench nightly --config nightly --webhook http://h --no-aa --from=x --seed 1";
        let words = |command| without_night(typed.split(' ').map(str::to_owned).collect(), command).join(" ");
        assert_eq!(words(None), "bench --config nightly --seed 1");
        assert_eq!(words(Some("aa")), "bench aa --config nightly --seed 1");
    }
}
