//! Writes `requests/<trial>.parquet`: every single request, one row each, for your own analyses.
//!
//! Parquet (Apache, format 2) stores a column at a time: names, statuses and backends repeat, so a row takes
//! about fifteen bytes. A separate thread writes row groups while the load runs, and memory holds one group
//! and the rows in transit.

use crate::folder::ResultsFolder;
use anyhow::{Context, Result};
use lb_core::workload::{Sample, Workload};
use lb_core::{Outcome, Time};
use lb_record::RequestSink;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

/// Rows per group: 6 MB of samples, and large enough for dictionaries to be worthwhile.
const GROUP: usize = 128 * 1024;

/// The Parquet schema. Times are microseconds since the start of the phase.
const SCHEMA: &str = "
    message requests {
        required int32 user (INTEGER(32, false));
        required binary action (STRING);
        required binary step (STRING);
        required int64 intended_us;
        required int64 sent_us;
        required int64 done_us;
        required binary outcome (STRING);
        required int32 status;
        optional binary backend (STRING);
        required int64 bytes;
    }";

/// A file of requests that is being written.
#[derive(Debug)]
pub struct RequestsFile {
    sink: RequestSink,
    writer: JoinHandle<Result<u64>>,
}

impl RequestsFile {
    /// Starts the file `name` in a folder. `backends` holds the names of the backends in the order of their
    /// indices; backends beyond them are `unlisted-0`, `unlisted-1` and so on, in the order of
    /// [`lb_record::TrialRecord::unlisted_backends`].
    ///
    /// # Errors
    /// When the writing thread cannot be started. Write errors are reported by [`Self::finish`].
    pub fn create(
        folder: &ResultsFolder,
        name: &str,
        workload: &Workload,
        backends: &[String],
    ) -> Result<Self> {
        Self::start(folder, name, Names::new(workload, backends))
    }

    fn start(folder: &ResultsFolder, name: &str, names: Names) -> Result<Self> {
        let (sink, batches) = RequestSink::new();
        let (folder, name) = (folder.clone(), name.to_owned());
        let writer = std::thread::Builder::new().name("requests".to_owned()).spawn(move || {
            let mut rows = 0;
            folder.write_with(&name, |file| {
                rows = write(&batches, &names, file)?;
                Ok(())
            })?;
            Ok(rows)
        });
        Ok(Self { sink, writer: writer.context("failed to start a thread for the file of requests")? })
    }

    /// Returns the sink that a recording sends its requests to.
    pub fn sink(&self) -> RequestSink {
        self.sink.clone()
    }

    /// Waits until everything is written and returns the number of rows. All recordings that use the sink
    /// must have ended, and all copies of it must be dropped.
    ///
    /// # Errors
    /// When the file cannot be written; then no file is left.
    pub fn finish(self) -> Result<u64> {
        drop(self.sink);
        self.writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// The strings of a file, allocated once and shared by its rows.
struct Names {
    actions: Vec<ByteArray>,
    steps: Vec<ByteArray>,
    outcomes: Vec<ByteArray>,
    backends: Vec<ByteArray>,
}

impl Names {
    fn new(workload: &Workload, backends: &[String]) -> Self {
        let steps = workload.steps().iter().map(|step| step.name.as_str());
        Self {
            actions: texts(workload.action_names().iter().map(String::as_str)),
            steps: texts(steps),
            outcomes: texts(Outcome::ALL.iter().map(|outcome| outcome.name())),
            backends: texts(backends.iter().map(String::as_str)),
        }
    }

    fn backend(&self, number: u16) -> ByteArray {
        let number = usize::from(number);
        let listed = self.backends.get(number).cloned();
        listed.unwrap_or_else(|| format!("unlisted-{}", number - self.backends.len()).as_str().into())
    }
}

fn texts<'a>(names: impl Iterator<Item = &'a str>) -> Vec<ByteArray> {
    names.map(ByteArray::from).collect()
}

/// Writes all batches until their senders are gone; returns the number of rows.
fn write(batches: &Receiver<Vec<Sample>>, names: &Names, file: &mut (dyn Write + Send)) -> Result<u64> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
    let (mut rows, mut group) = (0, Vec::with_capacity(GROUP));
    for batch in batches {
        group.extend_from_slice(&batch);
        if group.len() >= GROUP {
            rows += write_group(&mut writer, names, &mut group)?;
        }
    }
    rows += write_group(&mut writer, names, &mut group)?;
    writer.close()?;
    Ok(rows)
}

