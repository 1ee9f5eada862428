//! What a collection of a mock API holds: rows by their ids, in the order in which they came, for each session apart or
//! for all together. Memory is bounded, however long a run lasts and whatever clients send.

use super::file::{IdKind, WhenFull};
use minijinja::Value;
use serde_json::Map;
use std::collections::{BTreeMap, HashMap};

/// The most bytes that the rows of a collection take together, but for the latest.
const MOST_BYTES: usize = 64 << 20;

/// A row as JSON.
pub(super) type Fields = Map<String, serde_json::Value>;

/// The collection is full and refuses new rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A collection of rows.
#[derive(Debug)]
pub(super) struct Collection {
    pub(super) name: String,
    pub(super) ids: IdKind,
    pub(super) per_session: bool,
    pub(super) shape: Shape,
}

/// How much a collection holds, and what it holds at the start.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) most: usize,
    pub(super) when_full: WhenFull,
    /// Rows at the start, by their ids.
    pub(super) initial: Vec<(String, Fields)>,
}

/// The rows of a collection.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// The number that the next row without an id gets.
    next_id: u64,
    /// The age of the next row: rows are numbered as they come.
    next_age: u64,
    bytes: usize,
    shelves: HashMap<String, Shelf>,
    /// The owners of all rows, the oldest first.
    by_age: BTreeMap<u64, String>,
}

/// The rows of one session, or all rows of a collection that sessions share.
#[derive(Debug, Default)]
struct Shelf {
    by_age: BTreeMap<u64, Row>,
    by_id: HashMap<String, u64>,
}

#[derive(Debug)]
struct Row {
    id: String,
    value: Value,
    bytes: usize,
}

impl Rows {
    /// Returns the collection with its initial rows.
    pub(super) fn new(shape: &Shape) -> Self {
        let mut rows = Self { next_id: 1, ..Self::default() };
        for (id, fields) in &shape.initial {
            // More initial rows than a collection holds are refused when the file is loaded.
            let _ = rows.insert(shape, "", id, fields);
            if let Ok(number) = id.parse::<u64>() {
                rows.next_id = rows.next_id.max(number.saturating_add(1));
            }
        }
        rows
    }

    /// Returns the number of rows.
    pub(super) fn len(&self) -> usize {
        self.by_age.len()
    }

    /// Returns an id that no row had before.
    pub(super) fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Returns a row. `owner` is the session, or empty if sessions share the rows.
    pub(super) fn get(&self, owner: &str, id: &str) -> Option<&Value> {
        let shelf = self.shelves.get(owner)?;
        shelf.by_age.get(shelf.by_id.get(id)?).map(|row| &row.value)
    }

    /// Adds a row or puts it in place of the one with the same id, and returns its value.
    pub(super) fn insert(
        &mut self,
        shape: &Shape,
        owner: &str,
        id: &str,
        fields: &Fields,
    ) -> Result<Value, Full> {
        let bytes = 2 * (id.len() + owner.len()) + size_of::<Row>() + weigh_fields(fields);
        let known = self.shelves.get(owner).and_then(|shelf| shelf.by_id.get(id).copied());
        let freed =
            known.and_then(|age| self.shelves.get(owner)?.by_age.get(&age)).map_or(0, |row| row.bytes);
        let is_too_large = |rows: &Self| rows.len() > 0 && rows.bytes + bytes - freed > MOST_BYTES;
        let is_full = |rows: &Self| known.is_none() && rows.len() >= shape.most;
        if shape.when_full == WhenFull::Refuse && (is_full(self) || is_too_large(self)) {
            return Err(Full);
        }
        let age = match known {
            Some(age) => {
                self.remove(owner, id);
                age
            }
            None => {
                self.next_age += 1;
                self.next_age
            }
        };
        while (self.len() >= shape.most || self.len() > 0 && self.bytes + bytes > MOST_BYTES)
            && self.remove_oldest()
        {}
        let value = Value::from_serialize(fields);
        self.bytes += bytes;
        self.by_age.insert(age, owner.to_owned());
        let shelf = self.shelves.entry(owner.to_owned()).or_default();
        shelf.by_id.insert(id.to_owned(), age);
        shelf.by_age.insert(age, Row { id: id.to_owned(), value: value.clone(), bytes });
        Ok(value)
    }

    /// Removes a row and returns it.
    pub(super) fn remove(&mut self, owner: &str, id: &str) -> Option<Value> {
        let shelf = self.shelves.get_mut(owner)?;
        let age = shelf.by_id.remove(id)?;
        let row = shelf.by_age.remove(&age)?;
        if shelf.by_age.is_empty() {
            self.shelves.remove(owner);
        }
        self.by_age.remove(&age);
        self.bytes -= row.bytes;
        Some(row.value)
    }

    /// Returns the rows of an owner, the oldest first.
    pub(super) fn list(&self, owner: &str) -> impl ExactSizeIterator<Item = &Value> {
        static NONE: BTreeMap<u64, Row> = BTreeMap::new();
        self.shelves.get(owner).map_or(&NONE, |shelf| &shelf.by_age).values().map(|row| &row.value)
    }

