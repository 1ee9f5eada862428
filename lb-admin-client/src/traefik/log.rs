//! Reads Traefik's access log, which covers individual servers, as its API does not. Each line is a JSON
//! object for one request, written when the request ends.
//!
//! A read covers the lines appended since the previous one. Counting begins when the log is opened, and
//! starts over whenever the file is replaced or emptied.

use crate::error::AdminError;
use crate::group::Group;
use crate::snapshot::BackendCounters;
use lb_core::time::Span;
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

const WHAT: &str = "read Traefik's access log";
/// How many characters of a malformed line an error quotes.
const QUOTED: usize = 160;
/// The status that Traefik logs when the client aborted the request.
const CLIENT_CLOSED: u16 = 499;

/// An access log that is being written.
#[derive(Debug)]
pub(super) struct AccessLog {
    path: PathBuf,
    reader: Mutex<Reader>,
}

/// The position in the log, and the counts so far.
#[derive(Debug)]
struct Reader {
    /// The inode of the file, since its path may come to refer to another file.
    inode: u64,
    offset: u64,
    /// Incremented with each new file.
    generation: u64,
    tallies: Tallies,
}

/// Counts by pool and address.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    /// The beginning of a line that is not completely written yet.
    partial: Vec<u8>,
    servers: HashMap<(String, String), Tally>,
}

/// Counts of one server of one pool, over all algorithms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tally {
    requests: u64,
    errors: u64,
    cancelled: u64,
    latency_sum: Span,
    /// Mean latency in the latest read that had a reply.
    recent_latency: Option<Span>,
}

/// One line of the log. Requests that reached no server (such as a 404 by Traefik itself) name none.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    service_name: Option<String>,
    service_addr: Option<String>,
    /// Time until the reply was passed on, in nanoseconds.
    duration: u64,
    #[serde(default)]
    origin_status: u16,
    downstream_status: u16,
}

impl AccessLog {
    /// Opens the log. Lines that are already in it are not counted.
    ///
    /// # Errors
    /// When the file does not exist or cannot be read.
    pub(super) fn open(path: &Path) -> Result<Self, AdminError> {
        let metadata = std::fs::metadata(path).and_then(|metadata| File::open(path).map(|_| metadata));
        let metadata = metadata.map_err(|error| failed(path, &error))?;
        let reader = Reader {
            inode: metadata.ino(),
            offset: metadata.len(),
            generation: 1,
            tallies: Tallies::default(),
        };
        Ok(Self { path: path.to_owned(), reader: Mutex::new(reader) })
    }

    /// Reads the appended lines, and returns the generation that the counters belong to.
    pub(super) fn look(&self) -> Result<u64, AdminError> {
        let mut reader = self.reader();
        let appended = reader.appended(&self.path).map_err(|error| failed(&self.path, &error))?;
        let counted = reader.tallies.take(&appended);
        counted.map_err(|reason| bad(&self.path, reason))?;
        Ok(reader.generation)
    }

    /// Adds the counts of a server to its entry.
    pub(super) fn count(&self, of: BackendCounters, address: &str) -> BackendCounters {
        let tally = self.reader().tallies.of(&of.pool, address);
        BackendCounters {
            requests: Some(tally.requests),
            errors: Some(tally.errors),
            cancelled: Some(tally.cancelled),
            latency_sum: Some(tally.latency_sum),
            recent_latency: tally.recent_latency,
            ..of
        }
    }

    fn reader(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// Returns what was appended since the previous read.
    fn appended(&mut self, path: &Path) -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.ino() != self.inode || metadata.len() < self.offset {
            let generation = self.generation + 1;
            *self = Self { inode: metadata.ino(), offset: 0, generation, tallies: Tallies::default() };
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut appended = Vec::new();
        self.offset += file.read_to_end(&mut appended)? as u64;
        Ok(appended)
    }
}

impl Tallies {
    /// Counts the lines of one read. The error is the first malformed line; all other lines are counted
    /// anyway.
    pub(super) fn take(&mut self, appended: &[u8]) -> Result<(), String> {
        self.partial.extend_from_slice(appended);
        let end = self.partial.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let lines: Vec<u8> = self.partial.drain(..end).collect();
        let mut wrong = None;
        // Number of replies in this read, and the sum of their latencies.
        let mut look: HashMap<(String, String), (u64, Span)> = HashMap::new();
        for text in lines.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
            let line: Line = match serde_json::from_slice(text) {
                Ok(line) => line,
                Err(error) => {
                    let quoted: String = String::from_utf8_lossy(text).chars().take(QUOTED).collect();
                    wrong.get_or_insert_with(|| format!("`{quoted}` ({error})"));
                    continue;
                }
            };
            let Some((server, line)) = line.server() else { continue };
            let tally = self.servers.entry(server.clone()).or_default();
            tally.requests += 1;
            if line.cancelled() {
                tally.cancelled += 1;
                continue;
            }
            tally.errors += u64::from(line.failed());
            let latency = Span::from_nanos(line.duration);
            tally.latency_sum += latency;
            let (replies, sum) = look.entry(server).or_default();
            *replies += 1;
            *sum += latency;
        }
        for (server, (replies, sum)) in look {
            let mean = Span::from_nanos(sum.as_nanos() / replies);
            self.servers.entry(server).or_default().recent_latency = Some(mean);
        }
        wrong.map_or(Ok(()), Err)
    }

    pub(super) fn of(&self, pool: &str, address: &str) -> Tally {
        self.servers.get(&(pool.to_owned(), address.to_owned())).copied().unwrap_or_default()
    }
}

