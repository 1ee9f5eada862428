//! The names of metrics in a history: those of `summary.json`.

use lb_core::suggest::did_you_mean;
use lb_results::Metric;
use std::fmt;
use std::str::FromStr;

/// A metric by its name in files, such as `p99` or `error_rate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricName(pub Metric);

impl MetricName {
    /// Returns the name.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Metric::Mean => "mean",
            Metric::P50 => "p50",
            Metric::P95 => "p95",
            Metric::P99 => "p99",
            Metric::P999 => "p999",
            Metric::ErrorRate => "error_rate",
            Metric::Goodput => "goodput",
            Metric::JainIndex => "jain_index",
        }
    }

    /// Returns the unit: `ms`, `1/s`, or nothing for a share from 0 to 1.
    pub const fn unit(self) -> &'static str {
        match self.0 {
            Metric::Goodput => "1/s",
            Metric::ErrorRate | Metric::JainIndex => "",
            _ => "ms",
        }
    }

    /// Returns which values are better: `lower`, `higher`, or nothing for a metric that only describes.
    pub const fn better(self) -> &'static str {
        match (self.0.has_direction(), self.0.higher_is_better()) {
            (false, _) => "",
            (_, true) => "higher",
            (_, false) => "lower",
        }
    }
}

impl fmt::Display for MetricName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for MetricName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Metric::ALL.into_iter().map(Self);
        known()
            .find(|metric| metric.name() == text)
            .ok_or_else(|| format!("`{text}` is not a metric{}", did_you_mean(text, known().map(Self::name))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_summary_and_are_read_back() {
        for metric in Metric::ALL {
            let name = MetricName(metric);
            assert_eq!(serde_json::to_value(metric).expect("a word"), name.name());
            assert_eq!(name.name().parse(), Ok(name));
        }
        let error = "p9".parse::<MetricName>().expect_err("no such metric");
        assert!(error.contains("`p9` is not a metric") && error.contains('p'), "{error}");
    }
}