    /// Removes all rows of an owner and returns them, the oldest first.
    pub(super) fn clear(&mut self, owner: &str) -> Vec<Value> {
        let Some(shelf) = self.shelves.remove(owner) else { return Vec::new() };
        for (age, row) in &shelf.by_age {
            self.by_age.remove(age);
            self.bytes -= row.bytes;
        }
        shelf.by_age.into_values().map(|row| row.value).collect()
    }

    /// Removes the oldest row. Returns whether there was one.
    fn remove_oldest(&mut self) -> bool {
        let Some((age, owner)) = self.by_age.first_key_value().map(|(age, owner)| (*age, owner.clone()))
        else {
            return false;
        };
        let id = self.shelves.get(&owner).and_then(|shelf| shelf.by_age.get(&age)).map(|row| row.id.clone());
        id.is_some_and(|id| self.remove(&owner, &id).is_some())
    }
}

/// Returns about how many bytes a JSON value takes.
fn weigh(value: &serde_json::Value) -> usize {
    size_of::<Value>()
        + match value {
            serde_json::Value::String(text) => text.len(),
            serde_json::Value::Array(items) => items.iter().map(weigh).sum(),
            serde_json::Value::Object(fields) => weigh_fields(fields),
            _ => 0,
        }
}

fn weigh_fields(fields: &Fields) -> usize {
    fields.iter().map(|(name, value)| size_of::<Value>() + name.len() + weigh(value)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shape(most: usize, when_full: WhenFull) -> Shape {
        Shape { most, when_full, initial: Vec::new() }
    }

    fn fields(value: serde_json::Value) -> Fields {
        match value {
            serde_json::Value::Object(fields) => fields,
            other => panic!("{other} is no object"),
        }
    }

    fn numbered(number: usize) -> Fields {
        fields(json!({ "id": number, "text": "x" }))
    }

    fn ids(rows: &Rows, owner: &str) -> Vec<String> {
        rows.list(owner).map(|row| row.get_attr("id").expect("rows have ids").to_string()).collect()
    }

    #[test]
    fn the_oldest_row_leaves_a_full_collection_and_a_changed_one_keeps_its_place() {
        let shape = shape(3, WhenFull::DropOldest);
        let mut rows = Rows::new(&shape);
        for number in [1, 2, 3, 2, 4] {
            rows.insert(&shape, "", &number.to_string(), &numbered(number)).expect("the oldest leaves");
        }
        assert_eq!(ids(&rows, ""), ["2", "3", "4"]);
        assert!(rows.get("", "1").is_none());
        for id in ["2", "3", "4"] {
            assert!(rows.remove("", id).is_some());
        }
        assert_eq!((rows.len(), rows.bytes, rows.shelves.len()), (0, 0, 0), "nothing is counted twice");
    }

    #[test]
    fn a_collection_can_refuse_new_rows_and_still_changes_old_ones() {
        let shape = shape(2, WhenFull::Refuse);
        let mut rows = Rows::new(&shape);
        for number in [1, 2] {
            assert!(rows.insert(&shape, "", &number.to_string(), &numbered(number)).is_ok());
        }
        assert_eq!(rows.insert(&shape, "", "3", &numbered(3)), Err(Full));
        assert!(rows.insert(&shape, "", "2", &numbered(2)).is_ok());
        assert_eq!(ids(&rows, ""), ["1", "2"]);
    }

    #[test]
    fn sessions_have_rows_of_their_own_and_one_limit_for_all() {
        let shape = shape(3, WhenFull::DropOldest);
        let mut rows = Rows::new(&shape);
        for (owner, number) in [("a", 1), ("b", 1), ("a", 2), ("b", 2)] {
            rows.insert(&shape, owner, &number.to_string(), &numbered(number)).expect("there is room");
        }
        assert_eq!(
            (ids(&rows, "a"), ids(&rows, "b")),
            (vec!["2".to_owned()], vec!["1".to_owned(), "2".to_owned()])
        );
        assert_eq!(rows.clear("b").len(), 2);
        assert_eq!((rows.len(), ids(&rows, "b").len()), (1, 0));
    }

    #[test]
    fn large_rows_push_out_old_ones() {
        let shape = shape(1_000, WhenFull::DropOldest);
        let mut rows = Rows::new(&shape);
        let large = "x".repeat(MOST_BYTES / 4);
        for number in 0..10 {
            let fields = fields(json!({ "id": number, "text": large }));
            rows.insert(&shape, "", &number.to_string(), &fields).expect("the oldest leaves");
        }
        assert_eq!(ids(&rows, ""), ["7", "8", "9"]);
        assert!(rows.bytes <= MOST_BYTES, "{} bytes", rows.bytes);
    }

    #[test]
    fn new_ids_come_after_those_of_the_initial_rows() {
        let initial = vec![("7".to_owned(), numbered(7)), ("x".to_owned(), fields(json!({ "id": "x" })))];
        let mut rows = Rows::new(&Shape { most: 10, when_full: WhenFull::Refuse, initial });
        assert_eq!((rows.new_id(), rows.new_id(), rows.len()), (8, 9, 2));
    }
}
