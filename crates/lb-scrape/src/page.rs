//! Reads the pages of one target, one after the other, into series.

use crate::exposition::{Kind, Labels, Line, Sample, lines};
use crate::selector::{Selector, in_braces};
use crate::table::{Scraped, Table};
use crate::trouble::Trouble;
use crate::wanted::{Measure, Wanted};
use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{BTreeSet, HashMap};

/// The most series of a page that are added up in one quantity.
const MOST_ADDED: usize = 10_000;

/// Why a page gives no values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// It is a page for people.
    #[error("the answer is a web page (HTML), not metrics")]
    WebPage,
    /// It has no line with a value.
    #[error("the answer has no metrics")]
    Empty,
    /// Most of it is something else.
    #[error("the answer is not in the text format of Prometheus: {0}")]
    Foreign(crate::exposition::Malformed),
}

/// Reads the pages of one target.
#[derive(Debug)]
pub struct PageReader {
    wanted: Vec<Quantity>,
    /// The quantities that take a metric, by its name.
    places: HashMap<String, Vec<(usize, Role)>>,
    table: Table,
}

/// Which part of a quantity a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The values that are added up, or the counter above the line of a quotient.
    Part,
    /// The counter below the line.
    Whole,
}

/// A quantity with what is known of it so far.
#[derive(Debug)]
struct Quantity {
    wanted: Wanted,
    /// Whether it is a counter; `None` until it is seen.
    is_counter: Option<bool>,
    groups: BTreeMap<String, Group>,
}

/// One series of a quantity.
#[derive(Debug)]
struct Group {
    /// The place in the table.
    place: usize,
    /// The time of the last reading that had it, and its counters then, by their labels.
    last: Option<(f64, Counters)>,
}

/// The values of a group in one reading, by the labels of their series.
#[derive(Clone, Debug, Default)]
struct Counters {
    part: BTreeMap<String, f64>,
    whole: BTreeMap<String, f64>,
}

impl PageReader {
    /// Makes a reader that takes these quantities.
    pub fn new(wanted: Vec<Wanted>) -> Self {
        let mut places: HashMap<String, Vec<(usize, Role)>> = HashMap::new();
        for (number, one) in wanted.iter().enumerate() {
            let mut take = |selector: &Selector, role| {
                places.entry(selector.name().to_owned()).or_default().push((number, role));
            };
            match &one.measure {
                Measure::Sum { of, .. } => take(of, Role::Part),
                Measure::Quotient { part, whole, .. } => {
                    take(part, Role::Part);
                    take(whole, Role::Whole);
                }
            }
        }
        let quantity = |wanted| Quantity { wanted, is_counter: None, groups: BTreeMap::new() };
        Self { wanted: wanted.into_iter().map(quantity).collect(), places, table: Table::default() }
    }

    /// Returns the number of series that were found so far. A counter is found by its first reading, and has a value
    /// from the second on.
    pub fn found(&self) -> usize {
        self.table.len()
    }

    /// Reads a page that was received at `at_s`, in seconds. Times must grow.
    ///
    /// # Errors
    /// The page has no metrics. The readings before are kept.
    pub fn read(&mut self, at_s: f64, page: &str) -> Result<(), PageError> {
        if page.trim_start().starts_with('<') {
            return Err(PageError::WebPage);
        }
        let mut kinds: HashMap<&str, Kind> = HashMap::new();
        let mut found: Vec<BTreeMap<String, Counters>> = vec![BTreeMap::new(); self.wanted.len()];
        let (mut read, mut broken, mut fault) = (0_usize, 0_usize, None);
        for line in lines(page) {
            match line {
                Ok(Line::Comment) => {}
                Ok(Line::Kind(name, kind)) => {
                    kinds.insert(name, kind);
                }
                Ok(Line::Sample(sample)) => {
                    read += 1;
                    self.take(&sample, &mut found);
                }
                Err(malformed) => {
                    broken += 1;
                    fault.get_or_insert(malformed);
                }
            }
        }
        let failed = match fault {
            Some(fault) if broken > read => Some(PageError::Foreign(fault)),
            None if read == 0 => Some(PageError::Empty),
            _ => None,
        };
        if let Some(error) = failed {
            self.table.forget_reading();
            return Err(error);
        }
        if broken > 0 {
            self.table.note(Trouble::Lines);
        }
        for (quantity, found) in self.wanted.iter_mut().zip(found) {
            quantity.settle_kind(&kinds, !found.is_empty(), &mut self.table);
            quantity.add(at_s, found, &mut self.table);
        }
        self.table.end_reading();
        Ok(())
    }

