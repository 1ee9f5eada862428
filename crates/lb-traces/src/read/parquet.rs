//! Reads columns of a Parquet file batch by batch, so that a trace of millions of rows takes the same
//! memory as one of thousands.
//!
//! Columns are found by name, so their order does not matter; numbers may be of any width.

use super::bounded::{Bounded, BoundedPages, Budget};
use super::error::TraceError;
use super::panics::caught;
use crate::format::Column;
use bytes::Bytes;
use parquet::basic::ConvertedType;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows per batch; with features of a dozen backends this takes a few megabytes.
const BATCH: usize = 4096;

/// An open Parquet file.
pub struct ParquetFile {
    path: PathBuf,
    /// The most values that are read from it.
    values: u64,
    reader: Box<dyn FileReader>,
    /// Index of each column by its outermost name.
    places: HashMap<String, usize>,
}

/// A batch of rows of the requested columns.
pub struct Batch {
    /// Number of rows in the batch.
    pub rows: usize,
    columns: HashMap<Column, Values>,
    nothing: Values,
}

/// The values of one column in a batch. A null is `None`, and so is a value requested as another type.
pub enum Values {
    /// The file lacks the column, or it has a type that traces do not use.
    Absent,
    /// Whole numbers of any width; flags are 0 and 1.
    Integers(Vec<Option<i64>>),
    /// Floating-point numbers of single or double precision.
    Numbers(Vec<Option<f64>>),
    /// Strings; equal ones share their memory.
    Texts(Vec<Option<Arc<str>>>),
    /// Lists of numbers or flags: the offset of each row within the values, followed by the end of the last
    /// row, and the values. A null element is NaN.
    Lists(Vec<usize>, Vec<f64>),
    /// Lists of texts in the same form. A null element is an empty text.
    TextLists(Vec<usize>, Vec<Arc<str>>),
}

impl ParquetFile {
    /// Opens the file and reads its footer.
    ///
    /// # Errors
    /// When the file cannot be read, is not Parquet, or was cut off.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        let unreadable = |source| TraceError::Unreadable { path: path.to_owned(), source };
        Self::of(path, lb_io::open(path).map_err(unreadable)?)
    }

    /// Opens a file whose content is in memory; `path` is used in messages.
    ///
    /// # Errors
    /// When the content is not Parquet, or was cut off.
    pub fn from_bytes(path: &Path, content: Bytes) -> Result<Self, TraceError> {
        Self::of(path, content)
    }

    /// Reads no more than so many values of the file, even if its length allows more.
    #[must_use]
    pub fn limited_to(self, values: u64) -> Self {
        Self { values: self.values.min(values), ..self }
    }

    fn of(path: &Path, content: impl ChunkReader + 'static) -> Result<Self, TraceError> {
        let values = Budget::values_of_file(content.len());
        let reader = decoded(path, || Bounded::new(content).and_then(SerializedFileReader::new))?;
        let reader: Box<dyn FileReader> = Box::new(reader);
        let schema = reader.metadata().file_metadata().schema_descr();
        let names = schema.columns().iter().enumerate();
        let places = names.map(|(place, column)| (column.path().parts()[0].clone(), place)).collect();
        Ok(Self { path: path.to_owned(), values, reader, places })
    }

    /// Returns the name of the file's schema, which distinguishes traces ([`crate::format::MESSAGE`]) from
    /// other files.
    pub fn kind(&self) -> &str {
        self.reader.metadata().file_metadata().schema_descr().name()
    }

    /// Returns whether the file has `column`.
    pub fn has(&self, column: Column) -> bool {
        self.places.contains_key(column.name())
    }

    /// Checks that the file has all of `columns`.
    ///
    /// # Errors
    /// [`TraceError::MissingColumns`] with the names of all missing columns.
    pub fn require(&self, columns: &[Column]) -> Result<(), TraceError> {
        let missing = columns.iter().filter(|column| !self.has(**column));
        let missing: Vec<&'static str> = missing.map(|column| column.name()).collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(TraceError::MissingColumns { path: self.path.clone(), missing }),
        }
    }

    /// Passes all rows of `columns` to `each`, in file order. Columns that the file lacks are
    /// [`Values::Absent`].
    ///
    /// # Errors
    /// When the file cannot be decoded.
    pub fn read(&self, columns: &[Column], mut each: impl FnMut(&Batch)) -> Result<(), TraceError> {
        let budget = Budget::new(self.values);
        for number in 0..self.reader.num_row_groups() {
            let group = decoded(&self.path, || self.reader.get_row_group(number))?;
            let mut open = self.open_columns(&*group, columns, &budget)?;
            let mut left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            while left > 0 {
                let rows = left.min(BATCH);
                let batch = self.batch(&mut open, rows)?;
                // Otherwise nothing would bound the number of rows that the file claims to have.
                if batch.columns.values().all(|values| matches!(values, Values::Absent)) {
                    let problem = "none of its columns has a type that traces use".to_owned();
                    return Err(TraceError::NotParquet { path: self.path.clone(), problem });
                }
                each(&batch);
                left -= rows;
            }
        }
        Ok(())
    }

    /// Passes the first batch of `columns` to `each`, once. Does not call `each` if there are no rows.
    ///
    /// # Errors
    /// When the file cannot be decoded.
    pub fn read_first(&self, columns: &[Column], each: impl FnOnce(&Batch)) -> Result<(), TraceError> {
        if self.reader.num_row_groups() == 0 {
            return Ok(());
        }
        let group = decoded(&self.path, || self.reader.get_row_group(0))?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0).min(BATCH);
        let budget = Budget::new(self.values);
        each(&self.batch(&mut self.open_columns(&*group, columns, &budget)?, rows)?);
        Ok(())
    }

    /// Reads the next `rows` of the open columns.
    fn batch(&self, open: &mut [(Column, OpenColumn)], rows: usize) -> Result<Batch, TraceError> {
        let mut columns = HashMap::new();
        for (name, column) in open {
            columns.insert(*name, decoded(&self.path, || column.read(rows))?);
        }
        Ok(Batch { rows, columns, nothing: Values::Absent })
    }

    fn open_columns(
        &self,
        group: &dyn RowGroupReader,
        columns: &[Column],
        budget: &Budget,
    ) -> Result<Vec<(Column, OpenColumn)>, TraceError> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        let mut open = Vec::new();
        for name in columns {
            let Some(place) = self.places.get(name.name()) else { continue };
            let description = schema.column(*place);
            let column = OpenColumn {
                reader: decoded(&self.path, || {
                    let pages = BoundedPages::new(group.get_column_page_reader(*place)?, budget.clone());
                    Ok(get_column_reader(Arc::clone(&description), Box::new(pages)))
                })?,
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

/// Calls the decoder; an error or a panic of it means that the file is broken.
fn decoded<T>(path: &Path, decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, TraceError> {
    let result = caught(decode).and_then(|decoded| decoded.map_err(|problem| problem.to_string()));
    result.map_err(|problem| TraceError::NotParquet { path: path.to_owned(), problem })
}

/// A column within a row group.
struct OpenColumn {
    reader: ColumnReader,
    /// The definition level of a value that is not null.
    definition: i16,
    repeated: bool,
    unsigned: bool,
    /// Texts read so far, kept because names repeat.
    texts: HashSet<Arc<str>>,
}

impl OpenColumn {
    fn read(&mut self, rows: usize) -> Result<Values, ParquetError> {
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
                    Values::TextLists(beginnings, texts)
                } else {
                    Values::Texts(levelled.flat(definition, text))
                }
            }
            _ => Values::Absent,
        })
    }
}

