//! Commands of another program to a run (`--steer`): how they are written, the thread that reads them, and the desk where
//! the run finds them.
//!
//! A command is a line of JSON on standard input, such as `{"id":1,"do":"stop"}` (`docs/events.md` lists them). A thread
//! ([`read_commands`]) reads and checks them. What an experiment can do at once is done where the commands are taken; a
//! load without end takes its commands from the [`Desk`] between two looks at the load. Nothing here knows a run.

mod command;
mod desk;
mod reader;

pub use command::{Command, FaultWish, Misread, UsersWish, Wish};
pub use desk::{Desk, Now, Spoiled, TrialEnd};
pub use reader::{Received, read_commands};
