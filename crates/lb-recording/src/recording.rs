//! A recording as a whole, ready to be replayed.

use crate::entry::Entry;
use crate::error::{Faults, RecordingError};
use crate::options::{Expect, HostChoice, ReadOptions, RecordingFormat, Spread};
use crate::pattern::Names;
use crate::reader::Disorder;
use crate::row::Row;
use crate::stream::Stream;
use lb_core::rng::{Seed, hash_name};
use lb_core::time::Span;
use lb_core::workload::{Recorded, Replay, ReplayBuilder};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// The most requests of a recording: their list must fit into memory (24 bytes each, and 24 in the schedule).
const MOST: usize = 20_000_000;
/// Statuses that count as a success whatever was recorded.
const NO_ERROR: std::ops::Range<u16> = 200..400;
/// Statuses that only say that the client went away (nginx) or was too slow.
const NO_REPLY: [u16; 2] = [408, 499];
const SECOND: u64 = 1_000_000_000;

/// A recording, with its requests in order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The format of the file, or of the first of several.
    pub format: RecordingFormat,
    /// Whether all times are whole seconds.
    pub whole_seconds: bool,
    /// The requests, with offsets from the first one at the recorded speed, or at the rate that was given.
    pub requests: Replay,
    /// What the user should know: lines that were skipped, rows that were sorted, how requests were grouped.
    pub notes: Vec<String>,
    /// Whether the times are recorded, rather than given by a rate.
    timed: bool,
}

/// How to play a recording.
#[derive(Clone, Copy, Debug)]
pub struct Play {
    /// Speed as a multiple of the recorded one.
    pub speed: f64,
    /// How the requests of a second are placed in it if the recording knows whole seconds only.
    pub spread: Spread,
    /// Seed of the places, for [`Spread::Poisson`].
    pub seed: Seed,
}

impl Default for Play {
    fn default() -> Self {
        Self { speed: 1.0, spread: Spread::default(), seed: Seed(0) }
    }
}

impl Recording {
    /// Returns whether the times are recorded, rather than given by a rate.
    pub const fn is_timed(&self) -> bool {
        self.timed
    }

    /// Repeats requests that come at a rate until they fill `length`.
    pub fn cycle(&mut self, rate: f64, length: Span) {
        let count = (length.as_secs_f64() * rate).ceil().clamp(0.0, MOST as f64) as usize;
        self.requests.cycle(count);
        self.requests.retime(|number, _| at_rate(number, rate));
    }

    /// Returns the requests as they are to be sent, and a note if they were spread over their seconds.
    pub fn play(self, play: Play) -> (Replay, Option<String>) {
        let mut requests = self.requests;
        let mut note = None;
        if self.timed && self.whole_seconds {
            let most = fullest_second(&requests);
            if most > 1 {
                note = Some(spread_note(play.spread, most));
                spread(&mut requests, play.spread, play.seed);
            }
        }
        if (play.speed - 1.0).abs() > f64::EPSILON {
            requests.retime(|_, at| Span::from_secs_f64(at.as_secs_f64() / play.speed));
        }
        (requests, note)
    }
}

fn spread_note(spread: Spread, most: usize) -> String {
    let done = match spread {
        Spread::Even => {
            "the requests of each second are spread evenly over it (`--spread poisson` places them at random, `none` sends them together)"
        }
        Spread::Poisson => "the requests of each second are placed in it at random, by the seed",
        Spread::None => "all requests of a second begin together (`--spread even` spreads them over it)",
    };
    format!("its times are whole seconds, with up to {most} requests in one; {done}")
}

fn fullest_second(requests: &Replay) -> usize {
    let (mut most, mut count, mut second) = (0, 0, u64::MAX);
    for at in requests.times() {
        count = if at.as_nanos() / SECOND == second { count + 1 } else { 1 };
        second = at.as_nanos() / SECOND;
        most = most.max(count);
    }
    most
}

/// Places the requests of each second within it, in the order in which they are recorded.
fn spread(requests: &mut Replay, spread: Spread, seed: Seed) {
    let times: Vec<u32> = requests.times().map(|at| (at.as_nanos() / SECOND) as u32).collect();
    let (mut begin, mut places): (usize, Vec<f64>) = (0, Vec::new());
    requests.retime(|number, at| {
        if number == begin + places.len() {
            begin = number;
            let count = times[number..].iter().take_while(|second| **second == times[number]).count();
            places.clear();
            match spread {
                Spread::Even => places.extend((0..count).map(|place| place as f64 / count as f64)),
                Spread::Poisson => {
                    let draw = |place: usize| {
                        let key = seed.key(&[0x7370_7265_6164, u64::from(times[number]), place as u64]);
                        (key >> 11) as f64 / (1_u64 << 53) as f64
                    };
                    places.extend((0..count).map(draw));
                    places.sort_by(f64::total_cmp);
                }
                Spread::None => places.resize(count, 0.0),
            }
        }
        at + Span::from_nanos((places[number - begin] * SECOND as f64) as u64)
    });
}

