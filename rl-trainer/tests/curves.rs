//! What a run's training curves hold, read back from the files: by this crate, and the event files by a
//! reader that shares no code with the writer.

use rl_trainer::curves::{CSV, Curves, TENSORBOARD, Update, read};
use std::fs;
use std::path::{Path, PathBuf};

/// The time of day at which training began.
const STARTED: f64 = 1_700_000_000.25;

const COLUMNS: [&str; 2] = ["kl", "policy_loss"];

fn update(seed: u64, step: u64, values: &[(&str, f64)]) -> Update {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    Update { step, wall_s: step as f64 / 1000.0, seed, values }
}

/// A point of a curve: step, name, value.
type Point = (i64, String, f32);

/// What one event is about.
#[derive(Debug, PartialEq)]
enum Event {
    Version(String),
    Start { step: i64 },
    Points(Vec<Point>),
}

/// CRC-32C by its definition (RFC 3720, appendix B.4): one bit after the other, polynomial reflected.
fn crc32c(data: &[u8]) -> u32 {
    !data.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    })
}

/// Takes `count` bytes off the front.
fn take<'a>(data: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (front, rest) = data.split_at(count);
    *data = rest;
    front
}

fn fixed32(data: &mut &[u8]) -> u32 {
    u32::from_le_bytes(take(data, 4).try_into().expect("four bytes"))
}

fn varint(data: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(data, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
    }
    panic!("a varint has at most ten bytes")
}

