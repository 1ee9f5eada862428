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
    /// What the numbers depend on.
    pub fingerprint: String,
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
                   AND ($6 = '' OR r.fingerprint = $6) AND r.started_ms >= $7 AND r.started_ms < $8 \
                   ORDER BY r.started_ms, r.run_id";
        let metric = filter.metric.map_or("", MetricName::name);
        let values: [Value; 8] = [
            filter.scenario.as_str().into(),
            filter.algorithm.as_str().into(),
            metric.into(),
            filter.host.as_str().into(),
            filter.config.as_str().into(),
            filter.fingerprint.as_str().into(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Database;
    use crate::database::sqlite::Sqlite;
    use crate::history::Access;
    use crate::url::HistoryUrl;
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    /// A database that counts queries.
    struct Counting(Box<dyn Database>, Rc<Cell<usize>>);

    impl Database for Counting {
        fn batch(&mut self, sql: &str) -> Result<(), Trouble> {
            self.0.batch(sql)
        }

        fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Trouble> {
            self.0.execute(sql, values)
        }

        fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Trouble> {
            self.1.set(self.1.get() + 1);
            self.0.query(sql, values)
        }

        fn begin(&mut self) -> Result<(), Trouble> {
            self.0.begin()
        }

        fn has_table(&mut self, name: &str) -> Result<bool, Trouble> {
            self.0.has_table(name)
        }

        fn dialect(&self, schema: &str) -> String {
            self.0.dialect(schema)
        }

        fn shrink(&mut self) -> Result<(), Trouble> {
            self.0.shrink()
        }
    }

    /// Fills a history with runs of 24 series, past the library.
    fn fill(path: &std::path::Path, runs: usize) {
        let mut database = Sqlite::open(path, Duration::ZERO).expect("a file");
        database.begin().expect("nobody else writes");
        for run in 0..runs {
            let sql = "INSERT INTO bench_runs VALUES ($1, '', $2, $3, '', '', '', 'h', '', '', '', 'live', '', 'c', '', '', 'f', '0', \
                       0, 0, 1, 1, '', '[]')";
            let began = Timestamp::from_second(1_700_000_000 + 86_400 * run as i64).expect("a time");
            let values: [Value; 3] =
                [format!("run-{run}").into(), began.to_string().into(), began.as_millisecond().into()];
            database.execute(sql, &values).expect("a row");
            for series in 0..24 {
                let sql = "INSERT INTO bench_estimates VALUES ($1, 's', $2, $3, 5, $4, $5, $6, 1, 2)";
                let values: [Value; 6] = [
                    format!("run-{run}").into(),
                    format!("a{}", series / 8).into(),
                    MetricName(lb_results::Metric::ALL[series % 8]).name().into(),
                    1.5.into(),
                    1.4.into(),
                    1.6.into(),
                ];
                database.execute(sql, &values).expect("a row");
            }
        }
        database.batch("COMMIT").expect("it is written");
    }

    #[test]
    fn all_series_are_read_in_two_queries_however_many_runs_there_are() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("h.db");
        let url = HistoryUrl::Sqlite(path.clone());
        let mut history = History::open(&url, Access::Create, Duration::ZERO).expect("a new file");
        fill(&path, 1_000);
        let queries = Rc::new(Cell::new(0));
        let inner = Sqlite::open(&path, Duration::ZERO).expect("a file");
        history.database = Box::new(Counting(Box::new(inner), Rc::clone(&queries)));
        let series = history.series(&SeriesFilter::default()).expect("series");
        assert_eq!((series.len(), queries.get()), (24, 2));
        assert!(series.iter().all(|one| one.points.len() == 1_000));
    }
}
