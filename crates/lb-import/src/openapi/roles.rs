//! What operations are for: which one logs in, which one registers, and which one gives the identifiers that others
//! need in their paths.

use super::document::{Document, Operation};
use crate::names::{Names, word};
use crate::reply::{escape, id_name};
use crate::request::escape_pointer;
use crate::secret::is_password_name;
use lb_core::workload::{Extract, ExtractFrom};
use serde_json::Value;
use std::collections::BTreeMap;

/// Names of the field of a reply that holds a token, the most usual first.
const TOKENS: [&str; 9] = [
    "accesstoken",
    "token",
    "jwt",
    "idtoken",
    "authtoken",
    "sessiontoken",
    "bearer",
    "bearertoken",
    "apitoken",
];
/// The deepest field that may hold a token or an identifier.
const DEEPEST: usize = 4;

/// The operation that logs in, and where its reply has the token.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) operation: usize,
    /// Where the token is; `None` if the reply sets a cookie instead.
    pub(super) token: Option<Extract>,
}

/// An operation that gives the identifier of something.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    pub(super) operation: usize,
    pub(super) from: Extract,
    /// Name of the variable.
    pub(super) variable: String,
    /// Whether the operation creates what it names; otherwise it lists it.
    pub(super) creates: bool,
}

/// What operations are for.
#[derive(Clone, Debug, Default)]
pub(super) struct Roles {
    pub(super) login: Option<Login>,
    pub(super) register: Option<usize>,
    /// Operations that would end the session or change its password.
    pub(super) harmful: Vec<usize>,
    /// Providers by the path below which the identifiers are, such as `/items`.
    pub(super) providers: BTreeMap<String, Provider>,
}

impl Roles {
    pub(super) fn of(document: &Document<'_>, operations: &[Operation<'_>], names: &mut Names) -> Self {
        let mut roles = Self { login: login(document, operations), ..Self::default() };
        let has = |number: usize, words: &[&str]| {
            let all = operations[number].words();
            words.iter().any(|word| all.contains(word))
        };
        let is_login = |number: usize| roles.login.as_ref().is_some_and(|login| login.operation == number);
        let numbers = || (0..operations.len()).filter(|number| !is_login(*number));
        let register = numbers().find(|number| {
            let operation = &operations[*number];
            let by_name = has(*number, &["register", "signup", "createuser", "createaccount"])
                || operation.path.ends_with("/users");
            operation.method == "POST"
                && by_name
                && has_password(document, operation)
                && can_be_sent(document, operation)
        });
        let harmful = numbers().filter(|number| {
            let changes = operations[*number].method != "GET";
            has(*number, &["logout", "signout", "logoff", "revoke"])
                || (changes && has(*number, &["password", "deactivate", "deleteaccount"]))
        });
        let harmful: Vec<usize> = harmful.filter(|number| Some(*number) != register).collect();
        (roles.register, roles.harmful) = (register, harmful);
        let parents: Vec<(String, String)> = operations.iter().flat_map(Operation::path_parameters).collect();
        for (before, parameter) in parents {
            if roles.providers.contains_key(&before) {
                continue;
            }
            let wanted = |method: &str| {
                let is_it =
                    |one: &Operation<'_>| one.method == method && one.path.trim_end_matches('/') == before;
                operations.iter().position(|one| is_it(one) && can_be_sent(document, one))
            };
            let found = wanted("POST")
                .and_then(|number| Some((number, created(document, &operations[number], &parameter)?, true)));
            let found = found.or_else(|| {
                wanted("GET").and_then(|number| {
                    Some((number, listed(document, &operations[number], &parameter)?, false))
                })
            });
            let Some((operation, from, creates)) = found else { continue };
            let last = before.rsplit('/').next().unwrap_or_default();
            let name =
                if ["id", "uuid", "key"].contains(&parameter.as_str()) { id_name(last) } else { parameter };
            let variable = names.unique(&word(&name), "_");
            roles.providers.insert(before, Provider { operation, from, variable, creates });
        }
        roles
    }
}

/// Finds the operation that gives a token.
fn login(document: &Document<'_>, operations: &[Operation<'_>]) -> Option<Login> {
    let token_url = ["/components/securitySchemes", "/securityDefinitions"].iter().find_map(|pointer| {
        let schemes = document.get(pointer)?.as_object()?.values();
        let mut urls = schemes.filter_map(|scheme| {
            scheme
                .pointer("/flows/password/tokenUrl")
                .or_else(|| scheme.get("tokenUrl"))
                .and_then(Value::as_str)
        });
        urls.next()
    });
    let mut best: Option<(u32, Login)> = None;
    for (number, operation) in operations.iter().enumerate() {
        let words = operation.words();
        let has = |list: &[&str]| list.iter().any(|word| words.contains(word));
        if operation.method != "POST"
            || !can_be_sent(document, operation)
            || has(&["register", "signup", "logout", "signout", "refresh", "revoke", "reset"])
        {
            continue;
        }
        let is_token_url = token_url.is_some_and(|url| {
            let url = crate::address::Address::parse(url).path;
            url == operation.path || url.ends_with(operation.path)
        });
        let token = token_of(document, operation);
        let named = has(&["login", "signin", "authenticate", "logon"]);
        let perhaps = has(&["auth", "token", "session"]);
        let with_password = has_password(document, operation);
        let score = u32::from(is_token_url) * 8
            + u32::from(named) * 4
            + u32::from(perhaps) * 2
            + u32::from(with_password);
        let token = token.or_else(|| is_token_url.then(|| Extract::Pointer("/access_token".to_owned())));
        // Without a token in the reply, it is a log-in only by its name, and sets a cookie.
        if score == 0 || (token.is_none() && !(named && with_password)) {
            continue;
        }
        if best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, Login { operation: number, token }));
        }
    }
    best.map(|(_, login)| login)
}