impl Line {
    /// Returns the pool and the address of the server; services are named `pool.algorithm@rest`.
    fn server(self) -> Option<((String, String), Self)> {
        let service = self.service_name.as_deref()?;
        let group = Group::parse(service.split('@').next()?)?;
        let address = self.service_addr.clone()?;
        Some(((group.pool, address), self))
    }

    /// Returns whether the request failed. If the server never answered, its status is missing or was set by
    /// Traefik.
    fn failed(&self) -> bool {
        self.origin_status == 0 || self.origin_status >= 500 || self.downstream_status >= 500
    }

    fn cancelled(&self) -> bool {
        self.downstream_status == CLIENT_CLOSED
    }
}

fn failed(path: &Path, error: &std::io::Error) -> AdminError {
    bad(path, error.to_string())
}

fn bad(path: &Path, reason: String) -> AdminError {
    let way_out = "Traefik writes it with `--accesslog.filepath` and `--accesslog.format=json`, and it must be on \
                   this machine";
    AdminError::BadValue { what: WHAT, reason: format!("{}: {reason}; {way_out}", path.display()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a line as Traefik 3.7.15 writes it with only these fields kept: `level`, `msg` and `time`
    /// cannot be dropped.
    fn line(service: &str, port: u16, status: u16, millis: u64) -> String {
        format!(
            r#"{{"DownstreamStatus":{status},"Duration":{},"OriginStatus":{status},"ServiceAddr":"127.0.0.1:{port}","ServiceName":"{service}","level":"info","msg":"","time":"2026-11-22T01:47:55Z"}}"#,
            millis * 1_000_000
        ) + "\n"
    }

    /// A request that found no router.
    const NOBODY: &str = r#"{"DownstreamStatus":404,"Duration":78890,"OriginStatus":0,"level":"info","msg":"","time":"2026-11-22T01:47:56Z"}"#;

    fn millis(millis: u64) -> Span {
        Span::from_millis(millis)
    }

    #[test]
    fn lines_are_tallied_by_pool_and_server_over_all_algorithms() {
        let mut tallies = Tallies::default();
        let log = [
            line("shop.rl@rest", 9001, 200, 10),
            line("shop.p2c@rest", 9001, 503, 20),
            line("shop.rl@rest", 9002, 200, 40),
            // The client disconnected; its waiting time is not the latency of a reply.
            line("shop.rl@rest", 9002, 499, 900),
            line("rest.rl@rest", 9001, 502, 5),
            line("dashboard@internal", 9001, 200, 5),
            format!("{NOBODY}\n"),
        ];
        tallies.take(log.concat().as_bytes()).expect("all of them are lines of it");
        let expected = |requests, errors, cancelled, sum, recent| Tally {
            requests,
            errors,
            cancelled,
            latency_sum: millis(sum),
            recent_latency: Some(millis(recent)),
        };
        assert_eq!(tallies.of("shop", "127.0.0.1:9001"), expected(2, 1, 0, 30, 15));
        assert_eq!(tallies.of("shop", "127.0.0.1:9002"), expected(2, 0, 1, 40, 40));
        assert_eq!(tallies.of("rest", "127.0.0.1:9001"), expected(1, 1, 0, 5, 5), "a pool of its own");
        assert_eq!(tallies.of("shop", "127.0.0.1:9003"), Tally::default(), "nothing came to it");
    }

    #[test]
    fn recent_latency_is_that_of_the_look_or_the_last_known() {
        let mut tallies = Tallies::default();
        let mut recent = |log: &str| {
            tallies.take(log.as_bytes()).expect("lines of it");
            tallies.of("shop", "127.0.0.1:9001").recent_latency
        };
        assert_eq!(recent(""), None, "nothing is known");
        assert_eq!(recent(&line("shop.rl@rest", 9001, 200, 10)), Some(millis(10)));
        assert_eq!(recent(&line("shop.rl@rest", 9001, 200, 30)), Some(millis(30)), "not the mean of all");
        assert_eq!(recent(&line("shop.rl@rest", 9001, 499, 5)), Some(millis(30)), "no reply came");
    }

    #[test]
    fn a_line_counts_when_its_end_is_there() {
        let mut tallies = Tallies::default();
        let text = line("shop.rl@rest", 9001, 200, 10).repeat(2);
        let (first, rest) = text.as_bytes().split_at(text.len() / 2 + 30);
        tallies.take(first).expect("the rest is yet to come");
        assert_eq!(tallies.of("shop", "127.0.0.1:9001").requests, 1);
        tallies.take(rest).expect("now it is whole");
        assert_eq!(tallies.of("shop", "127.0.0.1:9001").requests, 2);
    }

    #[test]
    fn another_format_is_quoted_and_what_is_right_counts() {
        let mut tallies = Tallies::default();
        let common = r#"127.0.0.1 - - [22/Nov/2026:01:47:55 +0000] "GET /x HTTP/1.1" 200 2 "#;
        let error = tallies
            .take(format!("{common}\n{}", line("shop.rl@rest", 9001, 200, 10)).as_bytes())
            .expect_err("the first is not JSON");
        assert!(error.starts_with("`127.0.0.1 - - ["), "{error}");
        assert_eq!(tallies.of("shop", "127.0.0.1:9001").requests, 1);
        let error = bad(Path::new("/x/access.log"), error).to_string();
        assert!(error.contains("/x/access.log") && error.contains("--accesslog.format=json"), "{error}");
    }
}
