//! Writes the steps of operations.

use super::document::{Document, Media, Operation, Parameter};
use super::roles::Roles;
use super::sample::{Sampler, in_path};
use super::security;
use crate::address::encode;
use crate::names::{Names, word};
use crate::report::Report;
use crate::request::{FORM, blank_step, header_value, is_header_name, literal};
use crate::secret::{Vault, is_account_name, is_password_name, is_secret_name};
use lb_core::workload::Step;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Statuses that are expected where a description names none.
const FINE: [u16; 4] = [200, 201, 202, 204];
/// What separates the parts of a form.
const BOUNDARY: &str = "----bench-boundary-7f3a9c";

/// Writes steps, and keeps what all of them share.
pub(super) struct Writer<'a, 'w> {
    pub(super) document: Document<'a>,
    pub(super) sampler: Sampler<'a>,
    pub(super) operations: &'w [Operation<'a>],
    pub(super) roles: &'w Roles,
    /// Base path of the server.
    pub(super) base: &'w str,
    pub(super) vault: &'w mut Vault,
    pub(super) report: Report,
    pub(super) steps: Names,
    pub(super) variables: Names,
    pub(super) feeds: BTreeMap<String, Vec<Value>>,
    /// Variables of the account that the description has an example of, by name of the field.
    pub(super) accounts: BTreeMap<String, String>,
}

