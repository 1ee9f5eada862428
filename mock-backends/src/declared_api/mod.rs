//! Mock APIs as data: routes, replies from templates, state, caches and failures, from a JSON file.
//!
//! ```text
//! file      the file as written (with step_file, reply_file): types whose comments are the published schema
//! compile   -> compiler, routes, words, scope: every problem at once, or an
//! api       API in which names are numbers and texts are templates
//! run       answers requests: inputs -> cache (caches) -> the service -> steps (rows) -> reply
//! show      what the control API and Prometheus are told
//! ```
//!
//! Nothing here knows a socket or a clock. What a request costs is decided when it arrives, before it waits for a worker;
//! the state is worked on once it was served, so that a request that was refused or given up changes nothing.

mod api;
mod cache;
mod caches;
mod compile;
mod compiler;
mod file;
mod inputs;
mod label;
mod path;
mod reply;
mod reply_file;
mod routes;
mod rows;
mod run;
mod scope;
mod show;
mod step_file;
mod steps;
mod template;
mod words;

pub(crate) use api::DeclaredApi;
pub(crate) use inputs::Incoming;
pub(crate) use reply::{Content, Rendered};
pub(crate) use run::RunningApi;

use file::{ApiFile, BuiltIn};
use lb_document::{Problem, typed};
use serde_json::Value;

/// What a file of a mock API says.
#[derive(Debug)]
pub(crate) enum Read {
    /// The shop that speaks JSON, which is part of the program.
    Shop,
    /// The shop for browsers, which is part of the program.
    Boutique,
    /// Routes of its own.
    Declared(Box<DeclaredApi>),
}

/// Reads the document of a mock API.
///
/// # Errors
/// Returns everything that is wrong with it.
pub(crate) fn read(document: &Value, mut problems: Vec<Problem>) -> Result<Read, Vec<Problem>> {
    let Some(file) = typed::<ApiFile>(document, &mut problems) else { return Err(problems) };
    let read = match file.builtin {
        None if document.get("builtin").is_some_and(|builtin| !builtin.is_null()) => return Err(problems),
        None => compile::compile(&file).map(|api| Read::Declared(Box::new(api))),
        Some(_) if has_more(&file) => {
            let message = "is a whole API; remove it, or remove what the file declares besides";
            Err(vec![Problem::of_key("builtin", message)])
        }
        Some(BuiltIn::Shop) => Ok(Read::Shop),
        Some(BuiltIn::Boutique) => Ok(Read::Boutique),
    };
    let more = match read {
        Ok(read) if problems.is_empty() => return Ok(read),
        Ok(_) => Vec::new(),
        Err(more) => more,
    };
    let new = more.into_iter().filter(|new| !problems.iter().any(|old| follows(new, old)));
    let new: Vec<Problem> = new.collect();
    problems.extend(new);
    Err(problems)
}

/// Returns whether a problem is about what was put in place of something that has another problem. An unknown step
/// (`do`) is replaced as a whole.
fn follows(new: &Problem, old: &Problem) -> bool {
    let step = old.path.strip_suffix(".do");
    old.touches(&new.path) || step.is_some_and(|step| new.path.starts_with(&format!("{step}.")))
}

/// Returns whether a file declares something.
fn has_more(file: &ApiFile) -> bool {
    !file.routes.is_empty()
        || !file.state.is_empty()
        || !file.headers.is_empty()
        || file.session.is_some()
        || file.service_time.is_some()
        || file.not_found.is_some()
}

/// Returns the published schema of the files.
pub(crate) fn schema() -> Value {
    schemars::schema_for!(ApiFile).to_value()
}

#[cfg(test)]
mod tests;