/// Writes the collected rows as a group and empties the list.
fn write_group<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    names: &Names,
    rows: &mut Vec<Sample>,
) -> Result<u64> {
    if rows.is_empty() {
        return Ok(0);
    }
    let mut group = writer.next_row_group()?;
    let micros = |time: fn(&Sample) -> Time| -> Vec<i64> {
        rows.iter().map(|row| (time(row).as_nanos() / 1_000) as i64).collect()
    };
    let named = |names: &[ByteArray], index: fn(&Sample) -> usize| -> Vec<ByteArray> {
        rows.iter().map(|row| names[index(row)].clone()).collect()
    };
    let users: Vec<i32> = rows.iter().map(|row| row.user.0.cast_signed()).collect();
    column::<Int32Type, _>(&mut group, &users, None)?;
    column::<ByteArrayType, _>(&mut group, &named(&names.actions, |row| row.action.0.into()), None)?;
    column::<ByteArrayType, _>(&mut group, &named(&names.steps, |row| row.step.0.into()), None)?;
    column::<Int64Type, _>(&mut group, &micros(|row| row.intended), None)?;
    column::<Int64Type, _>(&mut group, &micros(|row| row.sent), None)?;
    column::<Int64Type, _>(&mut group, &micros(|row| row.done), None)?;
    column::<ByteArrayType, _>(&mut group, &named(&names.outcomes, |row| row.outcome.index()), None)?;
    let statuses: Vec<i32> = rows.iter().map(|row| row.status.into()).collect();
    column::<Int32Type, _>(&mut group, &statuses, None)?;
    // A nullable column has a definition level per row: 1 if there is a value.
    let levels: Vec<i16> = rows.iter().map(|row| row.backend.is_some().into()).collect();
    let backends: Vec<ByteArray> =
        rows.iter().filter_map(|row| row.backend).map(|number| names.backend(number)).collect();
    column::<ByteArrayType, _>(&mut group, &backends, Some(&levels))?;
    let bytes: Vec<i64> = rows.iter().map(|row| row.bytes.cast_signed()).collect();
    column::<Int64Type, _>(&mut group, &bytes, None)?;
    group.close()?;
    let count = rows.len() as u64;
    rows.clear();
    Ok(count)
}