/// A field of a protocol buffer.
enum Field<'a> {
    Varint(u64),
    Fixed(&'a [u8]),
    Bytes(&'a [u8]),
}

fn fields(mut data: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !data.is_empty() {
        let key = varint(&mut data);
        let field = match key & 7 {
            0 => Field::Varint(varint(&mut data)),
            1 => Field::Fixed(take(&mut data, 8)),
            2 => {
                let length = varint(&mut data) as usize;
                Field::Bytes(take(&mut data, length))
            }
            5 => Field::Fixed(take(&mut data, 4)),
            other => panic!("protocol buffers have no wire type {other} in use"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("names are UTF-8")
}

/// The name and the value of one `Summary.Value`.
fn value(data: &[u8]) -> (String, f32) {
    let mut point = (String::new(), f32::NAN);
    for field in fields(data) {
        match field {
            (1, Field::Bytes(tag)) => point.0 = text(tag),
            (2, Field::Fixed(value)) => point.1 = f32::from_le_bytes(value.try_into().expect("four bytes")),
            (number, _) => panic!("a value has no field {number} here"),
        }
    }
    point
}

fn event(data: &[u8]) -> Event {
    let (mut step, mut found) = (0, None);
    for field in fields(data) {
        match field {
            (1, Field::Fixed(time)) => {
                let time = f64::from_le_bytes(time.try_into().expect("eight bytes"));
                assert!((STARTED..STARTED + 100.0).contains(&time), "an event has its time of day: {time}");
            }
            (2, Field::Varint(value)) => step = value as i64,
            (3, Field::Bytes(version)) => found = Some(Event::Version(text(version))),
            (5, Field::Bytes(summary)) => {
                let points = fields(summary).into_iter().map(|field| match field {
                    (1, Field::Bytes(data)) => {
                        let (name, value) = value(data);
                        (step, name, value)
                    }
                    (number, _) => panic!("a summary has no field {number} here"),
                });
                found = Some(Event::Points(points.collect()));
            }
            (7, Field::Bytes([8, 1])) => found = Some(Event::Start { step }),
            (number, _) => panic!("an event has no field {number} here"),
        }
    }
    found.expect("an event is about something")
}

/// All events of a file. Every checksum must be right.
fn events(path: &Path) -> Vec<Event> {
    let bytes = fs::read(path).expect("the event file");
    let (mut data, mut found) = (&bytes[..], Vec::new());
    while !data.is_empty() {
        let checked = |data: &mut &[u8], length: usize| {
            let bytes = take(data, length).to_vec();
            let unmasked = fixed32(data).wrapping_sub(0xa282_ead8).rotate_left(15);
            assert_eq!(unmasked, crc32c(&bytes), "a record has the checksum of its bytes");
            bytes
        };
        let length = checked(&mut data, 8);
        let length = u64::from_le_bytes(length.try_into().expect("eight bytes"));
        found.push(event(&checked(&mut data, length as usize)));
    }
    found
}

/// The event files of a seed, by name.
fn event_files(folder: &Path, seed: u64) -> Vec<PathBuf> {
    let folder = folder.join(TENSORBOARD).join(format!("seed-{seed}"));
    let entries = fs::read_dir(folder).expect("the seed has a folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn points(step: i64, values: &[(&str, f32)]) -> Event {
    Event::Points(values.iter().map(|(name, value)| (step, (*name).to_owned(), *value)).collect())
}

#[test]
fn the_checksum_that_the_events_are_held_against_is_crc_32c() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283, "the check value of CRC-32C");
}

#[test]
fn every_row_is_in_both_files_as_soon_as_it_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut curves = Curves::create(folder.path(), &COLUMNS, STARTED).expect("curves");
    let rows = [
        update(7, 2048, &[("kl", 0.1), ("policy_loss", -0.25)]),
        update(8, 2048, &[("policy_loss", 1e-300)]),
        update(7, 4096, &[("kl", f64::INFINITY)]),
    ];
    for (index, row) in rows.iter().enumerate() {
        curves.write(row).expect("a row");
        let (columns, found) = read(&folder.path().join(CSV)).expect("the table");
        assert_eq!(columns, COLUMNS, "the columns in the order they were given");
        assert_eq!(found, rows[..=index], "each number is read as it was written, right after it was");
    }
    let text = fs::read_to_string(folder.path().join(CSV)).expect("the table");
    let expected = "step,wall_s,seed,kl,policy_loss\n2048,2.048,7,0.1,-0.25\n2048,2.048,8,,1e-300\n";
    assert!(text.starts_with(expected), "the header comes first, and no value is an empty field: {text}");

    let version = || Event::Version("brain.Event:2".into());
    let [file] = &event_files(folder.path(), 7)[..] else { panic!("one start makes one file") };
    assert_eq!(
        events(file),
        [
            version(),
            points(2048, &[("kl", 0.1), ("policy_loss", -0.25)]),
            points(4096, &[("kl", f32::INFINITY)])
        ],
        "the events of seed 7"
    );
    let [file] = &event_files(folder.path(), 8)[..] else { panic!("one start makes one file") };
    assert_eq!(events(file), [version(), points(2048, &[("policy_loss", 0.0)])], "each seed has its own");
}

#[test]
fn a_resumed_run_takes_back_what_came_behind_its_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = folder.path().join(CSV);
    let row = |seed, step, kl| update(seed, step, &[("kl", kl)]);
    let mut curves = Curves::create(folder.path(), &COLUMNS, STARTED).expect("curves");
    for row in [row(1, 100, 0.5), row(1, 200, 0.25), row(2, 100, 0.75), row(2, 200, 0.125)] {
        curves.write(&row).expect("a row");
    }
    drop(curves);
    // The kill came while a row was written.
    let torn = fs::read_to_string(&table).expect("the table") + "300,0.3,2,0.0";
    fs::write(&table, torn).expect("a file");

    let mut curves = Curves::resume(folder.path(), &COLUMNS, STARTED, 2, 100).expect("curves to go on with");
    curves.write(&row(2, 200, 0.0625)).expect("a row");
    let (_, rows) = read(&table).expect("the table");
    assert_eq!(
        rows,
        [row(1, 100, 0.5), row(1, 200, 0.25), row(2, 100, 0.75), row(2, 200, 0.0625)],
        "seed 2 goes on from step 100, and seed 1 keeps what it has"
    );
    let files = event_files(folder.path(), 2);
    assert_eq!(files.len(), 2, "each start has a file of its own");
    assert_eq!(
        events(&files[1])[1..],
        [Event::Start { step: 101 }, points(200, &[("kl", 0.0625)])],
        "the start of a session tells TensorBoard to drop what came behind the checkpoint"
    );
}

#[test]
fn what_does_not_fit_the_curves_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = folder.path().join(CSV);
    let mut curves = Curves::create(folder.path(), &COLUMNS, STARTED).expect("curves");
    let fault = curves.write(&update(1, 1, &[("kll", 0.1)])).expect_err("a misspelt name").to_string();
    assert_eq!(fault, "the training curves have no column `kll`; their columns are: kl, policy_loss");

    let resume = || Curves::resume(folder.path(), &["kl"], STARTED, 1, 0).map(drop);
    let fault = resume().expect_err("other columns").to_string();
    for part in ["`kl,policy_loss`", "this run writes `kl`", "another folder"] {
        assert!(fault.contains(part), "the message says `{part}`: {fault}");
    }
    let contents: &[(&str, &str)] = &[
        ("a,b\n1,2\n", "does not begin with the columns `step,wall_s,seed`"),
        ("", "does not begin with the columns `step,wall_s,seed`"),
        ("step,wall_s,seed,kl\n1,1,1,0.5\n2,2,x,0.5\n", "has `x` for `seed` in line 3, not a number"),
        ("step,wall_s,seed,kl\n1,1,1\n", "line: 2"),
    ];
    for (content, expected) in contents {
        fs::write(&table, content).expect("a file");
        let fault = resume().expect_err("no table of curves").to_string();
        assert!(fault.contains(expected), "{content:?} is refused with `{expected}`: {fault}");
    }
    fs::remove_file(&table).expect("a file");
    let fault = resume().expect_err("no table").to_string();
    assert!(fault.contains("failed to read") && fault.contains(CSV), "the missing file is named: {fault}");
}
