//! Gathers the entries of a log, and makes of them what a fit takes.

use super::error::LogError;
use super::exchanges::{Tried, tried};
use super::pools::Pools;
use super::resolution::Unit;
use super::routes::{self, Names};
use super::{AccessLog, Counts, LoggedRequest, Maker, maker};
use crate::Resolution;
use lb_core::hints::Reader;
use lb_core::rng::{hash_name, mix};
use lb_core::{Span, Time};
use lb_recording::{Entry, kind_of};
use lb_traces::read::{End, Episode, Exchange, HintPlace, RecordedHints, Traces};
use std::collections::{BTreeSet, HashMap};

/// Fewest requests of a backend: below, its speed is not known to 10 %.
const FEWEST: usize = 200;
/// Backends with a smaller share of the requests are left out: spares that got hardly any.
const RARE: f64 = 0.002;
/// Times below this many units per request are shown as rough.
const ROUGH: f64 = 10.0;

/// One request, compactly.
#[derive(Clone, Copy, Debug)]
struct Row {
    at: i128,
    pattern: u32,
    client: u64,
    /// Position of the first attempt in [`Gatherer::attempts`].
    first: u32,
    attempts: u16,
    /// Whether there were attempts that the log does not name, or several.
    retried: bool,
    hints: HintPlace,
}

/// One attempt, compactly.
#[derive(Clone, Copy, Debug)]
struct Try {
    backend: u16,
    tried: Tried,
}

/// Takes the entries of a log one by one.
#[derive(Debug, Default)]
pub struct Gatherer {
    maker: Maker,
    /// Reads what requests say about their cost; `None` if nobody asked.
    listener: Option<Reader>,
    hints: RecordedHints,
    counts: Counts,
    /// The groups of backends that the log names.
    groups: BTreeSet<String>,
    backends: Names,
    patterns: Names,
    /// Patterns by host, which tell pools apart.
    places: Names,
    pools: Pools,
    rows: Vec<Row>,
    attempts: Vec<Try>,
    clocks: Unit,
    ends: Unit,
    latencies: Unit,
    named: usize,
    /// Number of attempts with a time in the load balancer's queue, which only timers give.
    timed: usize,
}

impl Gatherer {
    /// Creates a gatherer of what a known load balancer logged.
    pub fn of(maker: Maker) -> Self {
        Self { maker, ..Self::default() }
    }

    /// Also reads what requests say about their cost. Logs have their targets, and few have lengths of bodies and headers.
    #[must_use]
    pub fn listening(mut self, reader: Reader) -> Self {
        self.hints.were_read = true;
        Self { listener: Some(reader), ..self }
    }

    /// Takes one entry.
    pub fn take(&mut self, entry: &Entry) {
        self.counts.entries += 1;
        if entry.attempts.iter().all(|attempt| attempt.backend.is_empty()) {
            self.counts.without_backend += 1;
            return;
        }
        self.named += 1;
        let Some(at) = entry.at else {
            self.counts.without_time += 1;
            return;
        };
        self.clocks.take(at);
        self.ends.take(at + i128::from(entry.duration.unwrap_or(Span::ZERO).as_nanos()));
        let pattern = kind_of(entry);
        let place = self.places.pattern(&format!("{} {pattern}", entry.host.as_deref().unwrap_or_default()));
        let client = entry.client.as_deref().or(entry.user.as_deref()).unwrap_or_default();
        let mut row = Row {
            at,
            pattern: self.patterns.pattern(&pattern),
            client: hash_name(client.as_bytes()),
            first: self.attempts.len() as u32,
            attempts: 0,
            retried: entry.attempts.len() > 1,
            hints: self
                .listener
                .as_ref()
                .map_or_else(HintPlace::default, |reader| said(reader, entry, &mut self.hints)),
        };
        for (attempt, tried) in tried(entry).take(usize::from(u16::MAX)) {
            row.attempts += 1;
            if let Some(group) = &attempt.group
                && !self.groups.contains(group)
            {
                self.groups.insert(group.clone());
            }
            let backend = self.backends.number(&attempt.backend);
            self.timed += usize::from(attempt.queued.is_some());
            if let Some(latency) = tried.latency {
                self.latencies.take(i128::from(latency.as_nanos()));
            }
            if place != u32::MAX {
                self.pools.take(place as usize, backend as usize);
            }
            self.attempts.push(Try { backend: backend.min(u32::from(u16::MAX)) as u16, tried });
        }
        self.rows.push(row);
    }

