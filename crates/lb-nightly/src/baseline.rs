//! Which run tonight's is compared with, and why there is none.

use crate::known::{KnownRun, Place};
use jiff::Timestamp;
use lb_results::Summary;

/// Tonight's run.
#[derive(Clone, Copy, Debug)]
pub struct Tonight<'a> {
    /// Its results.
    pub summary: &'a Summary,
    /// The machine, as the history calls it.
    pub host: &'a str,
    /// What was tested; empty if nobody said.
    pub subject: &'a str,
}

impl Tonight<'_> {
    fn is_later_than(&self, run: &KnownRun) -> bool {
        let began: Option<Timestamp> = self.summary.started_at.parse().ok();
        run.run_id != self.summary.run_id && run.began() < began
    }

    /// Returns whether a run is of the same experiment on the same machine.
    pub(crate) fn is_like(&self, run: &KnownRun) -> bool {
        run.fingerprint == self.summary.fingerprint && run.host == self.host
    }
}

/// Returns the last good run of the same experiment on the same machine with the same seed, of `runs`, the last of which come
/// first.
///
/// # Errors
/// There is none: why, and what to do.
pub fn baseline<'a>(runs: &'a [KnownRun], tonight: &Tonight<'_>) -> Result<&'a KnownRun, String> {
    let earlier: Vec<&KnownRun> =
        runs.iter().filter(|run| !run.is_aa && tonight.is_later_than(run)).collect();
    let Some(last) = earlier.first() else {
        return Err(
            "the history has no earlier run to compare with; this one is the baseline of the next night"
                .to_owned(),
        );
    };
    let same: Vec<&KnownRun> =
        earlier.iter().filter(|run| run.fingerprint == tonight.summary.fingerprint).copied().collect();
    let Some(last_same) = same.first() else {
        return Err(format!(
            "no earlier run is of this experiment (the last one, `{}`, played `{}` with other users, backends, lengths or target): \
             a changed experiment begins anew, and this run is its baseline",
            last.run_id, last.config
        ));
    };
    let here: Vec<&KnownRun> = same.iter().filter(|run| run.host == tonight.host).copied().collect();
    if here.is_empty() {
        return Err(format!(
            "no earlier run of this experiment was on this machine (`{}`; the last one, `{}`, was on `{}`): values of different \
             machines are not compared, and this run is the baseline here; where names differ from night to night, set \
             BENCH_HISTORY_HOST",
            tonight.host, last_same.run_id, last_same.host
        ));
    }
    let seed = tonight.summary.seed.to_string();
    let seeded: Vec<&KnownRun> = here.iter().filter(|run| run.seed == seed).copied().collect();
    if seeded.is_empty() {
        return Err(format!(
            "no earlier run of this experiment had seed {seed} (the last one, `{}`, had {}), so users did other things; give \
             each night the same --seed",
            here[0].run_id, here[0].seed
        ));
    }
    seeded.iter().find(|run| run.is_good()).copied().ok_or_else(|| {
        let last = &seeded[0].run_id;
        format!(
            "none of the earlier runs of this experiment is good; `bench history judge {last} accepted` makes the last one the \
             baseline"
        )
    })
}

/// Returns the last A/A run of the same experiment on the same machine.
pub fn last_aa<'a>(runs: &'a [KnownRun], tonight: &Tonight<'_>) -> Option<&'a KnownRun> {
    runs.iter().find(|run| run.is_aa && !run.interrupted && tonight.is_like(run))
}

/// Returns the first run since the baseline that was found to be worse there.
pub(crate) fn shown_before<'a>(
    runs: &'a [KnownRun],
    base: &KnownRun,
    tonight: &Tonight<'_>,
    place: &Place,
) -> Option<&'a KnownRun> {
    let since =
        |run: &&KnownRun| tonight.is_like(run) && tonight.is_later_than(run) && run.began() > base.began();
    runs.iter().rev().filter(since).find(|run| run.shows(place))
}

/// Returns when somebody last accepted a run of this experiment.
pub(crate) fn accepted(runs: &[KnownRun], tonight: &Tonight<'_>) -> Option<Timestamp> {
    let accepted = runs.iter().filter(|run| run.verdict == "accepted" && tonight.is_like(run));
    accepted.filter_map(KnownRun::began).max()
}