/// Values with their levels, as stored by Parquet (Dremel; Melnik et al., VLDB 2010).
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

    /// Returns one optional value per row. Without definition levels (a required column) no value is null.
    fn flat<U>(self, definition: i16, mut of: impl FnMut(T) -> U) -> Vec<Option<U>> {
        let mut values = self.values.into_iter();
        if definition == 0 {
            return values.map(|value| Some(of(value))).collect();
        }
        let levels = self.definitions.into_iter();
        levels.map(|level| if level == definition { values.next().map(&mut of) } else { None }).collect()
    }

    /// Returns the offset of each row within the values, and all values, with `null` in place of null
    /// elements.
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
    fn integers(self, definition: i16, repeated: bool, of: impl Fn(T) -> i64) -> Values {
        match repeated {
            true => Values::of_lists(self.lists(definition, |value| of(value) as f64, f64::NAN)),
            false => Values::Integers(self.flat(definition, of)),
        }
    }

    fn numbers(self, definition: i16, repeated: bool, of: impl Fn(T) -> f64) -> Values {
        match repeated {
            true => Values::of_lists(self.lists(definition, of, f64::NAN)),
            false => Values::Numbers(self.flat(definition, of)),
        }
    }
}

impl Batch {
    /// Returns the values of a requested column; absent if the file lacks it.
    pub fn column(&self, column: Column) -> &Values {
        self.columns.get(&column).unwrap_or(&self.nothing)
    }
}

impl Values {
    fn of_lists((beginnings, values): (Vec<usize>, Vec<f64>)) -> Self {
        Self::Lists(beginnings, values)
    }

    /// Returns the whole number or flag of a row.
    pub fn integer(&self, row: usize) -> Option<i64> {
        match self {
            Self::Integers(values) => values.get(row).copied().flatten(),
            _ => None,
        }
    }

    /// Returns the number of a row; infinities and NaN are `None`.
    pub fn number(&self, row: usize) -> Option<f64> {
        match self {
            Self::Numbers(values) => values.get(row).copied().flatten().filter(|value| value.is_finite()),
            Self::Integers(_) => self.integer(row).map(|value| value as f64),
            _ => None,
        }
    }

    /// Returns the flag of a row.
    pub fn flag(&self, row: usize) -> Option<bool> {
        self.integer(row).map(|value| value != 0)
    }

    /// Returns the text of a row.
    pub fn text(&self, row: usize) -> Option<&Arc<str>> {
        match self {
            Self::Texts(values) => values.get(row)?.as_ref(),
            _ => None,
        }
    }

    /// Returns the list of texts of a row; empty if there is none.
    pub fn texts(&self, row: usize) -> &[Arc<str>] {
        match self {
            Self::TextLists(beginnings, values) => element(beginnings, values, row),
            _ => &[],
        }
    }

    /// Returns the list of numbers or flags of a row; empty if there is none.
    pub fn list(&self, row: usize) -> &[f64] {
        match self {
            Self::Lists(beginnings, values) => element(beginnings, values, row),
            _ => &[],
        }
    }
}

/// Returns the elements of the list in a row; none if the levels of the file do not describe that row.
fn element<'a, T>(beginnings: &[usize], values: &'a [T], row: usize) -> &'a [T] {
    match beginnings.get(row..row + 2) {
        Some([from, to]) => values.get(*from..*to).unwrap_or_default(),
        _ => &[],
    }
}
