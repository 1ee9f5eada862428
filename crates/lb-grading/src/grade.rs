//! Grades, and the limits behind them, in one place. They are rules of thumb for interactive services; a
//! service with an objective of its own should be judged by that objective (`bench --threshold`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Grade of a latency or an error rate, by fixed limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Grade {
    /// P95 below 50 ms, or error rate below 0.1 %.
    Excellent,
    /// P95 below 100 ms, or error rate below 1 %.
    Good,
    /// P95 below 200 ms, or error rate below 5 %.
    Acceptable,
    /// P95 below 500 ms, or error rate of 5 % or more.
    Poor,
    /// P95 of 500 ms or more.
    Critical,
}

impl Grade {
    /// Returns the grade of a 95th percentile in milliseconds.
    pub fn of_p95(ms: f64) -> Self {
        match ms {
            ms if ms < 50.0 => Self::Excellent,
            ms if ms < 100.0 => Self::Good,
            ms if ms < 200.0 => Self::Acceptable,
            ms if ms < 500.0 => Self::Poor,
            _ => Self::Critical,
        }
    }

    /// Returns the grade of an error rate in percent.
    pub fn of_error_rate(percent: f64) -> Self {
        match percent {
            percent if percent < 0.1 => Self::Excellent,
            percent if percent < 1.0 => Self::Good,
            percent if percent < 5.0 => Self::Acceptable,
            _ => Self::Poor,
        }
    }

    /// Returns the name of the grade in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Excellent => "Excellent",
            Self::Good => "Good",
            Self::Acceptable => "Acceptable",
            Self::Poor => "Poor",
            Self::Critical => "Critical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Grade::{self, Acceptable, Critical, Excellent, Good, Poor};

    #[test]
    fn a_limit_belongs_to_the_worse_grade() {
        let latencies = [
            (0.0, Excellent),
            (49.9, Excellent),
            (50.0, Good),
            (100.0, Acceptable),
            (199.9, Acceptable),
            (200.0, Poor),
            (499.9, Poor),
            (500.0, Critical),
            (9e9, Critical),
        ];
        for (ms, grade) in latencies {
            assert_eq!(Grade::of_p95(ms), grade, "a p95 of {ms} ms");
        }
        let rates = [
            (0.0, Excellent),
            (0.1, Good),
            (1.0, Acceptable),
            (4.99, Acceptable),
            (5.0, Poor),
            (100.0, Poor),
        ];
        for (percent, grade) in rates {
            assert_eq!(Grade::of_error_rate(percent), grade, "an error rate of {percent} %");
        }
    }

    #[test]
    fn files_and_reports_write_grades_alike() {
        for grade in [Excellent, Good, Acceptable, Poor, Critical] {
            assert_eq!(serde_json::json!(grade), grade.name(), "one word for one grade");
        }
    }
}
