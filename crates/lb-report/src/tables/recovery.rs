//! How long each algorithm takes to recover from the highest peak of the load.

use super::{Cell, Table, Tone};
use crate::text::{NONE, fixed, millis, seconds};
use lb_results::{LoadUnit, RecoverySummary, RecoveryVerdict, ScenarioSummary};

/// Tabulates the recovery of each algorithm. `None` if the load has no peak.
pub(crate) fn recovery(scenario: &ScenarioSummary) -> Option<Table> {
    let of = || scenario.algorithms.iter().filter_map(|one| Some((&one.name, one.recovery.as_ref()?)));
    let peak = &of().next()?.1.peak;
    let unit = match peak.unit {
        LoadUnit::Users => "users",
        LoadUnit::ArrivalsPerSecond => "arrivals/s",
    };
    let caption = format!(
        "Time from the end of the peak of {:.0} {unit} (from {} to {}) until the mean latency was back within the limit, \
         with its 95 % interval",
        peak.load,
        seconds(peak.start_s),
        seconds(peak.end_s)
    );
    let header =
        ["Algorithm", "Recovery", "Interval", "Trials", "Usual (ms)", "Limit (ms)", "Resolution", "Result"];
    let mut table = Table::new(caption, &header);
    for (name, recovery) in of() {
        let tone = match recovery.verdict {
            RecoveryVerdict::Recovered => Tone::Good,
            RecoveryVerdict::NotRecovered => Tone::Bad,
            RecoveryVerdict::NotEnoughData => Tone::Care,
        };
        let mut cells: Vec<Cell> = row(name, recovery).into_iter().map(Cell::from).collect();
        cells.push(Cell::toned(result(recovery), tone));
        table.add_toned(Tone::Plain, cells);
    }
    table.unless_empty()
}

/// Returns a sentence on the recovery of each algorithm.
pub(crate) fn recovery_sentences(scenario: &ScenarioSummary) -> Vec<String> {
    let of = scenario.algorithms.iter().filter_map(|one| Some((&one.name, one.recovery.as_ref()?)));
    of.map(|(name, recovery)| format!("{name}: {}.", recovery.sentence)).collect()
}

fn row(name: &str, recovery: &RecoverySummary) -> Vec<String> {
    let time = |value: f64| format!("{} s", fixed(Some(value), 1));
    vec![
        name.to_owned(),
        recovery.seconds.map_or_else(|| NONE.to_owned(), time),
        recovery
            .interval
            .map_or_else(|| NONE.to_owned(), |[low, high]| format!("{} to {}", time(low), time(high))),
        format!("{} of {}", recovery.recovered, recovery.trials),
        millis(recovery.reference_ms),
        millis(recovery.limit_ms),
        recovery.resolution_s.map_or_else(|| NONE.to_owned(), seconds),
    ]
}

fn result(recovery: &RecoverySummary) -> String {
    match recovery.verdict {
        RecoveryVerdict::Recovered => "recovered".to_owned(),
        RecoveryVerdict::NotRecovered => {
            format!("not recovered within {}", seconds(recovery.peak.until_s - recovery.peak.end_s))
        }
        RecoveryVerdict::NotEnoughData => "not enough data".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::{AlgorithmSummary, LoadPeak, RecoveryReference};

    #[test]
    fn each_algorithm_has_a_row_and_an_honest_result() {
        let peak = LoadPeak {
            unit: LoadUnit::Users,
            before: 1.0,
            load: 50.0,
            after: 1.0,
            start_s: 20.0,
            end_s: 40.0,
            until_s: 100.0,
        };
        let recovered = RecoverySummary {
            peak,
            reference: Some(RecoveryReference::Before),
            reference_ms: Some(10.0),
            limit_ms: Some(12.5),
            resolution_s: Some(0.5),
            trials: 3,
            recovered: 3,
            seconds: Some(4.2),
            interval: Some([3.5, 5.0]),
            verdict: RecoveryVerdict::Recovered,
            sentence: "recovered 4.2 s after the peak".to_owned(),
        };
        let not = RecoverySummary {
            recovered: 1,
            seconds: None,
            interval: None,
            verdict: RecoveryVerdict::NotRecovered,
            ..recovered.clone()
        };
        let of = |name: &str, recovery| AlgorithmSummary {
            name: name.to_owned(),
            recovery: Some(recovery),
            ..AlgorithmSummary::default()
        };
        let algorithms = vec![of("p2c", recovered), of("random", not)];
        let scenario = ScenarioSummary { algorithms, ..ScenarioSummary::default() };
        let table = recovery(&scenario).expect("there is a peak");
        assert!(table.caption.contains("the peak of 50 users (from 20 s to 40 s)"), "{}", table.caption);
        let text = |row: usize| -> Vec<&str> {
            table.rows[row].cells.iter().map(|cell| cell.text.as_str()).collect()
        };
        assert_eq!(
            text(0),
            ["p2c", "4.2 s", "3.5 s to 5.0 s", "3 of 3", "10.0", "12.5", "0.5 s", "recovered"]
        );
        assert_eq!(text(1)[1..4], [NONE, NONE, "1 of 3"]);
        assert_eq!(text(1)[7], "not recovered within 60 s");
        assert_eq!(recovery_sentences(&scenario)[0], "p2c: recovered 4.2 s after the peak.");
        assert!(recovery(&ScenarioSummary::default()).is_none());
    }
}
