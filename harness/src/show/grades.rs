//! Grades of a run's results, by the fixed limits of `bench analyze`.

use lb_core::plain;
use lb_grading::Grade;
use lb_results::Summary;
use std::fmt::Write;

const HEADING: &str = "Grades, by fixed limits\n  \
     P95: Excellent < 50 ms, Good < 100, Acceptable < 200, Poor < 500, or Critical\n  \
     errors: Excellent < 0.1 %, Good < 1, Acceptable < 5, or Poor\n";

/// Renders the grades of each algorithm with valid trials: of its 95th percentile and of its error rate. Empty without
/// any.
pub fn render_grades(summary: &Summary) -> String {
    let mut out = String::new();
    for scenario in &summary.scenarios {
        for algorithm in scenario.algorithms.iter().filter(|algorithm| algorithm.trials > 0) {
            let latency = algorithm.latency_ms.as_ref().map_or_else(
                || "P95 unknown, since no request succeeded".to_owned(),
                |latency| format!("P95 {:.1} ms {}", latency.p95, Grade::of_p95(latency.p95).name()),
            );
            let errors = 100.0 * algorithm.error_rate;
            let _ = writeln!(
                out,
                "  {}, {}: {latency}; errors {errors:.2} % {}",
                plain::line(&scenario.name),
                plain::line(&algorithm.name),
                Grade::of_error_rate(errors).name()
            );
        }
    }
    if out.is_empty() { String::new() } else { format!("\n{HEADING}{out}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::{AlgorithmSummary, Engine, Latency, ScenarioSummary};

    #[test]
    fn each_algorithm_is_graded_by_latency_and_errors() {
        let of = |name: &str, p95: Option<f64>, error_rate| AlgorithmSummary {
            name: name.to_owned(),
            latency_ms: p95.map(|p95| Latency {
                mean: p95,
                min: p95,
                p50: p95,
                p90: p95,
                p95,
                p99: p95,
                p999: p95,
                max: p95,
            }),
            error_rate,
            trials: 1,
            ..AlgorithmSummary::default()
        };
        let mut summary = Summary::empty("run", Engine::Sim);
        summary.scenarios.push(ScenarioSummary {
            name: "light".to_owned(),
            algorithms: vec![
                of("p2c", Some(41.25), 0.0004),
                of("random", Some(230.0), 0.02),
                of("rl", None, 1.0),
            ],
            ..ScenarioSummary::default()
        });
        summary.scenarios[0].algorithms.push(AlgorithmSummary::default());
        let text = render_grades(&summary);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(
            text.trim().lines().count(),
            6,
            "a heading of three lines, and those with valid trials: {text}"
        );
        for line in [
            "light, p2c: P95 41.2 ms Excellent; errors 0.04 % Excellent",
            "light, random: P95 230.0 ms Poor; errors 2.00 % Acceptable",
            "light, rl: P95 unknown, since no request succeeded; errors 100.00 % Poor",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert_eq!(render_grades(&Summary::empty("run", Engine::Sim)), "");
    }
}
