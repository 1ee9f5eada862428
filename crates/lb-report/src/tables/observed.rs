//! Hits and misses, as an observed header of replies tells them: shares, latencies and what a hit saves.

use super::Table;
use crate::text::{NONE, millis, percent};
use lb_core::observation::ObservedClass;
use lb_results::{HitRatio, Latency, ObservedSummary, ScenarioSummary};

/// The tables of the observed header, and what follows from them in sentences.
pub(crate) struct ObservedTables {
    /// Hits and misses by kind of request.
    pub(crate) hits: Option<Table>,
    /// Replies by value.
    pub(crate) values: Table,
    /// What follows, one sentence for each finding of each algorithm.
    pub(crate) sentences: Vec<String>,
}

/// Makes the tables of the observed header. `None` if none was observed.
pub(crate) fn observed(scenario: &ScenarioSummary) -> Option<ObservedTables> {
    let of = scenario.algorithms.iter().filter_map(|one| Some((one.name.as_str(), one.observed.as_ref()?)));
    tables_of(&of.collect::<Vec<_>>(), "all trials pooled")
}

/// Makes the tables of the observed header for the replies of a load without end, under one name, with what follows from them in sentences.
pub fn observed_alone(name: &str, observed: &ObservedSummary) -> (Vec<Table>, Vec<String>) {
    tables_of(&[(name, observed)], "since the load began").map_or_else(Default::default, |tables| {
        (tables.hits.into_iter().chain([tables.values]).collect(), tables.sentences)
    })
}

fn tables_of(of: &[(&str, &ObservedSummary)], span: &str) -> Option<ObservedTables> {
    let header = &of.first()?.1.header;
    let mut hits = Table::new(
        format!("Hits and misses by `{header}`, {span}. Share of hits: with its 95 % interval"),
        &[
            "Algorithm",
            "Request",
            "Reply",
            "Replies",
            "Share",
            "Avg (ms)",
            "P50 (ms)",
            "P95 (ms)",
            "P99 (ms)",
        ],
    );
    let mut values = Table::new(
        format!("Replies by the value of `{header}`, {span}"),
        &["Algorithm", "Value", "Means", "Replies", "Avg (ms)", "P50 (ms)", "P95 (ms)", "P99 (ms)"],
    );
    let mut sentences = Vec::new();
    for (name, observed) in of {
        hit_rows(&mut hits, name, observed);
        value_rows(&mut values, name, observed);
        sentences.extend(findings(observed).into_iter().map(|finding| format!("{name}: {finding}.")));
    }
    Some(ObservedTables { hits: hits.unless_empty(), values, sentences })
}

fn hit_rows(table: &mut Table, algorithm: &str, observed: &ObservedSummary) {
    let class = |wanted: ObservedClass| {
        // With several values of a class, the table of values has the latency of each.
        let mut of = observed.values.iter().filter(|value| value.class == wanted);
        of.next().filter(|_| of.next().is_none()).and_then(|value| value.latency_ms.as_ref())
    };
    let mut add = |name: String, ratio: &HitRatio, hit: Option<&Latency>, miss: Option<&Latency>| {
        let kinds = [
            (ObservedClass::Hit, ratio.hits, share(ratio), hit),
            (ObservedClass::Miss, ratio.misses, percent(1.0 - ratio.ratio, 1), miss),
        ];
        for (class, replies, share, latency) in kinds {
            let mut row = vec![algorithm.to_owned(), name.clone(), class.name().to_owned()];
            row.extend([replies.to_string(), share]);
            row.extend(latencies(latency));
            table.add(row);
        }
    };
    if let Some(ratio) = &observed.ratio {
        add("all".to_owned(), ratio, class(ObservedClass::Hit), class(ObservedClass::Miss));
    }
    for action in &observed.actions {
        let name = format!("{} {}", action.method, action.name);
        add(name, &action.ratio, action.hit_ms.as_ref(), action.miss_ms.as_ref());
    }
}

fn value_rows(table: &mut Table, algorithm: &str, observed: &ObservedSummary) {
    for value in &observed.values {
        let name = match (&value.value, value.present) {
            (Some(name), _) => name.clone(),
            (None, true) => "further values".to_owned(),
            (None, false) => "without the header".to_owned(),
        };
        let mut row =
            vec![algorithm.to_owned(), name, value.class.name().to_owned(), value.replies.to_string()];
        row.extend(latencies(value.latency_ms.as_ref()));
        table.add(row);
    }
}

/// Returns what follows from what was observed, in clauses.
fn findings(observed: &ObservedSummary) -> Vec<String> {
    let mut findings = Vec::new();
    match &observed.ratio {
        Some(ratio) => findings.push(format!("share of hits {}", share(ratio))),
        None => findings.push(format!(
            "no value of `{}` is a hit or a miss; `bench.observe` says which ones are",
            observed.header
        )),
    }
    findings.extend(observed.gain.as_ref().map(|gain| gain.sentence.clone()));
    if let (Some(ratio), None) = (&observed.ratio, &observed.gain) {
        findings.push(match (ratio.hits, ratio.misses) {
            (_, 0) => "no reply was a miss, so nothing shows what a hit saves; begin with an empty cache and without \
                       a warm-up (`--warm-up 0s`)"
                .to_owned(),
            (0, _) => "no reply was a hit, so nothing shows what a hit saves".to_owned(),
            _ => "no kind of request has both hits and misses with the expected reply, so nothing shows what a hit saves"
                .to_owned(),
        });
    }
    if let Some([first, last]) = &observed.quarters {
        findings.push(format!(
            "from the first to the last quarter of the measured phase, the share of hits went from {} to {}, and the \
             mean latency of hits and misses from {} ms to {} ms",
            percent(first.ratio, 1),
            percent(last.ratio, 1),
            millis(first.mean_ms),
            millis(last.mean_ms)
        ));
    }
    findings
}

