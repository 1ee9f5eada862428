//! The page on which runs are started, watched, steered and compared, and the server behind it.
//!
//! The server measures nothing. Each run is a process of its own, the same program with the command line that the page shows
//! and `--steer`: events come from its standard output, and commands go to its standard input. What a page costs is therefore
//! paid by the server, not by the generator of the load; and a run survives every page.
//!
//! - [`Options`] say where to listen and who may use the page; [`Options::bind`] takes the port.
//! - [`Program`] is what is started, with the [`Choices`] of a form. [`Form`] maps to a command line in one pure function.
//! - The *board* is everything that a page shows of a run, made from events. Pages get it whole and then only what changed,
//!   made when they have room for it.
//! - Results are read from their folder. Requests name them by ids of a list that is made here, never by paths.
//!
//! Who may call is decided by [`lb_listen::Gate`], and who is signed in by sessions. docs/ui.md describes both, and the calls.
//!
//! ```
//! use lb_web::{Choice, Choices, Form, Purpose};
//!
//! let quick = Choice { name: "quick_test_config.json".to_owned(), ..Choice::default() };
//! let choices = Choices { configs: vec![quick], ..Choices::default() };
//! let form = Form::read(br#"{"kind": "config", "config": "quick_test_config.json", "users": 20}"#)?;
//! let words = form.arguments(&choices, Purpose::Run)?;
//! assert_eq!(words, ["--config=quick_test_config.json", "--users=20"]);
//! # Ok::<(), lb_web::Misfit>(())
//! ```

mod assets;
mod attempts;
mod auth;
mod board;
mod captured;
mod child;
mod event;
mod form;
mod form_read;
mod lines;
mod live;
mod options;
mod pending;
mod program;
mod reply;
mod results;
mod routes;
mod runs;
mod security;
mod serve;
mod server;
mod sign_in;
mod starting;
mod steer;
mod stored;
mod trend;
mod words;

pub use form::{Form, Kind, Misfit, Purpose};
pub use options::{Access, Bound, Options, StartError};
pub use program::{Choice, Choices, ModeChoice, PackChoice, Program};
