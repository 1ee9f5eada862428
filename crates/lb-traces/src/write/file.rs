//! Writes the file of one recording.
//!
//! A Parquet file is readable only once its footer is written, at its very end. Each group of rows therefore
//! first becomes a complete file of its own, `NAME.partial-000.parquet` and so on. When the recording ends,
//! the parts are joined, column by column without re-encoding, as `NAME.parquet`. Flushed rows can be read
//! even after a crash, from files whose names mark them as partial. No file gets its final name before it is
//! complete.

use super::row::Row;
use super::table::{Dictionary, properties, write_group};
use crate::format::schema;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file of a recording in progress.
pub(super) struct TraceFile {
    path: PathBuf,
    parts: Vec<PathBuf>,
    properties: Arc<WriterProperties>,
}

impl TraceFile {
    /// Prepares the file `path` and creates its folder; `about` becomes the file's metadata.
    pub(super) fn create(path: PathBuf, about: Vec<KeyValue>) -> std::io::Result<Self> {
        if path.try_exists()? {
            return Err(std::io::Error::new(std::io::ErrorKind::AlreadyExists, "the file already exists"));
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
            // Reports an error now rather than when the first group is full.
            probe(&beside(&path, "tmp"))?;
        }
        Ok(Self { path, parts: Vec::new(), properties: properties(about) })
    }

    /// Returns the final name of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a group of rows. Once this returns, the group can be read, even after a crash.
    pub(super) fn write(&mut self, rows: &[Row], dictionary: &Dictionary<'_>) -> Result<()> {
        let part = beside(&self.path, &format!("partial-{:03}.parquet", self.parts.len()));
        self.whole(&part, |writer| write_group(writer, rows, dictionary))?;
        self.parts.push(part);
        Ok(())
    }

    /// Gives the file its final name and returns its size in bytes.
    pub(super) fn finish(self) -> Result<u64> {
        match self.parts.as_slice() {
            [only] => std::fs::rename(only, &self.path)?,
            parts => {
                self.whole(&self.path, |writer| parts.iter().try_for_each(|part| append(writer, part)))?;
                parts.iter().try_for_each(std::fs::remove_file)?;
            }
        }
        Ok(std::fs::metadata(&self.path)?.len())
    }

    /// Writes the file `path` under another name, and renames it once it is complete and synced to disk.
    fn whole(
        &self,
        path: &Path,
        write: impl FnOnce(&mut SerializedFileWriter<BufWriter<File>>) -> Result<()>,
    ) -> Result<()> {
        let temporary = beside(&self.path, "tmp");
        let file = BufWriter::new(File::create(&temporary)?);
        let mut writer = SerializedFileWriter::new(file, schema(), Arc::clone(&self.properties))?;
        write(&mut writer)?;
        let file = writer.into_inner()?.into_inner().map_err(|error| error.into_error())?;
        file.sync_data()?;
        std::fs::rename(&temporary, path)?;
        Ok(())
    }
}

/// Copies all groups of a part without re-encoding.
fn append(writer: &mut SerializedFileWriter<BufWriter<File>>, part: &Path) -> Result<()> {
    let file = File::open(part)?;
    let reader = SerializedFileReader::new(file.try_clone()?)?;
    for group in reader.metadata().row_groups() {
        let mut copy = writer.next_row_group()?;
        for column in group.columns() {
            let (_, bytes_written) = column.byte_range();
            let rows_written =
                u64::try_from(group.num_rows()).map_err(|error| ParquetError::External(error.into()))?;
            let result = ColumnCloseResult {
                bytes_written,
                rows_written,
                metadata: column.clone(),
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            };
            copy.append_column(&file, result)?;
        }
        copy.close()?;
    }
    Ok(())
}

/// Returns `NAME.parquet` with another extension.
fn beside(path: &Path, ending: &str) -> PathBuf {
    path.with_extension(ending)
}

/// Checks that a file can be created at `path`.
fn probe(path: &Path) -> std::io::Result<()> {
    File::create(path)?;
    std::fs::remove_file(path)
}
