//! Reads columns of a Parquet file batch by batch, so that a trace of millions of rows needs no more
//! memory than one of thousands.
//!
//! Columns are found by name, whatever their order; numbers may be of any width.

use super::error::TraceError;
use parquet::basic::ConvertedType;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of a batch: with features of a dozen backends some megabytes.
const BATCH: usize = 4096;

/// An open Parquet file.
pub(crate) struct ParquetFile {
    path: PathBuf,
    reader: SerializedFileReader<File>,
    /// Position of each column by its outermost name.
    places: HashMap<String, usize>,
}

/// Some rows of the columns that were asked for.
pub(crate) struct Batch {
    pub(crate) rows: usize,
    columns: HashMap<&'static str, Column>,
    nothing: Column,
}

/// Some rows of one column. A null and a value of another type are none.
pub(crate) enum Column {
    Absent,
    Integers(Vec<Option<i64>>),
    Numbers(Vec<Option<f64>>),
    Texts(Vec<Option<Arc<str>>>),
    /// Beginnings of the rows within the values, and the end of the last.
    Lists(Vec<usize>, Vec<f64>),
    /// The same of texts.
    TextLists(Vec<usize>, Vec<Arc<str>>),
}

impl ParquetFile {
    pub(crate) fn open(path: &Path) -> Result<Self, TraceError> {
        let unreadable = |source| TraceError::Unreadable { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let broken = |problem: ParquetError| not_parquet(path, &problem);
        let reader = SerializedFileReader::new(file).map_err(broken)?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let names = schema.columns().iter().enumerate();
        let places = names.map(|(place, column)| (column.path().parts()[0].clone(), place)).collect();
        Ok(Self { path: path.to_owned(), reader, places })
    }

    /// The name of its schema: the kind of its rows.
    pub(crate) fn kind(&self) -> &str {
        self.reader.metadata().file_metadata().schema_descr().name()
    }

    pub(crate) fn has(&self, column: &str) -> bool {
        self.places.contains_key(column)
    }

    /// Refuses a file that lacks one of `columns`.
    pub(crate) fn require(&self, columns: &[&'static str]) -> Result<(), TraceError> {
        let missing: Vec<&'static str> = columns.iter().copied().filter(|column| !self.has(column)).collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(TraceError::MissingColumns { path: self.path.clone(), missing }),
        }
    }

    /// Hands all rows of `columns` to `each`, in the order of the file. Columns that it lacks are absent.
    pub(crate) fn read(
        &self,
        columns: &[&'static str],
        mut each: impl FnMut(&Batch),
    ) -> Result<(), TraceError> {
        let broken = |problem| not_parquet(&self.path, &problem);
        for number in 0..self.reader.num_row_groups() {
            let group = self.reader.get_row_group(number).map_err(broken)?;
            let mut open = self.open_columns(&*group, columns).map_err(broken)?;
            let mut left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            while left > 0 {
                let rows = left.min(BATCH);
                let mut read = HashMap::new();
                for (name, column) in &mut open {
                    read.insert(*name, column.read(rows).map_err(broken)?);
                }
                each(&Batch { rows, columns: read, nothing: Column::Absent });
                left -= rows;
            }
        }
        Ok(())
    }

    /// Hands the first rows of `columns` to `each`, once.
    pub(crate) fn read_first(
        &self,
        columns: &[&'static str],
        each: impl FnOnce(&Batch),
    ) -> Result<(), TraceError> {
        let broken = |problem| not_parquet(&self.path, &problem);
        if self.reader.num_row_groups() == 0 {
            return Ok(());
        }
        let group = self.reader.get_row_group(0).map_err(broken)?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0).min(BATCH);
        let mut read = HashMap::new();
        for (name, mut column) in self.open_columns(&*group, columns).map_err(broken)? {
            read.insert(name, column.read(rows).map_err(broken)?);
        }
        each(&Batch { rows, columns: read, nothing: Column::Absent });
        Ok(())
    }

    fn open_columns(
        &self,
        group: &dyn RowGroupReader,
        columns: &[&'static str],
    ) -> Result<Vec<(&'static str, OpenColumn)>, ParquetError> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        let mut open = Vec::new();
        for name in columns {
            let Some(place) = self.places.get(*name) else { continue };
            let description = schema.column(*place);
            let column = OpenColumn {
                reader: group.get_column_reader(*place)?,
                definition: description.max_def_level(),
                repeated: description.max_rep_level() > 0,
                unsigned: matches!(
                    description.converted_type(),
                    ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32
                ),
                texts: HashSet::new(),
            };
            open.push((*name, column));
        }
        Ok(open)
    }
}

fn not_parquet(path: &Path, problem: &ParquetError) -> TraceError {
    TraceError::NotParquet { path: path.to_owned(), problem: problem.to_string() }
}

/// A column within a row group.
struct OpenColumn {
    reader: ColumnReader,
    /// The definition level of a value that is there.
    definition: i16,
    repeated: bool,
    unsigned: bool,
    /// Texts met so far: names repeat.
    texts: HashSet<Arc<str>>,
}

impl OpenColumn {
    fn read(&mut self, rows: usize) -> Result<Column, ParquetError> {
        let (definition, repeated, unsigned) = (self.definition, self.repeated, self.unsigned);
        Ok(match &mut self.reader {
            ColumnReader::BoolColumnReader(reader) => {
                Levelled::read(reader, rows)?.integers(definition, repeated, i64::from)
            }
            ColumnReader::Int32ColumnReader(reader) => {
                let widen =
                    |value: i32| if unsigned { i64::from(value.cast_unsigned()) } else { i64::from(value) };
                Levelled::read(reader, rows)?.integers(definition, repeated, widen)
            }
            ColumnReader::Int64ColumnReader(reader) => {
                Levelled::read(reader, rows)?.integers(definition, repeated, |value| value)
            }
            ColumnReader::FloatColumnReader(reader) => {
                Levelled::read(reader, rows)?.numbers(definition, repeated, f64::from)
            }
            ColumnReader::DoubleColumnReader(reader) => {
                Levelled::read(reader, rows)?.numbers(definition, repeated, |value| value)
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                let levelled = Levelled::read(reader, rows)?;
                let texts = &mut self.texts;
                let text = |bytes: ByteArray| {
                    let text = String::from_utf8_lossy(bytes.data());
                    if let Some(known) = texts.get(&*text) {
                        return Arc::clone(known);
                    }
                    let text: Arc<str> = text.into();
                    texts.insert(Arc::clone(&text));
                    text
                };
                if repeated {
                    let (beginnings, texts) = levelled.lists(definition, text, "".into());
                    Column::TextLists(beginnings, texts)
                } else {
                    Column::Texts(levelled.flat(definition, text))
                }
            }
            _ => Column::Absent,
        })
    }
}

/// Values with their levels, as Parquet has them (Dremel; Melnik et al., VLDB 2010).
struct Levelled<T> {
    values: Vec<T>,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    records: usize,
}

impl<T> Levelled<T> {
    fn read<D: DataType<T = T>>(reader: &mut ColumnReaderImpl<D>, rows: usize) -> Result<Self, ParquetError> {
        let mut read =
            Self { values: Vec::new(), definitions: Vec::new(), repetitions: Vec::new(), records: 0 };
        while read.records < rows {
            let (records, _, levels) = reader.read_records(
                rows - read.records,
                Some(&mut read.definitions),
                Some(&mut read.repetitions),
                &mut read.values,
            )?;
            if records == 0 && levels == 0 {
                return Err(ParquetError::General("a column has fewer rows than its row group".to_owned()));
            }
            read.records += records;
        }
        Ok(read)
    }

    /// One value or none per row. Without definition levels (a required column) all are there.
    fn flat<U>(self, definition: i16, mut of: impl FnMut(T) -> U) -> Vec<Option<U>> {
        let mut values = self.values.into_iter();
        if definition == 0 {
            return values.map(|value| Some(of(value))).collect();
        }
        let levels = self.definitions.into_iter();
        levels.map(|level| if level == definition { values.next().map(&mut of) } else { None }).collect()
    }

    /// Where the values of each row begin, and all values; `null` in the place of an element that is null.
    fn lists<U: Clone>(self, definition: i16, mut of: impl FnMut(T) -> U, null: U) -> (Vec<usize>, Vec<U>) {
        let mut values = self.values.into_iter();
        let (mut beginnings, mut elements) = (Vec::with_capacity(self.records + 1), Vec::new());
        for (level, repetition) in self.definitions.iter().zip(&self.repetitions) {
            if *repetition == 0 {
                beginnings.push(elements.len());
            }
            if *level == definition {
                elements.extend(values.next().map(&mut of));
            } else if *level == definition - 1 && *repetition > 0 {
                elements.push(null.clone());
            }
        }
        beginnings.push(elements.len());
        (beginnings, elements)
    }
}

impl<T> Levelled<T> {
    fn integers(self, definition: i16, repeated: bool, of: impl Fn(T) -> i64) -> Column {
        match repeated {
            true => Column::of_lists(self.lists(definition, |value| of(value) as f64, f64::NAN)),
            false => Column::Integers(self.flat(definition, of)),
        }
    }

    fn numbers(self, definition: i16, repeated: bool, of: impl Fn(T) -> f64) -> Column {
        match repeated {
            true => Column::of_lists(self.lists(definition, of, f64::NAN)),
            false => Column::Numbers(self.flat(definition, of)),
        }
    }
}

impl Batch {
    pub(crate) fn column(&self, name: &str) -> &Column {
        self.columns.get(name).unwrap_or(&self.nothing)
    }
}

impl Column {
    fn of_lists((beginnings, values): (Vec<usize>, Vec<f64>)) -> Self {
        Self::Lists(beginnings, values)
    }

    pub(crate) fn integer(&self, row: usize) -> Option<i64> {
        match self {
            Self::Integers(values) => values[row],
            _ => None,
        }
    }

    /// A number that is one: infinities and NaN are none.
    pub(crate) fn number(&self, row: usize) -> Option<f64> {
        match self {
            Self::Numbers(values) => values[row].filter(|value| value.is_finite()),
            Self::Integers(values) => values[row].map(|value| value as f64),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, row: usize) -> Option<bool> {
        self.integer(row).map(|value| value != 0)
    }

    pub(crate) fn text(&self, row: usize) -> Option<&Arc<str>> {
        match self {
            Self::Texts(values) => values[row].as_ref(),
            _ => None,
        }
    }

    pub(crate) fn texts(&self, row: usize) -> &[Arc<str>] {
        match self {
            Self::TextLists(beginnings, values) => &values[beginnings[row]..beginnings[row + 1]],
            _ => &[],
        }
    }

    pub(crate) fn list(&self, row: usize) -> &[f64] {
        match self {
            Self::Lists(beginnings, values) => &values[beginnings[row]..beginnings[row + 1]],
            _ => &[],
        }
    }
}
