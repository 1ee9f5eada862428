//! What belongs together on the page: the series of one experiment on one machine, over the same runs.

use super::Mark;
use crate::metric::MetricName;
use crate::series::{Point, Series};
use lb_report::parts::count;
use std::collections::{BTreeMap, HashMap};

/// The length of a fingerprint on the page.
const SHORT: usize = 8;

/// The series of one experiment on one machine.
#[derive(Debug)]
pub(super) struct Experiment<'a> {
    /// All runs of these series, the oldest first.
    pub(super) runs: Vec<&'a Point>,
    /// The place of each run.
    places: HashMap<&'a str, usize>,
    host: &'a str,
    fingerprint: &'a str,
    series: Vec<&'a Series>,
    marks: Vec<&'a Mark<'a>>,
}

/// Puts series of the same experiment on the same machine together; the experiment that ran last comes first.
pub(super) fn experiments<'a>(series: &'a [Series], marks: &'a [Mark<'a>]) -> Vec<Experiment<'a>> {
    let mut together: BTreeMap<(&str, &str), Vec<&Series>> = BTreeMap::new();
    for one in series.iter().filter(|one| !one.points.is_empty()) {
        together.entry((&one.host, &one.fingerprint)).or_default().push(one);
    }
    let mut all: Vec<Experiment<'_>> = together
        .into_iter()
        .map(|((host, fingerprint), series)| {
            let runs: BTreeMap<_, &Point> = series
                .iter()
                .flat_map(|one| &one.points)
                .map(|point| ((&point.started_at, &point.run_id), point))
                .collect();
            let runs: Vec<&Point> = runs.into_values().collect();
            let places = runs.iter().enumerate().map(|(place, run)| (run.run_id.as_str(), place)).collect();
            let is_here =
                |mark: &&Mark<'_>| mark.change.host == host && mark.change.fingerprint == fingerprint;
            Experiment {
                runs,
                places,
                host,
                fingerprint,
                series,
                marks: marks.iter().filter(is_here).collect(),
            }
        })
        .collect();
    all.sort_by(|one, other| other.last().started_at.cmp(&one.last().started_at));
    all
}

impl<'a> Experiment<'a> {
    fn last(&self) -> &'a Point {
        self.runs[self.runs.len() - 1]
    }

    /// Returns the place of a run among the runs.
    pub(super) fn place(&self, run_id: &str) -> Option<usize> {
        self.places.get(run_id).copied()
    }

    /// Returns the scenarios with their metrics, each with the series of all algorithms.
    pub(super) fn scenarios(&self) -> BTreeMap<&'a str, BTreeMap<MetricName, Vec<&'a Series>>> {
        let mut all: BTreeMap<&str, BTreeMap<MetricName, Vec<&Series>>> = BTreeMap::new();
        for one in &self.series {
            all.entry(&one.scenario).or_default().entry(one.metric).or_default().push(one);
        }
        all
    }

    /// Returns the marks of these series of one scenario and metric.
    pub(super) fn marks_of(&self, series: &[&Series]) -> Vec<&'a Mark<'a>> {
        let is_theirs = |mark: &&&Mark<'_>| {
            let change = mark.change;
            series.iter().any(|one| {
                one.scenario == change.scenario
                    && one.algorithm == change.algorithm
                    && one.metric.name() == change.metric
            })
        };
        self.marks.iter().filter(is_theirs).copied().collect()
    }

    pub(super) fn title(&self) -> String {
        format!("{} on {}", self.last().config, self.host)
    }

    /// Says what ran, how often, and from when to when.
    pub(super) fn about(&self) -> String {
        let last = self.last();
        let what = if last.engine == "sim" { "simulated" } else { last.load_balancer.as_str() };
        let date = |point: &Point| point.started_at.get(..10).unwrap_or(&point.started_at).to_owned();
        let print = self.fingerprint.get(..SHORT).unwrap_or(self.fingerprint);
        let runs = count(self.runs.len(), "run");
        format!("{what}, {runs} from {} to {}, experiment {print}", date(self.runs[0]), date(last))
    }
}
