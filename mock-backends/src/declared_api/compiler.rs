//! Compiles what the routes of a file share: sessions, collections and caches, which routes name.

use super::api::{CacheRule, Session};
use super::file::{CacheFile, CollectionFile, RouteFile, SessionFile};
use super::path::Pattern;
use super::rows::{Collection, Fields, Shape};
use super::scope::Scope;
use super::template::Names;
use super::words::{Words, header_name};
use lb_core::Span;
use lb_core::suggest::{did_you_mean, listing};
use lb_document::{Problem, join};
use minijinja::Value;

/// What is compiled from the parts of a file, and all problems.
pub(super) struct Compiler {
    pub(super) words: Words,
    pub(super) collections: Vec<Collection>,
    pub(super) caches: Vec<CacheRule>,
    pub(super) has_session: bool,
}

/// The cache of a route.
pub(super) struct RouteCache {
    pub(super) number: usize,
    /// The variables that its key names.
    pub(super) names: Names,
}

impl Compiler {
    pub(super) fn new(has_session: bool) -> Self {
        Self { words: Words::new(), collections: Vec::new(), caches: Vec::new(), has_session }
    }

    /// Compiles how visitors are told apart. `None` after a problem.
    pub(super) fn session(&mut self, session: &SessionFile) -> Option<Session> {
        match session {
            SessionFile { cookie: Some(name), header: None } => {
                if header_name(name).is_none() {
                    self.words.wrong(
                        "session.cookie",
                        name,
                        "must be a name of letters, digits, `-` and `_`",
                    );
                }
                Some(Session::Cookie(name.clone()))
            }
            SessionFile { cookie: None, header: Some(name) } => {
                let header = header_name(name);
                if header.is_none() {
                    self.words.wrong(
                        "session.header",
                        name,
                        "must be the name of a header, such as `X-Session`",
                    );
                }
                header.map(Session::Header)
            }
            _ => {
                let message = "must name either a `cookie` or a `header`";
                self.words.problems.push(Problem::of_key("session", message));
                None
            }
        }
    }

    /// Adds a collection.
    pub(super) fn collection(&mut self, name: &str, file: &CollectionFile) {
        let at = join("state", name);
        let mut initial: Vec<(String, Fields)> = Vec::new();
        for (number, row) in file.rows.iter().enumerate() {
            let at = format!("{at}.rows[{number}]");
            let mut fields = row.clone();
            let id = fields.entry("id").or_insert_with(|| (number + 1).into()).clone();
            if !id.is_string() && !id.is_number() {
                self.words.problems.push(Problem::at(join(&at, "id"), &id, "must be a number or a text"));
            }
            let key = Value::from_serialize(&id).to_string();
            if initial.iter().any(|(known, _)| *known == key) {
                self.words.problems.push(Problem::at(
                    join(&at, "id"),
                    &id,
                    "is the id of an earlier row; change it",
                ));
            }
            initial.push((key, fields));
        }
        if file.per_session && !self.has_session {
            let message = "needs `session`, which says how visitors are told apart";
            self.words.problems.push(Problem::of_key(join(&at, "per_session"), message));
        }
        if file.per_session && !initial.is_empty() {
            let message = "cannot be given, because each session begins without rows; remove them";
            self.words.problems.push(Problem::of_key(join(&at, "rows"), message));
        }
        if initial.len() > file.max_rows {
            let message = format!("has {} rows; raise `max_rows` or remove some", initial.len());
            self.words.problems.push(Problem::of_key(join(&at, "rows"), message));
        }
        let shape = Shape { most: file.max_rows, when_full: file.when_full, initial };
        let (ids, per_session) = (file.ids, file.per_session);
        self.collections.push(Collection { name: name.to_owned(), ids, per_session, shape });
    }

    /// Adds the cache of a route.
    pub(super) fn cache(&mut self, at: &str, route: &RouteFile, file: &CacheFile) -> RouteCache {
        let usual = || format!("{} {}", route.method.name(), route.path);
        let name = file.name.clone().unwrap_or_else(usual);
        if self.caches.iter().any(|cache| cache.name == name) {
            let message = "is the name of another cache; give each a name of its own";
            self.words.wrong(&join(at, "name"), &name, message);
        }
        self.words.names.clear();
        self.words.scope = Scope::of_request(self.has_session, Pattern::parse(&route.path).ok().as_ref());
        let key = self.words.formulas(&join(at, "key"), &file.key);
        let header = self.words.header(&join(at, "header"), &file.header);
        self.caches.push(CacheRule {
            name,
            key,
            ttl: Span::from_secs_f64(file.ttl_s),
            header,
            hit_cost: file.hit_cost,
            scope: file.scope,
            most: file.max_entries,
        });
        RouteCache { number: self.caches.len() - 1, names: std::mem::take(&mut self.words.names) }
    }

    /// Returns the number of a collection that a step names.
    pub(super) fn collection_number(&mut self, at: &str, name: &str) -> usize {
        let known: Vec<&str> = self.collections.iter().map(|collection| collection.name.as_str()).collect();
        let number = known.iter().position(|other| *other == name);
        number.unwrap_or_else(|| {
            let message = unknown("collection of `state`", name, &known);
            self.words.wrong(at, name, &message);
            0
        })
    }

    /// Returns the number of a cache that a route invalidates.
    pub(super) fn cache_number(&mut self, at: &str, name: &str) -> usize {
        let known: Vec<&str> = self.caches.iter().map(|cache| cache.name.as_str()).collect();
        let number = known.iter().position(|other| *other == name);
        number.unwrap_or_else(|| {
            let message = unknown("cache", name, &known);
            self.words.wrong(at, name, &message);
            0
        })
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    match did_you_mean(name, known.iter().copied()) {
        hint if !hint.is_empty() => format!("is not a {what}{hint}"),
        _ => format!("is not a {what}; there are: {}", listing(known.iter().copied())),
    }
}
