//! What requests do with the state of a mock API.

use super::file::IdKind;
use super::reply::Reply;
use super::rows::{Collection, Fields, Full, Rows};
use super::template::{Fault, Formula, Json, Templates, Variables};
use crate::store::Ids;
use minijinja::Value;
use std::sync::Arc;

/// The most rows that a list has when a step gives no limit, and the most that it can have.
const USUAL_LIMIT: usize = 100;
const MOST_LISTED: usize = 10_000;

/// The variable that holds a row while the condition of a list is evaluated.
pub(super) const ROW: &str = "row";
/// The variable that holds the number of all rows that fit a list.
pub(super) const TOTAL: &str = "total";

/// A step, with the number of its collection.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) action: Action,
    /// The variable that holds the result.
    pub(super) name: String,
    /// The reply when the row is not there, or is there already.
    pub(super) otherwise: Reply,
    /// The reply when the collection is full.
    pub(super) full: Reply,
}

/// What a step does.
#[derive(Debug)]
pub(super) enum Action {
    Create {
        collection: usize,
        id: Option<Formula>,
        with: Json,
    },
    Read {
        collection: usize,
        id: Formula,
        optional: bool,
    },
    Update {
        collection: usize,
        id: Formula,
        with: Json,
    },
    Put {
        collection: usize,
        id: Formula,
        with: Json,
    },
    Delete {
        collection: usize,
        id: Formula,
    },
    List {
        collection: usize,
        condition: Option<Formula>,
        skip: Option<Formula>,
        limit: Option<Formula>,
    },
    Clear {
        collection: usize,
    },
    /// Answers with `otherwise` if the condition is met.
    Answer {
        when: Formula,
    },
}

/// The state on which steps work.
pub(super) struct World<'a> {
    pub(super) collections: &'a [Collection],
    pub(super) rows: &'a mut [Rows],
    pub(super) ids: &'a mut Ids,
    pub(super) templates: &'a Templates,
    /// The session of the visitor; empty if there is none.
    pub(super) session: &'a str,
    pub(super) variables: &'a Arc<Variables>,
}

