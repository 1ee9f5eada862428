//! Reads a file, finds out what it is, and imports it.

use crate::assemble::{Draft, Imported, assemble};
use crate::detect::{Content, detect};
use crate::error::ImportError;
use crate::options::Options;
use crate::secret::Vault;
use crate::{har, openapi, postman, visits};
use lb_recording::{Entries, ReadOptions};
use std::path::Path;

/// The longest file in bytes. It is held in memory.
const LONGEST: u64 = 256 << 20;

/// The longest config that is read, in bytes.
const LONGEST_CONFIG: u64 = 64 << 20;

/// Imports a file.
///
/// # Errors
/// The file cannot be read, is not in a known format, or holds nothing that can be imported.
pub fn import(path: &Path, options: &Options) -> Result<Imported, ImportError> {
    let name = path.display().to_string();
    let bytes = lb_io::read(path, LONGEST)
        .map_err(|source| ImportError::Unreadable { name: name.clone(), source })?;
    match content(&name, &bytes)? {
        Content::Recording => {
            drop(bytes);
            recording(path, &name, options)
        }
        known => document(&name, &known, options),
    }
}

/// Imports a text, except for logs and other recordings, which are read from files only.
///
/// # Errors
/// The text is not in a known format, or holds nothing that can be imported.
pub fn import_text(name: &str, text: &[u8], options: &Options) -> Result<Imported, ImportError> {
    document(name, &content(name, text)?, options)
}

fn content(name: &str, bytes: &[u8]) -> Result<Content, ImportError> {
    detect(name, bytes).map_err(|problem| ImportError::Unusable { name: name.to_owned(), problem })
}

fn document(name: &str, content: &Content, options: &Options) -> Result<Imported, ImportError> {
    let mut vault = Vault::new(options.secrets);
    let title = title_of(name);
    let draft = match content {
        Content::Har(document) => har::import(document, &title, options, &mut vault),
        Content::Postman(document) => postman::import(document, &title, options, &mut vault),
        Content::OpenApi(document) => openapi::import(document, &title, options, &mut vault),
        Content::Recording => Err("is a log; logs are read from files only".to_owned()),
    };
    let draft = draft.map_err(|problem| ImportError::Unusable { name: name.to_owned(), problem })?;
    check_flags(content, &draft, options)?;
    bounded(name, assemble(draft, &vault, options))
}

fn recording(path: &Path, name: &str, options: &Options) -> Result<Imported, ImportError> {
    let mut vault = Vault::new(options.secrets);
    let mut entries = Entries::open(&[path.to_path_buf()], ReadOptions::default())?;
    let all: Vec<_> = entries.by_ref().collect();
    entries.finish()?;
    let draft = visits::import(&all, entries.notes(), &title_of(name), options, &mut vault)
        .map_err(|problem| ImportError::Unusable { name: name.to_owned(), problem })?;
    check_flags(&Content::Recording, &draft, options)?;
    bounded(name, assemble(draft, &vault, options))
}

/// Refuses a config that is too large to be read again.
fn bounded(name: &str, made: Imported) -> Result<Imported, ImportError> {
    let text = made.config.to_string();
    let whole = lb_io::check_json(text.as_bytes(), lb_io::MOST_VALUES);
    let whole = whole.map_err(|problem| format!("holds too much for one config, which {problem}"));
    let whole = whole.and_then(|()| match text.len() as u64 > LONGEST_CONFIG {
        true => Err("holds too much for one config, which would be longer than 64 MiB".to_owned()),
        false => Ok(()),
    });
    whole.map(|()| made).map_err(|problem| ImportError::Unusable { name: name.to_owned(), problem })
}

/// Reports flags that would have no effect.
fn check_flags(content: &Content, draft: &Draft, options: &Options) -> Result<(), ImportError> {
    let kind = &draft.report.format;
    let no_effect = |flag: &str, only: &str| {
        Err(ImportError::Flag(format!("{flag} has no effect on {kind}: it applies to {only}; leave it out")))
    };
    let is_har = matches!(content, Content::Har(_));
    if !options.variables.is_empty() && !matches!(content, Content::Postman(_)) {
        return no_effect("--variable", "Postman collections");
    }
    if !options.hosts.is_empty() && !is_har && !matches!(content, Content::Recording) {
        return no_effect("--host", "HAR files and logs");
    }
    if !options.weights.is_empty() {
        if !draft.sequence.is_empty() {
            return no_effect("--weights", "formats whose actions are drawn: OpenAPI and logs");
        }
        let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let names = || draft.actions.iter().map(|(name, _)| name.as_str());
        for name in options.weights.keys() {
            if !methods.contains(&name.as_str()) && !names().any(|known| known == name) {
                let hint = lb_core::suggest::did_you_mean(name, names());
                return Err(ImportError::Flag(format!(
                    "--weights {name}: neither a method nor an action{hint}; actions: {}",
                    lb_core::suggest::listing(names())
                )));
            }
        }
    }
    Ok(())
}

/// Returns the name of a file without its folder and its ending.
fn title_of(name: &str) -> String {
    let stem =
        Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let plain: String =
        stem.chars().map(|c| if c.is_control() || c == '`' { ' ' } else { c }).take(64).collect();
    if plain.trim().is_empty() { "imported".to_owned() } else { plain.trim().to_owned() }
}
