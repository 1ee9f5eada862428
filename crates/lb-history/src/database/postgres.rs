//! A history in a database of PostgreSQL.
//!
//! Everything has an end: connecting, waiting for locks, statements, and a server that says nothing any more. The driver waits
//! without end for a server that is there and silent, such as one that was stopped in the middle of a statement; so the
//! connection lives in a thread of its own, which is left behind if it does not answer in time.

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

/// How long a statement may take, unless the URL says otherwise (`?options=-c statement_timeout=...`). A run has some thousands of
/// rows, which take seconds at most.
const STATEMENT: Duration = Duration::from_secs(300);

/// How long sent data may stay without an answer before the connection counts as broken.
const SILENCE: Duration = Duration::from_secs(30);

/// How much longer than a statement may take its answer is waited for: the server ends it first, if it can.
const GRACE: Duration = Duration::from_secs(5);

/// The key of the lock that writers of a history take in turn: "bench" in ASCII.
const WRITERS: &str = "SELECT pg_advisory_xact_lock(422826795880)";

/// A connection to a server, in a thread of its own.
pub(crate) struct Postgres {
    work: mpsc::Sender<Work>,
    /// How long an answer may take.
    limit: Duration,
    /// Whether an answer took longer. Then nobody asks again: what the server did last is unknown.
    is_silent: bool,
}

/// Something to do with the connection.
type Work = Box<dyn FnOnce(&mut Connected) + Send>;

/// The connection.
struct Connected {
    client: Client,
    prepared: HashMap<String, Statement>,
    wait: Duration,
    limit: Duration,
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
        let patience = config.get_connect_timeout().map_or(wait, |longer| wait.max(*longer));
        let (connecting, connected) = mpsc::channel();
        let (work, waiting) = mpsc::channel::<Work>();
        // The driver's own limit ends with the TCP connection: it would wait without end for a server that accepts and is silent.
        std::thread::spawn(move || match Connected::to(&config, wait) {
            Ok(mut connection) => {
                if connecting.send(Ok(connection.limit)).is_ok() {
                    waiting.into_iter().for_each(|work| work(&mut connection));
                }
            }
            // Nobody listens any more if it took too long.
            Err(error) => drop(connecting.send(Err(trouble(&error, wait, STATEMENT)))),
        });
        match connected.recv_timeout(patience) {
            Ok(Ok(limit)) => Ok(Self { work, limit: limit + GRACE, is_silent: false }),
            Ok(Err(Trouble::Gone(problem) | Trouble::Other(problem))) => Err(Trouble::Unreachable(problem)),
            Ok(Err(trouble)) => Err(trouble),
            Err(_) => {
                let problem = format!("it did not answer within {} s", patience.as_secs_f64());
                Err(Trouble::Unreachable(problem))
            }
        }
    }

    /// Does something with the connection, and waits for the answer as long as it may take.
    fn ask<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Connected) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Trouble> {
        if self.is_silent {
            return Err(Trouble::Silent(self.limit));
        }
        let (sender, answer) = mpsc::channel();
        let work: Work = Box::new(move |connected| {
            let done = work(connected);
            let _ = sender.send(done.map_err(|error| trouble(&error, connected.wait, connected.limit)));
        });
        let answered = self.work.send(work).ok().and_then(|()| answer.recv_timeout(self.limit).ok());
        self.is_silent = answered.is_none();
        answered.unwrap_or(Err(Trouble::Silent(self.limit)))
    }
}

impl Connected {
    fn to(config: &Config, wait: Duration) -> Result<Self, Error> {
        let mut client = config.connect(Tls)?;
        client.batch_execute(&format!("SET lock_timeout = {}", wait.as_millis()))?;
        if !config.get_options().is_some_and(|options| options.contains("statement_timeout")) {
            client.batch_execute(&format!("SET statement_timeout = {}", STATEMENT.as_millis()))?;
        }
        let set = "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'statement_timeout'";
        let millis: String = client.query_one(set, &[])?.try_get(0)?;
        let limit = millis.parse().ok().filter(|millis| *millis > 0).map_or(STATEMENT, Duration::from_millis);
        Ok(Self { client, prepared: HashMap::new(), wait, limit })
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql)?;
        self.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Database for Postgres {
    fn batch(&mut self, sql: &str) -> Result<(), Trouble> {
        let sql = sql.to_owned();
        self.ask(move |connected| connected.client.batch_execute(&sql))
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Trouble> {
        let (sql, values) = (sql.to_owned(), values.to_vec());
        self.ask(move |connected| {
            let statement = connected.prepare(&sql)?;
            connected.client.execute(&statement, &parameters(&values))
        })
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Trouble> {
        let (sql, values) = (sql.to_owned(), values.to_vec());
        self.ask(move |connected| {
            let statement = connected.prepare(&sql)?;
            let read = |row: postgres::Row| {
                let values = (0..row.len()).map(|column| from(&row, column)).collect::<Result<_, Error>>();
                values.map(Row::new)
            };
            let rows = connected.client.query(&statement, &parameters(&values))?;
            rows.into_iter().map(read).collect()
        })
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

/// Says what is wrong. `wait` is how long locks are waited for, `limit` how long a statement may take.
fn trouble(error: &Error, wait: Duration, limit: Duration) -> Trouble {
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
        // query_canceled: by statement_timeout, unless an operator did it.
        "57014" if said.contains("statement timeout") => Trouble::Slow(limit),
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
