//! What all requests share.

use crate::auth::Auth;
use crate::options::Options;
use crate::program::{Choices, Program};
use crate::results::{Results, Root};
use crate::runs::Runs;
use lb_listen::Gate;
use parking_lot::Mutex;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// The most pages that watch at once. The rest of the seats is for their calls.
const MOST_WATCHING: usize = 48;
/// The most checks and comparisons at once: each is a process.
const MOST_CAPTURED: usize = 2;
/// How long choices are used before they are listed again.
const FRESH: Duration = Duration::from_secs(5);

/// What all requests share.
pub(crate) struct Server {
    pub(crate) gate: Gate,
    pub(crate) auth: RefCell<Auth>,
    pub(crate) runs: Rc<Runs>,
    pub(crate) program: Arc<Program>,
    pub(crate) root: Root,
    results: Arc<Mutex<Results>>,
    choices: RefCell<Option<(Instant, Arc<Choices>)>>,
    /// Whether a run is about to begin.
    pub(crate) starts: Cell<bool>,
    pub(crate) captured: Semaphore,
    watching: Rc<Cell<usize>>,
    tell: Box<dyn Fn(&str)>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

impl Server {
    /// Makes a server on a port, on which nothing runs yet.
    pub(crate) fn new(gate: Gate, port: u16, options: Options, program: Program) -> Self {
        let root = Root::new(&options.results);
        Self {
            gate,
            auth: RefCell::new(Auth::new(options.access, port)),
            runs: Runs::new(root.clone()),
            program: Arc::new(program),
            results: Arc::new(Mutex::new(Results::new(root.clone()))),
            root,
            choices: RefCell::new(None),
            starts: Cell::new(false),
            captured: Semaphore::new(MOST_CAPTURED),
            watching: Rc::default(),
            tell: options.tell,
        }
    }

    /// Tells the user on the terminal.
    pub(crate) fn tell(&self, text: &str) {
        (self.tell)(text);
    }

    /// Returns what a form may choose from.
    pub(crate) async fn choices(&self) -> Arc<Choices> {
        if let Some((listed, choices)) = &*self.choices.borrow()
            && listed.elapsed() < FRESH
        {
            return Arc::clone(choices);
        }
        let program = Arc::clone(&self.program);
        let choices = Arc::new(spawn_blocking(move || (program.choices)()).await.unwrap_or_default());
        *self.choices.borrow_mut() = Some((Instant::now(), Arc::clone(&choices)));
        choices
    }

    /// Asks the list of results on a thread that may wait.
    pub(crate) async fn with_results<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Results) -> T + Send + 'static,
    ) -> io::Result<T> {
        let results = Arc::clone(&self.results);
        spawn_blocking(move || ask(&mut results.lock())).await.map_err(io::Error::other)
    }

    /// Takes a place for a page that watches; `None` if there is none.
    pub(crate) fn watch(&self) -> Option<crate::live::Counted> {
        crate::live::Counted::one_of(&self.watching, MOST_WATCHING)
    }
}