/// Formats a share of hits with its interval.
fn share(ratio: &HitRatio) -> String {
    let ends = ratio
        .interval
        .map_or_else(String::new, |[low, high]| format!(" [{}, {}]", percent(low, 1), percent(high, 1)));
    percent(ratio.ratio, 1) + &ends
}

fn latencies(latency: Option<&Latency>) -> [String; 4] {
    let of = |pick: fn(&Latency) -> f64| {
        latency.map_or_else(|| NONE.to_owned(), |latency| format!("{:.2}", pick(latency)))
    };
    [of(|one| one.mean), of(|one| one.p50), of(|one| one.p95), of(|one| one.p99)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::{AlgorithmSummary, HitGain, HitVerdict, ObservedAction, ObservedQuarter, ObservedValue};

    fn latency(mean: f64) -> Option<Latency> {
        let p99 = 3.0 * mean;
        Some(Latency { mean, min: mean, p50: mean, p90: mean, p95: 2.0 * mean, p99, p999: p99, max: p99 })
    }

    fn observed_summary() -> ObservedSummary {
        let ratio = HitRatio { hits: 90, misses: 10, ratio: 0.9, interval: Some([0.85, 0.94]) };
        let value = |value: Option<&str>, class, replies, mean| ObservedValue {
            value: value.map(str::to_owned),
            present: value.is_some(),
            class,
            replies,
            latency_ms: latency(mean),
        };
        ObservedSummary {
            header: "X-Cache".to_owned(),
            values: vec![
                value(Some("HIT"), ObservedClass::Hit, 90, 2.0),
                value(Some("MISS"), ObservedClass::Miss, 10, 20.0),
                value(None, ObservedClass::Other, 5, 1.0),
            ],
            ratio: Some(ratio.clone()),
            actions: vec![ObservedAction {
                name: "user".to_owned(),
                method: "GET".to_owned(),
                ratio,
                hit_ms: latency(2.0),
                miss_ms: latency(20.0),
            }],
            gain: Some(HitGain {
                hit_ms: 2.0,
                miss_ms: 20.0,
                gain: 0.9,
                interval: Some([0.8, 0.95]),
                verdict: HitVerdict::Faster,
                sentence: "hits are faster than misses".to_owned(),
            }),
            quarters: Some([
                ObservedQuarter { ratio: 0.5, mean_ms: Some(11.0) },
                ObservedQuarter { ratio: 1.0, mean_ms: Some(2.0) },
            ]),
        }
    }

    fn scenario(observed: Option<ObservedSummary>) -> ScenarioSummary {
        let algorithm = AlgorithmSummary { name: "p2c".to_owned(), observed, ..AlgorithmSummary::default() };
        ScenarioSummary { algorithms: vec![algorithm], ..ScenarioSummary::default() }
    }

    #[test]
    fn hits_and_misses_stand_one_above_the_other() {
        let tables = observed(&scenario(Some(observed_summary()))).expect("a header was observed");
        let hits = tables.hits.expect("there are hits");
        let row = |number: usize| -> Vec<&str> {
            hits.rows[number].cells.iter().map(|cell| cell.text.as_str()).collect()
        };
        let hit = ["hit", "90", "90.0 % [85.0 %, 94.0 %]", "2.00", "2.00", "4.00", "6.00"];
        assert_eq!((&row(0)[..2], &row(0)[2..]), (&["p2c", "all"][..], &hit[..]));
        assert_eq!(row(1)[2..], ["miss", "10", "10.0 %", "20.00", "20.00", "40.00", "60.00"]);
        assert_eq!((row(2)[1], row(2)[2]), ("GET user", "hit"));
        let last = tables.values.rows.last().expect("rows");
        assert_eq!(
            (last.cells[1].text.as_str(), last.cells[2].text.as_str()),
            ("without the header", "other")
        );
        assert_eq!(
            tables.sentences,
            [
                "p2c: share of hits 90.0 % [85.0 %, 94.0 %].",
                "p2c: hits are faster than misses.",
                "p2c: from the first to the last quarter of the measured phase, the share of hits went from 50.0 % to \
                 100.0 %, and the mean latency of hits and misses from 11.0 ms to 2.0 ms.",
            ]
        );
    }

    #[test]
    fn hits_alone_are_said_to_show_nothing_about_misses() {
        let ratio = HitRatio { hits: 90, misses: 0, ratio: 1.0, interval: None };
        let only = ObservedSummary { ratio: Some(ratio), gain: None, quarters: None, ..observed_summary() };
        let sentences = observed(&scenario(Some(only))).expect("a header was observed").sentences;
        assert!(
            sentences[1].contains("no reply was a miss") && sentences[1].contains("--warm-up 0s"),
            "{sentences:?}"
        );
    }

    #[test]
    fn a_header_without_hits_and_misses_is_said_with_the_way_out() {
        let none = ObservedSummary { header: "X-Pod".to_owned(), ..ObservedSummary::default() };
        let tables = observed(&scenario(Some(none))).expect("a header was observed");
        assert!(tables.hits.is_none());
        assert!(
            tables.sentences[0].contains("no value of `X-Pod` is a hit or a miss"),
            "{:?}",
            tables.sentences
        );
        assert!(observed(&scenario(None)).is_none());
    }
}