    /// Makes a log of the entries. If they belong to several pools, `pool_of` must name a backend of the one to
    /// keep.
    ///
    /// # Errors
    /// The log lacks what a fit needs, or holds too little of it.
    pub fn finish(mut self, pool_of: Option<&str>) -> Result<AccessLog, LogError> {
        self.check_fields()?;
        let kept = self.kept_backends(pool_of)?;
        // The new number of each backend that is kept, by the order of names.
        let numbers: HashMap<u16, u16> = kept.iter().zip(0..).map(|(old, new)| (*old, new)).collect();
        // Logs are written when requests end, so that of one instant the shortest come first; by chance is fair.
        self.rows.sort_by_key(|row| (row.at, mix(u64::from(row.first))));
        let (rows, hints) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.hints));
        let (rows, others): (Vec<Row>, Vec<Row>) = rows
            .into_iter()
            .partition(|row| self.tries(row).iter().all(|one| numbers.contains_key(&one.backend)));
        self.counts.of_rare_backends = others.len() - self.counts.of_other_pools;
        if rows.len() < FEWEST * kept.len() {
            let (requests, backends) = (rows.len(), kept.len());
            return Err(LogError::TooFew { requests, backends, needed: FEWEST });
        }
        self.counts.retried = rows.iter().filter(|row| row.retried).count();
        let resolution = self.resolution(&rows)?;
        let (routes, of_pattern) = self.routes(&rows);
        let began = rows[0].at;
        // What was cut off a timer is half a unit on average; differences are right on average.
        let is_cut = resolution.durations_cut && !self.maker.subtracts_idle_time();
        let cut = if is_cut { resolution.unit.mul_f64(0.5) } else { Span::ZERO };
        let since =
            |at: i128, offset: Span| Time::from_nanos(u64::try_from(at - began).unwrap_or(u64::MAX)) + offset;
        let route =
            |row: &Row| of_pattern.get(row.pattern as usize).copied().unwrap_or(routes.len() as u16 - 1);
        let mut exchanges = Vec::with_capacity(self.attempts.len());
        let mut requests = Vec::with_capacity(rows.len());
        for row in &rows {
            let tries = self.tries(row);
            for one in tries {
                exchanges.push(Exchange {
                    sent: since(row.at, one.tried.offset),
                    latency: one.tried.latency.map(|latency| latency + cut),
                    service: None,
                    backend: numbers[&one.backend],
                    route: route(row),
                    balancer: 0,
                    hints: row.hints,
                    end: one.tried.end,
                });
            }
            let (first, last) = (&tries[0], &tries[tries.len() - 1]);
            let end = last.tried.latency.map(|latency| last.tried.offset + latency + cut);
            requests.push(LoggedRequest {
                at: since(row.at, first.tried.offset),
                route: route(row),
                backend: numbers[&first.backend],
                client: row.client,
                latency: end.map(|end| end.saturating_sub(first.tried.offset)),
                served: last.tried.end == End::Served,
            });
        }
        exchanges.sort_by_key(|exchange| exchange.sent);
        requests.sort_by_key(|request| request.at);
        let names: Vec<String> =
            kept.iter().map(|old| self.backends.list[usize::from(*old)].clone()).collect();
        let notes = notes(&self.counts, &requests, resolution.unit);
        let episode = Episode {
            run: "log".to_owned(),
            policy: "as logged".to_owned(),
            exploration: 0.0,
            balancers: 1,
            exchanges,
        };
        let traces = Traces {
            backends: ids(&names),
            weights: vec![1.0; names.len()],
            routes,
            hints,
            episodes: vec![episode],
        };
        let (maker, counts) = (self.maker, self.counts);
        let server_weight = maker::server_weight(self.groups.iter().map(String::as_str));
        Ok(AccessLog { traces, names, requests, maker, server_weight, resolution, began, counts, notes })
    }

    fn tries(&self, row: &Row) -> &[Try] {
        &self.attempts[row.first as usize..row.first as usize + usize::from(row.attempts)]
    }

    fn check_fields(&self) -> Result<(), LogError> {
        let entries = self.counts.entries;
        if entries == 0 {
            return Err(LogError::Empty);
        }
        if self.named == 0 {
            return Err(LogError::NoBackends { entries });
        }
        if self.rows.is_empty() {
            return Err(LogError::NoTimes { entries });
        }
        let Some(latencies) = self.latencies.span() else { return Err(LogError::NoLatencies) };
        let second = Some(Span::from_secs(1));
        if latencies.as_secs_f64() >= 1.0 || self.clocks.span() == second || self.ends.span() == second {
            return Err(LogError::WholeSeconds);
        }
        Ok(())
    }

    /// Returns the old numbers of the backends to keep, in the order of their names, and counts the requests
    /// of the others.
    fn kept_backends(&mut self, pool_of: Option<&str>) -> Result<Vec<u16>, LogError> {
        let names = |backends: &[usize]| {
            let mut names: Vec<&str> = backends.iter().map(|one| self.backends.list[*one].as_str()).collect();
            names.sort_by_key(|name| natural(name));
            names.join(", ")
        };
        let pools = self.pools.pools();
        let pool = match (pools.len(), pool_of) {
            (0 | 1, None) => (0..self.backends.list.len()).collect(),
            (_, None) => {
                return Err(LogError::SeveralPools { pools: pools.iter().map(|pool| names(pool)).collect() });
            }
            (_, Some(wanted)) => {
                let place = self.backends.list.iter().position(|name| name == wanted);
                let known = (0..self.backends.list.len()).collect::<Vec<usize>>();
                let missing = || LogError::NoSuchBackend { name: wanted.to_owned(), known: names(&known) };
                let place = place.ok_or_else(missing)?;
                pools.into_iter().find(|pool| pool.contains(&place)).ok_or_else(missing)?
            }
        };
        let mut requests = vec![0usize; self.backends.list.len()];
        for row in &self.rows {
            let first = usize::from(self.tries(row)[0].backend);
            requests[first] += 1;
            self.counts.of_other_pools += usize::from(!pool.contains(&first));
        }
        let total: usize = pool.iter().map(|backend| requests[*backend]).sum();
        let often = |backend: &usize| requests[*backend] as f64 >= RARE * total as f64;
        let mut kept: Vec<usize> = pool.into_iter().filter(often).collect();
        if let [only] = kept[..] {
            return Err(LogError::OneBackend { name: self.backends.list[only].clone() });
        }
        kept.sort_by_key(|backend| natural(&self.backends.list[*backend]));
        Ok(kept.into_iter().map(|backend| backend as u16).collect())
    }

    /// Returns how exact all times are. Refuses a unit that hides how long requests take.
    fn resolution(&self, rows: &[Row]) -> Result<Resolution, LogError> {
        let resolution = self.clocks.span().max(self.latencies.span()).unwrap_or(Span::ZERO);
        let resolution = if resolution <= Span::from_nanos(1) { Span::ZERO } else { resolution };
        let latencies = || rows.iter().flat_map(|row| self.tries(row)).filter_map(|one| one.tried.latency);
        let mean = latencies().map(Span::as_secs_f64).sum::<f64>() / latencies().count().max(1) as f64;
        if mean < resolution.as_secs_f64() {
            let unit_ms = resolution.as_micros() / 1_000;
            return Err(LogError::TooCoarse { mean_us: (mean * 1e6) as u64, unit_ms });
        }
        Ok(Resolution { unit: resolution, durations_cut: 2 * self.timed > self.attempts.len() })
    }

    fn routes(&self, rows: &[Row]) -> (Vec<String>, Vec<u16>) {
        let mut requests = vec![0u64; self.patterns.list.len()];
        let mut nanos = vec![0u64; self.patterns.list.len()];
        for row in rows.iter().filter(|row| row.pattern != u32::MAX) {
            let took = self.tries(row).iter().filter_map(|one| one.tried.latency);
            requests[row.pattern as usize] += 1;
            nanos[row.pattern as usize] += took.map(Span::as_nanos).sum::<u64>();
        }
        routes::choose(&self.patterns.list, &requests, &nanos)
    }
}