impl<'w> World<'w> {
    /// Takes the steps one after the other, and returns the reply that one of them gives; `None` if none does.
    pub(super) fn take<'s>(&mut self, steps: &'s [Step]) -> Result<Option<&'s Reply>, Fault> {
        for step in steps {
            if let Some(reply) = self.step(step)? {
                return Ok(Some(reply));
            }
        }
        Ok(None)
    }

    fn step<'s>(&mut self, step: &'s Step) -> Result<Option<&'s Reply>, Fault> {
        let context = self.variables.context();
        let result = match &step.action {
            Action::Answer { when } => {
                return Ok(when.is_true(&context)?.then_some(&step.otherwise));
            }
            Action::Read { collection, id, optional } => {
                let id = id.text(&context)?;
                let row = self.rows[*collection].get(self.owner(*collection), &id).cloned();
                row.or_else(|| optional.then_some(Value::UNDEFINED)).map(Ok)
            }
            Action::Delete { collection, id } => {
                let id = id.text(&context)?;
                let owner = self.owner(*collection);
                self.rows[*collection].remove(owner, &id).map(Ok)
            }
            Action::Clear { collection } => {
                let owner = self.owner(*collection);
                Some(Ok(Value::from(self.rows[*collection].clear(owner))))
            }
            Action::List { collection, condition, skip, limit } => {
                let (items, total) =
                    self.list(*collection, condition.as_ref(), skip.as_ref(), limit.as_ref())?;
                self.variables.set(TOTAL, total.into());
                Some(Ok(Value::from(items)))
            }
            Action::Create { collection, id, with } => {
                let id = id.as_ref().map(|id| id.value(&context)).transpose()?;
                // An id that the client left out is given like any other.
                let id = id.filter(|id| !id.is_undefined() && !id.is_none());
                let rows = &self.rows[*collection];
                let owner = self.owner(*collection);
                match id.as_ref().is_some_and(|id| rows.get(owner, &id.to_string()).is_some()) {
                    true => None,
                    false => Some(self.create(*collection, id, with)?),
                }
            }
            Action::Update { collection, id, with } => {
                let id = id.text(&context)?;
                match self.rows[*collection].get(self.owner(*collection), &id).cloned() {
                    Some(old) => Some(self.merge(*collection, &id, old, with, &step.name)?),
                    None => None,
                }
            }
            Action::Put { collection, id, with } => {
                let id = id.value(&context)?;
                let text = id.to_string();
                match self.rows[*collection].get(self.owner(*collection), &text).cloned() {
                    Some(old) => Some(self.merge(*collection, &text, old, with, &step.name)?),
                    None => {
                        self.variables.set(&step.name, Value::UNDEFINED);
                        Some(self.create(*collection, Some(id), with)?)
                    }
                }
            }
        };
        Ok(match result {
            Some(Ok(value)) => {
                self.variables.set(&step.name, value);
                None
            }
            Some(Err(Full)) => Some(&step.full),
            None => Some(&step.otherwise),
        })
    }

    /// Returns the session if the rows of a collection belong to sessions, or else an empty text.
    fn owner(&self, collection: usize) -> &'w str {
        if self.collections[collection].per_session { self.session } else { "" }
    }

    /// Adds a row. Without an id, the collection gives it one.
    fn create(
        &mut self,
        collection: usize,
        id: Option<Value>,
        with: &Json,
    ) -> Result<Result<Value, Full>, Fault> {
        let mut fields = self.fields(with)?;
        let id = match id {
            Some(id) => id,
            None => match self.collections[collection].ids {
                IdKind::Number => self.rows[collection].new_id().into(),
                IdKind::Uuid => self.ids.fresh().into(),
            },
        };
        fields.shift_insert(0, "id".to_owned(), json(&id)?);
        let owner = self.owner(collection);
        let shape = &self.collections[collection].shape;
        Ok(self.rows[collection].insert(shape, owner, &id.to_string(), &fields))
    }

    /// Changes fields of a row.
    fn merge(
        &mut self,
        collection: usize,
        id: &str,
        old: Value,
        with: &Json,
        name: &str,
    ) -> Result<Result<Value, Full>, Fault> {
        self.variables.set(name, old.clone());
        let mut fields = object(&old)?;
        let changed = self.fields(with)?;
        // The id is what the row is found by.
        fields.extend(changed.into_iter().filter(|(key, _)| key != "id"));
        let owner = self.owner(collection);
        let shape = &self.collections[collection].shape;
        Ok(self.rows[collection].insert(shape, owner, id, &fields))
    }

    /// Fills the fields of a row.
    fn fields(&self, with: &Json) -> Result<Fields, Fault> {
        let filled = serde_json::to_value(self.templates.filled(with, &self.variables.context()));
        match filled.map_err(|error| Fault(error.to_string()))? {
            serde_json::Value::Object(fields) => Ok(fields),
            other => {
                Err(Fault(format!("a row must be an object, not `{other}`; check `with` and `require`")))
            }
        }
    }

    /// Returns the rows that are listed, and the number of all that fit.
    fn list(
        &mut self,
        collection: usize,
        condition: Option<&Formula>,
        skip: Option<&Formula>,
        limit: Option<&Formula>,
    ) -> Result<(Vec<Value>, usize), Fault> {
        let context = self.variables.context();
        let count = |formula: Option<&Formula>, usual: usize| -> Result<usize, Fault> {
            let Some(formula) = formula else { return Ok(usual) };
            let value = formula.value(&context)?;
            let number = i64::try_from(value.clone());
            let number = number.map_err(|_| Fault(format!("`{value}` is not a number of rows")))?;
            Ok(usize::try_from(number).unwrap_or(0))
        };
        let (skip, limit) = (count(skip, 0)?, count(limit, USUAL_LIMIT)?.min(MOST_LISTED));
        let rows = self.rows[collection].list(self.owner(collection));
        let Some(condition) = condition else {
            let total = rows.len();
            return Ok((rows.skip(skip).take(limit).cloned().collect(), total));
        };
        let (mut listed, mut total) = (Vec::new(), 0);
        for row in rows {
            self.variables.set(ROW, row.clone());
            if condition.is_true(&context)? {
                total += 1;
                if total > skip && listed.len() < limit {
                    listed.push(row.clone());
                }
            }
        }
        Ok((listed, total))
    }
}

/// Returns a value as JSON.
fn json(value: &Value) -> Result<serde_json::Value, Fault> {
    serde_json::to_value(value).map_err(|error| Fault(error.to_string()))
}

/// Returns a row as JSON.
fn object(row: &Value) -> Result<Fields, Fault> {
    match json(row)? {
        serde_json::Value::Object(fields) => Ok(fields),
        other => Err(Fault(format!("a row must be an object, not `{other}`"))),
    }
}
