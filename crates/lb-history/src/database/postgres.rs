//! A history in a database of PostgreSQL.
//!
//! Everything has an end: connecting, waiting for locks, statements, and a connection on which nothing arrives any more.

use super::tls::Tls;
use super::{Database, Row, Value};
use crate::error::Trouble;
use bytes::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, Error, Statement};
use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::mpsc;
use std::time::Duration;

/// How long a statement may take. A run has some thousands of rows, which take seconds at most.
const STATEMENT: Duration = Duration::from_secs(300);

/// How long sent data may stay without an answer before the connection counts as broken.
const SILENCE: Duration = Duration::from_secs(30);

/// The key of the lock that writers of a history take in turn: "bench" in ASCII.
const WRITERS: &str = "SELECT pg_advisory_xact_lock(422826795880)";

/// A connection to a server.
pub(crate) struct Postgres {
    client: Client,
    prepared: HashMap<String, Statement>,
    wait: Duration,
}

impl Postgres {
    /// Connects to a server; gives up after `wait`, unless the URL says otherwise. Locks are waited for as long.
    pub(crate) fn open(url: &str, wait: Duration) -> Result<Self, Trouble> {
        let mut config: Config = url.parse().map_err(|error: Error| {
            Trouble::Refused(format!("{}; use `postgres://USER@HOST/DATABASE`", causes(&error)))
        })?;
        // A limit of zero would mean none.
        let wait = wait.max(Duration::from_millis(1));
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(wait);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE);
        }
        config.keepalives_idle(SILENCE);
        if config.get_application_name().is_none() {
            config.application_name("bench-history");
        }
        let client = connect(config, wait).map_err(|trouble| match trouble {
            Trouble::Gone(problem) | Trouble::Other(problem) => Trouble::Unreachable(problem),
            other => other,
        })?;
        Ok(Self { client, prepared: HashMap::new(), wait })
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, Trouble> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).map_err(|error| trouble(&error, self.wait))?;
        self.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// Connects to a server within `wait`, or the longer time that its URL gives.
fn connect(config: Config, wait: Duration) -> Result<Client, Trouble> {
    let limit = config.get_connect_timeout().map_or(wait, |longer| wait.max(*longer));
    let settings =
        format!("SET lock_timeout = {}; SET statement_timeout = {}", wait.as_millis(), STATEMENT.as_millis());
    // The driver's own limit ends with the TCP connection: it would wait without end for a server that accepts and is silent.
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let connected = config.connect(Tls).and_then(|mut client| {
            client.batch_execute(&settings)?;
            Ok(client)
        });
        // Nobody listens any more if it took too long.
        let _ = sender.send(connected);
    });
    match receiver.recv_timeout(limit) {
        Ok(connected) => connected.map_err(|error| trouble(&error, wait)),
        Err(_) => Err(Trouble::Unreachable(format!("it did not answer within {} s", limit.as_secs_f64()))),
    }
}

impl Database for Postgres {
    fn batch(&mut self, sql: &str) -> Result<(), Trouble> {
        self.client.batch_execute(sql).map_err(|error| trouble(&error, self.wait))
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Trouble> {
        let statement = self.prepare(sql)?;
        self.client.execute(&statement, &parameters(values)).map_err(|error| trouble(&error, self.wait))
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Trouble> {
        let statement = self.prepare(sql)?;
        let read = |row: postgres::Row| {
            let values = (0..row.len()).map(|column| from(&row, column)).collect::<Result<_, Error>>();
            values.map(Row::new)
        };
        let rows = self.client.query(&statement, &parameters(values));
        let rows = rows.and_then(|rows| rows.into_iter().map(read).collect());
        rows.map_err(|error| trouble(&error, self.wait))
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        self.batch(&format!("BEGIN; {WRITERS}"))
    }

    fn has_table(&mut self, name: &str) -> Result<bool, Trouble> {
        let found = "SELECT count(*) FROM pg_catalog.pg_tables \
                     WHERE schemaname = ANY (current_schemas(false)) AND tablename = $1::text";
        let mut rows = self.query(found, &[name.into()])?;
        Ok(rows.first_mut().map_or(Ok(0), Row::integer)? > 0)
    }

    fn dialect(&self, schema: &str) -> String {
        schema.replace("BLOB", "BYTEA")
    }

    fn shrink(&mut self) -> Result<(), Trouble> {
        // Its autovacuum does that.
        Ok(())
    }
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) => number.to_sql(kind, out),
            Self::Real(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Blob(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::FLOAT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}

fn from(row: &postgres::Row, column: usize) -> Result<Value, Error> {
    let value = match *row.columns()[column].type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(column)?.map(Value::Integer),
        Type::FLOAT8 => row.try_get::<_, Option<f64>>(column)?.map(Value::Real),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(column)?.map(Value::Blob),
        _ => row.try_get::<_, Option<String>>(column)?.map(Value::Text),
    };
    Ok(value.unwrap_or(Value::Null))
}

fn trouble(error: &Error, wait: Duration) -> Trouble {
    let Some(state) = error.code() else {
        // Without a state, the server said nothing: the connection failed, or this side refused a value.
        let is_lost = error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>());
        let said = causes(error);
        return if is_lost { Trouble::Gone(said) } else { Trouble::Other(said) };
    };
    let said = causes(error);
    match state.code() {
        // lock_not_available
        "55P03" => Trouble::Locked(wait),
        // disk_full
        "53100" => Trouble::Full,
        // read_only_sql_transaction
        "25006" => Trouble::ReadOnly,
        // admin_shutdown, crash_shutdown
        "57P01" | "57P02" => Trouble::Gone(said),
        // cannot_connect_now, too_many_connections
        "57P03" | "53300" => Trouble::Unreachable(said),
        // The user, the database, and what the user may do.
        code if code.starts_with("28") || code.starts_with("3D") || code == "42501" => Trouble::Refused(said),
        _ => Trouble::Other(said),
    }
}

/// Returns what the server said, or else the error with its causes.
fn causes(error: &Error) -> String {
    match error.as_db_error() {
        Some(said) => said.message().to_owned(),
        None => lb_core::with_causes(error),
    }
}
