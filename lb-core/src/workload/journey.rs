//! Journeys: what users can do, as JSON. New journeys need no code.
//!
//! # Templates
//!
//! Paths, headers and bodies are templates. A placeholder is one of
//!
//! | Placeholder | Value |
//! |---|---|
//! | `{{user.email}}` | a field of the session's account: `id`, `first_name`, `last_name`, `name`, `email`, `password`, `phone`, `street`, `city`, `state`, `zip_code`, `country` |
//! | `{{product.sku}}` | a field of the row that `bind` draws for `product`; dots select nested fields, `{{product}}` is the whole row |
//! | `{{token}}` | a value that a step extracted from a reply in this session; `stand-in` if there is none yet |
//! | `{{int:1:3}}` | a random integer, both ends included |
//! | `{{uuid}}` | a random UUID |
//! | `{{env.SHOP_PASSWORD}}` | in configs: the value of an environment variable, which the config does not hold then |
//!
//! A JSON string that is exactly one placeholder takes the type of the value (`"{{product.price}}"`
//! becomes a number). Values are encoded for their place: percent-encoded in paths and queries, escaped
//! in JSON. A body that is a JSON string is sent as plain text, which allows bodies other than JSON; with the
//! content type `application/x-www-form-urlencoded`, values are percent-encoded in it as in a query.
//!
//! The texts that `check.contains` asks for are templates too, with the values of the request.
//!
//! # Variables
//!
//! A row that a step binds is available to later steps of the action, and each repetition binds a new
//! row. If one step views `{{product.sku}}` and the next one, repeated, adds `{{product.sku}}` to the
//! cart, the first product added is the one viewed, and the others are new.
//!
//! # Deliberate errors
//!
//! A step's `errors` are ways to send it incorrectly; the workload sets the probability of each. If a
//! session cannot continue after a rejection (because it is still opening, or the step is `required` or
//! extracts a value), the correct request follows the incorrect one, like a user who mistypes a
//! password.

use super::look::{Check, Extract};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A set of actions and data feeds, and the structure of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Journey {
    /// Name that configs use.
    pub name: String,
    /// What the journey imitates.
    #[serde(default)]
    pub description: String,
    /// Tables of rows that actions draw from. A number `popularity` in a row is its weight; in a feed
    /// where some rows have it, the others weigh 1.
    #[serde(default)]
    pub feeds: BTreeMap<String, Vec<Value>>,
    /// How a session begins and ends.
    #[serde(default)]
    pub session: Session,
    /// What users can do, by name.
    pub actions: BTreeMap<String, Action>,
}

impl Journey {
    /// Returns the names of all deliberate errors in the journey.
    pub fn error_names(&self) -> BTreeSet<&str> {
        let steps = self.actions.values().flat_map(|action| &action.steps);
        steps.flat_map(|step| step.errors.keys().map(String::as_str)).collect()
    }
}

/// How a session begins and ends, and what its user keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Opening actions, in order (register, log in). Results mark them as set-up.
    #[serde(default)]
    pub open: Vec<String>,
    /// Actions between the opening and the closing ones, in this order, each after its think time. If empty, users
    /// draw actions by weight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sequence: Vec<String>,
    /// Closing actions, in order.
    #[serde(default)]
    pub close: Vec<String>,
    /// Whether users keep the cookies that replies set, and send them back until the session ends.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub cookies: bool,
}

impl Default for Session {
    fn default() -> Self {
        Self { open: Vec::new(), sequence: Vec::new(), close: Vec::new(), cookies: true }
    }
}

/// One thing that a user does: one or more requests, back to back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Requests of the action, in order.
    pub steps: Vec<Step>,
    /// Weight for user classes that do not set one.
    #[serde(default)]
    pub weight: f64,
    /// Think time before the action in seconds, `[min, max]`; if absent, that of the user class applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think_time_s: Option<[f64; 2]>,
    /// Whether a user may abandon the action, with the probability set by the user class. An abandoned
    /// action sends no request and is not an error.
    #[serde(default)]
    pub can_be_abandoned: bool,
    /// Tags by which `--tags` and `--exclude-tags` select actions, such as `inference`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// One HTTP request of an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Name of the request in results. Together with the method it is unique in the journey.
    pub name: String,
    /// HTTP method.
    #[serde(default = "get")]
    pub method: String,
    /// Service that prefixes the path; if absent, the path is used unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Template of the path and query.
    pub path: String,
    /// Templates of headers, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Template of the JSON body; a string is sent as plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Rows to draw: variable name -> feed name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bind: BTreeMap<String, String>,
    /// Statuses that count as a success.
    #[serde(default = "ok")]
    pub expect: Vec<u16>,
    /// Values to keep for later requests of the session: name -> JSON pointer into the reply, or another place
    /// in it, such as `{"header": "location"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extract: BTreeMap<String, Extract>,
    /// What the reply must be like, beyond its status.
    #[serde(default, skip_serializing_if = "Check::is_empty")]
    pub check: Check,
    /// The most redirects to follow. Each is a request of its own, listed as `NAME (redirect)`; the last reply is
    /// checked. With 0, a redirect is a reply like any other.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub follow: u8,
    /// Number of times the request is sent in a row, `[min, max]`, with new rows each time.
    #[serde(default = "once")]
    pub repeat: [u32; 2],
    /// Probability that the request is sent, from 0 to 1.
    #[serde(default = "one")]
    pub probability: f64,
    /// Whether an unexpected outcome ends the session, as after a failed login.
    #[serde(default)]
    pub required: bool,
    /// Deliberate errors: name of the error -> what differs, and the statuses that are then expected.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Variant>,
}

/// A deliberate error: how the request differs, and which statuses are then expected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Template that replaces the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Templates that replace headers; an empty value removes the header.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Template that replaces the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Rows to draw in addition to the step's: variable name -> feed name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bind: BTreeMap<String, String>,
    /// Statuses that count as the expected rejection.
    pub expect: Vec<u16>,
}

/// A problem in a journey: key path, value and rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct JourneyError {
    /// Key path of the problem, such as `actions.login.steps[0].path`.
    pub path: String,
    /// Description of the problem, with the value and how to fix it.
    pub problem: String,
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> Vec<u16> {
    vec![200]
}

fn once() -> [u32; 2] {
    [1, 1]
}

fn one() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_true(value: &bool) -> bool {
    *value
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(value: &u8) -> bool {
    *value == 0
}
