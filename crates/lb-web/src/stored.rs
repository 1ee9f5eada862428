//! Results that are stored: the list, reports, files and comparisons.

use crate::captured;
use crate::reply::{self, Reply};
use crate::results::{LONGEST_REPORT, open};
use crate::server::Server;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The longest time for a comparison.
const PATIENCE: Duration = Duration::from_secs(60);
/// Exit codes of a comparison that was made: no regression, and one.
const COMPARED: [i32; 3] = [0, 3, 98];

/// Lists the results.
pub(crate) async fn list(server: &Server) -> Reply {
    let ended = server.runs.ended();
    let program = Arc::clone(&server.program);
    let listed = server.with_results(move |results| {
        let runs: Vec<Value> = results.list_after(ended).iter().map(|entry| json!(**entry)).collect();
        json!({ "runs": runs, "trend": (program.trend)().is_some() })
    });
    match listed.await {
        Ok(runs) => reply::json(StatusCode::OK, &runs),
        Err(error) => unreadable(&error),
    }
}

/// Shows a report.
pub(crate) async fn report(server: &Server, id: &str, number: usize) -> Reply {
    let (id, root) = (id.to_owned(), server.root.clone());
    let read = server.with_results(move |results| {
        let Some(entry) = results.find(&id) else { return Ok(None) };
        let Some(report) = entry.reports.get(number) else { return Ok(None) };
        let file = open(&root, &entry.folder, report.name)?;
        read_shown(file, "it is too long to be shown; download it").map(Some)
    });
    match read.await.and_then(|read| read) {
        Ok(Some(text)) => reply::bytes(StatusCode::OK, "text/html; charset=utf-8", text),
        Ok(None) => gone(),
        Err(error) => unreadable(&error),
    }
}

/// Reads a page that is shown. `too_long` says what to do about one that cannot be.
pub(crate) fn read_shown(file: impl io::Read, too_long: &'static str) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.take(LONGEST_REPORT + 1).read_to_end(&mut text)?;
    match text.len() as u64 > LONGEST_REPORT {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, too_long)),
        false => Ok(text),
    }
}

/// Sends a file.
pub(crate) async fn file(server: &Server, id: &str, number: usize) -> Reply {
    let (id, root) = (id.to_owned(), server.root.clone());
    let opened = server.with_results(move |results| {
        let Some(entry) = results.find(&id) else { return Ok(None) };
        let Some(listed) = entry.files.get(number) else { return Ok(None) };
        let file = open(&root, &entry.folder, &listed.name)?;
        let length = file.metadata()?.len();
        Ok(Some((file, length, listed.media, format!("{id}-{}", listed.name))))
    });
    match opened.await.and_then(|opened| opened) {
        Ok(Some((file, length, media, name))) => reply::file(file, length, media, &name),
        Ok(None) => gone(),
        Err(error) => unreadable(&error),
    }
}

/// Which results are compared.
#[derive(Deserialize)]
struct Pair {
    before: String,
    after: String,
}

/// Compares two results, as the command line does.
pub(crate) async fn compare(server: &Server, body: &[u8]) -> Reply {
    let Ok(Pair { before, after }) = serde_json::from_slice(body) else {
        return reply::error(
            StatusCode::BAD_REQUEST,
            "send an object such as {\"before\": \"ID\", \"after\": \"ID\"}",
        );
    };
    let found = server.with_results(move |results| {
        let mut folder = |id: &str| results.find(id).map(|entry| word(&entry.folder));
        Some(["compare".to_owned(), folder(&before)?, folder(&after)?])
    });
    let words = match found.await {
        Ok(Some(words)) => words,
        Ok(None) => return gone(),
        Err(error) => return unreadable(&error),
    };
    // The semaphore is never closed.
    let _place = server.captured.acquire().await;
    let (ok, text) = match captured::run(&server.program.exe, &words, PATIENCE).await {
        Ok(captured) => match captured.exit {
            None => (false, format!("the comparison took longer than {} s", PATIENCE.as_secs())),
            Some(exit) if exit.code.is_some_and(|code| COMPARED.contains(&code)) => (true, captured.out),
            Some(_) if captured.err.is_empty() => (false, captured.out),
            Some(_) => (false, captured.err.trim_start_matches("error: ").to_owned()),
        },
        Err(error) => (false, format!("`{}` cannot be started: {error}", server.program.name)),
    };
    reply::json(StatusCode::OK, &json!({ "ok": ok, "text": text }))
}

/// Writes a folder so that the command line cannot take it for a flag.
fn word(folder: &Path) -> String {
    let text = folder.to_string_lossy();
    if text.starts_with('-') { format!("./{text}") } else { text.into_owned() }
}

fn gone() -> Reply {
    reply::error(StatusCode::NOT_FOUND, "there are no such results, or not any more; load the list again")
}

/// Says why something cannot be read. The paths of the machine are not told.
pub(crate) fn unreadable(error: &io::Error) -> Reply {
    let status = match error.kind() {
        io::ErrorKind::NotFound => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    reply::error(status, &format!("this cannot be read: {error}"))
}
