//! What every program here says to its user, and every file that its user names.
//!
//! - **Printing** ([`print()`], [`complain`], [`Lossy`], [`divert`], [`print_raw`]): what only informs must not end a
//!   run. `println!` and `eprintln!` panic when a pipe is closed or a disk is full; these functions do not. A text that
//!   standard output did not take is remembered ([`unprinted`]), so that a program can say so by its exit code.
//! - **Reading** ([`read()`], [`read_text`], [`read_json`], [`open`], [`check_json`]): a file that a user names may be a pipe that
//!   nobody writes to, a device without an end, or larger than the memory. All of these are errors here, at once.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("config.json");
//! std::fs::write(&path, r#"{ "users": [1, 2, 3] }"#)?;
//!
//! let text = lb_io::read_text(&path, 1024)?;
//! assert!(lb_io::check_json(text.as_bytes(), 10).is_ok());
//! let error = lb_io::read_text(&path, 16).unwrap_err();
//! assert_eq!(error.to_string(), "it is longer than 16 bytes, the most that is read");
//! let error = lb_io::read(std::path::Path::new("/dev/zero"), 1024).unwrap_err();
//! assert!(error.to_string().contains("not a regular file"), "{error}");
//!
//! lb_io::print("done");
//! assert_eq!(lb_io::unprinted(), None);
//! # Ok::<(), std::io::Error>(())
//! ```

mod json;
mod print;
mod read;

pub use json::check_json;
pub use print::{Lossy, complain, divert, print, print_raw, unprinted};
pub use read::{MOST_BYTES, MOST_VALUES, open, read, read_json, read_text};
