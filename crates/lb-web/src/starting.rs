//! Checking a form and starting a run.
//!
//! A form is checked by the program itself, which plans what the form stands for. So the page says what the command line
//! would say. While a run is under way nothing is checked: planning takes processor time that the measurement needs.

use crate::captured::{self, Captured};
use crate::form::{Form, Misfit, Purpose, field_of};
use crate::reply::{self, Reply};
use crate::server::Server;
use crate::words::in_words;
use http::StatusCode;
use lb_core::slug::slug;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// The longest time for a check.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where the program puts results if it is not told otherwise.
const DEFAULT_RESULTS: &str = "results";

/// The end of a complaint about a flag, which is of no use on a page.
const HELP: &str = "For more information, try '--help'.";

/// What a check found.
enum Checked {
    /// What would run.
    Fine(String),
    /// What is wrong.
    Wrong(Misfit),
}

/// Answers what a form stands for, and what is wrong with it.
pub(crate) async fn check(server: &Server, body: &[u8]) -> Reply {
    let choices = server.choices().await;
    let form = Form::read(body);
    let read = form.and_then(|form| {
        let plan = form.arguments(&choices, Purpose::Check)?;
        Ok((in_words(&server.program.name, &form.arguments(&choices, Purpose::Run)?), plan))
    });
    let (command, checked) = match read {
        Err(misfit) => (String::new(), Checked::Wrong(misfit)),
        Ok((command, _)) if server.runs.child().is_some() => {
            let text = "A run is under way, so this is not checked now: planning would take processor time away from it.";
            (command, Checked::Fine(text.to_owned()))
        }
        Ok((command, plan)) => (command, plan_with(server, &plan).await),
    };
    let (ok, text, field) = match checked {
        Checked::Fine(text) => (true, text, None),
        Checked::Wrong(misfit) => (false, misfit.text, misfit.field),
    };
    reply::json(StatusCode::OK, &json!({ "command": command, "ok": ok, "text": text, "field": field }))
}

/// Starts the run that a form stands for.
pub(crate) async fn start(server: &Server, body: &[u8]) -> Reply {
    let form = match Form::read(body) {
        Ok(form) => form,
        Err(misfit) => return unprocessable(&misfit),
    };
    if let Some(busy) = busy(server) {
        return busy;
    }
    let choices = server.choices().await;
    let arguments = form
        .arguments(&choices, Purpose::Check)
        .and_then(|plan| Ok((plan, form.arguments(&choices, Purpose::Run)?)));
    let (plan, arguments) = match arguments {
        Ok(both) => both,
        Err(misfit) => return unprocessable(&misfit),
    };
    // Another page may have started a run while the choices were listed.
    if let Some(busy) = busy(server) {
        return busy;
    }
    server.starts.set(true);
    let _begun = Begun(server);
    if let Checked::Wrong(misfit) = plan_with(server, &plan).await {
        return unprocessable(&misfit);
    }
    let command = in_words(&server.program.name, &arguments);
    let mut words = arguments;
    words.push("--steer".to_owned());
    words.extend(folder(server.root.path(), &form).map(|folder| format!("--out={folder}")));
    match server.runs.start(&server.program.exe, &words, command) {
        Ok(id) => reply::json(StatusCode::CREATED, &json!({ "run": id })),
        Err(error) => {
            let text = format!("`{}` cannot be started: {error}", server.program.name);
            reply::error(StatusCode::INTERNAL_SERVER_ERROR, &text)
        }
    }
}

/// Refuses a second run.
fn busy(server: &Server) -> Option<Reply> {
    let text = match server.runs.look(|board| board.run().map(|run| run.id.clone())) {
        _ if server.starts.get() => "another page is starting a run; look at that one first".to_owned(),
        Some(id) if server.runs.child().is_some() => {
            format!(
                "a run is under way already ({id}): two at once would disturb each other; stop it or wait for its end"
            )
        }
        _ => return None,
    };
    Some(reply::error(StatusCode::CONFLICT, &text))
}

/// Marks that a run is about to begin, until this is dropped.
struct Begun<'a>(&'a Server);

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.0.starts.set(false);
    }
}

fn unprocessable(misfit: &Misfit) -> Reply {
    reply::json(StatusCode::UNPROCESSABLE_ENTITY, &json!({ "error": misfit.text, "field": misfit.field }))
}

/// Lets the program plan what would run.
async fn plan_with(server: &Server, plan: &[String]) -> Checked {
    // The semaphore is never closed.
    let _place = server.captured.acquire().await;
    match captured::run(&server.program.exe, plan, PATIENCE).await {
        Ok(Captured { exit: None, .. }) => Checked::Fine(format!(
            "Planning takes longer than {} s, so nothing is said about it; the run may take long to begin.",
            PATIENCE.as_secs()
        )),
        Ok(Captured { exit: Some(exit), out, .. }) if exit.code == Some(0) => Checked::Fine(out),
        Ok(Captured { out, err, .. }) => {
            let said = if err.trim().is_empty() { out } else { err };
            let text = said.trim().trim_start_matches("error: ").trim_end_matches(HELP).trim_end().to_owned();
            Checked::Wrong(Misfit { field: field_of(&text), text })
        }
        Err(error) => Checked::Wrong(Misfit {
            field: None,
            text: format!("`{}` cannot be started: {error}", server.program.name),
        }),
    }
}

/// Returns the folder for the results of a run; `None` where the program chooses the right one by itself.
fn folder(root: &Path, form: &Form) -> Option<String> {
    if root == Path::new(DEFAULT_RESULTS) {
        return None;
    }
    let name = [&form.pack, &form.mode, &form.config].into_iter().find(|name| !name.is_empty());
    let name = slug(name.map_or("url", |name| name.strip_suffix(".json").unwrap_or(name)));
    let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
    let random = std::collections::hash_map::RandomState::new();
    let unique = std::hash::BuildHasher::hash_one(&random, &now) & 0xffff;
    Some(root.join(format!("{now}-{name}-{unique:04x}")).to_string_lossy().into_owned())
}
