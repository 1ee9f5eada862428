//! Series: how one metric of one algorithm came out, run after run.

use crate::database::{Row, Value};
use crate::error::{HistoryError, Trouble};
use crate::history::{History, from, to};
use crate::metric::MetricName;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// The values of one metric of one algorithm in one scenario of one experiment on one machine, in order of time.
#[derive(Clone, Debug)]
pub struct Series {
    /// What the numbers depend on besides algorithms, seed and repetitions: `fingerprint` in `summary.json`.
    pub fingerprint: String,
    /// The machine.
    pub host: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the algorithm.
    pub algorithm: String,
    /// The metric.
    pub metric: MetricName,
    /// The largest effect that is noise, as the last A/A run of this experiment on this machine measured it. `None` if none did.
    pub noise_floor: Option<f64>,
    /// The values, the oldest first.
    pub points: Vec<Point>,
}

/// The value of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Name of the run.
    pub run_id: String,
    /// Time at which the run began (RFC 3339).
    pub started_at: String,
    /// What was tested; empty if nobody said.
    pub subject: String,
    /// Name of the config.
    pub config: String,
    /// The engine: `live` or `sim`.
    pub engine: String,
    /// The load balancer that was driven.
    pub load_balancer: String,
    /// Number of valid trials.
    pub trials: i64,
    /// The estimate over them, in the metric's own unit.
    pub value: f64,
    /// Its 95 % interval. Null with fewer than 5 trials.
    pub interval: Option<[f64; 2]>,
}

/// Which series are meant. What is empty or `None` selects all.
#[derive(Clone, Debug, Default)]
pub struct SeriesFilter {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the algorithm.
    pub algorithm: String,
    /// The metric.
    pub metric: Option<MetricName>,
    /// The host.
    pub host: String,
    /// Name of the config.
    pub config: String,
    /// Runs that began at this time or later.
    pub since: Option<Timestamp>,
    /// Runs that began before this time.
    pub before: Option<Timestamp>,
}

/// What tells series apart.
type Key = (String, String, String, String, MetricName);

impl History {
    /// Reads series, without A/A runs. Series with other fingerprints or hosts are never put together.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn series(&mut self, filter: &SeriesFilter) -> Result<Vec<Series>, HistoryError> {
        let sql = "SELECT fingerprint, host, e.scenario, e.algorithm, e.metric, r.run_id, r.started_at, r.subject, r.config, \
                   r.engine, r.load_balancer, e.trials, e.estimate, e.low, e.high \
                   FROM bench_estimates e JOIN bench_runs r ON r.run_id = e.run_id \
                   WHERE r.is_aa = 0 AND ($1 = '' OR e.scenario = $1) AND ($2 = '' OR e.algorithm = $2) \
                   AND ($3 = '' OR e.metric = $3) AND ($4 = '' OR r.host = $4) AND ($5 = '' OR r.config = $5) \
                   AND r.started_ms >= $6 AND r.started_ms < $7 ORDER BY r.started_ms, r.run_id";
        let metric = filter.metric.map_or("", MetricName::name);
        let values: [Value; 7] = [
            filter.scenario.as_str().into(),
            filter.algorithm.as_str().into(),
            metric.into(),
            filter.host.as_str().into(),
            filter.config.as_str().into(),
            from(filter.since),
            to(filter.before),
        ];
        let mut series: BTreeMap<Key, Vec<Point>> = BTreeMap::new();
        for (key, point) in self.read(sql, &values, |row| Ok((key(row)?, point(row)?)))? {
            // A later version may know more metrics.
            if let Some(key) = key {
                series.entry(key).or_default().push(point);
            }
        }
        let floors = self.noise_floors()?;
        let one = |(key, points): (Key, Vec<Point>)| {
            let noise_floor = floors.get(&key).copied();
            let (fingerprint, host, scenario, algorithm, metric) = key;
            Series { fingerprint, host, scenario, algorithm, metric, noise_floor, points }
        };
        Ok(series.into_iter().map(one).collect())
    }

    /// Returns the noise floors, each as the last A/A run measured it.
    fn noise_floors(&mut self) -> Result<BTreeMap<Key, f64>, HistoryError> {
        let sql = "SELECT fingerprint, host, n.scenario, n.algorithm, n.metric, n.floor \
                   FROM bench_noise_floors n JOIN bench_runs r ON r.run_id = n.run_id ORDER BY r.started_ms, r.run_id";
        let floors = self.read(sql, &[], |row| Ok((key(row)?, row.real()?)))?;
        Ok(floors.into_iter().filter_map(|(key, floor)| Some((key?, floor))).collect())
    }
}

/// Reads what tells series apart. `None` for a metric that this version does not know.
fn key(row: &mut Row) -> Result<Option<Key>, Trouble> {
    let [fingerprint, host, scenario, algorithm] = [row.text()?, row.text()?, row.text()?, row.text()?];
    let metric = row.text()?.parse().ok();
    Ok(metric.map(|metric| (fingerprint, host, scenario, algorithm, metric)))
}

fn point(row: &mut Row) -> Result<Point, Trouble> {
    Ok(Point {
        run_id: row.text()?,
        started_at: row.text()?,
        subject: row.text()?,
        config: row.text()?,
        engine: row.text()?,
        load_balancer: row.text()?,
        trials: row.integer()?,
        value: row.real()?,
        interval: row.optional_real()?.zip(row.optional_real()?).map(|(low, high)| [low, high]),
    })
}
