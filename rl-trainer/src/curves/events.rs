//! Writes training curves as TensorBoard event files.
//!
//! The file is a sequence of TFRecords: length (u64, little endian), masked CRC-32C of the length, data,
//! masked CRC-32C of the data (TensorFlow, `tensorflow/core/lib/io/record_writer.h`; the mask is `((crc >>
//! 15) | (crc << 17)) + 0xa282ead8`, `lib/hash/crc32c.h`). The data are protocol buffers
//! (`tensorflow/core/util/event.proto`, `framework/summary.proto`), of which only the fields in use are
//! declared here. The first event contains the version of the format.

use super::{CurvesError, Update};
use prost::{Message, Oneof};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Version of the format, which readers expect in the first event.
const VERSION: &str = "brain.Event:2";

/// `SessionLog.SessionStatus.START`.
const START: i32 = 1;

/// An event, which is one record of the file.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// An open event file.
#[derive(Debug)]
pub(super) struct EventFile {
    path: PathBuf,
    file: File,
    started_s: f64,
}

impl EventFile {
    /// Creates another event file in `folder`. TensorBoard reads all files of a folder, in the order of their
    /// names, as one run.
    pub(super) fn create(folder: &Path, started_s: f64) -> Result<Self, CurvesError> {
        fs::create_dir_all(folder).map_err(CurvesError::io("make the folder of", folder))?;
        let existing = fs::read_dir(folder).map_err(CurvesError::io("list", folder))?.count();
        // TensorBoard recognises event files by `tfevents` in their names.
        let path = folder.join(format!("events.out.tfevents.{started_s:010.0}.{existing:04}"));
        let file = File::create(&path).map_err(CurvesError::io("create", &path))?;
        let mut events = Self { path, file, started_s };
        events.append(0.0, 0, What::FileVersion(VERSION.into()))?;
        Ok(events)
    }

    /// Writes a session start, which makes readers discard events of earlier files from `step` on.
    pub(super) fn take_back(&mut self, step: u64) -> Result<(), CurvesError> {
        self.append(0.0, step, What::SessionLog(SessionLog { status: START }))
    }

    /// Writes the values of one update in single precision, as the format requires.
    pub(super) fn write(&mut self, update: &Update) -> Result<(), CurvesError> {
        let value =
            |(name, value): &(String, f64)| Value { tag: name.clone(), simple_value: Some(*value as f32) };
        let summary = Summary { value: update.values.iter().map(value).collect() };
        self.append(update.wall_s, update.step, What::Summary(summary))
    }

    /// Writes one event in a single call, so that a killed process leaves only complete events.
    fn append(&mut self, wall_s: f64, step: u64, what: What) -> Result<(), CurvesError> {
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        let event = Event { wall_time: self.started_s + wall_s, step, what: Some(what) };
        self.file.write_all(&record(&event.encode_to_vec())).map_err(CurvesError::io("write", &self.path))
    }
}

/// Encodes one TFRecord.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend_from_slice(&length);
    record.extend_from_slice(&masked_crc(&length).to_le_bytes());
    record.extend_from_slice(data);
    record.extend_from_slice(&masked_crc(data).to_le_bytes());
    record
}

fn masked_crc(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with the package `tensorboard` 2.21.0: `RecordWriter` of `tensorboard.summary.writer`, given
    /// `Event(wall_time=1700000000.25, file_version="brain.Event:2")`, `Event(wall_time=1700000000.25,
    /// step=4097, session_log=SessionLog(status=START))` and `Event(wall_time=1700000001.75, step=4096,
    /// summary=Summary(value=[Value(tag="policy_loss", simple_value=-0.5), Value(tag="kl", simple_value=0)]))`.
    const REFERENCE: &str = "1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a3233\
        8d2fe9100000000000000095fbfe180900001040fc54d9411081203a020801c1e265e12d000000000000003c418afb09\
        00007040fc54d9411080202a1f0a120a0b706f6c6963795f6c6f737315000000bf0a090a026b6c1500000000e0a2bdb4";

    #[test]
    fn the_file_equals_the_one_that_tensorboard_writes() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut events = EventFile::create(folder.path(), 1_700_000_000.25).expect("a file");
        events.take_back(4097).expect("it can be written");
        let values = vec![("policy_loss".into(), -0.5), ("kl".into(), 0.0)];
        events.write(&Update { step: 4096, wall_s: 1.5, seed: 1, values }).expect("it can be written");

        let written = fs::read(&events.path).expect("the file");
        assert_eq!(
            lb_core::hex::encode(written),
            REFERENCE,
            "the bytes match those of TensorBoard's own writer"
        );
    }

    #[test]
    fn every_start_has_a_file_of_its_own_that_sorts_behind_the_last() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = EventFile::create(folder.path(), 1_700_000_000.25).expect("a file").path;
        let second = EventFile::create(folder.path(), 1_700_000_000.25).expect("a file").path;
        assert!(first < second, "readers take files by name: {} and {}", first.display(), second.display());
    }
}