    /// Adds a value to the quantities that take it.
    fn take(&mut self, sample: &Sample<'_>, found: &mut [BTreeMap<String, Counters>]) {
        let Some(places) = self.places.get(sample.name.as_ref()) else { return };
        for &(number, role) in places {
            let wanted = &self.wanted[number].wanted;
            if !wanted.selector(role).is_some_and(|selector| selector.selects(sample)) {
                continue;
            }
            if !sample.value.is_finite() {
                self.table.note(Trouble::NotFinite);
                continue;
            }
            let counters = found[number].entry(group_of(sample, &wanted.by)).or_default();
            let values = match role {
                Role::Part => &mut counters.part,
                Role::Whole => &mut counters.whole,
            };
            if values.len() >= MOST_ADDED {
                self.table.leave_out();
                continue;
            }
            match values.entry(identity(&sample.labels)) {
                Entry::Vacant(free) => {
                    free.insert(sample.value);
                }
                Entry::Occupied(_) => self.table.note(Trouble::Listed),
            }
        }
    }

    /// Returns what was read.
    pub fn finish(self) -> Scraped {
        self.table.finish()
    }
}

impl Wanted {
    fn selector(&self, role: Role) -> Option<&Selector> {
        match (&self.measure, role) {
            (Measure::Sum { of, .. }, Role::Part) => Some(of),
            (Measure::Quotient { part, .. }, Role::Part) => Some(part),
            (Measure::Quotient { whole, .. }, Role::Whole) => Some(whole),
            (Measure::Sum { .. }, Role::Whole) => None,
        }
    }
}

impl Quantity {
    /// Decides whether the quantity is a counter when it is first seen, and notes if a page says otherwise later.
    fn settle_kind(&mut self, kinds: &HashMap<&str, Kind>, is_there: bool, table: &mut Table) {
        let Measure::Sum { of, rate } = &self.wanted.measure else { return };
        if !is_there || rate.is_some() {
            self.is_counter = self.is_counter.or(*rate);
            return;
        }
        let declared = is_counter(of.name(), kinds);
        match self.is_counter {
            None => self.is_counter = Some(declared.unwrap_or_else(|| of.name().ends_with("_total"))),
            Some(before) if declared.is_some_and(|declared| declared != before) => {
                table.note(Trouble::KindChanged);
            }
            Some(_) => {}
        }
    }

    /// Adds what a reading has of the quantity.
    fn add(&mut self, at_s: f64, found: BTreeMap<String, Counters>, table: &mut Table) {
        if found.is_empty() && self.wanted.is_expected {
            table.note(Trouble::Missing(self.wanted.name.clone()));
        }
        let (unit, is_counter) = (self.unit(), self.is_counter == Some(true));
        for (key, now) in found {
            let kept = self.groups.len();
            let group = match self.groups.entry(key) {
                Entry::Occupied(known) => known.into_mut(),
                // Nothing is remembered of what is not kept.
                Entry::Vacant(_) if kept >= self.wanted.most => {
                    table.leave_out();
                    continue;
                }
                Entry::Vacant(free) => {
                    let name = format!("{} {}", self.wanted.name, free.key());
                    match table.open(name.trim_end(), unit) {
                        Some(place) => free.insert(Group { place, last: None }),
                        None => continue,
                    }
                }
            };
            let place = group.place;
            match &self.wanted.measure {
                Measure::Sum { .. } if !is_counter => table.push(place, at_s, now.part.values().sum()),
                Measure::Sum { .. } => {
                    if let Some((from_s, before)) = &group.last
                        && at_s > *from_s
                    {
                        let grown = growth(&before.part, &now.part, table);
                        table.push(place, from_s.midpoint(at_s), grown / (at_s - from_s));
                    }
                }
                Measure::Quotient { factor, .. } => {
                    if let Some((from_s, before)) = &group.last {
                        let part = growth(&before.part, &now.part, table);
                        let whole = growth(&before.whole, &now.whole, table);
                        if whole > 0.0 {
                            table.push(place, from_s.midpoint(at_s), factor * part / whole);
                        }
                    }
                }
            }
            group.last = Some((at_s, now));
        }
    }

