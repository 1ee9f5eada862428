//! The figures of the HTML report. [`kit`] draws them.

mod answer;
mod distribution;
mod heat;
pub(super) mod kit;
mod marks;
mod order;
mod palette;
mod percentiles;
mod resources;
mod series;
mod shares;
mod weights;

pub(super) use answer::answer;

use kit::Figure;
use lb_results::ScenarioSummary;
use palette::Palette;

/// Returns all figures of a scenario that have something to show.
pub(super) fn figures(scenario: &ScenarioSummary) -> Vec<Figure> {
    let palette = Palette::of(scenario);
    [
        percentiles::percentiles(scenario, &palette),
        series::series(scenario, &palette),
        resources::resources(scenario, &palette),
        shares::shares(scenario),
        weights::weights(scenario),
        heat::heat(scenario),
        distribution::cumulative(scenario, &palette),
        distribution::percentile_curve(scenario, &palette),
        order::order(scenario, &palette),
    ]
    .into_iter()
    .flatten()
    .collect()
}