fn at_rate(number: usize, rate: f64) -> Span {
    Span::from_nanos((number as f64 / rate * 1e9).round() as u64)
}

/// Reads a recording from a file; `-` is standard input.
///
/// # Errors
/// As for [`load_all`].
pub fn load(path: &Path, options: ReadOptions) -> Result<Recording, RecordingError> {
    load_all(&[path.to_owned()], options)
}

/// Reads the recordings of several files as one, in order of time, as of rotated logs or of several servers.
///
/// # Errors
/// A file cannot be read, most of its lines are not requests, or there is no way to tell when to send them.
pub fn load_all(paths: &[PathBuf], options: ReadOptions) -> Result<Recording, RecordingError> {
    let mut reading = Reading::new(options);
    for path in paths {
        let stream = Stream::open(path, &reading.options)?;
        reading.take(stream, paths.len() > 1)?;
    }
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    reading.finish(&names.join(", "))
}

/// Reads a recording in memory. `name` is used in messages.
///
/// # Errors
/// As for [`load_all`].
pub fn read(name: &str, bytes: &[u8], options: ReadOptions) -> Result<Recording, RecordingError> {
    let mut reading = Reading::new(options);
    let stream = Stream::of_bytes(name, bytes, &reading.options)?;
    reading.take(stream, false)?;
    reading.finish(name)
}

/// A recording while it is read. Its actions are methods until all paths are known.
struct Reading {
    options: ReadOptions,
    format: Option<RecordingFormat>,
    builder: ReplayBuilder,
    /// Lines of the first rows with and without a time.
    timed: Option<usize>,
    untimed: Option<usize>,
    missing: usize,
    whole: bool,
    /// The earliest time; that of the first row until all are read.
    first: i128,
    earliest: i128,
    latest: i128,
    names: usize,
    named_hosts: usize,
    notes: Vec<String>,
}

impl Reading {
    fn new(options: ReadOptions) -> Self {
        Self {
            options,
            format: None,
            builder: ReplayBuilder::default(),
            timed: None,
            untimed: None,
            missing: 0,
            whole: true,
            first: 0,
            earliest: i128::MAX,
            latest: i128::MIN,
            names: 0,
            named_hosts: 0,
            notes: Vec::new(),
        }
    }

    fn take(&mut self, mut stream: Stream, several: bool) -> Result<(), RecordingError> {
        self.format.get_or_insert(stream.format());
        let name = stream.name().to_owned();
        let mut disorder = Disorder::default();
        while let Some(row) = stream.next() {
            if self.builder.len() >= MOST {
                let reason = format!("has more than {MOST} requests; replay a part of it");
                return Err(Faults::whole(reason).of(&name));
            }
            if let Some(stamp) = row.stamp {
                disorder.add(stamp.nanos);
            }
            self.push(&row);
        }
        let prefix = if several { format!("{name}: ") } else { String::new() };
        let notes = stream.finish()?.into_iter().chain(disorder.note());
        self.notes.extend(notes.map(|note| format!("{prefix}{note}")));
        Ok(())
    }

    fn push(&mut self, row: &Row) {
        let entry = &row.entry;
        match entry.at {
            Some(at) => {
                if self.timed.is_none() {
                    self.first = at;
                }
                self.timed.get_or_insert(entry.line);
                self.earliest = self.earliest.min(at);
                self.latest = self.latest.max(at);
                self.whole &= at % i128::from(SECOND) == 0;
            }
            None => {
                self.missing += 1;
                self.untimed.get_or_insert(entry.line);
            }
        }
        let client = entry.client.as_deref().map(address_of);
        self.names += usize::from(client.as_ref().is_some_and(|(_, invented)| *invented));
        let host = match self.options.host {
            HostChoice::Recorded => entry.host.as_deref(),
            HostChoice::Header => entry.host.as_deref().filter(|_| row.names_host),
            HostChoice::Target => None,
        };
        let host = host.filter(|host| is_host(host));
        self.named_hosts += usize::from(host.is_some());
        let expected = self.expected(row);
        // Offsets from the first row may be negative until all rows are known, so they begin in the middle.
        let at = entry.at.map_or(0, |at| at - self.first + MIDDLE).clamp(0, i128::from(u64::MAX)) as u64;
        self.builder.push(&Recorded {
            at: Span::from_nanos(at),
            action: &entry.method,
            path: &entry.target,
            client: client.as_ref().map(|(client, _)| client.as_str()),
            host,
            headers: &entry.headers,
            body: &entry.body,
            expected: &expected,
        });
    }

