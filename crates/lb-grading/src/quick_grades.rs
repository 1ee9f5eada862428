//! Grades for a quick look at a test.

use crate::stats::Stats;
use crate::units;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Grades of a test by its mean, its error rate and its volume, whose limits are wider than those of `Grade`; null
/// where the source does not report the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuickGrades {
    /// Grade of the mean latency.
    pub mean_response: Option<MeanGrade>,
    /// Grade of the error rate.
    pub error_rate: Option<ReliabilityGrade>,
    /// How many requests there were.
    pub volume: Option<Volume>,
}

/// Grade of a mean latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MeanGrade {
    /// Below 50 ms.
    #[serde(rename = "EXCELLENT")]
    Excellent,
    /// Below 100 ms.
    #[serde(rename = "GOOD")]
    Good,
    /// 100 ms or more.
    #[serde(rename = "NEEDS IMPROVEMENT")]
    NeedsImprovement,
}

/// Grade of an error rate, for a quick look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ReliabilityGrade {
    /// Below 5 %.
    Excellent,
    /// Below 10 %.
    Acceptable,
    /// 10 % or more.
    Poor,
}

/// The number of requests of a test: few requests support few conclusions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Volume {
    /// More than 10,000 requests.
    High,
    /// More than 5,000 requests.
    Moderate,
    /// 5,000 requests or fewer.
    Low,
}

impl QuickGrades {
    /// Grades totals.
    pub fn of(stats: &Stats) -> Self {
        Self {
            mean_response: stats.avg_response_time.map(|ms| match ms {
                ms if ms < 50.0 => MeanGrade::Excellent,
                ms if ms < 100.0 => MeanGrade::Good,
                _ => MeanGrade::NeedsImprovement,
            }),
            error_rate: stats.error_rate.map(|percent| match percent {
                percent if percent < 5.0 => ReliabilityGrade::Excellent,
                percent if percent < 10.0 => ReliabilityGrade::Acceptable,
                _ => ReliabilityGrade::Poor,
            }),
            volume: stats.total_requests.map(|requests| match requests {
                10_001.. => Volume::High,
                5_001.. => Volume::Moderate,
                _ => Volume::Low,
            }),
        }
    }

    /// Returns the grades with their values, such as `mean 36.3 ms EXCELLENT, errors 1.00 % EXCELLENT, volume 1000
    /// LOW`; empty if nothing is graded.
    pub(crate) fn words(&self, stats: &Stats) -> String {
        let mean = self.mean_response.zip(stats.avg_response_time).map(|(grade, ms)| {
            let grade = match grade {
                MeanGrade::Excellent => "EXCELLENT",
                MeanGrade::Good => "GOOD",
                MeanGrade::NeedsImprovement => "NEEDS IMPROVEMENT",
            };
            format!("mean {} ms {grade}", units::ms(ms))
        });
        let errors = self.error_rate.zip(stats.error_rate).map(|(grade, percent)| {
            let grade = match grade {
                ReliabilityGrade::Excellent => "EXCELLENT",
                ReliabilityGrade::Acceptable => "ACCEPTABLE",
                ReliabilityGrade::Poor => "POOR",
            };
            format!("errors {percent:.2} % {grade}")
        });
        let volume = self.volume.zip(stats.total_requests).map(|(volume, requests)| {
            let volume = match volume {
                Volume::High => "HIGH",
                Volume::Moderate => "MODERATE",
                Volume::Low => "LOW",
            };
            format!("volume {requests} {volume}")
        });
        [mean, errors, volume].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_grades_have_limits_of_their_own() {
        let words = |requests, mean, rate| {
            let stats = Stats {
                total_requests: Some(requests),
                avg_response_time: mean,
                error_rate: Some(rate),
                ..Stats::default()
            };
            QuickGrades::of(&stats).words(&stats)
        };
        let table = [
            (10_001, Some(49.9), 4.9, "mean 49.9 ms EXCELLENT, errors 4.90 % EXCELLENT, volume 10001 HIGH"),
            (10_000, Some(50.0), 5.0, "mean 50.0 ms GOOD, errors 5.00 % ACCEPTABLE, volume 10000 MODERATE"),
            (5_001, Some(99.9), 9.9, "mean 99.9 ms GOOD, errors 9.90 % ACCEPTABLE, volume 5001 MODERATE"),
            (
                5_000,
                Some(100.0),
                10.0,
                "mean 100.0 ms NEEDS IMPROVEMENT, errors 10.00 % POOR, volume 5000 LOW",
            ),
            (1, None, 100.0, "errors 100.00 % POOR, volume 1 LOW"),
        ];
        for (requests, mean, rate, expected) in table {
            assert_eq!(words(requests, mean, rate), expected);
        }
    }
}
