//! Turns what people have into configs that run: recordings of browsers (HAR), Postman collections, API descriptions
//! (OpenAPI, Swagger), access logs and the output of other load generators.
//!
//! [`import`] finds out what a file is, and makes a journey of it: actions with their requests, captures (values of
//! replies that later requests send), feeds, think times, and load. It sends nothing and writes nothing; the
//! [`Report`] says what was made, what was left out and why, and what became of passwords.
//!
//! ```
//! use lb_import::{Options, import_text};
//!
//! let har = r#"{"log": {"entries": [
//!     {"request": {"method": "GET", "url": "http://shop.example/items?page=1"}, "response": {"status": 200}}
//! ]}}"#;
//! let made = import_text("visit.har", har.as_bytes(), &Options::default())?;
//! assert_eq!(made.config["bench"]["journey"]["actions"]["get_items"]["steps"][0]["path"], "/items?page=1");
//! assert_eq!(made.config["bench"]["load_balancer"]["url"], "http://shop.example");
//! # Ok::<(), lb_import::ImportError>(())
//! ```
//!
//! A file passes through the modules in this order: `detect` recognises its format; `har`, `postman`, `openapi` or
//! `visits` reads it; `capture` and `reply` find values that are passed on; `secret` hides passwords; `request` writes
//! steps; `assemble` makes the config.

mod address;
mod assemble;
mod capture;
mod detect;
mod error;
mod har;
mod import;
mod names;
mod openapi;
mod options;
mod postman;
mod reply;
mod report;
mod request;
mod secret;
mod visits;
mod yaml;

pub use assemble::Imported;
pub use error::ImportError;
pub use import::{import, import_text};
pub use options::{Assets, Options, Secrets};
pub use report::Report;
