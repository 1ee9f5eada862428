//! The trend of all recorded runs, which the program draws.

use crate::captured;
use crate::reply::{self, Reply};
use crate::server::Server;
use crate::stored::{read_shown, unreadable};
use http::StatusCode;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;

/// The longest time for drawing it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Draws the trend and shows it.
pub(crate) async fn trend(server: &Server) -> Reply {
    let program = Arc::clone(&server.program);
    let Ok(Some(mut words)) = spawn_blocking(move || (program.trend)()).await else {
        let text = "no runs are recorded here; `bench --history` and `bench nightly` record them";
        return reply::error(StatusCode::NOT_FOUND, text);
    };
    // Removed once it has been read.
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => return unreadable(&error),
    };
    let file = folder.path().join("trend.html");
    words.push(format!("--out={}", file.display()));
    // The semaphore is never closed.
    let _place = server.captured.acquire().await;
    let failed = |text: &str| reply::error(StatusCode::INTERNAL_SERVER_ERROR, text);
    match captured::run(&server.program.exe, &words, PATIENCE).await {
        Ok(captured) => match captured.exit {
            None => failed(&format!("the trend took longer than {} s", PATIENCE.as_secs())),
            Some(exit) if exit.code == Some(0) => match spawn_blocking(move || read(&file)).await {
                Ok(Ok(text)) => reply::bytes(StatusCode::OK, "text/html; charset=utf-8", text),
                Ok(Err(error)) => unreadable(&error),
                Err(error) => unreadable(&io::Error::other(error)),
            },
            Some(_) => failed(captured.err.trim_start_matches("error: ")),
        },
        Err(error) => failed(&format!("`{}` cannot be started: {error}", server.program.name)),
    }
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    read_shown(lb_io::open(file)?, "the trend is too long to be shown")
}
