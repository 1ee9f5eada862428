//! Resources beside latency: what scraped targets said while a trial was measured, and its CSV file.

use anyhow::Result;
use lb_core::plain;
use serde::{Deserialize, Serialize};
use std::io::Write;

/// What scraped targets said during the measured phase of one trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceRecord {
    /// Intended time between two readings of a target, in seconds.
    pub interval_s: f64,
    /// The targets, in the order of the config; each backend is a target of its own.
    pub targets: Vec<ScrapedTarget>,
}

/// What one target said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScrapedTarget {
    /// Name of the target in messages.
    pub name: String,
    /// Address of the target, with its password masked.
    pub url: String,
    /// Number of readings that were begun and had the time to end.
    pub readings: u64,
    /// What was wrong, in words that follow "reading", with the number of readings that had it.
    pub troubles: Vec<ScrapeTrouble>,
    /// The most series that one reading had beyond those that are kept.
    pub left_out: usize,
    /// The series with their samples.
    pub series: Vec<SampledSeries>,
}

/// Something that was wrong in readings of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrapeTrouble {
    /// What was wrong, as the end of a sentence about readings.
    pub what: String,
    /// Number of readings that had it.
    pub readings: u64,
}

/// One series of a target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SampledSeries {
    /// Name of the series, unique in a run.
    pub name: String,
    /// Unit of the values, such as `bytes` or `1/s`; empty if it is not known.
    pub unit: String,
    /// Pairs of time and value, in order of time. The time is in seconds from the start of the measured phase; a rate
    /// stands in the middle of the time that it covers.
    pub samples: Vec<[f64; 2]>,
}

/// Writes every sample of a trial: target, series, unit, time and value.
pub(crate) fn write_resources(out: &mut dyn Write, record: &ResourceRecord) -> Result<()> {
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    csv.write_record(["target", "series", "unit", "at_s", "value"])?;
    for target in &record.targets {
        for series in &target.series {
            let names = [&target.name, &series.name, &series.unit].map(|text| plain::cell(text));
            for [at_s, value] in &series.samples {
                let numbers = [format!("{at_s:.3}"), value.to_string()];
                let cells = names.iter().map(|name| &**name).chain(numbers.iter().map(String::as_str));
                csv.write_record(cells)?;
            }
        }
    }
    csv.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_a_row_and_names_cannot_be_formulas() {
        let series = SampledSeries {
            name: "=cpu, \"a\"".to_owned(),
            unit: "cores".to_owned(),
            samples: vec![[0.5, 0.25], [1.5, -1e-7]],
        };
        let target =
            ScrapedTarget { name: "lb".to_owned(), series: vec![series], ..ScrapedTarget::default() };
        let mut out = Vec::new();
        write_resources(&mut out, &ResourceRecord { interval_s: 1.0, targets: vec![target] })
            .expect("a file");
        let expected = "target,series,unit,at_s,value\r\n\
                        lb,\"'=cpu, \"\"a\"\"\",cores,0.500,0.25\r\n\
                        lb,\"'=cpu, \"\"a\"\"\",cores,1.500,-0.0000001\r\n";
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}
