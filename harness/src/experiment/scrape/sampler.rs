//! Samples all targets while a trial is measured: one task for each, on the thread of the orchestrator, which sends no
//! load. A target that hangs delays no other, and whatever one does ends as a note.

use super::endpoint::Endpoint;
use super::fetch::Fetcher;
use super::limit;
use super::reader::Reader;
use lb_core::{Span, plain};
use lb_results::{ResourceRecord, SampledSeries, ScrapeTrouble, ScrapedTarget};
use lb_scrape::{MOST_SAMPLES, Scraped};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::MissedTickBehavior;

/// The most different failures of a target that are told; the others are counted together.
const MOST_FAILURES: usize = 8;

/// Samples targets until it is stopped. Its tasks end with it.
pub(in crate::experiment) struct Sampler {
    stop: watch::Sender<bool>,
    interval: Duration,
    tasks: Vec<(Endpoint, JoinHandle<Readings>)>,
}

/// The readings of one target.
#[derive(Debug, Default)]
struct Readings {
    count: u64,
    /// Failed readings by what happened, which is the end of a sentence about readings.
    failures: BTreeMap<String, u64>,
    scraped: Scraped,
}

impl Sampler {
    /// Starts to read each target every `interval`, at once for the first time. `length` is how long the trial will take:
    /// one of many hours is read less often, so that the number of samples is bounded. Times count from `begun`.
    pub(in crate::experiment) fn start(
        endpoints: Vec<Endpoint>,
        interval: Span,
        length: Span,
        begun: Instant,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let fetcher = Fetcher::new(limit(interval));
        let interval = Duration::from(interval).max(Duration::from(length) / MOST_SAMPLES as u32);
        let tasks = endpoints
            .into_iter()
            .map(|endpoint| {
                let task = follow(endpoint.clone(), fetcher.clone(), interval, begun, stopped.clone());
                (endpoint, tokio::spawn(task))
            })
            .collect();
        Self { stop, interval, tasks }
    }

    /// Ends all readings, and returns what they gave. A reading in progress does not count.
    pub(in crate::experiment) async fn stop(self) -> ResourceRecord {
        self.stop.send_replace(true);
        let mut targets = Vec::new();
        for (endpoint, task) in self.tasks {
            let readings = task.await.unwrap_or_else(|error| {
                tracing::error!(name = endpoint.name, %error, "sampling ended early");
                Readings::failed("ended with a fault of `bench`, which lost what was read before")
            });
            targets.push(readings.into_target(&endpoint));
        }
        ResourceRecord { interval_s: self.interval.as_secs_f64(), targets }
    }
}

/// Reads one target until it is told to stop.
async fn follow(
    endpoint: Endpoint,
    fetcher: Fetcher,
    interval: Duration,
    begun: Instant,
    mut stopped: watch::Receiver<bool>,
) -> Readings {
    let mut readings = Readings::default();
    let mut reader = Reader::of(&endpoint);
    let mut tick = tokio::time::interval(interval);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            _ = stopped.changed() => break,
            _ = tick.tick() => {}
        }
        let sent = begun.elapsed();
        let answer = tokio::select! {
            biased;
            _ = stopped.changed() => break,
            answer = fetcher.fetch(&endpoint) => answer,
        };
        readings.count += 1;
        // The target looked at its values at some time in between.
        let at_s = (sent + (begun.elapsed() - sent) / 2).as_secs_f64();
        match answer {
            Err(error) => readings.fail(&error.to_string()),
            Ok(page) => {
                // A page of megabytes would keep the orchestrator from its other duties.
                let read = spawn_blocking(move || {
                    let result = reader.read(at_s, &page);
                    (reader, result)
                });
                let Ok((back, result)) = read.await else {
                    return Readings::failed(
                        "ended with a fault of `bench`, which lost what was read before",
                    );
                };
                reader = back;
                if let Err(why) = result {
                    readings.fail(&why);
                }
            }
        }
    }
    readings.scraped = reader.finish();
    readings
}

impl Readings {
    /// Returns the readings of a target of which nothing is left.
    fn failed(why: &str) -> Self {
        Self { count: 1, failures: BTreeMap::from([(why.to_owned(), 1)]), ..Self::default() }
    }

    fn fail(&mut self, why: &str) {
        let why = plain::line(why);
        let is_told = self.failures.contains_key(why.as_ref()) || self.failures.len() < MOST_FAILURES;
        let why = if is_told { why.into_owned() } else { "failed in other ways".to_owned() };
        *self.failures.entry(why).or_default() += 1;
    }

    fn into_target(self, endpoint: &Endpoint) -> ScrapedTarget {
        let Scraped { series, troubles, left_out } = self.scraped;
        let failures = self.failures.into_iter();
        let troubles = troubles.into_iter().map(|(trouble, count)| (trouble.to_string(), count));
        let told = failures
            .chain(troubles)
            .map(|(what, readings)| ScrapeTrouble { what: plain::line(&what).into_owned(), readings });
        ScrapedTarget {
            name: plain::line(&endpoint.name).into_owned(),
            url: plain::line(&endpoint.shown()).into_owned(),
            readings: self.count,
            troubles: told.collect(),
            left_out,
            series: series
                .into_iter()
                .map(|one| SampledSeries {
                    name: plain::line(&one.name).into_owned(),
                    unit: one.unit.to_owned(),
                    samples: one.samples,
                })
                .collect(),
        }
    }
}
