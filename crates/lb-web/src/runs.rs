//! The run that is under way, its board, and what wakes the pages that show it.
//!
//! There is one run at a time, since two of them on one machine would disturb each other's measurements.

use crate::board::{Board, Run, State};
use crate::child::{Child, Said};
use crate::event::{self, Event};
use crate::lines::Line;
use crate::pending::Pending;
use crate::results::Root;
use std::cell::{Cell, RefCell};
use std::io;
use std::path::Path;
use std::rc::Rc;
use tokio::sync::watch;

/// The run that is under way, and its board.
#[derive(Debug)]
pub(crate) struct Runs {
    board: RefCell<Board>,
    /// Counts the changes of the board.
    changes: watch::Sender<u64>,
    child: RefCell<Option<Rc<Child>>>,
    pub(crate) pending: RefCell<Pending>,
    started: RefCell<u64>,
    ended: Cell<u64>,
    results: Root,
}

impl Runs {
    /// Makes a place for runs whose results lie in `results`.
    pub(crate) fn new(results: Root) -> Rc<Self> {
        Rc::new(Self {
            board: RefCell::new(Board::default()),
            changes: watch::Sender::new(0),
            child: RefCell::new(None),
            pending: RefCell::default(),
            started: RefCell::new(0),
            ended: Cell::new(0),
            results,
        })
    }

    /// Starts a program as a run, and returns the name of the run.
    ///
    /// # Errors
    /// The program cannot be started. Nothing has changed then.
    pub(crate) fn start(
        self: &Rc<Self>,
        exe: &Path,
        arguments: &[String],
        command: String,
    ) -> io::Result<String> {
        let runs = Rc::clone(self);
        let child = Child::start(exe, arguments, Rc::new(move |said| runs.hear(said)))?;
        let number = {
            let mut started = self.started.borrow_mut();
            *started += 1;
            *started
        };
        let id = format!("r{number}");
        let started_at = jiff::Timestamp::now().to_string();
        let run = Run { id: id.clone(), command, started_at, ..Run::default() };
        *self.child.borrow_mut() = Some(Rc::new(child));
        *self.pending.borrow_mut() = Pending::default();
        self.change(|board| board.begin(run));
        Ok(id)
    }

    /// Returns the program of the run that is under way.
    pub(crate) fn child(&self) -> Option<Rc<Child>> {
        self.child.borrow().clone()
    }

    /// Returns the number of runs that have ended.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.get()
    }

    /// Looks at the board.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Board) -> T) -> T {
        look(&self.board.borrow())
    }

    /// Changes the board and wakes those who watch.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Board)) {
        change(&mut self.board.borrow_mut());
        self.changes.send_modify(|count| *count += 1);
    }

    /// Returns what wakes a page when the board has changed.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Waits until no run is under way.
    pub(crate) async fn wait_for_end(&self) {
        let mut changes = self.watch();
        while self.child.borrow().is_some() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn hear(&self, said: Said) {
        match said {
            Said::Log(Line::Whole(line)) => self.change(|board| board.add_line(&line)),
            Said::Log(Line::Cut(line)) => self.change(|board| board.add_line(&format!("{line}…"))),
            Said::Event(Line::Cut(_)) => {
                self.change(|board| {
                    board.add_warning("an event was too long to be read; what it says is not shown")
                });
            }
            Said::Event(Line::Whole(line)) => self.hear_event(&line),
            Said::Ended(exit) => {
                *self.child.borrow_mut() = None;
                self.ended.set(self.ended.get() + 1);
                self.change(|board| board.end(exit));
                self.pending.borrow_mut().forget();
            }
        }
    }

    fn hear_event(&self, line: &str) {
        let dated = match event::parse(line) {
            Ok(dated) => dated,
            Err(error) => return self.change(|board| board.add_garbage(line, &error.to_string())),
        };
        let command = match &dated.event {
            Event::Answered(answer) => self.pending.borrow_mut().answer(answer),
            _ => None,
        };
        self.change(|board| {
            board.apply(&dated, command);
            let results = match &dated.event {
                Event::RunStarted(started) => &started.results,
                Event::RunFinished(finished) => &finished.results,
                _ => return,
            };
            if let Some(id) = self.results.id_of(Path::new(results)) {
                board.change_run(|run| run.results = Some(id));
            }
        });
    }

    /// Notes that the run was told to end.
    pub(crate) fn note_stopping(&self) {
        self.change(|board| {
            board.change_run(|run| {
                if run.state != State::Over {
                    run.state = State::Stopping;
                }
            });
        });
    }
}
