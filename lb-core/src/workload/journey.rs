//! Journeys: what users can do, as JSON. New journeys need no code.
//!
//! # Templates
//!
//! Paths, headers and bodies are templates. A placeholder is one of
//!
//! | Placeholder | Value |
//! |---|---|
//! | `{{user.email}}` | of the session's account: `id`, `first_name`, `last_name`, `name`, `email`, `password`, `phone`, `street`, `city`, `state`, `zip_code`, `country` |
//! | `{{product.sku}}` | a field of the row that `bind` draws for `product`; dots go deeper, `{{product}}` is the whole row |
//! | `{{token}}` | what a step extracted from a reply of the session; `stand-in` until there is one |
//! | `{{int:1:3}}` | a whole number, drawn evenly, both ends included |
//! | `{{uuid}}` | a random UUID |
//!
//! A JSON string that is exactly one placeholder takes over the type of the value
//! (`"{{product.price}}"` becomes a number). Values are encoded for where they go: percent-encoded in
//! paths and queries, escaped in JSON. A body that is itself a JSON string is sent as that text, which
//! is how a body becomes something other than JSON.
//!
//! # Variables
//!
//! A row that a step binds stays for the steps after it in the action, and each repetition has its
//! own: where one step looks at `{{product.sku}}` and the next one, repeated, puts `{{product.sku}}`
//! into the cart, the first product in the cart is the one looked at, and the others are new.
//!
//! # Errors on purpose
//!
//! A step's `errors` are ways to send it wrong; the workload says how likely each is. Where a session
//! cannot go on with a refusal (it is still opening, or the step is `required` or extracts something),
//! the right request follows the wrong one, as when someone mistypes a password.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A library of actions over data feeds, and the shape of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Journey {
    /// Name that configs use.
    pub name: String,
    /// What it imitates.
    #[serde(default)]
    pub description: String,
    /// Tables of rows that actions draw from. A row's number `popularity` weighs it; where some rows
    /// of a feed have it, the others weigh 1.
    #[serde(default)]
    pub feeds: BTreeMap<String, Vec<Value>>,
    /// How a session begins and ends.
    #[serde(default)]
    pub session: Session,
    /// What users can do, by name.
    pub actions: BTreeMap<String, Action>,
}

impl Journey {
    /// The names of all errors that some request of the journey can carry on purpose.
    pub fn error_names(&self) -> BTreeSet<&str> {
        let steps = self.actions.values().flat_map(|action| &action.steps);
        steps.flat_map(|step| step.errors.keys().map(String::as_str)).collect()
    }
}

/// How a session begins and ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Actions at its begin, in order (register, log in). They are marked as set-up in results.
    #[serde(default)]
    pub open: Vec<String>,
    /// Actions at its end, in order.
    #[serde(default)]
    pub close: Vec<String>,
}

/// One thing that a user does: one request or several, back to back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Its requests, in order.
    pub steps: Vec<Step>,
    /// Weight where a user class names none.
    #[serde(default)]
    pub weight: f64,
    /// Seconds of thinking before it, `[min, max]`; absent: the user class's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think_time_s: Option<[f64; 2]>,
    /// Whether a user class's abandonment applies: a drawn action may end in nothing, which is a
    /// normal outcome and sends no request.
    #[serde(default)]
    pub can_be_abandoned: bool,
}

/// One declarative HTTP request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Name in results, unique in the journey.
    pub name: String,
    /// HTTP method.
    #[serde(default = "get")]
    pub method: String,
    /// Service below the load balancer's entry; absent: the path is used as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Path template, with query.
    pub path: String,
    /// Header templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// JSON body template; a string is sent as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Rows to draw: variable name -> feed name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bind: BTreeMap<String, String>,
    /// Statuses that are a success.
    #[serde(default = "ok")]
    pub expect: Vec<u16>,
    /// Values to keep for later requests of the session: name -> JSON pointer into the reply.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extract: BTreeMap<String, String>,
    /// How often it is sent in a row, `[min, max]`, with new rows each time.
    #[serde(default = "once")]
    pub repeat: [u32; 2],
    /// Chance that it is sent at all when its action comes to it.
    #[serde(default = "one")]
    pub probability: f64,
    /// Whether an unexpected outcome ends the session (a failed login does).
    #[serde(default)]
    pub required: bool,
    /// Ways to send it wrong on purpose: name of the error -> what differs and what is then expected.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Variant>,
}

/// A way to send a request wrong on purpose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Path template in place of the right one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Headers that replace right ones; an empty value leaves the header out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Body in place of the right one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Rows to draw besides the step's: variable name -> feed name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bind: BTreeMap<String, String>,
    /// Statuses that are the expected refusal.
    pub expect: Vec<u16>,
}

/// A problem in a journey: key path, value and rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct JourneyError {
    /// Key path of the fault, such as `actions.login.steps[0].path`.
    pub path: String,
    /// What is wrong there, with the value and how to fix it.
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