    fn expected(&self, row: &Row) -> Vec<u16> {
        match (self.options.expect, row.entry.status) {
            (Expect::Ok, _) => Vec::new(),
            (Expect::Recorded, _) if !row.expected.is_empty() => row.expected.clone(),
            (Expect::Recorded, Some(status @ 400..=499)) if !NO_REPLY.contains(&status) => {
                NO_ERROR.chain([status]).collect()
            }
            _ => Vec::new(),
        }
    }

    fn finish(self, name: &str) -> Result<Recording, RecordingError> {
        if self.builder.is_empty() {
            let reason = match self.notes.is_empty() {
                true => "has no requests; a recording needs at least one".to_owned(),
                false => {
                    format!("has no requests; a recording needs at least one ({})", self.notes.join("; "))
                }
            };
            return Err(Faults::whole(reason).of(name));
        }
        let mut notes = self.notes;
        let mut requests = self.builder.finish();
        let mut timed = false;
        match (self.timed, self.untimed, self.options.rate) {
            (had, _, Some(rate)) => {
                if had.is_some() {
                    requests.sort();
                    notes.push(format!("its times give way to {rate} requests per second"));
                }
                requests.retime(|number, _| at_rate(number, rate));
            }
            (None, _, None) => {
                let reason =
                    "no row has a timestamp; give a rate, such as `--replay FILE --arrivals constant:50`";
                return Err(Faults::whole(reason).of(name));
            }
            (Some(_), Some(line), None) => {
                let mut faults = Faults::at(
                    line,
                    "the timestamp is missing, but other rows have one; add it, or remove all timestamps",
                );
                faults.total = self.missing;
                return Err(faults.of(name));
            }
            (Some(_), None, None) => {
                timed = true;
                let alike = self.earliest == self.latest;
                if alike && requests.len() > 1 && !self.whole {
                    let reason = format!(
                        "all {} rows have the same timestamp; give a rate, such as `--replay FILE --arrivals constant:50`",
                        requests.len()
                    );
                    return Err(Faults::whole(reason).of(name));
                }
                let begin = Span::from_nanos(
                    (self.earliest - self.first + MIDDLE).clamp(0, i128::from(u64::MAX)) as u64,
                );
                requests.retime(|_, at| at.saturating_sub(begin));
                requests.sort();
            }
        }
        let grouped = Names::of(requests.kinds(), &self.options.patterns);
        requests.rename(&grouped.names, &grouped.numbers);
        notes.extend(grouping_notes(&grouped));
        if self.names > 0 {
            notes.push(format!(
                "the clients of {} requests are names, not addresses; each is sent as an address in 10.0.0.0/8 of its own",
                self.names
            ));
        }
        let format = self.format.unwrap_or(RecordingFormat::Requests);
        Ok(Recording { format, whole_seconds: timed && self.whole, requests, notes, timed })
    }
}

/// Where the first row lies while others may turn out to be earlier: 150 years, in nanoseconds.
const MIDDLE: i128 = 4_733_640_000 * SECOND as i128;

fn grouping_notes(grouped: &Names) -> Vec<String> {
    let mut notes = Vec::new();
    const SHOWN: usize = 5;
    if !grouped.slugs.is_empty() {
        let places: Vec<String> = grouped
            .slugs
            .iter()
            .take(SHOWN)
            .map(|(place, count)| format!("`{place}` ({count} names)"))
            .collect();
        let more = grouped.slugs.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        notes.push(format!(
            "paths with many names share a row: {}{more}; `--path-pattern` groups them otherwise",
            places.join(", ")
        ));
    }
    let (kinds, requests) = grouped.folded;
    if kinds > 0 {
        notes.push(format!(
            "the rarest {kinds} kinds of requests ({requests} requests) share the rows `other`; `--path-pattern` groups paths"
        ));
    }
    notes
}

/// Returns the address that stands for a client, and whether it is an invented one: of a name, an address in 10.0.0.0/8
/// that depends on nothing but the name.
fn address_of(client: &str) -> (String, bool) {
    if client.parse::<IpAddr>().is_ok() {
        return (client.to_owned(), false);
    }
    let [_, _, _, _, _, b, c, d] = hash_name(client.as_bytes()).to_be_bytes();
    (Ipv4Addr::new(10, b, c, d).to_string(), true)
}

/// Returns whether a text can be the value of `Host`.
fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 255
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]~%".contains(&byte))
}

/// Returns the entry's kind: its method and the pattern of its path, as in the names of a replay. What depends on the
/// whole recording, such as names that occur once only, is left as it is.
pub fn kind_of(entry: &Entry) -> String {
    format!("{} {}", entry.method, endpoint_of(entry))
}

/// Returns the pattern of the entry's path: without the query, with `{id}` and `{date}` in place of what identifies one
/// object.
pub fn endpoint_of(entry: &Entry) -> String {
    crate::pattern::of(&entry.target, &[])
}