    fn unit(&self) -> &'static str {
        self.wanted.unit.unwrap_or(if self.is_counter == Some(true) { "1/s" } else { "" })
    }
}

/// Adds up how much counters have grown. One that is lower than before started again from zero; one that was not there
/// before began at zero since.
fn growth(before: &BTreeMap<String, f64>, now: &BTreeMap<String, f64>, table: &mut Table) -> f64 {
    let mut sum = 0.0;
    for (series, value) in now {
        let last = before.get(series).copied().unwrap_or(0.0);
        if *value < last {
            table.note(Trouble::Restarted);
        }
        sum += if *value < last { *value } else { value - last };
    }
    sum
}

/// Returns whether a page declares a metric as a counter. `None` if it does not declare it.
fn is_counter(name: &str, kinds: &HashMap<&str, Kind>) -> Option<bool> {
    match kinds.get(name) {
        Some(Kind::Counter) => return Some(true),
        Some(Kind::Gauge) => return Some(false),
        _ => {}
    }
    if let Some(Kind::Counter) = name.strip_suffix("_total").and_then(|base| kinds.get(base)) {
        return Some(true);
    }
    let base = ["_count", "_sum", "_bucket"].into_iter().find_map(|ending| name.strip_suffix(ending))?;
    matches!(kinds.get(base)?, Kind::Histogram | Kind::Summary).then_some(true)
}

/// Returns the labels that tell the series of a quantity apart, as `{pod="a"}`; empty if it has none of them.
fn group_of(sample: &Sample<'_>, by: &[String]) -> String {
    let value = |label: &String| {
        let found = sample.labels.iter().find(|(name, value)| name == label && !value.is_empty());
        found.map(|(name, value)| (name.as_ref(), value.as_ref()))
    };
    in_braces(by.iter().filter_map(value))
}

/// Returns all labels of a series in one text, whatever their order.
fn identity(labels: &Labels<'_>) -> String {
    let sorted: BTreeSet<(&str, &str)> =
        labels.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
    in_braces(sorted)
}