/// Reads what a request says about its cost into the hints of all, and returns where it is.
fn said(reader: &Reader, entry: &Entry, all: &mut RecordedHints) -> HintPlace {
    let length = Some(entry.body.len() as u64).filter(|length| *length > 0);
    let header = |name: &str| {
        let mut fields = entry.headers.iter();
        fields.find(|(of_field, _)| of_field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_bytes())
    };
    let hints = reader.read(&entry.target, length, header);
    if hints.as_slice().iter().any(|hint| !all.has_text(hint.name)) {
        reader.describe(&entry.target, &mut |_, text| {
            all.name(text);
        });
    }
    all.push(&hints)
}

/// Returns a key that sorts numbers within names by value: `b2` before `b10`.
fn natural(name: &str) -> Vec<(bool, u64, String)> {
    let digit = |c: char| c.is_ascii_digit();
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| digit(c) != digit(first)).unwrap_or(rest.len());
        let (part, left) = rest.split_at(end);
        parts.push((!digit(first), part.parse().unwrap_or(0), part.to_owned()));
        rest = left;
    }
    parts
}

/// Returns an id for each backend that configurations of load balancers also allow.
fn ids(names: &[String]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::with_capacity(names.len());
    for (number, name) in names.iter().enumerate() {
        let plain: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
        let plain = plain.trim_matches('-').to_owned();
        let fits = lb_core::topology::is_part(&plain) && !ids.contains(&plain);
        ids.push(if fits { plain } else { format!("backend-{}", number + 1) });
    }
    ids
}

