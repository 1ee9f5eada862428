//! Values of columns.

use crate::error::Trouble;

/// A value of a column: `BIGINT`, `DOUBLE PRECISION`, `TEXT` or `BLOB`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl From<&str> for Value {
    /// PostgreSQL takes any character but NUL, which is replaced as one that cannot be shown.
    fn from(text: &str) -> Self {
        Self::Text(text.replace('\0', "\u{fffd}"))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<Option<f64>> for Value {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::Null, Self::Real)
    }
}

/// A row of a result. Columns are taken in the order of the query.
#[derive(Debug)]
pub(crate) struct Row {
    values: std::vec::IntoIter<Value>,
}

impl Row {
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self { values: values.into_iter() }
    }

    fn unexpected<T>(kind: &str, found: Option<Value>) -> Result<T, Trouble> {
        Err(Trouble::Other(format!("a column holds {found:?} where {kind} belongs; was it changed by hand?")))
    }

    pub(crate) fn text(&mut self) -> Result<String, Trouble> {
        match self.values.next() {
            Some(Value::Text(text)) => Ok(text),
            other => Self::unexpected("a text", other),
        }
    }

    pub(crate) fn integer(&mut self) -> Result<i64, Trouble> {
        match self.values.next() {
            Some(Value::Integer(number)) => Ok(number),
            other => Self::unexpected("a whole number", other),
        }
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, Trouble> {
        self.integer().map(|number| number != 0)
    }

    pub(crate) fn real(&mut self) -> Result<f64, Trouble> {
        match self.optional_real()? {
            Some(number) => Ok(number),
            None => Self::unexpected("a number", None),
        }
    }

    pub(crate) fn optional_real(&mut self) -> Result<Option<f64>, Trouble> {
        match self.values.next() {
            Some(Value::Real(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            other => Self::unexpected("a number", other),
        }
    }

    pub(crate) fn blob(&mut self) -> Result<Vec<u8>, Trouble> {
        match self.values.next() {
            Some(Value::Blob(bytes)) => Ok(bytes),
            other => Self::unexpected("bytes", other),
        }
    }
}
