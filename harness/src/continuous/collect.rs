//! The thread that takes what the workers recorded, adds it up, and writes windows to files.

use super::files::WindowFiles;
use super::shared::Shared;
use lb_continuous::Closed;
use lb_record::Piece;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

/// Starts the thread. It ends when the load engine has handed over everything, and returns the files.
///
/// # Errors
/// When the system has no thread left.
pub(super) fn start(
    pieces: Receiver<Piece>,
    shared: Arc<Shared>,
    mut files: WindowFiles,
) -> io::Result<JoinHandle<WindowFiles>> {
    std::thread::Builder::new().name("windows".to_owned()).spawn(move || {
        for piece in pieces {
            write(&mut files, &shared.add(piece), &shared);
        }
        files
    })
}

/// Writes windows to files. A file that cannot be written is said once, and the load goes on: the windows stay in memory.
pub(super) fn write(files: &mut WindowFiles, closed: &[Closed], shared: &Shared) {
    for one in closed {
        if let Err(error) = files.write(one) {
            tracing::warn!("{error:#}");
            shared.note(
                "windows cannot be written to the results folder (see bench.log); the load goes on"
                    .to_owned(),
            );
        }
    }
}