/// Returns the names of the metrics of a page, for suggestions.
pub fn metric_names(page: &str) -> BTreeSet<String> {
    let name = |line| match line {
        Ok(Line::Sample(sample)) => Some(sample.name.into_owned()),
        _ => None,
    };
    lines(page).filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::well_known;

    fn chosen(name: &str, selector: &str, by: &[&str], rate: Option<bool>) -> Wanted {
        let by: Vec<String> = by.iter().map(|&label| label.to_owned()).collect();
        Wanted::chosen(name, selector.parse().expect("a selector"), &by, rate)
    }

    /// Reads one page per second.
    fn read(wanted: Vec<Wanted>, pages: &[&str]) -> Scraped {
        let mut reader = PageReader::new(wanted);
        for (second, page) in pages.iter().enumerate() {
            reader.read(second as f64, page).unwrap_or_else(|error| panic!("{page}: {error}"));
        }
        reader.finish()
    }

    fn samples(scraped: &Scraped) -> Vec<(&str, Vec<[f64; 2]>)> {
        scraped.series.iter().map(|one| (one.name.as_str(), one.samples.clone())).collect()
    }

    #[test]
    fn gauges_are_added_up_and_counters_become_rates() {
        let pages = [
            "# TYPE q gauge\nq{a=\"1\"} 2\nq{a=\"2\"} 3\n# TYPE c_total counter\nc_total{a=\"1\"} 10\nc_total{a=\"2\"} 5\n",
            "# TYPE q gauge\nq{a=\"1\"} 4\nq{a=\"2\"} 3\n# TYPE c_total counter\nc_total{a=\"1\"} 16\nc_total{a=\"2\"} 5\n",
        ];
        let scraped = read(vec![chosen("q", "q", &[], None), chosen("c", "c_total", &["a"], None)], &pages);
        assert_eq!(
            samples(&scraped),
            [
                ("q", vec![[0.0, 5.0], [1.0, 7.0]]),
                ("c {a=\"1\"}", vec![[0.5, 6.0]]),
                ("c {a=\"2\"}", vec![[0.5, 0.0]])
            ],
            "a rate stands in the middle of its second"
        );
        let units: Vec<&str> = scraped.series.iter().map(|one| one.unit).collect();
        assert_eq!(units, ["", "1/s", "1/s"]);
        assert!(scraped.troubles.is_empty(), "{:?}", scraped.troubles);
    }

    #[test]
    fn kinds_are_declared_or_told_by_the_ending_or_by_the_user() {
        let pages = ["a_total 1\nb 1\nh_count 1\n# TYPE h histogram\n", "a_total 3\nb 3\nh_count 3\n"];
        let wanted = vec![
            chosen("a", "a_total", &[], None),
            chosen("b", "b", &[], None),
            chosen("forced", "b", &[], Some(true)),
            chosen("h", "h_count", &[], None),
        ];
        let scraped = read(wanted, &pages);
        let level = vec![[0.0, 1.0], [1.0, 3.0]];
        let rate = vec![[0.5, 2.0]];
        assert_eq!(
            samples(&scraped),
            [("a", rate.clone()), ("b", level), ("forced", rate.clone()), ("h", rate)]
        );
    }

    #[test]
    fn a_counter_that_starts_again_has_grown_by_what_it_counts_since() {
        let scraped =
            read(vec![chosen("c", "c_total", &[], None)], &["c_total 100", "c_total 4", "c_total 10"]);
        assert_eq!(samples(&scraped), [("c", vec![[0.5, 4.0], [1.5, 6.0]])]);
        assert_eq!(scraped.troubles, [(Trouble::Restarted, 1)]);
    }

    #[test]
    fn a_series_of_a_counter_that_appears_later_began_at_zero() {
        let pages = ["c_total{s=\"200\"} 5", "c_total{s=\"200\"} 6\nc_total{s=\"500\"} 3"];
        assert_eq!(
            samples(&read(vec![chosen("c", "c_total", &[], None)], &pages)),
            [("c", vec![[0.5, 4.0]])]
        );
    }

    #[test]
    fn lies_are_left_out_and_counted_by_reading() {
        let pages = [
            "a 1\na 2\nb NaN\nb{x=\"1\"} 1e400\nnonsense here\nmore nonsense\nb{x=\"2\"} 7\nc 1",
            "# TYPE a counter\na 3\nb 1\n",
            "a 3\nnonsense here\n",
        ];
        let wanted = vec![chosen("a", "a", &[], None), chosen("b", "b", &[], None)];
        let scraped = read(wanted, &pages);
        assert_eq!(
            samples(&scraped),
            [("a", vec![[0.0, 1.0], [1.0, 3.0], [2.0, 3.0]]), ("b", vec![[0.0, 7.0], [1.0, 1.0]])],
            "the first of two values counts, and what was a gauge stays one"
        );
        let expected = [
            (Trouble::Lines, 2),
            (Trouble::NotFinite, 1),
            (Trouble::Listed, 1),
            (Trouble::KindChanged, 1),
            (Trouble::Missing("b".to_owned()), 1),
        ];
        assert_eq!(scraped.troubles, expected);
    }

    #[test]
    fn what_is_not_metrics_is_refused_and_what_was_read_stays() {
        let mut reader = PageReader::new(vec![chosen("a", "a", &[], None)]);
        reader.read(0.0, "a 1").expect("a page");
        for (page, error) in [
            ("<!DOCTYPE html><p>a 1", PageError::WebPage),
            ("", PageError::Empty),
            ("# HELP a b\n", PageError::Empty),
        ] {
            assert_eq!(reader.read(1.0, page), Err(error), "{page}");
        }
        for page in ["{\"status\": \"success\"}", "not found", "a 1\nb\nc"] {
            assert!(matches!(reader.read(1.0, page), Err(PageError::Foreign(_))), "{page}");
        }
        assert_eq!(samples(&reader.finish()), [("a", vec![[0.0, 1.0]])]);
    }

    #[test]
    fn the_number_of_series_is_bounded_and_what_is_left_out_is_told() {
        let many: String = (0..1000).map(|number| format!("q{{id=\"{number}\"}} 1\n")).collect();
        let scraped = read(vec![chosen("q", "q", &["id"], None)], &[&many, &many]);
        assert_eq!(scraped.series.len(), Wanted::MOST);
        assert_eq!(scraped.left_out, 1000 - Wanted::MOST);
        let all: Vec<Wanted> = (0..50).map(|number| chosen(&format!("q{number}"), "q", &[], None)).collect();
        let scraped = read(all, &["q 1"]);
        assert_eq!((scraped.series.len(), scraped.left_out), (crate::MOST_SERIES, 50 - crate::MOST_SERIES));
    }

    #[test]
    fn well_known_metrics_are_taken_without_being_chosen() {
        let page = |cpu: f64, fallback: u32, sum: f64, count: u32| {
            format!(
                "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {cpu}\n\
                 process_resident_memory_bytes 1e6\n\
                 rl_fallback_total{{service=\"shop\",reason=\"stale\"}} {fallback}\n\
                 rl_decisions_total{{service=\"shop\",decision_type=\"rl\"}} {}\n\
                 rl_decisions_total{{service=\"shop\",decision_type=\"fallback\"}} {fallback}\n\
                 lb_proxy_request_duration_seconds_sum {sum}\nlb_proxy_request_duration_seconds_count {count}\n\
                 unknown 3\n",
                10 * fallback
            )
        };
        let pages = [page(1.0, 0, 0.0, 0), page(1.5, 10, 2.0, 100), page(1.5, 10, 2.0, 100)];
        let scraped = read(well_known("lb"), &pages.each_ref().map(String::as_str));
        let found: BTreeMap<&str, Vec<[f64; 2]>> = samples(&scraped).into_iter().collect();
        assert_eq!(found["lb cpu"], [[0.5, 0.5], [1.5, 0.0]]);
        assert_eq!(found["lb memory"], [[0.0, 1e6], [1.0, 1e6], [2.0, 1e6]]);
        assert_eq!(found["lb time in the load balancer"], [[0.5, 20.0]], "no value while nothing happens");
        let share = found["lb fallback share of rl"][0][1];
        assert!((share - 10.0 / 110.0).abs() < 1e-12, "{share}");
        assert_eq!(found.len(), 5, "{found:?}");
    }

    #[test]
    fn containers_are_told_apart_by_their_labels() {
        let page = "container_memory_working_set_bytes{id=\"/\"} 9\n\
                    container_memory_working_set_bytes{id=\"/a\",namespace=\"n\",pod=\"p\",container=\"c\"} 3\n";
        let scraped = read(well_known("node"), &[page]);
        let names: Vec<&str> = scraped.series.iter().map(|one| one.name.as_str()).collect();
        let of_pod = "node container memory {namespace=\"n\", pod=\"p\", container=\"c\"}";
        assert_eq!(names, ["node container memory", of_pod]);
    }

    #[test]
    fn names_are_listed_for_suggestions() {
        let names = metric_names("a 1\nb{c=\"d\"} 2\na{x=\"y\"} 3\nbroken\n");
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
