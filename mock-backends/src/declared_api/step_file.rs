//! The steps of a route as written in the file.

use super::reply_file::ReplyFile;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// What is done with the state.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum StepFile {
    /// Adds a row and calls it `item`.
    Create {
        /// Name of the collection.
        #[serde(rename = "in")]
        collection: String,
        /// Expression for the id; by default the collection gives one.
        #[serde(default)]
        id: Option<String>,
        /// The row: an object with templates, or an expression for one, such as `{{ body }}`.
        with: Value,
        /// The name of the row in the expressions that follow, in place of `item`.
        #[serde(default, rename = "as")]
        name: Option<String>,
        /// The reply when there is a row with this id; by default 409 with an `error`.
        #[serde(default)]
        exists: Option<ReplyFile>,
        /// The reply when the collection is full; by default 507 with an `error`.
        #[serde(default)]
        full: Option<ReplyFile>,
    },
    /// Looks a row up and calls it `item`.
    Read {
        /// Name of the collection.
        #[serde(rename = "in")]
        collection: String,
        /// Expression for the id.
        id: String,
        /// Whether the request goes on without such a row; `item` is undefined then.
        #[serde(default)]
        optional: bool,
        /// The name of the row in the expressions that follow, in place of `item`.
        #[serde(default, rename = "as")]
        name: Option<String>,
        /// The reply when there is no such row; by default 404 with an `error`.
        #[serde(default)]
        missing: Option<ReplyFile>,
    },
    /// Changes fields of a row and calls it `item`, also in `with`.
    Update {
        /// Name of the collection.
        #[serde(rename = "in")]
        collection: String,
        /// Expression for the id.
        id: String,
        /// The fields that change: an object with templates, or an expression for one.
        with: Value,
        /// The name of the row in `with` and in the expressions that follow, in place of `item`.
        #[serde(default, rename = "as")]
        name: Option<String>,
        /// The reply when there is no such row; by default 404 with an `error`.
        #[serde(default)]
        missing: Option<ReplyFile>,
    },
    /// Changes fields of a row, or adds the row if there is none, and calls it `item`, also in `with`.
    Put {
        /// Name of the collection.
        #[serde(rename = "in")]
        collection: String,
        /// Expression for the id.
        id: String,
        /// The fields: an object with templates, or an expression for one.
        with: Value,
        /// The name of the row in `with` and in the expressions that follow, in place of `item`.
        #[serde(default, rename = "as")]
        name: Option<String>,
        /// The reply when the collection is full; by default 507 with an `error`.
        #[serde(default)]
        full: Option<ReplyFile>,
    },
    /// Removes a row and calls it `item`.
    Delete {
        /// Name of the collection.
        #[serde(rename = "in")]
        collection: String,
        /// Expression for the id.
        id: String,
        /// The name of the row in the expressions that follow, in place of `item`.
        #[serde(default, rename = "as")]
        name: Option<String>,
        /// The reply when there is no such row; by default 404 with an `error`.
        #[serde(default)]
        missing: Option<ReplyFile>,
    },
    /// Lists rows, the oldest first, and calls them `items`; `total` is the number of all that fit.
    List {
        /// Name of the collection.
        #[serde(rename = "in")]
        collection: String,
        /// Condition for a row to be listed, with the row as `row`; by default all are. It is evaluated for every row.
        #[serde(default, rename = "where")]
        condition: Option<String>,
        /// Expression for the number of rows that are left out at the beginning; by default 0.
        #[serde(default)]
        skip: Option<String>,
        /// Expression for the most rows that are listed; by default 100, and never more than 10000.
        #[serde(default)]
        limit: Option<String>,
        /// The name of the list in the expressions that follow, in place of `items`.
        #[serde(default, rename = "as")]
        name: Option<String>,
    },
    /// Removes all rows (of the session, if rows belong to sessions) and calls them `items`.
    Clear {
        /// Name of the collection.
        #[serde(rename = "in")]
        collection: String,
        /// The name of the list in the expressions that follow, in place of `items`.
        #[serde(default, rename = "as")]
        name: Option<String>,
    },
    /// Answers at once when a condition is met; no further step is taken.
    Answer {
        /// The condition, an expression such as `item.loaded`.
        when: String,
        /// The reply.
        reply: ReplyFile,
    },
}

impl StepFile {
    /// Returns the collection on which the step works, and the name that its result is given. `None` for a step that
    /// answers.
    pub(super) fn target(&self) -> Option<(&str, Option<&str>)> {
        match self {
            Self::Create { collection, name, .. }
            | Self::Read { collection, name, .. }
            | Self::Update { collection, name, .. }
            | Self::Put { collection, name, .. }
            | Self::Delete { collection, name, .. }
            | Self::List { collection, name, .. }
            | Self::Clear { collection, name } => Some((collection, name.as_deref())),
            Self::Answer { .. } => None,
        }
    }
}
