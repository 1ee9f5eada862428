//! Reads the lists of requests that hey (`-o csv`) and oha (`--output-format csv`) write. Times are in seconds, from
//! the begin of the test. Neither lists requests without a reply.

use super::is_bad;
use crate::error::AnalyzeError;
use crate::sample::{Request, Samples, Stamp};
use crate::stats::Kind;
use crate::stream::Stream;
use crate::test::Test;
use crate::units::Unit;
use std::path::Path;

/// The columns of a list of requests.
struct Columns {
    begin: &'static str,
    latency: &'static str,
    status: &'static str,
}

/// Reads hey's list of requests.
pub(super) fn read_hey(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let columns = Columns { begin: "offset", latency: "response-time", status: "status-code" };
    read(text, Test::new(path, Kind::Hey, "hey requests (CSV)"), path, &columns)
}

/// Reads oha's list of requests.
pub(super) fn read_oha(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let columns = Columns { begin: "request-start", latency: "request-duration", status: "status" };
    read(text, Test::new(path, Kind::Oha, "oha requests (CSV)"), path, &columns)
}

fn read(text: &str, mut test: Test, path: &Path, columns: &Columns) -> Result<Test, AnalyzeError> {
    let mut stream = Stream::open(path, text, b',', None)?;
    let [begin, latency, status] =
        [columns.begin, columns.latency, columns.status].map(|name| stream.column(name));
    let mut samples = Samples::new(Stamp::Begin);
    while stream.advance()? {
        let at = begin.exists().then(|| stream.number(begin)).transpose()?;
        let reply = stream.number(status)? as u64;
        let error = is_bad(reply).then(|| format!("status {reply}"));
        samples.add(
            path,
            Request {
                at_ms: at.map(|seconds| Unit::Seconds.ms(seconds)),
                latency_ms: Unit::Seconds.ms(stream.number(latency)?),
                error: error.as_deref(),
                ..Request::default()
            },
        )?;
    }
    samples.finish(&mut test, true, |_| true);
    test.notes.extend(stream.note());
    test.notes
        .push("requests without a reply are not in such a list, so their failures are not known".to_owned());
    Ok(test)
}
