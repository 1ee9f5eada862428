//! A change of a metric from one run to another, in words.

use lb_results::Metric;

/// Says by how much a metric changed, with the ends of the interval: `5.2 % more (3.9 to 6.5), worse,`.
///
/// An interval that holds zero keeps the signs of its ends.
pub fn change_in_words(metric: Metric, effect: f64, interval: Option<[f64; 2]>) -> String {
    let unit = match metric {
        Metric::ErrorRate => " percentage points",
        Metric::JainIndex => "",
        _ => " %",
    };
    let size = |value: f64| match metric {
        Metric::JainIndex => format!("{value:.3}"),
        _ => format!("{:.1}", value * 100.0),
    };
    let direction = if effect < 0.0 { "less" } else { "more" };
    let ends = interval.map_or_else(String::new, |[low, high]| {
        let is_one_way = low * high > 0.0;
        let mut ends = if is_one_way { [low.abs(), high.abs()] } else { [low, high] };
        ends.sort_by(f64::total_cmp);
        format!(" ({} to {})", size(ends[0]), size(ends[1]))
    });
    let judged = match metric.has_direction() {
        true if (effect > 0.0) == metric.higher_is_better() => ", better,",
        true => ", worse,",
        false => ",",
    };
    format!("{}{unit} {direction}{ends}{judged}", size(effect.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_its_size_direction_interval_and_judgement() {
        for (metric, effect, interval, words) in [
            (Metric::P99, 0.052, Some([0.039, 0.065]), "5.2 % more (3.9 to 6.5), worse,"),
            (Metric::Goodput, -0.1, Some([-0.12, -0.08]), "10.0 % less (8.0 to 12.0), worse,"),
            (Metric::ErrorRate, -0.02, None, "2.0 percentage points less, better,"),
            (Metric::JainIndex, -0.191, Some([-0.2, -0.18]), "0.191 less (0.180 to 0.200),"),
            (Metric::P95, 0.01, Some([-0.01, 0.03]), "1.0 % more (-1.0 to 3.0), worse,"),
        ] {
            assert_eq!(change_in_words(metric, effect, interval), words);
        }
    }
}
