//! Which charts a page has.

use super::side::{MOST_ENDPOINTS, Side};
use super::{bars, lines};
use crate::test::Test;
use lb_report::parts::{Arrangement, Chart, Figure, Heat, Panel};

/// Returns all figures that have something to show.
pub(super) fn figures(sides: &[Side<'_>]) -> Vec<Figure> {
    let names = names(sides);
    let all = [
        lines::durations(sides, &names),
        lines::throughput(sides),
        lines::errors(sides, &names),
        bars::times(sides, &names),
        bars::throughput(sides, &names),
        bars::errors(sides, &names),
        bars::boxes(sides, &names),
        heat(sides),
    ];
    all.into_iter().flatten().collect()
}

/// Returns methods and names of the busiest endpoints of all sides, in the order of the first.
fn names<'a>(sides: &[Side<'a>]) -> Vec<(&'a str, &'a str)> {
    let mut found: Vec<((&str, &str), u64)> = Vec::new();
    for endpoint in sides.iter().flat_map(|side| &side.test.endpoints) {
        let name = (endpoint.method.as_str(), endpoint.name.as_str());
        let requests = endpoint.stats.total_requests.unwrap_or(0);
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, most)) => *most = requests.max(*most),
            None => found.push((name, requests)),
        }
    }
    let mut busiest: Vec<u64> = found.iter().map(|(_, requests)| *requests).collect();
    busiest.sort_unstable_by(|a, b| b.cmp(a));
    let least = busiest.get(MOST_ENDPOINTS - 1).copied().unwrap_or(0);
    found.retain(|(_, requests)| *requests >= least);
    found.truncate(MOST_ENDPOINTS);
    found.into_iter().map(|(name, _)| name).collect()
}

/// Draws the mean latency by endpoint and method, one panel for each test.
fn heat(sides: &[Side<'_>]) -> Option<Figure> {
    let panels: Vec<Panel> = sides
        .iter()
        .filter_map(|side| {
            let alt = format!("Heat map: mean response time of each endpoint and method, {}.", side.label);
            Some(Panel::new(alt, Chart::Heat(cells(side.test)?)).titled(side.label))
        })
        .collect();
    (!panels.is_empty()).then(|| Figure {
        id: "heat",
        title: "Mean response time by endpoint and method (ms)".to_owned(),
        caption: "A dash means that there were none. The stronger the colour, the slower; the scale is logarithmic \
                  and each panel has its own."
            .to_owned(),
        legend: Vec::new(),
        arrangement: Arrangement::Grid,
        panels,
    })
}

/// Returns the cells of a heat map; `None` if no endpoint has a method and a mean.
fn cells(test: &Test) -> Option<Heat> {
    let drawn = || {
        let known = test.endpoints.iter().filter(|endpoint| !endpoint.method.is_empty());
        known.filter(|endpoint| endpoint.stats.avg_response_time.is_some())
    };
    let mut columns: Vec<String> = drawn().map(|endpoint| endpoint.method.clone()).collect();
    columns.sort();
    columns.dedup();
    let mut names: Vec<&str> = drawn().map(|endpoint| endpoint.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(2 * MOST_ENDPOINTS);
    let mean = |name: &str, method: &str| {
        drawn().find(|endpoint| endpoint.name == name && endpoint.method == method)?.stats.avg_response_time
    };
    let row = |name: &str| (name.to_owned(), columns.iter().map(|method| mean(name, method)).collect());
    let rows: Vec<_> = names.into_iter().map(row).collect();
    (!rows.is_empty()).then(|| Heat {
        corner: "Endpoint".to_owned(),
        columns: columns.clone(),
        rows,
        unit: "ms",
    })
}
