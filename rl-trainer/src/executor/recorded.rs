//! What was recorded: traces of a load balancer, or an access log that names backends.

use anyhow::{Context, Result, anyhow, bail};
use lb_calibration::Resolution;
use lb_calibration::log::AccessLog;
use lb_traces::read::{Episode, Source, TraceError, Traces, source};
use std::path::{Path, PathBuf};

/// Policies under which traces are recorded: they differ in whether they look at queues, at latency, at two backends or
/// at all, so that each sees states to which the others do not lead.
pub(super) const LOGGING: [&str; 4] = ["least-connections", "round-robin", "ewma-scan", "p2c"];

/// What was recorded about a pool.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) content: Content,
    /// What is odd about it, and what to do, one sentence each.
    pub(super) notes: Vec<String>,
}

/// The content of a recording.
#[derive(Debug)]
pub(super) enum Content {
    /// Traces, which name the policy of each decision.
    Traces(Traces),
    /// An access log, whose policy is found out.
    Log(Box<AccessLog>),
}

impl Recording {
    /// Reads traces, or else an access log, from a folder or a file. If there are several pools, `pool_of` names a
    /// backend of the one to read; without it, the pool with the most requests is read.
    ///
    /// # Errors
    /// The path holds neither, or neither can be read.
    pub(super) fn read(path: &Path, pool_of: Option<&str>) -> Result<Self> {
        match source(path) {
            Ok(Source::Parquet(_)) => traces(path, pool_of),
            Ok(Source::JsonLines(_)) => logs(path, pool_of).map_err(|error| {
                anyhow!(
                    "`{}` holds JSON lines that are no access log ({error:#}); experiences as JSON lines do not contain \
                     latencies of individual requests: record with `bench --traces`",
                    path.display()
                )
            }),
            Err(TraceError::NothingFound { .. } | TraceError::OtherKind { .. }) => logs(path, pool_of),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the requests.
    pub(super) fn traces(&self) -> &Traces {
        match &self.content {
            Content::Traces(traces) => traces,
            Content::Log(log) => &log.traces,
        }
    }

    /// Returns whether decisions were recorded, with what was known when they were made.
    pub(super) const fn has_decisions(&self) -> bool {
        matches!(self.content, Content::Traces(_))
    }

    /// Returns how exact the times are.
    pub(super) fn resolution(&self) -> Resolution {
        match &self.content {
            Content::Traces(_) => Resolution::default(),
            Content::Log(log) => log.resolution,
        }
    }

    /// Returns the kind of recording, for reports.
    pub(super) const fn kind(&self) -> &'static str {
        match &self.content {
            Content::Traces(_) => "traces",
            Content::Log(_) => "an access log",
        }
    }

    /// Returns the episode with the most requests.
    pub(super) fn longest(&self) -> Option<&Episode> {
        self.traces().episodes.iter().max_by_key(|episode| episode.exchanges.len())
    }

    /// Returns each policy with the number of its requests.
    pub(super) fn policies(&self) -> Vec<(String, u64)> {
        let traces = self.traces();
        let requests = |policy: &str| {
            let episodes = traces.episodes.iter().filter(|episode| episode.policy == policy);
            episodes.map(|episode| episode.exchanges.len() as u64).sum()
        };
        traces.policies().into_iter().map(|policy| (policy.to_owned(), requests(policy))).collect()
    }
}

fn traces(path: &Path, pool_of: Option<&str>) -> Result<Recording> {
    let mut notes: Vec<String> = crate::traces::clock::clock(path)?
        .problems()
        .into_iter()
        .map(|(problem, advice)| format!("{problem}; {advice}"))
        .collect();
    let read = match Traces::read(path, pool_of) {
        Err(TraceError::SeveralPools { pools }) => {
            let (busiest, read) = busiest_pool(path, &pools)?;
            notes.push(format!(
                "the traces hold {} pools, of which that of `{busiest}` has the most requests; name a backend of another \
                 one with --pool-of",
                pools.len()
            ));
            read
        }
        other => other?,
    };
    Ok(Recording { content: Content::Traces(read), notes })
}

/// Reads each pool and returns the one with the most requests, with the name of a backend.
fn busiest_pool(path: &Path, pools: &[Vec<String>]) -> Result<(String, Traces)> {
    let mut best: Option<(String, Traces)> = None;
    for first in pools.iter().filter_map(|pool| pool.first()) {
        let read = Traces::read(path, Some(first))?;
        if best.as_ref().is_none_or(|(_, best)| read.len() > best.len()) {
            best = Some((first.clone(), read));
        }
    }
    best.context("the traces hold pools without backends; record again")
}

/// Reads all files of a folder, or one file, as one access log.
fn logs(path: &Path, pool_of: Option<&str>) -> Result<Recording> {
    let files = files(path)?;
    if files.is_empty() {
        bail!(
            "folder `{}` is empty; record traces into it with `bench --traces --algorithms {} --results {}`, or put an \
             access log into it that names backends and their times",
            path.display(),
            LOGGING.join(","),
            path.display()
        );
    }
    let mut log = AccessLog::read(&files, pool_of).with_context(|| {
        format!("`{}` holds no traces, and no access log that tells enough", path.display())
    })?;
    let notes = std::mem::take(&mut log.notes);
    Ok(Recording { content: Content::Log(Box::new(log)), notes })
}

/// Returns the files in a folder, without hidden ones, in order; or the file itself.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("failed to list `{}`", path.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.with_context(|| format!("failed to list `{}`", path.display()))?.path();
        let is_hidden = file.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if file.is_file() && !is_hidden {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;
    use std::fs;

    fn said(path: &Path) -> String {
        format!("{:#}", Recording::read(path, None).expect_err("it is refused"))
    }

    #[test]
    fn what_cannot_be_read_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let empty = said(folder.path());
        assert!(empty.contains("is empty; record traces") && empty.contains("p2c"), "{empty}");
        fs::write(folder.path().join(".hidden"), "x").expect("a file");
        assert!(said(folder.path()).contains("is empty"), "hidden files are not looked at");
        let absent = said(&folder.path().join("absent"));
        assert!(absent.contains("does not exist"), "{absent}");
        let lines = folder.path().join("rl_experiences.jsonl");
        fs::write(&lines, "{\"state\": {}}\n").expect("a file");
        let experiences = said(&lines);
        assert!(experiences.contains("do not contain latencies"), "{experiences}");
        fs::remove_file(lines).expect("it is there");
        // What servers log without being asked for more.
        let mut plain = String::new();
        for second in 0..60 {
            let _ = writeln!(
                plain,
                "192.0.2.1 - - [30/Nov/2026:10:00:{second:02} +0000] \"GET /a HTTP/1.1\" 200 17 \"-\" \"-\""
            );
        }
        fs::write(folder.path().join("access.log"), plain).expect("a file");
        let unnamed = said(folder.path());
        assert!(unnamed.contains("names the backend") && unnamed.contains("upstream_addr"), "{unnamed}");
    }
}
