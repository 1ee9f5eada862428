//! A history in a file of SQLite.

use super::{Database, Row, Value};
use crate::error::Trouble;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, params_from_iter, types};
use std::path::Path;
use std::time::Duration;

/// A connection to a file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    connection: Connection,
    wait: Duration,
}

impl Sqlite {
    /// Opens a file, which is created if it is not there; its folder as well. Waits this long where another program holds a
    /// lock.
    pub(crate) fn open(path: &Path, wait: Duration) -> Result<Self, Trouble> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| {
                Trouble::Other(format!("failed to create `{}`: {error}", folder.display()))
            })?;
        }
        let open = || {
            let connection = Connection::open(path)?;
            connection.busy_timeout(wait)?;
            // Rows of a run go with it. The file is read by this, so what is no database is found here.
            connection.execute_batch("PRAGMA foreign_keys = ON; SELECT count(*) FROM sqlite_master;")?;
            Ok(connection)
        };
        let connection = open().map_err(|error| trouble(&error, wait))?;
        Ok(Self { connection, wait })
    }

    fn told(&self, error: rusqlite::Error) -> Trouble {
        trouble(&error, self.wait)
    }
}

impl Database for Sqlite {
    fn batch(&mut self, sql: &str) -> Result<(), Trouble> {
        self.connection.execute_batch(sql).map_err(|error| self.told(error))
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Trouble> {
        let execute =
            || self.connection.prepare_cached(sql)?.execute(params_from_iter(values.iter().map(into)));
        execute().map(|count| count as u64).map_err(|error| self.told(error))
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Trouble> {
        let query = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let columns = statement.column_count();
            let mut found = statement.query(params_from_iter(values.iter().map(into)))?;
            let mut rows = Vec::new();
            while let Some(row) = found.next()? {
                let values = (0..columns).map(|column| row.get_ref(column).map(from));
                rows.push(Row::new(values.collect::<Result<_, _>>()?));
            }
            Ok(rows)
        };
        query().map_err(|error| self.told(error))
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        self.batch("BEGIN IMMEDIATE")
    }

    fn has_table(&mut self, name: &str) -> Result<bool, Trouble> {
        let found = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = $1";
        Ok(!self.query(found, &[name.into()])?.is_empty())
    }

    fn dialect(&self, schema: &str) -> String {
        schema.to_owned()
    }

    fn shrink(&mut self) -> Result<(), Trouble> {
        self.batch("VACUUM")
    }
}

fn into(value: &Value) -> types::Value {
    match value {
        Value::Null => types::Value::Null,
        Value::Integer(number) => types::Value::Integer(*number),
        Value::Real(number) => types::Value::Real(*number),
        Value::Text(text) => types::Value::Text(text.clone()),
        Value::Blob(bytes) => types::Value::Blob(bytes.clone()),
    }
}

fn from(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

fn trouble(error: &rusqlite::Error, wait: Duration) -> Trouble {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Trouble::Locked(wait),
        Some(ErrorCode::DiskFull) => Trouble::Full,
        Some(ErrorCode::NotADatabase) => Trouble::NotADatabase,
        Some(ErrorCode::ReadOnly) => Trouble::ReadOnly,
        _ => Trouble::Other(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::atomically;

    #[test]
    fn a_full_disk_is_told_and_the_transaction_leaves_nothing() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut database = Sqlite::open(&dir.path().join("h.db"), Duration::ZERO).expect("a new file");
        database.batch("CREATE TABLE t (x TEXT); PRAGMA max_page_count = 4").expect("it is small");
        let filled = atomically(&mut database, |database| -> Result<(), Trouble> {
            for _ in 0..100 {
                database.execute("INSERT INTO t (x) VALUES ($1)", &["x".repeat(1_000).into()])?;
            }
            Ok(())
        });
        assert_eq!(filled, Err(Trouble::Full));
        let mut rows = database.query("SELECT count(*) FROM t", &[]).expect("it can be read");
        assert_eq!(rows[0].integer(), Ok(0));
    }
}
