//! Passwords and keys: which values are secret, and what stands for them in a config.

use crate::names::{Names, word};
use crate::options::Secrets;
use crate::report::Report;
use crate::request::{Body, Replacement, Request, Spot, placeholder};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Parts of names whose values are secret, without `_` and `-`.
const SECRET: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "apikey",
    "accesskey",
    "privatekey",
    "token",
    "credential",
    "cardnumber",
    "cvv",
    "cvc",
];
/// Names of the field that names the account beside a password.
const ACCOUNT: [&str; 7] = ["username", "user", "login", "email", "mail", "userid", "account"];

/// Returns whether a value of this name is secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let plain = plain(name);
    SECRET.iter().any(|part| plain.contains(part))
}

/// Returns whether this is the name of a password.
pub(crate) fn is_password_name(name: &str) -> bool {
    let plain = plain(name);
    SECRET[..5].iter().any(|part| plain.contains(part))
}

/// Returns whether this is the name of the field that names an account.
pub(crate) fn is_account_name(name: &str) -> bool {
    ACCOUNT.contains(&plain(name).as_str())
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// Keeps the secrets of an import.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vault {
    mode: Secrets,
    names: Names,
    accounts: Names,
    /// Variable by name and value.
    known: BTreeMap<(String, String), String>,
    feeds: BTreeMap<&'static str, Map<String, Value>>,
    /// Values of environment variables, by name.
    pub(crate) environment: BTreeMap<String, String>,
}

impl Vault {
    pub(crate) fn new(mode: Secrets) -> Self {
        Self { mode, ..Self::default() }
    }

    /// Returns the variable that stands for a secret. `place` says where the request is that sends it.
    pub(crate) fn hide(&mut self, name: &str, value: &str, place: &str, report: &mut Report) -> String {
        self.keep((word(name), value.to_owned()), value, place, report, |name| {
            format!("written in clear into `feeds.secrets` as `{name}`; with --secrets env it is not")
        })
    }

    /// Returns the variable of a secret that the file does not hold.
    pub(crate) fn ask(&mut self, name: &str, place: &str, report: &mut Report) -> String {
        const VALUE: &str = "change-me";
        self.keep((word(name), String::new()), VALUE, place, report, |name| {
            format!(
                "the file holds no value; replace `{VALUE}` in `feeds.secrets` as `{name}`, or use --secrets env"
            )
        })
    }

    /// Returns the variable of the secret known by `key`, and keeps `value` for it if it is new. `remark` says of its name
    /// what a user has to know if it is written into the feed.
    fn keep(
        &mut self,
        key: (String, String),
        value: &str,
        place: &str,
        report: &mut Report,
        remark: impl FnOnce(&str) -> String,
    ) -> String {
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let name = self.names.unique(&key.0, "_");
        let variable = match self.mode {
            Secrets::Env => {
                let variable = format!("BENCH_{}", name.to_ascii_uppercase());
                report.secrets.push(format!(
                    "{place}: taken from the environment variable {variable}, which must be set"
                ));
                self.environment.insert(variable.clone(), value.to_owned());
                format!("env.{variable}")
            }
            Secrets::Feed => {
                report.secrets.push(format!("{place}: {}", remark(&name)));
                self.feeds.entry("secrets").or_default().insert(name.clone(), value.into());
                format!("secret.{name}")
            }
        };
        self.known.insert(key, variable.clone());
        variable
    }

    /// Returns the variable that stands for a part of an account: the password, or the name beside it.
    pub(crate) fn hide_account(
        &mut self,
        name: &str,
        value: &str,
        place: &str,
        report: &mut Report,
    ) -> Option<String> {
        if self.mode == Secrets::Env {
            // The name of an account is not secret.
            return is_password_name(name).then(|| self.hide(name, value, place, report));
        }
        let key = (format!("account {}", word(name)), value.to_owned());
        if let Some(known) = self.known.get(&key) {
            return Some(known.clone());
        }
        let name = self.accounts.unique(&word(name), "_");
        if is_password_name(&name) {
            report.secrets.push(format!(
                "{place}: written in clear into `feeds.accounts` as `{name}`; with --secrets env it is not"
            ));
        }
        self.feeds.entry("accounts").or_default().insert(name.clone(), value.into());
        let variable = format!("account.{name}");
        self.known.insert(key, variable.clone());
        Some(variable)
    }

    /// Decides about a value of a request that no reply gave. `label` names the request.
    pub(crate) fn replace(
        &mut self,
        request: &Request,
        label: &str,
        spot: Spot<'_>,
        value: &str,
        report: &mut Report,
    ) -> Option<Replacement> {
        let place = || format!("{} of {label}", spot.describe());
        let text = |variable| Replacement { variable, is_text: true };
        if value.is_empty() || value.contains("{{") {
            return None;
        }
        match spot {
            Spot::Header(name) if name.eq_ignore_ascii_case("authorization") => {
                Some(text(self.hide("authorization", value, &place(), report)))
            }
            Spot::Segment(_) => None,
            Spot::Field(name) if is_password_name(name) => {
                Some(text(self.hide_account(name, value, &place(), report)?))
            }
            Spot::Field(name) if is_account_name(name) && has_password(request) => {
                Some(text(self.hide_account(name, value, &place(), report)?))
            }
            Spot::Header(name) | Spot::Query(name) | Spot::Field(name)
                if is_secret_name(name) || is_jwt(value) =>
            {
                Some(text(self.hide(name, value, &place(), report)))
            }
            _ => None,
        }
    }

    /// Returns the feeds that hold what was hidden.
    pub(crate) fn feeds(&self) -> BTreeMap<String, Vec<Value>> {
        let row = |(name, row): (&&str, &Map<String, Value>)| {
            ((*name).to_owned(), vec![Value::Object(row.clone())])
        };
        self.feeds.iter().map(row).collect()
    }
}

/// Says that a body that is not looked into seems to hold a secret.
pub(crate) fn warn_of_text(body: &Body, label: &str, report: &mut Report) {
    let Body::Text(text) = body else { return };
    let lower = text.to_ascii_lowercase();
    if let Some(word) = SECRET.iter().find(|word| lower.contains(*word)) {
        let line = format!(
            "the body of {label}: written as it was sent, although it has the word `{word}`; look at it"
        );
        if !report.secrets.contains(&line) {
            report.secrets.push(line);
        }
    }
}

/// Returns whether a text looks like a JSON Web Token.
fn is_jwt(text: &str) -> bool {
    text.starts_with("eyJ") && text.split('.').count() == 3
}

/// Returns whether a request has a field with a password.
fn has_password(request: &Request) -> bool {
    if matches!(request.body, Body::None | Body::Text(_)) {
        return false;
    }
    let mut has = false;
    request.values(&mut |spot, _| has |= matches!(spot, Spot::Field(name) if is_password_name(name)));
    has
}

/// Returns the value of the header for HTTP Basic authentication, without its scheme.
pub(crate) fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"))
}

/// Returns the header that sends a variable as a bearer token.
pub(crate) fn bearer(variable: &str) -> String {
    format!("Bearer {}", placeholder(variable))
}
