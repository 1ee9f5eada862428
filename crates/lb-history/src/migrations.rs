//! The versions of the schema, and the way from each to the next.

use crate::database::{Database, Row, Value, atomically};
use crate::error::{HistoryError, Trouble};

/// The steps: the first makes a new schema, each further one changes that of the version before. A step that was released
/// never changes.
const STEPS: [&str; 2] = [include_str!("../migrations/1.sql"), include_str!("../migrations/2.sql")];

/// The table of versions: a row for each step that was taken.
const VERSIONS: &str =
    "CREATE TABLE IF NOT EXISTS bench_schema (version BIGINT PRIMARY KEY, applied_at TEXT NOT NULL)";

/// The version of the schema that this program reads and writes.
pub(crate) const CURRENT: i64 = STEPS.len() as i64;

/// Brings a database to the current version.
///
/// # Errors
/// The database has a newer version, or a step fails; then it is as it was.
pub(crate) fn migrate(database: &mut dyn Database, history: &str) -> Result<(), HistoryError> {
    let failed = |trouble| HistoryError::Database { history: history.to_owned(), trouble };
    let mut found = version(database).map_err(failed)?;
    if found < CURRENT {
        // Another process may do the same: whoever comes second finds the work done.
        found = atomically(database, upgrade).map_err(failed)?;
    }
    match found > CURRENT {
        true => Err(HistoryError::Newer { history: history.to_owned(), found, known: CURRENT }),
        false => Ok(()),
    }
}

fn upgrade(database: &mut dyn Database) -> Result<i64, Trouble> {
    let found = version(database)?;
    if found == 0 {
        database.batch(VERSIONS)?;
    }
    let now = jiff::Timestamp::now().to_string();
    for (version, step) in (1..).zip(STEPS).filter(|(version, _)| *version > found) {
        let step = database.dialect(step);
        database.batch(&step)?;
        let row = [Value::Integer(version), now.as_str().into()];
        database.execute("INSERT INTO bench_schema (version, applied_at) VALUES ($1, $2)", &row)?;
    }
    Ok(found.max(CURRENT))
}

/// Returns the version of a database; 0 if it holds no history yet.
fn version(database: &mut dyn Database) -> Result<i64, Trouble> {
    if !database.has_table("bench_schema")? {
        return Ok(0);
    }
    let mut rows = database.query("SELECT version FROM bench_schema ORDER BY version DESC LIMIT 1", &[])?;
    rows.first_mut().map_or(Ok(0), Row::integer)
}
