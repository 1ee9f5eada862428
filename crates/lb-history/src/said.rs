//! What is said about a run besides its results: by it a run is known again.

use crate::database::Database;
use crate::error::Trouble;
use crate::history::Given;
use crate::run::Run;

/// What is recorded of a run besides its results, and the hash of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) digest: String,
    pub(crate) subject: String,
    pub(crate) host: String,
    pub(crate) verdict: String,
    pub(crate) findings: String,
}

impl Said {
    /// Reads what was recorded of a run. `None` if it is not there.
    pub(crate) fn of(database: &mut dyn Database, run_id: &str) -> Result<Option<Self>, Trouble> {
        let known = "SELECT digest, subject, host, verdict, findings FROM bench_runs WHERE run_id = $1";
        let row = database.query(known, &[run_id.into()])?.pop();
        row.map(|mut row| {
            Ok(Self {
                digest: row.text()?,
                subject: row.text()?,
                host: row.text()?,
                verdict: row.text()?,
                findings: row.text()?,
            })
        })
        .transpose()
    }

    /// Returns what is to be recorded: what is given, or else what was there before. A judgement is of results, so other
    /// results have none.
    pub(crate) fn about(run: &Run, given: &Given, host: &str, before: Option<&Self>) -> Self {
        let subject = given.subject.as_deref().or(before.map(|before| before.subject.as_str()));
        let judged = before.filter(|before| before.digest == run.digest);
        let (verdict, findings) = match (given.judgement, judged) {
            (Some(judgement), _) => (judgement.word(), "[]"),
            (None, Some(before)) => (before.verdict.as_str(), before.findings.as_str()),
            (None, None) => ("", "[]"),
        };
        Self {
            digest: run.digest.clone(),
            subject: subject.unwrap_or_default().to_owned(),
            host: host.to_owned(),
            verdict: verdict.to_owned(),
            findings: findings.to_owned(),
        }
    }
}
