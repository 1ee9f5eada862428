//! Reads columns of a Parquet file batch by batch, so that a trace of millions of rows takes the same
//! memory as one of thousands.
//!
//! Columns are found by name, so their order does not matter; numbers may be of any width.

use super::error::TraceError;
use crate::format::Column;
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
pub struct ParquetFile {
    path: PathBuf,
    reader: SerializedFileReader<File>,
    /// Position of each column by its outermost name.
    places: HashMap<String, usize>,
}

/// Some rows of the columns that were asked for.
pub struct Batch {
    /// Number of rows in the batch.
    pub rows: usize,
    columns: HashMap<Column, Values>,
    nothing: Values,
}

/// Some rows of one column. A null is `None`, and so is every value that is asked for as another type.
pub enum Values {
    /// The file lacks the column, or it has a type that traces do not use.
    Absent,
    /// Whole numbers of any width; flags are 0 and 1.
    Integers(Vec<Option<i64>>),
    /// Floating-point numbers of single or double precision.
    Numbers(Vec<Option<f64>>),
    /// Strings; equal ones share their memory.
    Texts(Vec<Option<Arc<str>>>),
    /// Lists of numbers or flags: where each row begins within the values and where the last ends, and the
    /// values. An element that is null is NaN.
    Lists(Vec<usize>, Vec<f64>),
    /// Lists of texts in the same form. An element that is null is empty.
    TextLists(Vec<usize>, Vec<Arc<str>>),
}

impl ParquetFile {
    /// Opens the file and reads its footer.
    ///
    /// # Errors
    /// The file cannot be read, or is not Parquet, or was cut off.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        let unreadable = |source| TraceError::Unreadable { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let broken = |problem: ParquetError| not_parquet(path, &problem);
        let reader = SerializedFileReader::new(file).map_err(broken)?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let names = schema.columns().iter().enumerate();
        let places = names.map(|(place, column)| (column.path().parts()[0].clone(), place)).collect();
        Ok(Self { path: path.to_owned(), reader, places })
    }

    /// The name of its schema, which sets traces ([`crate::format::MESSAGE`]) apart from other files.
    pub fn kind(&self) -> &str {
        self.reader.metadata().file_metadata().schema_descr().name()
    }

    /// Whether the file has `column`.
    pub fn has(&self, column: Column) -> bool {
        self.places.contains_key(column.name())
    }

    /// Checks that the file has all of `columns`.
    ///
    /// # Errors
    /// [`TraceError::MissingColumns`] with the names of all that are missing.
    pub fn require(&self, columns: &[Column]) -> Result<(), TraceError> {
        let missing = columns.iter().filter(|column| !self.has(**column));
        let missing: Vec<&'static str> = missing.map(|column| column.name()).collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(TraceError::MissingColumns { path: self.path.clone(), missing }),
        }
    }

    /// Passes all rows of `columns` to `each`, in file order. Columns the file lacks are [`Values::Absent`].
    ///
    /// # Errors
    /// The file cannot be decoded.
    pub fn read(&self, columns: &[Column], mut each: impl FnMut(&Batch)) -> Result<(), TraceError> {
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
                each(&Batch { rows, columns: read, nothing: Values::Absent });
                left -= rows;
            }
        }
        Ok(())
    }

    /// Passes the first batch of `columns` to `each`, once; does not call it if there are no rows.
    ///
    /// # Errors
    /// The file cannot be decoded.
    pub fn read_first(&self, columns: &[Column], each: impl FnOnce(&Batch)) -> Result<(), TraceError> {
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
        each(&Batch { rows, columns: read, nothing: Values::Absent });
        Ok(())
    }

    fn open_columns(
        &self,
        group: &dyn RowGroupReader,
        columns: &[Column],
    ) -> Result<Vec<(Column, OpenColumn)>, ParquetError> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        let mut open = Vec::new();
        for name in columns {
            let Some(place) = self.places.get(name.name()) else { continue };
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
    /// The values of a column that was asked for; absent if the file lacks it.
    pub fn column(&self, column: Column) -> &Values {
        self.columns.get(&column).unwrap_or(&self.nothing)
    }
}

impl Values {
    fn of_lists((beginnings, values): (Vec<usize>, Vec<f64>)) -> Self {
        Self::Lists(beginnings, values)
    }

    /// The whole number or flag of a row.
    pub fn integer(&self, row: usize) -> Option<i64> {
        match self {
            Self::Integers(values) => values[row],
            _ => None,
        }
    }

    /// The number of a row; infinities and NaN are `None`.
    pub fn number(&self, row: usize) -> Option<f64> {
        match self {
            Self::Numbers(values) => values[row].filter(|value| value.is_finite()),
            Self::Integers(values) => values[row].map(|value| value as f64),
            _ => None,
        }
    }

    /// The flag of a row.
    pub fn flag(&self, row: usize) -> Option<bool> {
        self.integer(row).map(|value| value != 0)
    }

    /// The text of a row.
    pub fn text(&self, row: usize) -> Option<&Arc<str>> {
        match self {
            Self::Texts(values) => values[row].as_ref(),
            _ => None,
        }
    }

    /// The list of texts of a row; empty if there is none.
    pub fn texts(&self, row: usize) -> &[Arc<str>] {
        match self {
            Self::TextLists(beginnings, values) => &values[beginnings[row]..beginnings[row + 1]],
            _ => &[],
        }
    }

    /// The list of numbers or flags of a row; empty if there is none.
    pub fn list(&self, row: usize) -> &[f64] {
        match self {
            Self::Lists(beginnings, values) => &values[beginnings[row]..beginnings[row + 1]],
            _ => &[],
        }
    }
}