fn notes(counts: &Counts, requests: &[LoggedRequest], resolution: Span) -> Vec<String> {
    let mut notes = Vec::new();
    let share = |count: usize| count as f64 / counts.entries.max(1) as f64 * 100.0;
    for (count, what) in [
        (counts.without_backend, "reached no backend (files, caches, redirections, refusals)"),
        (counts.without_time, "have no time"),
        (counts.of_other_pools, "went to other pools"),
        (counts.of_rare_backends, "went to backends with less than 0.2 % of all requests"),
    ] {
        if count > 0 {
            notes.push(format!(
                "{count} of {} entries ({:.1} %) {what}, and are left out",
                counts.entries,
                share(count)
            ));
        }
    }
    if counts.retried > 0 {
        notes.push(format!(
            "{} requests ({:.1} %) took more than one attempt; simulated load balancers do not retry",
            counts.retried,
            share(counts.retried)
        ));
    }
    let known = || requests.iter().filter_map(|request| request.latency);
    let mean = known().map(Span::as_secs_f64).sum::<f64>() / known().count().max(1) as f64;
    let unit = resolution.as_secs_f64();
    if unit > 0.0 && mean < ROUGH * unit {
        notes.push(format!(
            "requests take {:.1} ms on average and times are logged in units of {} ms, so short services are known \
             roughly",
            mean * 1e3,
            resolution.as_millis_f64()
        ));
    }
    notes
}
