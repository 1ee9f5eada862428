//! Training curves as CSV (RFC 4180): `step,wall_s,seed` and a column for each value. A missing value is an
//! empty field.

use super::{CurvesError, Update};
use csv::{ReaderBuilder, StringRecord, Writer};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The columns that every row has.
const FIXED: [&str; 3] = ["step", "wall_s", "seed"];

/// An open table.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    columns: Vec<String>,
    writer: Writer<File>,
}

impl Table {
    /// Creates an empty table, replacing any existing file.
    pub(super) fn create(path: &Path, columns: &[&str]) -> Result<Self, CurvesError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(CurvesError::io("make the folder of", path))?;
        }
        let file = File::create(path).map_err(CurvesError::io("create", path))?;
        let mut table = Self::over(path, columns, file);
        table.record(FIXED.iter().chain(columns).copied())?;
        Ok(table)
    }

    /// Opens an existing table with the same columns and removes the rows for which `keep` is false. The new
    /// table replaces the old one atomically.
    pub(super) fn resume(
        path: &Path,
        columns: &[&str],
        keep: impl Fn(&Update) -> bool,
    ) -> Result<Self, CurvesError> {
        let (found, rows) = read(path)?;
        if found != columns {
            let fault = format!(
                "has the columns `{}`, but this run writes `{}`; use another folder",
                found.join(","),
                columns.join(",")
            );
            return Err(CurvesError::Table { path: path.to_owned(), fault });
        }
        let new = path.with_extension("csv.new");
        let mut table = Self::create(&new, columns)?;
        for row in rows.iter().filter(|row| keep(row)) {
            table.write(row)?;
        }
        fs::rename(&new, path).map_err(CurvesError::io("replace", path))?;
        let file = OpenOptions::new().append(true).open(path).map_err(CurvesError::io("open", path))?;
        Ok(Self::over(path, columns, file))
    }

    fn over(path: &Path, columns: &[&str], file: File) -> Self {
        let columns = columns.iter().map(ToString::to_string).collect();
        Self { path: path.to_owned(), columns, writer: Writer::from_writer(file) }
    }

    /// Writes one row and flushes it.
    pub(super) fn write(&mut self, update: &Update) -> Result<(), CurvesError> {
        if let Some((name, _)) = update.values.iter().find(|(name, _)| !self.columns.contains(name)) {
            let columns = self.columns.join(", ");
            return Err(CurvesError::UnknownColumn { name: name.clone(), columns });
        }
        let fixed = [update.step.to_string(), number(update.wall_s), update.seed.to_string()];
        let value = |column: &String| {
            let found = update.values.iter().find(|(name, _)| name == column);
            found.map(|(_, value)| number(*value)).unwrap_or_default()
        };
        let values: Vec<String> = self.columns.iter().map(value).collect();
        self.record(fixed.into_iter().chain(values))
    }

    fn record<T: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = T>) -> Result<(), CurvesError> {
        let written = self.writer.write_record(fields).map_err(io::Error::from);
        written.and_then(|()| self.writer.flush()).map_err(CurvesError::io("write", &self.path))
    }
}

/// Formats a number as the shortest text that parses to the same value, with an exponent if it is very large
/// or small.
fn number(value: f64) -> String {
    format!("{value:?}")
}

/// Reads a table: the names of the values, and the rows.
///
/// An incomplete last line is ignored, because it is left by a run that was killed while writing.
///
/// # Errors
/// Fails if the file cannot be read or is not a table of training curves.
pub fn read(path: &Path) -> Result<(Vec<String>, Vec<Update>), CurvesError> {
    let text = fs::read_to_string(path).map_err(CurvesError::io("read", path))?;
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let fault = |fault: String| CurvesError::Table { path: path.to_owned(), fault };

    let mut reader = ReaderBuilder::new().from_reader(whole.as_bytes());
    let header = reader.headers().map_err(|error| fault(format!("cannot be read: {error}")))?;
    if !header.iter().zip(FIXED).all(|(found, expected)| found == expected) || header.len() < FIXED.len() {
        return Err(fault(format!("does not begin with the columns `{}`", FIXED.join(","))));
    }
    let columns: Vec<String> = header.iter().skip(FIXED.len()).map(str::to_owned).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| fault(format!("cannot be read: {error}")))?;
        rows.push(row(&columns, &record).map_err(fault)?);
    }
    Ok((columns, rows))
}

/// Parses one row, or returns what is wrong with it.
fn row(columns: &[String], record: &StringRecord) -> Result<Update, String> {
    let field = |index: usize| record.get(index).unwrap_or_default();
    let line = record.position().map_or(0, csv::Position::line);
    let wrong =
        |column: &str, text: &str| format!("has `{text}` for `{column}` in line {line}, not a number");
    let whole = |index: usize| field(index).parse().map_err(|_| wrong(FIXED[index], field(index)));
    let number = |column: &str, text: &str| text.parse::<f64>().map_err(|_| wrong(column, text));

    let mut values = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let text = field(FIXED.len() + index);
        if !text.is_empty() {
            values.push((column.clone(), number(column, text)?));
        }
    }
    Ok(Update { step: whole(0)?, wall_s: number(FIXED[1], field(1))?, seed: whole(2)?, values })
}
