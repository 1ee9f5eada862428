//! The contract that both databases fulfil, and the values that go in and come out.
//!
//! Statements have parameters `$1`, `$2` and so on, which first appear in this order: SQLite numbers them as they appear.

pub(crate) mod postgres;
pub(crate) mod sqlite;
mod tls;
mod value;

use crate::error::Trouble;
pub(crate) use value::{Row, Value};

/// A connection to a database.
pub(crate) trait Database {
    /// Runs statements without parameters.
    fn batch(&mut self, sql: &str) -> Result<(), Trouble>;

    /// Runs a statement and returns how many rows it changed.
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Trouble>;

    /// Runs a query.
    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Trouble>;

    /// Begins a transaction that no other writer disturbs; waits for those that are there, as long as the connection may.
    fn begin(&mut self) -> Result<(), Trouble>;

    /// Returns whether there is a table of this name.
    fn has_table(&mut self, name: &str) -> Result<bool, Trouble>;

    /// Makes the schema's types those of this database.
    fn dialect(&self, schema: &str) -> String;

    /// Gives room that deleted rows took back to the system, if that is worth while.
    fn shrink(&mut self) -> Result<(), Trouble>;
}

/// Does all of `work` in one transaction, or nothing.
pub(crate) fn atomically<T, E: From<Trouble>>(
    database: &mut dyn Database,
    work: impl FnOnce(&mut dyn Database) -> Result<T, E>,
) -> Result<T, E> {
    database.begin()?;
    let done = work(database).and_then(|done| {
        database.batch("COMMIT")?;
        Ok(done)
    });
    if done.is_err() {
        // What failed is more telling than why it could not be rolled back: the database does that when the connection ends.
        let _ = database.batch("ROLLBACK");
    }
    done
}