impl<'a> Writer<'a, '_> {
    /// Learns the account of the example of a log-in; returns whether there is one with a password.
    pub(super) fn learn_account(&mut self, number: usize) -> bool {
        let operation = &self.operations[number];
        let label = operation.label();
        let Some(body) = &operation.body else { return false };
        let mut found: Vec<(String, String)> = Vec::new();
        let sampler = self.sampler;
        sampler.body(body, &mut |name, example| {
            let is_account = is_password_name(name) || is_account_name(name);
            found.extend(example.filter(|_| is_account).map(|example| (name.to_owned(), example.to_owned())));
            None
        });
        // The word of a type, such as `string`, is no example of a password.
        if !found.iter().any(|(name, value)| is_password_name(name) && value != "string") {
            return false;
        }
        for (name, value) in found {
            let place = format!("the example of `{name}` in {label}");
            if let Some(variable) = self.vault.hide_account(&name, &value, &place, &mut self.report) {
                self.accounts.insert(name, variable);
            }
        }
        true
    }

    /// Returns the steps of an operation; `None` if it cannot be imported. One that deletes creates first what it
    /// deletes.
    pub(super) fn steps_of(&mut self, number: usize) -> Option<Vec<Step>> {
        let operation = &self.operations[number];
        let parameters = operation.path_parameters();
        let target =
            parameters.last().filter(|_| operation.method == "DELETE" && operation.path.ends_with('}'));
        let Some((before, _)) = target else {
            return self.step(number, "", &BTreeMap::new()).map(|step| vec![step]);
        };
        let provider = self.roles.providers.get(before).filter(|provider| provider.creates).cloned();
        let Some(provider) = provider else {
            let label = operation.label();
            self.report.leave_out(format!("operation {label}, whose target no other operation creates"));
            return None;
        };
        let variable = self.variables.unique(&format!("{}_to_delete", provider.variable), "_");
        let mut create = self.step(provider.operation, " (to delete)", &BTreeMap::new())?;
        create.extract.insert(variable.clone(), provider.from.clone());
        create.required = true;
        let delete = self.step(number, "", &[(before.clone(), variable)].into())?;
        Some(vec![create, delete])
    }

    /// Returns the step of an operation; `None`, with the reason in the report, if it cannot be imported. `own` has
    /// variables for identifiers, by the path before them, in place of those of the session.
    pub(super) fn step(
        &mut self,
        number: usize,
        suffix: &str,
        own: &BTreeMap<String, String>,
    ) -> Option<Step> {
        let operation = &self.operations[number];
        let label = operation.label();
        let mut bind = BTreeMap::new();
        let mut unsure = false;
        let mut path = self.path(operation, own, &mut bind, &mut unsure);
        self.query(operation, &mut path, &mut bind);
        let usual = operation.id.map_or_else(|| format!("{}{}", self.base, operation.path), str::to_owned);
        let name = self.steps.unique(&format!("{usual}{suffix}"), " ");
        let mut step = blank_step(&name, &operation.method, path);
        for parameter in operation.parameters.iter().filter(|one| one.place == "header" && one.is_required) {
            const OTHERWISE: [&str; 3] = ["accept", "content-type", "authorization"];
            if is_header_name(parameter.name)
                && !OTHERWISE.contains(&parameter.name.to_ascii_lowercase().as_str())
            {
                let value = self.parameter(parameter, operation, &mut bind);
                step.headers.insert(parameter.name.to_owned(), header_value(&plain(&value)));
            }
        }
        if let Some(body) = &operation.body
            && let Err(reason) = self.body(body, operation, &mut step)
        {
            self.report.leave_out(format!("operation {label}, {reason}"));
            return None;
        }
        let has_token =
            self.roles.login.as_ref().is_some_and(|login| login.token.is_some() && login.operation != number);
        if self.roles.register != Some(number) {
            security::add(&self.document, operation, has_token, &mut step, self.vault, &mut self.report);
        }
        step.bind = bind;
        step.expect = operation.statuses();
        if step.expect.is_empty() {
            step.expect = FINE.to_vec();
        }
        if unsure {
            step.expect.push(404);
            self.report
                .note(format!("{label}: nothing gives the identifier in its path, so 404 is expected, too"));
        }
        Some(step)
    }

    fn path(
        &mut self,
        operation: &Operation<'a>,
        own: &BTreeMap<String, String>,
        bind: &mut BTreeMap<String, String>,
        unsure: &mut bool,
    ) -> String {
        let mut path = self.base.to_owned();
        let mut before = String::new();
        for segment in operation.path.split('/').skip(1) {
            path.push('/');
            let whole = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let provider = self.roles.providers.get(&before).map(|provider| &provider.variable);
            match (whole, own.get(&before).or(provider)) {
                (Some(_), Some(variable)) => path.push_str(&format!("{{{{{variable}}}}}")),
                (Some(name), None) => path.push_str(&self.path_value(operation, name, bind, unsure)),
                (None, _) => path.push_str(&self.mixed_segment(operation, segment, bind, unsure)),
            }
            before.push('/');
            before.push_str(segment);
        }
        path
    }

    /// Returns a segment in which a parameter is only a part, such as `{id}.json`.
    fn mixed_segment(
        &mut self,
        operation: &Operation<'a>,
        segment: &str,
        bind: &mut BTreeMap<String, String>,
        unsure: &mut bool,
    ) -> String {
        let mut out = String::new();
        let mut rest = segment;
        while let Some((start, end)) =
            rest.find('{').and_then(|open| Some((open, rest[open..].find('}')? + open)))
        {
            out.push_str(&crate::address::clean(&rest[..start]));
            out.push_str(&self.path_value(operation, &rest[start + 1..end], bind, unsure));
            rest = &rest[end + 1..];
        }
        out + &crate::address::clean(rest)
    }

    fn path_value(
        &mut self,
        operation: &Operation<'a>,
        name: &str,
        bind: &mut BTreeMap<String, String>,
        unsure: &mut bool,
    ) -> String {
        let known = operation.parameters.iter().find(|one| one.place == "path" && one.name == name).cloned();
        let Some(parameter) = known else {
            *unsure = true;
            self.report
                .note(format!("{}: the parameter `{name}` is not described; 1 is sent", operation.label()));
            return "1".to_owned();
        };
        let has_value = |holder: &Value| {
            ["example", "examples", "x-example", "default", "enum", "const"]
                .iter()
                .any(|key| holder.get(key).is_some())
        };
        *unsure |= !has_value(parameter.spec) && !has_value(parameter.schema);
        in_path(&self.parameter(&parameter, operation, bind))
    }

    fn query(&mut self, operation: &Operation<'a>, path: &mut String, bind: &mut BTreeMap<String, String>) {
        for parameter in operation.parameters.iter().filter(|one| one.place == "query") {
            let has_example =
                self.document.example(parameter.spec).is_some() || parameter.schema.get("example").is_some();
            if !parameter.is_required && !has_example {
                continue;
            }
            let values = match self.parameter(parameter, operation, bind) {
                Value::Array(items) => items,
                Value::Object(_) | Value::Null => continue,
                one => vec![one],
            };
            for value in values {
                path.push(if path.contains('?') { '&' } else { '?' });
                path.push_str(&format!("{}={}", encode(parameter.name), in_path(&value)));
            }
        }
    }

    /// Returns the value of a parameter. An enumeration becomes a feed.
    fn parameter(
        &mut self,
        parameter: &Parameter<'a>,
        operation: &Operation<'a>,
        bind: &mut BTreeMap<String, String>,
    ) -> Value {
        let label = operation.label();
        let (vault, report) = (&mut *self.vault, &mut self.report);
        let mut special = |name: &str, example: Option<&str>| {
            let place = format!("the parameter `{name}` of {label}");
            is_secret_name(name).then(|| match example {
                Some(example) => format!("{{{{{}}}}}", vault.hide(name, example, &place, report)),
                None => format!("{{{{{}}}}}", vault.ask(name, &place, report)),
            })
        };
        if let Some(example) = self.document.example(parameter.spec) {
            return self.sampler.example(example, parameter.name, &mut special);
        }
        let choices = parameter.schema.get("enum").and_then(Value::as_array).filter(|list| list.len() > 1);
        let is_plain = |list: &&Vec<Value>| list.iter().all(|value| value.is_string() || value.is_number());
        match choices.filter(is_plain).filter(|_| parameter.schema.get("example").is_none()) {
            Some(choices) => {
                let rows: Vec<Value> = choices.iter().map(|value| json!({ "value": value })).collect();
                let known =
                    self.feeds.iter().find(|(_, known)| **known == rows).map(|(feed, _)| feed.clone());
                let feed = known.unwrap_or_else(|| {
                    self.variables.unique(&format!("{}_choice", word(parameter.name)), "_")
                });
                self.feeds.insert(feed.clone(), rows);
                bind.insert(feed.clone(), feed.clone());
                Value::String(format!("{{{{{feed}.value}}}}"))
            }
            None => self.sampler.value(parameter.schema, parameter.name, &mut special),
        }
    }

    /// Writes the body of an operation into a step; the error says why it cannot be sent.
    fn body(
        &mut self,
        media: &Media<'a>,
        operation: &Operation<'a>,
        step: &mut Step,
    ) -> Result<(), &'static str> {
        if let Some(reason) = self.document.refusal(media) {
            return Err(reason);
        }
        let label = operation.label();
        let (vault, report, accounts) = (&mut *self.vault, &mut self.report, &self.accounts);
        let mut hide = |name: &str, example: Option<&str>| {
            if let Some(variable) = accounts.get(name) {
                return Some(format!("{{{{{variable}}}}}"));
            }
            let example = example.filter(|_| is_secret_name(name) && !is_password_name(name))?;
            let place = format!("the example of `{name}` in {label}");
            Some(format!("{{{{{}}}}}", vault.hide(name, example, &place, report)))
        };
        let value = self.sampler.body(media, &mut hide);
        let kind = media.content_type.as_str();
        let fields = || value.as_object().into_iter().flatten();
        if kind.contains("json") {
            step.body = Some(value);
        } else if kind.starts_with(FORM) {
            let each = fields().map(|(name, value)| format!("{}={}", encode(name), in_path(value)));
            step.body = Some(Value::String(each.collect::<Vec<_>>().join("&")));
        } else if kind.starts_with("multipart/") {
            let part = |(name, value): (&String, &Value)| {
                format!(
                    "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{}\r\n",
                    plain(value)
                )
            };
            let text: String = fields().map(part).collect();
            step.body = Some(Value::String(format!("{text}--{BOUNDARY}--\r\n")));
            step.headers
                .insert("Content-Type".to_owned(), format!("multipart/form-data; boundary={BOUNDARY}"));
            return Ok(());
        } else {
            step.body = Some(Value::String(plain(&value)));
        }
        if kind != "application/json" {
            step.headers.insert("Content-Type".to_owned(), header_value(kind));
        }
        Ok(())
    }
}

impl<'a> Sampler<'a> {
    /// Returns the value of a body: its example, or what fits its schema or its fields.
    fn body(&self, media: &Media<'a>, special: &mut super::sample::Special<'_>) -> Value {
        if let Some(example) = media.example {
            return self.example(example, "", special);
        }
        if media.fields.is_empty() {
            return self.value(media.schema, "", special);
        }
        let fields = media.fields.iter().map(|field| {
            let value = match self.document.example(field.spec) {
                Some(example) => self.example(example, field.name, special),
                None => self.value(field.schema, field.name, special),
            };
            (field.name.to_owned(), value)
        });
        Value::Object(fields.collect())
    }
}

/// Returns a value as text. Placeholders stay.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => literal(&other.to_string()),
    }
}