/// Writes the next column of a group.
fn column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<()> {
    let mut column = group.next_column()?.expect("columns are written in the order of the schema");
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Span;
    use lb_core::workload::{ActionIndex, Observer, StepIndex, UserId};
    use lb_record::{Recording, RecordingSpec};
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use std::fs::File;

    fn names() -> Names {
        Names {
            actions: texts(["browse", "leave"].into_iter()),
            steps: texts(["list", "show", "logout"].into_iter()),
            outcomes: texts(Outcome::ALL.iter().map(|outcome| outcome.name())),
            backends: texts(["b-1", "b-2"].into_iter()),
        }
    }

    fn sample(number: u32) -> Sample {
        let at = |us: u64| Time::ZERO + Span::from_micros(us);
        Sample {
            user: UserId(number),
            action: ActionIndex(0),
            step: StepIndex(1),
            intended: at(u64::from(number)),
            sent: at(u64::from(number) + 20),
            done: at(u64::from(number) + 900),
            outcome: Outcome::Ok,
            status: 200,
            backend: Some(1),
            bytes: 12,
        }
    }

    /// Writes samples the way a run does; returns the file's rows as text.
    fn written(folder: &ResultsFolder, samples: &[Sample]) -> Vec<String> {
        let file = RequestsFile::start(folder, "requests/one.parquet", names());
        let file = file.expect("a thread");
        let spec = RecordingSpec { requests: Some(file.sink()), ..RecordingSpec::default() };
        let (recording, mut recorders) = Recording::start(spec, 1);
        for sample in samples {
            recorders[0].sample(sample);
        }
        recording.finish(recorders, Span::from_secs(1));
        assert_eq!(file.finish().expect("a writable folder"), samples.len() as u64);
        let file = File::open(folder.path().join("requests/one.parquet")).expect("it is written");
        let reader = SerializedFileReader::new(file).expect("it is Parquet");
        reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row").to_string()).collect()
    }

    #[test]
    fn every_request_is_a_row_with_names_in_place_of_numbers() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = ResultsFolder::create(dir.path()).expect("a writable folder");
        let failed = Sample {
            action: ActionIndex(1),
            step: StepIndex(2),
            outcome: Outcome::Timeout,
            status: 0,
            backend: None,
            bytes: 0,
            ..sample(u32::MAX)
        };
        let stranger = Sample { backend: Some(3), ..sample(2) };
        let rows = written(&folder, &[sample(1), stranger, failed]);
        let ok = |user: u64, backend: &str| {
            format!(
                "{{user: {user}, action: \"browse\", step: \"show\", intended_us: {user}, sent_us: {}, \
                 done_us: {}, outcome: \"ok\", status: 200, backend: \"{backend}\", bytes: 12}}",
                user + 20,
                user + 900
            )
        };
        assert_eq!(rows[0], ok(1, "b-2"));
        assert_eq!(rows[1], ok(2, "unlisted-1"), "an unlisted backend has a number");
        let failed = "action: \"leave\", step: \"logout\", intended_us: 4294967295, sent_us: 4294967315, \
                      done_us: 4294968195, outcome: \"timeout\", status: 0, backend: null, bytes: 0}";
        assert_eq!(rows[2], format!("{{user: 4294967295, {failed}"), "without a reply there is no backend");
    }

    #[test]
    fn long_runs_are_written_in_groups() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = ResultsFolder::create(dir.path()).expect("a writable folder");
        let samples: Vec<Sample> = (0..GROUP as u32 + 5_000).map(sample).collect();
        let rows = written(&folder, &samples);
        assert_eq!(rows.len(), samples.len());
        assert!(rows[GROUP + 4_999].starts_with(&format!("{{user: {},", GROUP + 4_999)), "in their order");
        let size = dir.path().join("requests/one.parquet").metadata().expect("it is there").len();
        assert!(size < 40 * samples.len() as u64, "names are stored once: {size} bytes");
    }

    #[test]
    fn a_run_without_requests_leaves_a_file_without_rows() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = ResultsFolder::create(dir.path()).expect("a writable folder");
        assert!(written(&folder, &[]).is_empty());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_an_error_and_the_load_goes_on() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = ResultsFolder::create(dir.path()).expect("a writable folder");
        std::fs::write(dir.path().join("requests"), "in the way").expect("a writable folder");
        let file = RequestsFile::start(&folder, "requests/one.parquet", names()).expect("a thread");
        let spec = RecordingSpec { requests: Some(file.sink()), ..RecordingSpec::default() };
        let (recording, mut recorders) = Recording::start(spec, 1);
        (0..400_000).for_each(|number| recorders[0].sample(&sample(number)));
        let record = recording.finish(recorders, Span::from_secs(1));
        assert_eq!(record.requests(), 400_000, "the load does not wait for a writer that has stopped");
        let error = format!("{:#}", file.finish().expect_err("the failure must be reported"));
        assert!(error.contains("one.parquet"), "{error}");
    }
}