/// Returns whether the body of an operation, if it has one, is of a kind that can be sent.
fn can_be_sent(document: &Document<'_>, operation: &Operation<'_>) -> bool {
    operation.body.as_ref().is_none_or(|body| document.refusal(body).is_none())
}

/// Returns whether the body of an operation has a password.
pub(super) fn has_password(document: &Document<'_>, operation: &Operation<'_>) -> bool {
    let Some(body) = &operation.body else { return false };
    let by_fields = body.fields.iter().any(|field| is_password_name(field.name));
    let by_example = body
        .example
        .and_then(Value::as_object)
        .is_some_and(|map| map.keys().any(|key| is_password_name(key)));
    by_fields || by_example || find(document, body.schema, &mut |name, _| is_password_name(name)).is_some()
}

/// Finds the token in the reply to an operation: the shallowest field with the most usual name.
fn token_of(document: &Document<'_>, operation: &Operation<'_>) -> Option<Extract> {
    let (schema, example) = document.reply(operation);
    let plain = |name: &str| {
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    for wanted in TOKENS {
        let mut is_token = |name: &str, _: &Value| plain(name) == wanted;
        let pointer = schema.and_then(|schema| find(document, schema, &mut is_token));
        let pointer = pointer.or_else(|| find_in(example?, &|name| plain(name) == wanted));
        if let Some(pointer) = pointer {
            return Some(Extract::Pointer(pointer));
        }
    }
    None
}

/// Finds the identifier in the reply to an operation that creates something.
fn created(document: &Document<'_>, operation: &Operation<'_>, parameter: &str) -> Option<Extract> {
    let (schema, example) = document.reply(operation);
    for wanted in id_names(parameter) {
        let mut is_id = |name: &str, inner: &Value| name == wanted && is_scalar(inner);
        let pointer = schema.and_then(|schema| find(document, schema, &mut is_id));
        let pointer = pointer.or_else(|| find_in(example?, &|name| name == wanted));
        // What is created is not in a list.
        if let Some(pointer) = pointer.filter(|pointer| !pointer.split('/').any(|part| part == "0")) {
            return Some(Extract::Pointer(pointer));
        }
    }
    let last = operation.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let pattern = format!("/{}/([^/?#]+)", escape(last));
    document
        .names_location(operation)
        .then(|| Extract::From(ExtractFrom::HeaderMatches { header: "Location".to_owned(), pattern }))
}

/// Finds the identifier of the first element in the reply to an operation that lists something.
fn listed(document: &Document<'_>, operation: &Operation<'_>, parameter: &str) -> Option<Extract> {
    let (schema, example) = document.reply(operation);
    for wanted in id_names(parameter) {
        let mut is_id = |name: &str, inner: &Value| name == wanted && is_scalar(inner);
        let pointer = schema.and_then(|schema| find(document, schema, &mut is_id));
        let pointer = pointer.or_else(|| find_in(example?, &|name| name == wanted));
        if let Some(pointer) = pointer.filter(|pointer| pointer.split('/').any(|part| part == "0")) {
            return Some(Extract::Pointer(pointer));
        }
    }
    None
}

/// Returns the names under which a reply may have the identifier that a path calls `parameter`.
fn id_names(parameter: &str) -> Vec<&str> {
    let mut names = vec![parameter, "id", "_id", "uuid", "key"];
    names.dedup();
    names
}

fn is_scalar(schema: &Value) -> bool {
    schema.get("properties").is_none() && schema.get("items").is_none()
}

/// Finds a property in a schema, level by level; returns its JSON pointer. The first element stands for a list.
fn find<'a>(
    document: &Document<'a>,
    schema: &'a Value,
    is_wanted: &mut dyn FnMut(&str, &Value) -> bool,
) -> Option<String> {
    let mut level: Vec<(String, &'a Value)> = vec![(String::new(), schema)];
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        let mut at = 0;
        while at < level.len() && level.len() < 1_000 {
            let (pointer, schema) = level[at].clone();
            at += 1;
            let Ok(schema) = document.resolve(schema) else { continue };
            for key in ["allOf", "oneOf", "anyOf"] {
                let parts = schema.get(key).and_then(Value::as_array).into_iter().flatten();
                level.extend(parts.map(|part| (pointer.clone(), part)));
            }
            if let Some(items) = schema.get("items") {
                next.push((format!("{pointer}/0"), items));
            }
            for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten()
            {
                let Ok(inner) = document.resolve(property) else { continue };
                let pointer = format!("{pointer}/{}", escape_pointer(name));
                if is_wanted(name, inner) {
                    return Some(pointer);
                }
                next.push((pointer, inner));
            }
        }
        level = next;
    }
    None
}

/// Finds a scalar field in an example, level by level.
fn find_in(example: &Value, is_wanted: &dyn Fn(&str) -> bool) -> Option<String> {
    let mut level = vec![(String::new(), example)];
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for (pointer, value) in level {
            match value {
                Value::Array(items) => next.extend(items.first().map(|item| (format!("{pointer}/0"), item))),
                Value::Object(map) => {
                    for (name, inner) in map {
                        let pointer = format!("{pointer}/{}", escape_pointer(name));
                        if is_wanted(name) && (inner.is_string() || inner.is_number()) {
                            return Some(pointer);
                        }
                        next.push((pointer, inner));
                    }
                }
                _ => {}
            }
        }
        level = next;
    }
    None
}
